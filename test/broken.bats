#!/usr/bin/env bats
# restore-db on the worst day: broken archives, broken connections, a server that
# goes away or is full, somebody who presses Ctrl-C. Whatever happens, the target is
# as it was, no other database and no file is left, and the error tells why.
# MANY=1: as many random places as issue 6 asks for.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load restore

setup_file() {
	own_user
	export SMALL=small_$BASHPID DB_BACKUP_DIR=$BATS_FILE_TMPDIR ARCHIVE=$BATS_FILE_TMPDIR/archive
	tiny_db "$SMALL" 3000
	pg_dump -Fc -Z1 -d "$SMALL" -f "$ARCHIVE"
	SIZE=$(stat -c %s "$ARCHIVE")
	export SIZE
	RANDOM=${SEED-$$}
	echo "# SEED=${SEED-$$}, $SIZE bytes" >&3
}
teardown_file() { drop_own_user; }
setup() {
	rig_setup
	local_dir
	name=$SMALL-20260102T030405Z.pg-dump
	cp "$ARCHIVE" "$DB_BACKUP_DIR/$name"
	# what is there already and must stay
	export DB_NAME=target_$BASHPID
	tiny_db "$DB_NAME" 10
	remember
	replace=(--db "$SMALL" --latest --to "$DB_NAME" --clean --yes)
}
cloud() {
	fresh_bucket
	s3_env
	s3_put "$name" <"$ARCHIVE"
}
# many FEW ALL
many() { seq "$([[ ${MANY-} ]] && echo "$2" || echo "$1")"; }
anywhere() { echo $(((RANDOM << 15 | RANDOM) % SIZE)); }
# replaced: the target is all of $SMALL, and nothing else is left
replaced() {
	assert_status 0 && same "$SMALL" "$DB_NAME" && tidy
}

# -- the archive

@test "control: what is whole is restored" {
	cloud
	for how in "--from local" "--from cloud" "--from cloud --jobs 2"; do
		read -ra words <<<"$how"
		run_backup restore-db "${replace[@]}" "${words[@]}"
		replaced
	done
}

@test "truncated at random places: local, S3, with --jobs" {
	local n at
	cloud
	for n in $(many 4 20); do
		at=$(anywhere)
		echo "at $at"
		truncate -s "$at" "$DB_BACKUP_DIR/$name"
		s3_put "$name" <"$DB_BACKUP_DIR/$name"
		words=()
		if ((n % 2)); then words+=(--from cloud); else words+=(--from local); fi
		if ((n % 4 > 1)); then words+=(--jobs 2); fi
		run_backup restore-db "${replace[@]}" "${words[@]}"
		refused "pg_restore exited with 1"
		cp "$ARCHIVE" "$DB_BACKUP_DIR/$name"
	done
	# the last byte alone
	truncate -s -1 "$DB_BACKUP_DIR/$name"
	run_backup restore-db "${replace[@]}"
	refused "pg_restore exited with 1" "damaged"
	run_backup restore-db --db "$SMALL" --latest --to "new_$BASHPID"
	refused "pg_restore exited with 1" "damaged"
}

@test "random bytes flipped: what pg_restore notices is refused, and nothing is half done" {
	local n at noticed=0 other=0 total=0
	for n in $(many 6 50); do
		at=$(anywhere)
		cp "$ARCHIVE" "$DB_BACKUP_DIR/$name"
		/usr/bin/python3 -IS -c 'import sys
f = open(sys.argv[1], "r+b"); f.seek(int(sys.argv[2])); b = f.read(1)[0]; f.seek(-1, 1); f.write(bytes([b ^ int(sys.argv[3])]))' \
			"$DB_BACKUP_DIR/$name" "$at" $((RANDOM % 255 + 1))
		run_backup restore-db "${replace[@]}"
		total=$((total + 1))
		if [[ $how == "exited 1" ]]; then
			noticed=$((noticed + 1))
			unchanged
		else
			assert_status 0
			tidy
			same "$SMALL" "$DB_NAME" >/dev/null 2>&1 || other=$((other + 1))
			sql postgres "drop database $DB_NAME"
			tiny_db "$DB_NAME" 10
			remember
		fi
	done
	echo "# of $total flipped bytes $noticed were noticed; $other were not and changed the content" >&3
	((noticed > 0))
}

@test "empty, not an archive, SQL" {
	cloud
	local what how
	while read -r what how; do
		echo "$what $how"
		case $what in
		empty) : ;;
		text) echo "this is no archive" ;;
		sql) pg_dump -d "$SMALL" ;;
		zeros) head -c 100000 /dev/zero ;;
		esac >"$DB_BACKUP_DIR/$name"
		s3_put "$name" <"$DB_BACKUP_DIR/$name"
		read -ra words <<<"$how"
		run_backup restore-db "${replace[@]}" "${words[@]}"
		refused "cannot restore $name into"
	done <<-'E'
		empty --from local
		empty --from cloud
		empty --from cloud --jobs 2
		text --from local
		text --from cloud
		sql --from local
		sql --from cloud --jobs 2
		zeros --from local --jobs 2
		zeros --from cloud
	E
}

@test "a wrong size in the listing" {
	cloud
	local size
	for size in $((SIZE - 1)) $((SIZE + 1)) 0 $((SIZE * 2)); do
		with_fakes
		rm -f "$fakes/rclone.orders"
		orders rclone lsjson "say [{\"Path\":\"$name\",\"Name\":\"$name\",\"Size\":$size,\"IsDir\":false}]"
		run_backup restore-db "${replace[@]}" --from cloud
		refused "$SIZE bytes came, but it has $size" "not what was stored"
	done
	run_backup restore-db "${replace[@]}" --from cloud --jobs 2
	refused "the download has $SIZE bytes, but it has $size"
}

@test "the download ends early with success, or late" {
	cloud
	orders rclone cat 'run 5000' 'exit 0'
	run_backup restore-db "${replace[@]}" --from cloud
	assert_status 1
	unchanged
	rm "$fakes/rclone.orders"
	orders rclone cat 'run' 'say more'
	run_backup restore-db "${replace[@]}" --from cloud
	assert_status 1
	unchanged
	rm "$fakes/rclone.orders"
	orders rclone cat 'run' 'exit 5' # all of it, and then an error
	run_backup restore-db "${replace[@]}" --from cloud
	refused "rclone exited with 5"
	rm "$fakes/rclone.orders"
	orders rclone copyto 'exit 0'
	run_backup restore-db "${replace[@]}" --from cloud --jobs 2
	refused "the download has 0 bytes"
}

@test "a download that stands still is given up; a slow one is not; DB_BACKUP_STALL_TIMEOUT=0 waits" {
	cloud
	printf -- '-- roles\n-- PostgreSQL database cluster dump complete\n' | s3_put globals-20260102T030405Z.sql
	export DB_BACKUP_STALL_TIMEOUT=3
	orders rclone copyto 'sleep 12'
	run_backup restore-db "${replace[@]}" --from cloud --jobs 2
	refused "rclone: no byte moved for 3 s" "DB_BACKUP_STALL_TIMEOUT"
	orders rclone cat 'sleep 12'
	run_backup restore-db globals-20260102T030405Z.sql --from cloud
	refused "no byte" "DB_BACKUP_STALL_TIMEOUT"
	says_not pg_stat_activity
	# slower than that, and into another file beside it, as rclone does from 1.63 on
	fake rclone <<-'SH'
		#!/bin/sh
		[ "$1" = copyto ] || exec /usr/bin/rclone "$@"
		/usr/bin/rclone cat "$2" >"$3.whole"
		for part in 0 1 2 3 4 5; do
			dd if="$3.whole" bs=32768 skip=$part count=1 status=none >>"$3.x.partial"
			sleep 0.9
		done
		rm "$3.whole"
		mv "$3.x.partial" "$3"
	SH
	run_backup restore-db "${replace[@]}" --from cloud --jobs 2
	replaced
	rm "$fakes/rclone"
	orders rclone copyto 'sleep 4' 'run'
	DB_BACKUP_STALL_TIMEOUT=0 run_backup restore-db "${replace[@]}" --from cloud --jobs 2
	replaced
}

@test "the connection is cut at random places in the download, with both rclones" {
	cloud
	s3_through_proxy
	local which n words resumed=0
	for which in old new; do
		use_rclone "$which"
		for n in $(many 2 10); do
			words=()
			((n % 3)) || words=(--jobs 2)
			proxy s3 pass
			# a listing and a HEAD are about 3 kB
			proxy s3 after down $((4000 + $(anywhere) * 9 / 10)) "$( ((n % 2)) && echo close || echo reset)"
			run_backup restore-db "${replace[@]}" --from cloud "${words[@]}"
			echo "$which: $how"
			if [[ $how == "exited 0" ]]; then
				resumed=$((resumed + 1))
				replaced
				sql postgres "drop database $DB_NAME"
				tiny_db "$DB_NAME" 10
				remember
			else
				assert_status 1
				unchanged
			fi
		done
		proxy s3 after down $((4000 + SIZE / 2)) refuse # and it does not come back
		run_backup restore-db "${replace[@]}" --from cloud
		assert_status 1
		unchanged
		proxy s3 pass
	done
	echo "# $resumed downloads went on by themselves" >&3
}

@test "a download that timed out while the server took its time: how to restore without one" {
	cloud
	rm "$DB_BACKUP_DIR/$name"
	orders rclone cat 'run 70000' 'warn Failed to cat: read tcp 10.0.0.1:5->10.0.0.2:80: i/o timeout' 'exit 5'
	run_backup restore-db "${replace[@]}"
	refused "i/o timeout" "--jobs 2 downloads it first"
}

@test "the same backup elsewhere is named where the first copy is broken" {
	cloud
	orders rclone cat 'run 5000' 'exit 9'
	run_backup restore-db "${replace[@]}" --from cloud
	refused "rclone exited with 9"
	says_not "is also at"
	truncate -s 5000 "$DB_BACKUP_DIR/$name"
	orders pg_restore --exit-on-error 'exit 7'
	run_backup restore-db "$name" --to "$DB_NAME" --clean --yes
	refused "pg_restore exited with 7" "the same backup is also at cloud: --from cloud"
}

@test "in place, into a database without tables: one transaction, and the last byte only when all was right" {
	cloud
	fresh_db inplace
	sql "$DB_NAME" "create function mine() returns int language sql as 'select 1'"
	remember
	local into=(--db "$SMALL" --latest --to "$DB_NAME" --from cloud)
	orders rclone cat 'run' 'sleep 1.5' 'exit 5' # time enough to commit, had it the last byte
	run_backup restore-db "${into[@]}"
	refused "rclone exited with 5"
	rm "$fakes/rclone.orders"
	orders rclone lsjson "say [{\"Path\":\"$name\",\"Size\":$((SIZE + 1))}]"
	run_backup restore-db "${into[@]}"
	refused "$SIZE bytes came, but it has $((SIZE + 1))"
	rm "$fakes/rclone.orders"
	sql postgres "create role gone_$BASHPID"
	sql "$SMALL" "alter table billing.invoices owner to gone_$BASHPID"
	pg_dump -Fc -d "$SMALL" | s3_put "$name"
	sql "$SMALL" "alter table billing.invoices owner to $PGUSER"
	sql postgres "drop role gone_$BASHPID"
	run_backup restore-db "${into[@]}"
	refused "role \"gone_$BASHPID\" does not exist"
	s3_put "$name" <"$ARCHIVE"
	run_backup restore-db "${into[@]}"
	assert_status 0
	[[ $(sql "$DB_NAME" "select mine(), count(*) from items") == "1|3000" ]]
}

# -- the server

@test "the server is lost midway: new, existing, with --jobs" {
	pg_through_proxy
	local words
	for words in "--to new_$BASHPID" "--to $DB_NAME --clean --yes" "--to $DB_NAME --clean --yes --jobs 2"; do
		echo "$words"
		read -ra words <<<"$words"
		proxy pg after up $((SIZE / 2)) reset
		run_backup restore-db --db "$SMALL" --latest "${words[@]}"
		proxy pg pass
		assert_status 1
		unset PGPORT
		PGPORT=$(cat "$RIG_DIR/pg/env" | sed -n 's/^PGPORT=//p')
		export PGPORT
		wait_until unchanged
		PGPORT=$proxy_port
	done
}

@test "the server's disk is full midway" {
	local space=$RIG_DIR/full_$BASHPID
	mkdir "$space"
	mount -t tmpfs -o size=22m,mode=700,uid="$(id -u postgres)" tmpfs "$space" || skip "CANNOT MOUNT a small tmpfs"
	rig_mounts+=("$space")
	sql postgres "create tablespace full_$BASHPID location '$space'" "alter database $DB_NAME set tablespace full_$BASHPID"
	# it is 8 MB empty
	tiny_db big_$BASHPID 60000
	backup_of big_$BASHPID 20260102T030405Z
	remember
	for jobs in "" --jobs=2; do
		run_backup restore-db --db big_$BASHPID --latest --to "$DB_NAME" --clean --yes $jobs
		refused "No space left on device" "disk of the database server is full"
	done
	sql postgres "drop database $DB_NAME" "drop tablespace full_$BASHPID"
}

@test "a role is missing; an extension is missing" {
	sql postgres "create role gone_$BASHPID"
	sql "$SMALL" "alter table items owner to gone_$BASHPID"
	pg_dump -Fc -d "$SMALL" -f "$DB_BACKUP_DIR/$name"
	sql "$SMALL" "alter table items owner to $PGUSER"
	sql postgres "drop role gone_$BASHPID"
	for jobs in "" --jobs=2; do
		run_backup restore-db "${replace[@]}" $jobs
		refused "role \"gone_$BASHPID\" does not exist" "--globals"
	done
	run_backup restore-db "${replace[@]}" --no-owner
	assert_status 0
	fresh_db with_extension
	sql "$DB_NAME" "create extension citext"
	pg_dump -Fc -d "$DB_NAME" | sed 's/citext/citexx/g' >"$DB_BACKUP_DIR/$SMALL-20260102T030406Z.pg-dump"
	DB_NAME=${replace[4]}
	remember
	run_backup restore-db "${replace[@]}"
	refused 'extension "citexx" is not available' "install the extension's package"
}

# kept: the target is as it was, and the statements of the hint make it all of $SMALL
kept() {
	assert_status 1
	says "$1"
	says "nothing was changed in it, and what was restored is kept as the database \"backup_restore_"
	sed -n 's/.* hint: .*: ALTER/ALTER/p' "$run/stderr" >"$T/statements"
	diff "$T/remembered" <(state "$DB_NAME" | grep -v "^backup_restore_")
	sql postgres "select pg_terminate_backend(pid) from pg_stat_activity where datname = '$DB_NAME' or datname like 'backup_restore_%'"
	psql -qXd postgres -v ON_ERROR_STOP=1 -f "$T/statements"
	same "$SMALL" "$DB_NAME"
	sql postgres "drop database $(own_databases | grep '^backup_restore_.*_old$')"
	tidy
	sql postgres "drop database $DB_NAME"
	tiny_db "$DB_NAME" 10
	remember
}

@test "sessions: at once; meanwhile, and they stay; meanwhile, and they leave" {
	exec 5< <(sql "$DB_NAME" "select pg_sleep(60)")
	connected() { [[ $(sql postgres "select count(*) from pg_stat_activity where datname = '$DB_NAME'") == "$1" ]]; }
	leave() { sql postgres "select pg_terminate_backend(pid) from pg_stat_activity where datname = '$DB_NAME'"; }
	wait_until connected 1
	for jobs in "" --jobs=2; do
		run_backup restore-db "${replace[@]}" $jobs
		refused "1 other session is connected to \"$DB_NAME\"" "pg_terminate_backend"
	done
	leave
	orders pg_restore --exit-on-error 'touch begun' 'wait go' 'real'
	for stay in yes no; do
		# the server's words may be of any language
		fake psql <<-SH
			#!/bin/bash
			$(PATH=${PATH#*:} command -v psql) "\$@" 2>"$T/said.\$\$"
			rc=\$?
			sed 's/is being accessed by other users/wird von anderen Benutzern verwendet/; s/ERROR:/FEHLER:/' "$T/said.\$\$" >&2
			exit \$rc
		SH
		rm -f "$fakes/begun" "$fakes/go"
		wait_until connected 0
		export DB_BACKUP_WAIT=1
		[[ $stay == yes ]] || DB_BACKUP_WAIT=60
		start_backup restore-db "${replace[@]}"
		wait_until test -e "$fakes/begun"
		exec 5< <(sql "$DB_NAME" "select pg_sleep(60)")
		wait_until connected 1
		touch "$fakes/go"
		if [[ $stay == no ]]; then
			wait_until -t 60 grep -q "waiting for them to leave" "$run/stderr"
			leave
		fi
		wait_backup
		if [[ $stay == yes ]]; then
			kept "wird von anderen Benutzern verwendet"
		else
			replaced
		fi
	done
}

@test "somebody in the new database when the names are swapped: neither name is" {
	orders pg_restore --exit-on-error 'run' 'touch done' 'wait go'
	DB_BACKUP_WAIT=1 start_backup restore-db "${replace[@]}"
	wait_until test -e "$fakes/done"
	new=$(own_databases | grep ^backup_restore_)
	exec 5< <(sql "$new" "select pg_sleep(60)")
	wait_until eval '[[ $(sql postgres "select count(*) from pg_stat_activity where datname = \$\$$new\$\$") == 1 ]]'
	touch "$fakes/go"
	wait_backup
	kept "is being accessed by other users"
}

@test "tools that are missing: 127" {
	local path=$T/bin
	cp -rs /usr/bin "$T"
	rm "$path/pg_restore"
	PATH=$path run_backup restore-db "${replace[@]}"
	assert_status 127
	says "pg_restore exited with 127"
	unchanged
	rm "$path/psql"
	PATH=$path run_backup restore-db "${replace[@]}"
	assert_status 127
	unchanged
}

# -- asked to end

@test "SIGINT and SIGTERM at chosen moments: 128+n, nothing changed, nothing left" {
	cloud
	local moment signal n=0
	for moment in "psql ~new=" "pg_restore --exit-on-error" "pg_restore --jobs=2" "rclone cat" "rclone copyto" "rclone lsjson"; do
		for signal in INT TERM; do
			# one of the two, to save time
			n=$((n + 1))
			[[ ${MANY-} ]] || ((n % 4 == 1 || n % 4 == 0)) || continue
			echo "$signal: $moment"
			read -r tool on <<<"$moment"
			with_fakes
			rm -f "$fakes"/*.orders "$fakes/begun"
			orders "$tool" "$on" 'touch begun' 'sleep 0.3' 'run'
			words=()
			[[ $moment != *jobs* && $moment != *copyto* ]] || words=(--jobs 2)
			start_backup restore-db "${replace[@]}" --from cloud "${words[@]}"
			wait_until test -e "$fakes/begun"
			kill -$signal "$backup_pid"
			wait_backup
			assert_status $((128 + $(kill -l $signal)))
			unchanged
		done
	done
}

@test "SIGTERM while the server makes the database; SIGINT and a broken connection while it makes an index" {
	local words busy="select count(*) from pg_stat_activity where usename = current_user and query like"
	server_busy() { (($(sql postgres "$busy '$1' and pid <> pg_backend_pid()") > 0)); }
	for words in "--to new_$BASHPID" "--to $DB_NAME --clean --yes"; do
		read -ra words <<<"$words"
		# nobody can make or drop one meanwhile
		exec 5> >(sql postgres >/dev/null)
		{ echo "begin; lock pg_database in share mode;" >&5; }
		wait_until eval '(($(sql postgres "select count(*) from pg_locks where relation = '\''pg_database'\''::regclass and mode = '\''ShareLock'\'' and granted") > 0))'
		start_backup restore-db --db "$SMALL" --latest "${words[@]}"
		wait_until server_busy 'CREATE DATABASE%'
		kill -TERM "$backup_pid"
		sleep 0.3
		exec 5>&-
		wait_backup
		assert_status 143
		wait_until eval '! server_busy "CREATE DATABASE%"'
		unchanged
	done
	fresh_db slow
	sql "$DB_NAME" "create table t as select 1 as i" \
		"create function slowly(int) returns int immutable language plpgsql as 'begin return \$1; end'" "create index on t (slowly(i))" \
		"create or replace function slowly(int) returns int immutable language plpgsql as 'begin perform pg_sleep(30); return \$1; end'"
	pg_dump -Fc -d "$DB_NAME" -f "$DB_BACKUP_DIR/slow-20260102T030405Z.pg-dump"
	remember
	start_backup restore-db --db slow --latest --to "new_$BASHPID"
	wait_until server_busy 'CREATE INDEX%'
	kill -INT "$backup_pid"
	wait_backup
	assert_status 130
	unchanged
	# and the connection breaks, which the server's own process does not notice
	start_proxy pg pg
	PGPORT=$proxy_port start_backup restore-db --db slow --latest --to "new_$BASHPID"
	wait_until server_busy 'CREATE INDEX%'
	proxy pg reset
	wait_backup
	assert_status 1
	says "server closed the connection"
	unchanged
}

@test "SIGINT and SIGTERM at random moments: done, or nothing changed" {
	cloud
	local n done=0
	for n in $(many 4 40); do
		words=(--from local)
		if ((n % 2)); then words=(--from cloud); fi
		if ((n % 4 > 1)); then words+=(--jobs 2); fi
		start_backup restore-db "${replace[@]}" "${words[@]}"
		sleep "$((RANDOM % 2)).$((RANDOM % 1000))"
		kill -$( ((n % 3)) && echo INT || echo TERM) "$backup_pid" 2>/dev/null || true
		wait_backup
		if [[ $how == "exited 0" ]]; then
			done=$((done + 1))
			replaced
			sql postgres "drop database $DB_NAME"
			tiny_db "$DB_NAME" 10
			remember
		else
			# valgrind takes a second to start, and ends of the signal then
			[[ $how == "exited 130" || $how == "exited 143" || (${RUN_UNDER-} && $how == killed\ *) ]] || assert_status 130
			unchanged
		fi
	done
	echo "# $done were done" >&3
}

@test "kill -9: the target is as it was; one that was missing is missing" {
	local words
	orders pg_restore --exit-on-error 'touch begun' 'sleep 60'
	for words in "${replace[*]}" "--db $SMALL --latest --to new_$BASHPID"; do
		read -ra words <<<"$words"
		rm -f "$fakes/begun"
		start_backup restore-db "${words[@]}"
		wait_until test -e "$fakes/begun"
		kill -KILL "$backup_pid"
		wait_backup
		beside=$(own_databases | grep '^backup_restore_')
		sql postgres "drop database $beside"
		no_children_left 3
		diff "$T/remembered" <(state "$DB_NAME")
	done
}

@test "more objects than one transaction can lock: into a new database, and in place of one" {
	fresh_db many
	sql "$DB_NAME" "do \$\$ begin for i in 1..3000 loop execute 'create table t' || i || ' (id int primary key, t text)';
		if i % 500 = 0 then commit; end if; end loop; end \$\$"
	backup_of "$DB_NAME" 20260102T030405Z
	local many=$DB_NAME target=lots_$BASHPID words
	rig_dbs+=("$target")
	for words in "" "--clean --yes"; do
		read -ra words <<<"$words"
		run_backup restore-db --db "$many" --latest --to "$target" "${words[@]}"
		assert_status 0
		[[ $(sql "$target" "select count(*) from pg_tables where schemaname = 'public'") == 3000 ]]
		tidy
	done
	fresh_db inplace
	sql "$DB_NAME" "create function mine() returns int language sql as 'select 1'"
	remember
	run_backup restore-db --db "$many" --latest --to "$DB_NAME"
	refused "out of shared memory" "max_locks_per_transaction"
}

@test "a backup that runs keeps a restore into its database away, and the other way round" {
	orders pg_dump --format=custom 'touch dumping' 'wait go' 'real'
	rig_dbs+=("$DB_NAME")
	run_restore() { run_backup restore-db --db "$SMALL" --latest --to "$DB_NAME" --clean --yes; }
	start_backup backup-db
	wait_until test -e "$fakes/dumping"
	local first=$run pid=$rig_reaper
	run_restore
	assert_status 3
	says "a backup of it is running"
	says "hint: "
	touch "$fakes/go"
	wait "$pid"
	[[ $(cat "$first/how") == "exited 0" ]]
	orders pg_restore --exit-on-error 'touch begun' 'wait on' 'real'
	start_backup restore-db "${replace[@]}"
	wait_until test -e "$fakes/begun"
	first=$run pid=$rig_reaper
	run_backup backup-db
	assert_status 3
	touch "$fakes/on"
	wait "$pid"
	run=$first how=$(cat "$first/how")
	replaced
}
