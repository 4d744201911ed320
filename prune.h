#ifndef PRUNE_H
#define PRUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "arguments.h"
#include "catalog.h"
#include "config.h"

/*
 * Retention, applied: lists a destination, asks lib/retention.c, deletes.
 * Only names that parse as those of the given databases are ever deleted, and
 * without a complete listing nothing is.
 */

struct prune_scope {
	struct list databases; /* names, each once */
	bool globals;
	int64_t *kept; /* how many stay, of each and then of the globals; NULL: not known */
};

/*
 * Decide over the backups of a database (NULL: the globals) at a destination: calls each,
 * where it is not NULL, for every one, newest first (kept_by as in lib/retention.h), and adds
 * the files that may be deleted to victims. With one_more as if there were one made now, too.
 * Returns how many stay. Deletes nothing.
 */
int64_t prune_decide(const struct config *c, const struct catalog *cat, size_t destination,
    const char *database, bool one_more, struct list *victims,
    void (*each)(const struct backup *b, const char *kept_by));

/*
 * Prune one destination, after each of scope got a verified new backup there.
 * destination is an index in d. What cannot be done is a warning. Fills in what is
 * kept, the caller's to free.
 */
void prune_after_backup(
    const struct config *c, struct destinations *d, size_t destination, struct prune_scope *scope);

/* The command: every destination, with a line for each backup; an exit status. */
int prune_run(const struct config *c, const struct arguments *a);

#endif
