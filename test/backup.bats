#!/usr/bin/env bats
# backup-db on good days: a real PostgreSQL, a real S3 server, both rclones.
# BIG=1: with a database of 1 GB, too.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load faults

setup_file() { source_db 3; }
teardown_file() { drop_source_db; }
setup() {
	rig_setup
	somewhere
}

# database NAME: an empty one with one table, under any name
database() {
	sql postgres "create database \"${1//\"/\"\"}\" template template0"
	rig_dbs+=("$1")
	sql "$1" "create table t as select ${2-1} as a"
}

# both_same N: the N new local and S3 backups are the same, byte by byte
both_same() {
	local i
	for ((i = 1; i <= $1; i++)); do
		[[ ${local_backups[i]##*/} == "${s3_backups[i]##*/}" ]] || fail "${local_backups[i]} and ${s3_backups[i]}"
		s3_cat "${s3_backups[i]}" | cmp - "${local_backups[i]}"
	done
}

dump_and_compare() { # MB
	"$top/test/fixture/make-db" "big_$BASHPID" "$1"
	rig_dbs+=("big_$BASHPID")
	export DB_NAME=big_$BASHPID
	rm "$DB_BACKUP_DIR"/*
	s3_rm "$(s3_ls)"
	time run_backup backup-db
	assert_status 0
	no_children_left
	published_local 1
	published_s3 1
	no_partials
	no_uploads
	s3_cat "$s3_backup" >"$T/from_s3"
	time restores_same "$local_backup"
	restores_same "$T/from_s3"
	((${1} < 500)) || sed 's/^/# /' "$run/stderr" >&3
}

# DONE 2
@test "60 MB of everything goes to disk and cloud, and both restore to the same" {
	use_rclone old
	dump_and_compare 60
}
@test "1 GB of everything (BIG=1)" {
	[[ ${BIG-} ]] || skip "set BIG=1"
	dump_and_compare 1000
}

@test "cloud only and local only, both rclones" {
	local which
	for which in old new; do
		use_rclone "$which"
		DB_BACKUP_DIR='' run_backup backup-db
		assert_status 0
		local_has 0
		s3_has 1
		s3_cat "${s3_backups[1]}" >"$T/got"
		restores_same "$T/got"
		s3_rm "${s3_backups[1]}"
		no_uploads
	done
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	RUN_UNDER="env PATH=$RIG_PG_BIN" run_backup backup-db # rclone is not even needed
	assert_status 0
	local_has 1
	restores_same "$local_backup"
}

# differing FILE: bytes in which it is not what pg_dump itself makes of a file; the time is in two or so
differing() { cmp -l "$T/by_hand" "$1" | wc -l; }
# Of 16 and later it opens standard output for appending: into a file that it was given as such, the
# table of contents, rewritten in the end to say where data begin, comes behind all of it.
appending_pg_dump() {
	with_fakes
	rm "$fakes/pg_dump"
	cat >"$fakes/pg_dump" <<-PY
		#!/usr/bin/python3 -IS
		import fcntl, os, sys
		fcntl.fcntl(1, fcntl.F_SETFL, fcntl.fcntl(1, fcntl.F_GETFL) | os.O_APPEND)
		os.execv("$RIG_PG_BIN/pg_dump", sys.argv)
	PY
	chmod +x "$fakes/pg_dump"
}
@test "a local backup alone is written by pg_dump itself, and says where its data begin" {
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	export DB_BACKUP_COMPRESS=1
	pg_dump -Fc --compress=1 -f "$T/by_hand" "$DB_NAME"
	pg_dump -Fc --compress=1 "$DB_NAME" | cat >"$T/piped"
	(($(differing "$T/piped") > 20)) || fail "a pipe makes no difference, so this shows nothing"
	for version in 15 16; do
		((version < 16)) || appending_pg_dump
		run_backup backup-db
		assert_status 0
		local_has 1
		[[ $(stat -c %s "$local_backup") == "$(stat -c %s "$T/by_hand")" ]] || fail "$(stat -c %s "$local_backup" "$T/by_hand") bytes"
		(($(differing "$local_backup") <= 8)) || fail "$(differing "$local_backup") bytes differ"
		rm "$local_backup"
	done
	"$fakes/pg_dump" -Fc --compress=1 "$DB_NAME" >"$T/appended"
	(($(stat -c %s "$T/appended") > $(stat -c %s "$T/by_hand"))) || fail "to append makes no difference, so this shows nothing"
}

@test "the database does not wait for the network: pg_dump has ended long before the upload" {
	s3_through_proxy
	proxy s3 throttle up 4000000
	orders pg_dump '*' 'emit 12000000'
	WATCH=1 start_backup backup-db
	wait_until eval 'find "$DB_BACKUP_DIR" -type f ! -name ".*" ! -name "$earlier_name" | grep -q .'
	# the local one is published, pg_dump is gone, and the upload is not
	run ! kill -0 "$(cat "$fakes/pg_dump.2.pid")"
	pgrep -P "$backup_pid" -f 'rclone rcat'
	s3_has 0
	wait_backup
	assert_status 0
	s3_has 1
	awk -v d="$(lifetime pg_dump)" -v u="$(lifetime rclone)" 'BEGIN { exit !(u > 2 && d < u / 2) }'
}

@test "cloud only, nothing touches the disk" {
	unset DB_BACKUP_DIR
	orders pg_dump '*' 'emit 3000000' 'touch there' 'wait go'
	start_backup backup-db
	wait_until test -e "$fakes/there"
	[[ -z $(find "$T/tmp" "$T/home" -type f) ]]
	# but our test's own, and valgrind's
	run ! grep -E "^($T|/tmp)/" <(for fd in /proc/"$backup_pid"/fd/*; do readlink "$fd"; done | grep -vE 'stdout|stderr|lock|/valgrind_proc')
	touch "$fakes/go"
	wait_backup
	assert_status 0
	s3_has 1
}

# -- names

@test "odd database names are only names" {
	local names=(--help 'host=evil' 'a b' 'it'\''s "odd"' 'ü☃🐘' 'a/b' .. .hidden 'a\b' '%41' 'a;$(touch x)`x`' postgresql://evil/x
		"$(printf 'x%.0s' {1..63})" $'new\nline' 'globals' 'a,b') n list=
	for n in "${names[@]}"; do
		database "$n" "'content of ' || current_database()"
		list+=,${n//,/\\,}
	done
	DB_NAME=$list run_backup backup-db
	assert_status 0
	printed ${#names[@]}
	local_has ${#names[@]}
	s3_has ${#names[@]}
	no_children_left
	both_same ${#names[@]}
	# each holds its own
	local f i=0
	while IFS= read -r f; do
		n=${names[i]} i=$((i + 1))
		pg_restore -f - -a "$DB_BACKUP_DIR/$f" >"$T/sql"
		n=${n//\\/\\\\} # as COPY has them
		grep -qxF -- "content of ${n//$'\n'/\\n}" "$T/sql" || fail "$f lacks $n: $(cat "$T/sql")"
	done <"$run/stdout"
	(cd "$DB_BACKUP_DIR" && ls -d -- '%2E.-'* '%2Ehidden-'* 'a%20b-'* 'a%2Fb-'* 'ü☃🐘-'* '--help-'* 'host%3Devil-'* 'new%0Aline-'* '%2541-'* 'a%2Cb-'*)
	[[ ! -e $T/x && ! -e x ]]
}

@test "names on the command line take the place of DB_NAME" {
	database one_$BASHPID
	DB_NAME=nowhere run_backup backup-db "one_$BASHPID" "$DB_NAME"
	assert_status 0
	printed 2
	local_has 2
	run_backup backup-db -- --nowhere
	assert_status 1
	says 'cannot back up "--nowhere" to local, cloud: the server has no database of this name'
}

@test "of several databases one fails: the others are backed up" {
	database one_$BASHPID
	database two_$BASHPID
	DB_NAME="one_$BASHPID, nowhere, two_$BASHPID, one_$BASHPID" run_backup backup-db
	assert_status 1
	says 'cannot back up "nowhere"'
	errors 1
	printed 2
	local_has 2
	s3_has 2
	both_same 2
}

@test "prefixes: a name, a folder, both" {
	local p
	for p in daily prod/ prod/eu/daily "a b'ü"; do
		DB_BACKUP_PREFIX=$p run_backup backup-db
		assert_status 0
		printed 1
	done
	(cd "$DB_BACKUP_DIR" && ls daily-"$DB_NAME"-2* prod/"$DB_NAME"-2* prod/eu/daily-"$DB_NAME"-2* "a b'ü-$DB_NAME"-2*)
	published_local 5
	published_s3 5
	s3_ls | grep "^prod/eu/daily-$DB_NAME-2.*Z.pg-dump$"
	diff <(cd "$DB_BACKUP_DIR" && find . -type f | sed 's,^./,,' | LC_ALL=C sort) <(s3_ls | LC_ALL=C sort)
}

@test "a path behind the bucket, and a prefix; a bucket's slash at the end" {
	S3_BACKUP_BUCKET=$RIG_BUCKET/some/path/ DB_BACKUP_PREFIX=x/ run_backup backup-db
	assert_status 0
	s3_ls | grep "^some/path/x/$DB_NAME-2"
}

@test "names hold the time in UTC, whatever TZ is; two within a second differ" {
	orders pg_dump '*' 'emit 1000'
	orders psql '*' $'say 150000\t1000\t15.0'
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	local before i
	before=$(date -u +%Y%m%dT%H%M%SZ)
	for i in 1 2 3; do TZ=Asia/Kathmandu run_backup backup-db; done
	local_has 3
	for i in 1 2 3; do
		[[ ${local_backups[i]} =~ -([0-9]{8}T[0-9]{6}Z)\.pg-dump$ && ! ${BASH_REMATCH[1]} < $before &&
			! ${BASH_REMATCH[1]} > $(date -u +%Y%m%dT%H%M%SZ) ]]
	done
}

# -- what is dumped

# passes WORD...: pg_dump got these words, in this order
passes() {
	run_backup backup-db
	assert_status 0
	local n
	n=$(ls "$fakes"/pg_dump.*.args | sort -V | tail -n 1)
	printf '%s\n' --format=custom --no-password "$@" --file=/proc/self/fd/1 --no-sync | cmp - "$n" || fail "$(cat "$n")"
}

@test "what to dump reaches pg_dump as it is" {
	orders pg_dump --version 'say pg_dump (PostgreSQL) 15.0 (Debian)'
	orders pg_dump '*' 'emit 1000'
	orders psql '*' $'say 150000\t1000\t15.0'
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	passes --compress=1
	DB_BACKUP_COMPRESS=0 passes --compress=0
	# before 16 pg_dump knew levels of gzip and nothing else
	DB_BACKUP_COMPRESS=gzip:9 passes --compress=9
	DB_BACKUP_COMPRESS=gzip passes --compress=6
	DB_BACKUP_COMPRESS=none passes --compress=0
	DB_BACKUP_COMPRESS=lz4 run_backup backup-db
	assert_status 2
	says "error: DB_BACKUP_COMPRESS: pg_dump $(pg_dump --version | sed -E 's/.*L\) ([0-9.]+).*/\1/') cannot do \"lz4\", which needs 16 or newer"
	DB_BACKUP_SCHEMA_ONLY=yes passes --compress=1 --schema-only
	DB_BACKUP_EXCLUDE_TABLES='a*, "b c".d ,-x,a\,b' passes --compress=1 '--exclude-table=a*' '--exclude-table="b c".d' \
		--exclude-table=-x --exclude-table=a,b
	DB_BACKUP_EXCLUDE_DATA='log, $(touch x)' passes --compress=1 --exclude-table-data=log '--exclude-table-data=$(touch x)'
	PGDUMP_OPTIONS="--schema='a b' --no-owner -n \"it's\" -t c\\ d \$HOME '' --encoding=\"\\\"x\"" && export PGDUMP_OPTIONS
	run_backup backup-db
	assert_status 2
	PGDUMP_OPTIONS="--schema='a b' --no-owner -n \"it's\" -t c\\ d -T \$HOME --encoding=\"\\\"x\"" passes --compress=1 \
		'--schema=a b' --no-owner -n "it's" -t 'c d' -T "\$HOME" '--encoding="x'
	unset PGDUMP_OPTIONS
	sed -i "s/15.0 (Debian)/16.2/" "$fakes/pg_dump.orders"
	passes --compress=zstd:3
	DB_BACKUP_COMPRESS=gzip:9 passes --compress=gzip:9
	[[ ! -e $T/x && ! -e x ]]
}

@test "exclusions work" {
	fresh_db
	sql "$DB_NAME" 'create schema "odd, schema"' 'create table "odd, schema"."t 1" as select 1 a' \
		'create table log as select 2 a' 'create table kept as select 3 a' 'create table cache as select 4 a'
	DB_BACKUP_EXCLUDE_TABLES='cache, "odd\, schema".*' DB_BACKUP_EXCLUDE_DATA=lo? run_backup backup-db
	assert_status 0
	published_local 2
	local f
	f=$(echo "$DB_BACKUP_DIR/$DB_NAME"-*)
	[[ $(pg_restore -l "$f" | grep -E 'TABLE (DATA )?' | sed -E 's/^[^A-Z]*(TABLE( DATA)?) ([^ ]+ [^ ]+) .*/\1 \3/' | sort) == \
		"TABLE DATA public kept"$'\n'"TABLE public kept"$'\n'"TABLE public log" ]]
	DB_BACKUP_SCHEMA_ONLY=1 DB_BACKUP_PREFIX=schema run_backup backup-db
	assert_status 0
	run ! grep 'TABLE DATA' <(pg_restore -l "$DB_BACKUP_DIR/schema-$DB_NAME"-*)
}

@test "an option that pg_dump does not know" {
	PGDUMP_OPTIONS=--no-such-option run_backup backup-db
	went_wrong 1 "unrecognized option '--no-such-option'"
	says "hint: check PGDUMP_OPTIONS"
	local_has 0
	s3_has 0
}

@test "globals, beside the databases" {
	local role=globals_$BASHPID
	sql postgres "create role $role"
	DB_BACKUP_GLOBALS=yes run_backup backup-db
	sql postgres "drop role $role"
	assert_status 0
	printed 2
	published_local 3
	published_s3 3
	grep -q "CREATE ROLE $role" "$DB_BACKUP_DIR"/globals-*.sql
	s3_cat "$(s3_ls globals-)" | cmp - "$DB_BACKUP_DIR"/globals-*.sql
	no_partials
}

# -- other remotes, encryption

folder_remote() {
	mkdir -p "$T/folder"
	export RCLONE_CONFIG_OTHER_TYPE=alias RCLONE_CONFIG_OTHER_REMOTE=$T/folder DB_BACKUP_REMOTE=other:deep/er
}

remote_hides() {
	rm -rf "$T/folder" "$fakes"/{pg_dump.*,there,go}
	folder_remote
	orders pg_dump '*' 'emit 3000000' 'touch there' 'wait go'
	start_backup backup-db
	wait_until test -e "$fakes/there"
	wait_until eval 'find "$T/folder/deep/er" -name ".*.partial" | grep -q .'
	published_local 0 "$T/folder"
	touch "$fakes/go"
	wait_backup
	assert_status 0
	no_children_left
	published_local 1 "$T/folder/deep/er"
	no_partials "$T/folder"
	is_stream "$local_backup" 3000000
	[[ ${local_backup##*/} == "$(cat "$run/stdout")" ]]
}
@test "a remote that is a folder: hidden while it is written, moved then" {
	with_fakes
	unset DB_BACKUP_DIR S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	both_rclones remote_hides
}

@test "disk, cloud and two remotes at once" {
	folder_remote
	export DB_BACKUP_REMOTE=other:one,other:two,b:$RIG_BUCKET/second
	export RCLONE_CONFIG_B_TYPE=s3 RCLONE_CONFIG_B_PROVIDER=Ceph RCLONE_CONFIG_B_ENDPOINT=$S3_ENDPOINT \
		RCLONE_CONFIG_B_ACCESS_KEY_ID=$S3_ACCESS_KEY RCLONE_CONFIG_B_SECRET_ACCESS_KEY=$S3_SECRET_KEY
	run_backup backup-db
	assert_status 0
	printed 1
	says "to local, cloud, other, other:two, b: "
	local name
	name=$(cat "$run/stdout")
	for f in "$T/folder/one/$name" "$T/folder/two/$name"; do cmp "$f" "$DB_BACKUP_DIR/$name"; done
	s3_cat "$name" | cmp - "$DB_BACKUP_DIR/$name"
	s3_cat "second/$name" | cmp - "$DB_BACKUP_DIR/$name"
	no_partials "$T/folder"
}

# decrypt FILE: by hand, as docs say
decrypt() {
	env -i PATH="$PATH" HOME="$T" RCLONE_CONFIG=/dev/null RCLONE_CRYPT_REMOTE="${1%/*}" \
		RCLONE_CRYPT_PASSWORD="$(rclone obscure - <<<"$DB_BACKUP_PASSPHRASE")" RCLONE_CRYPT_FILENAME_ENCRYPTION=off \
		RCLONE_CRYPT_DIRECTORY_NAME_ENCRYPTION=false rclone cat ":crypt:$(basename "$1" .bin)"
}

encrypts() {
	run_backup backup-db
	assert_status 0
	printed 1
	local_has 1
	s3_has 1
	[[ ${local_backups[1]} == *Z.pg-dump.bin ]]
	both_same 1
	run ! grep -aq -e PGDMP -e public "${local_backups[1]}"
	decrypt "${local_backups[1]}" >"$T/plain"
	restores_same "$T/plain"
	rm "${local_backups[1]}"
	# cloud only
	s3_rm "${s3_backups[1]}"
	DB_BACKUP_DIR='' run_backup backup-db
	assert_status 0
	s3_has 1
	s3_cat "${s3_backups[1]}" >"$T/$(basename "${s3_backups[1]}")"
	decrypt "$T/$(basename "${s3_backups[1]}")" >"$T/plain"
	restores_same "$T/plain"
	rm "$T"/*.bin
	s3_rm "${s3_backups[1]}"
}
@test "with a passphrase nothing is stored in the clear, and it decrypts by hand" {
	export DB_BACKUP_PASSPHRASE='päss "word'\'' $x\ %, -'
	both_rclones encrypts
}

@test "encryption that fails stores nothing" {
	export DB_BACKUP_PASSPHRASE=passphrase
	orders rclone obscure 'exit 1'
	run_backup backup-db
	went_wrong 1 "cannot encrypt"
	printed 0
	local_has 0
	s3_has 0
	# a rclone that makes nothing of it
	rm "$fakes/rclone.orders"
	orders rclone obscure 'exit 0'
	run_backup backup-db
	went_wrong 1 "cannot encrypt"
	local_has 0
	s3_has 0
}

@test "encrypted, pg_dump fails: nothing is left" {
	export DB_BACKUP_PASSPHRASE=passphrase
	folder_remote
	orders pg_dump '*' 'emit 30000000' 'exit 1'
	run_backup backup-db
	went_wrong 1 "pg_dump exited with 1"
	printed 0
	local_has 0
	s3_has 0
	no_uploads
	[[ -z $(find "$T/folder" -type f) ]]
}

# -- progress, environment

@test "progress on a terminal is one line that is replaced; else the log has lines only" {
	orders pg_dump '*' 'emit 10000000 4000000'
	run_backup backup-db
	assert_status 0
	run ! grep $'\r' "$run/stderr"
	cat >"$T/tty" <<-'SH'
		#!/bin/sh
		exec script -qec "\"$0.real\" backup-db" "$0.log"
	SH
	chmod 755 "$T/tty"
	ln -s "$BACKUP_SERVICE" "$T/tty.real"
	BACKUP_SERVICE=$T/tty run_backup
	assert_status 0
	grep -q $'\r"'"$DB_NAME"'": [0-9.]* [kM]B at [0-9.]* [kM]B/s' "$T/tty.log"
	grep -q $'\r\e\[K2.* info backed up' "$T/tty.log"
	# a name cannot speak to the terminal
	createdb $'esc\e[31m'
	rig_dbs+=($'esc\e[31m')
	DB_NAME=$'esc\e[31m' BACKUP_SERVICE=$T/tty run_backup
	assert_status 0
	grep -q $'\r"esc\\\\x1b\\[31m": ' "$T/tty.log"
	run ! grep $'\e\[31m' "$T/tty.log"
}

@test "AWS_CA_BUNDLE in the environment breaks neither rclone" {
	cp /etc/ssl/certs/ca-certificates.crt "$T/ca.pem" 2>/dev/null ||
		openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=x -days 2 -out "$T/ca.pem" 2>/dev/null
	export AWS_CA_BUNDLE=$T/ca.pem AWS_PROFILE=nobody AWS_SHARED_CREDENTIALS_FILE=/nowhere AWS_ACCESS_KEY_ID=wrong
	local which
	for which in old new; do
		use_rclone "$which"
		run_backup backup-db
		assert_status 0
	done
	local_has 2
	s3_has 2
	# nor where rclone is to use AWS_* as it is
	unset AWS_PROFILE AWS_SHARED_CREDENTIALS_FILE AWS_ACCESS_KEY_ID DB_BACKUP_DIR
	export RCLONE_CONFIG_B_TYPE=s3 RCLONE_CONFIG_B_PROVIDER=Ceph RCLONE_CONFIG_B_ENDPOINT=$S3_ENDPOINT \
		RCLONE_CONFIG_B_ACCESS_KEY_ID=$S3_ACCESS_KEY RCLONE_CONFIG_B_SECRET_ACCESS_KEY=$S3_SECRET_KEY \
		DB_BACKUP_REMOTE=b:$RIG_BUCKET/second
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	for which in old new; do
		use_rclone "$which"
		run_backup backup-db
		assert_status 0
	done
}

@test "RCLONE_* of the user wins, and PG* of the user reaches the tools" {
	export RCLONE_S3_UPLOAD_CONCURRENCY=1 RCLONE_S3_CHUNK_SIZE=7M RCLONE_S3_STORAGE_CLASS=STANDARD PGOPTIONS='-c geqo=off' \
		PGAPPNAME=mine
	orders pg_dump '* 1' 'emit 20000000'
	s3_through_proxy
	run_backup backup-db
	assert_status 0
	(($(grep -c '^PUT .*partNumber=' "$T/s3/requests") == 3)) # 20 MB in 7 MiB
	grep -qx "PGOPTIONS=-c geqo=off" "$fakes"/pg_dump.2.env
	grep -qx "PGAPPNAME=mine" "$fakes"/pg_dump.2.env
}

@test "stderr and stdout may be closed, or a full pipe that nobody reads" {
	with_fakes
	cat >"$T/closed" <<-SH
		#!/bin/sh
		exec "$BACKUP_SERVICE" backup-db <&- >&- 2>&-
	SH
	chmod 755 "$T/closed"
	BACKUP_SERVICE=$T/closed run_backup
	assert_status 0
	local_has 1
	s3_has 1
	both_same 1
	restores_same "${local_backups[1]}"
}
