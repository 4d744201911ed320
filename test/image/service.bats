#!/usr/bin/env bats
# The long-running service as process 1 of a container: stopping, dying, restarting, health.

# shellcheck disable=SC2154  # set by helpers

load helpers

folder() { printf '%s\n' -e DB_BACKUP_DIR=/db-backups -v "$T/b:/db-backups"; }

# slow: a destination that takes far longer than a test waits
slow=(-e RCLONE_BWLIMIT=256k)

has_backups() { [ "$(backups "$T/b" | wc -l)" -ge "$1" ]; }
uploads() { runs_program "$1" rclone; }

@test "it is process 1, with no shell in between" {
	fill pg18 "$db"
	mapfile -t dir < <(folder)
	background "$db" "${pg[@]}" "${dir[@]}" "$image"
	eventually 20 has_backups 1
	[ "$(docker exec "$db" cat /proc/1/comm)" = backup-service ]
}

@test "docker stop ends it asleep in under 1 s, with status 0" {
	fill pg18 "$db"
	mapfile -t dir < <(folder)
	background "$db" "${pg[@]}" "${dir[@]}" "$image"
	eventually 20 logs_say "$db" 'next backup at'
	milliseconds docker stop "$db"
	echo "# $took ms" >&3
	[ "$took" -lt 1000 ]
	[ "$(status_of "$db" ExitCode)" = 0 ]
}

@test "docker stop ends it at work in under 8 s, and nothing is published" {
	fill pg18 "$db" 30
	mapfile -t dir < <(folder)
	background "$db" "${pg[@]}" "${cloud[@]}" "${slow[@]}" "${dir[@]}" "$image"
	eventually 20 uploads "$db"
	sleep 1
	milliseconds docker stop "$db"
	echo "# $took ms" >&3
	[ "$took" -lt 8000 ]
	[ "$(status_of "$db" ExitCode)" = 143 ]
	[ -z "$(s3_ls)" ]
	no_partial "$T/b"
}

@test "docker kill publishes nothing, and the next start makes the backup" {
	fill pg18 "$db" 30
	for ((i = 0; i < 3; i++)); do
		background "$db-$i" "${pg[@]}" "${cloud[@]}" "${slow[@]}" "$image"
		eventually 20 uploads "$db-$i"
		sleep "0.$((i * 4))"
		docker kill "$db-$i"
		[ -z "$(s3_ls)" ]
	done
	background "$db" "${pg[@]}" "${cloud[@]}" "$image"
	eventually 60 logs_say "$db" 'next backup at'
	[ "$(s3_ls | wc -l)" -eq 1 ]
}

@test "docker kill leaves no backup in a folder, and the next start sweeps the rest" {
	fill pg18 "$db" 30
	mapfile -t dir < <(folder)
	# a dump that cannot end: another session holds a table
	docker exec -d -e PGPASSWORD=pg-pass-word backup-test-pg18 psql -U postgres -d "$db" -h pg18 \
		-c 'BEGIN; LOCK item; SELECT pg_sleep(6)'
	background "$db" "${pg[@]}" "${dir[@]}" "$image"
	eventually 20 runs_program "$db" pg_dump
	docker kill "$db"
	[ -z "$(backups "$T/b")" ]
	docker start "$db"
	eventually 60 has_backups 1
	eventually 20 logs_say "$db" 'next backup at'
	no_partial "$T/b"
}

@test "after a restart and after a crash there is no extra backup" {
	fill pg18 "$db"
	mapfile -t dir < <(folder)
	background "$db" --restart always "${pg[@]}" "${dir[@]}" -e DB_BACKUP_INTERVAL=1h "$image"
	eventually 20 has_backups 1
	docker restart "$db"
	asleep_again() { [ "$(docker logs "$db" 2>&1 | grep -c 'next backup at')" -ge "$1" ]; }
	eventually 20 asleep_again 2
	# as the kernel does when memory runs out; the engine starts it again
	kill -KILL "$(status_of "$db" Pid)"
	eventually 30 asleep_again 3
	[ "$(docker inspect -f '{{.RestartCount}}' "$db")" -ge 1 ]
	[ "$(backups "$T/b" | wc -l)" -eq 1 ]
}

@test "it backs up again and again, and keeps what it is told to" {
	fill pg18 "$db"
	mapfile -t dir < <(folder)
	background "$db" "${pg[@]}" "${dir[@]}" -e DB_BACKUP_INTERVAL=2s -e DB_BACKUP_MAX_N=2 "$image"
	eventually 20 has_backups 1
	first=$(backups "$T/b" | sort | head -n 1)
	pruned() { [ ! -e "$T/b/$first" ]; }
	eventually 30 pruned
	[ "$(backups "$T/b" | wc -l)" -le 3 ]
}

# Health allows ten minutes beyond the interval; they pass here by setting back the times in the status
# file, which the sleeping service does not write.
@test "health turns unhealthy when the database is gone too long, and back" {
	background "$db-pg" --network-alias "$db-pg" -e POSTGRES_PASSWORD=pg-pass-word postgres:18-trixie
	mapfile -t dir < <(folder)
	background "$db" "${pg[@]}" "${dir[@]}" -e DB_BACKUP_RETRIES=0 -e "PGHOST=$db-pg" -e DB_NAME=postgres \
		-e DB_BACKUP_INTERVAL=1h --health-interval 1s --health-start-period 1ms --health-retries 1 "$image"
	eventually 40 logs_say "$db" 'next backup at'
	eventually 10 health_is "$db" healthy
	docker stop "$db-pg"
	sleep 2
	health_is "$db" healthy
	docker exec "$db" sed -Ei 's/"(started|success)":[0-9]+/"\1":1700000000/g' /run/backup-service/status.json
	eventually 20 health_is "$db" unhealthy
	docker inspect -f '{{range .State.Health.Log}}{{.Output}}{{end}}' "$db" | grep '"postgres" at local.*late since'
	docker start "$db-pg"
	docker kill --signal USR1 "$db"
	eventually 60 health_is "$db" healthy
}
