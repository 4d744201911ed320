#!/usr/bin/env bats
# The supervisor, killed or told to stop at any moment.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load faults

setup() {
	rig_setup
	export DB_NAME=app
	somewhere
	orders psql '*' $'say 150000\t100000000\t15.0' # to be quick
}

# up to N ms
nap() {
	local ms=$((RANDOM * $1 / 32768))
	sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
}
grown() { (($(stat -c %s "$DB_BACKUP_DIR/.$1"-*.partial 2>/dev/null || echo -1) >= $2)); } # DATABASE BYTES
partial() { compgen -G "$DB_BACKUP_DIR/.*.partial" >/dev/null; }
began() { partial || [[ ! -d /proc/$backup_pid ]]; }

# complete_or_nothing: whatever is visible is whole, and nothing else is there
complete_or_nothing() {
	local f n=0
	for f in "$DB_BACKUP_DIR"/*; do
		[[ ${f##*/} != "$earlier_name" ]] || continue
		is_stream "$f" "$1" || fail "an incomplete file" || return
		((n += 1))
	done
	local_has "$n" || return
	n=0
	for f in $(s3_ls); do
		[[ $f != "$earlier_name" ]] || continue
		s3_cat "$f" >"$T/got"
		is_stream "$T/got" "$1" || fail "an incomplete object" || return
		((n += 1))
	done
	s3_has "$n"
}

# DONE 4
@test "SIGKILL at ${KILLS:-100} random moments of an upload publishes nothing, and leaves nothing" {
	local i uploading=0
	orders pg_dump '*' 'emit 1000000000 40000000'
	# two at once, of two databases
	for ((i = 0; i < ${KILLS:-100} / 2; i++)); do
		DB_NAME=app1 start_backup backup-db
		local pid1=$backup_pid run1=$run reaper1=$rig_reaper
		DB_NAME=app2 start_backup backup-db
		# a random size: on a busy machine a random time is mostly too early
		wait_until grown app1 $((RANDOM * 200))
		kill -KILL "$pid1"
		wait_until grown app2 $((RANDOM * 200))
		kill -KILL "$backup_pid"
		wait_backup
		[[ $how == "killed 9" ]]
		no_children_left 3
		run=$run1 rig_reaper=$reaper1
		wait_backup
		[[ $how == "killed 9" ]]
		no_children_left 3
		(($(stat -c %s "$DB_BACKUP_DIR"/.*.partial | sort -n | tail -n 1) < 1000000)) || ((uploading += 1))
		published_local 1 # the earlier one
	done
	echo "# $uploading of ${KILLS:-100} / 2 rounds were more than a megabyte into the upload" >&3
	((uploading > ${KILLS:-100} / 4)) # a control
	s3_has 0
	# the next run of each sweeps
	rm "$fakes/pg_dump.orders"
	orders pg_dump '*' 'emit 1000000'
	DB_NAME=app1 run_backup backup-db
	assert_status 0
	says "removed 1 unfinished file"
	DB_NAME=app2 run_backup backup-db
	assert_status 0
	local_has 2
	s3_has 2
}

@test "SIGKILL shows rclone no end of file, even where it does not heed SIGTERM" {
	orders pg_dump '*' 'emit 3000000' 'hang'
	orders rclone rcat 'ignore TERM' 'skip 3000000' 'touch all' 'skip all' 'touch eof' 'hang'
	GRACE=1 start_backup backup-db # so long after its death the tools are watched
	wait_until test -e "$fakes/all"
	kill -KILL "$backup_pid"
	wait_backup
	[[ $how == "killed 9" && ! -e $fakes/eof ]]
	# a control: the commit shows it
	rm "$fakes/pg_dump.orders" "$fakes/all"
	orders pg_dump '*' 'emit 3000000'
	DB_BACKUP_STALL_TIMEOUT=2 run_backup backup-db
	[[ -e $fakes/eof ]]
}

@test "SIGKILL around the end: all of it or nothing" {
	local i
	orders pg_dump '*' 'emit 8000000'
	for ((i = 0; i < 10; i++)); do
		start_backup backup-db
		wait_until began
		nap 500
		kill -KILL "$backup_pid" 2>/dev/null || true
		wait_backup
		no_children_left 3
		# of SIGKILL only the hidden may be left
		rm -f "$DB_BACKUP_DIR"/.*.partial
		complete_or_nothing 8000000
		s3_ls | grep -v "$earlier_name" | xargs -r "$top/test/fixture/s3" rm
		find "$DB_BACKUP_DIR" -type f ! -name "$earlier_name" -delete
	done
}

@test "SIGKILL while uploading to a folder: nothing is visible, the next run sweeps" {
	mkdir "$T/other"
	export RCLONE_CONFIG_OTHER_TYPE=alias RCLONE_CONFIG_OTHER_REMOTE=$T/other DB_BACKUP_REMOTE=other:
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET DB_BACKUP_DIR
	orders pg_dump '* 1' 'emit 3000000' 'hang'
	orders pg_dump '* 2' 'emit 3000000'
	start_backup backup-db
	wait_until eval 'find "$T/other" -name ".*.partial" -size +1000k | grep -q .'
	kill -KILL "$backup_pid"
	wait_backup
	no_children_left 3
	published_local 0 "$T/other"
	echo x >"$T/other/.other-20200101T000000Z.pg-dump.partial" # another's
	run_backup backup-db
	assert_status 0
	published_local 1 "$T/other"
	[[ $(cd "$T/other" && echo .*.partial) == .other-20200101T000000Z.pg-dump.partial ]]
}

told_to_stop() { # SIGNAL NUMBER
	local i stopped=0 latest_ms=1300
	[[ ! ${RUN_UNDER-} ]] || latest_ms=8000 # valgrind is slow
	orders pg_dump '*' 'emit 8000000 16000000'
	for ((i = 0; i < 10; i++)); do
		start_backup backup-db
		nap "$latest_ms"
		kill -"$1" "$backup_pid" 2>/dev/null || true
		wait_backup
		no_children_left
		# before it has set up signals, the signal itself ends it
		[[ $how == "exited 0" || $how == "exited $((128 + $2))" || $how == "killed $2" ]] || fail "$how: $(cat "$run/stderr")"
		# rclone cannot abort an upload that it is just about to begin, so not no_uploads here
		complete_or_nothing 8000000
		[[ $how != "exited $((128 + $2))" ]] || ((stopped += 1))
		if [[ $how == "exited 0" ]]; then
			errors 0
		elif (($(published_local 2 >/dev/null 2>&1 && published_s3 2 >/dev/null 2>&1; echo $?))) && [[ -s $run/stderr ]]; then
			says "stopped by signal $2"
		fi
		s3_ls | grep -v "$earlier_name" | xargs -r "$top/test/fixture/s3" rm
		find "$DB_BACKUP_DIR" -type f ! -name "$earlier_name" -delete
	done
	((stopped)) || fail "none of the runs was stopped by it"
}
@test "SIGTERM at random moments" { told_to_stop TERM 15; }
@test "SIGINT at random moments" { told_to_stop INT 2; }

interrupted_upload() { # what ends it
	: >"$T/s3/requests"
	rm -f "$fakes"/go
	start_backup backup-db
	wait_until grep -q '^PUT .*partNumber=2' "$T/s3/requests"
	"$@"
	wait_backup
	no_children_left
	[[ $status != 0 ]]
	local_has 0
	s3_has 0
	no_uploads
}
@test "an upload that is interrupted, or whose dump fails, is aborted at the server too" {
	s3_through_proxy
	orders pg_dump '*' 'emit 20000000' 'wait go' 'exit 1'
	for which in old new; do
		rclone_is "$which"
		interrupted_upload eval 'kill -TERM "$backup_pid"'
		interrupted_upload touch "$fakes/go"
	done
}

# stops_within_8_s [SIGNAL]
stops_within_8_s() {
	local began=$EPOCHSECONDS
	kill -"${1-TERM}" "$backup_pid"
	wait_backup
	((EPOCHSECONDS - began <= 8)) || fail "it took $((EPOCHSECONDS - began)) s"
	no_children_left
}

@test "SIGTERM while pg_dump waits for a lock, or for ever" {
	rm "$fakes/psql.orders"
	fresh_db
	sql "$DB_NAME" "create table t (a int)"
	earlier_name=none
	coproc psql -XAtq -d "$DB_NAME"
	echo "begin; lock table t; select 'locked';" >&"${COPROC[1]}"
	read -r <&"${COPROC[0]}"
	start_backup backup-db
	wait_until eval '[[ $(sql "$DB_NAME" "select count(*) from pg_locks where not granted") == 1 ]]'
	stops_within_8_s
	assert_status 143
	says "stopped by signal 15 (Terminated) before \"$DB_NAME\" was backed up to local, cloud"
	published_local 1
	no_partials
	# nor does the server keep anything of it
	wait_until eval '[[ $(sql "$DB_NAME" "select count(*) from pg_locks where not granted") == 0 ]]'
	echo '\q' >&"${COPROC[1]}"
	wait "$COPROC_PID" || true
}

@test "SIGTERM while rclone and pg_dump ignore it" {
	orders pg_dump '*' 'ignore TERM' 'emit 3000000' 'touch there' 'hang'
	orders rclone rcat 'ignore TERM' 'skip 3000000' 'hang'
	start_backup backup-db
	wait_until test -e "$fakes/there"
	stops_within_8_s
	assert_status 143
	local_has 0
	s3_has 0
}

@test "SIGTERM while the endpoint hangs" {
	s3_through_proxy
	proxy s3 after up 8000000 hang
	orders pg_dump '*' 'emit 20000000'
	start_backup backup-db
	wait_until eval '[[ $(proxy s3 state) == hang* ]]'
	stops_within_8_s
	assert_status 143
	says "stopped by signal 15"
	local_has 1 # it was finished
	is_stream "$local_backup" 20000000
	s3_has 0
}

@test "SIGTERM while the endpoint does not answer the first call" {
	s3_through_proxy
	proxy s3 hang
	start_backup backup-db
	wait_until eval '[[ $(proxy s3 state) == "hang "[1-9]* ]]'
	stops_within_8_s
	assert_status 143
	says "error: stopped by signal 15 (Terminated) before anything was backed up; nothing stored"
	local_has 0
}

@test "SIGTERM while the server is waited for, and between tries" {
	rm "$fakes/psql.orders"
	PGPORT=1 DB_BACKUP_WAIT=1h start_backup backup-db
	wait_until grep -q "waiting for the server" "$run/stderr"
	stops_within_8_s
	assert_status 143
	orders pg_dump '*' 'exit 1'
	orders psql '*' $'say 150000\t100000000\t15.0'
	DB_BACKUP_RETRIES=3 start_backup backup-db
	wait_until grep -q "trying again in 10 s" "$run/stderr"
	stops_within_8_s INT
	assert_status 130
	local_has 0
	s3_has 0
}

@test "SIGHUP and SIGQUIT end a single run, too; a closed terminal's output does not" {
	orders pg_dump '*' 'emit 3000000' 'touch there' 'hang'
	for signal in HUP:129 QUIT:131; do
		rm -f "$fakes/there"
		start_backup backup-db
		wait_until test -e "$fakes/there"
		stops_within_8_s "${signal%:*}"
		assert_status "${signal#*:}"
		local_has 0
	done
	s3_has 0
}

@test "a second run of the same database to the same place is turned away at once" {
	orders pg_dump '* 1' 'emit 3000000' 'touch there' 'wait go'
	orders pg_dump '*' 'emit 3000000'
	start_backup backup-db
	local first=$run first_reaper=$rig_reaper
	wait_until test -e "$fakes/there"
	run_backup backup-db
	assert_status 3
	says 'cannot back up "app": another run of it holds the lock'
	# whatever the status file
	DB_BACKUP_STATUS_FILE=$T/other/status.json run_backup backup-db
	assert_status 3
	printed 0
	partial # nor did it sweep what the first one writes
	# another database, or another place, is no matter
	DB_NAME=other run_backup backup-db
	assert_status 0
	DB_BACKUP_DIR=$T/elsewhere run_backup backup-db
	assert_status 0
	touch "$fakes/go"
	run=$first rig_reaper=$first_reaper
	wait_backup
	assert_status 0
	# and then it is free
	run_backup backup-db
	assert_status 0
	no_partials
}

@test "of several databases the locked one is skipped, the others are backed up" {
	orders pg_dump '* 1' 'emit 3000000' 'touch there' 'wait go'
	orders pg_dump '*' 'emit 3000000'
	start_backup backup-db
	local first=$run first_reaper=$rig_reaper
	wait_until test -e "$fakes/there"
	DB_NAME=app,other run_backup backup-db
	assert_status 3
	printed 1
	grep -q '^other-' "$run/stdout"
	touch "$fakes/go"
	run=$first rig_reaper=$first_reaper
	wait_backup
	assert_status 0
}
