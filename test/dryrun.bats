#!/usr/bin/env bats
# backup-db --dry-run: every part of the way is tried, each with its finding; exit 0
# if a run would succeed, else 1; nothing is left behind.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load faults

setup_file() {
	source_db 0
	sql postgres "drop role if exists dry_reader" "create role dry_reader login password 'r3aders'"
}
teardown_file() {
	drop_source_db
	sql postgres "drop role if exists dry_reader"
}
setup() {
	rig_setup
	somewhere
}

# finds FINDING ITEM TEXT: that line
finds() {
	grep -E "^  $1 +" "$run/stdout" | grep -F -e "$2" | grep -qF -e "$3" || fail "no '$1 $2 $3' in: $(cat "$run/stdout")"
}
# problems N: so many, with the status that goes with it, and nothing left anywhere
problems() {
	assert_status $((N = $1 > 0)) || { cat "$run/stdout" >&2; return 1; }
	(($(grep -c '^  PROBLEM ' "$run/stdout") == $1)) || fail "wanted $1 problems: $(cat "$run/stdout")" || return
	grep -q "This was a dry run: nothing is stored, nothing is pruned" "$run/stdout" || return
	no_children_left
}
clean() {
	local_has 0 && s3_has 0 && no_uploads && [[ ! -e $T/status.json && ! -e $T/metrics ]]
}

all_well() {
	DB_BACKUP_GLOBALS=yes run_backup backup-db --dry-run
	problems 0
	finds ok pg_dump 15.
	finds ok rclone 1.
	finds ok "$PGHOST:$PGPORT" "PostgreSQL 15."
	finds ok "\"$DB_NAME\"" "all readable; a backup takes about"
	finds ok globals "with their passwords"
	finds ok local "a small file was stored and read back; it is deleted"
	finds ok cloud "a small file was stored and read back; it is deleted"
	grep -qE "^  store +$DB_NAME-[0-9T]+Z.pg-dump, about " "$run/stdout"
	grep -qE "^  store +globals-[0-9T]+Z.sql" "$run/stdout"
	run ! grep -E '^  prune' "$run/stdout"
	grep -q '^All is well. This' "$run/stdout"
	[[ ! -s $run/stderr ]]
	clean
}
@test "all is well" { both_rclones all_well; }

@test "encrypted, with what would be pruned; no ping, no hook, no file" {
	listener=$T/pinged
	printf '#!/bin/sh\ntouch %s\n' "$T/hooked" >"$T/hook"
	chmod +x "$T/hook"
	DB_BACKUP_PASSPHRASE=passphrase DB_BACKUP_MAX_N=1 DB_BACKUP_HOOK=$T/hook DB_BACKUP_PING_URL=http://127.0.0.1:1/x \
		DB_BACKUP_METRICS_FILE=$T/metrics run_backup backup-db --dry-run
	problems 0
	finds ok cloud "a small file was encrypted, stored and read back; it is deleted"
	finds ok local "a small file was encrypted, stored and read back; it is deleted"
	finds note ping "is not fetched"
	grep -qE "^  prune +$earlier_name at local" "$run/stdout"
	grep -qE "^  prune +$earlier_name at cloud" "$run/stdout"
	grep -qE "^  store +$DB_NAME-[0-9T]+Z.pg-dump.bin" "$run/stdout"
	[[ ! -e $T/hooked ]]
	clean
	# and a run then does that
	DB_BACKUP_PASSPHRASE=passphrase DB_BACKUP_MAX_N=1 run_backup backup-db
	assert_status 0
	says "pruned 1 old backup at local"
	says "pruned 1 old backup at cloud"
}

@test "tools that are missing or old" {
	orders pg_dump --version 'exit 1'
	run_backup backup-db --dry-run
	problems 1
	finds PROBLEM pg_dump "cannot be run"
	rm "$fakes"/pg_dump.orders
	orders pg_dump --version 'say pg_dump (PostgreSQL) 9.6.24'
	orders rclone version 'exit 1'
	run_backup backup-db --dry-run
	finds PROBLEM "$PGHOST:$PGPORT" "pg_dump 9.6.24 cannot dump a newer server"
	finds PROBLEM rclone "exited with 1"
	clean
	rm "$fakes"/*.orders
	orders pg_dump --version 'say pg_dump (PostgreSQL) 15.18'
	DB_BACKUP_COMPRESS=zstd:3 run_backup backup-db --dry-run
	problems 1
	finds PROBLEM pg_dump 'cannot compress with "zstd:3", which needs 16 or newer'
}

@test "no server, no such user, no such database" {
	PGPORT=1 run_backup backup-db --dry-run
	problems 1
	finds PROBLEM "$PGHOST:1" "refused"
	finds ok cloud "stored and read back"
	PGPASSWORD=wrong run_backup backup-db --dry-run
	problems 1
	grep -q "hint: the server refuses the password" "$run/stdout"
	run_backup backup-db --dry-run "$DB_NAME" no_such_db
	problems 1
	finds PROBLEM '"no_such_db"' "the server has no database of this name"
	finds ok "\"$DB_NAME\"" "all readable"
	clean
}

@test "what the user may not read: a table, rows, large objects; pg_dump agrees" {
	fresh_db dry
	source_name=$DB_NAME
	export PGUSER=dry_reader PGPASSWORD=r3aders
	as_super() { PGUSER=postgres PGPASSWORD=$super sql "$DB_NAME" "$@"; }
	super=$(sed -n 's/^PGPASSWORD=//p' "$RIG_DIR/pg/env")
	as_super 'create table secrets (a int)' 'create sequence counter' 'create table fine as select 1 a' 'grant select on fine to dry_reader'
	run_backup backup-db --dry-run
	problems 1
	finds PROBLEM "\"$DB_NAME\"" 'may not read 2 of its tables and sequences: public.counter, public.secrets'
	grep -q "hint: let the user read all" "$run/stdout"
	run_backup backup-db
	assert_status 1
	# left out they are no problem
	DB_BACKUP_EXCLUDE_TABLES=secrets,counter run_backup backup-db --dry-run
	problems 0
	DB_BACKUP_EXCLUDE_TABLES=counter run_backup backup-db --dry-run
	problems 1
	finds PROBLEM "\"$DB_NAME\"" 'permission denied for table secrets'
	as_super 'drop table secrets' 'drop sequence counter' 'alter table fine enable row level security'
	run_backup backup-db --dry-run
	problems 1
	finds PROBLEM "\"$DB_NAME\"" 'is kept by row security from rows of 1 tables, which makes pg_dump fail: public.fine'
	run_backup backup-db
	assert_status 1
	as_super 'alter table fine disable row level security' 'select lo_create(0)'
	run_backup backup-db --dry-run
	problems 1
	finds PROBLEM "\"$DB_NAME\"" 'may not read 1 of its large objects'
	run_backup backup-db
	assert_status 1
	as_super 'select lo_unlink(oid) from pg_largeobject_metadata'
	DB_BACKUP_GLOBALS=yes run_backup backup-db --dry-run
	problems 0
	finds note globals 'without passwords: user "dry_reader" may not read them'
	run_backup backup-db
	assert_status 0
	as_super 'drop owned by dry_reader'
}

@test "DB_BACKUP_VERIFY=restore by a user who may not make a database" {
	fresh_db dry_verify
	export PGUSER=dry_reader PGPASSWORD=r3aders
	DB_BACKUP_VERIFY='read' run_backup backup-db --dry-run
	problems 0
	DB_BACKUP_VERIFY=restore run_backup backup-db --dry-run
	problems 1
	finds PROBLEM verification 'user "dry_reader" may not make the database that each backup is restored into'
	grep -q "hint: .*CREATEDB" "$run/stdout"
	DB_BACKUP_VERIFY=restore run_backup backup-db
	assert_status 1
	PGUSER=postgres PGPASSWORD=$(sed -n 's/^PGPASSWORD=//p' "$RIG_DIR/pg/env") DB_BACKUP_VERIFY=restore run_backup backup-db --dry-run
	problems 0
	finds ok verification "each backup is restored"
}

@test "options and patterns that pg_dump refuses" {
	PGDUMP_OPTIONS=--no-such-option run_backup backup-db --dry-run
	problems 1
	finds PROBLEM "\"$DB_NAME\"" "unrecognized option '--no-such-option'"
	PGDUMP_OPTIONS=--table=no_such_table run_backup backup-db --dry-run
	problems 1
	finds PROBLEM "\"$DB_NAME\"" "no matching tables were found"
	clean
}

@test "the directory: not there yet, not writable, too small" {
	DB_BACKUP_DIR=$T/not/there/yet run_backup backup-db --dry-run
	problems 0
	finds ok local "is not there yet, and would be made"
	[[ ! -e $T/not ]]
	touch "$T/file"
	DB_BACKUP_DIR=$T/file run_backup backup-db --dry-run
	problems 1
	mkdir "$T/small"
	s3_rm "$earlier_name" # its size is what a run is taken to need
	mount -t tmpfs -o size=100k tmpfs "$T/small" || skip "CANNOT MOUNT a small tmpfs"
	rig_mounts+=("$T/small")
	DB_BACKUP_DIR=$T/small run_backup backup-db --dry-run
	problems 1
	finds PROBLEM local "free, but about"
	mount -o remount,ro "$T/small"
	DB_BACKUP_DIR=$T/small/x run_backup backup-db --dry-run
	finds PROBLEM local "cannot make it in $T/small"
}

storage() {
	S3_SECRET_KEY=wrong run_backup backup-db --dry-run
	problems 1
	finds PROBLEM cloud "SignatureDoesNotMatch"
	S3_BACKUP_BUCKET=no-such-bucket run_backup backup-db --dry-run
	problems 1
	finds PROBLEM cloud "NoSuchBucket"
	limited_s3_key read-only
	run_backup backup-db --dry-run
	problems 1
	finds PROBLEM cloud "AccessDenied"
	s3_env
	clean
	limited_s3_key no-delete
	run_backup backup-db --dry-run
	problems 0
	finds note cloud "backup-service-probe cannot be deleted, and stays"
	s3_env
	s3_rm backup-service-probe
	limited_s3_key no-list
	run_backup backup-db --dry-run
	problems 0
	finds note cloud "cannot be listed, so nothing is pruned"
	s3_env
	clean
}
@test "storage that is missing, or does not allow all" { both_rclones storage; }

@test "neither to be listed nor deleted from: each with its own reason" {
	orders rclone 'lsjson 1' 'warn LIST-REFUSED' 'exit 1'
	orders rclone delete 'warn DELETE-REFUSED' 'exit 1'
	run_backup backup-db --dry-run
	problems 0
	finds note cloud "cannot be deleted, and stays"
	grep -q 'cannot be deleted, and stays: .*DELETE-REFUSED' "$run/stdout"
	grep -q 'cannot be listed, .*LIST-REFUSED' "$run/stdout"
	s3_rm backup-service-probe
}

@test "a remote that is not defined, one that is a folder, and an encryption that does not work" {
	mkdir "$T/folder"
	export RCLONE_CONFIG_FOLDER_TYPE=alias RCLONE_CONFIG_FOLDER_REMOTE=$T/folder DB_BACKUP_REMOTE=folder:deep,none:x
	run_backup backup-db --dry-run
	problems 1
	finds PROBLEM none "didn't find section in config file"
	finds ok folder "stored and read back; it is deleted"
	[[ -z $(find "$T/folder" -type f) ]]
	orders rclone obscure 'exit 1'
	DB_BACKUP_PASSPHRASE=passphrase run_backup backup-db --dry-run
	problems 1
	finds PROBLEM encryption "rclone obscure exited with 1"
	clean
}

@test "a run under way is told, and not disturbed" {
	orders pg_dump '--format=custom 1' 'touch there' 'wait go' 'real'
	start_backup backup-db
	wait_until -t 60 test -e "$fakes/there"
	first=$run reaper=$rig_reaper
	run_backup backup-db --dry-run
	problems 0
	finds note "\"$DB_NAME\"" "is being backed up now"
	touch "$fakes/go"
	rig_reaper=$reaper run=$first
	wait_backup
	assert_status 0
	local_has 1
}

@test "a hostile name, and the password in what a tool says" {
	evil=$'new\nline\e[31m'
	fresh_db "$evil"
	export PGPASSWORD=s3cret-w0rd
	orders psql '~qw0' 'warn s3cret-w0rd' 'exit 1'
	orders pg_isready '*' 'exit 3'
	run_backup backup-db --dry-run
	assert_status 1
	says_not s3cret-w0rd
	rm -r "$fakes"
	unset PGPASSWORD fakes
	PGPASSWORD=$(sed -n 's/^PGPASSWORD=//p' "$RIG_DIR/pg/env")
	export PGPASSWORD
	run_backup backup-db --dry-run
	assert_status 0
	run ! grep -P '[\x00-\x09\x0b-\x1f]' "$run/stdout"
	grep -qF 'new\' "$run/stdout"
	grep -qF 'line\x1b[31m' "$run/stdout"
}

@test "stopped" {
	orders psql '*' 'hang'
	start_backup backup-db --dry-run
	wait_until test -e "$fakes/psql.1.pid"
	kill -TERM "$backup_pid"
	wait_backup
	assert_status 143
	no_children_left 2
}

@test "stopped while it uploads: what is stored elsewhere is deleted all the same" {
	orders rclone rcat 'touch there' 'hang'
	start_backup backup-db --dry-run
	wait_until test -e "$fakes/there"
	wait_until test -e "$DB_BACKUP_DIR/backup-service-probe"
	kill -TERM "$backup_pid"
	wait_backup
	assert_status 143
	no_children_left 2
	clean
	[[ -z $(find "$DB_BACKUP_DIR" -name '*backup-service-probe*') ]]
}
