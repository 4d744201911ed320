#include "prune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "databases.h"
#include "exit.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/process.h"
#include "lib/retention.h"
#include "list.h"

#define UPLOAD_STALE_S (7 * 86400L)

int64_t
prune_decide(const struct config *c, const struct catalog *cat, size_t destination,
    const char *database, bool one_more, struct list *victims,
    void (*each)(const struct backup *b, const char *kept_by))
{
	struct retention_item *item = text_alloc((cat->n + 1) * sizeof *item);
	const struct backup **of = text_alloc((cat->n + 1) * sizeof *of);
	time_t now = time(NULL);
	size_t n = 0;
	int64_t kept = 0;

	/*
	 * What passes here may be deleted, and pushes others out. So it is asked twice, of the
	 * catalog and of the name itself: it has to be what we would give it.
	 */
	for (size_t i = 0; i <= cat->n; i++) {
		const struct backup *b = i < cat->n ? &cat->item[i] : NULL;

		if (one_more && (b == NULL || b->time <= now)) {
			item[n++].time = now; /* of[n] stays NULL */
			one_more = false;
		}
		if (b != NULL && b->destination == destination && backup_is_of(b, database) &&
		    name_belongs(b->file, c->label, database)) {
			of[n] = b;
			item[n++].time = b->time;
		}
	}
	retention_apply(&c->keep, now, item, n);
	for (size_t i = 0; i < n; i++) {
		kept += item[i].kept_by != NULL;
		if (of[i] != NULL && each != NULL)
			each(of[i], item[i].kept_by);
		if (of[i] != NULL && item[i].kept_by == NULL)
			list_add(victims, of[i]->file);
	}
	free(item);
	free(of);
	return kept;
}

/* Names of ours that no object has: an upload under one was never completed. */
struct ours {
	const struct config *c;
	const struct catalog *cat;
	const struct prune_scope *scope;
};

static bool
is_unfinished(void *arg, const char *name)
{
	const struct ours *o = arg;
	bool own = o->scope->globals && name_belongs(name, o->c->label, NULL);

	for (size_t i = 0; i < o->scope->databases.n; i++)
		own = own || name_belongs(name, o->c->label, o->scope->databases.item[i]);
	for (size_t i = 0; i < o->cat->n && own; i++)
		own = strcmp(o->cat->item[i].file, name) != 0;
	return own;
}

/* Delete the victims and what killed uploads left. false if not all victims could be deleted. */
static bool
clean_up(const struct config *c, struct destination *d, const struct catalog *cat,
    const struct prune_scope *scope, const struct list *victims, enum log_level level)
{
	struct ours ours = { c, cat, scope };
	bool ok = true;
	int aborted;

	if (victims->n > 0 && destination_delete(d, victims) == -1) {
		log_line(level, "cannot delete all that should go at %s (%zu old %s): %s", d->name,
		    victims->n, victims->n == 1 ? "backup" : "backups", d->why);
		if (strstr(d->why, "AccessDenied") != NULL)
			log_hint(
			    "let the key delete (s3:DeleteObject), or, where it must not, set DB_BACKUP_MAX_N=unlimited");
		else if (d->hint != NULL)
			log_hint("%s", d->hint);
		ok = false;
	} else if (victims->n > 0) {
		log_info("pruned %zu old %s at %s", victims->n,
		    victims->n == 1 ? "backup" : "backups", d->name);
	}
	aborted =
	    remote_abort_uploads(&d->remote, UPLOAD_STALE_S, time(NULL), is_unfinished, &ours);
	if (aborted > 0)
		log_info("removed %d unfinished %s older than 7 days at %s", aborted,
		    aborted == 1 ? "upload" : "uploads", d->name);
	if (aborted == -1 && process_stopping() == 0) {
		log_warning("cannot remove unfinished uploads at %s, which take space there: %s",
		    d->name, d->remote.why);
		log_hint(
		    "allow s3:ListBucketMultipartUploads and s3:AbortMultipartUpload, or let a rule of the bucket "
		    "remove them");
	}
	return ok;
}

/* The database at k of a scope; NULL: the globals. */
static const char *
scope_database(const struct prune_scope *scope, size_t k)
{
	return k < scope->databases.n ? scope->databases.item[k] : NULL;
}

void
prune_after_backup(
    const struct config *c, struct destinations *d, size_t destination, struct prune_scope *scope)
{
	size_t n = scope->databases.n + scope->globals;
	struct catalog cat = { 0 };
	struct list victims = { 0 };

	if (catalog_read_one(&cat, d, destination, c->label) == -1) {
		if (!c->keep.unlimited) /* else there was nothing to prune */
			log_warning("cannot list %s, so nothing is pruned there: %s",
			    d->item[destination].name, d->item[destination].why);
		return;
	}
	scope->kept = text_alloc(n * sizeof *scope->kept);
	for (size_t k = 0; k < n; k++)
		scope->kept[k] = prune_decide(
		    c, &cat, destination, scope_database(scope, k), false, &victims, NULL);
	if (!clean_up(c, &d->item[destination], &cat, scope, &victims, LOG_WARNING)) {
		free(scope->kept); /* how many are left there is not known */
		scope->kept = NULL;
	}
	list_free(&victims);
	catalog_free(&cat);
}

static void
print_decision(const struct backup *b, const char *kept_by)
{
	char shown[NAME_SIZE * 4], age[64];

	text_escape(shown, sizeof shown, b->file, false);
	printf("  %-6s  %-9s  %-16s  %s\n", kept_by == NULL ? "delete" : "keep",
	    kept_by == NULL ? "" : kept_by, list_age(age, sizeof age, b->time), shown);
}

/* Decide over all of scope, with a line for each backup. */
static void
decide_and_print(const struct config *c, const struct catalog *cat, const struct destination *d,
    size_t destination, const struct prune_scope *scope, struct list *victims, bool dry_run)
{
	size_t others = cat->n, foreign = cat->foreign[destination].n;
	int64_t kept = 0;

	printf("%s:\n", d->name);
	for (size_t i = 0; i < scope->databases.n + scope->globals; i++) {
		const char *database = scope_database(scope, i);
		size_t before = victims->n;
		int64_t stay =
		    prune_decide(c, cat, destination, database, false, victims, print_decision);

		kept += stay;
		if (stay == 0 && victims->n == before) {
			char shown[NAME_SIZE * 4];

			text_escape(shown, sizeof shown,
			    database == NULL ? "the globals" : database, false);
			printf(
			    database == NULL ? "  no backups of %s\n" : "  no backups of \"%s\"\n",
			    shown);
		}
	}
	others -= (size_t)kept + victims->n;
	printf("  %lld to keep, %zu to delete%s\n", (long long)kept, victims->n,
	    dry_run ? " (dry run: nothing is deleted)" : "");
	if (others + foreign > 0)
		printf("  not looked at: %zu %s of other databases, %zu other %s\n", others,
		    others == 1 ? "backup" : "backups", foreign, foreign == 1 ? "file" : "files");
	fflush(stdout);
}

int
prune_run(const struct config *c, const struct arguments *a)
{
	struct destinations *d = text_alloc(sizeof *d);
	struct prune_scope scope = { .globals = c->globals && a->db == NULL };
	struct pg pg;
	int status = EXIT_DONE;

	if (a->names.n > 0) {
		log_error("prune-backups takes no name of a backup; --db NAME names a database");
		return EXIT_USAGE;
	}
	destinations_init(d, c);
	pg_init(&pg, c->pg_host, c->pg_port, c->pg_user, c->pg_password);
	if (a->db != NULL)
		list_add(&scope.databases, a->db);
	else if (databases_wanted(c, &pg, &scope.databases) != PG_OK) {
		if (process_stopping() != 0) {
			log_error("stopped by signal %d; nothing was pruned", process_stopping());
			return EXIT_SIGNAL + process_stopping();
		}
		log_error("cannot tell the databases of the server: %s", pg.why);
		if (pg.hint != NULL)
			log_hint("%s, or name one with --db", pg.hint);
		return pg.missing != 0 ? pg.missing : EXIT_FAILED;
	}
	for (size_t i = 0; i < d->n && process_stopping() == 0; i++) {
		struct catalog cat = { 0 };
		struct list victims = { 0 };

		if (catalog_read_one(&cat, d, i, c->label) == -1) {
			log_error("cannot list %s, so nothing is pruned there: %s", d->item[i].name,
			    d->item[i].why);
			if (d->item[i].hint != NULL)
				log_hint("%s", d->item[i].hint);
			status = EXIT_FAILED;
			continue;
		}
		decide_and_print(c, &cat, &d->item[i], i, &scope, &victims, a->dry_run);
		if (!a->dry_run && !clean_up(c, &d->item[i], &cat, &scope, &victims, LOG_ERROR))
			status = EXIT_FAILED;
		list_free(&victims);
		catalog_free(&cat);
	}
	status = list_end(destinations_status(d, status));
	return process_stopping() != 0 ? EXIT_SIGNAL + process_stopping() : status;
}
