#!/usr/bin/env bats
# DB_BACKUP_LOG=json: every line on standard error, of every command, is one JSON object.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load faults

setup() {
	rig_setup
	local_dir
	export DB_BACKUP_LOG=json
}

# all_json STATUS [LEVEL...]: stderr is not empty, and nothing but objects; each LEVEL occurs
all_json() {
	assert_status "$1" || return
	python3 - "$run/stderr" "${@:2}" <<-'PY'
		import json, re, sys
		lines = open(sys.argv[1], newline="").read().split("\n")
		assert lines.pop() == "", "no newline at the end"
		assert lines, "no line at all"
		levels = set()
		for line in lines:
		    o = json.loads(line)
		    assert isinstance(o, dict) and set(o) - {"tool"} == {"time", "level", "message"}, line
		    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", o["time"]), line
		    assert all(isinstance(v, str) for v in o.values()), line
		    levels.add(o["level"])
		    levels.add(o.get("tool"))
		assert set(sys.argv[2:]) <= levels, (levels, lines)
	PY
}

@test "a hostile database, backed up, listed, verified, pruned, restored" {
	fresh_db $'a"b\\c\n{"level":"info"}\x01é'
	sql "$DB_NAME" 'create table t as select 1 a'
	run_backup backup-db
	all_json 0 info
	name=$(cat "$run/stdout")
	run_backup verify-backup
	all_json 0 info
	run_backup restore-db --yes --to "back_$DB_NAME" --latest
	rig_dbs+=("back_$DB_NAME")
	all_json 0 info hint
	run_backup restore-db --yes --to "back_$DB_NAME" --latest
	all_json 1 error hint
	DB_BACKUP_PREFIX=x run_backup restore-db --latest
	all_json 1 error
	DB_BACKUP_DIR=/proc/none run_backup backup-db
	all_json 1 error hint
	DB_BACKUP_DIR=/proc/none run_backup backup-db --dry-run
	assert_status 1
}

@test "mistakes, of the configuration too; each command" {
	for command in backup-service backup-db list-backups restore-db verify-backup prune-backups backup-health; do
		DB_BACKUP_MAX_N=$'x"\n\\' DB_BACKUP_NO_SUCH=$'\xff' run_backup "$command"
		all_json 2 error
	done
	unset DB_BACKUP_DIR
	DB_NAME=x run_backup backup-db
	all_json 2 error hint
}

@test "what children say, in any bytes; and warnings" {
	fresh_db
	fresh_bucket
	s3_env
	orders pg_dump --format=custom 'warn {"a": "b"' 'junk 3000' 'exit 1'
	run_backup backup-db
	all_json 1 error pg_dump
	rm "$fakes/pg_dump.orders"
	S3_BUCKET=x S3_SECRET_KEY=wrong run_backup backup-db
	all_json 1 error warning rclone
	orders rclone rcat 'junk 100000' 'exit 1'
	run_backup backup-db
	all_json 1 error rclone
}

@test "a child that does not end its line, and one line of 100 kB" {
	fresh_db
	with_fakes
	printf '#!/bin/sh\nhead -c 100000 /dev/zero | tr "\\0" x >&2\nprintf "\\"no end" >&2\nexit 1\n' >"$T/dump"
	chmod +x "$T/dump"
	rm "$fakes/pg_dump"
	printf '#!/bin/sh\n[ "$1" = --version ] && exec /usr/bin/pg_dump --version\nexec %s\n' "$T/dump" >"$fakes/pg_dump"
	chmod +x "$fakes/pg_dump"
	run_backup backup-db
	all_json 1 error pg_dump
}
