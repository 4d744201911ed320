#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choose.h"
#include "exit.h"
#include "lib/log.h"
#include "list.h"
#include "target.h"

#define COUNT_LIMIT_MS (INT64_C(7) * 24 * 60 * 60 * 1000)

static int
read_to_end(struct archive *a, const struct config *c, struct pg *pg, char *summary, size_t size)
{
	struct list argv = { 0 };
	char bytes[32], *sql;
	int rc;

	if (a->is_sql) {
		if ((sql = archive_read_sql(a, c, pg)) == NULL)
			return -1;
		a->read_bytes = (int64_t)strlen(sql);
		free(sql);
	} else {
		list_add(&argv, "pg_restore");
		list_add(&argv, "--file=-"); /* its output goes nowhere */
		rc = archive_feed(a, c, pg, &argv, NULL, -1, false);
		list_free(&argv);
		if (rc == -1)
			return -1;
	}
	snprintf(
	    summary, size, "%s read to the end", text_size(bytes, sizeof bytes, a->read_bytes));
	return 0;
}

/* Tables and rows of the scratch database. */
static int
count(struct archive *a, struct pg *pg, const char *scratch, char *summary, size_t size)
{
	static const char sql[] =
	    "DO $$ DECLARE t record; n bigint; tables bigint := 0; rows numeric := 0; BEGIN\n"
	    "FOR t IN SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace\n"
	    "  WHERE c.relkind = 'r' AND s.nspname NOT IN ('pg_catalog', 'information_schema') LOOP\n"
	    "  EXECUTE 'SELECT count(*) FROM ONLY ' || t.name INTO n; tables := tables + 1; rows := rows + n;\n"
	    "END LOOP; PERFORM set_config('backup.found', tables || ' tables, ' || rows || ' rows', false); END $$;\n"
	    "SELECT current_setting('backup.found');\n";
	struct pg patient = *pg;
	char *rows, bytes[32];
	size_t n;

	patient.limit_ms = COUNT_LIMIT_MS;
	if (pg_query(&patient, scratch, sql, NULL, &rows, &n, true) == -1) {
		snprintf(a->why, sizeof a->why, "its restored tables cannot be counted: %s",
		    patient.why);
		return -1;
	}
	snprintf(
	    summary, size, "%s restored: %s", text_size(bytes, sizeof bytes, a->read_bytes), rows);
	free(rows);
	return 0;
}

/* What an earlier run had no chance to drop is only told: it could be another's that still runs. */
static void
warn_of_leftovers(struct pg *pg, const char *via, const char *scratch)
{
	char *rows;
	size_t n;

	if (pg_query(pg, via,
		"SELECT datname FROM pg_database d WHERE datname LIKE 'backup\\_verify\\_%' AND NOT EXISTS\n"
		"  (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname);\n",
		NULL, &rows, &n, true) == -1)
		return;
	for (size_t at = 0; at < n; at += strlen(rows + at) + 1)
		if (strcmp(rows + at, scratch) != 0) {
			log_warning(
			    "the database \"%s\" seems to be left over from a verification that was killed",
			    rows + at);
			log_hint("if no other verification runs: DROP DATABASE \"%s\"", rows + at);
		}
	free(rows);
}

static int
restore_to_scratch(
    struct archive *a, const struct config *c, struct pg *pg, char *summary, size_t size)
{
	struct list argv = { 0 };
	struct pg_server server;
	struct pg tools;
	char scratch[64];
	const char *via;
	bool lenient;
	int rc;

	target_name_beside(scratch, sizeof scratch, "verify");
	if (pg_connect_aside(pg, NULL, c->wait_s * 1000, &via, &server) != PG_OK ||
	    target_create(pg, via, scratch) == -1) {
		snprintf(a->why, sizeof a->why, "cannot make a scratch database: %s", pg->why);
		a->hint = pg->hint;
		a->missing = pg->missing;
		return -1;
	}
	warn_of_leftovers(pg, via, scratch);
	lenient = target_is_lenient(pg, &server);
	/* roles, tablespaces and publishers need not exist where it is tried; a subscription would keep it from being dropped */
	list_words(&argv, "pg_restore", "--dbname=", "--no-password", "--no-owner",
	    "--no-privileges", "--no-tablespaces", "--no-publications", "--no-subscriptions",
	    "--no-security-labels");
	if (!lenient)
		list_add(&argv, "--exit-on-error");
	pg_with_option(&tools, pg, "-c synchronous_commit=off"); /* it need not last */
	rc = archive_feed(a, c, &tools, &argv, scratch, -1, lenient);
	list_free(&tools.env);
	if (rc == 0)
		rc = count(a, pg, scratch, summary, size);
	list_free(&argv);
	if (target_drop(pg, via, scratch) == -1) {
		log_warning(
		    "the scratch database \"%s\" could not be dropped: %s", scratch, pg->why);
		log_hint("drop it: DROP DATABASE \"%s\"", scratch);
	}
	return rc;
}

/*
 * A tool refused it: is it to blame? It is if pg_restore, run to nowhere, refuses it too, and all
 * of it arrives: what was refused may have been the beginning of something that is cut on its way.
 */
static bool
is_bad(struct archive *a, const struct config *c, struct pg *pg, bool restore)
{
	static const char *const not_its_fault[] = { "unsupported version",
		"does not support compression", "out of memory" };
	struct archive copy = *a;
	char summary[256];

	if (!a->refused || (restore && read_to_end(&copy, c, pg, summary, sizeof summary) == 0))
		return false;
	for (size_t i = 0; i < sizeof not_its_fault / sizeof not_its_fault[0]; i++)
		if (strstr(copy.why, not_its_fault[i]) != NULL)
			return false;
	return copy.refused && archive_arrives(&copy, c, pg) && process_stopping() == 0;
}

int
verify_archive(struct archive *a, const struct config *c, struct pg *pg, bool restore,
    char *summary, size_t size)
{
	int rc;

	if (archive_prepare(a, c) == -1)
		return -1;
	restore = restore && !a->is_sql;
	rc = restore ? restore_to_scratch(a, c, pg, summary, size) :
		       read_to_end(a, c, pg, summary, size);
	return rc == -1 && is_bad(a, c, pg, restore) ? VERIFY_BAD : rc;
}

/* One backup, told to the log. */
static int
verify_one(struct choice *ch, const struct config *c, struct pg *pg, const struct arguments *a)
{
	struct archive *ar = &ch->archive;
	const char *at = ar->at == NULL ? "here" : ar->at->name;
	char summary[256];
	int rc = verify_archive(ar, c, pg, a->restore, summary, sizeof summary);

	if (rc == 0) {
		log_info("%s at %s is good: %s", ar->file, at, summary);
		printf("good %s %s\n", at, ar->file);
		return EXIT_DONE;
	}
	if (process_stopping() != 0) {
		log_error("stopped by signal %d before %s at %s was verified", process_stopping(),
		    ar->file, at);
		return EXIT_SIGNAL + process_stopping();
	}
	log_error("%s at %s %s: %s", ar->file, at,
	    rc == VERIFY_BAD ? "is bad" : "could not be verified", ar->why);
	if (ar->hint != NULL)
		log_hint("%s", ar->hint);
	printf("%s %s %s\n", rc == VERIFY_BAD ? "bad" : "unknown", at, ar->file);
	return ar->missing != 0 ? ar->missing : EXIT_FAILED;
}

/* The newest backup of the same database, or globals, at the same destination; one dated ahead only if all are. */
static const struct backup *
newest(const struct catalog *cat, const struct backup *b)
{
	const char *database = b->globals ? NULL : b->database;
	const struct backup *of =
	    catalog_newest(cat, b->destination, database, catalog_not_after());

	return of != NULL ? of : catalog_newest(cat, b->destination, database, NAME_TIME_MAX);
}

/* All that are meant: those named, at each destination that has them; the newest, or all. */
static int
verify_listed(struct choice *ch, const struct config *c, struct pg *pg, const struct arguments *a)
{
	const char *name = a->names.n > 0 ? a->names.item[0] : NULL;
	size_t n = 0, bad = 0;
	int rc = ch->listed ? EXIT_DONE : destinations_status(&ch->d, EXIT_FAILED);

	for (size_t i = 0; i < ch->cat.n && process_stopping() == 0; i++) {
		const struct backup *b = &ch->cat.item[i];
		int one;

		if (name != NULL ? strcmp(b->file, name) != 0 :
				   (a->db != NULL && !backup_is_of(b, a->db)) ||
				       (!a->all && b != newest(&ch->cat, b)))
			continue;
		choose_archive(ch, b);
		n++;
		one = verify_one(ch, c, pg, a);
		bad += one != EXIT_DONE;
		rc = one > rc ? one : rc;
	}
	if (process_stopping() != 0) {
		if (rc < EXIT_SIGNAL) /* else it was told already */
			log_error("stopped by signal %d: %zu verified, %zu bad or unknown",
			    process_stopping(), n, bad);
		return EXIT_SIGNAL + process_stopping();
	}
	if (n == 0) {
		log_error("no backups%s%s%s were found", a->db != NULL ? " of \"" : "",
		    a->db != NULL ? a->db : "", a->db != NULL ? "\"" : "");
		return destinations_status(&ch->d, EXIT_FAILED);
	}
	log_info("verified %zu %s, %zu bad or unknown", n, n == 1 ? "backup" : "backups", bad);
	return rc;
}

int
verify_run(const struct config *c, const struct arguments *a)
{
	struct choice *ch = text_alloc(sizeof *ch);
	struct pg pg;
	int rc;

	pg_init(&pg, c->pg_host, c->pg_port, c->pg_user, c->pg_password);
	if (a->names.n > 0) {
		if ((rc = choose_backup(ch, c, a)) != 0)
			return rc;
		/* a file of one's own, or not named as ours are */
		if (ch->time == 0)
			return list_end(verify_one(ch, c, &pg, a));
	} else {
		if ((rc = choose_destinations(ch, c, a)) != 0)
			return rc;
		ch->listed = catalog_read(&ch->cat, &ch->d, c->label) == 0;
	}
	return list_end(verify_listed(ch, c, &pg, a));
}
