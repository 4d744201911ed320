#!/usr/bin/env bats
# What the documents say is what the program does.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib

@test "docs/configuration.md is what the program prints" {
	run_backup --print-configuration
	assert_status 0
	diff "$top/docs/configuration.md" <(cat "$top/docs/configuration.head.md" "$run/stdout") || fail "run make docs"
}

@test "every variable that users were promised is there, and is read" {
	run_backup --print-configuration
	local n
	for n in DB_NAME DB_EXCLUDE PGHOST PGPORT PGUSER PGPASSWORD DB_BACKUP_DIR S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY \
		S3_BACKUP_BUCKET S3_REGION S3_PROVIDER DB_BACKUP_REMOTE DB_BACKUP_EXCLUDE_TABLES DB_BACKUP_EXCLUDE_DATA \
		DB_BACKUP_SCHEMA_ONLY DB_BACKUP_GLOBALS DB_BACKUP_COMPRESS PGDUMP_OPTIONS DB_BACKUP_PASSPHRASE DB_BACKUP_INTERVAL \
		DB_BACKUP_SCHEDULE DB_BACKUP_JITTER DB_BACKUP_MAX_N DB_BACKUP_KEEP_DAYS DB_BACKUP_KEEP_DAILY DB_BACKUP_KEEP_WEEKLY \
		DB_BACKUP_KEEP_MONTHLY DB_BACKUP_KEEP_YEARLY DB_BACKUP_PREFIX DB_BACKUP_RETRIES DB_BACKUP_VERIFY DB_BACKUP_WAIT \
		DB_BACKUP_STALL_TIMEOUT DB_BACKUP_PING_URL DB_BACKUP_HOOK DB_BACKUP_METRICS_FILE DB_BACKUP_STATUS_FILE DB_BACKUP_LOG; do
		grep -q "^| \`$n\`" "$run/stdout" || fail "$n"
	done
}

@test "man pages are well-formed, and each command has one" {
	local page
	shopt -s nullglob
	for page in "$top"/docs/*.[1-8]; do
		mandoc -T lint -W warning "$page" || fail "$page"
	done
	[[ -e $top/docs/backup-db.1 ]]
}
