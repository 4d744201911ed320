#!/usr/bin/env bats
# TLS: an S3 endpoint and a PostgreSQL server with certificates of a private
# authority; who knows it gets through, an unknown one and an expired one are errors.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load faults

# certificate NAME AUTHORITY FROM TO: signed for localhost
certificate() {
	openssl req -new -newkey rsa:2048 -nodes -keyout "$1.key" -subj "/CN=localhost" -out "$1.csr" 2>/dev/null
	printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' >"$1.ext"
	mkdir -p "$1.ca"
	: >"$1.ca/index"
	openssl ca -batch -notext -md sha256 -in "$1.csr" -cert "$2.crt" -keyfile "$2.key" -outdir "$1.ca" \
		-startdate "$3" -enddate "$4" -extfile "$1.ext" -out "$1.crt" -config <(printf '%s\n' '[ca]' 'default_ca=c' '[c]' \
		"database=$1.ca/index" 'policy=p' 'rand_serial=yes' '[p]' 'commonName=supplied') 2>"$1.log" || { cat "$1.log" >&2; return 1; }
}
authority() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.crt" -subj "/CN=$1" -days 3650 \
		-addext basicConstraints=critical,CA:TRUE 2>/dev/null
}

setup_file() {
	source_db 0
	cd "$BATS_FILE_TMPDIR"
	authority mine
	authority other
	certificate good mine 20200101000000Z 20900101000000Z
	certificate expired mine 20200101000000Z 20210101000000Z
	local name
	for name in good expired; do
		cat >"$name.py" <<-PY
			import socket, ssl, threading
			context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
			context.load_cert_chain("$PWD/$name.crt", "$PWD/$name.key")
			listener = socket.create_server(("127.0.0.1", 0))
			open("$PWD/$name.port.new", "w").write(str(listener.getsockname()[1]))
			import os; os.rename("$PWD/$name.port.new", "$PWD/$name.port")
			def copy(a, b):
			    try:
			        while data := a.recv(65536):
			            b.sendall(data)
			    except OSError:
			        pass
			    for s in (a, b):
			        try: s.shutdown(socket.SHUT_RDWR)
			        except OSError: pass
			def serve(client):
			    try:
			        client = context.wrap_socket(client, server_side=True)
			    except (OSError, ssl.SSLError):
			        return client.close()
			    server = socket.create_connection(("127.0.0.1", $RIG_S3_PORT))
			    threading.Thread(target=copy, args=(server, client), daemon=True).start()
			    copy(client, server)
			while True:
			    client, _ = listener.accept()
			    threading.Thread(target=serve, args=(client,), daemon=True).start()
		PY
		setpriv --pdeathsig TERM python3 "$name.py" >"$name.out" 2>&1 3>&- 4>&- &
		echo $! >>pids
		wait_until test -e "$name.port"
	done
	local dir=$RIG_DIR/tls-$BASHPID
	mkdir "$dir"
	cp good.crt "$dir/server.crt"
	cp good.key "$dir/server.key"
	((EUID)) || chown postgres "$dir/server.key"
	chmod 600 "$dir/server.key"
	RIG_PG_OPTIONS="ssl = on
ssl_cert_file = '$dir/server.crt'
ssl_key_file = '$dir/server.key'" setpriv --pdeathsig TERM "$top/test/fixture/pg-server" "$dir/pg" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	echo $! >>pids
	echo "$dir" >dir
	wait_until -t 60 test -e "$dir/pg/env"
}
teardown_file() {
	drop_source_db
	xargs kill -TERM <"$BATS_FILE_TMPDIR/pids"
	rm -rf "$(cat "$BATS_FILE_TMPDIR/dir")"
}
setup() {
	rig_setup
	files=$BATS_FILE_TMPDIR
}
s3_by_tls() { # good|expired
	fresh_bucket
	s3_env
	export S3_ENDPOINT=localhost:$(cat "$files/$1.port")
}
pg_by_tls() {
	set -a
	. "$(cat "$files/dir")/pg/env"
	set +a
	export PGHOST=localhost DB_NAME=postgres
	local_dir
}

private_authority() {
	s3_by_tls good
	RCLONE_CA_CERT=$files/mine.crt run_backup backup-db
	assert_status 0
	AWS_CA_BUNDLE=$files/mine.crt run_backup backup-db
	assert_status 0
	RIG_S3_ENDPOINT=http://127.0.0.1:$RIG_S3_PORT published_s3 2
}
@test "an https endpoint whose authority is given by RCLONE_CA_CERT or AWS_CA_BUNDLE" { both_rclones private_authority; }

bad_certificate() {
	s3_by_tls good
	unset AWS_CA_BUNDLE RCLONE_CA_CERT
	run_backup backup-db
	went_wrong 1 "x509: certificate signed by unknown authority"
	says "hint: the server's certificate is not trusted: set RCLONE_CA_CERT"
	RCLONE_CA_CERT=$files/other.crt run_backup backup-db
	went_wrong 1 "x509: certificate signed by unknown authority"
	RCLONE_CA_CERT=$files/none.crt run_backup backup-db
	assert_status 1
	says "hint: "
	published_s3 0
	s3_by_tls expired
	RCLONE_CA_CERT=$files/mine.crt run_backup backup-db
	went_wrong 1 "certificate has expired"
	says "hint: the server's certificate has expired"
	published_s3 0
}
@test "an unknown authority, another one, an expired certificate" { both_rclones bad_certificate; }

@test "PGSSLMODE=verify-full with the right authority" {
	pg_by_tls
	export PGSSLMODE=verify-full PGSSLROOTCERT=$files/mine.crt
	DB_BACKUP_GLOBALS=yes run_backup backup-db
	assert_status 0
	published_local 2
	run_backup backup-db --dry-run
	assert_status 0
}

@test "PGSSLMODE=verify-full with a wrong authority, none, or another host's name" {
	pg_by_tls
	export PGSSLMODE=verify-full DB_BACKUP_WAIT=1
	PGSSLROOTCERT=$files/other.crt run_backup backup-db
	went_wrong 1 "certificate verify failed"
	says "PGSSLROOTCERT"
	PGSSLROOTCERT=$files/none.crt run_backup backup-db
	went_wrong 1 "does not exist"
	PGSSLROOTCERT=$files/mine.crt PGHOST=127.0.0.2 run_backup backup-db
	assert_status 1
	published_local 0
}
