#!/usr/bin/env bats
# Whole servers: DB_NAME='*', DB_EXCLUDE, the globals, and what becomes of the
# others when one database fails. The server is one of this file's own.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load faults

setup_file() {
	local dir=$RIG_DIR/own-$BASHPID
	setpriv --pdeathsig TERM "$top/test/fixture/pg-server" "$dir" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	echo $! >"$BATS_FILE_TMPDIR/pid"
	echo "$dir" >"$BATS_FILE_TMPDIR/dir"
	wait_until -t 60 test -e "$dir/env"
	set -a
	. "$dir/env"
	set +a
	sql postgres 'create database app' 'create database "my shop"' 'create database log' \
		'create database closed' 'update pg_database set datallowconn = false where datname = $$closed$$' \
		"create role reader login password 'r3aders'" "alter role reader set work_mem = '5MB'"
	sql app 'create table t as select 1 a'
}
teardown_file() {
	kill -TERM "$(cat "$BATS_FILE_TMPDIR/pid")"
	rm -rf "$(cat "$BATS_FILE_TMPDIR/dir")"
}
setup() {
	rig_setup
	local_dir
	export DB_NAME='*' DB_EXCLUDE=log
}

# stored DATABASE...: the newest run printed a backup of exactly these (globals, postgres, ...), and they are there
stored() {
	diff <(sed -E 's/-[0-9TZ]+\..*//' "$run/stdout" | sort) <(printf '%s\n' "$@" | sort) >&2 || fail "that was stored" || return
	local name
	while read -r name; do [[ -s $DB_BACKUP_DIR/$name ]] || fail "$name is not there" || return; done <"$run/stdout"
}

@test "a database that is named twice is backed up once, and counted once" {
	sql postgres 'create database once'
	DB_BACKUP_MAX_N=1 DB_NAME=once run_backup backup-db once once
	assert_status 0
	stored once
	wait_until eval '[[ $(date -u +%Y%m%dT%H%M%SZ) != *$(sed -E "s/.*-([0-9TZ]+)\\..*/\\1/" "$run/stdout")* ]]'
	DB_BACKUP_MAX_N=1 DB_NAME=once,once run_backup backup-db
	assert_status 0
	stored once
	says 'pruned 1 old backup at local'
	published_local 1
	DB_NAME=once run_backup backup-db --dry-run once once
	assert_status 0
	(($(grep -cE '^  store ' "$run/stdout") == 1))
	sql postgres 'drop database once'
}

@test "all but templates, those that allow no connections, and DB_EXCLUDE; found anew at each run" {
	run_backup backup-db
	assert_status 0
	stored app my%20shop postgres
	says "info backed up 3 of 3 databases: "
	fresh_db new
	new=$DB_NAME
	DB_NAME='*' run_backup backup-db
	assert_status 0
	stored app my%20shop "$new" postgres
	# gone: no failure, its backup stays, and is no longer waited for
	sql postgres "drop database $new"
	DB_NAME='*' DB_BACKUP_MAX_N=1 run_backup backup-db
	assert_status 0
	stored app my%20shop postgres
	[[ -e $(echo "$DB_BACKUP_DIR/$new"-*) ]]
	published_local 4
	DB_NAME='*' DB_BACKUP_MAX_N=1 run_backup prune-backups
	assert_status 0
	published_local 4
}

@test "the remains of an interrupted DROP DATABASE are no database" {
	sql postgres 'create database remains' "update pg_database set datconnlimit = -2 where datname = 'remains'"
	run_backup backup-db
	sql postgres 'drop database remains'
	assert_status 0
	stored app my%20shop postgres
}

@test "databases that restores and verifications make for a while are left out; names like theirs are not" {
	local name ours=(backup_{verify,restore}_0123456789abcdef backup_restore_0123456789abcdef_old) others=(backup_verify_mine backup_restore_0123456789abcdefg)
	for name in "${ours[@]}" "${others[@]}"; do
		sql postgres "create database $name"
		rig_dbs+=("$name")
	done
	run_backup backup-db
	assert_status 0
	stored app my%20shop postgres "${others[@]}"
}

@test "nothing left to back up is an error; named ones need no star" {
	DB_EXCLUDE='app,my shop,log,postgres' run_backup backup-db
	went_wrong 1 "the server has no database to back up"
	run_backup backup-db app log
	assert_status 0
	stored app log
}

@test "the list of databases is asked for again, as anything else" {
	export DB_BACKUP_RETRIES=1 DB_BACKUP_WAIT=0
	pg_through_proxy
	proxy pg refuse
	start_backup backup-db
	wait_until -t 30 grep -q "cannot tell the databases of the server" "$run/stderr"
	says "trying again in 10"
	proxy pg pass
	wait_backup
	assert_status 0
	stored app my%20shop postgres
	PGPASSWORD=wrong run_backup backup-db
	went_wrong 1 "cannot tell the databases of the server"
	says "the server refuses the password"
	PGPORT=1 DB_BACKUP_RETRIES=0 run_backup backup-db
	went_wrong 1 "cannot tell the databases of the server"
}

@test "a database dropped during the run fails, clearly; the others go on" {
	sql postgres 'create database bygone'
	orders pg_dump --format=custom\ 1 'touch there' 'wait go' 'real'
	start_backup backup-db
	wait_until test -e "$fakes/there"
	sql postgres 'drop database bygone'
	touch "$fakes/go"
	wait_backup
	went_wrong 1 'cannot back up "bygone" to local: the server no longer has it: it was dropped after this run began'
	says "hint: nothing to do if that was meant"
	stored app my%20shop postgres
	says 'warning: backed up 3 of 4 databases: '
	says '; failed: "bygone"'
}

@test "with earlier backups the server is asked once, and asked why when a dump fails" {
	with_fakes
	sql postgres 'create database bygone'
	run_backup backup-db
	assert_status 0
	before=$(wc -l <"$fakes/psql.calls")
	run_backup backup-db
	assert_status 0
	# connect, list, and the first database: one call for all others together, at most
	(($(wc -l <"$fakes/psql.calls") - before == 3))
	rm -f "$fakes"/there
	orders pg_dump --format=custom\ 1 'touch there' 'wait go' 'real'
	start_backup backup-db
	wait_until test -e "$fakes/there"
	sql postgres 'drop database bygone'
	touch "$fakes/go"
	wait_backup
	went_wrong 1 'it was dropped after this run began'
	stored app my%20shop postgres
}

@test "no privilege on one table of one database" {
	sql "my shop" 'create table secrets (a int)'
	sql app 'grant select on t to reader'
	PGUSER=reader PGPASSWORD=r3aders run_backup backup-db
	sql "my shop" 'drop table secrets'
	went_wrong 1 'cannot back up "my shop" to local: pg_dump exited with 1'
	says "permission denied for table secrets"
	says "hint: let the user read it"
	stored app postgres
	says 'backed up 2 of 3 databases'
}

@test "a database that may not be connected to fails alone" {
	sql postgres 'revoke connect on database app from public'
	PGUSER=reader PGPASSWORD=r3aders run_backup backup-db
	sql postgres 'grant connect on database app to public'
	went_wrong 1 'cannot back up "app"'
	says 'permission denied for database "app"'
	stored my%20shop postgres
}

@test "two destinations, of which one takes nothing of one database: the summary names it" {
	fresh_bucket
	s3_env
	orders rclone rcat\ 2 'exit 1'
	run_backup backup-db
	went_wrong 1 'cannot back up "my shop" to cloud'
	says 'backed up 2 of 3 databases'
	published_local 3
	published_s3 2
}

@test "globals of a superuser have the passwords" {
	DB_BACKUP_GLOBALS=yes run_backup backup-db
	assert_status 0
	stored app globals my%20shop postgres
	says_not warning
	grep -q "ALTER ROLE reader .*PASSWORD 'SCRAM" "$DB_BACKUP_DIR"/globals-*
	grep -q "ALTER ROLE reader SET work_mem" "$DB_BACKUP_DIR"/globals-*
}

@test "globals of another user go without, with a warning, and can be restored" {
	sql app 'grant select on t to reader'
	export PGUSER=reader PGPASSWORD=r3aders DB_BACKUP_GLOBALS=yes
	run_backup backup-db
	assert_status 0
	stored app globals my%20shop postgres
	says 'warning: the globals are backed up without the passwords of roles, which user "reader" may not read'
	says "GRANT SELECT ON pg_authid"
	grep -q "CREATE ROLE reader" "$DB_BACKUP_DIR"/globals-*
	run ! grep -q SCRAM "$DB_BACKUP_DIR"/globals-*
	run_backup verify-backup
	assert_status 0
	# and with the right to read them
	PGUSER=postgres PGPASSWORD=$(cat "$(cat "$BATS_FILE_TMPDIR/dir")/password") sql postgres 'grant select on pg_authid to reader'
	rm "$DB_BACKUP_DIR"/*
	run_backup backup-db
	PGUSER=postgres PGPASSWORD=$(cat "$(cat "$BATS_FILE_TMPDIR/dir")/password") sql postgres 'revoke select on pg_authid from reader'
	assert_status 0
	says_not warning
	grep -q SCRAM "$DB_BACKUP_DIR"/globals-*
}

@test "globals of a server without a database postgres" {
	sql app 'alter database postgres rename to other'
	DB_BACKUP_GLOBALS=yes run_backup backup-db
	sql app 'alter database other rename to postgres'
	assert_status 0
	stored app globals my%20shop other
}

@test "globals fail alone; a server too new for pg_dumpall is told as for pg_dump" {
	orders pg_dumpall '*' 'exit 1'
	DB_BACKUP_GLOBALS=yes run_backup backup-db
	went_wrong 1 "cannot back up globals to local: pg_dumpall exited with 1"
	stored app my%20shop postgres
	says '; failed: globals'
	orders pg_dump --version 'say pg_dump (PostgreSQL) 9.6.24'
	DB_BACKUP_GLOBALS=yes run_backup backup-db
	assert_status 1
	says "cannot back up globals to local: the server is PostgreSQL 15"
	[[ ! -s $run/stdout ]]
}

@test "list, health and metrics of a whole server; a dropped database makes nothing unhealthy" {
	export DB_BACKUP_METRICS_FILE=$T/metrics DB_BACKUP_GLOBALS=yes DB_BACKUP_INTERVAL=1h
	fresh_db short
	short=$DB_NAME
	export DB_NAME='*'
	start_backup
	service=$backup_pid reaper=$rig_reaper said=$run/stderr
	wait_until -t 60 grep -q "backed up 4 of 4 databases" "$said"
	for database in app "my shop" postgres "$short"; do wait_until grep -q "database=\"$database\"" "$T/metrics"; done
	sql postgres "drop database $short"
	kill -USR1 "$service"
	wait_until -t 60 grep -q "backed up 3 of 3 databases" "$said"
	wait_until eval '! grep -q "$short" "$T/metrics"'
	run_backup backup-health
	assert_status 0
	kill -TERM "$service"
	wait "$reaper" || true
	run_backup list-backups
	assert_status 0
	grep -q "^$short " "$run/stdout"
	grep -q "^(globals) " "$run/stdout"
}
