#ifndef PRUNE_H
#define PRUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "arguments.h"
#include "config.h"
#include "destination.h"

/*
 * Retention, applied: lists a destination, asks lib/retention.c, deletes.
 * Only names that parse as those of the given databases are ever deleted, and
 * without a complete listing nothing is.
 */

struct prune_scope {
	struct list databases;
	bool globals;
};

/*
 * Prune one destination, after each of scope got a verified new backup there.
 * What cannot be done is a warning. Returns false if nothing is known of what
 * stays; else kept counts can be had from prune_kept.
 */
bool prune_after_backup(const struct config *c, struct destinations *d, size_t destination,
    const struct prune_scope *scope);

/* How many of a database (NULL: the globals) the last prune_after_backup left there; -1 if not known. */
int64_t prune_kept(const char *database);

/* The command: every destination, with a line for each backup; an exit status. */
int prune_run(const struct config *c, const struct arguments *a);

#endif
