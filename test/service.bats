#!/usr/bin/env bats
# backup-service: when it backs up, what it survives, how it ends.
# shellcheck disable=SC1091,SC2016,SC2030,SC2031,SC2034,SC2097,SC2098,SC2123,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load service

setup_file() {
	build_clock
	# a slow machine makes none of these tests wrong, only long
	export BATS_TEST_TIMEOUT=600
}

# -- what it says, how it ends

@test "its first lines say what it is, what it backs up, where, how many it keeps and when, and no secret" {
	fresh_db
	local_dir
	fresh_bucket
	s3_env
	export DB_BACKUP_INTERVAL=7d DB_BACKUP_MAX_N=5 DB_BACKUP_KEEP_DAILY=14 PGPASSWORD=${PGPASSWORD-} \
		DB_BACKUP_PING_URL=http://127.0.0.1:1/topsecretuuid
	serve
	wait_until asleep
	stop_service
	assert_status 0
	sed -n 1p "$run/stderr" | grep -E "info backup-service [0-9.]+ with pg_dump [0-9.]+ and rclone [0-9][0-9.]+"
	sed -n 2p "$run/stderr" | grep -F "backing up \"$DB_NAME\" of postgres@$PGHOST:$PGPORT to local ($DB_BACKUP_DIR), cloud ($S3_BACKUP_BUCKET)"
	sed -n 3p "$run/stderr" | grep -F 'every 7 d 0 h, keeping the newest 5, the newest of each of 14 days'
	grep -E 'info next backup at [0-9-]+T[0-9:]+Z \((in 6 d 23 h|in 7 d 0 h)\)' "$run/stderr"
	says_not "$S3_SECRET_KEY"
	says_not topsecretuuid
	says_not "${PGPASSWORD:-no password}"
	published_local 1
	published_s3 1
}

@test "asleep, SIGTERM and SIGINT end it within 200 ms, with status 0" {
	fresh_db
	local_dir
	for signal in TERM INT; do
		serve
		wait_until asleep
		begin=$(date +%s%N)
		kill "-$signal" "$backup_pid"
		wait_until test -e "$run/rc"
		took=$((($(date +%s%N) - begin) / 1000000))
		wait_backup
		assert_status 0
		((took < 200)) || fail "SIG$signal: $took ms"
	done
}

@test "at work, SIGTERM and SIGINT end it within 8 s as 143 and 130, and leave nothing" {
	fresh_db
	local_dir
	fresh_bucket
	s3_env
	orders pg_dump '*' 'ignore TERM' 'emit 500000000 1000000'
	for signal in TERM INT; do
		serve
		wait_until test -e "$fakes/pg_dump.calls"
		# in the middle of it: rclone 1.60 ended while it begins an upload leaves that pending, to be
		# swept by a later run
		wait_until eval 's3_uploads | grep -q .'
		sleep 0.5
		begin=$SECONDS
		stop_service "$signal"
		((SECONDS - begin <= 8)) || fail "$((SECONDS - begin)) s"
		case $signal in TERM) assert_status 143 ;; INT) assert_status 130 ;; esac
		published_local 0
		published_s3 0
		no_partials
		no_uploads
		no_children_left
		rm "$fakes/pg_dump.calls"
	done
}

@test "SIGUSR1 and SIGHUP make a backup now, also one more after the run that is at work" {
	fresh_db
	local_dir
	serve
	wait_until asleep
	backups_are 1
	kill -USR1 "$backup_pid"
	wait_until asleep 2
	backups_are 2
	kill -HUP "$backup_pid"
	wait_until asleep 3
	backups_are 3
	orders pg_dump '* 1' 'touch begun' 'wait go' 'real'
	with_fakes
	stop_service
	serve
	wait_until asleep
	kill -USR1 "$backup_pid"
	wait_until test -e "$fakes/begun"
	kill -USR1 "$backup_pid"
	touch "$fakes/go"
	wait_until backups_are 5
	wait_until asleep 2
	stop_service
	assert_status 0
	backups_are 5
}

@test "a run that is killed does not take the service down" {
	fresh_db
	local_dir
	start_listener
	make_hook
	export DB_BACKUP_PING_URL=http://127.0.0.1:$listener_port/uuid
	orders pg_dump '* 1' 'touch begun' hang
	with_fakes
	serve
	wait_until test -e "$fakes/begun"
	pkill -KILL -P "$backup_pid" -f backup-db
	wait_until asleep
	says 'the backup was killed by signal 9'
	# nobody but the service can tell of it
	hooks_are 'start failure'
	[[ $(<"$T/requests") == $'GET /uuid/start\nGET /uuid/fail' ]] || fail "$(<"$T/requests")"
	grep -x "BACKUP_DATABASES=$DB_NAME" "$T/hooks/2/env"
	grep -x 'BACKUP_DESTINATIONS=local' "$T/hooks/2/env"
	grep -x 'BACKUP_STATUS=1' "$T/hooks/2/env"
	grep -x 'BACKUP_ERROR=the run ended before .*' "$T/hooks/2/env"
	(($(item "$DB_NAME" local failures) == 1))
	is_unhealthy
	kill -0 "$backup_pid"
	kill -USR1 "$backup_pid"
	wait_until asleep 2
	backups_are 1
	no_partials
	stop_service
	assert_status 0
}

@test "a run that cannot even read its configuration is told of, once, as is one that pg_dump is too old for" {
	fresh_db
	local_dir
	make_hook
	export DB_BACKUP_MAX_N_FILE=$T/max_n
	echo 3 >"$DB_BACKUP_MAX_N_FILE"
	serve
	wait_until asleep
	mv "$T/max_n" "$T/away"
	kill -USR1 "$backup_pid"
	wait_until asleep 2
	says 'DB_BACKUP_MAX_N_FILE: cannot read'
	hooks_are 'start success failure'
	grep -x 'BACKUP_STATUS=2' "$T/hooks/3/env"
	(($(item "$DB_NAME" local failures) == 1))
	mv "$T/away" "$T/max_n"
	orders pg_dump '--version' 'say pg_dump (PostgreSQL) 15.1'
	with_fakes
	stop_service
	rm "$DB_BACKUP_DIR"/*
	DB_BACKUP_COMPRESS=lz4 serve
	wait_until asleep
	says 'which needs 16 or newer'
	hooks_are 'start success failure failure'
	stop_service
	assert_status 0
}

@test "two services cannot share a status file" {
	fresh_db
	local_dir
	serve
	wait_until asleep
	first=$run first_pid=$backup_pid first_reaper=$rig_reaper
	run_backup backup-service
	assert_status 3
	says 'DB_BACKUP_STATUS_FILE'
	# nor does one that is stopped while it waits for it write there
	before=$(cat "$DB_BACKUP_STATUS_FILE")
	start_backup backup-service
	sleep 0.5
	[[ ! ${RUN_UNDER-} ]] || sleep 2 # valgrind starts slowly
	kill -TERM "$backup_pid"
	wait_backup
	assert_status 0
	[[ $(cat "$DB_BACKUP_STATUS_FILE") == "$before" ]]
	kill "$first_pid"
	wait "$first_reaper"
}

# -- when

@test "50 restarts, by TERM and by KILL, asleep and at work, over 30 due times: none missed, none extra" {
	fresh_db
	local_dir
	# time stands still unless we let it pass: no slow machine makes a run late
	fast_clock 0
	export DB_BACKUP_INTERVAL=60 DB_BACKUP_MAX_N=unlimited
	signals=(TERM KILL) restarts=0
	restart() {
		kill "-${signals[restarts++ % 2]}" "$backup_pid"
		wait_backup
		serve
	}
	# where the lock of what was killed was still held, the next try wants time to pass
	one_more() {
		backups_reach "$1" && return
		locked=$(grep -c 'holds the lock' "$run/stderr") || true
		((locked <= ${lock_seen:-0})) || pass 5
		lock_seen=$locked
		return 1
	}
	serve
	wait_until asleep
	for ((n = 1; n <= 30; n++)); do
		backups_are "$n"
		pass 30
		restart
		wait_until asleep
		backups_are "$n" || fail "an extra backup after restart $restarts"
		pass 30
		if ((n % 3)); then
			# at work, or just done: as the moment has it
			wait_until eval 'grep -q "\"working\":1" "$DB_BACKUP_STATUS_FILE" || backups_reach $((n + 1))'
			sleep "0.$((n * 7 % 40 + 10))"
			restart
		fi
		lock_seen=0
		wait_until -t 60 one_more $((n + 1))
		wait_until asleep
	done
	((restarts == 50))
	stop_service
	backups_are 31
	gaps_within name 60 119
	no_partials
}

# idle N: N backups, and it sleeps
idle() { backups_are "$1" && tail -n 1 "$run/stderr" | grep -q 'next backup at'; }
# still N: neither now nor a moment later is there another one
still() { wait_until idle "$1" && sleep 0.3 && idle "$1"; }

@test "an interval: the wall clock set back and forth by hours neither loses nor adds a backup" {
	fresh_db
	local_dir
	fast_clock 0
	export DB_BACKUP_INTERVAL=60 DB_BACKUP_MAX_N=unlimited
	serve
	n=1
	for jump in 18000 -36000 18000 -7200 93600 -86400 30 -30 0; do
		still "$n"
		set_clock "$jump"
		still "$n"
		pass 55
		still "$n"
		pass 10
		wait_until idle $((n += 1))
	done
	stop_service
	assert_status 0
}

@test "a schedule: the wall clock set back and forth by hours, and it goes on" {
	fresh_db
	local_dir
	fast_clock 0
	set_clock $((62 - $(date +%s) % 60)) # to two seconds past the minute
	export DB_BACKUP_SCHEDULE='* * * * *' DB_BACKUP_MAX_N=unlimited
	serve
	n=1
	for jump in -18000 36000 -14400 7200 -93600 86400; do
		still "$n"
		set_clock "$jump"
		# over a due time: at once; back: not yet
		wait_until idle $((n += jump > 0))
		still "$n"
		pass 60
		wait_until idle $((n += 1))
	done
	still "$n"
	# and it did not waver
	(($(grep -c 'next backup at' "$run/stderr") <= n + 3)) # set back three times
	stop_service
	assert_status 0
}

@test "a daily schedule: set back over its time, the run is not repeated; set forward over it, made at once" {
	fresh_db
	local_dir
	# an hour in half a second
	fast_clock 7200
	set_clock $(($(date -d 'tomorrow 01:30Z' +%s) - $(date +%s)))
	export DB_BACKUP_SCHEDULE='30 2 * * *' DB_BACKUP_MAX_N=unlimited TZ=UTC DB_BACKUP_COMPRESS=0
	serve
	wait_until asleep 1 # the first one at once, at 01:30
	wait_until backups_are 2
	set_clock -18000 # 02:30 comes again in 2.5 s
	sleep 4
	backups_are 2
	wait_until -t 15 backups_are 3 # the next day's
	wait_until asleep 3
	set_clock 86400
	wait_until -t 3 backups_are 4
	stop_service
	assert_status 0
}

@test "after a restart, backups dated far ahead of the clock do not put the next one off" {
	fresh_db
	local_dir
	export DB_BACKUP_INTERVAL=1h
	touch_backup() { echo PGDMP >"$DB_BACKUP_DIR/$DB_NAME-$(date -u -d "$1" +%Y%m%dT%H%M%SZ).pg-dump"; }
	touch_backup '5 hours'
	serve
	wait_until backups_are 2
	wait_until asleep
	stop_service
	rm -f "$DB_BACKUP_DIR"/*
	# a little ahead is skew between machines
	touch_backup '2 minutes'
	serve
	wait_until asleep
	backups_are 1
	stop_service
}

@test "jitter puts a due time off once, a missed run is made up at once" {
	fresh_db
	local_dir
	export DB_BACKUP_INTERVAL=1h DB_BACKUP_JITTER=10h
	serve
	wait_until asleep
	stop_service
	grep -o 'next backup at.*' "$run/stderr" >&2
	next=$(jq .next_due "$DB_BACKUP_STATUS_FILE")
	((next >= $(date +%s) + 3500 && next <= $(date +%s) + 11 * 3600))
	mv "$DB_BACKUP_DIR"/*.pg-dump "$DB_BACKUP_DIR/$DB_NAME-$(date -u -d '2 hours ago' +%Y%m%dT%H%M%SZ).pg-dump"
	serve
	wait_until backups_are 2
	stop_service
}

@test "a backup made by hand counts: the service waits on from there" {
	fresh_db
	local_dir
	# time stands still unless we let it pass: no slow start makes the second run of the service due
	fast_clock 0
	export DB_BACKUP_INTERVAL=120
	serve
	wait_until asleep
	pass 90
	service=$run service_pid=$backup_pid service_reaper=$rig_reaper
	clocked run_backup backup-db
	assert_status 0
	run=$service
	pass 35 # its own would be due
	wait_until asleep 2
	backups_are 2
	pass 90 # and now one interval after that by hand
	wait_until backups_are 3
	wait_until asleep 3
	rig_reaper=$service_reaper
	kill "$service_pid"
	wait_backup
}

@test "while another run holds the lock it waits, and takes that run's backup for its own" {
	fresh_db
	local_dir
	orders pg_dump '* 1' 'touch begun' 'wait go' real
	with_fakes
	start_backup backup-db
	by_hand=$rig_reaper
	wait_until test -e "$fakes/begun"
	serve
	wait_until said 1 'another run of it holds the lock'
	touch "$fakes/go"
	wait "$by_hand"
	wait_until -t 30 eval 'jq -e ".working == 0 and .next_due > $(date +%s) + 600000" "$DB_BACKUP_STATUS_FILE"'
	backups_are 1
	stop_service
	assert_status 0
}

# -- what it survives

@test "the database is away at the start and comes back" {
	fresh_db
	local_dir
	pg_through_proxy
	proxy pg refuse
	start_listener
	make_hook
	# ten minutes, which is also the grace, in three seconds
	fast_clock 200
	export DB_BACKUP_INTERVAL=10m DB_BACKUP_WAIT=0 DB_BACKUP_PING_URL=http://127.0.0.1:$listener_port/uuid
	serve
	wait_until asleep
	is_unhealthy
	[[ $health == "unhealthy: \"$DB_NAME\" at local has no backup"*failed* ]] || fail "$health"
	[[ $(hooks) == 'start failure' && $(<"$T/requests") == $'GET /uuid/start\nGET /uuid/fail' ]]
	(($(item "$DB_NAME" local failures) == 1))
	proxy pg pass
	wait_until backups_reach 1
	wait_until is_healthy
	wait_until eval '[[ $(hooks) == *" start success" ]]'
	[[ $(tail -n 1 "$T/requests") == 'GET /uuid' ]]
	(($(item "$DB_NAME" local failures) == 0))
	stop_service
	assert_status 0
}

@test "S3 is away for three due times and back: the local backups go on, and their number is no larger" {
	fresh_db
	local_dir
	fresh_bucket
	s3_env
	s3_through_proxy
	make_hook
	# time stands still unless we let it pass: no slow machine makes a run late
	fast_clock 0
	export DB_BACKUP_INTERVAL=6h DB_BACKUP_MAX_N=unlimited RCLONE_LOW_LEVEL_RETRIES=1
	failures_are() { (($(hooks | grep -o failure | wc -l) == $1)); }
	serve
	wait_until asleep
	is_healthy
	published_s3 1
	proxy s3 refuse
	local n
	for n in 1 2 3; do
		pass 21600
		wait_until -t 60 failures_are $((2 * n - 1))
		wait_until asleep $((2 * n))
		backups_are $((n + 1))
		# tried again after an hour: what is there already is not made once more
		pass 3600
		wait_until -t 60 failures_are $((2 * n))
		wait_until asleep $((2 * n + 1))
		backups_are $((n + 1))
	done
	is_unhealthy
	[[ $health == *'at cloud was last backed up'* ]] || fail "$health"
	proxy s3 pass
	pass 3600
	wait_until -t 60 eval '[[ $(hooks) == *" start success" ]]'
	wait_until is_healthy
	stop_service
	assert_status 0
	says 'cannot back up'
	backups_are 4
	published_s3 2
}

@test "a restart while S3 is away makes no extra backup, and waits for no ever" {
	fresh_db
	fresh_bucket
	s3_env
	s3_through_proxy
	export DB_BACKUP_INTERVAL=6h RCLONE_LOW_LEVEL_RETRIES=1
	run_backup backup-db
	assert_status 0
	fast_clock 1800
	proxy s3 refuse
	serve
	wait_until said 2 'cannot list cloud'
	says_not 'backed up'
	# an hour has two seconds: then it tries
	wait_until said 1 'cannot back up'
	proxy s3 pass
	wait_until asleep 2
	published_s3 1
	wait_until -t 30 said 1 'backed up'
	stop_service
	published_s3 2
}

@test "with credentials that cannot list it backs up all the same, at its interval" {
	fresh_db
	fresh_bucket
	s3_env
	limited_s3_key no-list
	fast_clock 1800
	export DB_BACKUP_INTERVAL=2h
	serve
	wait_until -t 60 said 3 'backed up'
	stop_service
	n=$(s3_ls | wc -l)
	((n >= 3))
	# but what cannot be seen is not taken for missing at a restart
	unset BACKUP_TEST_CLOCK
	serve
	wait_until said 2 'cannot list cloud'
	stop_service
	(($(s3_ls | wc -l) == n))
	s3_ls | sed -E 's/.*-(....)(..)(..)T(..)(..)(..)Z.*/\1-\2-\3 \4:\5:\6Z/' | date -f - +%s | sort -n |
		awk 'NR > 1 && $1 - last < 3600 { exit 1 } { last = $1 }'
}

@test "a database that always fails does not push out the backups of the others, nor at restarts" {
	fresh_db good
	good=$DB_NAME
	local_dir
	export DB_NAME=$good,no_such_database DB_BACKUP_INTERVAL=1d
	for i in 1 2 3; do
		serve
		wait_until asleep
		is_unhealthy
		[[ $health == *no_such_database* ]]
		stop_service
	done
	backups_are 1
	# and the hourly tries
	fast_clock 3600
	serve
	wait_until said 4 'cannot back up "no_such_database"'
	stop_service
	backups_are 1
}

@test "the disk is full and freed" {
	fresh_db
	sql "$DB_NAME" "create table t as select md5(i::text) || md5((-i)::text) x from generate_series(1, 40000) i"
	small_disk 6m
	make_hook
	head -c 5M /dev/zero >"$DB_BACKUP_DIR/filler"
	fast_clock 200
	export DB_BACKUP_INTERVAL=10m DB_BACKUP_MAX_N=2
	serve
	wait_until asleep
	is_unhealthy
	no_partials
	says 'No space left'
	rm "$DB_BACKUP_DIR/filler"
	wait_until is_healthy
	wait_until eval '[[ $(hooks) == "start failure"*"start success" ]]'
	stop_service
	assert_status 0
}

@test "rclone is gone for a while, replaced, and the service goes on with the new one" {
	fresh_db
	fresh_bucket
	s3_env
	fast_clock 200
	export DB_BACKUP_INTERVAL=10m DB_BACKUP_MAX_N=unlimited
	# no other rclone in PATH
	cp -as /usr/bin/. "$T/tools"
	rm "$T/tools/rclone"
	cp "$(PATH=/usr/bin:/bin command -v rclone)" "$T/tools/rclone"
	PATH=$T/tools
	serve
	wait_until asleep
	mv "$T/tools/rclone" "$T/rclone.away"
	wait_until is_unhealthy
	said 1 'rclone'
	cp "$T/rclone.away" "$T/tools/rclone.new"
	mv "$T/tools/rclone.new" "$T/tools/rclone"
	wait_until is_healthy
	stop_service
	assert_status 0
	(($(s3_ls | wc -l) >= 2))
}

@test "a tool that even SIGKILL does not end is given up: the run says so, and goes on" {
	fresh_db
	local_dir
	orders pg_dump '* 1' 'ignore TERM' 'emit 3000000' 'hang'
	# the product alone: the reaper of the test has to end it
	RUN_UNDER="env BACKUP_TEST_NO_KILL=yes BACKUP_TEST_HASTE=2 LD_PRELOAD=$clock_so" \
		DB_BACKUP_STALL_TIMEOUT=4 DB_BACKUP_RETRIES=1 run_backup backup-db
	says 'cannot be killed, probably in a disk or network wait of the kernel'
	says 'trying again in 10 s (1 of 1)'
	assert_status 0
	published_local 1
}

@test "without memory it starts itself again, and makes nothing twice" {
	[[ -z ${ASAN_OPTIONS-} && -z ${RUN_UNDER-} ]] ||
		skip "NOT TESTED under AddressSanitizer or valgrind, which bring a calloc of their own"
	fresh_db
	local_dir
	export BACKUP_TEST_NO_MEMORY=$T/no-memory
	serve
	wait_until asleep
	touch "$BACKUP_TEST_NO_MEMORY"
	kill -USR1 "$backup_pid"
	wait_until said 1 'no memory: starting again'
	rm "$BACKUP_TEST_NO_MEMORY"
	wait_until asleep 2
	kill -0 "$backup_pid"
	backups_are 1
	kill -USR1 "$backup_pid"
	wait_until backups_are 2
	stop_service
	assert_status 0
	# a run alone says nothing that could be taken for its report
	touch "$BACKUP_TEST_NO_MEMORY"
	status=0
	LD_PRELOAD=$clock_so "$BACKUP_SERVICE" backup-db 2>/dev/null || status=$?
	((status == 137)) || fail "$status"
	rm "$BACKUP_TEST_NO_MEMORY"
	# it also ends when it is told to meanwhile
	serve
	wait_until asleep
	touch "$BACKUP_TEST_NO_MEMORY"
	kill -USR1 "$backup_pid"
	wait_until said 1 'no memory: starting again'
	stop_service
	assert_status 0
}

@test "all databases: a new one comes along, one that was dropped is no fault, nor is the server's absence" {
	# a server of its own: others' databases come and go
	server=$(mktemp -d "$RIG_DIR/pg.XXXXXX") # where PostgreSQL's user may go
	chmod 755 "$server"
	"$top/test/fixture/pg-server" "$server" </dev/null 3>&- 4>&- &
	rig_pids+=($!)
	wait_until test -e "$server/env"
	set -a
	. "$server/env"
	set +a
	pg_through_proxy
	local_dir
	sql postgres 'create database one' 'create database two' 'create database left_out'
	export DB_NAME='*' DB_EXCLUDE=left_out,postgres DB_BACKUP_INTERVAL=1d DB_BACKUP_WAIT=0
	has() { (($(find "$DB_BACKUP_DIR" -name "$1-2*.pg-dump" | wc -l) == $2)); }
	serve
	wait_until asleep
	has one 1
	has two 1
	backups_are 2
	sql postgres 'drop database two' 'create database three'
	kill -USR1 "$backup_pid"
	wait_until asleep 2
	has one 2
	has three 1
	backups_are 4
	is_healthy || fail "$health"
	[[ $health == *'of 2 is of'* ]]
	stop_service
	# what was dropped has no fresh backup and needs none; while the server is away, who knows: we wait
	mv "$DB_BACKUP_DIR"/two-2* "$DB_BACKUP_DIR/two-20200101T000000Z.pg-dump"
	proxy pg refuse
	serve
	wait_until said 2 'looking again'
	says 'cannot tell the databases of the server'
	[[ $(item two local success) == 1577836800 ]]
	proxy pg pass
	wait_until asleep 2
	backups_are 4
	is_healthy || fail "$health"
	[[ $health == *'of 2 is of'* ]]
	proxy pg refuse
	kill -USR1 "$backup_pid"
	wait_until said 1 'nothing stored'
	wait_until asleep 3
	proxy pg pass
	kill -USR1 "$backup_pid"
	wait_until asleep 4
	is_healthy || fail "$health"
	stop_service
	serve
	wait_until asleep
	backups_are 6
	stop_service
	# the globals alone are enough
	make_hook
	export DB_EXCLUDE=one,three,left_out,postgres DB_BACKUP_GLOBALS=yes
	serve
	wait_until asleep
	hooks_are 'start success'
	stop_service
	serve
	wait_until asleep
	hooks_are 'start success'
	stop_service
}

@test "a backup that was being verified when the service was stopped or killed is verified at its start" {
	fresh_db
	local_dir
	export DB_BACKUP_INTERVAL=1d DB_BACKUP_VERIFY="read"
	for signal in TERM KILL; do
		rm -rf "$T/fakes" "${DB_BACKUP_DIR:?}"/*
		unset fakes
		orders pg_restore '* 1' 'touch there' 'hang'
		serve
		wait_until test -e "$fakes/there"
		stop_service "$signal"
		backups_are 1
		serve
		wait_until asleep
		said 1 verified || fail "$(cat "$run/stderr")"
		is_healthy || fail "$health"
		stop_service
		backups_are 1
	done
}

@test "a backup that failed its verification does not put the next try off" {
	fresh_db
	local_dir
	fast_clock 1800
	export DB_BACKUP_INTERVAL=1d DB_BACKUP_VERIFY=read
	make_hook
	orders pg_restore '*' 'exit 1'
	with_fakes
	serve
	wait_until said 1 'failed its verification'
	wait_until asleep
	# in an hour, which is two seconds
	wait_until eval '[[ $(hooks) == "start failure start"* ]]'
	stop_service
}

# -- as process 1

@test "as process 1 it reaps 1,000 orphans, ends asleep with 0 within 200 ms, at work with 143 within 8 s" {
	fresh_db
	local_dir
	orders pg_dump '* 2-' 'touch begun' 'ignore TERM' 'emit 500000000 1000000'
	with_fakes
	mkdir "$T/bin"
	# its own child makes the orphans: a hook
	make_hook '[[ $1 == start ]] || for ((i = 0; i < 1000; i++)); do (: &) ; done'
	BACKUP_SERVICE=/usr/bin/unshare clocked start_backup -pf --mount-proc --kill-child "$BACKUP_SERVICE" backup-service
	wait_until -t 90 asleep
	one=$(pgrep -P "$backup_pid")
	[[ $(ps -o args= -p "$one") == *backup-service ]]
	wait_until eval '! pgrep -P "$one"'
	# those that are left as zombies would be its children
	[[ -z $(ps -o pid= --ppid "$one") ]]
	begin=$(date +%s%N)
	kill -TERM "$one"
	wait_backup
	took=$((($(date +%s%N) - begin) / 1000000))
	assert_status 0
	((took < 300)) || [[ ${RUN_UNDER-} == *valgrind* ]] || fail "$took ms"

	unset DB_BACKUP_HOOK
	rm "$DB_BACKUP_DIR"/*
	BACKUP_SERVICE=/usr/bin/unshare clocked start_backup -pf --mount-proc --kill-child "$BACKUP_SERVICE" backup-service
	wait_until test -e "$fakes/begun"
	one=$(pgrep -P "$backup_pid")
	begin=$SECONDS
	kill -TERM "$one"
	wait_backup
	((SECONDS - begin <= 8))
	assert_status 143
	published_local 0
	no_partials
	no_children_left
}
