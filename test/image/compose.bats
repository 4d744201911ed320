#!/usr/bin/env bats
# compose.yaml as it is, in a copy of what one would copy.

# shellcheck disable=SC2154  # set by helpers

load helpers

setup_file() {
	export COMPOSE_PROJECT_NAME=backuptest$$
}

setup() {
	T=$BATS_TEST_TMPDIR
	mkdir "$T/docs"
	cp "$BATS_TEST_DIRNAME/../../compose.yaml" "$T/"
	cp -r "$BATS_TEST_DIRNAME/../../docs/compose" "$T/docs/"
	cd "$T" || return
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED-}" ] || compose --profile s3 logs --no-color --tail 20
	compose --profile s3 --progress quiet down -v -t 2
}

has_backups() { [ "$(backups db-backups 2>/dev/null | wc -l)" -ge "$1" ]; }

@test "docker compose up: a backup of the sample data, healthy, and restored" {
	compose --progress quiet up -d --no-build
	eventually 60 has_backups 1
	eventually 10 compose exec -T backup backup-health
	compose exec -T backup list-backups | grep app-
	compose exec -T backup restore-db --latest --to app_restored --yes
	count='SELECT count(*), sum(amount) FROM purchase'
	[ "$(compose exec -T db psql -U app -Atc "$count" app_restored)" = "$(compose exec -T db psql -U app -Atc "$count" app)" ]
	no_partial db-backups
}

@test "the database starts late, and backups go on" {
	cat >compose.override.yaml <<-'END'
		services:
		  backup:
		    environment:
		      DB_BACKUP_SCHEDULE: ""
		      DB_BACKUP_INTERVAL: 3s
		      DB_BACKUP_WAIT: 20s
		      DB_BACKUP_MAX_N: 50
	END
	compose --progress quiet up -d --no-build backup
	sleep 5
	run ! has_backups 1
	[ "$(compose ps --status running -q backup | wc -l)" -eq 1 ]
	compose --progress quiet up -d --no-build db
	eventually 60 has_backups 3
	no_partial db-backups || eventually 5 no_partial db-backups
}

@test "the second profile: a backup in the bucket of the S3 server" {
	compose --profile s3 --progress quiet up -d --no-build
	listed() { compose --profile s3 exec -T backup-to-s3 list-backups 2>/dev/null | grep -q app-; }
	eventually 90 listed
	compose --profile s3 exec -T backup-to-s3 restore-db --latest --to app_from_s3 --yes
	[ "$(compose exec -T db psql -U app -Atc 'SELECT count(*) FROM purchase' app_from_s3)" = 100000 ]
}
