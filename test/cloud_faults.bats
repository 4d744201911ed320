#!/usr/bin/env bats
# Bad days, from the side of the cloud and of rclone. See faults.bats; where a
# local directory is set too, its backup is made all the same, and kept.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load faults

setup_file() { source_db; }
teardown_file() { drop_source_db; }
setup() {
	rig_setup
	somewhere
}

# local_kept: the new backup is there, and it was printed; the cloud has nothing new
local_kept() {
	printed 1
	local_has 1
	[[ ${local_backup##*/} == "$(cat "$run/stdout")" ]]
	s3_has 0
	rm "$local_backup"
}

# 20 MB instead of the database
big() { orders pg_dump '*' 'emit 20000000'; }

# -- the endpoint

bucket_missing() {
	S3_BACKUP_BUCKET=no-such-bucket run_backup backup-db
	went_wrong 1 "NoSuchBucket"
	says "hint: create the bucket, or correct S3_BACKUP_BUCKET"
	local_kept
	run s3 raw GET /no-such-bucket
	[[ $output == 404* ]] # nor was it created
}
@test "the bucket is missing" { both_rclones bucket_missing; }

wrong_key() {
	S3_SECRET_KEY=wrong run_backup backup-db
	went_wrong 1 "SignatureDoesNotMatch"
	grep -q 'hint: check S3_SECRET_KEY$' "$run/stderr"
	local_kept
	S3_ACCESS_KEY=wrong run_backup backup-db
	went_wrong 1 "InvalidAccessKeyId"
	grep -q 'hint: check S3_ACCESS_KEY$' "$run/stderr"
	local_kept
}
@test "a wrong key" { both_rclones wrong_key; }

not_allowed() {
	limited_s3_key read-only
	run_backup backup-db
	went_wrong 1 "AccessDenied"
	says "hint: the credentials are known but not allowed"
	local_kept
	s3_env
}
@test "a key that may not write" { both_rclones not_allowed; }

refused() {
	S3_ENDPOINT=http://127.0.0.1:1 run_backup backup-db
	went_wrong 1 "connection refused"
	says "hint: check the address"
	local_kept
	S3_ENDPOINT=127.0.0.1:$RIG_S3_PORT run_backup backup-db
	went_wrong 1 "server gave HTTP response to HTTPS client"
	says "write http:// before it"
	local_kept
}
@test "the endpoint refuses, or speaks no TLS" {
	refused
	export RCLONE_LOW_LEVEL_RETRIES=1 # the new one takes its time
	rclone_is new
	refused
}

dies_midway() {
	s3_through_proxy
	proxy s3 after up 12000000 refuse
	big
	run_backup backup-db
	went_wrong 1 "connection refused"
	is_stream "$(echo "$DB_BACKUP_DIR"/*Z.pg-dump | tr ' ' '\n' | tail -n 1)" 20000000
	local_kept
}
@test "the endpoint dies midway, old rclone" {
	rclone_is old
	dies_midway
}
@test "the endpoint dies midway, new rclone" {
	export RCLONE_LOW_LEVEL_RETRIES=1 # it takes its time
	rclone_is new
	dies_midway
}

hangs_midway() {
	s3_through_proxy
	proxy s3 after up 8000000 hang
	big
	export DB_BACKUP_STALL_TIMEOUT=4
	start_backup backup-db
	# the local one does not wait
	wait_until eval 'find "$DB_BACKUP_DIR" -type f ! -name ".*" ! -name "$earlier_name" | grep -q .'
	pgrep -P "$backup_pid" -f 'rclone rcat'
	wait_backup
	went_wrong 1 "no byte moved for 4 s"
	local_kept
}
@test "the endpoint hangs midway, old rclone" {
	rclone_is old
	hangs_midway
}
@test "the endpoint hangs midway, new rclone" {
	rclone_is new
	hangs_midway
}

@test "the endpoint hangs from the start" {
	s3_through_proxy
	proxy s3 hang
	DB_BACKUP_STALL_TIMEOUT=2 run_backup backup-db
	went_wrong 1 "to cloud: "
	local_kept
}

lost_answer() {
	proxy s3 answer 500 method=POST match=uploadId=
	big
	run_backup backup-db
	assert_status 1
	errors 1
	local_kept
	proxy s3 pass
}
@test "the last request of an upload fails" {
	export RCLONE_LOW_LEVEL_RETRIES=1
	s3_through_proxy
	both_rclones lost_answer
}

cuts_recovered() {
	proxy s3 pass
	proxy s3 answer 503 method=PUT match=partNumber=2 times=1
	big
	run_backup backup-db
	assert_status 0
	local_has 1
	s3_has 1
	s3_cat "${s3_backups[1]}" >"$T/got"
	is_stream "$T/got" 20000000
	rm "$local_backup"
	s3_rm "${s3_backups[1]}"
	grep -q 'partNumber=2.* -> 503' "$T/s3/requests"
	: >"$T/s3/requests"
}
@test "one lost part is sent again" {
	s3_through_proxy
	both_rclones cuts_recovered
}

@test "the size cannot be read back" {
	orders rclone 'lsjson 2' 'exit 1'
	run_backup backup-db
	went_wrong 1 "its size cannot be checked"
	local_kept
}

# -- rclone

@test "rclone is killed, or fails, midway or at the end" {
	big
	orders rclone 'rcat 1' 'skip 1000000' 'kill KILL'
	orders rclone 'rcat 2' 'skip 1000000' 'exit 0'
	orders rclone 'rcat 3' 'skip all' 'warn Fatal error: it is all wrong' 'exit 6'
	orders rclone 'rcat 4' 'skip all' 'kill SEGV'
	orders rclone 'rcat 5' 'exit 0'
	orders rclone 'rcat 6' 'tee' 'exit 1' # it is there, but who knows
	local why
	for why in "rclone was killed by signal 9 (Killed)" "rclone exited with 0" "rclone exited with 6: Fatal error: it is all wrong" \
		"rclone was killed by signal 11" "rclone exited with 0" "rclone exited with 1"; do
		run_backup backup-db
		went_wrong 1 "$why"
		local_kept
	done
}

@test "the same, cloud only" {
	unset DB_BACKUP_DIR
	big
	orders rclone 'rcat 1' 'skip 1000000' 'kill KILL'
	orders rclone 'rcat 2' 'skip 1000000' 'exit 0'
	orders rclone 'rcat 3' 'skip all' 'exit 6'
	orders rclone 'rcat 4' 'tee' 'exit 1'
	for why in "rclone was killed by signal 9" "rclone exited with 0" "rclone exited with 6" "rclone exited with 1"; do
		run_backup backup-db
		went_wrong 1 "$why"
		printed 0
		s3_has 0
	done
}

@test "rclone reports success, but stored nothing, or too little, or too much" {
	orders rclone 'rcat 1' 'skip all'
	run_backup backup-db
	went_wrong 1 "it is not there, although rclone reported success"
	local_kept
	# what the real one stores is wrong
	with_fakes
	rm "$fakes/rclone"
	cat >"$fakes/rclone" <<-'SH'
		#!/bin/bash
		[[ $1 == rcat ]] || exec /usr/bin/rclone "$@"
		exec 3>&-
		$FILTER | /usr/bin/rclone "$@" # end of file comes from the supervisor's shutdown
	SH
	sed -i "s/\$FILTER/head -c 100000/" "$fakes/rclone"
	chmod 755 "$fakes/rclone"
	run_backup backup-db
	assert_status 1
	local_kept
	sed -i "s/head -c 100000/head -c -1/" "$fakes/rclone"
	run_backup backup-db
	went_wrong 1 " bytes there instead of "
	local_kept
	sed -i "s/head -c -1/tee -a \/dev\/stdout/" "$fakes/rclone"
	run_backup backup-db
	assert_status 1
	local_kept
}

@test "rclone ignores SIGTERM" {
	orders pg_dump '*' 'emit 3000000' 'exit 1'
	orders rclone rcat 'ignore TERM' 'skip 1000' 'hang'
	run_backup backup-db
	went_wrong 1 "pg_dump exited with 1"
	printed 0
	local_has 0
	s3_has 0
}

@test "rclone gets SIGTERM once: with a second one it would leave its upload" {
	with_fakes
	rm "$fakes"/{pg_dump,rclone}
	# a dump that stalls and takes its time to end, so that two signals cannot become one
	cat >"$fakes/pg_dump" <<-SH
		#!/bin/bash
		[[ \$1 != --version ]] || exec /usr/bin/pg_dump --version
		trap 'sleep 0.5; exit 1' TERM
		"$fakes/stream" 3000000
		while :; do sleep 0.05; done
	SH
	cat >"$fakes/rclone" <<-SH
		#!/bin/bash
		[[ \$1 == rcat ]] || exec /usr/bin/rclone "\$@"
		trap 'echo TERM >>"$T/terms"' TERM
		for ((i = 0; i < 15 || 0 == \$(wc -l <"$T/terms"); i++)); do read -rt 0.1 -N 100000 _; sleep 0.05; done
	SH
	: >"$T/terms"
	chmod 755 "$fakes"/{pg_dump,rclone}
	DB_BACKUP_STALL_TIMEOUT=1 run_backup backup-db
	assert_status 1
	says "it wrote no byte for 1 s"
	[[ $(cat "$T/terms") == TERM ]]
}

@test "rclone stalls" {
	big
	orders rclone rcat 'skip 1000' 'hang'
	DB_BACKUP_STALL_TIMEOUT=1 run_backup backup-db
	went_wrong 1 "to cloud: rclone: no byte moved for 1 s"
	local_kept
	unset DB_BACKUP_DIR
	DB_BACKUP_STALL_TIMEOUT=1 run_backup backup-db
	went_wrong 1 "to cloud: rclone: no byte moved for 1 s"
	printed 0
	s3_has 0
}

@test "rclone never ends after the commit" {
	orders pg_dump '*' 'emit 1000000'
	orders rclone rcat 'skip all' 'hang'
	DB_BACKUP_STALL_TIMEOUT=3 run_backup backup-db
	went_wrong 1 "to cloud: rclone: no byte moved for 3 s"
	local_kept
}

@test "where rclone sends all only after the end of the dump, that is no stall" {
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	mkdir "$T/nas"
	export DB_BACKUP_REMOTE=nas:$T/nas RCLONE_CONFIG_NAS_TYPE=local
	orders rclone features 'say {"Features": {"Move": true, "PutStream": false}}'
	orders rclone rcat 'tee' 'sleep 3'
	DB_BACKUP_STALL_TIMEOUT=1 run_backup backup-db
	assert_status 0
	published_local 1 "$T/nas"
}

@test "nothing partial stays at a remote whose upload was ended, not even until the next run" {
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET DB_BACKUP_DIR
	mkdir "$T/nas"
	export DB_BACKUP_REMOTE=nas:$T/nas RCLONE_CONFIG_NAS_TYPE=local
	orders pg_dump '*' 'emit 3000000' 'exit 1'
	run_backup backup-db
	assert_status 1
	no_partials "$T/nas"
}

@test "asked to stop while the cloud does not answer to what must not be cut short, it ends in seconds" {
	unset DB_BACKUP_DIR
	export DB_BACKUP_MAX_N=1
	run_backup backup-db
	assert_status 0
	sleep 1
	orders rclone delete 'touch there' 'hang'
	orders rclone deletefile 'touch there' 'hang'
	start_backup backup-db
	wait_until test -e "$fakes/there"
	local begin=$SECONDS
	kill -TERM "$backup_pid"
	wait_backup
	((SECONDS - begin < 15)) || fail "$((SECONDS - begin)) s"
	assert_status 143
}

@test "slow is not stalled: neither rclone nor, because of it, pg_dump" {
	unset DB_BACKUP_DIR
	orders pg_dump '*' 'emit 10000000'
	orders rclone rcat 'skip 2000000' 'sleep 1.5' 'skip 2000000' 'sleep 1.5' 'skip 2000000' 'sleep 1.5' 'tee'
	DB_BACKUP_STALL_TIMEOUT=3 run_backup backup-db
	assert_status 1
	says "instead of 10000000" # all of it was sent, if the fake kept some
	s3_has 0
}

@test "uploads from the finished local file are tried again: one dump, one more upload" {
	big
	orders rclone 'rcat 1' 'skip 1000000' 'exit 1'
	DB_BACKUP_RETRIES=1 run_backup backup-db
	assert_status 0
	says "warning: cannot back up \"$DB_NAME\" to cloud: rclone exited with 1"
	says "trying again in 10 s (1 of 1)"
	(($(grep -c -- --format=custom "$fakes/pg_dump.calls") == 1))
	printed 1
	local_has 1
	s3_has 1
	[[ ${s3_backups[1]} == "${local_backup##*/}" ]]
	s3_cat "${s3_backups[1]}" | cmp - "$local_backup"
	errors 0
}

# -- several

@test "of two remotes one fails: the other one is kept" {
	mkdir "$T/one" "$T/two"
	export RCLONE_CONFIG_ONE_TYPE=alias RCLONE_CONFIG_ONE_REMOTE=$T/one RCLONE_CONFIG_TWO_TYPE=alias RCLONE_CONFIG_TWO_REMOTE=$T/two
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET DB_BACKUP_DIR
	export DB_BACKUP_REMOTE=one:,two:
	big
	orders rclone ~one: 'real'
	orders rclone rcat 'skip 5000000' 'kill KILL'
	run_backup backup-db
	went_wrong 1 "to two: rclone was killed by signal 9"
	printed 1
	published_local 1 "$T/one"
	is_stream "$local_backup" 20000000
	published_local 0 "$T/two"
	no_partials "$T/one"
	no_partials "$T/two"
}

@test "all fail, each for its own reason" {
	mkdir "$T/two"
	export RCLONE_CONFIG_TWO_TYPE=alias RCLONE_CONFIG_TWO_REMOTE=$T/two DB_BACKUP_REMOTE=two: S3_BACKUP_BUCKET=no-such-bucket
	echo file >"$T/file"
	export DB_BACKUP_DIR=$T/file
	orders rclone ~two:. 'exit 7'
	run_backup backup-db
	assert_status 1
	errors 3
	says "to local: "
	says "to cloud: "
	says "to two: "
	printed 0
	published_local 0 "$T/two"
}

@test "a remote that is not defined" {
	export DB_BACKUP_REMOTE=nowhere:x
	run_backup backup-db
	went_wrong 1 "to nowhere: "
	says "hint: define the remote: RCLONE_CONFIG_NAME_TYPE"
	local_has 1
	s3_has 1
}
