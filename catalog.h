#ifndef CATALOG_H
#define CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "destination.h"

/* What the destinations hold, as backups. There is no other record of them. */

struct backup {
	bool globals, encrypted;
	time_t time;          /* in its name */
	const char *database; /* the catalog's; "" for globals */
	char *file;           /* the catalog's */
	int64_t size_bytes;
	size_t destination; /* index in struct destinations */
};

/* Starts all zero. */
struct catalog {
	struct backup *item; /* newest first, then by file name, then by destination */
	size_t n;
	struct list databases; /* whose backups there are, in no order; "" if there are globals */
	/* what does not parse, sorted by name; hidden files are left out */
	struct listing foreign[DESTINATIONS_MAX];
	struct listing hidden[DESTINATIONS_MAX];
	bool failed[DESTINATIONS_MAX]; /* it could not be listed: nothing is known of it */
};

/*
 * List all destinations; label is the configuration's. Reports each that cannot be
 * listed with an error line (unless we are asked to stop), and goes on. 0, or -1 if
 * any failed.
 */
int catalog_read(struct catalog *cat, struct destinations *d, const char *label);

/*
 * List one destination, quietly, and add to cat, each but once. Items move: pointers to
 * them and indexes do not outlive it. -1 if it cannot be listed: its why and hint tell.
 */
int catalog_read_one(
    struct catalog *cat, struct destinations *d, size_t destination, const char *label);

/* Whether it is one of this database (NULL: the globals). */
bool backup_is_of(const struct backup *b, const char *database);

/*
 * The newest backup of a database (NULL: the globals) at a destination that is
 * not dated after not_after; NULL if there is none. Valid until cat changes.
 */
const struct backup *catalog_newest(
    const struct catalog *cat, size_t destination, const char *database, time_t not_after);

/* The latest time that is believed of a backup: an hour from now, by which clocks may differ. */
time_t catalog_not_after(void);

/* The size of the newest of a database (NULL: the globals) anywhere, by which to guess the next; 0 if there is none. */
int64_t catalog_newest_size(const struct catalog *cat, const char *database);

/* Add the names of databases that have backups, each once, to out, and sort all of out. */
void catalog_databases(const struct catalog *cat, struct list *out);

/* Free all; all zero again. */
void catalog_free(struct catalog *cat);

#endif
