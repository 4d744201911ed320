#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "backup.h"
#include "choose.h"
#include "hint.h"
#include "lib/log.h"
#include "restore.h"

static int
read_to_end(struct archive *a, const struct config *c, struct pg *pg, char *summary, size_t size)
{
	struct list argv = { 0 };
	char bytes[32], *sql;
	int rc;

	if (a->is_sql) {
		if ((sql = restore_read_sql(a, c)) == NULL)
			return -1;
		a->read_bytes = (int64_t)strlen(sql);
		free(sql);
	} else {
		list_add(&argv, "pg_restore");
		list_add(&argv, "--file=-"); /* its output goes nowhere */
		rc = archive_feed(a, c, pg, &argv, NULL, -1);
		list_free(&argv);
		if (rc == -1)
			return -1;
	}
	snprintf(summary, size, "%s read to the end", text_size(bytes, sizeof bytes, a->read_bytes));
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
	char *rows, bytes[32];
	size_t n;

	if (pg_query(pg, scratch, sql, NULL, &rows, &n, true) == -1) {
		snprintf(a->why, sizeof a->why, "its restored tables cannot be counted: %s", pg->why);
		return -1;
	}
	snprintf(summary, size, "%s restored: %s", text_size(bytes, sizeof bytes, a->read_bytes), rows);
	free(rows);
	return 0;
}

static int
restore_to_scratch(struct archive *a, const struct config *c, struct pg *pg, char *summary, size_t size)
{
	struct list argv = { 0 };
	char scratch[64];
	unsigned long long random = 0;
	int rc;

	/* a name that nobody else has */
	if (getrandom(&random, sizeof random, 0) != sizeof random) {
		snprintf(a->why, sizeof a->why, "no random name for the scratch database");
		return -1;
	}
	snprintf(scratch, sizeof scratch, "backup_verify_%016llx", random);
	if (restore_create_database(pg, scratch) == -1) {
		snprintf(a->why, sizeof a->why, "cannot make a scratch database: %s", pg->why);
		a->hint = "the user needs CREATEDB to restore into a scratch database";
		return -1;
	}
	list_add(&argv, "pg_restore");
	list_add(&argv, "--dbname=");
	list_add(&argv, "--no-password");
	list_add(&argv, "--exit-on-error");
	list_add(&argv, "--single-transaction");
	list_add(&argv, "--no-owner"); /* roles need not exist where it is tried */
	list_add(&argv, "--no-privileges");
	rc = archive_feed(a, c, pg, &argv, scratch, -1);
	if (rc == 0)
		rc = count(a, pg, scratch, summary, size);
	list_free(&argv);
	if (restore_drop_database(pg, scratch) == -1)
		log_warning("the scratch database \"%s\" could not be dropped: %s", scratch, pg->why);
	return rc;
}

int
verify_archive(struct archive *a, const struct config *c, struct pg *pg, bool restore, char *summary, size_t size)
{
	if (archive_prepare(a, c) == -1)
		return -1;
	return restore && !a->is_sql ? restore_to_scratch(a, c, pg, summary, size) :
	    read_to_end(a, c, pg, summary, size);
}

/* One backup, told to the log. */
static int
verify_one(struct choice *ch, const struct config *c, struct pg *pg, const struct arguments *a)
{
	struct archive *ar = &ch->archive;
	const char *at = ar->at == NULL ? "here" : ar->at->name;
	char summary[256];

	if (verify_archive(ar, c, pg, a->restore, summary, sizeof summary) == 0) {
		log_info("%s at %s is good: %s", ar->shown, at, summary);
		printf("good %s %s\n", at, ar->shown);
		return EXIT_DONE;
	}
	if (process_stopping() != 0)
		return EXIT_SIGNAL + process_stopping();
	log_error("%s at %s failed its verification: %s", ar->shown, at, ar->why);
	if (ar->hint != NULL)
		log_hint("%s", ar->hint);
	printf("bad %s %s\n", at, ar->shown);
	return EXIT_FAILED;
}

/* True for the newest of its database at its destination. */
static bool
is_newest(const struct catalog *cat, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (cat->item[k].destination == cat->item[i].destination && cat->item[k].name.kind == cat->item[i].name.kind &&
		    strcmp(cat->item[k].name.database, cat->item[i].name.database) == 0)
			return false;
	return true;
}

int
verify_run(const struct config *c, const struct arguments *a)
{
	struct choice *ch = text_alloc(sizeof *ch);
	struct arguments named = *a;
	struct pg pg;
	size_t n = 0, bad = 0;
	int rc;

	pg_init(&pg, c->pg_host, c->pg_port, c->pg_user, c->pg_password);
	if (a->names.n > 0) {
		named.latest = false;
		if ((rc = choose_backup(ch, c, &named)) != 0)
			return rc;
		return verify_one(ch, c, &pg, a);
	}
	if ((rc = choose_destinations(ch, c, a)) != 0)
		return rc;
	rc = catalog_read(&ch->cat, &ch->d, c->label, false) == 0 ? EXIT_DONE : EXIT_FAILED;
	for (size_t i = 0; i < ch->cat.n && process_stopping() == 0; i++) {
		if ((a->db != NULL && !backup_is_of(&ch->cat.item[i], a->db)) || (!a->all && !is_newest(&ch->cat, i)))
			continue;
		choose_archive(ch, &ch->cat.item[i]);
		n++;
		bad += verify_one(ch, c, &pg, a) != EXIT_DONE;
	}
	if (process_stopping() != 0)
		return EXIT_SIGNAL + process_stopping();
	if (n == 0) {
		log_error("no backups%s%s%s were found", a->db != NULL ? " of \"" : "", a->db != NULL ? a->db : "", a->db != NULL ? "\"" : "");
		return EXIT_FAILED;
	}
	log_info("verified %zu %s, %zu bad", n, n == 1 ? "backup" : "backups", bad);
	return bad > 0 ? EXIT_FAILED : rc;
}
