#!/usr/bin/env bats
# The configuration: every mistake is named, at once, and nothing is started.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib

setup() {
	rig_setup
	with_fakes
	unset DB_NAME
}

# a configuration that is complete; nothing may be started with the mistakes below
complete() {
	export DB_NAME=app DB_BACKUP_DIR=$T/backups
}

# refused TEXT...: exit 2, all TEXTs in error lines (one each, no more), nothing started, nothing made
refused() {
	local text
	run_backup backup-db
	assert_status 2 || return
	for text; do says "$text" || return; done
	(($(grep -c ' error: ' "$run/stderr") == $#)) || fail "wanted $# error lines: $(cat "$run/stderr")" || return
	[[ ! -s $run/stdout ]] || fail "it printed $(cat "$run/stdout")" || return
	[[ -z $(echo "$fakes"/*.calls) || ! -e $(echo "$fakes"/*.calls) ]] || fail "started: $(cat "$fakes"/*.calls)" || return
	[[ ! -e $T/backups ]] || fail "it made the directory"
}

@test "nothing set: database and destination are asked for, with a hint" {
	refused "DB_NAME is missing" "no destination is set"
	says "hint: set DB_BACKUP_DIR"
}

@test "no destination" {
	export DB_NAME=app
	refused "no destination is set"
}

@test "a half-set S3 destination names what is missing, also beside a complete local one" {
	complete
	local names=(S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BACKUP_BUCKET) set name
	for set in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do
		local missing=()
		for i in 0 1 2 3; do
			if ((set >> i & 1)); then
				export "${names[i]}=value"
			else
				unset "${names[i]}"
				missing+=("${names[i]} is missing")
			fi
		done
		refused "${missing[@]}"
	done
}

@test "S3_REGION or S3_PROVIDER alone is half a destination" {
	complete
	S3_REGION=x refused "S3_ENDPOINT is missing" "S3_ACCESS_KEY is missing" "S3_SECRET_KEY is missing" "S3_BACKUP_BUCKET is missing"
	S3_PROVIDER=x refused "S3_ENDPOINT is missing" "S3_ACCESS_KEY is missing" "S3_SECRET_KEY is missing" "S3_BACKUP_BUCKET is missing"
}

@test "keys may be left out only with RCLONE_S3_ENV_AUTH" {
	export DB_NAME=app S3_ENDPOINT=e S3_BACKUP_BUCKET=bucket
	refused "S3_ACCESS_KEY is missing" "S3_SECRET_KEY is missing"
	RCLONE_S3_ENV_AUTH=false refused "S3_ACCESS_KEY is missing" "S3_SECRET_KEY is missing"
	RCLONE_S3_ENV_AUTH=true S3_ACCESS_KEY=x refused "S3_SECRET_KEY is missing"
	export RCLONE_S3_ENV_AUTH=true
	orders psql '*' 'say 150000	1000	15.0'
	orders pg_dump '*' 'emit 1000'
	orders rclone rcat 'read all'
	orders rclone '*' 'say []'
	run_backup backup-db # it is not there afterwards, but it was tried
	assert_status 1
	says "it is not there"
}

@test "an unknown name that begins with DB_BACKUP_ is a mistake, with the nearest name" {
	complete
	DB_BACKUP_DIRECTORY=x refused "DB_BACKUP_DIRECTORY: there is no such variable; did you mean DB_BACKUP_DIR?"
	DB_BACKUP_MAXN=x refused "DB_BACKUP_MAXN: there is no such variable; did you mean DB_BACKUP_MAX_N?"
	DB_BACKUP_KEEP_DAILLY=x refused "did you mean DB_BACKUP_KEEP_DAILY?"
	DB_BACKUP_REMOTES=x refused "did you mean DB_BACKUP_REMOTE?"
	DB_BACKUP_PASSPHRAS_FILE=x refused "did you mean DB_BACKUP_PASSPHRASE?"
	DB_BACKUP_=x refused "DB_BACKUP_: there is no such variable"
	# empty counts as unset, but the name is wrong all the same
	DB_BACKUP_TYPO= refused "DB_BACKUP_TYPO: there is no such variable"
}

@test "an unknown S3_ name near a known one gets a warning; others are somebody else's" {
	export DB_NAME=app S3_BUCKET=x S3_ACCES_KEY=x S3_FORCE_PATH_STYLE=x DB_HOST=x
	refused "no destination is set"
	says "warning: S3_BUCKET is not read; did you mean S3_BACKUP_BUCKET?"
	says "warning: S3_ACCES_KEY is not read; did you mean S3_ACCESS_KEY?"
	says_not S3_FORCE_PATH_STYLE
	says_not DB_HOST
}

@test "bad values: each is shown with what would be right" {
	complete
	local case name value
	for case in DB_BACKUP_MAX_N:-1 DB_BACKUP_MAX_N:1.5 DB_BACKUP_MAX_N:ten DB_BACKUP_MAX_N:1000001 DB_BACKUP_MAX_N:0x10 \
		DB_BACKUP_MAX_N:99999999999999999999 'DB_BACKUP_MAX_N: 1' DB_BACKUP_KEEP_DAYS:unlimited \
		DB_BACKUP_KEEP_WEEKLY:1w DB_BACKUP_RETRIES:-1 DB_BACKUP_RETRIES:101 DB_BACKUP_RETRIES:no \
		DB_BACKUP_INTERVAL:0 DB_BACKUP_INTERVAL:1y DB_BACKUP_INTERVAL:1d12h DB_BACKUP_INTERVAL:1.5h DB_BACKUP_INTERVAL:-5 \
		DB_BACKUP_INTERVAL:h DB_BACKUP_INTERVAL:999999999999w DB_BACKUP_WAIT:soon DB_BACKUP_STALL_TIMEOUT:never \
		DB_BACKUP_JITTER:5x DB_BACKUP_SCHEMA_ONLY:maybe DB_BACKUP_GLOBALS:2 DB_BACKUP_VERIFY:yes DB_BACKUP_LOG:xml \
		DB_BACKUP_COMPRESS:10 DB_BACKUP_COMPRESS:brotli DB_BACKUP_COMPRESS:zstd: DB_BACKUP_COMPRESS:-1 \
		"DB_BACKUP_PREFIX:$(printf 'p%.0s' {1..101})" "DB_BACKUP_REMOTE:$(printf 'r%d:x,' {1..15})" DB_BACKUP_PREFIX:/abs/ DB_BACKUP_PREFIX:../x/ DB_BACKUP_PREFIX:a//b DB_BACKUP_PREFIX:a/./b DB_BACKUP_PREFIX:.hidden \
		DB_BACKUP_REMOTE:folder DB_BACKUP_REMOTE:/a:b DB_BACKUP_REMOTE:-x:y DB_BACKUP_REMOTE:a:b,a:b DB_BACKUP_REMOTE:a:b/,a:b DB_BACKUP_REMOTE::x \
		DB_BACKUP_DIR:s3:bucket DB_BACKUP_SCHEDULE:daily 'DB_BACKUP_SCHEDULE:@every 20000000000w' 'DB_BACKUP_SCHEDULE:@every 3661d' 'DB_BACKUP_SCHEDULE:61 * * * *' 'DB_BACKUP_SCHEDULE:* * * *' \
		"PGDUMP_OPTIONS:--schema='x" 'DB_NAME:*,app' DB_NAME:,; do
		name=${case%%:*} value=${case#*:}
		echo "# $name=$value"
		env=$(declare -p DB_NAME DB_BACKUP_DIR)
		export "$name=$value"
		refused "$name"
		says "\"$value\""
		unset "$name"
		eval "${env//declare -x/export}"
	done
}

@test "a ping URL that rclone could not fetch unseen is a mistake, with the way out" {
	complete
	local url
	for url in 'https://hc/uuid?create=1' 'https://hc/uuid?x=/y' https://hc/uu%20id https://hc/uuid/ https://hc.example \
		hc.example/uuid 'https://hc/uuid#x' https://; do
		DB_BACKUP_PING_URL=$url refused 'DB_BACKUP_PING_URL: its value is not valid'
		says 'DB_BACKUP_HOOK'
		says_not "$url"
	done
}

@test "mistakes show no secret that stands where none belongs" {
	complete
	local case
	for case in S3_ENDPOINT=https://KEY:hunter2@host DB_BACKUP_REMOTE=:s3,access_key_id=KEY,secret_access_key=hunter2:bucket \
		PGDUMP_OPTIONS=--dbname=postgresql://u:hunter2@h/d 'PGDUMP_OPTIONS=--dbname="user=u password=hunter2"' \
		DB_NAME=postgres://u:hunter2@h/d DB_NAME=app,postgresql://u:hunter2@h/d DB_BACKUP_SCHEDULE=hunter2-hunter2; do
		# shellcheck disable=SC2163  # an assignment
		(
			export "$case"
			[[ $case != S3_ENDPOINT* ]] || fresh_s3_keys
			[[ $case != DB_BACKUP_SCHEDULE* ]] || export PGPASSWORD=hunter2-hunter2
			refused "${case%%=*}: "
			says_not hunter2
		)
	done
	DB_NAME=postgres://u@h/d refused "DB_NAME: its value is not valid; it takes the name alone"
	says PGHOST
}
# whatever order the table has: the key is known before the endpoint is looked at
fresh_s3_keys() { export S3_ACCESS_KEY=a-key S3_SECRET_KEY=hunter2 S3_BACKUP_BUCKET=bucket; }

@test "what Kubernetes injects for a Service called db-backup is no mistake" {
	complete
	export DB_BACKUP_SERVICE_HOST=10.0.0.1 DB_BACKUP_SERVICE_PORT=80 DB_BACKUP_SERVICE_PORT_HTTP=80 \
		DB_BACKUP_PORT=tcp://10.0.0.1:80 DB_BACKUP_PORT_80_TCP=tcp://10.0.0.1:80 DB_BACKUP_PORT_80_TCP_ADDR=10.0.0.1
	run_backup list-backups
	assert_status 0
	export DB_BACKUP_METRICS_SERVICE_HOST=10.0.0.1 DB_BACKUP_METRICS_SERVICE_PORT_HTTP=80 DB_BACKUP_METRICS_PORT_80_TCP_ADDR=10.0.0.1
	run_backup list-backups
	assert_status 0
	export DB_BACKUP_PORTS=1 DB_BACKUP_SERVICE=1 DB_BACKUP_SERVICE_HOSTS=1
	refused 'DB_BACKUP_PORTS: there is' 'DB_BACKUP_SERVICE: there is' 'DB_BACKUP_SERVICE_HOSTS: there is'
	unset DB_BACKUP_PORTS DB_BACKUP_SERVICE DB_BACKUP_SERVICE_HOSTS
	# what somebody takes for a setting
	for name in DB_BACKUP_PORT DB_BACKUP_METRICS_PORT DB_BACKUP_METRICS_PORT_HTTP DB_BACKUP_SERVICE_HOST_NAME; do
		env=$(declare -p DB_BACKUP_PORT)
		export "$name=9090"
		refused "$name: there is"
		unset "$name"
		eval "${env//declare -x/export}"
	done
}

@test "a TZ that libc would silently take for UTC is a mistake" {
	complete
	local zone
	for zone in Europe/Berlin :Europe/Berlin /usr/share/zoneinfo/Asia/Tokyo CET-1CEST,M3.5.0,M10.5.0/3 CET-1 '<+03>-3' EST5EDT,M3.2.0,M11.1.0 UTC0 \
		UTC GMT Etc/UTC :Etc/UTC Etc/GMT ''; do
		TZ=$zone run_backup list-backups
		assert_status 0
	done
	for zone in Europe/Berlln Mars CET-1C CET-1CEST CET-1CEST-2 '<+03>' /none/zone ../zoneinfo Europe "$(printf 'Z%.0s' {1..5000})"; do
		TZ=$zone refused 'TZ: '
		says 'Europe/Berlin'
	done
	# where there are no zone files
	mkdir "$T/zones"
	TZDIR=$T/zones TZ=Etc/UTC run_backup list-backups
	assert_status 0
}

@test "bad S3 values" {
	export DB_NAME=app
	s3_env
	export S3_BACKUP_BUCKET=bucket
	local v
	for v in 'ho st' host/path?x; do
		S3_ENDPOINT=$v refused "S3_ENDPOINT: \"$v\" is not valid"
	done
	# what could hold a key is not shown
	for v in ftp://host https:// http://user@host 'https://host?x'; do
		S3_ENDPOINT=$v refused "S3_ENDPOINT: its value is not valid"
		says_not user
	done
	for v in ab a/b bucket//x bucket/../x bucket/. bu:cket; do
		S3_BACKUP_BUCKET=$v refused "S3_BACKUP_BUCKET: \"$v\" is not valid"
	done
}

@test "options that are this program's own are refused in PGDUMP_OPTIONS, in every spelling" {
	complete
	local v
	for v in -f/tmp/x '-f /tmp/x' --file=/tmp/x --fil=/tmp/x -Fp --format=p --form=p -j4 --jobs=2 -d other --dbname=x \
		-Z9 --compress=9 --comp=9 -W --password -V --version -? --help; do
		echo "# $v"
		PGDUMP_OPTIONS="--no-comments $v" refused PGDUMP_OPTIONS
	done
}

@test "short options of PGDUMP_OPTIONS cannot be hidden behind another one" {
	complete
	local v
	for v in -vf/tmp/x -vFp '-vx -Oj4' -xd -avVx -v? -Oh; do
		echo "# $v"
		PGDUMP_OPTIONS=$v refused PGDUMP_OPTIONS
	done
	# words that are no option are a database's name to pg_dump, which is ours
	PGDUMP_OPTIONS=other refused PGDUMP_OPTIONS
	PGDUMP_OPTIONS='-- other' refused PGDUMP_OPTIONS
	PGDUMP_OPTIONS='- other' refused PGDUMP_OPTIONS
	PGDUMP_OPTIONS='-n public other' refused PGDUMP_OPTIONS
	PGDUMP_OPTIONS='-vn public other' refused PGDUMP_OPTIONS
	PGDUMP_OPTIONS='-npublic other' refused PGDUMP_OPTIONS
	PGDUMP_OPTIONS='--no-owner other' refused PGDUMP_OPTIONS
	PGDUMP_OPTIONS='--schema public' refused PGDUMP_OPTIONS
	PGDUMP_OPTIONS='--schema -n other' refused PGDUMP_OPTIONS # -n would be the value of --schema
	PGDUMP_OPTIONS='--exclude-table-d -n other' refused PGDUMP_OPTIONS
	PGDUMP_OPTIONS='-v -n' refused PGDUMP_OPTIONS
	PGDUMP_OPTIONS='--host=other' refused PGDUMP_OPTIONS
	PGDUMP_OPTIONS='--user=other' refused PGDUMP_OPTIONS
}

@test "X and X_FILE both, or an X_FILE that cannot be read" {
	complete
	echo value >"$T/value"
	unset PGPASSWORD
	PGPASSWORD=a PGPASSWORD_FILE=$T/value refused "PGPASSWORD and PGPASSWORD_FILE are both set"
	DB_NAME=a DB_NAME_FILE=$T/value refused "DB_NAME and DB_NAME_FILE are both set"
	PGPASSWORD_FILE=$T/none refused "PGPASSWORD_FILE: cannot read $T/none: No such file or directory"
	DB_BACKUP_PASSPHRASE_FILE=$T refused "DB_BACKUP_PASSPHRASE_FILE: cannot read $T: Is a directory"
	printf 'a\0b' >"$T/nul"
	PGPASSWORD_FILE=$T/nul refused "PGPASSWORD_FILE: $T/nul is no text"
	head -c 70000 /dev/zero | tr '\0' x >"$T/long"
	PGPASSWORD_FILE=$T/long refused "PGPASSWORD_FILE: $T/long is no text of at most"
	DB_BACKUP_MAX_N_FILE=$T/value refused 'DB_BACKUP_MAX_N: "value" is not valid'
	# an unreadable file of a needed variable: one mistake, not two
	unset DB_NAME
	DB_NAME_FILE=$T/none refused "DB_NAME_FILE: cannot read"
}

@test "a file nobody may read is named, as another user too" {
	complete
	((EUID == 0)) || skip "wants root"
	chmod 755 "$T"
	echo x >"$T/value"
	chmod 600 "$T/value"
	export PGPASSWORD_FILE=$T/value
	unset PGPASSWORD
	RUN_UNDER="setpriv --reuid 65534 --regid 65534 --clear-groups" run_backup backup-db
	assert_status 2
	says "PGPASSWORD_FILE: cannot read $T/value: Permission denied"
}

@test "all mistakes at once, and secrets in none of them" {
	unset PGPORT
	export DB_BACKUP_MAX_N=x DB_BACKUP_TYPO=1 S3_ACCESS_KEY=secret-access S3_SECRET_KEY=secret-key \
		DB_BACKUP_WAIT=x DB_BACKUP_PASSPHRASE=secret-phrase PGPASSWORD=secret-password PGPORT_FILE=/none
	refused 'DB_BACKUP_MAX_N: "x"' "DB_BACKUP_TYPO: there is" "DB_NAME is missing" "S3_ENDPOINT is missing" \
		"S3_BACKUP_BUCKET is missing" 'DB_BACKUP_WAIT: "x"' "PGPORT_FILE: cannot read"
	says_not secret
	# also as JSON, each line of which is JSON
	DB_BACKUP_LOG=json run_backup backup-db
	assert_status 2
	(($(jq -c 'select(.level == "error")' "$run/stderr" | wc -l) == 7))
}

@test "a name as hostile as it gets forges no line" {
	complete
	export DB_BACKUP_MAX_N=$'1\n2026-01-01T00:00:00Z info all is well\e[2K'
	run_backup backup-db
	assert_status 2
	(($(wc -l <"$run/stderr") == 1))
	run ! grep $'\e' "$run/stderr"
}

@test "empty counts as unset; whole _FILE values count, less one newline" {
	complete
	export DB_BACKUP_MAX_N= DB_BACKUP_WAIT= S3_ENDPOINT= S3_SECRET_KEY_FILE= DB_BACKUP_PREFIX=
	printf 'a b\n\n' >"$T/name"
	export DB_NAME= DB_NAME_FILE=$T/name
	orders psql '*' 'say 150000	1000	15.0'
	orders pg_dump '*' 'emit 1000'
	run_backup backup-db
	assert_status 0
	grep -qx 'PGDATABASE=a b' "$fakes/pg_dump.2.env" # list items are trimmed: names end in no newline
	published_local
}

@test "words on the command line: unknown options, help, version" {
	complete
	run_backup backup-db --nonsense
	assert_status 2
	run_backup --help
	assert_status 0
	run_backup backup-db --version
	assert_status 0
	[[ $(cat "$run/stdout") == "backup-db "* ]]
	run_backup backup-db --help
	assert_status 0
	grep -q 'DB_BACKUP_DIR' "$run/stdout"
	[[ ! -s $run/stderr ]]
	# every variable of the command, and the name it was started under
	ln -s "$BACKUP_SERVICE" "$T/backup-db"
	BACKUP_SERVICE=$T/backup-db run_backup --version
	[[ $(cat "$run/stdout") == "backup-db "* ]]
}

@test "help names each variable once" {
	run_backup backup-db --help
	[[ -z $(grep -oE '^  [A-Z][A-Z0-9_]+' "$run/stdout" | sort | uniq -d) ]]
	grep -qx '  DB_BACKUP_DIR' "$run/stdout"
}
