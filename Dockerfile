# The image: one static supervisor, the PostgreSQL client programs of one major version, and rclone.
# Each comes from where it is made best (musl, the official postgres image, the official rclone
# image); the last stage holds only what runs.
#
#   docker build -t pg-backup-service .
#   docker build -t pg-backup-service:17 --build-arg PG_MAJOR=17 .
#
# A client dumps servers of its own major version and of older ones.
ARG PG_MAJOR=18
ARG RCLONE_VERSION=1.75.2

FROM rclone/rclone:${RCLONE_VERSION} AS rclone

# The client programs, and the libraries they load as two lists: those of PostgreSQL itself are
# copied, those of Debian are only named, so that the final image installs them as packages, which
# vulnerability scanners see and which are right on every architecture.
FROM postgres:${PG_MAJOR}-trixie AS client
ARG PG_MAJOR
WORKDIR /client
RUN set -eu; \
	mkdir -p bin lib share; \
	for program in pg_dump pg_dumpall pg_restore psql pg_isready createdb; do \
		cp "/usr/lib/postgresql/$PG_MAJOR/bin/$program" bin/; \
	done; \
	ldd bin/* | awk '$2 == "=>" { print $1, $3 }' | sort -u | while read -r name path; do \
		package=$(dpkg -S "$(realpath "$path")" | cut -d: -f1); \
		case $package in \
		libpq5) cp "$path" "lib/$name" ;; \
		*) echo "$package" ;; \
		esac; \
	done | sort -u >share/client-libraries; \
	test -e lib/libpq.so.5; \
	test -s share/client-libraries

FROM debian:trixie-slim AS build
# hadolint ignore=DL3008
RUN apt-get update && \
	apt-get install -y --no-install-recommends gcc libc6-dev make musl-tools && \
	rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN make static CC=musl-gcc && \
	make install CC=musl-gcc DESTDIR=/out PREFIX=/usr/local

FROM debian:trixie-slim
COPY --from=client /client/ /usr/local/
# Every program is started once: a library that is missing fails the build, not a backup. The
# folder of the status file is open to whatever user the container is run as.
# hadolint ignore=DL3008
RUN apt-get update && \
	xargs apt-get install -y --no-install-recommends ca-certificates tzdata \
		</usr/local/share/client-libraries && \
	rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log && \
	ldconfig && \
	for program in pg_dump pg_dumpall pg_restore psql pg_isready createdb; do \
		"$program" --version || exit 1; \
	done && \
	install -d -m 1777 /run/backup-service
COPY --from=rclone /usr/local/bin/rclone /usr/local/bin/
COPY --from=build /out/usr/local/bin/ /usr/local/bin/

# No entry point: whatever words follow the image's name are the command, and it is process 1.
CMD ["backup-service"]
HEALTHCHECK --interval=1m --timeout=30s --start-period=10m --retries=1 CMD ["backup-health"]

ARG PG_MAJOR
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="pg-backup-service" \
	org.opencontainers.image.description="Backs PostgreSQL databases up to disk and to S3, whole or not at all" \
	org.opencontainers.image.licenses="MIT" \
	org.opencontainers.image.version="$VERSION" \
	org.opencontainers.image.revision="$REVISION" \
	org.opencontainers.image.base.name="docker.io/library/debian:trixie-slim" \
	backup-service.postgres="$PG_MAJOR"
