#!/usr/bin/env bats
# Secrets, each full of odd characters, are in no command line, no log at any
# level, no help, no file, and not in the other child's environment.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load faults

password=$'pass: wo\'rd"\\ %24 $(x) é\tü #=,'
secret_key=$'s3: se\'cr"et\\ %41 +/$(y) ~=,' # ASCII: Ceph refuses others
passphrase=$'phr: as\'e"\\ %42 `z` ☃=,'$(printf 'long%.0s' {1..150})
ping_url='http://127.0.0.1:9/secret-ping-path'

setup_file() {
	source_db 1
	sql postgres "create role \"odd_$BASHPID\" login superuser password '${password//\'/\'\'}'"
	echo "odd_$BASHPID" >"$BATS_FILE_TMPDIR/role"
	CEPH_CONF=$RIG_DIR/s3/ceph.conf radosgw-admin key create --uid main --access-key "AKODD$BASHPID" \
		--secret-key "$secret_key" >/dev/null 2>&1
	echo "AKODD$BASHPID" >"$BATS_FILE_TMPDIR/key"
}
teardown_file() {
	drop_source_db
	sql postgres "drop role \"$(cat "$BATS_FILE_TMPDIR/role")\""
	CEPH_CONF=$RIG_DIR/s3/ceph.conf radosgw-admin key rm --uid main --access-key "$(cat "$BATS_FILE_TMPDIR/key")" >/dev/null 2>&1
}
setup() {
	rig_setup
	somewhere
	PGUSER=$(cat "$BATS_FILE_TMPDIR/role")
	S3_ACCESS_KEY=$(cat "$BATS_FILE_TMPDIR/key")
	export PGUSER PGPASSWORD=$password S3_ACCESS_KEY S3_SECRET_KEY=$secret_key DB_BACKUP_PASSPHRASE=$passphrase \
		DB_BACKUP_PING_URL=$ping_url
	with_fakes # which record all arguments and environments, and become the real ones
}

# forms SECRET: as it is, and as JSON, Go and URLs write it; parts of it, too
forms() {
	printf '%s\n' "$1" "${1%% *}" "${1##* }"
	jq -Rr @json <<<"$1" | sed 's/^"//; s/"$//'
	jq -Rr @uri <<<"$1"
	jq -Rr @base64 <<<"$1"
	printf '%q\n' "$1"
}
# what must not be seen; the halves of a secret that has a blank are long enough to be no accident
secrets() {
	forms "$password"
	forms "$secret_key"
	forms "$passphrase"
	echo secret-ping-path
	# what rclone calls obscured is not: the key is known
	sed -n 's/^RCLONE_CRYPT_PASSWORD=//p' "$fakes"/rclone.*.env | sort -u
}
# clean FILE...: none of them has a secret
clean() {
	secrets | awk 'length > 4' >"$T/secrets"
	! grep -aFn -f "$T/secrets" "$@" || fail "a secret is in $*"
}

# an environment has no variable that matches
lacks() { # TOOL PATTERN
	local f
	for f in "$fakes/$1".*.env; do
		! grep -E "$2" "$f" || fail "in the environment of $1 ($f)" || return
	done
}

children_know_their_own() {
	local f
	for f in pg_dump psql rclone; do compgen -G "$fakes/$f.*.env" >/dev/null || fail "$f was not recorded" || return; done
	for f in pg_dump psql; do
		lacks "$f" '^(S3_|AWS_|RCLONE_|DB_|PGPASSWORD=)' || return
	done
	lacks rclone '^(PG|DB_|S3_|DATABASE)' || return
	# the password itself reaches nobody's environment, the passphrase neither
	! grep -lF -e "$password" -e "$passphrase" "$fakes"/*.env || fail "in an environment" || return
	! grep -lF -e "$secret_key" "$fakes"/p*.env || fail "in an environment"
	# a control: rclone has what it needs
	grep -qF "AWS_SECRET_ACCESS_KEY=${secret_key//\\/\\\\}" "$fakes"/rclone.*.env
}

secret_run() {
	rm -f "$fakes"/*.{args,env,calls,pid}
	WATCH=1 run_backup backup-db
	assert_status 0
	published_local 2 # the earlier one, the new one
	find "$DB_BACKUP_DIR" -name '*.bin' -delete
	clean "$run/stderr" "$run/stdout" "$run/procs" "$fakes"/*.args "$fakes"/*.calls
	find "$T/tmp" "$T/home" -type f >"$T/files"
	[[ ! -s $T/files ]] || fail "files: $(cat "$T/files")"
	[[ ! -e $DB_BACKUP_STATUS_FILE ]] || clean "$DB_BACKUP_STATUS_FILE"
	[[ ! -e $T/metrics ]] || clean "$T/metrics"
	children_know_their_own
}

@test "control: a secret would be found" {
	printf 'x %s y\n' "$secret_key" >"$T/leak"
	run ! clean "$T/leak"
	jq -Rc '{message: .}' <<<"$passphrase" >"$T/leak"
	run ! clean "$T/leak"
}

@test "a run, in the log as it is" {
	DB_BACKUP_METRICS_FILE=$T/metrics both_rclones secret_run
}

@test "a run, with all that rclone can say" {
	RCLONE_LOG_LEVEL=DEBUG both_rclones secret_run
	says "rclone: "
	says "***" # it would have been there
	RCLONE_LOG_LEVEL=DEBUG DB_BACKUP_LOG=json both_rclones secret_run
}

@test "the same from files" {
	local n
	for n in PGPASSWORD S3_SECRET_KEY DB_BACKUP_PASSPHRASE DB_BACKUP_PING_URL; do
		printf '%s\n' "${!n}" >"$T/$n"
		unset "$n"
		export "${n}_FILE=$T/$n"
	done
	RCLONE_LOG_LEVEL=DEBUG secret_run
}

@test "a remote's secret that the user gave to rclone stays there" {
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	export RCLONE_CONFIG_B_TYPE=s3 RCLONE_CONFIG_B_PROVIDER=Ceph RCLONE_CONFIG_B_ENDPOINT=$RIG_S3_ENDPOINT \
		RCLONE_CONFIG_B_ACCESS_KEY_ID=$(cat "$BATS_FILE_TMPDIR/key") RCLONE_CONFIG_B_SECRET_ACCESS_KEY=$secret_key \
		DB_BACKUP_REMOTE=b:$RIG_BUCKET
	run_backup backup-db
	assert_status 0
	clean "$run/stderr" "$run/stdout" "$fakes"/*.args
	lacks pg_dump RCLONE
	lacks psql RCLONE
}

@test "whatever the remote is called its secret is hidden, also as rclone quotes it; other values are not" {
	unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET
	local quoted=${secret_key//\\/\\\\}
	quoted=${quoted//\"/\\\"}
	export RCLONE_CONFIG_FILES_TYPE=s3 RCLONE_CONFIG_FILES_SECRET_ACCESS_KEY=$secret_key RCLONE_ASK_PASSWORD=false \
		RCLONE_CONFIG_KEY_REGION=some-region DB_BACKUP_REMOTE=files:bucket
	orders rclone rcat "warn it is $secret_key or \"$quoted\", not false, in some-region" 'exit 1'
	run_backup backup-db
	assert_status 1
	says 'it is *** or "***", not false, in some-region'
}

@test "runs that fail" {
	clean_failure() {
		RCLONE_LOG_LEVEL=DEBUG WATCH=1 run_backup backup-db
		assert_status 1
		clean "$run/stderr" "$run/stdout" "$run/procs" "$fakes"/*.args
	}
	PGPASSWORD="$password." clean_failure
	S3_SECRET_KEY="$secret_key." clean_failure
	# a tool that talks
	orders rclone rcat "warn Failed with key $secret_key and $passphrase" 'exit 1'
	clean_failure
	says "Failed with key ***"
	rm "$fakes/rclone.orders"
	orders pg_dump '*' "warn pg_dump: error: password=$password" 'exit 1'
	clean_failure
	says "password=***"
	rm "$fakes/pg_dump.orders"
	# where quoting cuts a line
	local n
	for n in 480 490 500 505; do
		rm -f "$fakes/pg_dump.orders"
		orders pg_dump '*' "warn pg_dump: error: $(printf "%${n}s" x) $password" 'exit 1'
		clean_failure
	done
}

@test "help shows no value" {
	run_backup backup-db --help
	assert_status 0
	run_backup --print-configuration
	assert_status 0
	clean "$run/stdout" "$run/stderr"
}

@test "configuration mistakes show no secret" {
	export DB_BACKUP_MAX_N=x DB_BACKUP_LOG=x
	run_backup backup-db
	assert_status 2
	clean "$run/stderr"
}

@test "no file descriptor of ours leaks into the tools" {
	with_fakes
	local tool
	for tool in pg_dump rclone; do
		rm "$fakes/$tool"
		cat >"$fakes/$tool" <<-SH
			#!/bin/bash
			ls -l /proc/\$\$/fd >"$T/fds.$tool.\$\$"
			exec /usr/bin/$tool "\$@"
		SH
		chmod 755 "$fakes/$tool"
	done
	run_backup backup-db
	assert_status 0
	for tool in pg_dump rclone; do
		cat "$T/fds.$tool".* | sed -n 's/.* \([0-9]* -> \)/\1/p' | grep -v '^255 ' >"$T/fds.$tool" # bash's own
	done
	grep -q '^3 -> /memfd:backup-service' "$T/fds.pg_dump" # the password
	grep -q '^3 -> socket:' "$T/fds.rclone"                # what keeps its input open
	run ! grep -hvE '^([0-2] -> (pipe:|socket:|/dev/null$|/memfd:backup-service )|3 -> (socket:|/memfd:backup-service ))' \
		"$T/fds.pg_dump" "$T/fds.rclone"
}

@test "what is stored is for its owner alone" {
	unset DB_BACKUP_PASSPHRASE
	run_backup backup-db
	assert_status 0
	local_has 1
	[[ $(stat -c %a "$local_backup") == 600 ]]
	DB_BACKUP_PASSPHRASE=$passphrase DB_BACKUP_DIR=$T/fresh run_backup backup-db
	assert_status 0
	[[ -z $(find "$T/fresh" -perm /077) ]]
}
