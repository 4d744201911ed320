#!/bin/bash
# As much of the official image's entry point as is used here: the first start makes a cluster, a
# user, a database, and runs /docker-entrypoint-initdb.d; then process 1 becomes the server.
set -euo pipefail

if [[ ${1-} == -* ]]; then
	set -- postgres "$@"
fi
if [ "$1" != postgres ]; then
	exec "$@"
fi
if [ "$(id -u)" = 0 ]; then
	install -d -o postgres -g postgres -m 700 "$PGDATA"
	exec setpriv --reuid postgres --regid postgres --clear-groups "$0" "$@"
fi
user=${POSTGRES_USER:-postgres}
db=${POSTGRES_DB:-$user}

initialise()
{
	local password=${POSTGRES_PASSWORD-} f
	if [ -n "${POSTGRES_PASSWORD_FILE-}" ]; then
		password=$(<"$POSTGRES_PASSWORD_FILE")
	fi
	initdb -U "$user" --auth-local=trust --auth-host=scram-sha-256 --no-sync \
		--pwfile=<(printf '%s\n' "${password:?set POSTGRES_PASSWORD}") "$PGDATA"
	echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
	# no address yet: nobody is to see the server before it is complete
	pg_ctl -w -o "-c listen_addresses=''" start
	[ "$db" = postgres ] || createdb -U "$user" "$db"
	for f in /docker-entrypoint-initdb.d/*; do
		case $f in
		*.sh) bash "$f" ;;
		*.sql) psql -v ON_ERROR_STOP=1 -X -q -U "$user" -d "$db" -f "$f" ;;
		esac
	done
	pg_ctl -w -m fast stop
}

[ -s "$PGDATA/PG_VERSION" ] || initialise
exec "$@" -c "listen_addresses=*"
