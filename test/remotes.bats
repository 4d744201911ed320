#!/usr/bin/env bats
# Several remotes side by side, each with its own fate: S3, sftp and webdav (real
# servers of this test), a folder; nothing partial under a final name at any moment.
# And storage that allows little: keys that may not delete, list or read, object
# lock; and what RCLONE_S3_* asks for arrives.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load faults

setup_file() { source_db 0; }
teardown_file() { drop_source_db; }
setup() {
	rig_setup
	fresh_bucket
	s3_env
}

# serve NAME sftp|webdav: a server for $T/NAME, as the rclone remote NAME; also sets NAME_pid
serve() {
	local name=$1 kind=$2 upper=${1^^} port options=()
	[[ $kind == sftp ]] && options=(--key "$T/$name.key")
	mkdir -p "$T/$name"
	[[ $kind == webdav ]] || ssh-keygen -q -t ed25519 -N '' -f "$T/$name.key" 2>/dev/null ||
		openssl genpkey -quiet -algorithm ed25519 -out "$T/$name.key" 2>/dev/null || options=()
	for port in $(shuf -i 20000-31999 -n 5); do
		setpriv --pdeathsig TERM env -i PATH="$PATH" HOME="$T" RCLONE_CONFIG=/dev/null rclone serve "$kind" "$T/$name" \
			--addr "127.0.0.1:$port" --user u --pass p "${options[@]}" >"$T/$name.log" 2>&1 3>&- 4>&- &
		rig_pids+=($!)
		eval "${name}_pid=$!"
		wait_until -t 60 eval "kill -0 $! 2>/dev/null && (exec 2>/dev/null; : </dev/tcp/127.0.0.1/$port)" && break
	done
	export "RCLONE_CONFIG_${upper}_TYPE=$kind" "RCLONE_CONFIG_${upper}_USER=u" "RCLONE_CONFIG_${upper}_PASS=$(rclone obscure p)"
	case $kind in
	sftp) export "RCLONE_CONFIG_${upper}_HOST=127.0.0.1" "RCLONE_CONFIG_${upper}_PORT=$port" ;;
	webdav) export "RCLONE_CONFIG_${upper}_URL=http://127.0.0.1:$port" "RCLONE_CONFIG_${upper}_VENDOR=owncloud" ;;
	esac
}
folder() {
	mkdir -p "$T/folder"
	export RCLONE_CONFIG_FOLDER_TYPE=alias RCLONE_CONFIG_FOLDER_REMOTE=$T/folder
}
remotes() {
	local_dir
	folder
	serve net sftp
	serve web webdav
	export DB_BACKUP_REMOTE=net:in/here,web:,folder:deep
}

# nothing under a final name
none_final() { published_local 0 "$T/net" && published_local 0 "$T/web" && published_local 0 "$T/folder"; }

all_remotes() {
	export DB_BACKUP_MAX_N=1
	orders pg_dump '--format=custom 1' 'emit 3000000' 'touch there' 'wait go'
	start_backup backup-db
	wait_until -t 60 test -e "$fakes/there"
	wait_until -t 60 eval '(($(find "$T/net" "$T/web" "$T/folder" -name ".*.partial" | wc -l) == 3))'
	none_final
	[[ -z $(s3_ls) ]]
	touch "$fakes/go"
	wait_backup
	assert_status 0
	says "to local, cloud, net, web, folder: 3.0 MB"
	no_children_left
	name=$(cat "$run/stdout")
	for f in "$DB_BACKUP_DIR/$name" "$T/net/in/here/$name" "$T/web/$name" "$T/folder/deep/$name" <(s3_cat "$name"); do
		is_stream "$f" 3000000
	done
	no_partials "$T/net"
	no_partials "$T/web"
	no_partials "$T/folder"
	# pruned at each
	run_backup backup-db
	assert_status 0
	for dir in "$DB_BACKUP_DIR" "$T/net" "$T/web" "$T/folder"; do published_local 1 "$dir"; done
	published_s3 1
	for name in local cloud net web folder; do says "pruned 1 old backup at $name"; done
	run_backup verify-backup
	assert_status 0
	(($(grep -c ^good "$run/stdout") == 5))
	run_backup list-backups
	says_not "failed"
	grep -q 'local, cloud, net, web, folder' "$run/stdout"
	rm -rf "${DB_BACKUP_DIR:?}"/* "${T:?}/net"/* "${T:?}/web"/* "${T:?}/folder"/* "${fakes:?}"/{pg_dump.*,there,go} "${fakes:?}"/.pg_dump.*
	s3_rm $(s3_ls)
}
@test "disk, S3, sftp, webdav and a folder: hidden, then moved; each verified and pruned" {
	with_fakes
	remotes
	all_remotes
}
@test "the same with the newer rclone" {
	rclone_is new
	with_fakes
	remotes
	all_remotes
}

one_down() {
	kill "$net_pid"
	wait "$net_pid" || true
	run_backup backup-db
	went_wrong 1 "to net: "
	says "to local, cloud, web, folder: "
	published_local 1
	published_s3 1
	published_local 1 "$T/web"
	published_local 1 "$T/folder"
	published_local 0 "$T/net"
	python3 - "$T/status.json" <<-'PY'
		import json, sys
		items = {i["destination"]: i for i in json.load(open(sys.argv[1]))["items"]} if "items" in json.load(open(sys.argv[1])) else None
		text = open(sys.argv[1]).read()
		assert "net" in text and "web" in text, text
	PY
	# it comes back: only what it lacks is made up, and its size is checked there
	serve net sftp
}
@test "one of the remotes is down: the others have it, the run fails, the next one serves all" {
	remotes
	one_down
	run_backup backup-db
	assert_status 0
	published_local 1 "$T/net"
}

@test "a remote that rclone cannot stream to gets nothing that was spooled in the clear" {
	serve web webdav
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	export RCLONE_CONFIG_WEB_VENDOR=other DB_BACKUP_REMOTE=web: DB_BACKUP_PASSPHRASE=passphrase
	run_backup backup-db
	went_wrong 1 "would collect the backup in TMPDIR first, in the clear"
	run_backup backup-db --dry-run
	assert_status 1
	grep -q '^  PROBLEM  web: .*would collect the backup in TMPDIR first, in the clear' "$run/stdout"
	DB_BACKUP_DIR=$T/later run_backup backup-db --dry-run
	assert_status 0
	grep -q '^  note     web: is not tried: what is encrypted goes there from DB_BACKUP_DIR' "$run/stdout"
	published_local 0 "$T/web"
	local_dir
	run_backup backup-db --dry-run
	assert_status 0
	grep -q '^  note     web: rclone cannot stream to it' "$run/stdout"
	run_backup backup-db
	assert_status 0
	published_local 1 "$T/web"
	run ! grep -aq PGDMP "$local_backup"
	unset DB_BACKUP_DIR
	DB_BACKUP_PASSPHRASE='' run_backup backup-db
	assert_status 0
	published_local 2 "$T/web"
	[[ -z $(ls -A "$T/tmp") ]]
}

@test "a remote that comes back is retried from the local file, without another dump" {
	with_fakes
	local_dir
	folder
	serve web webdav
	start_proxy front "${RCLONE_CONFIG_WEB_URL#http://}"
	export RCLONE_CONFIG_WEB_URL=http://127.0.0.1:$proxy_port DB_BACKUP_REMOTE=web:,folder: DB_BACKUP_RETRIES=1
	proxy front refuse
	start_backup backup-db
	wait_until -t 60 grep -q "trying again in 10" "$run/stderr"
	proxy front pass
	wait_backup
	assert_status 0
	published_local 1 "$T/web"
	published_local 1 "$T/folder"
	(($(grep -c -e --format "$fakes/pg_dump.calls") == 1))
}

leftovers() {
	rm -f "$fakes"/there "${fakes:?}"/.pg_dump.* "$fakes"/pg_dump.*
	mkdir -p "$T/net/in/here" "$T/folder/deep"
	# other people's, and other databases', hidden files
	touch "$T/folder/deep/.other-20260101T000000Z.pg-dump.partial" "$T/folder/deep/.notes.partial" \
		"$T/folder/deep/.$DB_NAME-20260101T000000Z.pg-dump" "$T/folder/deep/.x$DB_NAME-20260101T000000Z.pg-dump.partial"
	orders pg_dump '--format=custom 1' 'emit 3000000' 'touch there' 'hang'
	start_backup backup-db
	wait_until -t 60 test -e "$fakes/there"
	wait_until -t 60 eval '(($(find "$T/net" "$T/web" "$T/folder" -name ".$DB_NAME-*.partial*" -size +100k | wc -l) == 3))'
	kill -KILL "$backup_pid"
	wait_backup
	[[ $how == "killed 9" ]]
	(($(find "$T/net" "$T/web" "$T/folder" -name ".$DB_NAME-*.partial*" | wc -l) >= 1))
	none_final_but_foreign
	run_backup backup-db
	assert_status 0
	says "unfinished file of \"$DB_NAME\" from folder"
	published_local 1 "$T/net"
	published_local 1 "$T/web"
	published_local 1 "$T/folder"
	[[ $(find "$T/net" "$T/web" "$T/folder" -name '.*' -type f -printf '%f\n' | sort) == "$(printf '%s\n' \
		".$DB_NAME-20260101T000000Z.pg-dump" .notes.partial .other-20260101T000000Z.pg-dump.partial \
		".x$DB_NAME-20260101T000000Z.pg-dump.partial" | sort)" ]]
	rm -rf "$T/net/in" "${T:?}/web"/* "$T/folder/deep"
}
none_final_but_foreign() { published_local 0 "$T/net" && published_local 0 "$T/web" && published_local 0 "$T/folder"; }
@test "kill -9 leaves nothing under a final name, and the next run sweeps its own hidden files, only those" {
	with_fakes
	remotes
	unset DB_BACKUP_DIR S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	leftovers
	export DB_BACKUP_PASSPHRASE=encrypted-too
	leftovers
}

# -- frugal storage

no_delete() {
	limited_s3_key no-delete
	export DB_BACKUP_MAX_N=1
	run_backup backup-db
	assert_status 0
	run_backup backup-db
	assert_status 0
	says "warning: cannot delete all that should go at cloud"
	says "AccessDenied"
	published_s3 "$1"
	s3_env
}
@test "a key that may not delete: the backup counts, pruning is a warning" {
	no_delete 2
	use_rclone new
	no_delete 4
}

no_list() {
	limited_s3_key no-list
	run_backup backup-db
	assert_status 0
	says "warning: cannot list cloud, so nothing is pruned there"
	printed 1
	s3_env
	published_s3 "$1"
}
@test "a key that may not list: the size of the one object is enough" {
	no_list 1
	use_rclone new
	no_list 2
}

write_only() {
	limited_s3_key write-only
	# its own objects a user may read by their ACL, unless that is denied
	s3_env
	s3 policy <<-JSON
		{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam:::user/limited"]}, "Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::$RIG_BUCKET/*"]},
		{"Effect": "Deny", "Principal": {"AWS": ["arn:aws:iam:::user/limited"]}, "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::$RIG_BUCKET/*"]}]}
	JSON
	export S3_ACCESS_KEY=$RIG_S3_LIMITED_ACCESS_KEY S3_SECRET_KEY=$RIG_S3_LIMITED_SECRET_KEY
	run_backup backup-db
	assert_status 1
	errors 1
	says "hint: "
	printed 0
	says "s3:GetObject"
	s3_env
}
@test "a key that may only write: an error with its hint, for nothing proves that it arrived" {
	write_only
	use_rclone new
	write_only
}

object_lock() {
	run_backup backup-db
	assert_status 0
	published_s3 1
	s3_versions=$(s3 raw GET "/$RIG_BUCKET" versions=)
	run_backup backup-db
	assert_status 0
	published_s3 1
	run_backup verify-backup
	assert_status 0
}
@test "a bucket with object lock: pruning hides, the versions stay" {
	export RIG_BUCKET=lock-$BASHPID-$RANDOM DB_BACKUP_MAX_N=1
	export S3_BACKUP_BUCKET=$RIG_BUCKET
	s3 mb-lock 2>/dev/null || skip "THE GATEWAY HAS NO OBJECT LOCK"
	object_lock
	(($(s3 raw GET "/$RIG_BUCKET" versions= | grep -o '<Version>' | wc -l) == 2))
	(($(s3 raw GET "/$RIG_BUCKET" versions= | grep -o '<DeleteMarker>' | wc -l) == 1))
}

arrives() {
	s3_through_proxy
	proxy s3 record
	export RCLONE_S3_STORAGE_CLASS=STANDARD_IA RCLONE_S3_SERVER_SIDE_ENCRYPTION=AES256
	run_backup backup-db
	for header in 'x-amz-storage-class: standard_ia' 'x-amz-server-side-encryption: aes256'; do
		tr -d '\r' <"$T/s3/sent" | grep -aiq "^$header\$" || fail "not sent: $header"
	done
	unset RCLONE_S3_STORAGE_CLASS RCLONE_S3_SERVER_SIDE_ENCRYPTION
	proxy s3 record
	run_backup backup-db
	assert_status 0
	run ! grep -aiqE '^x-amz-(storage-class|server-side)' "$T/s3/sent"
}
@test "storage class and server-side encryption arrive" {
	arrives
	use_rclone new
	arrives
}

@test "a remote that is called as our own destinations are is named in full" {
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	export RCLONE_CONFIG_CLOUD_TYPE=alias RCLONE_CONFIG_CLOUD_REMOTE=$T/cloud DB_BACKUP_REMOTE=cloud:x
	run_backup backup-db
	assert_status 0
	says ' to cloud:x: '
	run_backup list-backups --from remote
	assert_status 0
	run_backup verify-backup --from cloud:x
	assert_status 0
	says 'is good'
}
