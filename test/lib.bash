# Helpers for the .bats files, which begin with `load lib` and are run by
# test/run (it brings the servers). Each test has its own empty folder $T, an own
# HOME and TMPDIR in it, and what it started is ended after it.
# shellcheck shell=bash disable=SC2034  # some variables are for the tests

bats_require_minimum_version 1.5.0
top=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
: "${RIG_DIR:?run the tests by test/run}"

# Tests that need more override setup or teardown, and call these.
setup() { rig_setup; }
teardown() { rig_teardown; }

rig_setup() {
	T=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}
	rig_pids=() rig_dbs=() rig_buckets=() rig_mounts=()
	mkdir -p "$T/home" "$T/tmp"
	# no waiting unless the test is about waiting
	export DB_BACKUP_RETRIES=0 DB_BACKUP_WAIT=5
	# the default is the machine's /run
	export DB_BACKUP_STATUS_FILE=$T/status.json
}

rig_teardown() {
	local pid name
	[[ ! ${rig_gateway-} ]] || { kill -KILL "$rig_gateway" && wait "$rig_gateway"; } 2>/dev/null || true # at TERM it takes long
	for pid in "${rig_pids[@]}"; do
		kill -TERM "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	for name in "${rig_mounts[@]}"; do
		umount -l "$name"
	done
	for name in "${rig_buckets[@]}"; do
		RIG_BUCKET=$name RIG_S3_ENDPOINT=http://127.0.0.1:$RIG_S3_PORT s3 wipe || true
	done
	for name in "${rig_dbs[@]}"; do
		dropdb --force --if-exists --maintenance-db=postgres -- "$name" 2>/dev/null || true
	done
}

fail() {
	printf '%s\n' "$*" >&2
	return 1
}

# wait_until [-t SECONDS] COMMAND...: until it succeeds, or fail after 20 s
wait_until() {
	local limit=20 end
	[[ $1 != -t ]] || { limit=$2; shift 2; }
	end=$((SECONDS + limit))
	until "$@"; do
		((SECONDS < end)) || fail "not within $limit s: $*" || return
		sleep 0.02
	done
}

# -- PostgreSQL

# sql DB STATEMENT...: unaligned, tuples only, stops at the first error
sql() {
	local db=$1 args=() statement
	shift
	for statement; do args+=(-c "$statement"); done
	PGDATABASE=$db PGOPTIONS=-cclient_min_messages=warning \
		psql -XAtq -v ON_ERROR_STOP=1 "${args[@]}"
}

# fresh_db [STEM]: an empty database; sets and exports DB_NAME
fresh_db() {
	export DB_NAME=${1-db}_$BASHPID$RANDOM
	sql postgres "create database \"${DB_NAME//\"/\"\"}\" template template0"
	rig_dbs+=("$DB_NAME")
}

# restores_same FILE [DB]: a restore of FILE has the same content as DB ($DB_NAME)
restores_same() {
	local from=${2-$DB_NAME} DB_NAME
	fresh_db restored
	pg_restore --exit-on-error -d "dbname='$DB_NAME'" "$1" || fail "pg_restore of $1: $?" || return
	from=${from//\\/\\\\}
	"$top/test/fixture/compare-db" "dbname='${from//\'/\\\'}'" "dbname='$DB_NAME'"
}

# -- S3

s3() { "$top/test/fixture/s3" "$@"; }

# exports S3_ENDPOINT, S3_ACCESS_KEY, S3_SECRET_KEY
s3_env() {
	export S3_ENDPOINT=$RIG_S3_ENDPOINT S3_ACCESS_KEY=$RIG_S3_ACCESS_KEY S3_SECRET_KEY=$RIG_S3_SECRET_KEY
}

# fresh_bucket: an empty bucket; sets and exports S3_BACKUP_BUCKET, and RIG_BUCKET,
# which s3_* use, so that a test may add a path to the first
fresh_bucket() {
	export RIG_BUCKET=rig-$BASHPID-$RANDOM
	export S3_BACKUP_BUCKET=$RIG_BUCKET
	s3 mb
	rig_buckets+=("$RIG_BUCKET")
}

s3_ls() { s3 ls "$@"; }           # [-l] [PREFIX]: keys, one a line; -l: SIZE<tab>KEY
s3_cat() { s3 cat "$1"; }         # KEY
s3_put() { s3 put "$1"; }         # KEY <data
s3_rm() { s3 rm "$@"; }           # KEY...
s3_uploads() { s3 uploads; }      # pending multipart uploads: KEY<tab>ID
# limited_gateway N: a second gateway to the same store, which takes N parts an upload; exports
# its S3_ENDPOINT. Tests that run beside this one keep their limit.
limited_gateway() {
	local port tries
	for tries in 1 2 3 4 5; do
		port=$((RANDOM % 10000 + 21000))
		(: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	CEPH_CONF=$RIG_DIR/s3/ceph.conf setpriv --pdeathsig KILL radosgw -n client.admin -f \
		--rgw-frontends="beast endpoint=127.0.0.1:$port" --rgw-multipart-part-upload-limit="$1" \
		--admin-socket="$T/rgw.asok" --log-file="$T/rgw.log" --rgw-enable-gc-threads=false --rgw-enable-lc-threads=false \
		3>&- 4>&- >"$T/rgw.out" 2>&1 &
	rig_gateway=$!
	wait_until -t 60 eval "(: <\"/dev/tcp/127.0.0.1/$port\") 2>/dev/null"
	export S3_ENDPOINT=http://127.0.0.1:$port
}

# limited_s3_key no-delete|no-list|read-only|write-only: exports S3_ACCESS_KEY and
# S3_SECRET_KEY of a second user who may do only that in $RIG_BUCKET
limited_s3_key() {
	local allow arn=arn:aws:s3:::$RIG_BUCKET
	local list='"s3:ListBucket","s3:ListBucketMultipartUploads"'
	local put='"s3:PutObject","s3:AbortMultipartUpload","s3:ListMultipartUploadParts"'
	case $1 in
	no-delete) allow="\"s3:GetObject\",$put,$list" ;;
	no-list) allow="\"s3:GetObject\",$put,\"s3:DeleteObject\"" ;;
	read-only) allow="\"s3:GetObject\",$list" ;;
	write-only) allow=$put ;;
	*) fail "limited_s3_key: what is $1?" || return ;;
	esac
	s3 policy <<-JSON
		{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
		"Principal": {"AWS": ["arn:aws:iam:::user/limited"]},
		"Action": [$allow], "Resource": ["$arn", "$arn/*"]}]}
	JSON
	export S3_ACCESS_KEY=$RIG_S3_LIMITED_ACCESS_KEY S3_SECRET_KEY=$RIG_S3_LIMITED_SECRET_KEY
}

# use_rclone old|new: Debian's own or $TEST_CACHE's; skips loudly if there is no newer one
use_rclone() {
	local new=$TEST_CACHE/rclone-new/usr/bin
	PATH=${PATH//$new:/}
	[[ $1 == old ]] && return
	[[ -x $new/rclone ]] || skip "NO NEWER RCLONE: $(cat "$TEST_CACHE/rclone-new.missing" 2>&1)"
	PATH=$new:$PATH
}

# -- running the binary

# What the product and its tools may read from the environment. Everything that a
# test exports under these names reaches it, and nothing else.
rig_passes='^(DB_.*|PG.*|S3_.*|RCLONE_.*|SCHEDULE|TZ|TZDIR|AWS_.*|SSL_.*|BACKUP_TEST_.*|[A-Z]*SAN_OPTIONS|GCOV_.*|LLVM_.*|FAKETIME.*|LD_PRELOAD)$'

# start_backup ARGS...: in the background; sets run (a folder with stdout, stderr and what
# test/fixture/reaper writes) and backup_pid. Standard input: $stdin or /dev/null.
# WATCH=1 adds $run/procs; GRACE: seconds that what is left over has to end (5).
start_backup() {
	local name clean=(PATH="$PATH" HOME="$T/home" TMPDIR="$T/tmp" LANG=C.UTF-8) under=()
	for name in $(compgen -e); do
		if [[ $name =~ $rig_passes ]]; then clean+=("$name=${!name}"); fi
	done
	run=$(mktemp -d "$T/run.XXXXXX")
	read -ra under <<<"${RUN_UNDER-}"
	env -i "${clean[@]}" "$top/test/fixture/reaper" --dir "$run" --grace "${GRACE-5}" ${WATCH:+--watch} -- \
		"${under[@]}" "$BACKUP_SERVICE" "$@" \
		<"${stdin:-/dev/null}" >"$run/stdout" 2>"$run/stderr" 3>&- 4>&- &
	rig_reaper=$!
	rig_pids+=("$rig_reaper")
	wait_until rig_started
	backup_pid=$(cat "$run/pid" 2>/dev/null) || return 0
}
rig_started() { [[ -e $run/pid ]] || ! kill -0 "$rig_reaper" 2>/dev/null; }

# wait_backup: for its end; sets status (as a shell has it) and how ("exited 3", "killed 9")
wait_backup() {
	status=0
	wait "$rig_reaper" || status=$?
	how=$(cat "$run/how" 2>/dev/null || echo "exited $status")
}

# run_backup ARGS...: to its end, sets run, status, how. Never fails by itself.
run_backup() {
	start_backup "$@"
	wait_backup
}

# assert_status N: what the last run exited with; shows what it said if not
assert_status() {
	[[ $how == "exited $1" ]] && return
	fail "wanted exit status $1, but it ${how}; stdout:
$(head -c 3000 "$run/stdout")
stderr:
$(tail -c 3000 "$run/stderr")"
}

# says TEXT, says_not TEXT: in the last run's stderr (a fixed string)
says() { grep -qF -e "$1" "$run/stderr" || fail "stderr lacks '$1': $(tail -c 3000 "$run/stderr")"; }
says_not() { ! grep -F -e "$1" "$run/stderr" "$run/stdout" >&2 || fail "which it must not say"; }

# no_children_left [SECONDS]: every process of the last run was gone when it ended, or
# SECONDS after
no_children_left() {
	[[ -e $run/left ]] || fail "nothing ran" || return
	awk -F '\t' -v within="${1--1}" '$1 == "never" || $1 > within { print "left over for " $1 " s: " $3; bad = 1 }
		END { exit bad }' "$run/left" >&2
}

# peak_kib NAME, lifetime NAME: the largest memory and the longest life of NAME's processes,
# of a run with WATCH=1
peak_kib() { awk -F '\t' -v n="$1" '$2 == n && $5 > m { m = $5 } END { print m + 0 }' "$run/procs"; }
lifetime() { awk -F '\t' -v n="$1" '$2 == n && $3 > m { m = $3 } END { print m + 0 }' "$run/procs"; }

# -- what it left

# local_dir: an empty folder; exports DB_BACKUP_DIR
local_dir() {
	export DB_BACKUP_DIR=$T/backups
	mkdir -p "$DB_BACKUP_DIR"
}

# small_disk SIZE: as local_dir, on a file system of SIZE (4m); wants root
small_disk() {
	local_dir
	mount -t tmpfs -o "size=$1" tmpfs "$DB_BACKUP_DIR" || skip "CANNOT MOUNT a small tmpfs"
	rig_mounts+=("$DB_BACKUP_DIR")
}

# published_local [N] [DIR]: exactly N (1) files are visible in $DB_BACKUP_DIR, none of them empty;
# sets local_backups (paths, sorted), local_backup (the last)
published_local() {
	local dir=${2-$DB_BACKUP_DIR}
	mapfile -t local_backups < <(find "$dir" -type f ! -path '*/.*' 2>/dev/null | sort)
	local_backup=
	((!${#local_backups[@]})) || local_backup=${local_backups[-1]}
	((${#local_backups[@]} == ${1-1})) || fail "wanted ${1-1} backups in $dir, have: $(find "$dir" -ls)" || return
	! find "${local_backups[@]:-/dev/null}" -type f -size 0 | grep . >&2 || fail "empty backups"
}

# published_s3 [N]: the same of all keys in $RIG_BUCKET; sets s3_backups, s3_backup
published_s3() {
	mapfile -t s3_backups < <(s3_ls)
	s3_backup=
	((!${#s3_backups[@]})) || s3_backup=${s3_backups[-1]}
	((${#s3_backups[@]} == ${1-1})) || fail "wanted ${1-1} objects in the bucket, have: $(s3_ls -l)" || return
	! s3_ls -l | grep '^0	' >&2 || fail "empty objects"
}

# no_partials [DIR]: nothing hidden, nothing partial
no_partials() {
	! find "${1-$DB_BACKUP_DIR}" -mindepth 1 \( -name '.*' -o -name '*.partial*' \) | grep . >&2 || fail "partial files left"
}

# no_uploads: no multipart upload is pending in $RIG_BUCKET
no_uploads() { ! s3_uploads | grep . >&2 || fail "pending uploads left"; }

# -- fakes (test/fake/fake says what they can)

# with_fakes: pg_dump, rclone ... of $fakes come first in PATH; without orders each is the real tool
with_fakes() {
	fakes=$T/fakes
	[[ -d $fakes ]] || cp -a "$top/test/fake" "$fakes"
	PATH=$fakes:${PATH//$fakes:/}
}

# orders TOOL ON ORDER...: as `orders rclone 'rcat 2' 'read 1000' 'kill KILL'`
orders() {
	[[ ${fakes-} ]] || with_fakes
	{
		echo "on $2"
		printf '%s\n' "${@:3}"
	} >>"$fakes/$1.orders"
}

# -- faults (test/fault-proxy says which)

# start_proxy NAME s3|pg|HOST:PORT: sets proxy_port
start_proxy() {
	local to=$2 http=()
	case $2 in
	s3) to=127.0.0.1:$RIG_S3_PORT http=(--http) ;;
	pg) to=$PGHOST:$PGPORT ;;
	esac
	"$top/test/fault-proxy" --to "$to" --dir "$T/$1" "${http[@]}" 3>&- 4>&- >"$T/$1.out" 2>&1 &
	rig_pids+=($!)
	wait_until test -e "$T/$1/port"
	proxy_port=$(cat "$T/$1/port")
}

# proxy NAME COMMAND...
proxy() { "$top/test/fault-proxy" --tell "$T/$1" "${@:2}"; }

# s3_through_proxy, pg_through_proxy: start one (named s3, pg) and send the product there
s3_through_proxy() {
	start_proxy s3 s3
	export S3_ENDPOINT=http://127.0.0.1:$proxy_port
}
pg_through_proxy() {
	start_proxy pg pg
	export PGPORT=$proxy_port
}
