#include "look.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "catalog.h"
#include "databases.h"
#include "exit.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/pg.h"
#include "lib/process.h"
#include "status.h"
#include "version.h"

struct view {
	const struct config *c;
	struct destinations d;
	struct catalog cat;
	struct list databases;
	bool guessed; /* they are only those that have backups */
	time_t not_after;
	struct look look;
};

static char *
describe_retention(const struct retention_policy *keep)
{
	const struct {
		int n;
		const char *unit;
	} rules[] = { { keep->daily, "days" }, { keep->weekly, "weeks" },
		{ keep->monthly, "months" }, { keep->yearly, "years" } };
	struct list words = { 0 };
	char *text;

	if (keep->unlimited)
		return text_copy("all");
	if (keep->last > 0)
		list_addf(&words, "the newest %d", keep->last);
	if (keep->keep_s > 0)
		list_addf(&words, "all of the last %ld days", keep->keep_s / 86400);
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
		if (rules[i].n > 0)
			list_addf(&words, "the newest of each of %d %s", rules[i].n, rules[i].unit);
	text = text_join(&words, ", ");
	list_free(&words);
	return text;
}

static void
log_tools(const struct config *c)
{
	char dump[64] = "", rclone[128], why[512], none[160] = "";
	struct process p;
	struct pg pg;

	pg_init(&pg, c->pg_host, c->pg_port, c->pg_user, NULL);
	if (pg_tool_version(&pg, &p, "pg_dump", dump, sizeof dump) == -1)
		snprintf(none, sizeof none, "that cannot be run (%.128s)",
		    *p.said ? p.said : process_fate(&p));
	if (remote_version(why, sizeof why) == -1)
		snprintf(rclone, sizeof rclone, "that cannot be run (%.100s)", why);
	else
		snprintf(rclone, sizeof rclone, "%.100s", why);
	log_info("backup-service %s with pg_dump %s and rclone %s", VERSION, *none ? none : dump,
	    rclone);
}

/* What is backed up where, when, and how many are kept; no secrets. */
static void
introduce(const struct view *v)
{
	const struct config *c = v->c;
	struct list what = { 0 }, where = { 0 };
	char *whats, *wheres, *kept = describe_retention(&c->keep), text[64];

	log_tools(c);
	for (size_t i = 0; i < c->databases.n; i++)
		list_addf(&what, "\"%s\"", c->databases.item[i]);
	if (c->all_databases)
		list_add(&what, "all databases");
	if (c->globals)
		list_add(&what, "globals");
	for (size_t i = 0; i < v->d.n; i++)
		list_addf(&where, "%s (%s)", v->d.item[i].name,
		    v->d.item[i].directory != NULL          ? v->d.item[i].directory :
		    strcmp(v->d.item[i].name, "cloud") == 0 ? c->s3_bucket :
							      v->d.item[i].remote.path);
	whats = text_join(&what, ", ");
	wheres = text_join(&where, ", ");
	log_info(
	    "backing up %s of %s@%s:%s to %s", whats, c->pg_user, c->pg_host, c->pg_port, wheres);
	if (c->schedule_text != NULL)
		log_info("by schedule \"%s\" (%s), keeping %s", c->schedule_text, tzname[0], kept);
	else
		log_info("every %s, keeping %s",
		    text_duration(text, sizeof text, c->interval_s * 1000), kept);
	list_free(&what);
	list_free(&where);
	free(whats);
	free(wheres);
	free(kept);
}

/*
 * Without the server: those that have backups. But one of them may have been dropped, and one
 * may be new: so what the status says, and nothing that a run is due for.
 */
static void
find_databases(struct view *v)
{
	struct config c = *v->c;
	struct list known = { 0 };
	struct pg pg;

	c.wait_s = 0;
	pg_init(&pg, c.pg_host, c.pg_port, c.pg_user, c.pg_password);
	if (databases_wanted(&c, &pg, &v->databases) == PG_OK)
		return;
	if (process_stopping() == 0)
		log_error("cannot tell the databases of the server: %s", pg.why);
	v->guessed = true;
	catalog_databases(&v->cat, &known);
	for (size_t i = 0; i < known.n; i++)
		if (!list_has(&c.exclude, known.item[i]))
			list_add(&v->databases, known.item[i]);
	list_free(&known);
}

static void
older(int64_t *oldest, const struct backup *b)
{
	if (b != NULL && (*oldest == 0 || b->time < *oldest))
		*oldest = b->time;
}

/* What there is of one database at one destination, into its item of the status. */
static void
view_one(struct view *v, size_t destination, const char *database, struct status *s)
{
	const struct backup *b = catalog_newest(&v->cat, destination, database, v->not_after);
	struct status_item *item = status_item(s, database, v->d.item[destination].name);

	item->wanted = true;
	if (v->cat.failed[destination])
		return;
	if (database == NULL || !v->guessed) {
		older(&v->look.oldest, b);
		older(&v->look.any_oldest,
		    catalog_newest(&v->cat, destination, database, NAME_TIME_MAX));
		v->look.missing += b == NULL || status_unverified(v->c, item, b->time);
	}
	/* one that was never verified is not good because it is there */
	if (b == NULL || !status_unverified(v->c, item, b->time)) {
		if (item->success != (b == NULL ? 0 : b->time))
			item->duration_ms = -1;
		item->success = b == NULL ? 0 : b->time;
		item->size_bytes = b == NULL ? -1 : b->size_bytes;
	}
	item->kept = 0;
	for (size_t i = 0; i < v->cat.n; i++)
		item->kept += v->cat.item[i].destination == destination &&
			      backup_is_of(&v->cat.item[i], database);
}

static void
view_all(struct status *s, void *arg)
{
	struct view *v = arg;

	for (size_t i = 0; i < s->n; i++)
		s->item[i].wanted = false;
	v->look = (struct look){ .unknown = v->guessed };
	for (size_t i = 0; i < v->d.n; i++) {
		v->look.unknown += v->cat.failed[i];
		for (size_t k = 0; k < v->databases.n; k++)
			view_one(v, i, v->databases.item[k], s);
		if (v->c->globals)
			view_one(v, i, NULL, s);
	}
	/* all databases, and there is none: the run tells of it */
	v->look.missing += v->databases.n == 0 && !v->guessed && !v->c->globals;
	status_drop_unwanted(s);
}

int
look_run(const struct config *c, const struct arguments *a)
{
	struct view *v = text_alloc(sizeof *v);
	time_t now = time(NULL);

	v->c = c;
	destinations_init(&v->d, c);
	if (a->names.n > 0)
		introduce(v);
	catalog_read(&v->cat, &v->d, c->label);
	find_databases(v);
	if (process_stopping() != 0)
		return EXIT_SIGNAL + process_stopping();
	v->not_after = now + schedule_longest_gap(&c->schedule, now) / 10;
	status_update(c, view_all, v);
	printf(LOOK_PRINT, v->look.oldest, v->look.any_oldest, v->look.missing, v->look.unknown);
	return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}
