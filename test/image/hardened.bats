#!/usr/bin/env bats
# As any user, without rights, on a root that cannot be written.

# shellcheck disable=SC2154  # set by helpers

load helpers

@test "to a bucket" {
	fill pg18 "$db"
	once "${hard[@]}" "${pg[@]}" "${cloud[@]}" "$image" backup-db
	[ "$(s3_ls | wc -l)" -eq 1 ]
}

@test "to a bind mount that the user owns" {
	fill pg18 "$db"
	install -d -o 12345 -g 12345 -m 700 "$T/b"
	once "${hard[@]}" "${pg[@]}" -e DB_BACKUP_DIR=/db-backups -v "$T/b:/db-backups" "$image" backup-db
	name=$(backups "$T/b")
	[ -n "$name" ]
	[ "$(stat -c %u:%g "$T/b/$name")" = 12345:12345 ]
}

@test "to a mount that it does not own: an error that says so, and how to fix it" {
	fill pg18 "$db"
	install -d -m 755 "$T/b"
	run once "${hard[@]}" "${pg[@]}" "${quick[@]}" -e DB_BACKUP_DIR=/db-backups -v "$T/b:/db-backups" "$image" backup-db
	[ "$status" -eq 1 ] || [ "$status" -eq 2 ]
	grep -iE 'error.*/db-backups.*(permission denied|not writ|cannot write)' <<<"$output"
	grep -E 'hint: .*(chown.*12345|12345.*own)' <<<"$output"
	[ -z "$(ls -A "$T/b")" ]
}

@test "the service, with its health" {
	fill pg18 "$db"
	background "$db" "${hard[@]}" "${pg[@]}" "${cloud[@]}" --health-interval 1s --health-start-period 1ms "$image"
	eventually 30 health_is "$db" healthy
	[ "$(docker exec "$db" id -u)" = 12345 ]
	milliseconds docker stop "$db"
	[ "$took" -lt 1000 ]
}

@test "restore, and without a read-only root too" {
	fill pg18 "$db"
	once "${hard[@]}" "${pg[@]}" "${cloud[@]}" "$image" backup-db
	once "${hard[@]}" "${pg[@]}" "${cloud[@]}" -e PGHOST=target "$image" restore-db --latest --yes
	[ "$(sql target "$db" 'SELECT count(*) FROM item')" = 1000 ]
	background "$db" --user 12345:12345 "${pg[@]}" "${cloud[@]}" --health-interval 1s "$image"
	eventually 30 health_is "$db" healthy
}
