#!/usr/bin/env bats
# Pruning costs no backup that should stay, and nothing that is not ours; it
# needs no dumps to show that, only their names.
# each test is a subshell; lib.bash sets and reads; names of backups have no blanks
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2046,SC2154,SC2163
load lib

# seed [FOLDER/] <NAMES: tiny files of these names in all destinations that are set
seed() {
	tee "$T/seed" | if [[ ${DB_BACKUP_DIR-} ]]; then
		mkdir -p "$DB_BACKUP_DIR/${1-}"
		while IFS= read -r name; do echo tiny >"$DB_BACKUP_DIR/${1-}$name"; done
	else
		cat >/dev/null
	fi
	[[ ! ${RIG_BUCKET-} ]] || sed "s|^|${1-}|" "$T/seed" | s3 fill
}

# of DATABASE TIME...: names of its backups; a time is 20260101 or 20260101T1234
of() {
	local name=$1 t
	shift
	for t; do
		[[ $t == *T* ]] || t+=T0000
		echo "$name-${t}00Z.pg-dump"
	done
}

# there: what lies in all destinations, sorted; differences between them fail
there() {
	local found='' again=''
	if [[ ${DB_BACKUP_DIR-} ]]; then
		found=$(cd "$DB_BACKUP_DIR" && find . ! -type d -printf '%P\n' | LC_ALL=C sort)
	fi
	if [[ ${RIG_BUCKET-} ]]; then
		again=$(s3_ls | LC_ALL=C sort)
		[[ ! ${DB_BACKUP_DIR-} || $found == "$again" ]] ||
			fail "local and cloud differ: $(diff <(echo "$found") <(echo "$again"))" || return
		found=$again
	fi
	echo "$found"
}

# holds NAME...: these lie there, and nothing else
holds() {
	diff <(printf '%s\n' "$@" | LC_ALL=C sort) <(there) >&2 || fail "(< wanted, > there)"
}

both() {
	local_dir
	s3_env
	fresh_bucket
	export DB_NAME=app
}

# a database to back up, whose name is also that of the seeded backups
live() {
	fresh_db app
	sql "$DB_NAME" 'create table t as select 1'
}

# -- whose names

near_misses=(
	app-20260230T000000Z.pg-dump app-20261301T000000Z.pg-dump app-20250229T000000Z.pg-dump
	app-20260101T240000Z.pg-dump app-20260101T006000Z.pg-dump app-20260101T000060Z.pg-dump
	app-20260101T000000.pg-dump app-20260101T000000Z.pg_dump app-20260101T000000Z.PG-DUMP
	app-20260101T000000Z.pg-dump.bin.bin app-20260101T000000Z.pg-dump.old app-20260101T000000Z.pg-dump~
	app-20260101t000000z.pg-dump app-2026101T000000Z.pg-dump app-02026-0101T000000Z.pg-dump
	app-+202601T000000Z.pg-dump app-19691231T235959Z.pg-dump app-20260101T000000Z.sql
	App-20260101T000000Z.pg-dump xapp-20260101T000000Z.pg-dump app20260101T000000Z.pg-dump
	app%2D-20260101T000000Z.pg-dump %61pp-20260101T000000Z.pg-dump app-20260101T000000Z-20260101T000000Z.pg-dump
	-20260101T000000Z.pg-dump app- app.pg-dump notes.txt 'a b' '*' globals-20260101T000000Z.sql
	globals-20260101T000000Z.pg-dump .app-20260101T000000Z.pg-dump.partial
	sub/app-20250101T000000Z.pg-dump app-20250102T000000Z.pg-dump/inside app/20260101T000000Z.pg-dump
	$'app-20260101T000000Z.pg-dump\r' ' app-20260101T000000Z.pg-dump' '#app-20260101T000000Z.pg-dump'
)

only_exact_names() {
	both
	use_rclone "$1"
	export DB_BACKUP_MAX_N=1
	mkdir -p "$DB_BACKUP_DIR"/{sub,app-20250102T000000Z.pg-dump,app}
	printf '%s\n' "${near_misses[@]}" | seed
	{ of app 20260101 20260102 20260103 && echo app-20260101T000000Z.pg-dump.bin; } | seed
	ln -s notes.txt "$DB_BACKUP_DIR/app-20240101T000000Z.pg-dump"
	mkfifo "$DB_BACKUP_DIR/app-20240102T000000Z.pg-dump"
	mkdir "$DB_BACKUP_DIR/app-20240103T000000Z.pg-dump"
	printf '' | s3_put app-20240101T000000Z.pg-dump/x # a folder of that name, and its marker
	printf '' | s3_put app-20240102T000000Z.pg-dump/
	run_backup prune-backups
	assert_status 0
	[[ -L $DB_BACKUP_DIR/app-20240101T000000Z.pg-dump && -p $DB_BACKUP_DIR/app-20240102T000000Z.pg-dump ]]
	[[ -d $DB_BACKUP_DIR/app-20240103T000000Z.pg-dump ]]
	rm "$DB_BACKUP_DIR"/app-2024010[12]*
	s3_rm app-20240101T000000Z.pg-dump/x app-20240102T000000Z.pg-dump/
	holds "${near_misses[@]}" app-20260103T000000Z.pg-dump
	grep -q '1 to keep, 3 to delete' "$run/stdout"
	grep -q 'not looked at: . backups of other databases, .* other files' "$run/stdout"
	says 'pruned 3 old backups at local'
	says 'pruned 3 old backups at cloud'
}
@test "foreign names, near misses and folders are never touched (old rclone)" { only_exact_names old; }
@test "foreign names, near misses and folders are never touched (new rclone)" { only_exact_names new; }

@test "databases whose names begin with each other's" {
	both
	export DB_BACKUP_MAX_N=1
	for db in app app-2 app_test app2 a app-20260101T000000Z; do of $db 20260101 20260102; done | seed
	run_backup prune-backups
	assert_status 0
	[[ $(there | grep -c '^app-202601..T000000Z.pg-dump$') == 1 ]]
	[[ $(there | wc -l) == 11 ]]
	DB_NAME=app-2,a,app run_backup prune-backups
	assert_status 0
	[[ $(there | wc -l) == 9 ]]
	run_backup prune-backups --db app_test
	assert_status 0
	holds {app,app-2,app_test,a}-20260102T000000Z.pg-dump {app2,app-20260101T000000Z}-2026010{1,2}T000000Z.pg-dump
}

@test "several prefixes in one bucket and folder" {
	both
	export DB_BACKUP_MAX_N=1
	local where=('' a- b- a-b- ab- a/ a/b/ a/b-)
	for p in "${where[@]}"; do
		if [[ $p == */* ]]; then of "${p##*/}app" 20260101 20260102 | seed "${p%/*}/"; else of "${p}app" 20260101 20260102 | seed; fi
	done
	[[ $(there | wc -l) == 16 ]]
	for p in a a-b a/ a/b/; do
		before=$(there)
		DB_BACKUP_PREFIX=$p run_backup prune-backups
		assert_status 0
		[[ $p == */ ]] || p+=-
		[[ $(diff <(echo "$before") <(there)) == *"< ${p}app-20260101T000000Z.pg-dump" ]]
		[[ $(diff <(echo "$before") <(there) | wc -l) == 2 ]]
	done
	# a bucket with a path is the folder of that name
	unset DB_BACKUP_DIR
	S3_BACKUP_BUCKET=$RIG_BUCKET/a DB_BACKUP_PREFIX=b run_backup prune-backups
	assert_status 0
	[[ $(s3_ls | wc -l) == 11 ]]
	run ! s3_cat a/b-app-20260101T000000Z.pg-dump
}

@test "names that need care reach rclone and the disk unharmed" {
	both
	use_rclone old
	export DB_BACKUP_MAX_N=1 DB_NAME='we/ird "Ü" %41,日本語, -x' DB_BACKUP_PREFIX='p #{*}[1]!'
	escaped=(we%2Fird%20%22Ü%22%20%2541 日本語 -x)
	for db in "${escaped[@]}"; do of "$DB_BACKUP_PREFIX-$db" 20260101 20260102 20260103; done | seed
	for rclone in old new; do
		use_rclone $rclone
		run_backup prune-backups
		assert_status 0
		[[ $(there) == "$(for db in "${escaped[@]}"; do of "$DB_BACKUP_PREFIX-$db" 20260103; done | LC_ALL=C sort)" ]]
		for db in "${escaped[@]}"; do of "$DB_BACKUP_PREFIX-$db" 20260101; done | seed
	done
}

@test "of two in the same second, and of encrypted and plain ones, so many stay as wanted" {
	both
	export DB_BACKUP_MAX_N=2
	{ of app 20260103 20260102 20260101 && of app 20260103 20260102 | sed 's/$/.bin/'; } | seed
	run_backup prune-backups
	assert_status 0
	holds app-20260103T000000Z.pg-dump{,.bin}
}

# -- how many

@test "a lowered number shrinks the set with the next backup; the new one stays" {
	live
	both_db=$DB_NAME
	both
	DB_NAME=$both_db
	of "$DB_NAME" 202601{01..12} | seed
	DB_BACKUP_MAX_N=10 run_backup backup-db
	assert_status 0
	[[ $(there | wc -l) == 10 ]]
	new=$(cat "$run/stdout")
	DB_BACKUP_MAX_N=3 run_backup prune-backups
	assert_status 0
	holds "$new" $(of "$DB_NAME" 20260111 20260112)
	sleep 1
	DB_BACKUP_MAX_N=1 run_backup backup-db
	assert_status 0
	[[ $(cat "$run/stdout") != "$new" ]]
	holds "$(cat "$run/stdout")"
}

@test "unlimited keeps everything, 0 needs another rule" {
	both
	of app 202601{01..12} | seed
	DB_BACKUP_MAX_N=unlimited run_backup prune-backups
	assert_status 0
	grep -q '12 to keep, 0 to delete' "$run/stdout"
	[[ $(there | wc -l) == 12 ]]
	DB_BACKUP_MAX_N=0 run_backup prune-backups
	assert_status 2
	[[ $(there | wc -l) == 12 ]]
	DB_BACKUP_MAX_N=0 DB_BACKUP_KEEP_WEEKLY=1 run_backup prune-backups
	assert_status 0
	holds app-20260112T000000Z.pg-dump
}

@test "each rule, and all of them together, on a history of two years" {
	local_dir
	export DB_NAME=app DB_BACKUP_MAX_N=0 TZ=UTC
	python3 -c '
import datetime
t = datetime.datetime(2024, 1, 1, 3)
while t < datetime.datetime(2026, 1, 1):
    print(t.strftime("app-%Y%m%dT%H%M%SZ.pg-dump"))
    t += datetime.timedelta(hours=12)' >"$T/names"
	kept() { # as RULE=N ...: the dates that stay
		rm -rf "$DB_BACKUP_DIR"
		seed <"$T/names"
		export "$@"
		run_backup prune-backups
		assert_status 0
		for rule; do unset "${rule%=*}"; done
		stay=$(there | sed 's/app-\(.*\)0000Z.pg-dump/\1/' | sort -r | paste -sd ' ')
	}
	kept DB_BACKUP_KEEP_DAYS=2
	[[ $stay == "20251231T15 20251231T03 20251230T15 20251230T03" ]]
	kept DB_BACKUP_KEEP_DAILY=3
	[[ $stay == "20251231T15 20251230T15 20251229T15" ]]
	kept DB_BACKUP_KEEP_WEEKLY=3
	[[ $stay == "20251231T15 20251228T15 20251221T15" ]]
	kept DB_BACKUP_KEEP_MONTHLY=3
	[[ $stay == "20251231T15 20251130T15 20251031T15" ]]
	kept DB_BACKUP_KEEP_YEARLY=5
	[[ $stay == "20251231T15 20241231T15" ]]
	DB_BACKUP_MAX_N=3
	kept DB_BACKUP_KEEP_DAILY=3 DB_BACKUP_KEEP_WEEKLY=2 DB_BACKUP_KEEP_MONTHLY=2 DB_BACKUP_KEEP_YEARLY=2
	[[ $stay == \
		"20251231T15 20251231T03 20251230T15 20251229T15 20251228T15 20251130T15 20241231T15" ]]
	grep -q 'keep  *last .*20251231T15' "$run/stdout"
	grep -q 'keep  *daily .*20251229T15' "$run/stdout"
	grep -q 'keep  *weekly .*20251228T15' "$run/stdout"
	grep -q 'keep  *monthly .*20251130T15' "$run/stdout"
	grep -q 'keep  *yearly .*20241231T15' "$run/stdout"
	# once more changes nothing
	before=$(there)
	DB_BACKUP_KEEP_DAILY=3 DB_BACKUP_KEEP_WEEKLY=2 DB_BACKUP_KEEP_MONTHLY=2 DB_BACKUP_KEEP_YEARLY=2 run_backup prune-backups
	[[ $(there) == "$before" ]]
}

@test "days are those of TZ" {
	local_dir
	export DB_NAME=app DB_BACKUP_MAX_N=0 DB_BACKUP_KEEP_DAILY=2
	of app 20260301T2200 20260302T0100 | seed
	TZ=UTC run_backup prune-backups
	[[ $(there | wc -l) == 2 ]]
	TZ=Asia/Kolkata run_backup prune-backups
	assert_status 0
	holds app-20260302T010000Z.pg-dump
}

# -- clocks

@test "backups from the future stay, take no slot and push none out" {
	live
	db=$DB_NAME
	both
	DB_NAME=$db
	export DB_BACKUP_MAX_N=2
	{ of "$DB_NAME" 20990101 20990102 20990103 && of "$DB_NAME" 20260101 20260102; } | seed
	run_backup backup-db
	assert_status 0
	holds $(of "$DB_NAME" 20990101 20990102 20990103 20260102) "$(cat "$run/stdout")"
	run_backup prune-backups --dry-run
	[[ $(grep -c 'keep  *future ' "$run/stdout") == 6 ]]
}

@test "a clock that was set back costs no backup, nor does it when it is right again" {
	live
	local_dir
	export DB_BACKUP_MAX_N=2
	of "$DB_NAME" 20260101 20260102 | seed
	FAKETIME='@2020-05-05 05:05:05' LD_PRELOAD=$(faketime_library) run_backup backup-db
	assert_status 0
	old=$(cat "$run/stdout")
	[[ $old == *-20200505T* ]]
	holds $(of "$DB_NAME" 20260101 20260102) "$old"
	run_backup backup-db
	assert_status 0
	holds $(of "$DB_NAME" 20260102) "$(cat "$run/stdout")"
}

faketime_library() {
	local path
	for path in /usr/lib/*/faketime/libfaketime.so.1; do
		[[ -e $path ]] && echo "$path" && return
	done
	skip "NO libfaketime"
}

# -- no good backup, no pruning

@test "a failed backup prunes nothing: local alone, cloud alone" {
	live
	orders pg_dump '* 1-2' 'run 100' 'exit 1'
	db=$DB_NAME
	both
	DB_NAME=$db
	export DB_BACKUP_MAX_N=1
	of "$DB_NAME" 20260101 20260102 20260103 | seed
	before=$(there)
	(unset DB_BACKUP_DIR && run_backup backup-db && assert_status 1)
	[[ $(there) == "$before" ]]
	(unset S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET && run_backup backup-db && assert_status 1)
	[[ $(there) == "$before" ]]
	# the control: the same run with a dump that works prunes both
	run_backup backup-db
	assert_status 0
	[[ $(there | wc -l) == 1 ]]
}

@test "where one destination failed, only the other is pruned" {
	live
	db=$DB_NAME
	both
	DB_NAME=$db
	export DB_BACKUP_MAX_N=1
	of "$DB_NAME" 20260101 20260102 | seed
	# rclone fails; it says that it stored what it did not store
	orders rclone 'rcat 1' 'read all' 'exit 1'
	orders rclone 'rcat 2' 'read all' 'exit 0'
	for i in 1 2; do
		run_backup backup-db
		assert_status 1
		says 'cloud'
		published_local 1
		published_s3 2
		sleep 1
		of "$DB_NAME" 20260101 20260102 | (unset RIG_BUCKET && seed)
	done
	rm -rf "$DB_BACKUP_DIR"
	echo 'in the way' >"$DB_BACKUP_DIR"
	run_backup backup-db
	assert_status 1
	published_s3 1
	[[ ${s3_backups[0]} != *2026010* ]]
	[[ $(cat "$DB_BACKUP_DIR") == 'in the way' ]]
}

@test "of several databases only those that were backed up are pruned" {
	live
	local_dir
	good=$DB_NAME
	export DB_NAME=$good,no_such_database DB_BACKUP_MAX_N=1
	{ of "$good" 20260101 20260102 && of no_such_database 20260101 20260102; } | seed
	run_backup backup-db
	assert_status 1
	[[ $(there | grep -c ^no_such_database) == 2 ]]
	[[ $(there | grep -c "^$good") == 1 ]]
}

@test "without a complete listing nothing is pruned: the second page fails" {
	live
	db=$DB_NAME
	both
	DB_NAME=$db
	s3_through_proxy
	export DB_BACKUP_MAX_N=1
	export RCLONE_LOW_LEVEL_RETRIES=1
	{ of "$DB_NAME" 20260101 20260102 && seq -f 'zz-%.0f' 1100; } | s3 fill
	of "$DB_NAME" 20260101 20260102 | (unset RIG_BUCKET && seed)
	for rclone in old new; do
		use_rclone $rclone
		for code in 503 403; do
			# 1.60 asks for marker=, 1.75 for continuation-token=; without it the first page is asked for
			proxy s3 answer $code method=GET match=marker=zz
			proxy s3 answer $code method=GET match=continuation-token=
			run_backup prune-backups
			assert_status 1
			says 'cannot list cloud, so nothing is pruned there'
			grep -q -- "-> $code" "$T/s3/requests"
			[[ $(s3_ls | wc -l) == 1102 ]]
			published_local 1
			# and after a backup: that is a warning
			run_backup backup-db
			assert_status 0
			says 'warning: cannot list cloud, so nothing is pruned there'
			[[ $(s3_ls | wc -l) == 1103 ]]
			s3_rm "$(cat "$run/stdout")"
			proxy s3 pass
			: >"$T/s3/requests"
			of "$DB_NAME" 20260101 | (unset RIG_BUCKET && seed)
			sleep 1
		done
	done
	# the control: with both pages there it is pruned
	run_backup prune-backups
	assert_status 0
	[[ $(s3_ls | wc -l) == 1101 ]]
}

@test "a listing that is cut, empty or nonsense prunes nothing" {
	s3_env
	fresh_bucket
	export DB_NAME=app DB_BACKUP_MAX_N=1
	of app 20260101 20260102 | seed
	orders rclone 'lsjson 1' 'run 150' 'exit 0'
	orders rclone 'lsjson 2' 'exit 0'
	orders rclone 'lsjson 3' 'say [{"Path":"app-20260101T000000Z.pg-dump","Size":"5"}]'
	orders rclone 'lsjson 4' 'say [{"Path":"app-20260101T000000Z.pg-dump","Size":5}'
	orders rclone 'lsjson 5' 'say {}'
	for i in {1..5}; do
		run_backup prune-backups
		assert_status 1
		says "nothing is pruned there: rclone's list of files cannot be read"
	done
	published_s3 2
}

# -- others at work

@test "two services prune the same set at once, and names vanish meanwhile" {
	both
	export DB_BACKUP_MAX_N=3
	of app 202601{01..31} 202602{01..28} | seed
	orders rclone delete 'wait go' 'real'
	run_backup() { start_backup "$@"; }
	run_backup prune-backups
	first=$run first_reaper=$rig_reaper
	run_backup prune-backups
	wait_until eval '[[ $(grep -c delete "$fakes/rclone.calls") == 2 ]]'
	s3_rm app-20260105T000000Z.pg-dump app-20260106T000000Z.pg-dump
	touch "$fakes/go"
	wait_backup
	assert_status 0
	run=$first rig_reaper=$first_reaper
	wait_backup
	assert_status 0
	holds app-202602{26..28}T000000Z.pg-dump
}

@test "a local file that vanishes before it is deleted is no failure; one that cannot be deleted is" {
	local_dir
	export DB_NAME=app DB_BACKUP_MAX_N=2
	of app 202601{01..20} | seed
	strace -o /dev/null true 2>/dev/null || skip "CANNOT TRACE"
	trace="strace -f -qq -o $T/trace -e trace=unlink -e inject=unlink:when=3:error"
	RUN_UNDER="$trace=EACCES" run_backup prune-backups
	assert_status 1
	says 'cannot delete all that should go at local (18 old backups): cannot delete from'
	[[ $(there | wc -l) == 3 ]] # the rest went
	of app 202601{01..20} | seed
	RUN_UNDER="$trace=ENOENT" run_backup prune-backups
	assert_status 0
	says 'pruned 18 old backups at local'
	grep -q 'ENOENT.*INJECTED' "$T/trace"
}

@test "four at once on one local folder" {
	local_dir
	export DB_NAME=app DB_BACKUP_MAX_N=2
	of app 2026{01,02,03,04}{01..28}T{00,06,12,18}{00,30} | seed
	runs=() reapers=()
	for i in 1 2 3 4; do
		start_backup prune-backups
		runs+=("$run") reapers+=("$rig_reaper")
	done
	for i in 0 1 2 3; do
		run=${runs[i]} rig_reaper=${reapers[i]}
		wait_backup
		assert_status 0
	done
	holds app-20260428T183000Z.pg-dump app-20260428T180000Z.pg-dump
}

@test "credentials that may not delete: the backup counts, the run says what it could not do" {
	live
	db=$DB_NAME
	s3_env
	fresh_bucket
	DB_NAME=$db
	export DB_BACKUP_MAX_N=1
	of "$DB_NAME" 20260101 20260102 | seed
	limited_s3_key no-delete
	for rclone in old new; do
		use_rclone $rclone
		run_backup backup-db
		assert_status 0
		says 'warning: cannot delete'
		says 'AccessDenied'
		says 'DB_BACKUP_MAX_N=unlimited'
		says_not 'pruned'
		run_backup prune-backups
		assert_status 1
		says 'error: cannot delete'
		sleep 1
	done
	published_s3 4
}

@test "a folder that cannot be written: what cannot be deleted is said" {
	small_disk 1m
	export DB_NAME=app DB_BACKUP_MAX_N=1
	of app 20260101 20260102 | seed
	mount -o remount,ro "$DB_BACKUP_DIR"
	run_backup prune-backups
	assert_status 1
	says 'cannot delete all that should go at local (1 old backup)'
	says 'Read-only file system'
	published_local 2
}

@test "a destination that is down does not keep the others from being pruned" {
	both
	s3_through_proxy
	proxy s3 refuse
	export DB_BACKUP_MAX_N=1
	of app 20260101 20260102 | seed
	run_backup prune-backups
	assert_status 1
	says 'cannot list cloud'
	published_local 1
	published_s3 2
}

# -- the command

@test "dry run: each backup with its rule, and nothing is done" {
	both
	export DB_BACKUP_MAX_N=1 DB_BACKUP_GLOBALS=yes DB_NAME=app,none
	{ of app 20260101 20260102 && of other 20260101 && echo globals-20260101T000000Z.sql && echo x.txt; } | seed
	before=$(there)
	run_backup prune-backups --dry-run
	assert_status 0
	[[ $(there) == "$before" ]]
	for line in '^local:' '^cloud:' '^  keep  *last  *[0-9]* d .* ago  *app-20260102T000000Z.pg-dump$' \
		'^  delete   *[0-9]* d .* ago  *app-20260101T000000Z.pg-dump$' '^  keep  *last .*globals-20260101T000000Z.sql$' \
		'^  no backups of "none"$' '^  2 to keep, 1 to delete (dry run: nothing is deleted)$' \
		'^  not looked at: 1 backup of other databases, 1 other file$'; do
		grep -q "$line" "$run/stdout" || fail "no line '$line' in $(cat "$run/stdout")"
	done
	says_not pruned
	run_backup prune-backups --dry-run x
	assert_status 2
}

@test "with DB_NAME=* only databases that the server has are pruned, and none if it is away" {
	live
	local_dir
	export DB_BACKUP_MAX_N=1
	{ of "$DB_NAME" 20260101 20260102 && of dropped_long_ago 20260101 20260102; } | seed
	before=$(there)
	DB_NAME='*' PGPORT=1 DB_BACKUP_WAIT=0 run_backup prune-backups
	assert_status 1
	says 'cannot tell the databases of the server'
	[[ $(there) == "$before" ]]
	DB_NAME='*' PGPORT=1 DB_BACKUP_WAIT=60 start_backup prune-backups
	wait_until grep -q 'waiting for the server' "$run/stderr"
	kill -INT "$backup_pid"
	wait_backup
	assert_status 130
	says 'stopped by signal 2; nothing was pruned'
	[[ $(there) == "$before" ]]
	DB_NAME='*' run_backup prune-backups
	assert_status 0
	holds $(of "$DB_NAME" 20260102) $(of dropped_long_ago 20260101 20260102)
}

@test "300 of 3,000 objects go in at most 4 rclone processes" {
	s3_env
	fresh_bucket
	export DB_NAME=app DB_BACKUP_MAX_N=700
	python3 -c '
import datetime
for i in range(3000):
    t = datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=i)
    print(("app", "app-2", "zz")[i % 3] + t.strftime("-%Y%m%dT%H%M%SZ.pg-dump"))' | s3 fill
	with_fakes
	began=${EPOCHREALTIME/./}
	run_backup prune-backups
	echo "# 300 of 3,000 pruned in $(((${EPOCHREALTIME/./} - began) / 1000)) ms by $(wc -l <"$fakes/rclone.calls") rclone processes" >&3
	assert_status 0
	(($(wc -l <"$fakes/rclone.calls") <= 4))
	[[ $(s3_ls | wc -l) == 2700 ]]
	[[ $(s3_ls app-2024 | wc -l) == 700 ]]
	# the 300 oldest of app: its 301st is i = 900
	[[ $(s3_ls app-2024 | head -n 1) == app-20240207T120000Z.pg-dump ]]
}

# -- uploads that were never completed

begin_upload() {
	local key
	for key; do s3 raw POST "/$RIG_BUCKET/$key" uploads= >/dev/null; done
}
pending() { s3_uploads | cut -f 1 | LC_ALL=C sort -u; }

# rclone's clock cannot be faked: it is told that all of these are old; which ones it is asked for is what counts
rclone_thinks_old() { orders rclone cleanup 'args -o max-age=1s' 'real'; }

stale_uploads() {
	s3_env
	fresh_bucket
	use_rclone "$1"
	rclone_thinks_old
	export DB_NAME=app,日本語 DB_BACKUP_GLOBALS=yes
	of app 20260101 | seed
	own=(app-20260102T000000Z.pg-dump app-20260103T000000Z.pg-dump{,.bin} 日本語-20260102T000000Z.pg-dump
		globals-20260102T000000Z.sql)
	others=(photo.jpg app-2-20260102T000000Z.pg-dump app_test-20260102T000000Z.pg-dump x-app-20260102T000000Z.pg-dump
		x/app-20260102T000000Z.pg-dump app-20260102T000000.pg-dump
		app-20260101T000000Z.pg-dump)                                # ours, but an object has that name
	shielded=(app-20260104T000000Z.pg-dump app-20260104T000000Z.pg-dump.old) # rclone would take both
	begin_upload "${own[@]}" "${others[@]}" "${shielded[@]}" "${own[0]}"
	sleep 1.1
	# today they are young
	run_backup prune-backups
	assert_status 0
	run ! grep -q cleanup "$fakes/rclone.calls"
	[[ $(pending) == "$(printf '%s\n' "${own[@]}" "${others[@]}" "${shielded[@]}" | LC_ALL=C sort)" ]]
	FAKETIME=+8d LD_PRELOAD=$(faketime_library) run_backup prune-backups
	assert_status 0
	says 'unfinished uploads older than 7 days at cloud'
	diff <(printf '%s\n' "${others[@]}" "${shielded[@]}" | LC_ALL=C sort) <(pending) >&2
	run ! grep -qh '^\(LD_PRELOAD\|FAKETIME\)' "$fakes"/rclone.*.env
	published_s3 1
	# once more finds nothing
	FAKETIME=+8d LD_PRELOAD=$(faketime_library) run_backup prune-backups
	assert_status 0
	says_not 'unfinished'
	# a folder's, and none of a folder that begins with its name
	begin_upload x/y/app-20260102T000000Z.pg-dump x/yy/app-20260102T000000Z.pg-dump
	sleep 1.1
	DB_BACKUP_PREFIX=x/y/ FAKETIME=+8d LD_PRELOAD=$(faketime_library) run_backup prune-backups
	assert_status 0
	diff <(printf '%s\n' "${others[@]}" "${shielded[@]}" x/yy/app-20260102T000000Z.pg-dump | LC_ALL=C sort) <(pending) >&2
}
@test "uploads: own stale ones go, foreign, young and shielding ones stay (old rclone)" { stale_uploads old; }
@test "uploads: own stale ones go, foreign, young and shielding ones stay (new rclone)" { stale_uploads new; }

@test "uploads: rclone itself is asked for 7 days, and a young one of nearly the same key protects" {
	s3_env
	fresh_bucket
	export DB_NAME=app
	uploads() {
		echo "say {\"b\":[{\"Key\":\"app-20260102T000000Z.pg-dump\",\"Initiated\":\"$1T00:00:00.000Z\"},{\"Key\":\"app-20260102T000000Z.pg-dump.bin\",\"Initiated\":\"$2T00:00:00Z\"}]}"
	}
	begin_upload app-20260102T000000Z.pg-dump{,.bin}
	sleep 1.1
	orders rclone 'list-multipart-uploads 1' "$(uploads 2026-01-02 "$(date +%F)")"
	orders rclone 'list-multipart-uploads 2' "$(uploads 2026-01-02 2026-01-02)"
	orders rclone 'list-multipart-uploads 3' 'say {"b":[{"Key":"app-20260102T000000Z.pg-dump"'
	orders rclone 'list-multipart-uploads 4' 'say {"b":[{"Key":"app-20260102T000000Z.pg-dump"}]}'
	run_backup prune-backups
	assert_status 0
	run ! grep -q cleanup "$fakes/rclone.calls"
	run_backup prune-backups
	assert_status 0
	[[ $(grep -c 'max-age=604800s cleanup' "$fakes/rclone.calls") == 2 ]]
	[[ $(pending | wc -l) == 2 ]] # to rclone they are young
	for i in 3 4; do
		run_backup prune-backups
		assert_status 0
		says "rclone's list of uploads cannot be read"
	done
	[[ $(pending | wc -l) == 2 ]]
}

@test "uploads: credentials that may not list or abort them get one warning, the backup counts" {
	live
	db=$DB_NAME
	s3_env
	fresh_bucket
	DB_NAME=$db
	export DB_BACKUP_MAX_N=1
	of "$DB_NAME" 20260101 20260102 | seed
	begin_upload "$(of "$DB_NAME" 20260103)"
	may() {
		s3 policy <<-JSON
			{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
			"Principal": {"AWS": ["arn:aws:iam:::user/limited"]}, "Action": [$1],
			"Resource": ["arn:aws:s3:::$RIG_BUCKET", "arn:aws:s3:::$RIG_BUCKET/*"]}]}
		JSON
	}
	may '"s3:GetObject","s3:PutObject","s3:DeleteObject","s3:ListBucket"'
	export S3_ACCESS_KEY=$RIG_S3_LIMITED_ACCESS_KEY S3_SECRET_KEY=$RIG_S3_LIMITED_SECRET_KEY
	for rclone in old new; do
		use_rclone $rclone
		run_backup backup-db
		assert_status 0
		says 'pruned'
		[[ $(grep -c 'warning: cannot remove unfinished uploads at cloud' "$run/stderr") == 1 ]]
		published_s3 1
		sleep 1
	done
	rclone_thinks_old
	may '"s3:GetObject","s3:PutObject","s3:DeleteObject","s3:ListBucket","s3:ListBucketMultipartUploads"'
	sleep 1
	for rclone in old new; do
		use_rclone $rclone
		with_fakes
		FAKETIME=+8d LD_PRELOAD=$(faketime_library) run_backup prune-backups
		assert_status 0
		says_not 'removed'
		says 'warning: cannot remove unfinished uploads at cloud'
		says 'AccessDenied'
	done
	[[ $(pending) == "$(of "$DB_NAME" 20260103)" ]]
}

@test "uploads: unlimited prunes nothing, but still clears what was never completed" {
	live
	s3_env
	fresh_bucket
	export DB_BACKUP_MAX_N=unlimited
	of "$DB_NAME" 20260101 20260102 | seed
	begin_upload "$(of "$DB_NAME" 20260103)"
	sleep 1.1
	rclone_thinks_old
	FAKETIME=+8d LD_PRELOAD=$(faketime_library) run_backup backup-db
	assert_status 0
	says 'removed 1 unfinished upload older than 7 days at cloud'
	published_s3 3
	no_uploads
}
