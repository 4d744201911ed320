#!/usr/bin/env bats
# restore-db on days when everything works: from everywhere, into every kind of
# target, whole and in parts; which backup is taken; what is refused beforehand.
# ROUND_TRIPS=all: every combination of the round trip. BIG=1: with 1 GB.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load restore

setup_file() {
	own_user
	export SOURCE=source_$BASHPID
	local mb=${BIG:+1000}
	"$top/test/fixture/make-db" "$SOURCE" "${mb:-60}"
	psql -qXd "$SOURCE" -c "alter database $SOURCE owner to $PGUSER"
}
teardown_file() { drop_own_user; }
setup() {
	rig_setup
	local_dir
	unset DB_NAME
}

# tiny: the database $tiny, which is $DB_NAME, with a backup of 2026-01-02 03:04:05
tiny() {
	export DB_NAME=tiny_$BASHPID
	tiny_db "$DB_NAME"
	backup_of "$DB_NAME" 20260102T030405Z
	tiny=$DB_NAME tiny_backup=$DB_NAME-20260102T030405Z.pg-dump
}
# target [STEM]: the name of a database that is not there yet; sets target
target() {
	target=${1-target}_$BASHPID
	rig_dbs+=("$target")
}
cloud() {
	fresh_bucket
	s3_env
}
restores() {
	run_backup restore-db "$@"
	assert_status 0 && tidy
}

# -- round trips

@test "round trip of a database of odd things: local and S3, new and existing, with and without --jobs" {
	local each combinations=("local old new" "local old existing --jobs 2" "cloud old new --jobs 2" "cloud new existing")
	if [[ ${ROUND_TRIPS-} == all ]]; then
		combinations=()
		for each in {local\ old,cloud\ old,cloud\ new}\ {new,existing}; do combinations+=("$each" "$each --jobs 2"); done
	fi
	cloud
	DB_NAME=$SOURCE run_backup backup-db
	assert_status 0
	target
	for each in "${combinations[@]}"; do
		echo "$each"
		read -ra words <<<"$each"
		use_rclone "${words[1]}"
		dropdb --if-exists --maintenance-db=postgres -- "$target"
		clean=()
		if [[ ${words[2]} == existing ]]; then
			tiny_db "$target"
			clean=(--clean --yes)
		fi
		restores --db "$SOURCE" --latest --from "${words[0]}" --to "$target" "${clean[@]}" "${words[@]:3}"
		says "restored $SOURCE-"
		says "hint: run ANALYZE"
		same "$SOURCE" "$target"
	done
}

# What `pg_dump -Fc >FILE` of 16 and later leaves: a second table of contents behind the end, which
# pg_restore does not read. It is larger than any pipe or socket holds.
@test "an archive with more behind its end than pg_restore wants, from everywhere, with and without --jobs" {
	tiny
	target
	head -c 4000000 /dev/zero >>"$DB_BACKUP_DIR/$tiny_backup"
	cloud
	s3_put "$tiny_backup" <"$DB_BACKUP_DIR/$tiny_backup"
	cp "$DB_BACKUP_DIR/$tiny_backup" "$T/own"
	for from in "--latest --from local" "--latest --from cloud" "$T/own" "--latest --from cloud --jobs 2"; do
		# shellcheck disable=SC2086  # words
		restores $from --to "$target"
		same "$DB_NAME" "$target"
		sql postgres "drop database \"$target\""
	done
	remember
	run_backup verify-backup
	assert_status 0
	diff "$run/stdout" - <<<"good local $tiny_backup"$'\n'"good cloud $tiny_backup"
	run_backup verify-backup --restore
	assert_status 0
	diff "$run/stdout" - <<<"good local $tiny_backup"$'\n'"good cloud $tiny_backup"
	# what nobody wants is not even downloaded: here the download breaks in the midst of it
	orders rclone cat 'run 2000000'
	run_backup restore-db --latest --from cloud --dry-run --to "$target"
	assert_status 0
	unchanged
	restores --latest --from cloud --to "$target"
	same "$DB_NAME" "$target"
}

@test "encrypted, from both, with and without --jobs, and only with the passphrase" {
	tiny
	rm "$DB_BACKUP_DIR"/*
	cloud
	export DB_BACKUP_PASSPHRASE="correct horse ü"
	run_backup backup-db
	assert_status 0
	target
	for from in local cloud; do
		restores --latest --from $from --to "$target"
		same "$DB_NAME" "$target"
		restores --latest --from $from --to "$target" --jobs 2 --clean --yes
		same "$DB_NAME" "$target"
		sql postgres "drop database \"$target\""
	done
	remember "$target"
	DB_BACKUP_PASSPHRASE=wrong run_backup restore-db --latest --to "$target"
	refused "rclone exited with" "the passphrase is not the one"
	DB_BACKUP_PASSPHRASE='' run_backup restore-db --latest --to "$target"
	refused "it is encrypted, and DB_BACKUP_PASSPHRASE is not set"
}

@test "a database that is replaced keeps what belongs to the database itself" {
	tiny
	target
	sql postgres "create role owner_$BASHPID"
	local space=$RIG_DIR/space_$BASHPID
	install -d -o postgres -m 700 "$space"
	sql postgres "create tablespace space_$BASHPID location '$space'"
	sql postgres "create database $target template template0 owner owner_$BASHPID tablespace space_$BASHPID encoding 'LATIN1' \
		lc_collate 'C' lc_ctype 'C' connection limit 7" \
		"alter database $target set search_path = '\$user', \"odd schema\"" "alter database $target set work_mem = '7MB'" \
		"alter role owner_$BASHPID in database $target set lock_timeout = '1s'" "revoke connect on database $target from public" \
		"grant connect on database $target to pg_monitor with grant option" "comment on database $target is 'it''s \"mine\"'"
	sql "$target" "create table public.old (a int)"
	properties() {
		sql postgres "select pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype, dattablespace, datconnlimit,
			(select array_agg(a order by a::text) from unnest(datacl) a), shobj_description(d.oid, 'pg_database'), (select array_agg((setrole, setconfig) order by setrole)
			from pg_db_role_setting where setdatabase = d.oid) from pg_database d where datname = '$target'"
	}
	properties >"$T/before"
	cat "$T/before"
	for jobs in "" --jobs=2; do
		run_backup restore-db --latest --to "$target" --clean --yes $jobs
		assert_status 0
		diff "$T/before" <(properties)
	done
	[[ $(sql "$target" "select count(*) from public.items, pg_class where relname = 'old'") == 0 ]]
	sql postgres "select datname from pg_database" >"$T/left"
	run ! grep "^backup_restore_.*_old" "$T/left"
	sql postgres "drop database $target" "drop tablespace space_$BASHPID" "drop role owner_$BASHPID"
}

@test "a database that is replaced keeps odd settings, and none of them is in the way" {
	tiny
	target
	sql postgres "create database $target template template0 locale_provider icu icu_locale 'en' locale 'C'" \
		"alter database $target set default_transaction_read_only = on" "alter database $target set search_path = ''" \
		"alter database $target set temp_tablespaces = ''" "alter database $target connection limit 1"
	local locale
	locale=$(sql postgres "select attname from pg_attribute where attrelid = 'pg_database'::regclass and attname in ('daticulocale', 'datlocale')")
	properties() {
		sql postgres "select datlocprovider, $locale, datconnlimit, (select array_agg((setrole, setconfig)) from pg_db_role_setting
			where setdatabase = d.oid) from pg_database d where datname = '$target'"
	}
	properties >"$T/before"
	restores --latest --to "$target" --clean --yes
	diff "$T/before" <(properties)
	sql postgres "drop database $target" "create database $target template template0 locale_provider libc"
	# and a server whose template0 is icu
	sql postgres "update pg_database set datlocprovider = 'i', $locale = 'en' where datname = 'template0'"
	run_backup restore-db --latest --to "$target" --clean --yes
	sql postgres "update pg_database set datlocprovider = 'c', $locale = null where datname = 'template0'"
	assert_status 0
	[[ $(sql postgres "select datlocprovider, $locale from pg_database where datname = '$target'") == "c|" ]]
}

@test "--clean by an owner who may not use the default tablespace by name, nor connect twice" {
	tiny
	target
	local user=owner_$BASHPID
	sql postgres "create role $user login createdb password 'pw'" "create database $target owner $user template template0 connection limit 0" \
		"revoke all on database $target from public"
	PGUSER=$user PGPASSWORD=pw run_backup restore-db --latest --to "$target" --clean --yes --no-owner
	sql postgres "alter database $target connection limit -1"
	assert_status 1
	sql postgres "alter database $target connection limit 1"
	PGUSER=$user PGPASSWORD=pw run_backup restore-db --latest --to "$target" --clean --yes --no-owner --jobs 2
	assert_status 0
	[[ $(sql postgres "select datconnlimit, pg_get_userbyid(datdba) from pg_database where datname = '$target'") == "1|$user" ]]
	sql postgres "drop database $target" "drop role $user"
}

# -- the target

@test "a target with tables is refused without --clean" {
	tiny
	remember
	run_backup restore-db --latest
	refused "\"$DB_NAME\" has 2 tables already" "--to NAME"
	run_backup restore-db --latest --jobs 2 --yes
	refused "\"$DB_NAME\" has 2 tables already"
	run_backup restore-db --latest --clean
	assert_status 2
	says "say --yes too"
	unchanged
}

@test "an existing target without tables: restored into; never dropped for --jobs alone" {
	tiny
	fresh_db target
	sql "$DB_NAME" "create function mine() returns int language sql as 'select 1'" "select lo_create(1)" >/dev/null
	target=$DB_NAME DB_NAME=$tiny
	remember "$target"
	run_backup restore-db --latest --to "$target" --jobs 2 --yes
	refused "is not empty: functions, types" "leave out --jobs"
	restores --latest --to "$target"
	[[ $(sql "$target" "select mine(), (select count(*) from items), (select count(*) from pg_largeobject_metadata)") == "1|300|2" ]]
	local what
	while read -r what; do
		echo "$what"
		fresh_db target
		sql "$DB_NAME" "$what"
		remember
		DB_NAME=$tiny run_backup restore-db --latest --to "$DB_NAME" --jobs 2
		refused "is not empty"
	done <<-E
		alter default privileges grant select on tables to pg_monitor
		create publication p for all tables
		create collation c from "C"
		create text search configuration c (copy = simple)
		create text search dictionary d (template = simple)
		create cast (text as inet) with inout
		create operator === (leftarg = int, rightarg = int, function = int4pl)
		create conversion c for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8
		grant create on schema public to pg_monitor
	E
	fresh_db target # nothing in it at all
	target=$DB_NAME DB_NAME=$tiny
	restores --latest --to "$target" --jobs 2
	same "$DB_NAME" "$target"
}

@test "what somebody makes meanwhile in a target that was empty is not dropped" {
	tiny
	fresh_db target
	target=$DB_NAME DB_NAME=$tiny
	orders pg_restore --jobs=2 'run' 'touch done' 'wait go'
	start_backup restore-db --latest --to "$target" --jobs 2
	wait_until test -e "$fakes/done"
	sql "$target" "create table precious as select 1 as one"
	touch "$fakes/go"
	wait_backup
	assert_status 1
	says "\"$target\" is not empty any more"
	says "what was restored is kept as the database \"backup_restore_"
	[[ $(sql "$target" "select one from precious") == 1 ]]
	dropdb "$(own_databases | grep ^backup_restore_)"
}

@test "a target named oddly is only a name" {
	tiny
	local name
	for name in "--help $BASHPID" "host=evil port=$BASHPID" "UPPER $BASHPID" "qu\"o'te\\ $BASHPID" "ünï ☃ %s $BASHPID" "-c $BASHPID"; do
		rig_dbs+=("$name")
		restores --latest "--to=$name"
		name=${name//\\/\\\\}
		same "$DB_NAME" "${name//\'/\\\'}"
	done
	name="qu\"o'te\\ $BASHPID"
	for jobs in "" --jobs=2; do
		restores --latest "--to=$name" --clean --yes $jobs
		[[ $(sql "$name" "select count(*) from items") == 300 ]]
	done
	restores --latest "--to=$name" --clean --yes --table invoices --schema billing
	exec 5< <(sql "$name" "select pg_sleep(30)")
	wait_until eval '[[ $(sql postgres "select count(*) from pg_stat_activity where query like '\''select pg_sleep(30)%'\'' and usename = current_user") == 1 ]]'
	run_backup restore-db --latest "--to=$name" --clean --yes
	assert_status 1
	says "1 other session is connected"
	hint=$(sed -n 's/.*or end them: //p' "$run/stderr")
	sql postgres "$hint" # can be copied
	exec 5<&-
	restores --latest "--to=$name" --clean --yes
}

@test "names too long, templates, postgres" {
	tiny
	remember
	run_backup restore-db --latest --to "$(printf 'x%.0s' {1..64})"
	refused "longer than a name can be"
	run_backup restore-db --latest --to template1 --clean --yes
	refused 'cannot be replaced: it is a template' "--to NAME"
	run_backup restore-db --latest --to postgres --dry-run
	assert_status 0
	says 'into the existing database "postgres"'
	unchanged
}

@test "a target with a replication slot or a prepared transaction is not replaced" {
	tiny
	remember
	# the rig's server can have neither: let psql say so
	fake psql <<-'SH'
		#!/bin/sh
		sed 's/(SELECT count(\*) FROM pg_prepared_xacts/3 + &/' | /usr/bin/psql "$@"
	SH
	run_backup restore-db --latest --clean --yes
	refused "cannot be replaced: it has 3 subscriptions, replication slots or prepared transactions"
}

@test "users with fewer rights" {
	tiny
	local user=lesser_$BASHPID
	sql postgres "create role $user login password 'pw'" "create database of_$user owner $user template template0"
	rig_dbs+=("of_$user")
	remember
	PGUSER=$user PGPASSWORD=pw run_backup restore-db --latest --to "new_$user"
	refused "permission denied to create database" "CREATEDB"
	PGUSER=$user PGPASSWORD=pw run_backup restore-db --latest --clean --yes
	refused "permission denied"
	PGUSER=$user PGPASSWORD=pw run_backup restore-db --latest --to "of_$user"
	assert_status 1
	says "hint: connect as"
	[[ -z $(sql "of_$user" "select relname from pg_class where relname = 'items'") ]]
	PGUSER=$user PGPASSWORD=pw restores --latest --to "of_$user" --no-owner
	[[ $(sql "of_$user" "select tableowner from pg_tables where tablename = 'items'") == "$user" ]]
	# who may connect to the target alone
	sql "of_$user" "drop table billing.invoices, items; drop schema billing; drop function twice; select lo_unlink(4711)" >/dev/null
	fake psql <<-'SH'
		#!/bin/sh
		case $PGDATABASE in postgres | template1) echo 'psql: error: FATAL:  permission denied for database' >&2; exit 2 ;; esac
		exec /usr/bin/psql "$@"
	SH
	PGUSER=$user PGPASSWORD=pw run_backup restore-db --latest --to "of_$user" --no-owner
	rm "$fakes/psql"
	assert_status 0
	[[ $(sql "of_$user" "select count(*) from items") == 300 ]]
	sql postgres "drop database of_$user" "drop role $user"
}

# -- which backup

@test "a file of one's own" {
	tiny
	target
	mv "$DB_BACKUP_DIR/$tiny_backup" "$T/some.pg-dump"
	export DB_BACKUP_DIR= DB_NAME= name=$tiny
	cd "$T"
	restores ./some.pg-dump --to "$target"
	same "$name" "$target"
	restores "$T/some.pg-dump" --to "$target" --clean --yes --jobs 2
	same "$name" "$target"
	run_backup restore-db ./some.pg-dump
	assert_status 2
	says "say --to NAME"
	# a name that tells the database counts, and not DB_NAME
	cp some.pg-dump "$name-20260102T030405Z.pg-dump"
	DB_NAME=$target run_backup restore-db "./$name-20260102T030405Z.pg-dump" --dry-run --clean
	assert_status 0
	says "into the existing database \"$name\""
	for db in "$target" other; do
		run_backup restore-db "./$name-20260102T030405Z.pg-dump" --dry-run --clean --db "$db"
		assert_status 2
		says "--db: that file is a backup of \"$name\""
		run_backup restore-db ./some.pg-dump --dry-run --db "$db"
		assert_status 2
		says "--db chooses among the backups of a destination"
	done
	run_backup restore-db "./$name-20260102T030405Z.pg-dump" --dry-run --clean --db "$name"
	assert_status 0
	remember "$target"
	run_backup restore-db ./gone.pg-dump --to "$target"
	assert_status 1
	says "cannot read ./gone.pg-dump: No such file"
	run_backup restore-db "$T/" --to "$target"
	assert_status 1
	says "it is no file"
	mkdir empty
	run_backup restore-db some.pg-dump --from "$T/empty" --to "$target"
	assert_status 1
	says "hint: for the file that is here write ./some.pg-dump"
	run_backup restore-db some.pg-dump --to "$target"
	assert_status 2
	says "there is nowhere to look for backups"
	mv some.pg-dump some.pg-dump.bin
	run_backup restore-db ./some.pg-dump.bin --to "$target"
	refused "it is encrypted, and can be read only in a destination" "--from"
}

@test "names of the predecessor, when named in full" {
	tiny
	target
	cloud
	local name new=$tiny
	for name in app-2021-11-01T20:51:55-5e753082e5.pg-dump app-2021-11-01:20:51:55.pg-dump; do
		cp "$DB_BACKUP_DIR/$tiny_backup" "$DB_BACKUP_DIR/$name"
		s3_put "$name" <"$DB_BACKUP_DIR/$name"
		for from in local cloud; do
			sql postgres "drop database if exists \"$target\""
			DB_NAME='' restores "$name" --from $from --to "$target"
			same "$new" "$target"
			restores "$name" --from $from --to "$target" --clean --yes --jobs 2
		done
		DB_NAME=$target restores "$name" --clean --yes
		DB_NAME='' run_backup restore-db "$name"
		assert_status 2
		says "say --to NAME"
		DB_NAME=a,b run_backup restore-db "$name"
		assert_status 2
	done
}

@test "encrypted, with colons in the prefix and the name; a remote that is a root" {
	tiny
	rm "$DB_BACKUP_DIR"/*
	cloud
	local name="od:d_$BASHPID"
	tiny_db "$name"
	export DB_BACKUP_PREFIX=prod:db DB_BACKUP_PASSPHRASE=secret RCLONE_CONFIG_ROOT_TYPE=alias RCLONE_CONFIG_ROOT_REMOTE=$T/root \
		DB_BACKUP_REMOTE=root:/
	mkdir "$T/root"
	target
	DB_NAME=$DB_NAME,$name run_backup backup-db
	assert_status 0
	for from in local cloud root; do
		for jobs in "" --jobs=2; do
			restores --latest --from $from --to "$target" --clean --yes $jobs
			same "$DB_NAME" "$target"
		done
	done
	run_backup verify-backup
	assert_status 0
	says "verified 6 backups, 0 bad"
}

@test "the globals are nowhere on the disk, whatever TMPDIR is" {
	cloud
	printf 'CREATE ROLE r_%s PASSWORD $$x$$;\n-- PostgreSQL database cluster dump complete\n' $BASHPID | s3_put globals-20260102T030405Z.sql
	unset DB_BACKUP_DIR
	RUN_UNDER="env TMPDIR=$T/none" run_backup restore-db globals-20260102T030405Z.sql --dry-run
	assert_status 0
	RUN_UNDER="env TMPDIR=$T/none" run_backup verify-backup globals-20260102T030405Z.sql
	assert_status 0
}

@test "--from: local, cloud, a remote, a directory" {
	tiny
	cloud
	mkdir "$T/remote" "$T/elsewhere"
	export RCLONE_CONFIG_NAS_TYPE=alias RCLONE_CONFIG_NAS_REMOTE=$T/remote DB_BACKUP_REMOTE=nas:
	# they differ in their time
	mv "$DB_BACKUP_DIR/$tiny_backup" "$T/backup"
	cp "$T/backup" "$DB_BACKUP_DIR/$DB_NAME-20260101T000001Z.pg-dump"
	s3_put "$DB_NAME-20260101T000002Z.pg-dump" <"$T/backup"
	cp "$T/backup" "$T/remote/$DB_NAME-20260101T000003Z.pg-dump"
	cp "$T/backup" "$T/elsewhere/$DB_NAME-20260101T000004Z.pg-dump"
	local n=0 from
	for from in local cloud remote "$T/elsewhere" "$T/elsewhere/"; do
		n=$((n < 4 ? n + 1 : 4))
		run_backup restore-db --latest --to nowhere --dry-run --from "$from"
		assert_status 0
		says "would restore $DB_NAME-20260101T00000${n}Z.pg-dump"
		grep -q "TABLE DATA public items" "$run/stdout"
	done
	run_backup restore-db --latest --to nowhere --dry-run
	says "would restore $DB_NAME-20260101T000003Z.pg-dump"
	run_backup restore-db --latest --from nas --to nowhere --dry-run
	says "would restore $DB_NAME-20260101T000003Z.pg-dump"
	run_backup restore-db --latest --from "$T/nowhere" --to nowhere
	assert_status 2
	says "is neither a destination that is configured here nor a directory"
}

@test "one destination down: the other serves" {
	tiny
	cloud
	target
	S3_ENDPOINT=http://127.0.0.1:1 restores --latest --to "$target"
	says "error: cannot list cloud"
	says "there may be a newer backup"
	same "$DB_NAME" "$target"
	s3_put "$tiny_backup" <"$DB_BACKUP_DIR/$tiny_backup"
	DB_BACKUP_DIR=$T/status.json/x restores "$tiny_backup" --to "$target" --clean --yes
	says "restored"
	remember "$target"
	S3_ENDPOINT=http://127.0.0.1:1 run_backup restore-db --latest --from cloud --to "$target" --clean --yes
	assert_status 1
	says "there is no backup of \"$DB_NAME\" where backups could be listed"
	unchanged
}

@test "--at takes the newest not after it" {
	tiny
	local day at want
	for day in 01 02 03; do cp "$DB_BACKUP_DIR/$tiny_backup" "$DB_BACKUP_DIR/$DB_NAME-202602${day}T120000Z.pg-dump"; done
	while read -r want at; do
		echo "$at"
		TZ=Europe/Berlin run_backup restore-db --at "$at" --to nowhere --dry-run
		assert_status 0
		says "would restore $DB_NAME-202602${want}T120000Z"
	done <<-'E'
		02 2026-02-02T12:00:00Z
		01 2026-02-02T11:59:59Z
		02 20260202T120000Z
		02 2026-02-02 12:00:00 UTC
		02 2026-02-02
		02 2026-02-02T12:00Z
		02 2026-02-02 13:00:00
		01 2026-02-02 12:59
		02 2026-02-02T13:00
		03 2030-01-01
		02 2026-02-02 12:00Z
		01 2026-02-02 11:59 UTC
		02 20260202T130000
		02 2026-02-02T12:00:00 UTC
	E
	TZ=Europe/Berlin run_backup restore-db --at "2026-02-02 13:00" --to nowhere --dry-run
	says "--at means 2026-02-02 12:00:00 UTC"
	for at in yesterday 2026 2026-02-31 2026-13-01 "2026-02-02 25:00" "" Z "2026-02-02 12:00 Z UTC" "2026-02-02T12:00:00+01:00"; do
		run_backup restore-db --at "$at" --to nowhere --dry-run
		assert_status 2
		says "is no time"
	done
	run_backup restore-db --at 2025-01-01 --to nowhere --dry-run
	assert_status 1
	says "that is not after 2025-01-01"
}

@test "--latest without DB_NAME, with one and with several databases" {
	tiny
	local name=$DB_NAME
	DB_NAME='' run_backup restore-db --latest --to nowhere --dry-run
	assert_status 0
	says "would restore $name-2026"
	cp "$DB_BACKUP_DIR/$tiny_backup" "$DB_BACKUP_DIR/other-20260102T030405Z.pg-dump"
	for dbs in '' "$name,other" '*'; do
		DB_NAME=$dbs run_backup restore-db --latest --to nowhere --dry-run
		assert_status 2
		says "which database? say --db NAME; there are backups of \"other\", \"$name\""
	done
	DB_NAME='' run_backup restore-db --latest --db other --to nowhere --dry-run
	assert_status 0
	says "would restore other-2026"
	run_backup restore-db --latest --db third --dry-run
	assert_status 1
	says 'there is no backup of "third"'
	# neither a longer name nor a prefix
	cp "$DB_BACKUP_DIR/$tiny_backup" "$DB_BACKUP_DIR/$name-2-20260402T030405Z.pg-dump"
	run_backup restore-db --latest --to nowhere --dry-run
	says "would restore $tiny_backup"
}

@test "--latest is no backup that a wrong clock dated into the future, unless there is no other" {
	tiny
	cp "$DB_BACKUP_DIR/$tiny_backup" "$DB_BACKUP_DIR/$DB_NAME-20380101T000000Z.pg-dump"
	run_backup restore-db --latest --to nowhere --dry-run
	assert_status 0
	says "would restore $tiny_backup"
	says "warning: $DB_NAME-20380101T000000Z.pg-dump is dated ahead of this machine's clock"
	run_backup verify-backup
	assert_status 0
	[[ $(<"$run/stdout") == "good local $tiny_backup" ]]
	rm "$DB_BACKUP_DIR/$tiny_backup"
	run_backup restore-db --latest --to nowhere --dry-run
	assert_status 0
	says "would restore $DB_NAME-20380101T000000Z.pg-dump"
	says "is dated ahead of this machine's clock"
	run_backup verify-backup
	assert_status 0
	[[ $(<"$run/stdout") == "good local $DB_NAME-20380101T000000Z.pg-dump" ]]
}

@test "contradictions are refused before anything is looked at" {
	export DB_BACKUP_DIR=$T/none PGPORT=1
	local words
	while read -ra words; do
		run_backup restore-db "${words[@]}"
		assert_status 2
	done <<-'E'
		--latest --at 2026-01-01
		a --latest
		a b
		--latest --jobs 0
		--latest --jobs many
		--latest --schema-only --data-only
		--latest --clean --data-only
		--latest --to=
		--nonsense
		--latest --jobs
	E
	run_backup restore-db
	assert_status 2
	says "which backup? name it, or say --latest or --at TIME"
}

# -- parts

@test "parts: --table, --schema, --schema-only, --data-only, --no-owner" {
	tiny
	cloud
	s3_put "$tiny_backup" <"$DB_BACKUP_DIR/$tiny_backup"
	target
	tables() { sql "$target" "select relname from pg_class join pg_namespace n on n.oid = relnamespace where relkind = 'r' and nspname in ('public', 'billing') order by 1" | paste -sd ' '; }
	restores --latest --to "$target" --table items
	[[ $(tables) == items && $(sql "$target" "select count(*) from items") == 300 ]]
	# into a database that has tables: no --clean needed where nothing is in the way
	sql "$target" "create schema billing"
	restores --latest --from cloud --to "$target" --schema billing --table invoices
	[[ $(tables) == "invoices items" ]]
	remember "$target"
	run_backup restore-db --latest --to "$target" --table items
	refused "already exists" "--clean"
	sql "$target" "delete from items where id > 10"
	restores --latest --to "$target" --table items --clean --yes --jobs 2
	[[ $(sql "$target" "select count(*) from items") == 300 ]]
	remember "$target"
	run_backup restore-db --latest --from cloud --to "$target" --table billing.invoices
	refused '"billing.invoices" not found' "without its schema"
	run_backup restore-db --latest --to "$target" --schema nope
	refused '"nope" not found'
	sql postgres "drop database \"$target\""
	run_backup restore-db --latest --to "$target" --table nope
	remember "$target"
	refused '"nope" not found'
	[[ -z $(own_databases | grep -F "$target") ]]
	restores --latest --from cloud --to "$target" --schema-only
	[[ $(tables) == "invoices items" && $(sql "$target" "select count(*) from items") == 0 ]]
	run_backup restore-db --latest --from cloud --to "$target" --data-only
	remember "$target"
	refused "violates foreign key" "foreign keys"
	sql "$target" "alter table billing.invoices drop constraint invoices_item_fkey"
	restores --latest --from cloud --to "$target" --data-only
	sql "$target" "alter table billing.invoices add constraint invoices_item_fkey foreign key (item) references items"
	same "$DB_NAME" "$target"
	run_backup restore-db --latest --to "$target" --data-only
	remember "$target"
	refused "duplicate key"
}

@test "a schema or a table of one into a new database" {
	tiny
	target
	restores --latest --to "$target" --schema billing --table invoices --schema-only
	[[ $(sql "$target" "select count(*) from billing.invoices") == 0 ]]
	sql postgres "drop database \"$target\""
	restores --latest --to "$target" --schema billing --schema public --table invoices --table items
	[[ $(sql "$target" "select (select count(*) from billing.invoices), (select count(*) from items)") == "100|300" ]]
	sql postgres "drop database \"$target\""
	run_backup restore-db --latest --to "$target" --table invoices
	remember "$target"
	refused 'schema "billing" does not exist' "--schema"
}

@test "the stall timeout does not end the making of indexes" {
	fresh_db slow
	sql "$DB_NAME" "create table t as select i from generate_series(1, 3) i" \
		"create function slowly(int) returns int immutable language plpgsql as 'begin perform pg_sleep(2); return \$1; end'" \
		"create index on t (slowly(i))"
	backup_of "$DB_NAME" 20260102T030405Z
	target
	cloud
	# this one has more than pg_restore wants, so that the download stands still, too
	{
		cat "$DB_BACKUP_DIR"/*
		head -c 4000000 /dev/zero
	} | s3_put "$DB_NAME-20260102T030405Z.pg-dump"
	for from in local cloud; do
		DB_BACKUP_STALL_TIMEOUT=3 restores --latest --from $from --to "$target"
		sql postgres "drop database \"$target\""
	done
}

@test "--dry-run: the plan and what is in the archive; nothing is changed, nothing is asked" {
	tiny
	remember
	run_backup restore-db --latest --clean --dry-run
	assert_status 0
	says "would restore $tiny_backup ("
	says "DROPPED"
	grep -q "INDEX public items_noise_idx" "$run/stdout"
	unchanged
	run_backup restore-db --latest --dry-run
	refused "has 2 tables already"
}

# -- a server that is older than pg_restore

@test "pg_restore 17 with a server before 17: one error is expected, and only that one" {
	(($(sql postgres "show server_version_num") < 170000)) || skip "the server here is 17 or newer"
	tiny
	target
	fake pg_restore <<-'SH'
		#!/bin/sh
		[ "$1" = --version ] && { echo "pg_restore (PostgreSQL) 17.2"; exit; }
		case "$*" in *--list*) exec /usr/bin/pg_restore "$@" ;; esac
		case "$*" in *--exit-on-error* | *--single-transaction*)
			echo 'pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"' >&2
			exit 1 ;;
		esac
		errors=1
		echo 'pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"' >&2
		echo 'Command was: SET transaction_timeout = 0;' >&2
		/usr/bin/pg_restore "$@" 2>"$TMPDIR/said" || errors=12
		cat "$TMPDIR/said" >&2
		grep -q 'archive\|end of file' "$TMPDIR/said" && { rm "$TMPDIR/said"; exit 1; }
		rm "$TMPDIR/said"
		echo "pg_restore: warning: errors ignored on restore: $errors" >&2
		exit 1
	SH
	restores --latest --to "$target"
	same "$DB_NAME" "$target"
	# a server that speaks another language
	sed -i 's/ERROR:  unrecognized configuration parameter "transaction_timeout"/FEHLER:  unbekannter Konfigurationsparameter »transaction_timeout«/' \
		"$fakes/pg_restore"
	restores --latest --to "$target" --clean --yes --jobs 2
	same "$DB_NAME" "$target"
	run_backup verify-backup --restore
	assert_status 0
	tidy
	remember "$target"
	run_backup restore-db --latest --to "$target" --table items
	refused "older than pg_restore" "--to NAME"
	# a second error is none too many: the owner is missing
	sql postgres "create role gone_$BASHPID"
	sql "$DB_NAME" "alter table items owner to gone_$BASHPID"
	backup_of "$DB_NAME" 20260102T030405Z
	sql "$DB_NAME" "alter table items owner to $PGUSER"
	sql postgres "drop role gone_$BASHPID"
	run_backup restore-db --latest --to "$target" --clean --yes
	refused "pg_restore exited with 1"
	truncate -s -100 "$DB_BACKUP_DIR/$tiny_backup"
	run_backup restore-db --latest --to "$target" --clean --yes
	refused "pg_restore exited with 1"
}

# -- roles and tablespaces

@test "globals: new roles get all they had, those that exist are not touched" {
	local user=r_$BASHPID new=n_$BASHPID
	tiny
	sql postgres "create role $user login password 'now' connection limit 3" "alter role $user set work_mem = '1MB'"
	was=$(sql postgres "select rolpassword, rolconnlimit, (select setconfig from pg_db_role_setting where setrole = r.oid) from pg_authid r where rolname = '$user'")
	cat >"$DB_BACKUP_DIR/globals-20260102T030500Z.sql" <<-SQL
		--
		-- PostgreSQL database cluster dump
		--
		\\restrict abc
		SET default_transaction_read_only = off;
		SET client_encoding = 'UTF8';
		CREATE ROLE $user;
		ALTER ROLE $user WITH SUPERUSER LOGIN PASSWORD 'then' CONNECTION LIMIT 99;
		ALTER ROLE $user SET work_mem TO '99MB';
		CREATE ROLE $new;
		ALTER ROLE $new WITH LOGIN PASSWORD 'secret-of-then';
		CREATE ROLE "$new ""odd""";
		GRANT $user TO $new;
		GRANT pg_monitor TO $user;
		\\! touch $T/executed
		CREATE ROLE not_$user /* ' */ \\! touch $T/executed /* ' */
		;
		CREATE TABLESPACE pg_default LOCATION '/nowhere';
		\\unrestrict abc
		--
		-- PostgreSQL database cluster dump complete
		--
	SQL
	run_backup restore-db globals-20260102T030500Z.sql --dry-run
	assert_status 0
	[[ $(cat "$run/stdout") == "CREATE ROLE $new;
CREATE ROLE \"$new \"\"odd\"\"\";" ]]
	target
	restores --latest --to "$target" --globals
	says "roles and tablespaces first"
	says "restored roles and tablespaces from globals-20260102T030500Z.sql"
	says_not secret-of-then
	[[ $(sql postgres "select rolpassword, rolconnlimit, (select setconfig from pg_db_role_setting where setrole = r.oid) from pg_authid r where rolname = '$user'") == "$was" ]]
	PGUSER=$new PGPASSWORD=secret-of-then sql postgres "select 1"
	[[ $(sql postgres "select pg_has_role('$new', '$user', 'member'), pg_has_role('$user', 'pg_monitor', 'member')") == "t|f" ]]
	[[ ! -e $T/executed ]]
	same "$DB_NAME" "$target"
	# and once more: all of them exist
	restores globals-20260102T030500Z.sql
	sql postgres "drop role \"$new \"\"odd\"\"\"" "drop role $new" "drop role $user"
}

@test "a tablespace that cannot be made: a warning with --globals; --no-tablespaces does without" {
	local new=n_$BASHPID space=$RIG_DIR/space_$BASHPID
	tiny
	install -d -o postgres -m 700 "$space"
	sql postgres "create tablespace $new location '$space'"
	sql "$DB_NAME" "alter table items set tablespace $new"
	backup_of "$DB_NAME" 20260102T030405Z
	sql "$DB_NAME" "alter table items set tablespace pg_default"
	sql postgres "drop tablespace $new"
	target
	remember "$target"
	run_backup restore-db --latest --to "$target" --globals --dry-run
	assert_status 1
	says "there is no backup of the globals"
	printf '%s\n' "CREATE ROLE $new;" "CREATE TABLESPACE $new LOCATION '$space/none';" "-- PostgreSQL database cluster dump complete" \
		>"$DB_BACKUP_DIR/globals-20260102T030500Z.sql"
	run_backup restore-db --latest --to "$target" --globals --dry-run
	assert_status 0
	grep -qFx "CREATE ROLE $new;" "$run/stdout"
	grep -q "TABLE DATA public items" "$run/stdout"
	unchanged
	run_backup restore-db --latest --to "$target" --globals
	assert_status 1
	says "warning: not all tablespaces could be made: "
	says "default_tablespace" # which 17 quotes
	says "hint: make the tablespace, or put all into the default one with --no-tablespaces"
	says "; roles and tablespaces that were missing are there now, else nothing was changed"
	says_not "; nothing was changed"
	unchanged
	PGUSER=lesser_$BASHPID
	PGUSER=postgres sql postgres "create role $PGUSER createrole login password '$PGPASSWORD'" "drop role $new"
	run_backup restore-db --latest --to "$target" --globals
	PGUSER=$RESTORER
	assert_status 1
	says "permission denied to create database; roles and tablespaces that were missing are there now"
	sql postgres "drop role $new" "drop role lesser_$BASHPID"
	restores --latest --to "$target" --globals --no-tablespaces
	same "$DB_NAME" "$target"
	sql postgres "drop role $new"
}

@test "globals: an error changes nothing and fails; none of a half; no tablespace; none there" {
	local new=n_$BASHPID
	tiny
	remember
	run_backup restore-db --latest --to nowhere --globals
	assert_status 1
	says "there is no backup of the globals"
	globals() { printf '%s\n' "$@" "-- PostgreSQL database cluster dump complete" >"$DB_BACKUP_DIR/globals-20260102T030500Z.sql"; }
	globals "CREATE ROLE $new;" "ALTER ROLE $new WITH LOGIN FANCY PASSWORD 'secret-of-then';"
	run_backup restore-db --latest --to nowhere --globals
	refused "unrecognized role option"
	says_not secret-of-then
	[[ -z $(sql postgres "select 1 from pg_roles where rolname = '$new'") ]]
	globals "CREATE ROLE $new;" "CREATE TABLESPACE $new LOCATION '$RIG_DIR/space_$BASHPID';"
	run_backup restore-db globals-20260102T030500Z.sql
	assert_status 1
	says "the roles are there, not all tablespaces"
	says "hint: make the directories of the tablespaces"
	install -d -o postgres -m 700 "$RIG_DIR/space_$BASHPID"
	restores globals-20260102T030500Z.sql
	sql postgres "drop tablespace $new" "drop role $new"
	printf 'CREATE ROLE %s;\n' "$new" >"$DB_BACKUP_DIR/globals-20260102T030500Z.sql"
	run_backup restore-db globals-20260102T030500Z.sql
	refused "its last line is missing"
	globals "CREATE ROLE $new;"
	sql postgres "create role lesser_$BASHPID login password 'pw'"
	PGUSER=lesser_$BASHPID PGPASSWORD=pw run_backup restore-db globals-20260102T030500Z.sql
	sql postgres "drop role lesser_$BASHPID"
	refused "permission denied to create role" "CREATEROLE"
}

@test "--jobs from the cloud without room for the download, or a place: nothing is changed" {
	unset DB_BACKUP_DIR
	cloud
	DB_NAME=$SOURCE run_backup backup-db
	assert_status 0
	target
	mount -t tmpfs -o size=64k tmpfs "$T/tmp" || skip "CANNOT MOUNT a small tmpfs"
	rig_mounts+=("$T/tmp")
	run_backup restore-db --latest --db "$SOURCE" --to "$target" --jobs 2 --yes
	assert_status 1
	says "it has to be downloaded first, but $T/tmp has only"
	says 'hint: set TMPDIR to a directory with enough space'
	[[ -z $(psql -XAtqc "select 1 from pg_database where datname = '$target'" postgres) ]]
	RUN_UNDER="env TMPDIR=$T/none" run_backup restore-db --latest --db "$SOURCE" --to "$target" --jobs 2 --yes
	assert_status 1
	says "cannot make a temporary directory in $T/none: No such file or directory"
}
