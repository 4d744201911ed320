#!/usr/bin/env bats
# The files that describe how to run it: Kubernetes, systemd, compose, and the Dockerfile itself. Each
# checker is also shown a mistake, so that one that checks nothing is noticed.

# shellcheck disable=SC2154  # set by helpers

load helpers

kubernetes() { node "$cache/validate/kubernetes.js" "$1"; }

# lint FILE: two linters. dockerfilelint does not know --retries and --start-period of HEALTHCHECK and
# sees an apt-get install only on the very line of its update; those two remarks do not count.
lint() {
	local said
	"$cache/validate/node_modules/.bin/dockerfile-utils" lint "$1" || return
	said=$("$cache/validate/node_modules/.bin/dockerfilelint" -o json "$1") || true
	# shellcheck disable=SC2016  # JavaScript's own ${ }
	node -e '
		const known = ["apt-get update without matching apt-get install", "Invalid Argument Format"];
		const issues = JSON.parse(process.argv[1]).files.flatMap((f) => f.issues)
			.filter((i) => !known.includes(i.title));
		issues.forEach((i) => console.error(`line ${i.line}: ${i.title}: ${i.description}`));
		process.exit(issues.length ? 1 : 0);' "$said"
}

@test "Kubernetes accepts every manifest, and the pods are restricted" {
	kubernetes "$top/docs/kubernetes.yaml"
}

@test "... and the check sees each of several mistakes" {
	sed 's/Forbid/Sometimes/; s/runAsNonRoot: true/runAsNonRoot: false/
		s/drop: \["ALL"\]/drop: []/; s/startingDeadlineSeconds: .*/startingDeadlineSeconds: soon/
		s/secretName/secretname/; s/kind: Service/kind: Servant/' "$top/docs/kubernetes.yaml" >"$T/bad.yaml"
	run kubernetes "$T/bad.yaml"
	[ "$status" -eq 1 ]
	for sign in 'concurrencyPolicy must be equal to one of' 'may run as root' 'has capabilities' \
		'startingDeadlineSeconds must be integer' secretname Servant; do
		[[ $output == *"$sign"* ]] || fail "not seen: $sign"
	done
}

@test "the CronJob forbids two runs at once, and all secrets come from Secrets" {
	grep -qx '  concurrencyPolicy: Forbid' "$top/docs/kubernetes.yaml"
	run ! grep -E 'name: (PGPASSWORD|S3_ACCESS_KEY|S3_SECRET_KEY)$' "$top/docs/kubernetes.yaml"
}

@test "systemd accepts the unit, and finds little exposed" {
	# what it names is not installed here
	sed 's,^ExecStart=.*,ExecStart=/bin/true,; /^Documentation=/d' "$top/docs/backup-service.service" \
		>"$T/backup-service.service"
	run systemd-analyze verify "$T/backup-service.service"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	systemd-analyze security --offline=yes --threshold=20 "$T/backup-service.service" >/dev/null
	sed -i 's/^ProtectSystem=strict/ProtectSystems=strict/' "$T/backup-service.service"
	run systemd-analyze verify "$T/backup-service.service"
	[[ $output == *ProtectSystems* ]]
}

@test "compose accepts its file, with and without the S3 server" {
	compose -f "$top/compose.yaml" config -q
	[ "$(compose -f "$top/compose.yaml" config --services | sort | xargs)" = "backup db" ]
	[ "$(compose -f "$top/compose.yaml" --profile s3 config --services | sort | xargs)" = "backup backup-to-s3 db s3" ]
	sed 's/restart:/restarts:/' "$top/compose.yaml" >"$T/compose.yaml"
	run compose -f "$T/compose.yaml" config -q
	[ "$status" -ne 0 ]
}

@test "no password in compose.yaml itself" {
	run ! grep -E '(PASSWORD|ACCESS_KEY|SECRET_KEY):' "$top/compose.yaml"
}

@test "Dockerfile linters agree, and see mistakes" {
	lint "$top/Dockerfile"
	for mistake in 's/^FROM debian:trixie-slim$/FROM debian/' 's/^CMD .*/MAINTAINER me/' 's/^WORKDIR .*/WORKDIRS x/'; do
		sed "$mistake" "$top/Dockerfile" >"$T/Dockerfile"
		run ! cmp -s "$T/Dockerfile" "$top/Dockerfile"
		run lint "$T/Dockerfile"
		[ "$status" -ne 0 ] || fail "not seen: $mistake"
	done
}

# hadolint is not in the registries; these are its rules that matter here
@test "what hadolint asks for" {
	cd "$top"
	# DL3006, DL3007: every base has a tag, and none is latest
	[ "$(grep -c '^FROM ' Dockerfile)" -eq "$(grep -cE '^FROM [a-z/]+:[^ ]+( AS [a-z]+)?$' Dockerfile)" ]
	run ! grep -E '^FROM .*:latest' Dockerfile
	# DL3009, DL3015, DL3014: lists are removed, no recommends, no questions
	[ "$(grep -c 'apt-get update' Dockerfile)" -eq "$(grep -c 'rm -rf /var/lib/apt/lists' Dockerfile)" ]
	[ "$(grep -c 'apt-get install' Dockerfile)" -eq "$(grep -c 'apt-get install -y --no-install-recommends' Dockerfile)" ]
	# DL3020, DL3025, DL3000, DL4006, DL3002
	run ! grep -E '^ADD ' Dockerfile
	run ! grep -E '^(CMD|ENTRYPOINT) [^[]' Dockerfile
	run ! grep -E '^WORKDIR [^/]' Dockerfile
	run ! grep -E 'sudo|chmod 777|curl .*\| *(ba)?sh' Dockerfile
}

@test "the image's scripts pass shellcheck" {
	cd "$top"
	shellcheck -x test/image/{setup,standins,build,run} test/image/*.bash test/image/*/docker-entrypoint.sh
	shellcheck -x test/image/*.bats
}
