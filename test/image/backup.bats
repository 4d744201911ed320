#!/usr/bin/env bats
# One run at a time, as users type it: to a folder, to a bucket, and back into another server.

# shellcheck disable=SC2154  # set by helpers

load helpers

@test "the predecessor's command for a folder" {
	fill pg18 "$db"
	run --separate-stderr once --env DB_NAME="$db" --env PGHOST=pg18 --env PGPASSWORD=pg-pass-word \
		--env DB_BACKUP_DIR=/db-backups --volume "$T/db-backups:/db-backups" pg-backup-service backup-db
	[ "$status" -eq 0 ]
	[[ $output =~ ^$db-[0-9]{8}T[0-9]{6}Z\.pg-dump$ ]]
	[ "$(ls -A "$T/db-backups")" = "$output" ]
	once --volume "$T/db-backups:/db-backups" "$image" pg_restore --list "/db-backups/$output" |
		grep 'TABLE DATA public item'
}

@test "the predecessor's command for a bucket" {
	fill pg18 "$db"
	run --separate-stderr once --env DB_NAME="$db" --env PGHOST=pg18 --env PGPASSWORD=pg-pass-word \
		--env S3_ENDPOINT=http://s3:8333 --env S3_ACCESS_KEY=s3-access --env S3_SECRET_KEY=s3-secret-key \
		--env S3_BACKUP_BUCKET="$bucket" pg-backup-service backup-db
	[ "$status" -eq 0 ]
	[[ $output =~ ^$db-[0-9]{8}T[0-9]{6}Z\.pg-dump$ ]]
	[ "$(s3_ls)" = "$output" ]
}

@test "a folder and a bucket at once hold the same bytes" {
	fill pg18 "$db" 3
	once "${pg[@]}" "${cloud[@]}" -e DB_BACKUP_DIR=/db-backups -v "$T/db-backups:/db-backups" "$image" backup-db
	name=$(backups "$T/db-backups")
	[ "$(s3_ls)" = "$name" ]
	s3 cat ":s3:$bucket/$name" | cmp - "$T/db-backups/$name"
}

@test "connection: PGDATABASE, PGPORT, PGUSER, a password file, ~/.pgpass" {
	fill pg17 "$db"
	sql pg17 postgres "CREATE ROLE \"$db\" LOGIN SUPERUSER PASSWORD 'other ''pass'' word'"
	echo "other 'pass' word" >"$T/password"
	base=(-e PGHOST=pg17 -e PGPORT=6543 -e PGUSER="$db" -e PGDATABASE="$db" -e DB_BACKUP_DIR=/db-backups)
	once "${base[@]}" -e PGPASSWORD_FILE=/run/secrets/pg -v "$T/password:/run/secrets/pg:ro" \
		-v "$T/a:/db-backups" "$image" backup-db
	[ "$(backups "$T/a" | wc -l)" -eq 1 ]
	echo "pg17:6543:*:$db:other 'pass' word" >"$T/pgpass"
	chmod 600 "$T/pgpass"
	once "${base[@]}" -v "$T/pgpass:/root/.pgpass:ro" -v "$T/b:/db-backups" "$image" backup-db
	[ "$(backups "$T/b" | wc -l)" -eq 1 ]
}

@test "connection: several databases, in one run" {
	fill pg18 "$db"
	fill pg18 "${db}_two"
	once "${pg[@]}" -e "DB_NAME=$db,${db}_two" -e DB_BACKUP_DIR=/db-backups -v "$T/b:/db-backups" "$image" backup-db
	[ "$(backups "$T/b" | sed 's/-[0-9TZ]*\.pg-dump//' | sort | xargs)" = "$db ${db}_two" ]
}

@test "connection: every database but those excluded" {
	for name in "$db" "${db}_out"; do sql pg17 postgres "CREATE DATABASE $name"; done
	all=$(sql pg17 postgres "SELECT string_agg(datname, ' ' ORDER BY datname COLLATE \"C\") FROM pg_database
		WHERE datallowconn AND NOT datistemplate AND datname <> '${db}_out'")
	once "${pg[@]}" -e PGHOST=pg17 -e PGPORT=6543 -e 'DB_NAME=*' -e "DB_EXCLUDE=${db}_out" \
		-e DB_BACKUP_DIR=/db-backups -v "$T/b:/db-backups" "$image" backup-db
	[ "$(backups "$T/b" | sed 's/-[0-9TZ]*\.pg-dump//' | LC_ALL=C sort | xargs)" = "$all" ]
}

@test "cloud: region, provider, and keys from files" {
	fill pg18 "$db"
	echo s3-access >"$T/access"
	echo s3-secret-key >"$T/secret"
	once "${pg[@]}" -e S3_ENDPOINT=http://s3:8333/ -e S3_REGION=default -e S3_PROVIDER=Ceph -e S3_BACKUP_BUCKET="$bucket/deep/er" \
		-e S3_ACCESS_KEY_FILE=/run/secrets/a -e S3_SECRET_KEY_FILE=/run/secrets/s \
		-v "$T/access:/run/secrets/a:ro" -v "$T/secret:/run/secrets/s:ro" "$image" backup-db
	[ "$(s3 lsf ":s3:$bucket/deep/er/" | wc -l)" -eq 1 ]
}

@test "cloud: keys of the surroundings, as instance roles give them" {
	fill pg18 "$db"
	once "${pg[@]}" -e S3_ENDPOINT=http://s3:8333 -e S3_BACKUP_BUCKET="$bucket" -e RCLONE_S3_ENV_AUTH=true \
		-e AWS_ACCESS_KEY_ID=s3-access -e AWS_SECRET_ACCESS_KEY=s3-secret-key "$image" backup-db
	[ "$(s3_ls | wc -l)" -eq 1 ]
}

@test "cloud: any remote of rclone" {
	fill pg18 "$db"
	once "${pg[@]}" -e "DB_BACKUP_REMOTE=away:$bucket" -e RCLONE_CONFIG_AWAY_TYPE=s3 -e RCLONE_CONFIG_AWAY_PROVIDER=Ceph \
		-e RCLONE_CONFIG_AWAY_ENDPOINT=http://s3:8333 -e RCLONE_CONFIG_AWAY_ACCESS_KEY_ID=s3-access \
		-e RCLONE_CONFIG_AWAY_SECRET_ACCESS_KEY=s3-secret-key "$image" backup-db
	[ "$(s3_ls | wc -l)" -eq 1 ]
}

@test "cloud: an endpoint without a scheme means https, and says so by failing here" {
	fill pg18 "$db"
	run once "${pg[@]}" "${cloud[@]}" "${quick[@]}" -e S3_ENDPOINT=s3:8333 "$image" backup-db
	[ "$status" -eq 1 ]
	[ -z "$(s3_ls)" ]
}

@test "half a destination, or none, is exit 2 and names what is missing" {
	run once "${pg[@]}" -e S3_ENDPOINT=http://s3:8333 -e S3_ACCESS_KEY=x -e S3_BACKUP_BUCKET="$bucket" "$image" backup-db
	[ "$status" -eq 2 ]
	[[ $output == *S3_SECRET_KEY* ]]
	run once "${pg[@]}" "$image" backup-db
	[ "$status" -eq 2 ]
	[[ $output == *DB_BACKUP_DIR* ]]
}

@test "a wrong password, bucket or key stores nothing and exits 1" {
	fill pg18 "$db"
	for wrong in PGPASSWORD=wrong S3_SECRET_KEY=wrong S3_BACKUP_BUCKET=no-such-bucket; do
		run once "${pg[@]}" "${cloud[@]}" "${quick[@]}" -e "$wrong" "$image" backup-db
		[ "$status" -eq 1 ] || fail "$wrong: $status: $output"
		[[ $output == *error* ]]
		[[ $output != *pg-pass-word* && $output != *s3-secret-key* ]]
	done
	[ -z "$(s3_ls)" ]
}

@test "a backup of version 18 from a bucket, restored into another server" {
	make_db pg18 "$db"
	copy_roles pg18
	once "${pg[@]}" "${cloud[@]}" "$image" backup-db
	once "${pg[@]}" "${cloud[@]}" "$image" list-backups | grep -F "$db"
	once "${pg[@]}" "${cloud[@]}" -e PGHOST=target "$image" restore-db --latest --yes
	same pg18 "$db" target "$db"
}

@test "a backup of version 17 from a folder, restored into version 17" {
	make_db pg17 "$db"
	conn=("${pg[@]}" -e PGHOST=pg17 -e PGPORT=6543 -e DB_BACKUP_DIR=/db-backups -v "$T/b:/db-backups")
	once "${conn[@]}" "$image" backup-db
	once "${conn[@]}" "$image" restore-db "$(backups "$T/b")" --to "${db}_again" --yes
	client=${image%:*}:17 same pg17 "$db" pg17 "${db}_again"
}

# From 16 on pg_dump appends to its standard output: to a file that is that, its table of contents twice.
@test "a folder alone: what pg_dump of 17 and of 18 writes ends where it should; what does not is good, too" {
	make_db pg17 "$db"
	conn=("${pg[@]}" -e PGHOST=pg17 -e PGPORT=6543 -e PGUSER=postgres -e DB_BACKUP_DIR=/db-backups)
	for client in "${image%:*}:17" "$image"; do
		folder=$T/${client##*:}
		once "${conn[@]}" -v "$folder:/db-backups" "$client" backup-db
		once "${conn[@]}" "$client" pg_dump -Fc --compress=zstd:3 "$db" >"$T/piped"
		[ "$(stat -c %s "$folder/$(backups "$folder")")" -eq "$(stat -c %s "$T/piped")" ]
		once "${conn[@]}" -v "$folder:/db-backups" "$client" sh -c "pg_dump -Fc '$db' >/db-backups/by-hand"
		once "${conn[@]}" -v "$folder:/db-backups" "$client" sh -c "pg_dump -Fc '$db' | cat >/db-backups/piped"
		[ "$(stat -c %s "$folder/by-hand")" -gt "$(stat -c %s "$folder/piped")" ]
		for i in 1 2 3; do once "${conn[@]}" -v "$folder:/db-backups" "$client" verify-backup /db-backups/by-hand; done
	done
}

# With the client of version 17: server 17.12 marks columns with an option, pg_attver, that its own
# pg_dump leaves out, but 18.6 does not yet; servers of version 18 refuse such a dump.
@test "a backup of version 17 made by the image of version 17, restored into version 18" {
	make_db pg17 "$db"
	copy_roles pg17
	folder=(-e DB_BACKUP_DIR=/db-backups -v "$T/b:/db-backups")
	once "${pg[@]}" -e PGHOST=pg17 -e PGPORT=6543 "${folder[@]}" "${image%:*}:17" backup-db
	once "${pg[@]}" -e PGHOST=target "${folder[@]}" "$image" restore-db --latest --yes
	same pg17 "$db" target "$db"
}

@test "a server newer than the client: both versions and the remedy are named" {
	fill pg18 "$db"
	run once "${pg[@]}" "${cloud[@]}" "${image%:*}:17" backup-db
	[ "$status" -eq 1 ]
	grep -E 'error: .*18.*17|error: .*17.*18' <<<"$output"
	grep 'hint: ' <<<"$output"
	[ -z "$(s3_ls)" ]
}

@test "verify-backup and prune-backups work as words" {
	fill pg18 "$db"
	once "${pg[@]}" "${cloud[@]}" "$image" backup-db
	once "${pg[@]}" "${cloud[@]}" "$image" verify-backup
	once "${pg[@]}" "${cloud[@]}" "$image" prune-backups --dry-run
	[ "$(s3_ls | wc -l)" -eq 1 ]
}
