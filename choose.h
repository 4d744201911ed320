#ifndef CHOOSE_H
#define CHOOSE_H

#include "archive.h"
#include "arguments.h"
#include "catalog.h"
#include "config.h"
#include "lib/name.h"

/* Which backup is meant: by name, file, --latest, --at, or asked for on a terminal. */

/* Starts all zero. archive points into d and cat. */
struct choice {
	struct destinations d;
	struct catalog cat;
	bool listed;                       /* cat was read, and all of it could be */
	struct archive archive;            /* what was chosen */
	char database[NAME_DATABASE_SIZE]; /* whose backup it is; "" where its name does not tell */
	time_t time;                       /* 0 where its name does not tell */
};

/*
 * Destinations as --from says: one of the configured, or any directory (without
 * DB_BACKUP_PREFIX's folder); all without it. They are not listed yet. 0, or an exit
 * status; reported.
 */
int choose_destinations(struct choice *ch, const struct config *c, const struct arguments *a);

/*
 * Fill all of ch as a says, in the end by the dialogue of restore-db. A file of one's own is
 * looked for nowhere else: then nothing is listed. 0, or an exit status; reported.
 */
int choose_backup(struct choice *ch, const struct config *c, const struct arguments *a);

/* Point archive at one backup of the catalog, and take over its database and time. */
void choose_archive(struct choice *ch, const struct backup *b);

/* True if there is someone to ask: standard input and error are terminals. */
bool choose_can_ask(void);

/*
 * Ask, on standard error, and read a line from standard input into out, without
 * its newline and cut to fit. 0, or -1 at end of input or when asked to stop.
 */
int choose_ask(const char *question, char *out, size_t size);

#endif
