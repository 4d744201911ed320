#include "restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "choose.h"
#include "exit.h"
#include "globals.h"
#include "hint.h"
#include "lib/log.h"
#include "list.h"
#include "lock.h"
#include "target.h"

#define TOOL_GRACE_MS 5000
#define GLOBALS_LATER_S 3600 /* from a database's backup to the globals of the same run */

/* Why it failed, and what that leaves; an exit status. */
static int
report(const char *what, const char *why, const char *consequence, const char *hint, int missing)
{
	if (process_stopping() != 0) {
		log_error("%s: stopped by signal %d; %s", what, process_stopping(), consequence);
		return EXIT_SIGNAL + process_stopping();
	}
	log_error("%s: %s; %s", what, why, consequence);
	if (hint != NULL)
		log_hint("%s", hint);
	return missing != 0 ? missing : EXIT_FAILED;
}

static int
report_pg(const struct pg *pg, const char *what)
{
	return report(what, pg->why, "nothing was changed", pg->hint, pg->missing);
}

static int
report_archive(const struct archive *a, const char *what, const char *consequence)
{
	return report(what, a->why, consequence, a->hint, a->missing);
}

static bool
is_selective(const struct arguments *a)
{
	return a->data_only || a->tables.n > 0 || a->schemas.n > 0;
}

/* Whether the target is replaced as a whole. */
static bool
replaces(const struct target *t, const struct arguments *a)
{
	return t->exists && !is_selective(a) && (a->clean || a->jobs != NULL || t->lenient);
}

/* Whether the target gets its name only when all is restored. */
static bool
is_made(const struct target *t, const struct arguments *a)
{
	return !t->exists || replaces(t, a);
}

/* A name as SQL has it, for people to copy; the caller's to free. */
static char *
quoted(const char *name, char quote)
{
	char *text = text_alloc(strlen(name) * 2 + 3), *at = text;

	*at++ = quote;
	for (; *name != '\0'; name++) {
		if (*name == quote)
			*at++ = quote;
		*at++ = *name;
	}
	*at = quote;
	return text;
}

/* 0 if the target may be restored into; else reported. */
static int
refuse(const struct target *t, const struct arguments *a)
{
	char *name;

	if (t->exists && t->tables > 0 && !a->clean && !is_selective(a)) {
		log_error("\"%s\" has %ld %s already; nothing was changed", t->name, t->tables,
		    t->tables == 1 ? "table" : "tables");
		log_hint(
		    "restore into another database with --to NAME, or replace what is there with --clean");
		return EXIT_FAILED;
	}
	if (t->exists && is_selective(a) && t->lenient) {
		log_error(
		    "the server is older than pg_restore, which then can fill only a new database; nothing was changed");
		log_hint(
		    "restore the parts into a new database with --to NAME, and bring them over from there with pg_dump and psql");
		return EXIT_FAILED;
	}
	if (!replaces(t, a) && !(a->clean && t->exists))
		return 0;
	if (t->objects > 0 && !a->clean) {
		log_error(
		    "\"%s\" has no tables, but is not empty: functions, types, schemas, extensions, rights, large objects and the like; nothing was changed",
		    t->name);
		log_hint(
		    t->lenient ?
			"the server is older than pg_restore: use --to NAME for another database, or --clean to replace this one" :
			"leave out --jobs to restore beside them, or replace them with --clean");
		return EXIT_FAILED;
	}
	if (replaces(t, a) && (t->is_template || strcmp(t->via, t->name) == 0)) {
		log_error("\"%s\" cannot be replaced: %s; nothing was changed", t->name,
		    t->is_template ?
			"it is a template" :
			"there is no other database, postgres or template1, to do it from");
		log_hint("restore into another database with --to NAME");
		return EXIT_FAILED;
	}
	if (replaces(t, a) && t->ties > 0) {
		log_error(
		    "\"%s\" cannot be replaced: it has %ld subscriptions, replication slots or prepared transactions; nothing was changed",
		    t->name, t->ties);
		log_hint("end these first, or restore into another database with --to NAME");
		return EXIT_FAILED;
	}
	if (t->sessions > 0) {
		log_error("%ld other %s connected to \"%s\"; nothing was changed", t->sessions,
		    t->sessions == 1 ? "session is" : "sessions are", t->name);
		name = quoted(t->name, '\'');
		log_hint(
		    "stop what uses it, or end them: SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
		    name);
		free(name);
		return EXIT_FAILED;
	}
	return 0;
}

/* What will happen, in one sentence. */
static void
plan(const struct choice *ch, const struct target *t, const struct config *c,
    const struct arguments *a, char *out, size_t size)
{
	const struct archive *ar = &ch->archive;
	char bytes[32], age[80] = "", text[64];

	if (ch->time != 0)
		snprintf(age, sizeof age, ", %s", list_age(text, sizeof text, ch->time));
	snprintf(out, size, "%s %s (%s%s, %s) into the %s database \"%s\" on %s:%s%s%s%s%s",
	    a->dry_run ? "would restore" : "restoring", ar->file,
	    text_size(bytes, sizeof bytes, ar->size_bytes), age,
	    ar->at == NULL ? "a file" : ar->at->name, t->exists ? "existing" : "new", t->name,
	    c->pg_host, c->pg_port,
	    replaces(t, a) && a->clean ? ", in place of all that is in it, which is DROPPED" :
	    a->clean && t->exists      ? ", after DROPPING these parts of it there" :
					 "",
	    a->schema_only                 ? ", without rows" :
	    a->data_only                   ? ", rows only" :
	    a->tables.n + a->schemas.n > 0 ? ", the chosen parts only" :
					     "",
	    a->globals ? ", roles and tablespaces first" : "",
	    a->jobs != NULL && !is_made(t, a) ?
		"; with --jobs not in one transaction: a failure leaves what was done until then" :
		"; a failure changes nothing");
}

/* Ask before anything is done. 0 to go on. */
static int
confirm(const char *drops, const struct arguments *a)
{
	char question[256], answer[256];

	if (a->yes)
		return 0;
	if (!choose_can_ask()) {
		if (drops == NULL)
			return 0;
		log_error(
		    "--clean drops what is in \"%s\": say --yes too, as there is no terminal to ask on; nothing was changed",
		    drops);
		return EXIT_USAGE;
	}
	snprintf(question, sizeof question,
	    drops != NULL ? "Type the name of the database whose content may be dropped (%s): " :
			    "Go on? [y/N] ",
	    drops);
	if (choose_ask(question, answer, sizeof answer) == 0 &&
	    (drops != NULL ? strcmp(answer, drops) == 0 :
			     strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0))
		return 0;
	fprintf(stderr, "Nothing was changed.\n");
	return process_stopping() != 0 ? EXIT_SIGNAL + process_stopping() : EXIT_FAILED;
}

static void
restore_arguments(struct list *argv, const struct arguments *a, bool made, bool lenient)
{
	list_add(argv, "pg_restore");
	list_add(argv, "--dbname="); /* the name is in PGDATABASE */
	list_add(argv, "--no-password");
	/* lenient: see archive.h; with --jobs its errors could not be told apart */
	if (!lenient)
		list_add(argv, "--exit-on-error");
	if (!lenient && a->jobs != NULL)
		list_addf(argv, "--jobs=%s", a->jobs);
	/* not for one of ours: nobody sees it before its end, and the server has not locks for all of a large one */
	else if (!made)
		list_add(argv, "--single-transaction");
	if (a->clean && is_selective(a)) {
		list_words(argv, "--clean", "--if-exists");
	}
	if (a->schema_only)
		list_add(argv, "--schema-only");
	if (a->data_only)
		list_add(argv, "--data-only");
	if (a->no_owner)
		list_add(argv, "--no-owner");
	if (a->no_tablespaces)
		list_add(argv, "--no-tablespaces");
	/* else what is not there is no error */
	if (a->tables.n + a->schemas.n > 0)
		list_add(argv, "--strict-names");
	for (size_t i = 0; i < a->tables.n; i++)
		list_addf(argv, "--table=%s", a->tables.item[i]);
	for (size_t i = 0; i < a->schemas.n; i++)
		list_addf(argv, "--schema=%s", a->schemas.item[i]);
}

/* A directory of our own below TMPDIR, with room for so much. -1: why. */
static int
make_temporary(struct archive *ar, int64_t bytes, char *directory, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	char wanted[32], free_bytes[32];
	struct statvfs fs;

	tmp = tmp != NULL && *tmp != '\0' ? tmp : "/tmp";
	ar->hint = "set TMPDIR to a directory with enough space";
	if (statvfs(tmp, &fs) == 0 && (int64_t)fs.f_bavail * (int64_t)fs.f_frsize < bytes) {
		snprintf(ar->why, sizeof ar->why,
		    "it has to be downloaded first, but %s has only %s left and it needs %s", tmp,
		    text_size(
			free_bytes, sizeof free_bytes, (int64_t)fs.f_bavail * (int64_t)fs.f_frsize),
		    text_size(wanted, sizeof wanted, bytes));
		return -1;
	}
	snprintf(directory, size, "%s/restore-XXXXXX", tmp);
	if (mkdtemp(directory) != NULL)
		return 0;
	snprintf(ar->why, sizeof ar->why, "cannot make a temporary directory in %s: %s", tmp,
	    strerror(errno));
	return -1;
}

/* With all that is in it: rclone may leave files of its own. */
static void
remove_temporary(const char *directory)
{
	DIR *d = opendir(directory);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		closedir(d);
	rmdir(directory);
}

/* Run pg_restore on a file, for as long as it takes. */
static int
restore_file(struct archive *ar, struct pg *pg, struct list *argv, const char *database,
    const char *path, bool lenient)
{
	struct process p;

	list_words(argv, "--", path);
	if (pg_start(pg, &p, argv, database, -1, -1) == 0 && process_wait(&p, -1, true) == -1)
		process_end(&p, TOOL_GRACE_MS);
	if (process_succeeded(&p) || (lenient && archive_only_timeout_failed(&p)))
		return 0;
	snprintf(ar->why, sizeof ar->why, "pg_restore %s", process_words(&p));
	ar->hint = hint_for(ar->why);
	ar->missing = process_missing(&p);
	return -1;
}

/*
 * pg_restore may be done before it has read all when only parts are wanted, and
 * needs a file for --jobs: then the download comes first. Else the archive is fed.
 */
static int
restore_archive(struct archive *ar, const struct config *c, struct pg *pg,
    const struct arguments *a, const char *database, bool made, bool lenient)
{
	char *path = archive_path(ar), directory[PATH_MAX], file[PATH_MAX + 16], size[32];
	struct list argv = { 0 };
	int rc;

	restore_arguments(&argv, a, made, lenient);
	if ((a->jobs == NULL || lenient) && !is_selective(a) && !a->schema_only) {
		rc = archive_feed(ar, c, pg, &argv, database, -1, lenient);
	} else if (path != NULL) {
		rc = restore_file(ar, pg, &argv, database, path, lenient);
	} else if ((rc = make_temporary(ar, ar->size_bytes, directory, sizeof directory)) == 0) {
		snprintf(file, sizeof file, "%s/archive", directory);
		log_info(
		    "downloading %s: %s", ar->file, text_size(size, sizeof size, ar->size_bytes));
		rc = archive_fetch(ar, c, directory, "archive");
		if (rc == 0) {
			log_info("downloaded it; restoring");
			rc = restore_file(ar, pg, &argv, database, file, lenient);
		}
		remove_temporary(directory);
	}
	free(path);
	list_free(&argv);
	return rc;
}

/* Names that a query gives, to out. */
static int
query_names(struct pg *pg, const char *database, const char *sql, struct list *out)
{
	char *rows;
	size_t n;

	if (pg_query(pg, database, sql, NULL, &rows, &n, true) == -1)
		return -1;
	for (size_t at = 0; at < n; at += strlen(rows + at) + 1)
		list_add(out, rows + at);
	free(rows);
	return 0;
}

/* Its statements that create something, to standard output: no passwords. */
static int
print_creations(const char *sql)
{
	for (const char *p = sql; *p != '\0'; p += strcspn(p, "\n"), p += *p == '\n')
		if (strncmp(p, "CREATE ", 7) == 0)
			printf("%.*s\n", (int)strcspn(p, "\n"), p);
	return list_end(EXIT_DONE);
}

/*
 * Roles and tablespaces; what exists is kept. Roles in one transaction: one
 * half made would count as existing the next time, and never get its password.
 */
static int
restore_globals(
    struct archive *ar, const struct config *c, struct pg *pg, const struct arguments *a)
{
	static const char tablespaces_hint[] =
	    "make the directories of the tablespaces on the server, for its user, and try again";
	struct list roles = { 0 }, tablespaces = { 0 };
	char *sql, *part[2], *whole, *rows, what[NAME_SIZE + 64];
	struct pg_server server;
	const char *via;
	size_t n, done = 0;
	int rc = 0;

	snprintf(what, sizeof what, "cannot restore roles and tablespaces from %s", ar->file);
	if (archive_prepare(ar, c) == -1 || (sql = archive_read_sql(ar, c, pg)) == NULL)
		return report_archive(ar, what, "nothing was changed");
	if (pg_connect_aside(pg, NULL, c->wait_s * 1000, &via, &server) != PG_OK ||
	    query_names(pg, via, "SELECT rolname FROM pg_roles;\n", &roles) == -1 ||
	    query_names(pg, via, "SELECT spcname FROM pg_tablespace;\n", &tablespaces) == -1)
		return report_pg(pg, what);
	globals_split(sql, &roles, &tablespaces, &part[0], &part[1]);
	if (a->dry_run) {
		log_info(
		    "would create these roles and tablespaces from %s; those that exist are kept as they are",
		    ar->file);
		return print_creations(part[0]) != EXIT_DONE ? EXIT_FAILED :
							       print_creations(part[1]);
	}
	whole = text_format("BEGIN;\n%sCOMMIT;\n", part[0]);
	for (; done < 2 && rc == 0; done += rc == 0)
		if ((rc = pg_query(pg, via, done == 0 ? whole : part[1], NULL, &rows, &n, true)) ==
		    0)
			free(rows);
	if (rc == 0) {
		log_info(
		    "restored roles and tablespaces from %s; those that exist were kept", ar->file);
	} else if (done == 1 && a->globals && process_stopping() == 0) {
		/* a database may do without them */
		log_warning("not all tablespaces could be made: %s", pg->why);
		log_hint("%s", tablespaces_hint);
	} else {
		return report(what, pg->why,
		    done == 0 ? "nothing was changed" : "the roles are there, not all tablespaces",
		    done == 0 ? hint_for(pg->why) : tablespaces_hint, pg->missing);
	}
	list_free(&roles);
	list_free(&tablespaces);
	for (size_t i = 0; i < 2; i++)
		free(part[i]);
	free(whole);
	free(sql);
	return 0;
}

/*
 * The globals that go with the chosen backup: the newest that is at most
 * GLOBALS_LATER_S younger than it (any, where its name tells no time), at the same
 * destination if that has one. A run dumps them last: where all its databases take
 * longer than that hour, the early ones get the globals of the run before.
 */
static int
restore_globals_with(
    struct choice *ch, const struct config *c, struct pg *pg, const struct arguments *a)
{
	struct choice other = *ch;
	int rc;

	/* for a file of one's own nothing was listed yet */
	if (ch->cat.n == 0 &&
	    ((rc = choose_destinations(ch, c, a)) != 0 ||
		(catalog_read(&ch->cat, &ch->d, c->label) == -1 && process_stopping() != 0)))
		return rc != 0 ? rc : EXIT_SIGNAL + process_stopping();
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < ch->cat.n; i++) {
			const struct backup *b = &ch->cat.item[i];

			/* those of the same run come after its databases */
			if (!b->globals ||
			    (ch->time != 0 && b->time > ch->time + GLOBALS_LATER_S) ||
			    (pass == 0 && &ch->d.item[b->destination] != ch->archive.at))
				continue;
			choose_archive(&other, b);
			other.archive.at = &ch->d.item[b->destination];
			return restore_globals(&other.archive, c, pg, a);
		}
	log_error("there is no backup of the globals; nothing was changed");
	log_hint(
	    "set DB_BACKUP_GLOBALS=yes for the next time; now create the roles by hand, or use --no-owner");
	return EXIT_FAILED;
}

/* The plan and the archive's table of contents. */
static int
dry_run(struct archive *ar, const struct config *c, struct pg *pg)
{
	struct list argv = { 0 };
	int rc;

	list_words(&argv, "pg_restore", "--list");
	rc = archive_feed(ar, c, pg, &argv, NULL, STDOUT_FILENO, false);
	list_free(&argv);
	return rc == 0 ? EXIT_DONE :
			 report_archive(ar, "cannot read the backup", "nothing was changed");
}

/* A failure to read it that nothing else explains: where else is it? */
static void
hint_other_copy(const struct choice *ch)
{
	for (size_t i = 0; i < ch->cat.n && ch->archive.at != NULL; i++) {
		const struct destination *d = &ch->d.item[ch->cat.item[i].destination];

		if (d == ch->archive.at || strcmp(ch->cat.item[i].file, ch->archive.file) != 0)
			continue;
		log_hint("the same backup is also at %s: --from %s", d->name, d->name);
		return;
	}
}

/* The restore is done, but the names could not be swapped: hours of work are not thrown away. */
static int
report_kept(const struct target *t, const struct pg *pg, const char *what, const char *new)
{
	char *name = quoted(t->name, '"');

	log_error(
	    "%s: %s; nothing was changed in it, and what was restored is kept as the database \"%s\"",
	    what, pg->why, new);
	if (t->exists)
		log_hint(
		    "give it the name when nobody is connected to either: ALTER DATABASE %s RENAME TO \"%s_old\"; ALTER DATABASE \"%s\" RENAME TO %s;",
		    name, new, new, name);
	else
		log_hint("give it the name: ALTER DATABASE \"%s\" RENAME TO %s;", new, name);
	free(name);
	return process_stopping() != 0 ? EXIT_SIGNAL + process_stopping() : EXIT_FAILED;
}

/* Whether nothing has come into the target, which was empty, so that nothing is lost with it. */
static bool
is_still_empty(const struct target *t, struct pg *pg, const struct config *c)
{
	struct target now = { .name = t->name };

	if (target_look(&now, pg, c->wait_s * 1000) != PG_OK)
		return false;
	if (now.tables + now.objects == 0)
		return true;
	snprintf(pg->why, sizeof pg->why, "\"%s\" is not empty any more", t->name);
	return false;
}

static int
restore_database(struct choice *ch, const struct config *c, struct pg *pg,
    const struct arguments *a, struct target *t)
{
	struct archive *ar = &ch->archive;
	char what[1024], size[32], took[32], name[NAME_DATABASE_SIZE];
	int64_t started = process_clock_ms();
	bool made = is_made(t, a);
	const char *consequence =
	    a->globals ?
		"roles and tablespaces that were missing are there now, else nothing was changed" :
		"nothing was changed";
	struct pg tools = *pg;
	int rc;

	snprintf(what, sizeof what, "cannot restore %s into \"%s\"", ar->file, t->name);
	snprintf(name, sizeof name, "%s", t->name);
	if (made && target_make(t, pg, &a->schemas, name, sizeof name) == -1)
		return report(what, pg->why, consequence, pg->hint, pg->missing);
	/* else thousands of small commits wait for the disk; the one that gives the name waits for all */
	if (made)
		pg_with_option(&tools, pg, "-c synchronous_commit=off");
	rc = restore_archive(ar, c, &tools, a, name, made, t->lenient);
	if (rc == -1 || (made && process_stopping() != 0)) {
		if (made && target_drop(pg, t->via, name) == -1)
			log_warning(
			    "the new database \"%s\" could not be dropped: %s", name, pg->why);
		rc = report_archive(ar, what,
		    a->jobs != NULL && !made ? "what was done until then stays (--jobs)" :
					       consequence);
		if (rc == EXIT_FAILED)
			hint_other_copy(ch);
		return rc;
	}
	if (made && ((t->exists && !a->clean && !is_still_empty(t, pg, c)) ||
			target_swap(t, pg, name, c->wait_s * 1000) == -1))
		return report_kept(t, pg, what, name);
	log_info("restored %s into \"%s\": %s in %s", ar->file, t->name,
	    text_size(size, sizeof size, ar->size_bytes),
	    text_duration(took, sizeof took, process_clock_ms() - started));
	if (!a->schema_only)
		log_hint(
		    "run ANALYZE in \"%s\" before it is put to heavy use: statistics are not part of a backup",
		    t->name);
	return EXIT_DONE;
}

/* Backups of it wait until we end, so that none is made of half a database, or keeps us from it. */
static int
take_lock(const struct config *c, const char *database)
{
	if (lock_take(c, database) != -1)
		return 0;
	if (errno != EWOULDBLOCK) {
		log_warning(
		    "a backup of \"%s\" cannot be kept from starting meanwhile: no lock: %s",
		    database, strerror(errno));
		return 0;
	}
	log_error(
	    "cannot restore into \"%s\": a backup of it is running, or another restore; nothing was changed",
	    database);
	log_hint("try again when that is done");
	return EXIT_LOCKED;
}

/* Options that contradict each other. */
static int
check_arguments(const struct arguments *a)
{
	int64_t jobs;

	if (a->jobs != NULL && text_number(a->jobs, 1, 1000, &jobs) == -1)
		log_error("--jobs: \"%s\" is no number from 1 to 1000", a->jobs);
	else if (a->schema_only && a->data_only)
		log_error("--schema-only and --data-only exclude each other");
	else if (a->clean && a->data_only)
		log_error(
		    "--clean and --data-only exclude each other: what is dropped cannot be filled");
	else if (a->to != NULL && *a->to == '\0')
		log_error("--to: no database has an empty name");
	else
		return 0;
	return EXIT_USAGE;
}

int
restore_run(const struct config *c, const struct arguments *a)
{
	struct choice *ch = text_alloc(sizeof *ch);
	struct target t = { 0 };
	struct pg pg;
	char sentence[1400];
	int rc;

	if ((rc = check_arguments(a)) != 0 || (rc = choose_backup(ch, c, a)) != 0)
		return rc;
	pg_init(&pg, c->pg_host, c->pg_port, c->pg_user, c->pg_password);
	if (ch->archive.is_sql) {
		log_info(
		    "%s roles and tablespaces from %s on %s:%s; those that exist are kept as they are",
		    a->dry_run ? "would restore" : "restoring", ch->archive.file, c->pg_host,
		    c->pg_port);
		if (!a->dry_run && (rc = confirm(NULL, a)) != 0)
			return rc;
		return restore_globals(&ch->archive, c, &pg, a);
	}
	t.name = a->to != NULL         ? a->to :
		 *ch->database != '\0' ? ch->database :
		 c->databases.n == 1   ? c->databases.item[0] :
					 NULL;
	if (t.name == NULL) {
		log_error("into which database? say --to NAME");
		return EXIT_USAGE;
	}
	if (!a->dry_run && (rc = take_lock(c, t.name)) != 0)
		return rc;
	if (archive_prepare(&ch->archive, c) == -1)
		return report_archive(
		    &ch->archive, "cannot read the backup", "nothing was changed");
	if (target_look(&t, &pg, c->wait_s * 1000) != PG_OK)
		return report_pg(&pg, "cannot look at the target");
	if ((rc = refuse(&t, a)) != 0)
		return rc;
	if (t.lenient)
		log_info(
		    "the server is older than pg_restore: it will not know \"transaction_timeout\", which does no harm%s",
		    a->jobs != NULL ? "; --jobs is left out" : "");
	plan(ch, &t, c, a, sentence, sizeof sentence);
	log_info("%s", sentence);
	if (!a->dry_run && (rc = confirm(a->clean && t.exists ? t.name : NULL, a)) != 0)
		return rc;
	if (a->globals && (rc = restore_globals_with(ch, c, &pg, a)) != 0)
		return rc;
	return a->dry_run ? dry_run(&ch->archive, c, &pg) : restore_database(ch, c, &pg, a, &t);
}
