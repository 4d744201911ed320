#!/usr/bin/env bats
# What is in the image, and how it is spoken to.

# shellcheck disable=SC2154  # set by helpers

load helpers

@test "unpacked it is no larger than 220 MB" {
	size=$(docker image inspect -f '{{.Size}}' "$image")
	echo "# $((size / 1000000)) MB" >&3
	[ "$size" -le 220000000 ]
}

@test "no compiler, no server, no perl beyond perl-base" {
	programs=$(docker run --rm "$image" bash -c 'compgen -c | sort -u')
	grep -qx psql <<<"$programs"
	run ! grep -xE '(.*-)?(gcc|g\+\+|cc|clang|tcc|ld|as|make)(-[0-9]+)?' <<<"$programs"
	run ! grep -xE 'postgres|initdb|pg_ctl' <<<"$programs"
	packages=$(docker run --rm "$image" dpkg-query -W -f '${Package} ')
	[[ " $packages " == *" perl-base "* ]]
	run ! grep -E ' (perl|perl-modules\S*|libperl\S*|python3?|gcc|gcc-[0-9]+|libc6-dev|postgresql\S*) ' <<<" $packages "
}

@test "every program starts, and every command is a link to one static binary" {
	run docker run --rm "$image" bash -c 'for p in pg_dump pg_dumpall pg_restore psql pg_isready createdb; do $p --version; done'
	[ "$(grep -c '(PostgreSQL) 18\.' <<<"$output")" -eq 6 ]
	run docker run --rm "$image" rclone version
	[[ $output =~ v1\.(7[5-9]|[89][0-9]|[0-9]{3}) ]]
	commands=(backup-db list-backups restore-db verify-backup prune-backups backup-health)
	[ "$(docker run --rm "$image" readlink -f "${commands[@]/#//usr/local/bin/}" | sort -u)" = /usr/local/bin/backup-service ]
	docker run --rm "$image" cat /usr/local/bin/backup-service >"$T/binary"
	readelf -l "$T/binary" >"$T/headers"
	grep -q LOAD "$T/headers"
	run ! grep INTERP "$T/headers"
}

@test "words after its name are the command" {
	for command in backup-service backup-db list-backups restore-db verify-backup prune-backups backup-health; do
		run docker run --rm "$image" "$command" --help
		[ "$status" -eq 0 ]
		[[ $output == *"$command"* ]]
	done
	run docker run --rm "$image" restore-db --no-such-option
	[ "$status" -eq 2 ]
}

@test "certificates and time zones are there" {
	docker run --rm "$image" test -s /etc/ssl/certs/ca-certificates.crt
	[ "$(docker run --rm -e TZ=Asia/Tokyo "$image" date +%z)" = +0900 ]
	[ "$(docker run --rm -e TZ=Europe/Berlin "$image" date -d 2026-07-01 +%Z)" = CEST ]
}

@test "default command, health check and labels" {
	run docker image inspect -f '{{json .Config.Cmd}} {{json .Config.Entrypoint}} {{json .Config.Healthcheck.Test}}' "$image"
	[ "$output" = '["backup-service"] null ["CMD","backup-health"]' ]
	run docker image inspect -f '{{index .Config.Labels "org.opencontainers.image.title"}}/{{index .Config.Labels "org.opencontainers.image.licenses"}}' "$image"
	[ "$output" = pg-backup-service/MIT ]
	[ -z "$(docker image inspect -f '{{.Config.User}}' "$image")" ]
}

@test "nothing of the sources, the build or an example secret is left in it" {
	run docker run --rm "$image" find / -xdev \( -name '*.c' -o -name Makefile -o -name '*.bats' -o -name compose.yaml \) -not -path '/proc/*'
	[ -z "$output" ]
	run docker history --no-trunc --format '{{.CreatedBy}}' "$image"
	run ! grep -iE 'password|secret' <<<"$output"
}
