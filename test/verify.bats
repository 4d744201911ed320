#!/usr/bin/env bats
# verify-backup, and DB_BACKUP_VERIFY in backup-db.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load restore

setup_file() {
	own_user
	export SMALL=small_$BASHPID ARCHIVE=$BATS_FILE_TMPDIR/archive
	tiny_db "$SMALL" 3000
	pg_dump -Fc -Z1 -d "$SMALL" -f "$ARCHIVE"
}
teardown_file() { drop_own_user; }
setup() {
	rig_setup
	local_dir
	export DB_NAME=$SMALL
	for day in 01 02 03; do cp "$ARCHIVE" "$DB_BACKUP_DIR/$SMALL-202601${day}T000000Z.pg-dump"; done
	oldest=$SMALL-20260101T000000Z.pg-dump newest=$SMALL-20260103T000000Z.pg-dump
	remember
}
cloud() {
	fresh_bucket
	s3_env
	for at in "$DB_BACKUP_DIR"/*; do s3_put "${at##*/}" <"$at"; done
}
# verified STATUS WORDS...: exit status, and what it prints
verified() {
	assert_status "$1" || return
	diff "$run/stdout" - || fail "printed something else" || return
	unchanged
}

@test "the newest of each database at each destination; all; named; of one database; from one destination" {
	cloud
	cp "$ARCHIVE" "$DB_BACKUP_DIR/other-20250101T000000Z.pg-dump"
	run_backup verify-backup
	verified 0 <<-E
		good local $newest
		good cloud $newest
		good local other-20250101T000000Z.pg-dump
	E
	says "verified 3 backups, 0 bad"
	run_backup verify-backup --db other
	verified 0 <<<"good local other-20250101T000000Z.pg-dump"
	run_backup verify-backup --from cloud
	verified 0 <<<"good cloud $newest"
	run_backup verify-backup "$oldest"
	verified 0 <<-E
		good local $oldest
		good cloud $oldest
	E
	run_backup verify-backup --all --from local --db "$SMALL"
	assert_status 0
	(($(wc -l <"$run/stdout") == 3))
	run_backup verify-backup "$ARCHIVE"
	verified 0 <<<"good here $ARCHIVE"
	run_backup verify-backup nothing
	assert_status 1
	run_backup verify-backup --db nothing
	assert_status 1
	says 'no backups of "nothing" were found'
}

@test "bad ones: exit 1 and their names; the others are verified all the same" {
	cloud
	local size
	size=$(stat -c %s "$ARCHIVE")
	truncate -s $((size / 2)) "$DB_BACKUP_DIR/$newest"
	run_backup verify-backup --all
	assert_status 1
	diff <(sort "$run/stdout") <(sort <<-E
		bad local $newest
		$(for day in 01 02; do echo "good local $SMALL-202601${day}T000000Z.pg-dump"; done)
		$(for day in 01 02 03; do echo "good cloud $SMALL-202601${day}T000000Z.pg-dump"; done)
	E
	)
	says "$newest at local is bad: pg_restore exited with 1"
	says "verified 6 backups, 1 bad"
	unchanged
	run_backup verify-backup --restore
	assert_status 1
	grep -qx "bad local $newest" "$run/stdout"
	grep -qx "good cloud $newest" "$run/stdout"
	unchanged
	# empty, no archive, a wrong size, a download that breaks
	for what in '' 'no archive'; do
		printf '%s' "$what" >"$DB_BACKUP_DIR/$newest"
		run_backup verify-backup --from local
		verified 1 <<<"bad local $newest"
	done
	orders rclone lsjson "say [{\"Path\":\"$newest\",\"Size\":$((size + 1))}]"
	run_backup verify-backup --from cloud
	verified 1 <<<"unknown cloud $newest"
	says "could not be verified: $size bytes came, but it has $((size + 1))"
	rm "$fakes/rclone.orders"
	orders rclone cat 'run 5000' 'exit 5'
	run_backup verify-backup --from cloud
	verified 1 <<<"unknown cloud $newest"
}

# words WORD [ARGS...]: what verify-backup says of the newest at the cloud
word() {
	run_backup verify-backup --from cloud "${@:2}"
	verified 1 <<<"$1 cloud $newest"
}

@test "bad only where it is proven: all arrives, and pg_restore by itself refuses it, run to nowhere" {
	cloud
	local restore
	head -c 40000 "$ARCHIVE" >"$T/cut"
	printf '%s' "no archive" >"$T/text"
	{ head -c 2000 "$ARCHIVE" && head -c 90000 /dev/zero && tail -c 100 "$ARCHIVE"; } >"$T/changed"
	for restore in "" --restore; do
		for what in cut text changed; do
			echo "$restore $what"
			s3_put "$newest" <"$T/$what"
			word bad $restore
		done
		# and the same while the connection breaks behind what pg_restore refused
		orders rclone cat 'run 30000' 'sleep 1' 'emit 20000' 'sleep 1' 'exit 5'
		word unknown $restore
		rm "$fakes/rclone.orders"
		s3_put "$newest" <"$ARCHIVE"
		orders pg_restore --dbname= 'read 5000' 'exit 1' # it is the restore that fails
		[[ -z $restore ]] || word unknown $restore
		rm -f "$fakes/pg_restore.orders"
		orders pg_restore '~-' 'read 5000' 'kill KILL'
		word unknown $restore
		rm "$fakes/pg_restore.orders"
		orders pg_restore '~-' 'warn pg_restore: error: unsupported version (9.99) in file header' 'exit 1'
		word unknown $restore
		rm "$fakes/pg_restore.orders"
	done
	# globals
	newest=globals-20260103T000000Z.sql
	echo "CREATE ROLE r;" | s3_put "$newest"
	word bad "$newest"
	orders rclone cat 'run' 'exit 5'
	word unknown "$newest"
}

@test "a destination that cannot be listed fails it; the others are verified" {
	cloud
	S3_ENDPOINT=http://127.0.0.1:1 run_backup verify-backup
	verified 1 <<<"good local $newest"
	says "error: cannot list cloud"
}

@test "--restore counts tables and rows, and drops what it made; no owner, role, tablespace, subscription is needed" {
	sql "$SMALL" "create role v_$BASHPID" "alter table items owner to v_$BASHPID" "grant select on billing.invoices to v_$BASHPID" \
		"create subscription s_$BASHPID connection 'host=127.0.0.1 port=1' publication p with (connect = false)" \
		"create publication pub for all tables with (publish = 'insert')" 2>/dev/null
	pg_dump -Fc -d "$SMALL" -f "$DB_BACKUP_DIR/$newest"
	sql "$SMALL" "alter subscription s_$BASHPID set (slot_name = none)" "drop subscription s_$BASHPID" "drop publication pub" \
		"alter table items owner to $PGUSER" "revoke all on billing.invoices from v_$BASHPID" "drop role v_$BASHPID"
	remember
	run_backup verify-backup --restore
	verified 0 <<<"good local $newest"
	says "restored: 2 tables, 3100 rows"
	# a slow end, behind the last byte
	fresh_db slow
	sql "$DB_NAME" "create table t as select i from generate_series(1, 3) i" \
		"create function slowly(int) returns int immutable language plpgsql as 'begin perform pg_sleep(1); return \$1; end'" \
		"create index on t (slowly(i))"
	backup_of "$DB_NAME" 20260102T030405Z
	remember
	DB_BACKUP_STALL_TIMEOUT=1 run_backup verify-backup --restore --db "$DB_NAME"
	verified 0 <<<"good local $DB_NAME-20260102T030405Z.pg-dump"
	says "1 tables, 3 rows"
}

@test "--restore without the right to make databases, and without a server" {
	sql postgres "create role lesser_$BASHPID login password 'pw'"
	PGUSER=lesser_$BASHPID PGPASSWORD=pw run_backup verify-backup --restore
	sql postgres "drop role lesser_$BASHPID"
	verified 1 <<<"unknown local $newest"
	says "cannot make a scratch database: "
	says "permission denied to create database"
	says "hint: the user needs more rights"
	PGPORT=1 DB_BACKUP_WAIT=1 run_backup verify-backup --restore
	verified 1 <<<"unknown local $newest"
	says "refused"
	# reading needs none
	PGPORT=1 run_backup verify-backup
	verified 0 <<<"good local $newest"
}

@test "asked to end: the scratch database goes" {
	local moment
	for moment in "psql ~name=backup_verify" "pg_restore --exit-on-error" "psql ~nothing"; do
		read -r tool on <<<"$moment"
		with_fakes
		rm -f "$fakes"/*.orders "$fakes/begun"
		orders "$tool" "$on" 'touch begun' 'sleep 0.3' 'run'
		start_backup verify-backup --restore
		if [[ $on == ~nothing ]]; then
			sleep "0.$((RANDOM % 1000))"
		else
			wait_until test -e "$fakes/begun"
		fi
		kill -TERM "$backup_pid" 2>/dev/null || true
		wait_backup
		# a moment before it, or valgrind, has begun is no matter
		if [[ $on != ~nothing || ! $how =~ ^("exited 0"|"killed 15")$ ]]; then
			assert_status 143
			says "stopped by signal 15"
		fi
		unchanged
	done
}

@test "what was left by one that was killed is told" {
	sql postgres "create database backup_verify_0123456789abcdef"
	run_backup verify-backup --restore
	sql postgres "drop database backup_verify_0123456789abcdef"
	verified 0 <<<"good local $newest"
	says 'the database "backup_verify_0123456789abcdef" seems to be left over'
}

@test "encrypted; globals" {
	rm "$DB_BACKUP_DIR"/*
	fresh_bucket
	s3_env
	export DB_BACKUP_PASSPHRASE="correct horse"
	DB_BACKUP_GLOBALS=yes PGUSER=postgres run_backup backup-db
	assert_status 0
	remember
	run_backup verify-backup --restore
	assert_status 0
	says "verified 4 backups, 0 bad"
	unchanged
	for at in "$DB_BACKUP_DIR"/*; do truncate -s -16 "$at"; done
	run_backup verify-backup --from local
	assert_status 1
	says "verified 2 backups, 2 bad"
	DB_BACKUP_PASSPHRASE=wrong run_backup verify-backup --from cloud
	assert_status 1
	says "hint: the passphrase is not the one"
	unchanged
}

@test "DB_BACKUP_VERIFY: a good one counts and prunes" {
	cloud
	export DB_BACKUP_MAX_N=2
	for how in read restore; do
		DB_BACKUP_VERIFY=$how run_backup backup-db
		assert_status 0
		says "verified $(cat "$run/stdout") at local"
		says "verified $(cat "$run/stdout") at cloud"
		published_local 2
		published_s3 2
		remember
		unchanged
	done
}

@test "DB_BACKUP_VERIFY: a bad one is a failure, and nothing is pruned there" {
	cloud
	export DB_BACKUP_MAX_N=1
	orders rclone cat 'run 5000' 'exit 0'
	for how in read restore; do
		rm -f "$fakes"/rclone.*.pid
		DB_BACKUP_VERIFY=$how run_backup backup-db
		assert_status 1
		says "at cloud failed its verification"
		says "it stays, but does not count, nothing pruned"
		published_local 1 # that one was good
		remember
		unchanged
	done
	published_s3 5
}

@test "DB_BACKUP_VERIFY: what could not be verified is, by the next run, and no other dump is made" {
	cloud
	export DB_BACKUP_MAX_N=1 DB_BACKUP_VERIFY=read
	orders rclone 'cat 1' 'run 5000' 'exit 0'
	run_backup backup-db
	assert_status 1
	published_s3 4
	made=$(cat "$run/stdout")
	# a run that gets nowhere does not make it count
	DB_NAME='*' PGPORT=1 run_backup backup-db --older-than "$(date -d '-1 hour' +%s)"
	assert_status 1
	orders pg_dump '*' 'exit 1'
	run_backup backup-db --older-than "$(date -d '-1 hour' +%s)"
	assert_status 0
	says "verified $made at cloud"
	says_not "verified $made at local" # it was
	published_s3 1
	# once only
	run_backup backup-db --older-than "$(date -d '-1 hour' +%s)"
	assert_status 0
	says_not "verified"
}

@test "DB_BACKUP_VERIFY, stopped meanwhile: the backup stays, and nothing else is said" {
	cloud
	export DB_BACKUP_VERIFY="read"
	orders rclone 'cat' 'touch there' 'hang'
	start_backup backup-db
	wait_until test -e "$fakes/there"
	kill -TERM "$backup_pid"
	wait_backup
	assert_status 143
	says_not "nothing stored"
	says_not "failed its verification"
	says "what is stored stays"
	published_s3 4
}

@test "DB_BACKUP_VERIFY, stopped or killed meanwhile: the backup does not count before it is verified" {
	cloud
	export DB_BACKUP_VERIFY="read"
	for signal in TERM KILL; do
		rm -rf "$fakes" "$DB_BACKUP_STATUS_FILE"
		unset fakes
		orders rclone 'cat 1' 'touch there' 'hang'
		start_backup backup-db
		wait_until test -e "$fakes/there"
		kill "-$signal" "$backup_pid"
		wait_backup
		made=$(cat "$run/stdout")
		(($(jq '.backups[] | select(.destination == "cloud") | .success' "$DB_BACKUP_STATUS_FILE") == 0))
		orders pg_dump '*' 'exit 1'
		run_backup backup-db --older-than "$(date -d '-1 hour' +%s)"
		assert_status 0
		says "verified $made at cloud"
		(($(jq '.backups[] | select(.destination == "cloud") | .success' "$DB_BACKUP_STATUS_FILE") > 0))
	done
}

@test "DB_BACKUP_VERIFY: one that is bad is removed everywhere, nothing is pruned, and the next counts" {
	cloud
	export DB_BACKUP_MAX_N=1 DB_BACKUP_VERIFY="read"
	# pg_dump lies: it exits with 0 in the middle of the dump, and all that it wrote arrives
	orders pg_dump '* 1' 'run 8000' 'exit 0'
	run_backup backup-db
	assert_status 1
	(($(grep -cF "it was removed, nothing pruned" "$run/stderr") == 2)) || fail "$(cat "$run/stderr")"
	published_local 3
	published_s3 3
	unchanged
	run_backup backup-db --older-than "$(date -d '-1 hour' +%s)"
	assert_status 0
	published_local 1
	published_s3 1
	[[ ${local_backups[0]##*/} == "$(cat "$run/stdout")" ]]
}
