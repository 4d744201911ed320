# Helpers for service.bats and health.bats, after `load lib`.
# shellcheck shell=bash disable=SC2154,SC2034  # lib.bash sets, the tests read

# a failed test shows the end of every log
teardown() {
	[[ ${BATS_TEST_COMPLETED-} ]] || tail -n 25 "$T"/run.*/stderr >&2 || true
	rig_teardown
}

# -- time

# build_clock: once a file, in setup_file
build_clock() {
	export clock_so=$BATS_FILE_TMPDIR/clock.so
	"${CC:-cc}" -O2 -shared -fPIC -o "$clock_so" "$top/test/fixture/clock.c"
}

# fast_clock SPEED: from now on the product's time passes that fast
fast_clock() {
	clock_speed=$1 clock_offset=0 clock_passed=0
	clock_origin=$(awk '{ printf "%d", $1 * 1000 }' /proc/uptime)
	export BACKUP_TEST_CLOCK=$T/clock
	set_clock 0
}

# set_clock SECONDS: set the wall clock forward, or back
set_clock() {
	clock_offset=$((clock_offset + $1))
	echo "$clock_speed $clock_origin $clock_offset $clock_passed" >"$T/clock.new"
	mv "$T/clock.new" "$T/clock"
}

# pass SECONDS: so much time has passed, at once; fast_clock 0 makes all others stand still
pass() {
	clock_passed=$((clock_passed + $1))
	set_clock 0
}

# under the clock, if one is set
clocked() {
	if [[ ${BACKUP_TEST_CLOCK-}${BACKUP_TEST_NO_MEMORY-} ]]; then LD_PRELOAD=$clock_so "$@"; else "$@"; fi
}

# -- the service

serve() { clocked start_backup backup-service "$@"; }

# stop_service [SIGNAL]: and wait for its end
stop_service() {
	kill "-${1-TERM}" "$backup_pid"
	wait_backup
}

# said N TEXT: at least N lines of the service's log have it
said() { (($(grep -cF -e "$2" "$run/stderr") >= $1)); }
asleep() { said "${1-1}" 'next backup at'; }

# health: what backup-health says, in health; its status in health_status
health() {
	health_status=0
	health=$(clocked "$BACKUP_SERVICE" backup-health 2>&1) || health_status=$?
	((health_status < 2)) || fail "backup-health: $health"
}
is_healthy() { health && ((health_status == 0)); }
is_unhealthy() { health && ((health_status == 1)); }

# item DATABASE DESTINATION FIELD: of the status file
item() {
	jq -r --arg db "$1" --arg d "$2" ".backups[] | select(.database == \$db and .destination == \$d) | .$3" \
		"$DB_BACKUP_STATUS_FILE"
}

# backups: how many there are in $DB_BACKUP_DIR
backups() { find "$DB_BACKUP_DIR" -type f ! -name '.*' | wc -l; }
backups_are() { (($(backups) == $1)); }
backups_reach() { (($(backups) >= $1)); }

# gaps FORMAT: seconds between neighbouring backups in $DB_BACKUP_DIR, one a line, by
# the time in their names (name) or by when they were written (file)
gaps() {
	if [[ $1 == name ]]; then
		find "$DB_BACKUP_DIR" -name '*.pg-dump' ! -name '.*' | sed -E 's/.*-(....)(..)(..)T(..)(..)(..)Z.*/\1-\2-\3 \4:\5:\6Z/' |
			date -f - +%s
	else
		find "$DB_BACKUP_DIR" -name '*.pg-dump' ! -name '.*' -printf '%T@\n'
	fi | sort -n | awk 'NR > 1 { printf "%.2f\n", $1 - last } { last = $1 }'
}

# gaps_within FORMAT MIN MAX
gaps_within() {
	gaps "$1" | awk -v min="$2" -v max="$3" '$1 < min || $1 > max { print "gap of " $1 " s"; bad = 1 } END { exit bad }' >&2
}

# -- the world

# start_listener: a web server that writes "METHOD PATH" of each request to $T/requests; sets
# listener_port. a path with "bad" in it is answered 500, one that ends in "hang" never.
start_listener() {
	: >"$T/requests"
	python3 -IS - "$T" 3>&- 4>&- <<-'PY' &
		import http.server, os, sys, time
		folder = sys.argv[1]
		class Handler(http.server.BaseHTTPRequestHandler):
		    def answer(self):
		        with open(folder + "/requests", "a") as f:
		            f.write(f"{self.command} {self.path}\n")
		        if self.path.endswith("hang"):
		            time.sleep(3600)
		        self.send_response(500 if "bad" in self.path else 200)
		        self.send_header("Content-Length", "2")
		        self.end_headers()
		        if self.command != "HEAD":
		            self.wfile.write(b"OK")
		    do_GET = do_HEAD = do_POST = answer
		    def log_message(self, *args): pass
		server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
		with open(folder + "/listener.new", "w") as f:
		    f.write(str(server.server_port))
		os.rename(folder + "/listener.new", folder + "/listener")
		server.serve_forever()
	PY
	rig_pids+=($!)
	wait_until test -e "$T/listener"
	listener_port=$(<"$T/listener")
}

# make_hook [LINE...]: an executable that keeps argument and environment of its call N in
# $T/hooks/N/event and env (newlines as ";"), then does LINE...; exports DB_BACKUP_HOOK
make_hook() {
	export DB_BACKUP_HOOK=$T/hook
	mkdir -p "$T/hooks"
	cat >"$DB_BACKUP_HOOK" <<-SH
		#!/bin/bash
		cd "$T/hooks"
		n=1
		until mkdir \$n 2>/dev/null; do n=\$((n + 1)); done
		env -0 | tr '\n\0' ';\n' | sort >\$n/env
		echo "\$1" >\$n/event
		$(printf '%s\n' "$@")
	SH
	chmod 755 "$DB_BACKUP_HOOK"
}

# hooks: the events so far, in order, on one line
hooks() {
	local n events=()
	for ((n = 1; ; n++)); do
		[[ -s $T/hooks/$n/event ]] || break
		events+=("$(<"$T/hooks/$n/event")")
	done
	echo "${events[*]}"
}
hooks_are() { [[ $(hooks) == "$1" ]] || fail "hooks: $(hooks)"; }
