#!/usr/bin/env bats
# DB_BACKUP_PASSPHRASE: whatever goes wrong, nothing is stored in the clear, at no
# destination, at no time; and what is encrypted is listed, pruned, verified and
# restored beside what is not.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load faults

setup_file() { source_db 0; }
teardown_file() { drop_source_db; }
setup() {
	rig_setup
	local_dir
	fresh_bucket
	s3_env
	mkdir -p "$T/folder"
	export RCLONE_CONFIG_FOLDER_TYPE=alias RCLONE_CONFIG_FOLDER_REMOTE=$T/folder DB_BACKUP_REMOTE=folder:deep
	export DB_BACKUP_PASSPHRASE=$phrase
}
phrase='päss "word"'\'' $x\ %, -'

# what a dump, a table of contents and the globals have in the clear; a dump is not compressed here
clear='PGDMP|CREATE ROLE|bulk|seen at once'
export DB_BACKUP_COMPRESS=0

# nothing_clear [FILE...]: at no destination, in no hidden file, and in none of FILEs
nothing_clear() {
	local key
	! grep -rlaE "$clear" "$DB_BACKUP_DIR" "$T/folder" "$@" >&2 || fail "which is in the clear" || return
	for key in $(s3_ls); do
		! s3_cat "$key" | grep -qaE "$clear" || fail "$key is in the clear" || return
	done
}

nothing_stored() {
	printed 0 && nothing_clear || return
	[[ -z $(find "$DB_BACKUP_DIR" "$T/folder" -type f) && -z $(s3_ls) && -z $(s3_uploads) ]] ||
		fail "something is stored: $(find "$DB_BACKUP_DIR" "$T/folder" -type f) $(s3_ls) $(s3_uploads)"
}

# at each of the three destinations: N backups
everywhere() {
	published_local "$1" && published_s3 "$1" && published_local "$1" "$T/folder"
}

@test "control: without a passphrase the tests below see the clear" {
	s3_through_proxy
	proxy s3 record
	DB_BACKUP_PASSPHRASE='' DB_BACKUP_GLOBALS=yes run_backup backup-db
	assert_status 0
	everywhere 2
	run ! nothing_clear
	rm -r "${DB_BACKUP_DIR:?}"/* "${T:?}/folder"/*
	run ! nothing_clear
	s3_rm $(s3_ls)
	nothing_clear
	run ! nothing_clear "$T/s3/sent"
}

encrypted_everywhere() {
	s3_through_proxy
	proxy s3 record
	DB_BACKUP_GLOBALS=yes run_backup backup-db
	assert_status 0
	everywhere 2
	nothing_clear "$T/s3/sent"
	run ! grep -v '\.bin$' "$run/stdout"
	s3_env
	rm -r "${DB_BACKUP_DIR:?}"/* "${T:?}/folder"/*
	s3_rm $(s3_ls)
}
@test "databases and globals, at every destination and on the wire" {
	encrypted_everywhere
	use_rclone new
	encrypted_everywhere
}

@test "encrypted once: the upload takes the local file" {
	with_fakes
	run_backup backup-db
	assert_status 0
	everywhere 1
	cmp "$local_backup" <(s3_cat "$s3_backup")
	cmp "$DB_BACKUP_DIR/${local_backup##*/}" "$local_backup"
	(($(grep -c ^rcat "$fakes/rclone.calls") == 3))
	(($(grep -c '^rcat .*:crypt:' "$fakes/rclone.calls") == 1))
	(($(grep -c '^obscure' "$fakes/rclone.calls") == 1))
}

@test "a rclone obscure that fails, dies, or makes nothing, too little or too much of it" {
	local order
	for order in 'exit 1' 'kill KILL' 'exit 0' 'say x' \
		'say MyGVQvAM6ZL0AlsuvRZ2cDcBOqqn7PcjLBoVd5eFLbPMBSZ2Pgt4G+==' 'say MyGVQvAM6ZL0AlsuvRZ2cDcBOqqn7PcjLBoVd5eFLbPMBSZ2PgtMyGVQvAM6ZL0Al' \
		'say error: something went wrong with your passphrase, sorry'; do
		rm -rf "$T/fakes"
		unset fakes
		orders rclone obscure "$order"
		run_backup backup-db
		went_wrong 1 "cannot encrypt" || fail "$order" || return
		nothing_stored
		run ! grep -e --format "$fakes/pg_dump.calls"
	done
	PATH=$T/none:${PATH//$fakes:/} run_backup backup-db
}

@test "a passphrase that got lost is a mistake, not no encryption" {
	local file=$T/phrase
	unset DB_BACKUP_PASSPHRASE
	export DB_BACKUP_PASSPHRASE_FILE=$file
	run_backup backup-db
	assert_status 2
	says "DB_BACKUP_PASSPHRASE_FILE: cannot read $file"
	nothing_stored
	for text in '' '\n'; do
		printf "$text" >"$file"
		run_backup backup-db
		assert_status 2
		says "DB_BACKUP_PASSPHRASE_FILE: $file is empty"
		nothing_stored
	done
	# of these rclone would take a part, or nothing
	for text in 'two\nlines' '\nbehind' 'a line of DOS\r\n' "$(printf '%05000d' 1)"; do
		printf "$text" >"$file"
		run_backup backup-db
		assert_status 2
		says "DB_BACKUP_PASSPHRASE: its value is not valid; it takes one line"
		nothing_stored
	done
	printf 'x\n' >"$file"
	run_backup backup-db
	assert_status 0
	nothing_clear
	everywhere 1
}

no_way_around() {
	export RCLONE_CRYPT_NO_DATA_ENCRYPTION=true RCLONE_CRYPT_REMOTE=$T/elsewhere RCLONE_CRYPT_PASSWORD=x \
		RCLONE_CRYPT_FILENAME_ENCRYPTION=standard RCLONE_CRYPT_SUFFIX=none RCLONE_CRYPT_DIRECTORY_NAME_ENCRYPTION=true
	run_backup backup-db
	assert_status 0
	everywhere 1
	nothing_clear
	[[ ! -e $T/elsewhere ]]
	run_backup verify-backup
	assert_status 0
	rm -r "${DB_BACKUP_DIR:?}"/* "${T:?}/folder"/*
	s3_rm $(s3_ls)
}
@test "no setting of rclone's crypt turns it off or moves it" {
	no_way_around
	use_rclone new
	no_way_around
}

# while a dump of 3 MB is under way, and then in its middle
midway() {
	orders pg_dump '*' 'emit 3000000' 'touch there' 'wait go' "$@"
	s3_through_proxy
	proxy s3 record
	start_backup backup-db
	wait_until test -e "$fakes/there"
}

@test "what is under way is encrypted already" {
	midway
	wait_until eval 'find "$DB_BACKUP_DIR" -name ".*.partial.bin" -size +1000k | grep -q .'
	nothing_clear "$T/s3/sent"
	touch "$fakes/go"
	wait_backup
	assert_status 0
	nothing_clear "$T/s3/sent"
	everywhere 1
}

@test "under way, without a local directory" {
	unset DB_BACKUP_DIR
	midway
	export DB_BACKUP_DIR=$T/backups
	wait_until eval 'find "$T/folder" -name ".*.partial.bin" -size +1000k | grep -q .'
	nothing_clear "$T/s3/sent"
	touch "$fakes/go"
	wait_backup
	assert_status 0
	nothing_clear "$T/s3/sent"
	published_s3 1
	published_local 1 "$T/folder"
}

@test "pg_dump fails, or the encrypting rclone dies: nothing is left" {
	midway 'exit 1'
	touch "$fakes/go"
	wait_backup
	went_wrong 1 "pg_dump exited with 1"
	nothing_stored
	# nor was it made once more at once for the remotes
	(($(grep -c -- --format=custom "$fakes/pg_dump.calls") == 1))
	local order
	for order in 'kill KILL' 'exit 1' 'exit 0'; do
		rm -f "$fakes"/*.orders
		orders pg_dump '*' 'emit 3000000'
		# whichever is started first, and all of them
		orders rclone rcat 'skip 1000000' "$order"
		DB_BACKUP_DIR='' run_backup backup-db
		assert_status 1
		nothing_stored
		run_backup backup-db
		assert_status 1
		nothing_stored
	done
}

@test "a rclone that stores what it gets, as it is: its size tells" {
	orders rclone ~:crypt: 'run'
	# a crypt that encrypts nothing: the file itself, under the name that crypt would give it
	cat >"$fakes/plain" <<-'SH'
		#!/bin/bash
		name=${2#:crypt:}
		exec cat >"$RCLONE_CRYPT_REMOTE/$name.bin"
	SH
	rm "$fakes/rclone.orders" "$fakes/rclone"
	cat >"$fakes/rclone" <<-SH
		#!/bin/bash
		PATH=\${PATH#$fakes:}
		[[ \$1 != rcat ]] || exec bash $fakes/plain "\$@"
		exec rclone "\$@"
	SH
	chmod +x "$fakes/rclone"
	unset DB_BACKUP_REMOTE S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	run_backup backup-db
	went_wrong 1 "bytes there instead of"
	nothing_stored
}

secret_kept() {
	export RCLONE_LOG_LEVEL=DEBUG
	DB_BACKUP_PASSPHRASE=sup3r-secret run_backup backup-db
	assert_status 0
	local obscured
	obscured=$(cat "$fakes"/rclone.*.env | sed -n 's/^RCLONE_CRYPT_PASSWORD=//p' | sort -u)
	run ! grep -F -e sup3r-secret -e "$obscured" "$run/stderr" "$run/stdout" "$T/status.json" "$fakes"/*.args "$fakes"/*.calls
	run ! grep -F sup3r-secret "$fakes"/*.env
	run ! grep -lF -e "$obscured" "$fakes"/p*.env
	[[ $(RCLONE_LOG_LEVEL=ERROR rclone reveal -- "$obscured") == sup3r-secret ]]
	rm "$fakes"/*.env "$fakes"/*.args "$fakes"/*.calls
}
@test "the passphrase and what obscures it are in no command line and no log" {
	with_fakes
	both_rclones secret_kept
}

@test "list, prune, verify and restore read both kinds" {
	DB_BACKUP_PASSPHRASE='' run_backup backup-db
	assert_status 0
	plain=$(cat "$run/stdout")
	run_backup backup-db
	assert_status 0
	encrypted=$(cat "$run/stdout")
	run_backup list-backups
	assert_status 0
	grep -qE " no +$plain" "$run/stdout"
	grep -qE " yes +$encrypted" "$run/stdout"
	run_backup verify-backup --all
	assert_status 0
	(($(grep -c ^good "$run/stdout") == 6))
	for name in "$plain" "$encrypted"; do
		fresh_db back
		target=$DB_NAME
		run_backup restore-db --to "$target" --from cloud --yes "$name"
		assert_status 0
		"$top/test/fixture/compare-db" "dbname='$(cat "$BATS_FILE_TMPDIR/source")'" "dbname='$target'"
	done
	export DB_NAME
	DB_NAME=$(cat "$BATS_FILE_TMPDIR/source")
	DB_BACKUP_MAX_N=1 run_backup prune-backups
	assert_status 0
	everywhere 1
	[[ $(s3_ls) == "$encrypted" ]]
	# and without the passphrase what is encrypted cannot be read, and is not called broken
	DB_BACKUP_PASSPHRASE='' run_backup verify-backup
	assert_status 1
	says "it is encrypted, and DB_BACKUP_PASSPHRASE is not set"
	says "hint: set DB_BACKUP_PASSPHRASE to what it was when the backup was made"
}

older() {
	rm -rf "${DB_BACKUP_DIR:?}"/* "${T:?}/folder"/*
	DB_BACKUP_PASSPHRASE=old-phrase run_backup backup-db
	assert_status 0
	old=$(cat "$run/stdout")
	run_backup backup-db
	assert_status 0
	run_backup verify-backup --all --from local
	assert_status 1
	[[ $(<"$run/stdout") == "good local $(basename "$(ls "${DB_BACKUP_DIR:?}"/* | tail -n 1)")"$'\n'"unknown local $old" ]]
	says "hint: the passphrase is not the one it was encrypted with"
	for word in corrupt truncated incomplete; do says_not "$word"; done
	run_backup restore-db --to "not_$DB_NAME" --from cloud --yes "$old"
	assert_status 1
	says "hint: the passphrase is not the one it was encrypted with"
	[[ $(sql postgres "select count(*) from pg_database where datname = 'not_$DB_NAME'") == 0 ]]
	DB_BACKUP_PASSPHRASE=old-phrase run_backup verify-backup --from cloud "$old"
	assert_status 0
	s3_rm $(s3_ls)
}
@test "backups under an older passphrase are told from damaged ones" {
	both_rclones older
}

damaged() {
	rm -rf "${DB_BACKUP_DIR:?}"/*
	run_backup backup-db
	assert_status 0
	published_local 1
	(($(stat -c %s "$local_backup") > 1000000))
	printf X | dd of="$local_backup" bs=1 seek=800000 conv=notrunc status=none
	run_backup verify-backup --from local
	assert_status 1
	says "the passphrase is right, and the file is damaged"
	truncate -s 40 "$local_backup"
	run_backup verify-backup --from local
	assert_status 1
	says "its size, 40 bytes, is not one of a complete encrypted file"
}
@test "an encrypted file that is damaged is called so" {
	unset DB_BACKUP_REMOTE S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	fresh_db big
	sql "$DB_NAME" "create table t as select g, repeat(md5(g::text), 10) from generate_series(1, 4000) g"
	both_rclones damaged
}
