#ifndef CHOOSE_H
#define CHOOSE_H

#include "archive.h"
#include "arguments.h"
#include "catalog.h"
#include "config.h"
#include "lib/name.h"

/* Which backup is meant: by name, file, --latest, --at, or asked for on a terminal. */

struct choice {
	struct destinations d;
	struct catalog cat;
	bool listed;                       /* cat was read, and all of it could be */
	struct archive archive;            /* what was chosen */
	char database[NAME_DATABASE_SIZE]; /* whose backup it is; "" where its name does not tell */
	time_t time;                       /* 0 where its name does not tell */
};

/*
 * Destinations as --from says: one of the configured, or any directory; all
 * without it. 0, or an exit status; reported.
 */
int choose_destinations(struct choice *ch, const struct config *c, const struct arguments *a);

/* The whole dialogue of restore-db. 0, or an exit status; reported. */
int choose_backup(struct choice *ch, const struct config *c, const struct arguments *a);

/* Point archive at one backup of the catalog. */
void choose_archive(struct choice *ch, const struct backup *b);

/* True if there is someone to ask. */
bool choose_can_ask(void);

/*
 * Ask, on standard error, and read a line from standard input into out, without
 * its newline. -1 at end of input or when asked to stop.
 */
int choose_ask(const char *question, char *out, size_t size);

#endif
