# What the tests of restoring share; loaded behind lib.
# shellcheck shell=bash disable=SC2034,SC2154

# A superuser of this file's own, so that its databases can be told from those of
# tests that run at the same time. Once a file.
own_user() {
	export PGUSER=restorer_$BASHPID
	export RESTORER=$PGUSER RESTORER_PASSWORD=$PGPASSWORD # where a test is somebody else
	PGUSER=postgres sql postgres "create role $PGUSER superuser login password '$PGPASSWORD'"
}
drop_own_user() {
	local name
	own_databases | while read -r name; do dropdb --force --maintenance-db=postgres -- "$name"; done
	PGUSER=postgres sql postgres "select spcname from pg_tablespace where pg_get_userbyid(spcowner) = '$RESTORER'" |
		while read -r name; do sql postgres "drop tablespace \"$name\""; done
	PGUSER=postgres sql postgres "drop role $RESTORER"
}
own_databases() {
	PGUSER=$RESTORER PGPASSWORD=$RESTORER_PASSWORD sql postgres \
		"select datname from pg_database where pg_get_userbyid(datdba) = '$RESTORER' order by 1"
}

# tiny_db NAME [ROWS]: two tables, an index, a function and a large object
tiny_db() {
	sql postgres "create database \"${1//\"/\"\"}\" template template0"
	rig_dbs+=("$1")
	sql "$1" "create table items (id int primary key, noise text)" \
		"insert into items select i, md5(i::text) || md5((i * 7)::text) from generate_series(1, ${2-300}) i" \
		"create schema billing" "create table billing.invoices (id serial primary key, item int references items, amount numeric)" \
		"insert into billing.invoices (item, amount) select i, i * 1.5 from generate_series(1, least(100, ${2-300})) i" \
		"create index on items (noise)" "create function twice(int) returns int language sql as 'select 2 * \$1'" \
		"select lo_from_bytea(4711, 'a large object')" >/dev/null
}

# backup_of DB STAMP [DIR]: the backup of DB, as of STAMP, in $DB_BACKUP_DIR
backup_of() { pg_dump -Fc -Z"${3-1}" -d "dbname='$1'" -f "$DB_BACKUP_DIR/$1-$2.pg-dump"; }

# same DB DB
same() { "$top/test/fixture/compare-db" "dbname='$1'" "dbname='$2'"; }

# state DB: all databases of ours, and the properties, objects and rows of DB
state() {
	local -x PGUSER=$RESTORER PGPASSWORD=$RESTORER_PASSWORD
	own_databases >"$T/databases"
	cat "$T/databases"
	if grep -qFx -e "$1" "$T/databases"; then
		sql "$1" "select d.oid, datdba, datacl, datconnlimit, shobj_description(d.oid, 'pg_database'), (select count(*) from pg_proc
			where proname = 'twice') from pg_database d where datname = current_database()" \
			"select c.oid, relname, relkind, relowner, relacl, case relkind when 'r' then md5(query_to_xml('table ' || c.oid::regclass,
			true, true, '')::text) end from pg_class c join pg_namespace n on n.oid = relnamespace where nspname !~ '^(pg_|information_)'
			order by 1"
	fi
}
# remember [DB]: what unchanged compares with
remember() {
	remembered=${1-$DB_NAME}
	state "$remembered" >"$T/remembered"
}
unchanged() {
	diff "$T/remembered" <(state "$remembered") || fail "something has changed" || return
	tidy
}

# fake TOOL: a script from stdin in its place
fake() {
	with_fakes
	rm -f "$fakes/$1"
	cat >"$fakes/$1"
	chmod +x "$fakes/$1"
}

# tidy: no database beside, no file of ours is left
tidy() {
	! own_databases | grep '^backup_' >&2 || fail "a database was left" || return
	! find "$T/tmp" -mindepth 1 | grep . >&2 || fail "files were left" || return
	no_children_left
}

# refused CAUSE [HINT]: exit 1 with that error, and nothing changed
refused() {
	assert_status 1 || return
	grep -E '^[^ ]+ error: ' "$run/stderr" | grep -qF -e "$1" || fail "the error is not '$1': $(cat "$run/stderr")" || return
	if (($# > 1)); then grep -E '^[^ ]+ hint: ' "$run/stderr" | grep -qF -e "$2" || fail "no hint '$2': $(cat "$run/stderr")" || return; fi
	says "nothing was changed" || return
	unchanged
}
