#!/usr/bin/env bats
# The dialogue of restore-db in a real terminal (tmux): what is seen, what can be
# answered, and that leaving it at any point leaves everything as it was.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test is a subshell; lib.bash sets and reads
load lib
load restore

setup_file() {
	own_user
	export SMALL=small_$BASHPID ARCHIVE=$BATS_FILE_TMPDIR/archive
	tiny_db "$SMALL" 20
	pg_dump -Fc -Z1 -d "$SMALL" -f "$ARCHIVE"
}
teardown_file() { drop_own_user; }
setup() {
	rig_setup
	local_dir
	for day in 01 02 03; do cp "$ARCHIVE" "$DB_BACKUP_DIR/$SMALL-202601${day}T000000Z.pg-dump"; done
	cp "$ARCHIVE" "$DB_BACKUP_DIR/globals-20260104T000000Z.sql"
	export DB_NAME=$SMALL
	target=target_$BASHPID
	rig_dbs+=("$target")
	mkdir -p "$T/run"
	touch "$T/run/left" # a terminal has no reaper
	run=$T/run
}
teardown() {
	tmux -S "$T/tmux" kill-server 2>/dev/null || true
	rig_teardown
}

# terminal COLUMNS ARGS...: restore-db there; its exit status is shown at the end
terminal() {
	local columns=$1
	shift
	# the shell outlives a Ctrl-C, and what it starts does not
	{
		echo 'trap : INT'
		printf '%q ' "$BACKUP_SERVICE" "$@"
		echo '; echo "exit status $?"; sleep 1000'
	} >"$T/command"
	TMPDIR=$T/tmp HOME=$T/home TERM=screen tmux -S "$T/tmux" -f /dev/null -u new-session -d -x "$columns" -y 40 "sh $T/command" 3>&- 4>&-
}
screen() { tmux -S "$T/tmux" capture-pane -p 2>/dev/null; }
# wherever lines were wrapped
shows() { screen | tr -d ' \n' | grep -qF -e "${1// /}"; }
see() { wait_until -t 40 shows "$1" || fail "$(screen)"; }
type() { tmux -S "$T/tmux" send-keys "$@"; }
close() {
	tmux -S "$T/tmux" kill-server
	wait_until eval '! tmux -S "$T/tmux" has-session 2>/dev/null'
}
# ends STATUS: with nothing changed, unless the status is 0
ends() {
	see "exit status $1"
	(($1 == 0)) || unchanged
}

@test "choose by number, say yes" {
	remember "$target"
	terminal 120 restore-db --to "$target"
	see "Which one? [1]"
	screen
	screen | grep -E "^  1\) 2026-01-03 00:00:00 UTC  .* ago  +[0-9.]+ kB  local$"
	screen | grep -E "^  3\) 2026-01-01 00:00:00 UTC"
	if shows globals; then fail "the globals are among them"; fi
	type 2 Enter
	see "restoring $SMALL-20260102T000000Z.pg-dump ("
	see "into the new database \"$target\""
	see "Go on? [y/N]"
	type y Enter
	ends 0
	see "restored $SMALL-20260102T000000Z.pg-dump into"
	same "$SMALL" "$target"
}

@test "the default is the newest; no is the default of the question; wrong numbers are asked again" {
	remember "$target"
	terminal 120 restore-db --to "$target"
	see "Which one? [1]"
	for wrong in 0 4 99999999999999999999 -1 two "1 2" 1x; do
		type -l -- "$wrong"
		type Enter
		see "$wrong"
		wait_until eval '[[ $(screen | grep -c "Enter a number from 1 to 3") -ge 1 ]]'
	done
	(($(screen | grep -c "Enter a number from 1 to 3, or press Ctrl-C to leave") == 7)) || fail "$(screen)"
	type Enter
	see "restoring $SMALL-20260103T000000Z.pg-dump"
	see "Go on? [y/N]"
	type Enter
	see "Nothing was changed."
	ends 1
}

@test "Ctrl-C and Ctrl-D at each question" {
	remember "$target"
	local key
	for key in C-c C-d; do
		terminal 100 restore-db --to "$target"
		see "Which one? [1]"
		type $key
		ends "$([[ $key == C-c ]] && echo 130 || echo 1)"
		see "Nothing was changed."
		close
		terminal 100 restore-db --to "$target"
		see "Which one? [1]"
		type 1 Enter
		see "Go on? [y/N]"
		type $key
		ends "$([[ $key == C-c ]] && echo 130 || echo 1)"
		close
	done
}

@test "--clean: the name of the target has to be typed" {
	sql postgres "create database \"$target\" template template0"
	sql "$target" "create table mine (a int)"
	remember "$target"
	for answer in y yes "${target}x" "${target^^}" ""; do
		terminal 120 restore-db --latest --to "$target" --clean
		see "in place of all that is in it, which is DROPPED"
		see "Type the name of the database whose content may be dropped ($target):"
		type -l -- "$answer"
		type Enter
		ends 1
		close
	done
	terminal 120 restore-db --latest --to "$target" --clean
	see "Type the name"
	type C-c
	ends 130
	close
	terminal 120 restore-db --latest --to "$target" --clean
	see "Type the name"
	type -l -- "$target"
	type Enter
	ends 0
	same "$SMALL" "$target"
}

@test "narrow terminals: no line of the list is wider" {
	remember "$target"
	fresh_bucket
	s3_env
	for at in "$DB_BACKUP_DIR"/*; do s3_put "${at##*/}" <"$at"; done
	cp "$ARCHIVE" "$DB_BACKUP_DIR/naïve☃-20260103T000000Z.pg-dump"
	DB_NAME=''
	local columns
	for columns in 40 50 60 77; do
		terminal "$columns" restore-db --to "$target"
		see "Which one? [1]"
		screen
		# each begins where it has to: nothing was wrapped
		(($(screen | grep -cE '^ +[0-9]+\) 2026-01-0[123] 00:00:00 UTC$') == 4)) || fail "wrapped"
		(($(screen | grep -cE '^     .* ago, [0-9.]+ kB$') == 4)) || fail "wrapped"
		(($(screen | grep -cE '^     local(, cloud)?$') == 4)) || fail "wrapped"
		shows "naïve☃"
		type C-c
		ends 130
		close
	done
}

@test "many backups: the newest 20 and how to get the others" {
	remember "$target"
	for day in {04..28}; do cp "$ARCHIVE" "$DB_BACKUP_DIR/$SMALL-202601${day}T000000Z.pg-dump"; done
	terminal 120 restore-db --to "$target"
	see "and 8 older ones: list-backups shows all, --at TIME or a name chooses"
	see " 20) 2026-01-09"
	type 21 Enter
	see "Enter a number from 1 to 20"
	type C-d
	ends 1
}

@test "nothing there, and a hostile name" {
	remember "$target"
	rm "$DB_BACKUP_DIR"/*
	terminal 120 restore-db --to "$target"
	see "no backups of \"$SMALL\" were found"
	ends 1
	close
	cp "$ARCHIVE" "$DB_BACKUP_DIR/evil"$'\e'"[2J-20260102T000000Z.pg-dump"
	DB_NAME='' terminal 120 restore-db --to "$target"
	see "no backups were found"
	ends 1
	close
	cp "$ARCHIVE" "$DB_BACKUP_DIR/evil%1B[2J-20260102T000000Z.pg-dump"
	cp "$ARCHIVE" "$DB_BACKUP_DIR/evil%1B%5B2J-20260102T000000Z.pg-dump"
	DB_NAME='' terminal 120 restore-db --to "$target"
	see 'evil\x1b[2J'
	type C-c
	ends 130
}

@test "progress and a Ctrl-C while it works" {
	remember "$target"
	fresh_bucket
	s3_env
	s3_put "$SMALL-20260103T000000Z.pg-dump" <"$ARCHIVE"
	orders rclone cat 'touch begun' 'run 3000' 'sleep 60'
	terminal 120 restore-db --latest --from cloud --to "$target" --yes
	wait_until test -e "$fakes/begun"
	see "$SMALL-20260103T000000Z.pg-dump: 3.0 kB at "
	type C-c
	ends 130
	see "stopped by signal 2; nothing was changed"
}
