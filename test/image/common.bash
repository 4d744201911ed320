# What the scripts and the tests of the image share: where things are kept, which
# images there are, and how a command gets a container engine.
# shellcheck shell=bash disable=SC2034  # some variables are for those who read this file

top=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
here=$top/test/image
cache=${TEST_CACHE:-/var/cache/backup-service-test}
image=pg-backup-service:latest

# The images that the Dockerfile builds on, in its own words.
base_images() {
	local rclone postgres
	rclone=$(sed -n 's/^ARG RCLONE_VERSION=//p' "$top/Dockerfile")
	postgres=$(sed -n 's/^ARG PG_MAJOR=//p' "$top/Dockerfile")
	sed -n 's/^FROM \(debian:[^ ]*\).*/\1/p' "$top/Dockerfile" | sort -u
	printf '%s\n' "postgres:$postgres-trixie" "rclone/rclone:$rclone"
}

# What the tests need besides: an older server, a real S3 server, and the images of compose.yaml.
test_images() {
	printf '%s\n' postgres:17-trixie ceph-object-gateway
	sed -n 's/^ *image: *//p' "$top/compose.yaml" | grep -v '^pg-backup-service' | sort -u
}

# The Debian mirror that this machine's apt uses: no host is named here.
mirror() {
	# shellcheck disable=SC2016  # apt's own $( )
	apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Created-By: Packages' |
		grep -v -- -security | sort -u | head -n 1
}

# compose version 2, as a plug-in or as setup fetched it.
compose() {
	if docker compose version >/dev/null 2>&1; then
		docker compose "$@"
	else
		"$cache/bin/docker-compose" "$@"
	fi
}
