#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backup.h"
#include "choose.h"
#include "globals.h"
#include "hint.h"
#include "lib/log.h"
#include "list.h"

#define SQL_MAX (64L * 1024 * 1024)

static const char *const maintenance[] = { "postgres", "template1" };

/*
 * A database is replaced by restoring into a new one beside it and then
 * swapping the names in one transaction. So a failure changes nothing, with
 * --jobs too; nothing stays of what the backup does not have; and no DROP of
 * pg_restore --clean can fail on partitions or on what depends on them.
 * The new one gets what belongs to a database itself and is in no archive.
 */
static const char like_sql[] =
    "SELECT format('CREATE DATABASE %I TEMPLATE template0 OWNER %I ENCODING %L LC_COLLATE %L LC_CTYPE %L', :'new',\n"
    "  pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype) ||\n"
    /* columns that differ between versions of the server */
    "  CASE j->>'datlocprovider' WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %L',\n"
    "  coalesce(j->>'datlocale', j->>'daticulocale')) WHEN 'b' THEN format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L',\n"
    "  j->>'datlocale') ELSE '' END\n"
    "  FROM pg_database d, to_jsonb(d) j WHERE datname = :'name' \\gexec\n"
    "SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'new') FROM pg_database\n"
    "  WHERE datname = :'name' AND datacl IS NOT NULL \\gexec\n"
    "SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, :'new',\n"
    "  CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,\n"
    "  CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)\n"
    "  FROM pg_database d, aclexplode(d.datacl) a WHERE datname = :'name' AND a.grantee <> d.datdba \\gexec\n"
    /* values of list variables are stored as quoted as they have to be written */
    "SELECT format('ALTER %s SET %I TO %s', CASE s.setrole WHEN 0 THEN format('DATABASE %I', :'new')\n"
    "  ELSE format('ROLE %I IN DATABASE %I', pg_get_userbyid(s.setrole), :'new') END, split_part(c, '=', 1),\n"
    "  CASE WHEN split_part(c, '=', 1) IN ('search_path', 'temp_tablespaces', 'session_preload_libraries',\n"
    "  'local_preload_libraries') THEN substr(c, strpos(c, '=') + 1) ELSE quote_literal(substr(c, strpos(c, '=') + 1)) END)\n"
    "  FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) c\n"
    "  WHERE d.datname = :'name' \\gexec\n"
    "SELECT format('COMMENT ON DATABASE %I IS %L', :'new', shobj_description(oid, 'pg_database'))\n"
    "  FROM pg_database WHERE datname = :'name' AND shobj_description(oid, 'pg_database') IS NOT NULL \\gexec\n";
static const char swap_sql[] =
    "BEGIN;\nALTER DATABASE :\"name\" RENAME TO :\"old\";\nALTER DATABASE :\"new\" RENAME TO :\"name\";\nCOMMIT;\n";

/* What is known of the target before anything is done to it. */
struct target {
	const char *name;
	const char *via;      /* a database to connect to beside it */
	bool exists;
	long tables, sessions;
};

static int
query_number(struct pg *pg, const char *database, const char *sql, const char *name, long *number)
{
	char *variable = text_format("name=%s", name), *rows;
	size_t n;
	int rc = pg_query(pg, database, sql, (const char *const[]){ variable, NULL }, &rows, &n, true);

	free(variable);
	if (rc == -1)
		return -1;
	*number = strtol(rows, NULL, 10);
	free(rows);
	return 0;
}

static int
execute(struct pg *pg, const char *database, const char *sql, const char *name, bool heed_stop)
{
	char *variable = text_format("name=%s", name), *rows;
	size_t n;
	int rc = pg_query(pg, database, sql, (const char *const[]){ variable, NULL }, &rows, &n, heed_stop);

	free(variable);
	if (rc == 0)
		free(rows);
	else
		pg->hint = hint_for(pg->why);
	return rc;
}

int
restore_create_database(struct pg *pg, const char *name)
{
	for (size_t i = 0; i < 2; i++)
		if (execute(pg, maintenance[i], "CREATE DATABASE :\"name\" TEMPLATE template0;\n", name, true) == 0)
			return 0;
	return -1;
}

int
restore_drop_database(struct pg *pg, const char *name)
{
	for (size_t i = 0; i < 2; i++)
		if (execute(pg, maintenance[i], "DROP DATABASE IF EXISTS :\"name\";\n", name, false) == 0)
			return 0;
	return -1;
}

static int
report_pg(const struct pg *pg, const char *what)
{
	if (process_stopping() != 0)
		return EXIT_SIGNAL + process_stopping();
	log_error("%s: %s; nothing was changed", what, pg->why);
	if (pg->hint != NULL)
		log_hint("%s", pg->hint);
	return EXIT_FAILED;
}

static int
report_archive(const struct archive *a, const char *what, const char *consequence)
{
	if (process_stopping() != 0) {
		log_error("%s: stopped by signal %d; %s", what, process_stopping(), consequence);
		return EXIT_SIGNAL + process_stopping();
	}
	log_error("%s: %s; %s", what, a->why, consequence);
	if (a->hint != NULL)
		log_hint("%s", a->hint);
	return EXIT_FAILED;
}

static int
look_at_target(struct target *t, struct pg *pg, const struct config *c)
{
	static const char tables[] = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
	    "WHERE c.relkind IN ('r', 'p', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') "
	    "AND n.nspname !~ '^pg_toast' AND n.nspname !~ '^pg_temp' AND NOT EXISTS (SELECT FROM pg_depend d "
	    "WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e');\n";
	struct pg_server server;
	enum pg_result result = PG_FAILED;
	long exists = 0;

	for (size_t i = 0; i < 2 && result != PG_OK && process_stopping() == 0; i++) {
		if (strcmp(t->name, maintenance[i]) == 0)
			continue;
		t->via = maintenance[i];
		result = pg_connect(pg, t->via, i == 0 ? c->wait_s * 1000 : 0, &server);
	}
	if (result != PG_OK || query_number(pg, t->via, "SELECT count(*) FROM pg_database WHERE datname = :'name';\n",
	    t->name, &exists) == -1)
		return -1;
	t->exists = exists == 1;
	if (!t->exists)
		return 0;
	if (query_number(pg, t->via, "SELECT count(*) FROM pg_stat_activity WHERE datname = :'name';\n", t->name,
	    &t->sessions) == -1)
		return -1;
	return query_number(pg, t->name, tables, t->name, &t->tables);
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
	return t->exists && !is_selective(a) && (a->clean || a->jobs != NULL);
}

/* 0 if the target may be restored into; else reported. */
static int
refuse(const struct target *t, const struct arguments *a)
{
	if (t->exists && t->tables > 0 && !a->clean && !is_selective(a)) {
		log_error("\"%s\" has %ld tables already; nothing was changed", t->name, t->tables);
		log_hint("restore into another database with --to NAME, or drop what is there with --clean");
		return EXIT_FAILED;
	}
	if ((a->clean || replaces(t, a)) && t->sessions > 0) {
		log_error("%ld other %s connected to \"%s\"; nothing was changed", t->sessions,
		    t->sessions == 1 ? "session is" : "sessions are", t->name);
		log_hint("stop what uses it, or end them: SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'",
		    t->name);
		return EXIT_FAILED;
	}
	return 0;
}

/* What will happen, in one sentence. */
static void
plan(const struct choice *ch, const struct target *t, const struct config *c, const struct arguments *a, char *out, size_t size)
{
	const struct archive *ar = &ch->archive;
	char bytes[32], age[64] = "", text[48];

	if (ch->time != 0)
		snprintf(age, sizeof age, ", %s", list_age(text, sizeof text, ch->time));
	snprintf(out, size, "%s %s (%s%s, %s) into the %s database \"%s\" on %s:%s%s%s%s", a->dry_run ? "would restore" : "restoring",
	    ar->shown, text_size(bytes, sizeof bytes, ar->size_bytes), age, ar->at == NULL ? "a file" : ar->at->name,
	    t->exists ? "existing" : "new", t->name, c->pg_host, c->pg_port,
	    replaces(t, a) ? ", in place of all that is in it, which is DROPPED" :
	    a->clean && t->exists ? ", after DROPPING these parts of it there" : "",
	    a->schema_only ? ", without rows" : a->data_only ? ", rows only" : a->tables.n + a->schemas.n > 0 ? ", the chosen parts only" : "",
	    a->jobs == NULL ? "; in one transaction: a failure changes nothing" : t->exists && !replaces(t, a) ?
	    "; with --jobs not in one transaction: a failure leaves what was done until then" :
	    "; with --jobs not in one transaction, but a failure changes nothing that was there");
}

/* 0 to go on. */
static int
confirm(const struct target *t, const struct arguments *a)
{
	bool drops = a->clean && t->exists;
	char question[256], answer[256];

	if (a->yes)
		return 0;
	if (!choose_can_ask()) {
		if (!drops)
			return 0;
		log_error("--clean drops what is in \"%s\": say --yes too, as there is no terminal to ask on; nothing was changed", t->name);
		return EXIT_USAGE;
	}
	snprintf(question, sizeof question, drops ? "Type the name of the database whose content may be dropped (%s): " :
	    "Go on? [y/N] ", t->name);
	if (choose_ask(question, answer, sizeof answer) == 0 &&
	    (drops ? strcmp(answer, t->name) == 0 : strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0))
		return 0;
	fprintf(stderr, "Nothing was changed.\n");
	return process_stopping() != 0 ? EXIT_SIGNAL + process_stopping() : EXIT_FAILED;
}

static void
restore_arguments(struct list *argv, const struct arguments *a)
{
	list_add(argv, "pg_restore");
	list_add(argv, "--dbname="); /* the name is in PGDATABASE */
	list_add(argv, "--no-password");
	list_add(argv, "--exit-on-error");
	if (a->jobs != NULL)
		list_addf(argv, "--jobs=%s", a->jobs);
	else
		list_add(argv, "--single-transaction");
	if (a->clean && is_selective(a)) {
		list_add(argv, "--clean");
		list_add(argv, "--if-exists");
	}
	if (a->schema_only)
		list_add(argv, "--schema-only");
	if (a->data_only)
		list_add(argv, "--data-only");
	if (a->no_owner)
		list_add(argv, "--no-owner");
	for (size_t i = 0; i < a->tables.n; i++)
		list_addf(argv, "--table=%s", a->tables.item[i]);
	for (size_t i = 0; i < a->schemas.n; i++)
		list_addf(argv, "--schema=%s", a->schemas.item[i]);
}

/* A directory of our own below TMPDIR. -1: why. */
static int
make_temporary(struct archive *ar, char *directory, size_t size)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(directory, size, "%s/restore-XXXXXX", tmp != NULL && *tmp != '\0' ? tmp : "/tmp");
	if (mkdtemp(directory) != NULL)
		return 0;
	snprintf(ar->why, sizeof ar->why, "cannot make a temporary directory %s: %s", directory, strerror(errno));
	ar->hint = "set TMPDIR to a directory with enough space";
	return -1;
}

/* Run pg_restore on a file, for as long as it takes. */
static int
restore_file(struct archive *ar, struct pg *pg, struct list *argv, const char *database, const char *path)
{
	struct process p;

	list_add(argv, "--");
	list_add(argv, path);
	if (pg_start(pg, &p, argv, database, -1, -1) == 0 && process_wait(&p, -1, true) == -1)
		process_end(&p, 5000);
	if (process_succeeded(&p))
		return 0;
	snprintf(ar->why, sizeof ar->why, "pg_restore %s%s%s", process_fate(&p), *p.said ? ": " : "", p.said);
	ar->hint = hint_for(p.said);
	return -1;
}

/*
 * pg_restore may be done before it has read all when only parts are wanted, and
 * needs a file for --jobs: then the download comes first. Else the archive is fed.
 */
static int
restore_archive(struct archive *ar, const struct config *c, struct pg *pg, const struct arguments *a, const char *database)
{
	char *path = archive_path(ar), directory[PATH_MAX], file[PATH_MAX + 16];
	struct list argv = { 0 };
	int rc;

	restore_arguments(&argv, a);
	if (a->jobs == NULL && !is_selective(a) && !a->schema_only) {
		rc = archive_feed(ar, c, pg, &argv, database, -1);
	} else if (path != NULL) {
		rc = restore_file(ar, pg, &argv, database, path);
	} else if ((rc = make_temporary(ar, directory, sizeof directory)) == 0) {
		snprintf(file, sizeof file, "%s/archive", directory);
		log_info("downloading %s", ar->shown);
		rc = archive_fetch(ar, c, file);
		if (rc == 0)
			rc = restore_file(ar, pg, &argv, database, file);
		unlink(file);
		rmdir(directory);
	}
	free(path);
	list_free(&argv);
	return rc;
}

char *
restore_read_sql(struct archive *ar, const struct config *c)
{
	char *path = archive_path(ar), directory[PATH_MAX], file[PATH_MAX + 16], *text = NULL;
	struct stat st;
	ssize_t n;
	int fd;

	if (path == NULL) {
		if (make_temporary(ar, directory, sizeof directory) == -1)
			return NULL;
		snprintf(file, sizeof file, "%s/globals.sql", directory);
	}
	if (path != NULL || archive_fetch(ar, c, file) == 0) {
		fd = open(path != NULL ? path : file, O_RDONLY | O_CLOEXEC);
		if (fd != -1 && fstat(fd, &st) == 0 && st.st_size < SQL_MAX) {
			text = text_alloc((size_t)st.st_size + 1);
			for (off_t at = 0; at < st.st_size && (n = read(fd, text + at, (size_t)(st.st_size - at))) > 0; at += n)
				;
		} else {
			snprintf(ar->why, sizeof ar->why, "cannot read it: %s", strerror(errno));
		}
		if (fd != -1)
			close(fd);
	}
	if (path == NULL) {
		unlink(file);
		rmdir(directory);
	}
	free(path);
	if (text != NULL && strstr(text, "PostgreSQL database cluster dump complete") == NULL) {
		snprintf(ar->why, sizeof ar->why, "it is no complete output of pg_dumpall: its last line is missing");
		free(text);
		return NULL;
	}
	return text;
}

/* Roles and tablespaces, through psql; what exists is kept. */
static int
restore_globals(struct archive *ar, const struct config *c, struct pg *pg)
{
	struct list argv = { 0 }, roles = { 0 };
	char *sql, *wanted, *rows;
	struct process p = { 0 };
	size_t n;
	int in;

	if (archive_prepare(ar, c) == -1 || (sql = restore_read_sql(ar, c)) == NULL)
		return report_archive(ar, "cannot read the globals", "nothing was changed");
	if (pg_query(pg, "postgres", "SELECT rolname FROM pg_roles;\n", NULL, &rows, &n, true) == -1)
		return report_pg(pg, "cannot look at the roles");
	for (size_t at = 0; at < n; at += strlen(rows + at) + 1)
		list_add(&roles, rows + at);
	wanted = globals_without(sql, &roles);
	list_add(&argv, "psql");
	list_add(&argv, "-Xqw");
	in = process_memory_file(wanted);
	if (in != -1 && pg_start(pg, &p, &argv, "postgres", in, -1) == 0 && process_wait(&p, -1, true) == -1)
		process_end(&p, 2000);
	if (in != -1)
		close(in);
	list_free(&argv);
	list_free(&roles);
	free(rows);
	free(sql);
	free(wanted);
	if (!process_succeeded(&p)) {
		snprintf(ar->why, sizeof ar->why, "psql %s: %s", process_fate(&p), p.said);
		return report_archive(ar, "cannot restore the globals", "what was done until then stays");
	}
	if (*p.said != '\0')
		log_warning("not all of the globals could be restored; psql said why");
	log_info("restored roles and tablespaces from %s; those that exist were kept", ar->shown);
	return 0;
}

/* The globals that go with the chosen backup: the newest not after it, at the same destination if possible. */
static int
restore_globals_with(struct choice *ch, const struct config *c, struct pg *pg)
{
	struct choice other = *ch;

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < ch->cat.n; i++) {
			const struct backup *b = &ch->cat.item[i];

			if (b->name.kind != NAME_GLOBALS || (ch->time != 0 && b->name.time > ch->time + 3600) ||
			    (pass == 0 && &ch->d.item[b->destination] != ch->archive.at))
				continue;
			choose_archive(&other, b);
			other.archive.at = &ch->d.item[b->destination];
			return restore_globals(&other.archive, c, pg);
		}
	log_error("there is no backup of the globals; nothing was changed");
	log_hint("set DB_BACKUP_GLOBALS=yes for the next time; now create the roles by hand, or use --no-owner");
	return EXIT_FAILED;
}

/* The plan and the archive's table of contents. */
static int
dry_run(struct archive *ar, const struct config *c, struct pg *pg)
{
	struct list argv = { 0 };
	int rc;

	list_add(&argv, "pg_restore");
	list_add(&argv, "--list");
	rc = archive_feed(ar, c, pg, &argv, NULL, STDOUT_FILENO);
	list_free(&argv);
	/* it reads no more than it needs, which here is no mistake */
	return rc == 0 || ar->tool_succeeded ? EXIT_DONE :
	    report_archive(ar, "cannot read the backup", "nothing was changed");
}

/* Give the new database the target's name, and drop the target. -1: pg->why, and both are as before. */
static int
swap(struct pg *pg, const struct target *t, const char *new)
{
	char *variables[3] = { text_format("name=%s", t->name), text_format("new=%s", new), text_format("old=%s_old", new) };
	char *rows;
	size_t n;
	int rc = pg_query(pg, t->via, swap_sql, (const char *const[]){ variables[0], variables[1], variables[2], NULL }, &rows,
	    &n, false);

	if (rc == 0) {
		free(rows);
		if (restore_drop_database(pg, variables[2] + strlen("old=")) == -1)
			log_warning("the former database, now \"%s\", could not be dropped: %s", variables[2] + strlen("old="), pg->why);
	} else {
		pg->hint = hint_for(pg->why);
	}
	for (size_t i = 0; i < 3; i++)
		free(variables[i]);
	return rc;
}

/* The database to restore into: the target, made if missing, or a new one like it beside it. -1: pg->why. */
static int
make_database(struct pg *pg, const struct target *t, bool beside, char *name, size_t size)
{
	struct timespec now;
	char *variables[2], *rows;
	size_t n;
	int rc;

	snprintf(name, size, "%s", t->name);
	if (!beside)
		return t->exists ? 0 : restore_create_database(pg, t->name);
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(name, size, "backup_restore_%llx%lx", (unsigned long long)now.tv_sec, (unsigned long)now.tv_nsec);
	variables[0] = text_format("name=%s", t->name);
	variables[1] = text_format("new=%s", name);
	rc = pg_query(pg, t->via, like_sql, (const char *const[]){ variables[0], variables[1], NULL }, &rows, &n, true);
	if (rc == 0)
		free(rows);
	else
		restore_drop_database(&(struct pg){ .env = pg->env, .password = pg->password }, name);
	free(variables[0]);
	free(variables[1]);
	return rc;
}

static int
restore_database(struct choice *ch, const struct config *c, struct pg *pg, const struct arguments *a, struct target *t)
{
	struct archive *ar = &ch->archive;
	char what[1024], size[32], took[32], name[NAME_DATABASE_SIZE];
	int64_t started = process_clock_ms();
	bool beside = replaces(t, a);
	int rc;

	if (a->globals && (rc = restore_globals_with(ch, c, pg)) != 0)
		return rc;
	snprintf(what, sizeof what, "cannot restore %s into \"%s\"", ar->shown, t->name);
	if (make_database(pg, t, beside, name, sizeof name) == -1)
		return report_pg(pg, what);
	rc = restore_archive(ar, c, pg, a, name);
	if (rc == 0 && beside && swap(pg, t, name) == -1) {
		snprintf(ar->why, sizeof ar->why, "%s", pg->why);
		ar->hint = pg->hint;
		rc = -1;
	}
	if (rc == -1) {
		if ((beside || !t->exists) && restore_drop_database(pg, name) == -1)
			log_warning("the new database \"%s\" could not be dropped: %s", name, pg->why);
		return report_archive(ar, what, a->jobs != NULL && t->exists && !beside ? "what was done until then stays (--jobs)" :
		    "nothing was changed");
	}
	log_info("restored %s into \"%s\": %s in %s", ar->shown, t->name, text_size(size, sizeof size, ar->size_bytes),
	    text_duration(took, sizeof took, process_clock_ms() - started));
	log_hint("run ANALYZE in \"%s\" before it is put to heavy use: statistics are not part of a backup", t->name);
	return EXIT_DONE;
}

int
restore_run(const struct config *c, const struct arguments *a)
{
	struct choice *ch = text_alloc(sizeof *ch);
	struct target t = { 0 };
	struct pg pg;
	int64_t jobs;
	char sentence[1400];
	int rc;

	if (a->jobs != NULL && text_number(a->jobs, 1, 1000, &jobs) == -1) {
		log_error("--jobs: \"%s\" is no number from 1 to 1000", a->jobs);
		return EXIT_USAGE;
	}
	if (a->schema_only && a->data_only) {
		log_error("--schema-only and --data-only exclude each other");
		return EXIT_USAGE;
	}
	if ((rc = choose_backup(ch, c, a)) != 0)
		return rc;
	pg_init(&pg, c->pg_host, c->pg_port, c->pg_user, c->pg_password);
	if (ch->archive.is_sql && !a->dry_run)
		return restore_globals(&ch->archive, c, &pg);
	t.name = a->to != NULL ? a->to : *ch->database != '\0' ? ch->database : c->databases.n == 1 ? c->databases.item[0] : NULL;
	if (t.name == NULL) {
		log_error("into which database? say --to NAME");
		return EXIT_USAGE;
	}
	if (archive_prepare(&ch->archive, c) == -1)
		return report_archive(&ch->archive, "cannot read the backup", "nothing was changed");
	if (look_at_target(&t, &pg, c) == -1)
		return report_pg(&pg, "cannot look at the target");
	if ((rc = refuse(&t, a)) != 0)
		return rc;
	plan(ch, &t, c, a, sentence, sizeof sentence);
	log_info("%s", sentence);
	if (a->dry_run)
		return dry_run(&ch->archive, c, &pg);
	if ((rc = confirm(&t, a)) != 0)
		return rc;
	return restore_database(ch, c, &pg, a, &t);
}
