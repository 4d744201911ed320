#!/usr/bin/env bats
# Bad days, from the side of the database and of the local disk: what goes wrong
# ends with the right exit status, one error line with its cause and one hint;
# nothing new is visible, nothing half is left, what was there before stays, and
# what the other destination got is kept.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load faults

setup_file() { source_db; }
teardown_file() { drop_source_db; }
setup() {
	rig_setup
	somewhere
}

nothing_new() {
	printed 0 && local_has 0 && s3_has 0
}

@test "control: nothing goes wrong" {
	run_backup backup-db
	assert_status 0
	errors 0
	no_children_left
	printed 1
	local_has 1
	s3_has 1
	[[ ${local_backups[1]##*/} == "$(cat "$run/stdout")" && ${s3_backups[1]} == "$(cat "$run/stdout")" ]]
}

# -- the server

@test "no server within the wait" {
	export PGPORT=1 DB_BACKUP_WAIT=3
	run_backup backup-db
	went_wrong 1 "refused"
	says "DB_BACKUP_WAIT says how long"
	says "waiting for the server"
	nothing_new
}

@test "a server that hangs" {
	pg_through_proxy
	proxy pg hang
	export DB_BACKUP_WAIT=1 PGCONNECT_TIMEOUT=2
	run_backup backup-db
	went_wrong 1 "timeout expired"
	nothing_new
}

@test "a server that comes up within the wait is waited for" {
	pg_through_proxy
	proxy pg refuse
	DB_BACKUP_WAIT=60 start_backup backup-db
	wait_until grep -q "waiting for the server" "$run/stderr"
	proxy pg pass
	wait_backup
	assert_status 0
	(($(grep -c "waiting for the server" "$run/stderr") == 1))
	local_has 1
	s3_has 1
}

@test "a server that is starting up is waited for, also if it is up a moment later" {
	orders psql '* 1' 'warn psql: error: connection to server failed: FATAL:  the database system is starting up' 'exit 2'
	DB_BACKUP_RETRIES=0 run_backup backup-db
	assert_status 0
	says_not "refuses this connection"
	local_has 1
	s3_has 1
}

@test "wrong password: not tried again" {
	DB_BACKUP_RETRIES=1 PGPASSWORD=wrong run_backup backup-db
	went_wrong 1 "password authentication failed"
	says "hint: the server refuses the password: check PGUSER and PGPASSWORD"
	says_not "trying again"
	nothing_new
}

@test "no password: not tried again" {
	unset PGPASSWORD
	DB_BACKUP_RETRIES=1 run_backup backup-db
	went_wrong 1 "no password supplied"
	says "set PGPASSWORD or PGPASSWORD_FILE"
	says_not "trying again"
	nothing_new
}

@test "no such database: not tried again" {
	earlier_name=nowhere-20200101T000000Z.pg-dump
	for at in "$DB_BACKUP_DIR"/*; do mv "$at" "$DB_BACKUP_DIR/$earlier_name"; done
	s3_rm "$(s3_ls)"
	s3_put "$earlier_name" <"$DB_BACKUP_DIR/$earlier_name"
	DB_NAME=nowhere DB_BACKUP_RETRIES=1 run_backup backup-db
	went_wrong 1 'cannot back up "nowhere" to local, cloud: the server has no database of this name'
	says "hint: check DB_NAME"
	says_not "trying again"
	nothing_new
}

@test "no permission on a table" {
	local role=reader$BASHPID
	sql "$DB_NAME" "create role $role login password 'pw'" "create table if not exists invoices (a int)"
	PGUSER=$role PGPASSWORD=pw run_backup backup-db
	sql postgres "drop role $role"
	went_wrong 1 "pg_dump exited with 1"
	says "permission denied for"
	says "hint: let the user read it: GRANT pg_read_all_data"
	nothing_new
}

# here: the major version of the PostgreSQL that the tests have
here() { "$RIG_PG_BIN/pg_dump" --version | sed -E 's/^pg_dump \(PostgreSQL\) ([0-9]+).*/\1/'; }
@test "the server is newer than pg_dump: both versions, the remedy, not tried again, nothing run" {
	orders psql '*' $'say 190002\t1000\t19.2 (Debian 19.2-1)'
	DB_BACKUP_RETRIES=1 run_backup backup-db
	went_wrong 1 "the server is PostgreSQL 19.2 (Debian 19.2-1), but pg_dump is $(here)."
	says "hint: install the PostgreSQL client of the server's major version, or use an image made with PG_MAJOR"
	says_not "trying again"
	[[ $(cat "$fakes/pg_dump.calls") == --version ]]
	nothing_new
}

@test "pg_dump is older than the server" {
	orders pg_dump --version 'say pg_dump (PostgreSQL) 9.6.24'
	run_backup backup-db
	went_wrong 1 "the server is PostgreSQL $(here)."
	says "but pg_dump is 9.6.24"
	nothing_new
}

@test "the server goes away midway" {
	fresh_db
	earlier_name=$DB_NAME-20200101T000000Z.pg-dump
	mv "$DB_BACKUP_DIR"/* "$DB_BACKUP_DIR/$earlier_name"
	s3_rm "$(s3_ls)"
	s3_put "$earlier_name" <"$DB_BACKUP_DIR/$earlier_name"
	sql "$DB_NAME" "create table t as select md5(i::text) from generate_series(1, 300000) i"
	pg_through_proxy
	proxy pg after down 5000000 reset
	run_backup backup-db
	PGPORT=$(sed -n 's/^PGPORT=//p' "$RIG_DIR/pg/env")
	went_wrong 1 "pg_dump exited with 1"
	nothing_new
}

# -- pg_dump

pg_dump_killed() {
	run_backup backup-db
	went_wrong 1 "pg_dump was killed by signal 9 (Killed)"
	nothing_new
}
@test "pg_dump is killed" {
	orders pg_dump '*' 'emit 20000000' 'kill KILL'
	both_rclones pg_dump_killed
}

pg_dump_fails() {
	run_backup backup-db
	went_wrong 1 "pg_dump exited with 1 after"
	grep ' error: ' "$run/stderr" | grep -q 'query failed: ERROR: it is all wrong'
	nothing_new
}
@test "pg_dump exits with 1 after 100 MB" {
	orders pg_dump '*' 'emit 100000000' 'warn pg_dump: error: query failed: ERROR: it is all wrong' \
		'warn pg_dump: detail: Query was: LOCK TABLE' 'exit 1'
	both_rclones pg_dump_fails
}

@test "pg_dump exits with 1 after 100 MB, cloud only" {
	orders pg_dump '*' 'emit 100000000' 'warn pg_dump: error: query failed: ERROR: it is all wrong' 'exit 1'
	unset DB_BACKUP_DIR
	nothing_new() { printed 0 && s3_has 0; }
	both_rclones pg_dump_fails
}

@test "pg_dump ends its output well, and fails then" {
	with_fakes
	rm "$fakes/pg_dump"
	cat >"$fakes/pg_dump" <<-SH
		#!/bin/sh
		case \$1 in --version) exec /usr/bin/pg_dump --version; esac
		"$fakes/stream" 3000000
		exec 1>&-
		until [ -e "$T/go" ]; do sleep 0.05; done
		exit 1
	SH
	chmod 755 "$fakes/pg_dump"
	start_backup backup-db
	# all it wrote was taken
	wait_until eval '[[ $(stat -c %s "$DB_BACKUP_DIR/".*.partial 2>/dev/null) == 3000000 ]]'
	sleep 0.3
	published_local 1
	published_s3 1
	touch "$T/go"
	wait_backup
	assert_status 1
	says "pg_dump exited with 1"
	nothing_new
}

@test "pg_dump exits with 0 and wrote nothing, or what is no dump" {
	orders pg_dump '* 1' 'exit 0'
	orders pg_dump '* 2' 'say psql: help' 'exit 0'
	orders pg_dump '* 3' 'say PGDM' 'exit 0'
	orders pg_dump '* 4' 'say PGDM' 'emit 10000000' 'exit 0'
	local why
	for why in "it wrote nothing" "what it wrote is no dump" "what it wrote is no dump" "what it wrote is no dump"; do
		run_backup backup-db
		assert_status 1
		says "$why"
		no_children_left
		nothing_new
	done
}

@test "pg_dump fails, and what it says before is not taken for the reason" {
	orders pg_dump '*' 'warn pg_dump: warning: there are circular foreign-key constraints' 'junk 20000' \
		'warn pg_dump: error: connection to server was lost' 'warn pg_dump: hint: nothing' 'exit 1'
	run_backup backup-db
	assert_status 1
	grep ' error: ' "$run/stderr" | grep -qF 'connection to server was lost; nothing stored there'
	# what it says comes through, marked with its name
	says "pg_dump: warning: there are circular"
	nothing_new
}

@test "warnings of pg_dump are no failure" {
	orders pg_dump '*' 'warn pg_dump: warning: there are circular foreign-key constraints' 'junk 300000' 'real'
	run_backup backup-db
	assert_status 0
	local_has 1
	s3_has 1
}

@test "pg_dump stalls" {
	orders pg_dump '*' 'emit 3000000' 'hang'
	DB_BACKUP_STALL_TIMEOUT=1 run_backup backup-db
	assert_status 1
	says 'cannot back up "'"$DB_NAME"'" to local, cloud: pg_dump: it wrote no byte for 1 s'
	no_children_left
	nothing_new
}

# Into the directory alone pg_dump writes itself, and is only watched.
@test "local alone: a dump that fails, is none, stalls, is killed or is told to stop leaves nothing" {
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	export DB_BACKUP_RETRIES=0
	orders pg_dump '* 1' 'emit 30000000' 'exit 1'
	orders pg_dump '* 2' 'exit 0'
	orders pg_dump '* 3' 'say psql: help' 'exit 0'
	orders pg_dump '* 4' 'say PGDM' 'emit 10000000' 'exit 0'
	orders pg_dump '* 5' 'emit 3000000' 'kill KILL'
	orders pg_dump '* 6' 'emit 3000000' 'hang'
	orders pg_dump '* 7' 'emit 3000000' 'touch there' 'hang'
	local why
	for why in "exited with 1" "it wrote nothing" "what it wrote is no dump" "what it wrote is no dump" "killed by signal 9" \
		"it wrote no byte for 3 s"; do
		DB_BACKUP_STALL_TIMEOUT=3 run_backup backup-db
		assert_status 1
		says "$why"
		no_children_left
		local_has 0
		printed 0
	done
	start_backup backup-db
	wait_until test -e "$fakes/there"
	kill -TERM "$backup_pid"
	wait_backup
	assert_status 143
	no_children_left
	local_has 0
	# the control: one that is slow, but whole, is published as it is
	orders pg_dump '*' 'emit 6000000 2000000'
	DB_BACKUP_STALL_TIMEOUT=2 run_backup backup-db
	assert_status 0
	local_has 1
	is_stream "$local_backup" 6000000
}

# SIGKILL of the supervisor: pg_dump, which holds the file, ends too, and the next run sweeps it
@test "local alone: the supervisor is killed" {
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	orders pg_dump '* 1' 'emit 3000000' 'touch there' 'hang'
	start_backup backup-db
	wait_until test -e "$fakes/there"
	kill -KILL "$backup_pid"
	wait_backup
	no_children_left 3
	published_local 1
	run_backup backup-db
	assert_status 0
	local_has 1
}

@test "pg_dump ignores SIGTERM" {
	orders pg_dump '*' 'ignore TERM' 'emit 3000000' 'hang'
	DB_BACKUP_STALL_TIMEOUT=1 run_backup backup-db
	assert_status 1
	says "it wrote no byte for 1 s"
	no_children_left
	nothing_new
}

@test "a tool is missing, or cannot be executed" {
	local bin=$T/bin tool
	mkdir "$bin"
	for tool in pg_dump psql pg_isready; do ln -s "$RIG_PG_BIN/$tool" "$bin/$tool"; done
	ln -s /usr/bin/rclone "$bin/rclone"
	export DB_BACKUP_RETRIES=3
	RUN_UNDER="env PATH=$bin" run_backup backup-db # a control: these are all that is needed
	assert_status 0
	local_has 1
	s3_has 1
	find "$DB_BACKUP_DIR" -type f ! -name "$earlier_name" -delete
	s3_rm "${s3_backups[1]}"

	for tool in pg_dump psql; do
		mv "$bin/$tool" "$T/away"
		RUN_UNDER="env PATH=$bin" run_backup backup-db
		went_wrong 127 "$tool"
		says "hint: install the PostgreSQL client"
		nothing_new
		echo "#!/bin/sh" >"$bin/$tool"
		RUN_UNDER="env PATH=$bin" run_backup backup-db
		went_wrong 126 "$tool"
		says "Permission denied"
		nothing_new
		rm "$bin/$tool"
		mv "$T/away" "$bin/$tool"
	done

	# rclone: the local backup is made all the same
	rm "$bin/rclone"
	RUN_UNDER="env PATH=$bin" run_backup backup-db
	went_wrong 127 "to cloud: rclone"
	says "No such file or directory"
	printed 1
	local_has 1
	s3_has 0
	find "$DB_BACKUP_DIR" -type f ! -name "$earlier_name" -delete
	echo "#!/bin/sh" >"$bin/rclone"
	RUN_UNDER="env PATH=$bin" run_backup backup-db
	went_wrong 126 "to cloud: rclone"
	says "Permission denied"
	local_has 1
	s3_has 0

	# the other commands tell it alike
	local command
	for command in list-backups prune-backups "verify-backup --from cloud" "restore-db --latest --from cloud --to nowhere"; do
		read -ra words <<<"$command"
		RUN_UNDER="env PATH=$bin" run_backup "${words[@]}"
		assert_status 126
		says "Permission denied"
	done
	rm "$bin/psql"
	RUN_UNDER="env PATH=$bin" run_backup restore-db --latest --from local --to nowhere
	assert_status 127
	DB_NAME='*' RUN_UNDER="env PATH=$bin" run_backup prune-backups
	assert_status 127
}

# -- the local disk

@test "the disk is full" {
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	small_disk 4m
	echo "PGDMP earlier" >"$DB_BACKUP_DIR/$earlier_name"
	orders pg_dump '*' 'emit 20000000'
	run_backup backup-db
	went_wrong 1 'to local: pg_dump exited with 1'
	says "No space left on device"
	says "hint: free space"
	printed 0
	local_has 0
	# room again: it goes on
	rm "$fakes/pg_dump.orders"
	run_backup backup-db
	assert_status 0
	local_has 1
}

disk_full_cloud_kept() {
	run_backup backup-db
	went_wrong 1 'to local: cannot write to '
	says "No space left on device"
	printed 1
	local_has 0
	s3_has 1
	s3_cat "${s3_backups[1]}" >"$T/got"
	is_stream "$T/got" 60000000
	s3_rm "${s3_backups[1]}"
}
@test "the disk is full: the cloud still gets all of it" {
	small_disk 4m
	echo "PGDMP earlier" >"$DB_BACKUP_DIR/$earlier_name"
	orders pg_dump '*' 'emit 60000000'
	both_rclones disk_full_cloud_kept
}

@test "the target folder cannot be written, as another user" {
	((EUID == 0)) || skip "wants root"
	chmod -R a+rX "$T" "$RIG_DIR/tmp"
	export DB_BACKUP_STATUS_FILE=$T/run/status.json
	mkdir -m 777 "$T/run"
	chmod 1777 "$T/tmp" # for the locks
	RUN_UNDER=$as_nobody run_backup backup-db
	went_wrong 1 "to local: cannot write to $DB_BACKUP_DIR: Permission denied (as user 65534)"
	says "hint: make it writable for the user"
	printed 1
	local_has 0
	s3_has 1
	# alone, and where it cannot even be made
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	RUN_UNDER=$as_nobody run_backup backup-db
	went_wrong 1 "cannot write to $DB_BACKUP_DIR: Permission denied"
	local_has 0
	local backups=$DB_BACKUP_DIR
	DB_BACKUP_DIR=$backups/deeper RUN_UNDER=$as_nobody run_backup backup-db
	went_wrong 1 "cannot make $backups/deeper: Permission denied"
	local_has 0
	# its files are for their owner alone
	chmod 777 "$DB_BACKUP_DIR"
	RUN_UNDER=$as_nobody run_backup backup-db
	assert_status 0
	local_has 1
	[[ $(stat -c '%u %a' "${local_backups[1]}") == "65534 600" ]]
}

@test "a directory for locks that somebody else made is not trusted" {
	((EUID == 0)) || skip "NOT TESTED: wants root"
	chmod -R a+rX "$T" "$RIG_DIR/tmp"
	chmod 777 "$DB_BACKUP_DIR"
	unset DB_BACKUP_STATUS_FILE S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	mkdir "$T/tmp/backup-service-65534"
	chmod 1777 "$T/tmp" # TMPDIR; made by root, and we run as another user
	RUN_UNDER=$as_nobody run_backup backup-db
	went_wrong 1 'cannot make its lock: Operation not permitted'
	chown 65534 "$T/tmp/backup-service-65534"
	RUN_UNDER=$as_nobody run_backup backup-db
	assert_status 0
	# but a lock that somebody else made can be taken
	[[ $(stat -c %a "$T/tmp"/backup-service-65534/*.lock | sort -u) == 644 ]]
	chown 0 "$T/tmp"/backup-service-65534/*.lock
	RUN_UNDER=$as_nobody run_backup backup-db
	assert_status 0
	says_not warning
}

@test "the target folder is a file" {
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	echo x >"$T/file"
	DB_BACKUP_DIR=$T/file run_backup backup-db
	went_wrong 1 "$T/file"
	DB_BACKUP_DIR=$T/file/below run_backup backup-db
	went_wrong 1 "$T/file"
	[[ $(cat "$T/file") == x ]]
}

@test "the file disappears, or somebody takes its name, while it is written" {
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	orders pg_dump '*' 'emit 1000000' 'wait go'
	start_backup backup-db
	wait_until eval 'compgen -G "$DB_BACKUP_DIR/.*.partial" >/dev/null'
	rm "$DB_BACKUP_DIR"/.*.partial
	touch "$fakes/go"
	wait_backup
	assert_status 1
	errors 1
	local_has 0
	rm "$fakes/go"

	start_backup backup-db
	wait_until eval 'compgen -G "$DB_BACKUP_DIR/.*.partial" >/dev/null'
	local partial final
	partial=$(echo "$DB_BACKUP_DIR"/.*.partial)
	final=${partial##*/.} final=$DB_BACKUP_DIR/${final%.partial}
	echo "somebody's" >"$final"
	touch "$fakes/go"
	wait_backup
	assert_status 1
	[[ $(cat "$final") == "somebody's" ]]
	no_partials
}
