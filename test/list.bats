#!/usr/bin/env bats
# list-backups: what people and programs see of what the destinations hold.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154  # each test is a subshell; lib.bash sets and reads
load lib

local_and_cloud() {
	local_dir
	s3_env
	fresh_bucket
}

# put NAME...: in all destinations that are set
put() {
	local name
	for name; do
		[[ ! ${DB_BACKUP_DIR-} ]] || echo tiny >"$DB_BACKUP_DIR/$name"
		[[ ! ${RIG_BUCKET-} ]] || echo tiny | s3_put "$name"
	done
}

# shows LINE...: each is a regular expression that a whole line of stdout fits
shows() {
	local line
	for line; do grep -qx -- "$line" "$run/stdout" || fail "no line '$line' in: $(cat "$run/stdout")" || return; done
}

# json EXPRESSION: which is true of stdout, read as x
json() { python3 -c "import json, sys
x = json.load(open(sys.argv[1]))
names = sorted(o['name'] for o in x)
sys.exit(0 if $1 else f'{x}')" "$run/stdout"; }

now() { date -u -d "${1-now}" +%Y%m%dT%H%M%SZ; }

ten_thousand() {
	python3 -c '
import datetime, os
for i in range(10000):
    t = datetime.datetime(2024, 1, 1) + datetime.timedelta(minutes=i)
    name = os.path.join(os.environ["DB_BACKUP_DIR"], t.strftime("app-%Y%m%dT%H%M%SZ.pg-dump"))
    os.close(os.open(name, os.O_CREAT))'
}

the_table() {
	local_and_cloud
	use_rclone "$1"
	put "app-$(now '-3 hours').pg-dump" app-20260101T000000Z.pg-dump.bin globals-20260102T030405Z.sql
	(unset RIG_BUCKET && put x-20260102T030405Z.pg-dump)
	echo 'not so tiny' | s3_put app-20260101T000000Z.pg-dump.bin
	run_backup list-backups
	assert_status 0
	shows 'DATABASE  *TIME (UTC)  *AGE  *SIZE  WHERE  *ENCRYPTED  NAME' \
		'app  *20..-..-.. ..:..:..  3 h 0 min ago  *5 B  local, cloud  no  *app-20[0-9TZ]*.pg-dump' \
		'app  *2026-01-01 00:00:00  [0-9]* d .* ago  *5 B  local  *yes  *app-20260101T000000Z.pg-dump.bin' \
		'app  *2026-01-01 00:00:00  [0-9]* d .* ago  *12 B  cloud  *yes  *app-20260101T000000Z.pg-dump.bin' \
		'(globals)  2026-01-02 03:04:05  .* 5 B  local, cloud  no  *globals-20260102T030405Z.sql' \
		'local: 4 backups, 20 B' 'cloud: 3 backups, 22 B'
	# newest first
	[[ $(grep -o '[^ ]*\(dump\|bin\|sql\)$' "$run/stdout" | cut -c 1-8 | tr '\n' ' ') == "app-2026 globals- x-202601 app-2026 app-2026 " ]]
	[[ ! -s $run/stderr ]]
}
@test "the table: newest first, places joined where the file is the same, totals (old rclone)" { the_table old; }
@test "the table: newest first, places joined where the file is the same, totals (new rclone)" { the_table new; }

@test "columns are aligned whatever the script of the names" {
	local_dir
	put app-20260101T000000Z.pg-dump 日本語-20260102T000000Z.pg-dump Überweg-20260103T000000Z.pg-dump \
		$'e\u0301te\u0301-20260104T000000Z.pg-dump' ロング名前データベース-20260105T000000Z.pg-dump
	dd if=/dev/zero of="$DB_BACKUP_DIR/app-20260106T000000Z.pg-dump" bs=1 count=0 seek=123456789 status=none
	run_backup list-backups
	assert_status 0
	python3 - "$run/stdout" <<-'PY'
		import sys, unicodedata
		def wide(text):
		    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
		rows = open(sys.argv[1]).read().split("\n\n")[0].splitlines()
		assert len(rows) == 7, rows
		# where the columns begin; the size ends where its title does
		for marks in (["TIME"] + ["2026-"] * 6, ["WHERE"] + ["local"] * 6, ["ENCR"] + ["no "] * 6):
		    assert len({wide(row[:row.index(mark)]) for row, mark in zip(rows, marks)}) == 1, (marks, rows)
		ends = [wide(row[:row.index("  WHERE" if i == 0 else "  local")]) for i, row in enumerate(rows)]
		assert len(set(ends)) == 1, (ends, rows)
	PY
}

@test "JSON: valid, complete, each place by itself" {
	local_and_cloud
	export DB_NAME=app
	put app-20260101T000000Z.pg-dump globals-20260102T030405Z.sql.bin 'we%2Fird%22%5C-20260103T000000Z.pg-dump' notes.txt
	run_backup list-backups --json
	assert_status 0
	json 'len(x) == 6'
	json 'x[0] == {"name": "we%2Fird%22%5C-20260103T000000Z.pg-dump", "kind": "dump", "database": "we/ird\"\\", "time": "2026-01-03T00:00:00Z", "size_bytes": 5, "encrypted": False, "destination": "local"}'
	json 'x[3] == {"name": "globals-20260102T030405Z.sql.bin", "kind": "globals", "database": None, "time": "2026-01-02T03:04:05Z", "size_bytes": 5, "encrypted": True, "destination": "cloud"}'
	run_backup list-backups --json --all --from cloud
	assert_status 0
	json 'len(x) == 4 and x[3] == {"name": "notes.txt", "kind": "other", "database": None, "time": None, "size_bytes": 5, "encrypted": None, "destination": "cloud"}'
	json 'all(list(o) == list(x[0]) for o in x)'
	rm "$DB_BACKUP_DIR"/*
	run_backup list-backups --json --from local
	assert_status 0
	json 'x == []'
}

@test "--db, --from, --all" {
	local_and_cloud
	put app-20260101T000000Z.pg-dump app-2-20260101T000000Z.pg-dump app_test-20260101T000000Z.pg-dump \
		globals-20260101T000000Z.sql globals-20260101T000000Z.pg-dump a.txt b.txt
	run_backup list-backups --db app
	assert_status 0
	shows 'app  .*app-20260101T000000Z.pg-dump' 'local: 1 backup of "app", 5 B; 2 other files, 10 B (--all shows them)'
	[[ $(grep -c 20260101 "$run/stdout") == 1 ]]
	run_backup list-backups --db globals --json
	json 'names == ["globals-20260101T000000Z.pg-dump"] * 2'
	run_backup list-backups --db 'no "such' --from cloud
	assert_status 0
	shows 'cloud: no backups of "no "such" found; 2 other files, 10 B (--all shows them)'
	! grep -q 'local\|DATABASE' "$run/stdout" || fail "$(cat "$run/stdout")"
	run_backup list-backups --from cloud --all
	assert_status 0
	shows 'cloud: 5 backups, 25 B; 2 other files, 10 B:' '  *5 B  a.txt' '  *5 B  b.txt'
	[[ $(tail -n 2 "$run/stdout" | tr -d ' \n') == 5Ba.txt5Bb.txt ]]
	! grep -q local "$run/stdout" || fail "$(cat "$run/stdout")"
	run_backup list-backups --from nowhere
	assert_status 2
	says 'there is no destination "nowhere"'
	run_backup list-backups app
	assert_status 2
}

@test "names of the predecessor are other files, and shown with --all" {
	local_dir
	put app-2026-01-01T00:00:00Z.pg-dump app.dump app-20260101000000.pg-dump
	run_backup list-backups
	assert_status 0
	shows 'local: no backups found; 3 other files, 15 B (--all shows them)'
	run_backup list-backups --all
	shows '  *5 B  app-2026-01-01T00:00:00Z.pg-dump' '  *5 B  app-20260101000000.pg-dump'
	rm "$DB_BACKUP_DIR"/app-*
	run_backup list-backups
	shows 'local: no backups found; 1 other file, 5 B (--all shows it)'
}

@test "only the prefix that is set is looked at" {
	local_and_cloud
	put app-20260101T000000Z.pg-dump a-app-20260102T000000Z.pg-dump
	mkdir "$DB_BACKUP_DIR/a"
	echo tiny >"$DB_BACKUP_DIR/a/app-20260103T000000Z.pg-dump"
	echo tiny | s3_put a/app-20260103T000000Z.pg-dump
	DB_BACKUP_PREFIX=a/ run_backup list-backups --json --all
	json 'names == ["app-20260103T000000Z.pg-dump"] * 2'
	DB_BACKUP_PREFIX=a run_backup list-backups --json
	json 'names == ["a-app-20260102T000000Z.pg-dump"] * 2 and x[0]["database"] == "app"'
	run_backup list-backups --json --db app
	json 'names == ["app-20260101T000000Z.pg-dump"] * 2'
}

@test "nothing there: a friendly line; a folder not made yet is empty, a missing bucket is an error" {
	local_and_cloud
	run_backup list-backups
	assert_status 0
	[[ $(cat "$run/stdout") == "local: no backups found"$'\n'"cloud: no backups found" ]]
	rmdir "$DB_BACKUP_DIR"
	run_backup list-backups --from local
	assert_status 0
	shows 'local: no backups found'
	[[ ! -e $DB_BACKUP_DIR ]]
	S3_BACKUP_BUCKET=not-there-$RANDOM run_backup list-backups
	assert_status 1
	shows 'local: no backups found' 'cloud: cannot be listed'
	says 'error: cannot list cloud'
	says 'hint: create the bucket'
}

@test "what cannot be listed is an error, the others are shown" {
	local_and_cloud
	put app-20260101T000000Z.pg-dump
	s3_through_proxy
	proxy s3 answer 403
	for rclone in old new; do
		use_rclone $rclone
		run_backup list-backups
		assert_status 1
		says 'error: cannot list cloud'
		shows 'app .*  local  .*' 'local: 1 backup, 5 B' 'cloud: cannot be listed'
		run_backup list-backups --json
		assert_status 1
		json 'names == ["app-20260101T000000Z.pg-dump"] and x[0]["destination"] == "local"'
	done
	proxy s3 pass
	rm -r "$DB_BACKUP_DIR"
	echo 'no folder' >"$DB_BACKUP_DIR"
	run_backup list-backups
	assert_status 1
	says 'error: cannot list local'
	shows 'local: cannot be listed' 'cloud: 1 backup, 5 B'
}

@test "a folder whose files cannot be looked at is no empty one" {
	export DB_BACKUP_DIR=$RIG_DIR/seen-only.$$
	mkdir "$DB_BACKUP_DIR"
	put app-20260101T000000Z.pg-dump
	chmod 744 "$DB_BACKUP_DIR"
	nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	"${nobody[@]}" test -x "$BACKUP_SERVICE" || skip "NOBODY CANNOT RUN $BACKUP_SERVICE"
	run "${nobody[@]}" "$BACKUP_SERVICE" list-backups
	rm -r "$DB_BACKUP_DIR"
	((status == 1))
	[[ $output == *'error: cannot list local: '*'Permission denied'* ]]
	[[ $output == *'local: cannot be listed' ]]
}

@test "a listing that fails on its second page shows no half" {
	s3_env
	fresh_bucket
	s3_through_proxy
	seq -f 'zz-%.0f' 1100 | s3 fill
	export RCLONE_LOW_LEVEL_RETRIES=1
	for rclone in old new; do
		use_rclone $rclone
		proxy s3 answer 503 match=marker=zz
		proxy s3 answer 503 match=continuation-token=
		run_backup list-backups --all
		assert_status 1
		[[ $(cat "$run/stdout") == 'cloud: cannot be listed' ]]
		run_backup list-backups --all --json
		assert_status 1
		json 'x == []'
		proxy s3 pass
		run_backup list-backups
		assert_status 0
		shows 'cloud: no backups found; 1100 other files, .*'
	done
}

@test "hostile names are escaped" {
	local_and_cloud
	evil=$'evil\e]0;owned\a\e[2J\u009b1m\r\b\x7f'
	put "$evil"
	echo tiny >"$DB_BACKUP_DIR/"$'new\nlocal: 99 backups\xff\xfe\x9b31m"\\'
	# ours may hold what looks like an attack only as %XX, which comes back in the column of databases
	put $'app-%1B%5B2J%0Ax-20260101T000000Z.pg-dump'
	run_backup list-backups --all
	assert_status 0
	! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$run/stdout" || fail "$(cat -v "$run/stdout")"
	iconv -f UTF-8 -t UTF-8 "$run/stdout" >/dev/null
	! grep -q '^local: 99' "$run/stdout" || fail "a forged line"
	shows 'app-\\x1b\[2J\\nx  .*'
	run_backup list-backups --all --json
	assert_status 0
	! LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f\x7f]' "$run/stdout" || fail "$(cat -v "$run/stdout")"
	json 'len(x) == 5 and x[0]["database"] == "app-\x1b[2J\nx"'
	run_backup list-backups --db $'a\e[2J'
	shows 'local: no backups of "a\\x1b\[2J" found.*'
}

@test "very long names are shown whole" {
	s3_env
	fresh_bucket
	long=$(printf 'ü"%.0s' {1..330})
	put "$long"
	run_backup list-backups --all
	assert_status 0
	shows "  *5 B  $long"
	run_backup list-backups --all --json
	json 'len(x[0]["name"]) == 660'
}

@test "output that cannot be written is a failure" {
	local_dir
	put app-20260101T000000Z.pg-dump
	for command in list-backups 'list-backups --json' 'prune-backups --db app --dry-run'; do
		run ! bash -c "exec '$BACKUP_SERVICE' $command >/dev/full"
		[[ $output == *"cannot write to standard output: No space left on device"* ]]
	done
}

@test "a destination that does not answer is given up, and Ctrl-C ends it at once" {
	s3_env
	fresh_bucket
	s3_through_proxy
	proxy s3 hang
	DB_BACKUP_STALL_TIMEOUT=1 run_backup list-backups
	assert_status 1
	says 'cannot list cloud'
	no_children_left
	start_backup list-backups
	wait_until pgrep -P "$backup_pid" -x rclone >/dev/null
	kill -INT "$backup_pid"
	wait_backup
	assert_status 130
	no_children_left
}

@test "10,000 backups are listed in memory that is bounded, and in time" {
	! grep -q __asan_init "$BACKUP_SERVICE" || skip "the sanitizer's memory is counted too"
	[[ ! ${RUN_UNDER-} ]] || skip "the memory of $RUN_UNDER is counted too"
	local_dir
	peak() { command time -f %M -o "$T/peak" "$BACKUP_SERVICE" "$@" >"$T/out" && cat "$T/peak"; }
	base=$(peak list-backups)
	ten_thousand
	for command in list-backups 'list-backups --json' 'prune-backups --db app --dry-run'; do
		# shellcheck disable=SC2086  # words
		more=$(($(peak $command) - base))
		echo "# $command: 10,000 backups take $more KiB on top of $base" >&3
		(($(grep -c 'app-2024' "$T/out") == 10000))
		((more < 3500))
	done
}
