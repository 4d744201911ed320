#!/usr/bin/env bats
# Tests of the test rig itself: a rig that cannot fail proves nothing.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib

# rclone as a test's own client of the S3 server, through $S3_ENDPOINT
rig_rclone() {
	env -u AWS_CA_BUNDLE RCLONE_CONFIG=/dev/null RCLONE_CONFIG_S_TYPE=s3 RCLONE_CONFIG_S_PROVIDER=Ceph \
		RCLONE_CONFIG_S_ENDPOINT="$S3_ENDPOINT" RCLONE_CONFIG_S_ENV_AUTH=true RCLONE_CONFIG_S_NO_CHECK_BUCKET=true \
		AWS_ACCESS_KEY_ID="$S3_ACCESS_KEY" AWS_SECRET_ACCESS_KEY="$S3_SECRET_KEY" \
		RCLONE_LOW_LEVEL_RETRIES=1 RCLONE_RETRIES=1 RCLONE_CONTIMEOUT=5s RCLONE_TIMEOUT=5s timeout 60 rclone "$@"
}

# something that takes the place of the product: `product SCRIPT` runs it with sh
product() {
	BACKUP_SERVICE=/bin/sh run_backup -c "$1"
}

# -- servers

@test "PostgreSQL wants the password" {
	fresh_db 'odd "name"'
	[[ $(sql "$DB_NAME" "select 'it runs'") == "it runs" ]]
	PGPASSWORD=wrong run ! sql "$DB_NAME" 'select 1'
}

@test "the S3 server checks signatures and knows what is not there" {
	fresh_bucket
	echo hello | s3_put 'a b/ü+%'
	[[ $(s3_cat 'a b/ü+%') == hello ]]
	RIG_S3_SECRET_KEY=wrong run ! s3 ls
	[[ $output == *SignatureDoesNotMatch* ]]
	run s3 raw GET /no-such-bucket
	[[ $output == *NoSuchBucket* ]]
	run ! s3_cat nothing
}

@test "S3: multipart uploads are listed and aborted, a lowered part limit refuses" {
	fresh_bucket
	s3_env
	run s3 raw POST "/$RIG_BUCKET/pending" uploads=
	[[ $(s3_uploads) == pending* ]]
	run ! no_uploads
	IFS=$'\t' read -r key id < <(s3_uploads)
	s3 abort "$key" "$id"
	no_uploads
	limited_gateway 3
	head -c 30M /dev/urandom | rig_rclone rcat "s:$RIG_BUCKET/three" --s3-chunk-size 10M
	run ! rig_rclone rcat "s:$RIG_BUCKET/more" < <(head -c 31M /dev/urandom)
	[[ $(s3_ls -l) == $'31457280\tthree' ]]
}

@test "S3: 1,100 keys are listed over two pages" {
	fresh_bucket
	s3_env
	mkdir "$T/many"
	(cd "$T/many" && for i in {1..1100}; do echo "$i" >"$i"; done)
	rig_rclone copy --transfers 16 "$T/many" "s:$RIG_BUCKET"
	(($(s3_ls | wc -l) == 1100))
}

@test "S3: the second user may do what the policy says, and no more" {
	fresh_bucket
	s3_env
	echo 1 | s3_put one
	limited_s3_key no-delete
	echo 2 | rig_rclone rcat "s:$RIG_BUCKET/two"
	run ! rig_rclone deletefile "s:$RIG_BUCKET/one"
	limited_s3_key read-only
	[[ $(rig_rclone cat "s:$RIG_BUCKET/two") == 2 ]]
	run ! rig_rclone rcat "s:$RIG_BUCKET/three" <<<3
	limited_s3_key no-list
	rig_rclone deletefile "s:$RIG_BUCKET/two"
	run ! rig_rclone lsf "s:$RIG_BUCKET"
	limited_s3_key write-only
	run ! rig_rclone lsf "s:$RIG_BUCKET"
	run ! rig_rclone cat "s:$RIG_BUCKET/one"
	[[ $(s3_ls) == one ]]
}

@test "both versions of rclone can be chosen" {
	use_rclone old
	[[ $(rclone version) == *v1.60* ]]
	use_rclone new
	[[ $(rclone version) != *v1.60* ]]
	s3_env
	fresh_bucket
	head -c 20M /dev/urandom | rig_rclone rcat "s:$RIG_BUCKET/x"
	[[ $(s3_ls -l) == $'20971520\tx' ]]
	use_rclone old
	[[ $(rclone version) == *v1.60* ]]
}

# -- running

@test "a run gets a clean environment, and status and output are kept" {
	export DB_NAME='a b' SECRET_OF_THE_SHELL=x S3_REGION=here
	product 'env; echo oops >&2; exit 3'
	assert_status 3
	run ! assert_status 0
	says oops
	run ! says something
	run ! says_not oops
	grep -qx 'DB_NAME=a b' "$run/stdout"
	grep -qx 'S3_REGION=here' "$run/stdout"
	run ! grep SECRET_OF_THE_SHELL "$run/stdout"
	product 'kill -9 $$'
	[[ $how == "killed 9" ]]
	((status == 137))
}

@test "children that are left are noticed, and ended" {
	product 'sleep 0 & wait'
	no_children_left
	GRACE=0.3
	product 'setsid sleep 77.125 & (sleep 0.1 &)'
	run ! no_children_left
	[[ $output == *never*"sleep 77.125"* ]]
	run ! no_children_left 5
	run ! pgrep -f '^sleep 77.125'
	product '(sleep 0.1 &)'
	run ! no_children_left
	no_children_left 1
}

@test "a run in the background can be killed; memory and lifetimes are watched" {
	BACKUP_SERVICE=/bin/sh WATCH=1 GRACE=0 start_backup -c 'sleep 60 & /usr/bin/python3 -c "x = bytearray(100 << 20)
import time; time.sleep(0.5)"; touch "$HOME/here"; wait'
	kill -0 "$backup_pid"
	wait_until test -e "$T/home/here"
	kill -KILL "$backup_pid"
	wait_backup
	[[ $how == "killed 9" ]]
	(($(peak_kib python3) > 100000))
	lifetime python3 | awk '{ exit !($1 > 0.3) }'
}

@test "wait_until gives up" {
	run ! wait_until -t 1 false
	wait_until true
}

@test "what is published is counted, partial files are noticed" {
	local_dir
	published_local 0
	no_partials
	echo x >"$DB_BACKUP_DIR/a"
	published_local
	[[ $local_backup == */a ]]
	run ! published_local 0
	: >"$DB_BACKUP_DIR/b"
	run ! published_local 2
	echo x >"$DB_BACKUP_DIR/.b.partial"
	run ! no_partials
	fresh_bucket
	published_s3 0
	echo x | s3_put k
	published_s3
	run ! published_s3 0
}

@test "a small disk fills up" {
	small_disk 1m
	run ! dd if=/dev/zero of="$DB_BACKUP_DIR/x" bs=1M count=2
	[[ $output == *"No space left"* ]]
}

# -- fakes

@test "fakes obey, and record what they got" {
	with_fakes
	orders pg_dump '*' 'junk 100000' 'emit 3000000' 'exit 3'
	orders rclone 'rcat 2' 'read 1000' 'kill KILL'
	orders rclone rcat 'read all' 'say done'
	product 'export FOR_ME=1; pg_dump -Fc a\ b | rclone rcat x; echo one | rclone rcat y; echo $?; pg_dump --version'
	assert_status 0
	[[ $(cat "$run/stdout") == "done"$'\n'"137"$'\n'"pg_dump (PostgreSQL) "* ]]
	cmp "$fakes/rclone.1.stdin" <("$fakes/stream" 3000000)
	[[ $(head -c 5 "$fakes/rclone.1.stdin") == PGDMP ]]
	[[ $(cat "$fakes/rclone.2.stdin") == one ]]
	grep -qx FOR_ME=1 "$fakes/pg_dump.1.env"
	[[ $(cat "$fakes/pg_dump.1.args") == "-Fc"$'\n'"a b" ]]
	[[ $(head -n 1 "$fakes/pg_dump.calls") == "-Fc 'a b'" ]]
	(($(head -n 1 "$run/stderr" | wc -c) == 100000))
}

@test "fakes hang, ignore signals, wait, cut the real tool short and change it" {
	with_fakes
	orders psql one 'ignore TERM' 'touch hangs' 'hang'
	orders psql two 'wait go' 'say went'
	orders psql ~ree 'run 4' 'exit 5'
	orders psql four 'args --version' 'unset FOR_ME' 'run' 'exit 6'
	product 'psql one & until [ -e '"$fakes"'/hangs ]; do sleep 0.01; done; kill $!; sleep 0.1; kill -0 $! && echo alive; kill -9 $!
		psql two & sleep 0.1; touch '"$fakes"'/go; wait $!
		psql --version three; echo " $?"; psql four; echo $?'
	[[ $(cat "$run/stdout") == alive$'\n'went$'\n'"psql 5"$'\n'"psql (PostgreSQL)"*$'\n'6 ]]
}

@test "a fake's stream keeps its rate, and 1 GB takes seconds" {
	with_fakes
	orders pg_dump '* 1' 'emit 1000000 2000000'
	orders pg_dump '* 2' 'emit 1000000000'
	began=${EPOCHREALTIME/./}
	(($(pg_dump | wc -c) == 1000000))
	((${EPOCHREALTIME/./} - began > 400000))
	(($(pg_dump | wc -c) == 1000000000))
}

# -- the proxy

get() { timeout 5 curl -sS -o /dev/null -w '%{http_code}' "$S3_ENDPOINT" 2>&1; }

@test "proxy: passes, refuses, hangs, and goes on" {
	s3_env
	s3_through_proxy
	[[ $(get) == 200 ]] # an anonymous listing is allowed
	proxy s3 refuse
	run ! get
	[[ $output == *"refuse"* || $output == *"connect to"* ]]
	proxy s3 hang
	run ! timeout 0.5 curl -s "$S3_ENDPOINT"
	((status == 124))
	timeout 10 curl -s -o /dev/null "$S3_ENDPOINT" &
	wait_until eval '[[ $(proxy s3 state) == "hang "[1-9]* ]]'
	proxy s3 pass
	wait $!
	proxy s3 state
	run ! proxy s3 nonsense
}

@test "proxy: cuts after exactly N bytes, in order or by reset" {
	start_proxy p pg
	exchange() { # send 3 bytes of a time over one connection, see how it ends
		timeout 10 /usr/bin/python3 -IS - "$proxy_port" <<-'PY'
			import socket, sys, time
			s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
			s.settimeout(5)
			try:
			    s.sendall(bytes.fromhex("0000000804d2162f"))   # SSLRequest: one byte comes back
			    print(s.recv(1))
			    print(s.recv(1))
			except OSError as e:
			    print(type(e).__name__)
		PY
	}
	proxy p after up 8 reset
	[[ $(exchange) == ConnectionResetError ]]
	[[ $(proxy p state) == "pass 0 8 0" ]]
	proxy p after down 1 close
	[[ $(exchange) == "b'N'"$'\n'"b''" ]]
	proxy p after any 3 refuse
	[[ $(exchange) == ConnectionResetError ]]
	[[ $(exchange 2>&1) == *ConnectionRefusedError* ]]
}

@test "proxy: a cut and a hang midway lose and add no byte" {
	fresh_bucket
	s3_env
	s3_through_proxy
	head -c 8M /dev/urandom >"$T/data"
	s3_put data <"$T/data"
	proxy s3 after down 1000001 hang
	RIG_S3_ENDPOINT=$S3_ENDPOINT s3_cat data >"$T/got" &
	wait_until eval '[[ $(proxy s3 state) == hang* ]]'
	proxy s3 pass
	wait $!
	cmp "$T/data" "$T/got"
	proxy s3 random 1000000 7
	RIG_S3_ENDPOINT=$S3_ENDPOINT run ! s3_cat data
}

@test "proxy: throttles each direction" {
	fresh_bucket
	s3_env
	s3_through_proxy
	head -c 1M /dev/urandom >"$T/data"
	took() {
		local began=${EPOCHREALTIME/./}
		"$@" >/dev/null
		echo $(((${EPOCHREALTIME/./} - began) / 1000))
	}
	export RIG_S3_ENDPOINT=$S3_ENDPOINT
	proxy s3 throttle up 1000000
	(($(took s3_put data <"$T/data") > 900))
	(($(took s3_cat data) < 900))
	proxy s3 pass
	proxy s3 throttle down 1000000
	(($(took s3_cat data) > 900))
	(($(took s3_put data <"$T/data") < 900))
}

@test "proxy: answers chosen requests, counts all" {
	fresh_bucket
	s3_env
	s3_through_proxy
	export RIG_S3_ENDPOINT=$S3_ENDPOINT
	proxy s3 answer 503 method=PUT match=/bad nth=2 times=1
	proxy s3 answer 403 method=DELETE
	echo 1 | s3_put bad
	run ! s3_put bad <<<2
	[[ $output == *503*SlowDown* ]]
	echo 3 | s3_put bad
	echo 4 | s3_put good
	run ! s3_rm good
	[[ $(s3_cat bad) == 3 ]]
	[[ $(proxy s3 counts) == "DELETE 1 GET 1 PUT 4" ]]
	grep -qx "PUT /$RIG_BUCKET/bad -> 503" "$T/s3/requests"
	proxy s3 pass
	s3_rm good
	# chunked parts, 100-continue, parallel connections
	use_rclone new
	head -c 40M /dev/urandom | tee >(md5sum >"$T/sum") | rig_rclone rcat "s:$RIG_BUCKET/big" --s3-chunk-size 5M
	wait_until test -s "$T/sum"
	[[ $(s3_cat big | md5sum) == "$(cat "$T/sum")" ]]
	proxy s3 answer 500 match=partNumber=3
	run ! rig_rclone rcat "s:$RIG_BUCKET/big2" --s3-chunk-size 5M < <(head -c 20M /dev/urandom)
}

@test "proxy: PostgreSQL goes through, and away" {
	fresh_db
	pg_through_proxy
	[[ $(sql "$DB_NAME" 'select 1') == 1 ]]
	proxy pg after down 100000 reset
	run ! sql "$DB_NAME" "select repeat('x', 1000000)"
	PGPORT=$(sed -n 's/^PGPORT=//p' "$RIG_DIR/pg/env")
}

# -- the fixture

@test "the odd database comes back the same, and compare-db sees the smallest change" {
	name="odd ' db $BASHPID"
	"$top/test/fixture/make-db" "$name" 2
	rig_dbs+=("$name")
	pg_dump -Fc -d "dbname='${name//\'/\\\'}'" -f "$T/dump"
	restores_same "$T/dump" "$name"

	fresh_db copy
	copy=$DB_NAME
	pg_restore -d "$copy" "$T/dump"
	compare() { "$top/test/fixture/compare-db" "dbname='${name//\'/\\\'}'" "dbname=$copy"; }
	compare
	# each change must be seen, and its undoing leave nothing
	local changes=(
		"update bulk set words = 'T' || substr(words, 2) where id = 7 => update bulk set words = 't' || substr(words, 2) where id = 7"
		"create table gone as select * from hashed_0 limit 1; delete from hashed_0 where id in (select id from gone) => insert into hashed_0 select * from gone; drop table gone"
		"select lo_put(100003, 5000, '\\x00') => select lo_put(100003, 5000, substr((select by from types where id = 10), 5001, 1))"
		"select setval('\"odd sequence\"', -50) => select setval('\"odd sequence\"', -6)"
		"comment on table upper is 'x' => comment on table upper is null"
		"refresh materialized view never_filled => refresh materialized view never_filled with no data"
	)
	for change in "${changes[@]}"; do
		sql "$copy" "${change%% => *}" >/dev/null
		run ! compare
		[[ $output == *@@* ]]
		sql "$copy" "${change#* => }" >/dev/null
	done
	compare
}
