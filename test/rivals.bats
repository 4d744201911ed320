#!/usr/bin/env bats
# What others do or have set: runs of the same second elsewhere, service files, rclone's own
# variables, rights on the maintenance database; and what a run does twice.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load faults
load service

setup_file() {
	source_db 1
	build_clock
}
teardown_file() { drop_source_db; }
setup() {
	rig_setup
	somewhere
}

# -- one second, two runs

@test "a run that fails leaves what another one of the same second has published" {
	fast_clock 0
	unset DB_BACKUP_DIR
	clocked run_backup backup-db
	assert_status 0
	s3_has 1
	# another machine's lock is not ours: it reaches the server under another name
	orders rclone 'lsjson 1' 'say []' # it looked before
	orders pg_dump '*' 'emit 30000000' 'exit 1'
	DB_BACKUP_RETRIES=0 PGHOST=localhost clocked run_backup backup-db
	assert_status 1
	s3_has 1
}

@test "asked to stop while its name is still another's, a run deletes nothing" {
	fast_clock 0
	unset DB_BACKUP_DIR
	clocked run_backup backup-db
	assert_status 0
	clocked start_backup backup-db
	# it waits for a second that does not come
	sleep 3
	kill -TERM "$backup_pid"
	wait_backup
	assert_status 143
	s3_has 1
}

@test "of a folder that shows uploads only the hidden name is removed" {
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET DB_BACKUP_DIR
	mkdir "$T/other"
	export DB_BACKUP_REMOTE=other:$T/other RCLONE_CONFIG_OTHER_TYPE=local
	fast_clock 0
	clocked run_backup backup-db
	assert_status 0
	[[ $(ls "$T/other") == "$(cat "$run/stdout")" ]]
	orders rclone 'lsjson 1' 'say []'
	orders rclone rcat 'skip 1000' 'exit 1'
	DB_BACKUP_RETRIES=0 PGHOST=localhost clocked run_backup backup-db
	assert_status 1
	(($(ls -A "$T/other" | wc -l) == 1))
}

@test "a local file whose size is wrong is made again by the next try" {
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	export DB_BACKUP_PASSPHRASE=secret DB_BACKUP_RETRIES=1
	orders rclone 'rcat 1' 'skip 1000' 'real'
	BACKUP_TEST_HASTE=20 LD_PRELOAD=$clock_so run_backup backup-db
	assert_status 0
	says "trying again"
	printed 1
}

# -- destinations that look alike, and an output that is lost

@test "remotes of one name whose long paths differ at their end only are told apart" {
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET DB_BACKUP_DIR
	local at=$T/a-path-that-is-longer-than-any-buffer-of-sixty-four-bytes-ever-was
	mkdir "$at-1" "$at-2" "$at-3"
	export DB_BACKUP_REMOTE=same:$at-1,same:$at-2,same:$at-3 RCLONE_CONFIG_SAME_TYPE=local
	run_backup backup-db
	assert_status 0
	for i in 1 2 3; do [[ $(ls "$at-$i") == "$(cat "$run/stdout")" ]]; done
	(($(jq '.backups | length' "$DB_BACKUP_STATUS_FILE") == 3))
	(($(jq '[.backups[] | select(.kept == 1)] | length' "$DB_BACKUP_STATUS_FILE") == 3))
}

@test "names that could not be printed are a failure" {
	run bash -c "exec '$BACKUP_SERVICE' backup-db >/dev/full"
	((status == 1))
	[[ $output == *"cannot write to standard output"* ]]
	local_has 1
}

# -- what is set around us

@test "a service file that names a database is refused: it would be dumped, and restored into, instead" {
	local source=$DB_NAME
	fresh_db other
	printf '[main]\ndbname=%s\n' "$DB_NAME" >"$T/service.conf"
	export DB_NAME=$source
	export PGSERVICEFILE=$T/service.conf PGSERVICE=main
	run_backup backup-db
	went_wrong 1 "the service file's dbname takes the place of this database"
	says "hint: take dbname out"
	local_has 0
	s3_has 0
	run_backup restore-db --latest --db "$DB_NAME" --to "victim_$BASHPID" --yes
	assert_status 1
	says "the service file's dbname"
	# one that only says where the server is does no harm
	printf '[main]\nport=%s\n' "$PGPORT" >"$T/service.conf"
	run_backup backup-db
	assert_status 0
}

@test "RCLONE_VERBOSE and RCLONE_QUIET are the user's" {
	RCLONE_VERBOSE=1 run_backup backup-db
	assert_status 0
	says "rclone: "
	RCLONE_QUIET=true run_backup backup-db
	assert_status 0
}

# for real it would be revoked from PUBLIC, and so from the tests that run beside this one
@test "all databases, where the database postgres does not let us in" {
	mkdir "$T/bin"
	cat >"$T/bin/psql" <<-EOF
		#!/bin/sh
		if [ "\$PGDATABASE" = postgres ]; then
			echo 'psql: error: FATAL:  permission denied for database "postgres"' >&2
			exit 2
		fi
		exec $(command -v psql) "\$@"
	EOF
	chmod +x "$T/bin/psql"
	local source=$DB_NAME
	fresh_db plain
	sql "$DB_NAME" "create table t as select 1 as a"
	# others' databases come and go: those that fail are of no interest here
	PATH=$T/bin:$PATH DB_NAME='*' DB_EXCLUDE=postgres,$source DB_BACKUP_RETRIES=0 run_backup backup-db
	grep "^$DB_NAME-" "$run/stdout"
}

@test "whoever starts it may ignore SIGCHLD, or SIGHUP, which then stays so" {
	fresh_db
	local_dir
	for signal in SIGCHLD SIGHUP; do
		printf '#!/usr/bin/python3 -IS\nimport os, signal, sys\nsignal.signal(signal.%s, signal.SIG_IGN)\nos.execv("%s", sys.argv)\n' \
			"$signal" "$BACKUP_SERVICE" >"$T/$signal"
		chmod +x "$T/$signal"
	done
	BACKUP_SERVICE=$T/SIGCHLD run_backup backup-db
	assert_status 0
	published_local 2
	orders pg_dump '*' 'touch begun' 'wait go' 'real'
	with_fakes
	BACKUP_SERVICE=$T/SIGHUP start_backup backup-db
	wait_until test -e "$fakes/begun"
	kill -HUP "$backup_pid"
	touch "$fakes/go"
	wait_backup
	assert_status 0
	published_local 3
}

@test "who reads the log may stop reading: the backup is made, and what is lost is said" {
	fresh_db
	local_dir
	orders pg_dump '*' 'junk 200000' 'touch said' 'wait go' 'warn at the end' 'real'
	with_fakes
	mkfifo "$T/log"
	exec 7<>"$T/log"
	timeout -k 5 60 env -i ASAN_OPTIONS="${ASAN_OPTIONS-}" PATH="$PATH" HOME="$T/home" DB_NAME="$DB_NAME" DB_BACKUP_DIR="$DB_BACKUP_DIR" PGHOST="$PGHOST" PGPORT="$PGPORT" \
		PGUSER="$PGUSER" PGPASSWORD="$PGPASSWORD" "$BACKUP_SERVICE" backup-db 2>&7 3>&- 4>&- &
	local pid=$!
	rig_pids+=("$pid")
	wait_until test -e "$fakes/said"
	sleep 6 # longer than it waits
	cat <&7 >"$T/read" 3>&- 4>&- &
	rig_pids+=($!)
	touch "$fakes/go"
	wait "$pid"
	published_local 2
	wait_until grep -q 'warning: [0-9]* lines were lost here' "$T/read"
	wait_until grep -q 'info backed up ' "$T/read"
}
