#!/usr/bin/env bats
# backup-health, the status file and the metrics; hook and ping.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load service

setup_file() { build_clock; }

# pretend_service: hold the lock by which health knows that the service lives
pretend_service() {
	flock --no-fork "$DB_BACKUP_STATUS_FILE.service" sleep 600 3>&- 4>&- &
	rig_pids+=($!)
	wait_until eval '! flock -n "$DB_BACKUP_STATUS_FILE.service" true'
}

# status_says STARTED NEXT_DUE [DATABASE DESTINATION SUCCESS FAILURES ERROR]...: times as seconds from now;
# due every $interval seconds, or by $schedule in $zone. health itself knows nothing of that.
status_says() {
	local now items=() at
	now=$(date +%s)
	local started=$((now + $1)) due=$((now + $2))
	shift 2
	for (( ; $# >= 5; )); do
		at=0
		[[ $3 == never ]] || at=$((now + $3))
		items+=("{\"database\":\"$1\",\"destination\":\"$2\",\"wanted\":${wanted-1},\"success\":$at,\"size_bytes\":100,\"duration_ms\":${duration_ms--1},\"kept\":3,\"failures\":$4,\"failed\":$((now - 5)),\"error\":\"$5\"}")
		shift 5
	done
	local IFS=,
	((due > now - 99999)) || due=0
	echo "{\"pid\":1,\"started\":$started,\"next_due\":$due,\"working\":${working-0},
\"interval_s\":${interval-0},\"jitter_s\":${jitter-0},\"schedule\":\"${schedule-}\",\"zone\":\"${zone-}\",
\"backups\":[${items[*]}]}" >"$DB_BACKUP_STATUS_FILE"
}

says_healthy() { is_healthy || fail "$health"; }
# says_unhealthy PATTERN
# shellcheck disable=SC2053  # a pattern
says_unhealthy() {
	is_unhealthy || fail "$health" || return
	[[ $health == $1 && $health != *$'\n'* ]] || fail "$health"
}

@test "healthy while each newest backup is younger than the interval and a tenth of it" {
	interval=864000
	says_unhealthy 'unhealthy: backup-service has not run here'
	pretend_service
	status_says -9000000 1000 app local -$((11 * 86400 - 10)) 0 '' app cloud -10 0 ''
	says_healthy
	status_says -9000000 1000 app local -10 0 '' app cloud -$((11 * 86400 + 100)) 0 ''
	says_unhealthy 'unhealthy: "app" at cloud was last backed up 20*Z, late since 20*Z (1 min 4* s)'
	# globals, reasons, how many others
	status_says -9000000 1000 '' cloud -$((12 * 86400)) 7 'no \"key\"\nfits' app cloud -$((11 * 86400 + 100)) 0 '' b cloud -1 0 ''
	says_unhealthy 'unhealthy: globals at cloud was last backed up *; 7 failed since: no "key"\\nfits; 1 more is late'
	# what is no longer wanted does not count
	wanted=0 status_says -9000000 1000 app local -99999999 5 'x'
	says_unhealthy 'unhealthy: the service has not found any database yet'
	# jitter is part of the interval
	jitter=3600 status_says -9000000 1000 app local -$((11 * 86400 + 100)) 0 ''
	says_healthy
	# health is run with other variables than the service, or with none
	DB_BACKUP_INTERVAL=10s says_healthy
	interval=60 status_says -9000000 1000 app local -700 0 ''
	says_unhealthy '*late since*'
	DB_BACKUP_SCHEDULE=@weekly says_unhealthy '*late since*'
	interval='' status_says -9000000 1000 app local -10 0 ''
	says_unhealthy 'unhealthy: the status file does not tell when backups are due'
}

# at TIME HOURS MINUTES [FAILURES ERROR]: the product's clock stands there, in UTC, and the backup
# is so much older
at() {
	local ago
	fast_clock 0
	ago=$(($(date +%s) - $(date -ud "$1" +%s)))
	set_clock "-$ago"
	status_says -9000000 1000 app local "-$((ago + $2 * 3600 + $3 * 60))" "${4-0}" "${5-}"
}

@test "the grace is 10 min at least, and a schedule's is that of the gap behind the backup" {
	pretend_service
	interval=60
	status_says -9000000 1000 app local -650 0 ''
	says_healthy
	status_says -9000000 1000 app local -670 0 ''
	says_unhealthy '*late since*'
	schedule='0 2 * * 1-5' zone=Europe/Berlin
	# Friday: three days to Monday, 02:00 there is 01:00
	at '2026-11-23 08:00' 79 0
	says_healthy
	at '2026-11-23 08:20' 79 20
	says_unhealthy '*late since 2026-11-23T08:1[12]:*'
	# Monday: one to Tuesday, and not three
	at '2026-11-24 03:20' 26 20
	says_healthy
	at '2026-11-24 03:30' 26 30 3 'no route'
	says_unhealthy '*late since 2026-11-24T03:2[34]:*no route'
	# an hour within the day, and not the night between two
	schedule='0 9-17 * * 1-5'
	at '2026-11-24 10:15' 2 15 1 'no route'
	says_unhealthy '*late since*'
}

@test "a dump that takes longer than the grace is no alarm, as its name tells when it began" {
	interval=86400
	pretend_service
	# the one before took 5 hours: twice that is allowed, on top of 2.4
	duration_ms=18000000 status_says -9000000 1000 app local -$((24 * 3600 + 12 * 3600)) 0 ''
	says_healthy
	duration_ms=18000000 status_says -9000000 1000 app local -$((24 * 3600 + 13 * 3600)) 0 ''
	says_unhealthy '*late since* (36 min*'
	duration_ms=-1 status_says -9000000 1000 app local -$((24 * 3600 + 3 * 3600)) 0 ''
	says_unhealthy '*late since*'
	# how long it took is not known any more, and one is being made: it has another day
	working=1 duration_ms=-1 status_says -9000000 -999999 app local -$((48 * 3600 + 2 * 3600)) 0 ''
	says_healthy
	working=1 duration_ms=-1 status_says -9000000 -999999 app local -$((48 * 3600 + 3 * 3600)) 0 ''
	says_unhealthy '*late since*'
	working=1 duration_ms=-1 status_says -9000000 -999999 app local -$((24 * 3600 + 3 * 3600)) 1 'no'
	says_unhealthy '*late since*'
	# the first one of all
	working=1 status_says -20000 0 app local never 0 ''
	says_healthy
	status_says -20000 0 app local never 0 ''
	says_unhealthy '*has no backup*'
	working=1 status_says -20000 0 app local never 1 'no'
	says_unhealthy '*has no backup*'
}

@test "a service just started has time for its first backup, unless its run has failed" {
	interval=3600
	pretend_service
	status_says -500 1000 app local never 0 ''
	says_healthy
	status_says -700 1000 app local never 0 ''
	says_unhealthy 'unhealthy: "app" at local has no backup, late since*'
	status_says -500 1000 app local never 1 'wrong password'
	says_unhealthy '*has no backup*; 1 failed since: wrong password'
	# what it finds may be old: it makes that up at once
	status_says -500 1000 app local -999999 0 ''
	says_healthy
	status_says -500 1000 app local -999999 2 'no route'
	says_unhealthy '*late since*no route'
}

@test "a backup dated ahead of the clock is as good as what the service waits for" {
	interval=3600
	pretend_service
	status_says -9000 100 app local 18000 0 ''
	says_healthy
	# a run is at work
	working=1 status_says -9000 -999999 app local 18000 0 ''
	says_healthy
	# what fails is no better for it
	status_says -9000 100 app local 18000 1 'no route'
	says_unhealthy '*late since*no route'
	status_says -9000 -700 app local 18000 0 ''
	says_unhealthy '*late since*'
}

@test "unhealthy when the service is dead, also if its process id lives on as another" {
	fresh_db
	local_dir
	serve
	wait_until asleep
	is_healthy || fail "$health"
	[[ $health == 'healthy: the oldest of 1 is of '*'; next at '* ]] || fail "$health"
	stop_service KILL
	sed -i "s/\"pid\":[0-9]*/\"pid\":$$/" "$DB_BACKUP_STATUS_FILE"
	says_unhealthy 'unhealthy: backup-service does not run any more'
}

@test "a status file that is cut off, garbage or hostile does no harm" {
	pretend_service
	for text in '' '{' '[]' '{"backups":[' '{"started":1,"backups":[{"database":1}]}' \
		"{\"started\":1,\"backups\":[{\"database\":\"$(printf 'x%.0s' {1..5000})\",\"destination\":\"y\"}]}" \
		"{\"backups\":[{\"database\":\"a\",\"destination\":\"b\",\"wanted\":1,\"error\":\"$(printf 'x%.0s' {1..20000})\"}]}" \
		'{"interval_s":60,"backups":[{"database":"a","destination":"b","wanted":1,"success":9223372036854775807,"failures":1,"failed":1}]}' \
		'{"interval_s":9223372036854775807,"backups":[]}' '{"interval_s":60,"jitter_s":9223372036854775807,"backups":[]}' '{"schedule":"x y","backups":[]}'; do
		printf '%s' "$text" >"$DB_BACKUP_STATUS_FILE"
		says_unhealthy 'unhealthy: *'
		"$BACKUP_SERVICE" backup-health --prometheus >/dev/null
	done
	head -c 100000 /dev/urandom >"$DB_BACKUP_STATUS_FILE"
	says_unhealthy 'unhealthy: *'
	rm "$DB_BACKUP_STATUS_FILE"
	mkdir "$DB_BACKUP_STATUS_FILE"
	says_unhealthy 'unhealthy: the status file cannot be read*'
	rmdir "$DB_BACKUP_STATUS_FILE"
	# and a service makes it anew
	echo garbage >"$DB_BACKUP_STATUS_FILE"
	fresh_db
	local_dir
	clocked start_backup backup-db
	wait_backup
	assert_status 0
	jq -e '.backups | length == 1' "$DB_BACKUP_STATUS_FILE"
}

@test "the metrics are well-formed whatever names there are, and complete" {
	promtool=$TEST_CACHE/promtool/usr/bin/promtool
	fresh_db 'odd"\ name
with newline{,}'
	local_dir
	fresh_bucket
	s3_env
	export DB_BACKUP_METRICS_FILE=$T/metrics/backup.prom DB_BACKUP_GLOBALS=yes
	mkdir "$T/metrics"
	name=$DB_NAME
	# as a name with a comma can only be given by escaping it
	export DB_NAME=${DB_NAME//,/\\,}
	serve
	wait_until asleep
	clocked "$BACKUP_SERVICE" backup-health --prometheus >"$T/printed"
	cmp "$T/printed" "$DB_BACKUP_METRICS_FILE"
	[[ $(stat -c %a "$DB_BACKUP_METRICS_FILE") == 644 && $(ls "$T/metrics") == backup.prom ]]
	stop_service
	for metric in last_success_timestamp_seconds last_size_bytes last_duration_seconds next_due_timestamp_seconds \
		consecutive_failures kept_backups; do
		grep "^# HELP db_backup_$metric " "$T/printed"
		grep -x "# TYPE db_backup_$metric gauge" "$T/printed"
		(($(grep -c "^db_backup_$metric{" "$T/printed") == 4))
	done
	escaped=${name//\\/\\\\} escaped=${escaped//\"/\\\"} escaped=${escaped//$'\n'/\\n}
	grep -xF "db_backup_kept_backups{kind=\"dump\",database=\"$escaped\",destination=\"local\"} 1" "$T/printed"
	grep -xF 'db_backup_kept_backups{kind="globals",database="",destination="cloud"} 1' "$T/printed"
	[[ -x $promtool ]] || skip "NO PROMTOOL"
	"$promtool" check metrics <"$T/printed"
	# and it would notice
	run ! "$promtool" check metrics <<<'db_backup{database="a"b"} 1'
}

@test "a database whose name is no UTF-8 is the same one in the next run, and the metrics are text" {
	local_dir
	export DB_NAME=$'no_such_\xff"\\' DB_BACKUP_METRICS_FILE=$T/metrics
	for n in 1 2; do
		run_backup backup-db
		assert_status 1
		(($(grep -c '"database"' "$DB_BACKUP_STATUS_FILE") == 1))
		grep -F "\"failures\":$n," "$DB_BACKUP_STATUS_FILE"
	done
	iconv -f UTF-8 -t UTF-8 "$T/metrics"
	grep -xF 'db_backup_consecutive_failures{kind="dump",database="no_such_\\xff\"\\",destination="local"} 2' "$T/metrics"
}

@test "a metrics or status file that cannot be written is a warning" {
	fresh_db
	local_dir
	export DB_BACKUP_METRICS_FILE=$T/none/backup.prom
	run_backup backup-db
	assert_status 0
	says "warning: cannot write $T/none/backup.prom: No such file or directory"
	published_local 1
}

@test "the hook is told everything but secrets; pings are one GET each, and in no command line" {
	fresh_db
	local_dir
	fresh_bucket
	s3_env
	with_fakes
	start_listener
	make_hook 'echo told >&2'
	export DB_BACKUP_PING_URL=http://127.0.0.1:$listener_port/key/secret-uuid DB_BACKUP_PASSPHRASE=secret-phrase \
		PGPASSWORD RCLONE_S3_REGION=us-east-1 DB_BACKUP_HOOK
	for which in old new; do
		: >"$T/requests"
		rm -rf "$T/hooks" "$fakes"/rclone.*
		mkdir "$T/hooks"
		(
			use_rclone "$which"
			with_fakes
			run_backup backup-db
			assert_status 0
			says 'hook: told'
			says_not secret-
			hooks_are 'start success'
			[[ $(<"$T/requests") == $'GET /key/secret-uuid/start\nGET /key/secret-uuid' ]] || fail "$(<"$T/requests")"
			run ! grep -h secret- "$fakes"/rclone.*.args
			env=$T/hooks/2/env
			grep -x "BACKUP_EVENT=success" "$env"
			grep -x "BACKUP_STATUS=0" "$env"
			grep -x "BACKUP_DATABASES=$DB_NAME" "$env"
			grep -x "BACKUP_DESTINATIONS=local;cloud" "$env"
			grep -x "BACKUP_NAMES=$(<"$run/stdout")" "$env"
			grep -x "BACKUP_SIZE_BYTES=$(stat -c %s "$DB_BACKUP_DIR/$(<"$run/stdout")")" "$env"
			grep -xE "BACKUP_DURATION_S=[0-9]+" "$env"
			grep -x "BACKUP_ERROR=" "$env"
			grep -x "DB_NAME=$DB_NAME" "$env"
			run ! grep -E '^(PGPASSWORD|S3_ACCESS_KEY|S3_SECRET_KEY|AWS_|RCLONE_|DB_BACKUP_PASSPHRASE|DB_BACKUP_PING_URL)' "$T"/hooks/*/env
			run ! grep -hE "$S3_SECRET_KEY|secret-" "$T"/hooks/*/env
		)
		rm -f "$DB_BACKUP_DIR"/*
	done
}

@test "a failed run: the hook hears of it, and why; so does the ping" {
	fresh_db
	local_dir
	start_listener
	make_hook
	export DB_BACKUP_PING_URL=http://127.0.0.1:$listener_port/uuid DB_NAME=$DB_NAME,no_such_database
	run_backup backup-db
	assert_status 1
	hooks_are 'start failure'
	[[ $(<"$T/requests") == $'GET /uuid/start\nGET /uuid/fail' ]]
	env=$T/hooks/2/env
	grep -x 'BACKUP_STATUS=1' "$env"
	grep -x 'BACKUP_ERROR=no_such_database to local: the server has no database of this name' "$env"
	grep -x "BACKUP_NAMES=$(<"$run/stdout")" "$env"
	published_local 1
	env=$T/hooks/1/env
	grep -x "BACKUP_DATABASES=${DB_NAME/,/;}" "$env"
}

@test "the start hook names the databases that are asked for, and destinations as the status file does" {
	fresh_db
	make_hook
	export DB_BACKUP_REMOTE=nas:$T/one,nas:$T/two RCLONE_CONFIG_NAS_TYPE=local DB_BACKUP_GLOBALS=yes
	run_backup backup-db
	assert_status 0
	for n in 1 2; do
		grep -x "BACKUP_DATABASES=$DB_NAME;globals" "$T/hooks/$n/env"
		grep -x "BACKUP_DESTINATIONS=nas;nas:$T/two" "$T/hooks/$n/env"
	done
	(($(item "$DB_NAME" "nas:$T/two" failures) == 0))
	asked=$DB_NAME
	DB_NAME=other run_backup backup-db "$asked"
	assert_status 0
	DB_NAME='*' DB_EXCLUDE=$asked run_backup backup-db no_such_database
	grep -x "BACKUP_DATABASES=$asked" "$T/hooks/3/env"
	grep -x "BACKUP_DATABASES=no_such_database" "$T/hooks/5/env"
	PGPORT=1 DB_NAME='*' run_backup backup-db
	for n in 7 8; do
		grep -x 'BACKUP_DATABASES=\*;globals' "$T/hooks/$n/env"
	done
}

@test "hook and ping that fail, are missing or hang are warnings, and the backup is good" {
	fresh_db
	local_dir
	start_listener
	make_hook 'echo cannot tell >&2' 'exit 3'
	export DB_BACKUP_PING_URL=http://127.0.0.1:$listener_port/bad
	run_backup backup-db
	assert_status 0
	says 'warning: DB_BACKUP_HOOK ('
	says 'exited with 3: cannot tell'
	says 'warning: cannot fetch DB_BACKUP_PING_URL/start: 500 Internal Server Error'
	DB_BACKUP_HOOK=$T/none DB_BACKUP_PING_URL=http://127.0.0.1:1/uuid-uuid run_backup backup-db
	assert_status 0
	says 'exited with 127'
	says 'cannot fetch DB_BACKUP_PING_URL: connection refused'
	says_not uuid-uuid
	unset DB_BACKUP_HOOK
	begin=$SECONDS
	DB_BACKUP_PING_URL=http://127.0.0.1:$listener_port/hang run_backup backup-db
	assert_status 0
	((SECONDS - begin < 45))
	says 'cannot fetch DB_BACKUP_PING_URL: no answer in time'
	no_children_left
	published_local 3
}

@test "a hook that floods the log keeps us from nothing" {
	fresh_db
	local_dir
	make_hook 'echo >"${0%/*}/begun"' 'exec yes >&2'
	start_backup backup-db
	wait_until test -e "$T/begun"
	begin=$SECONDS
	kill -TERM "$backup_pid"
	wait_backup
	((SECONDS - begin < 15)) || fail "$((SECONDS - begin)) s"
	assert_status 143
	no_children_left
	tail -c 3000 "$run/stderr" >"$T/tail" && mv "$T/tail" "$run/stderr" # for whoever shows it
}

@test "a hook is told as much as the kernel lets us, and how much it is not told" {
	local_dir
	make_hook
	export DB_BACKUP_REMOTE=nas:$T/one,nas:$T/two,nas:$T/three RCLONE_CONFIG_NAS_TYPE=local PGPORT=1 DB_BACKUP_WAIT=0
	DB_NAME=$(printf 'database_with_a_name_that_is_as_long_as_it_may_be_indeed_%s,' {1..150})
	DB_NAME=${DB_NAME%,} run_backup backup-db
	assert_status 1
	hooks_are 'start failure'
	grep -E '^BACKUP_ERROR=database_with_a_name_that_is_as_long_as_it_may_be_indeed_1 to local: .*;and [0-9]+ more$' "$T/hooks/2/env"
}

@test "the status file stays its owner's, whoever writes it" {
	((EUID == 0)) || skip "NOT ROOT"
	fresh_db
	local_dir
	echo '{}' >"$DB_BACKUP_STATUS_FILE"
	chown 54321:54322 "$DB_BACKUP_STATUS_FILE"
	run_backup backup-db
	assert_status 0
	[[ $(stat -c %u:%g "$DB_BACKUP_STATUS_FILE") == 54321:54322 ]]
	jq -e '.backups | length == 1' "$DB_BACKUP_STATUS_FILE"
}

@test "a hook that hangs is ended after a minute, at the start and at the end of a run" {
	fresh_db
	local_dir
	# its children too
	make_hook 'echo "$1" >>"${0%/*}/begun"' 'sleep 600; echo "$1" >>"${0%/*}/ended"'
	begin=$SECONDS
	BACKUP_TEST_HASTE=20 LD_PRELOAD=$clock_so run_backup backup-db # a minute of its clock takes 3 s
	assert_status 0
	((SECONDS - begin >= 6 && SECONDS - begin < 60))
	says 'hook start) was killed by signal 15 (Terminated): no answer in time'
	says 'hook success) was killed by signal 15 (Terminated): no answer in time'
	[[ $(cat "$T/begun") == $'start\nsuccess' ]]
	[[ ! -e $T/ended ]]
	published_local 1
	no_children_left
}

@test "the example hook posts a failure, and the first success after it" {
	command -v curl >/dev/null || skip "NO CURL"
	start_listener
	export CHAT_WEBHOOK_URL=http://127.0.0.1:$listener_port/hook TMPDIR=$T/tmp BACKUP_DATABASES=app BACKUP_STATUS=1 \
		BACKUP_ERROR='app to "cloud": away' BACKUP_NAMES=app-x BACKUP_SIZE_BYTES=1 BACKUP_DURATION_S=2
	for event in start success failure start success start success; do
		"$top/docs/examples/chat-hook" "$event"
	done
	[[ $(<"$T/requests") == $'POST /hook\nPOST /hook' ]]
}
