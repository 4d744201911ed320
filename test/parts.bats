#!/usr/bin/env bats
# Uploads that rclone's own part size would make too many parts of, and memory.
# PARTS_MB=2000 PARTS_LIMIT=200 TEST_TIMEOUT=900 for big ones.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load faults

setup() {
	rig_setup
	export DB_NAME=app MB=${PARTS_MB:-300} LIMIT=${PARTS_LIMIT:-55}
	somewhere
	unset DB_BACKUP_DIR
	local_has() { :; }
	# the estimate is the database's own size
	orders psql '*' "say 150000	$((MB * 500000))	15.0"
	orders pg_dump '*' "emit $((MB * 1000000))"
}

# DONE 7
@test "a part limit that rclone's default size does not fit: told of it, parts are made larger" {
	# more than the limit in parts of 5 MiB
	limited_gateway "$LIMIT"
	run_backup backup-db # a control
	went_wrong 1 "rclone exited with 1"
	says "hint: the upload has more parts than the server allows: set RCLONE_S3_MAX_UPLOAD_PARTS"
	s3_has 0
	no_uploads
	export RCLONE_S3_MAX_UPLOAD_PARTS=$LIMIT
	local which
	for which in old new; do
		rclone_is "$which"
		WATCH=1 run_backup backup-db
		assert_status 0
		s3_has 1
		# a cheap look at both ends, and the size
		[[ $(s3_ls -l "$s3_backup" | cut -f 1) == $((MB * 1000000)) ]]
		echo "# $which: $(cat "$run/stderr" | sed 's/.*backed/backed/'); peak KiB: rclone $(peak_kib rclone)," \
			"supervisor $(peak_kib "${BACKUP_SERVICE##*/}")" >&3
		(($(peak_kib rclone) < 256 * 1024))
		s3_cat "${s3_backups[1]}" >"$T/got"
		is_stream "$T/got" $((MB * 1000000))
		rm "$T/got"
		s3_rm "${s3_backups[1]}"
	done
}

@test "the supervisor's memory does not grow with the dump" {
	[[ ! ${RUN_UNDER-} ]] || skip "UNDER $RUN_UNDER its memory is that of valgrind"
	(($(stat -c %s "$BACKUP_SERVICE") > 0))
	orders pg_dump --version 'say pg_dump (PostgreSQL) 15.1'
	WATCH=1 run_backup backup-db
	assert_status 0
	local large small
	large=$(peak_kib "${BACKUP_SERVICE##*/}")
	rm "$fakes/pg_dump.orders"
	orders pg_dump '*' 'emit 1000000'
	sleep 1 # another name
	WATCH=1 run_backup backup-db
	assert_status 0
	small=$(peak_kib "${BACKUP_SERVICE##*/}")
	((large < small + 300)) || fail "$small KiB for 1 MB, $large KiB for $MB MB"
	# the static build is held to less, where it is what is tested
	if ! ldd "$BACKUP_SERVICE" >/dev/null 2>&1; then ((large < 1024)); fi
}
