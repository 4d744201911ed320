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
	char *file;
	int64_t size_bytes;
	size_t destination; /* index in struct destinations */
};

struct catalog {
	struct backup *item; /* newest first, then by file name, then by destination */
	size_t n;
	struct list databases; /* whose backups there are, in no order; "" if there are globals */
	struct listing
	    foreign[DESTINATIONS_MAX]; /* what does not parse, by name; hidden files are left out */
	struct listing hidden[DESTINATIONS_MAX];
	bool failed[DESTINATIONS_MAX]; /* it could not be listed: nothing is known of it */
};

/*
 * List all destinations. Reports each that cannot be listed with an error line
 * (unless we
 * are asked to stop), and goes on. 0, or -1 if any failed.
 */
int catalog_read(struct catalog *cat, struct destinations *d, const char *label);

/* List one destination, quietly, and add to cat. -1 if it cannot be listed; its why tells. */
int catalog_read_one(
    struct catalog *cat, struct destinations *d, size_t destination, const char *label);

/* Whether it is one of this database (NULL: the globals). */
bool backup_is_of(const struct backup *b, const char *database);

/*
 * The newest backup of a database (NULL: the globals) at a destination that is
 * not dated after not_after; NULL if there is none.
 */
const struct backup *catalog_newest(
    const struct catalog *cat, size_t destination, const char *database, time_t not_after);

/* Databases that have backups, sorted, each once. */
void catalog_databases(const struct catalog *cat, struct list *out);

void catalog_free(struct catalog *cat);

#endif
