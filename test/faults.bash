# What the files of bad days share; loaded behind lib.
# shellcheck shell=bash disable=SC2034,SC2154

# Some data, once a file; DB_NAME is its database.
source_db() { # [MB]
	export DB_NAME=source_$BASHPID
	"$top/test/fixture/make-db" "$DB_NAME" "${1-1}"
	echo "$DB_NAME" >"$BATS_FILE_TMPDIR/source"
}
drop_source_db() { dropdb --force --if-exists --maintenance-db=postgres -- "$(cat "$BATS_FILE_TMPDIR/source")"; }

# rclone_is old|new: as use_rclone, below the fakes
rclone_is() {
	use_rclone "$1"
	[[ ! ${fakes-} ]] || with_fakes
}

# both_rclones COMMAND...: once with each
both_rclones() {
	local which
	for which in old new; do
		rclone_is "$which"
		echo "with the $which rclone:"
		"$@" # no || here: it would turn off errexit in there
	done
}

# somewhere: a local directory and a bucket, each with one earlier backup
somewhere() {
	local_dir
	fresh_bucket
	s3_env
	earlier_name=$DB_NAME-20200101T000000Z.pg-dump
	echo "PGDMP earlier" >"$DB_BACKUP_DIR/$earlier_name"
	s3_put "$earlier_name" <"$DB_BACKUP_DIR/$earlier_name"
}

# local_has N, s3_has N: N new backups beside the earlier one, which is as it was; nothing
# else. They are local_backups[1...N], s3_backups[1...N]; the last is local_backup, s3_backup.
local_has() {
	published_local $(($1 + 1)) && no_partials || return
	local at
	mapfile -t at < <(printf '%s\n' "${local_backups[@]}" | grep -vxF "$DB_BACKUP_DIR/$earlier_name" | LC_ALL=C sort)
	local_backups=("$DB_BACKUP_DIR/$earlier_name" "${at[@]}") local_backup=${local_backups[$1]}
	[[ $(<"${local_backups[0]}") == "PGDMP earlier" ]] || fail "the earlier backup has changed"
}
s3_has() {
	RIG_S3_ENDPOINT=http://127.0.0.1:$RIG_S3_PORT
	published_s3 $(($1 + 1)) || return
	local at
	mapfile -t at < <(printf '%s\n' "${s3_backups[@]}" | grep -vxF "$earlier_name" | LC_ALL=C sort)
	s3_backups=("$earlier_name" "${at[@]}") s3_backup=${s3_backups[$1]}
	[[ $(s3_cat "$earlier_name") == "PGDMP earlier" ]] || fail "the earlier object has changed"
}

# errors N: so many error lines, with as many hints
errors() {
	(($(grep -cE '^[^ ]+ error: ' "$run/stderr") == $1)) || fail "wanted $1 error lines: $(cat "$run/stderr")" || return
	(($(grep -cE '^[^ ]+ hint: ' "$run/stderr") == $1)) || fail "wanted $1 hints: $(cat "$run/stderr")"
}

# went_wrong STATUS CAUSE: one error with its hint; no child is left
went_wrong() {
	assert_status "$1" && errors 1 && no_children_left || return
	grep -E '^[^ ]+ error: ' "$run/stderr" | grep -qF -e "$2" || fail "the error is not '$2': $(cat "$run/stderr")"
}

# printed N: names of new backups, each once and only what was published
printed() { (($(wc -l <"$run/stdout") == $1)) || fail "it printed: $(cat "$run/stdout")"; }

# is_stream FILE N: what a fake pg_dump's `emit N` writes
is_stream() { cmp "$1" <("$top/test/fake/stream" "$2"); }

as_nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
