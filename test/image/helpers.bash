# Helpers for the .bats files of the image; test/image/run starts the servers that they use:
# pg18, target (empty, version 18), pg17 (on port 6543) and s3, on the network backup-test.
# shellcheck shell=bash disable=SC2034  # some variables are for the tests

bats_require_minimum_version 1.5.0
# shellcheck source=test/image/common.bash
. "$BATS_TEST_DIRNAME/common.bash"

# Each test has a folder $T, a database $db on pg18, and a place of its own in the bucket, $bucket.
setup() {
	T=$BATS_TEST_TMPDIR
	local id=$$_$BATS_TEST_NUMBER
	db=db_$id bucket=backups/$id
	pg=(-e PGHOST=pg18 -e PGPASSWORD=pg-pass-word -e "DB_NAME=$db")
	cloud=(-e S3_ENDPOINT=http://s3:8333 -e S3_ACCESS_KEY=s3-access -e S3_SECRET_KEY=s3-secret-key
		-e "S3_BACKUP_BUCKET=$bucket")
	# no waiting unless the test is about waiting
	quick=(-e DB_BACKUP_RETRIES=0 -e DB_BACKUP_WAIT=5)
	hard=(--user 12345:12345 --read-only --tmpfs /tmp --cap-drop ALL
		--security-opt no-new-privileges)
	started=()
}

teardown() {
	local name
	for name in "${started[@]}"; do
		# what a failed test is explained by
		[ -n "${BATS_TEST_COMPLETED-}" ] || docker logs "$name" 2>&1 | tail -n 30
		docker rm -fv "$name" >/dev/null
	done
}

fail() {
	printf '%s\n' "$*" >&2
	return 1
}

# eventually SECONDS COMMAND...: until it succeeds
eventually() {
	local end=$((SECONDS + $1))
	until "${@:2}"; do
		((SECONDS < end)) || fail "not within $1 s: ${*:2}" || return
		sleep 0.1
	done
}

# once OPTION... IMAGE WORD...: docker run to its end, as a user types it; none takes two minutes
once() { timeout -k 10 120 docker run --rm --label backup-service.test --network backup-test "$@"; }

# background NAME OPTION... IMAGE WORD...: the same in the background, ended after the test
background() {
	started+=("$1")
	docker run -d --label backup-service.test --network backup-test --name "$@" >/dev/null
}

# -- databases

dsn() { # SERVER DB
	local port=5432
	[ "$1" != pg17 ] || port=6543
	echo "host=$1 port=$port user=postgres password=pg-pass-word dbname=$2"
}

sql() { # SERVER DB STATEMENT
	docker exec "backup-test-$1" psql -XAtq -v ON_ERROR_STOP=1 -d "$(dsn "$1" "$2")" -c "$3"
}

# fixture COMMAND...: one of test/fixture in the image (or in $client), with its client programs
fixture() {
	once -e PGUSER=postgres -e PGPASSWORD=pg-pass-word -e PGHOST -e PGPORT \
		-v "$top/test/fixture:/fixture:ro" "${client:-$image}" "/fixture/$1" "${@:2}"
}

# make_db SERVER DB: one full of odd things
make_db() {
	local -x PGHOST=$1 PGPORT=5432
	[ "$1" != pg17 ] || PGPORT=6543
	fixture make-db "$2" 5
}

# copy_roles SERVER: to target; roles are the server's, so the backup of a database has none
copy_roles() {
	# shellcheck disable=SC2016  # expanded in the container
	once "$image" bash -c 'pg_dumpall --roles-only -d "$0" | psql -Xq -d "$1"' \
		"$(dsn "$1" postgres)" "$(dsn target postgres)" 2>&1 | { grep -v 'already exists' || true; }
}

# same SERVER DB SERVER DB: the content of the two
same() { fixture compare-db "$(dsn "$1" "$2")" "$(dsn "$3" "$4")"; }

# fill SERVER DB [MEGABYTES]: a database of a few tables and so much that compresses badly
fill() {
	sql "$1" postgres "CREATE DATABASE \"$2\""
	sql "$1" "$2" "
		CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL, at timestamptz);
		INSERT INTO item SELECT n, 'näme ' || n, timestamptz 'epoch' + n * interval '1 day'
			FROM generate_series(1, 1000) n;
		CREATE TABLE noise AS SELECT n, (SELECT string_agg(md5(random()::text || n || i), '')
			FROM generate_series(1, 32) i) AS text
			FROM generate_series(1, ${3:-1} * 1024) n;"
}

# -- what is stored

s3() {
	once -e RCLONE_CONFIG=/dev/null -e RCLONE_S3_PROVIDER=Ceph -e RCLONE_S3_ENDPOINT=http://s3:8333 \
		-e RCLONE_S3_ACCESS_KEY_ID=s3-access -e RCLONE_S3_SECRET_ACCESS_KEY=s3-secret-key \
		"$image" rclone "$@"
}
s3_ls() { s3 lsf ":s3:$bucket/"; }

# backups FOLDER: the names in it that are backups; its other files must be none (see no_partial)
backups() { find "$1" -maxdepth 1 -type f -name '*-????????T??????Z.pg-dump' ! -name '.*' -printf '%f\n'; }
no_partial() { [ -z "$(find "$1" -name '*partial*')" ] || fail "left: $(ls -A "$1")"; }

# -- containers

status_of() { docker inspect -f "{{.State.$2}}" "$1"; }
health_is() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$1")" = "$2" ]; }
logs_say() { docker logs "$1" 2>&1 | grep -q -e "$2"; }
runs_program() { docker top "$1" -eo pid,comm | grep -qw "$2"; }

# milliseconds COMMAND...: how long it took, in $took
milliseconds() {
	local begin=${EPOCHREALTIME/[.,]/}
	"$@" >/dev/null
	took=$(((${EPOCHREALTIME/[.,]/} - begin) / 1000))
}
