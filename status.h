#ifndef STATUS_H
#define STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "config.h"

/*
 * The status file: what backup-health tells, and the metrics. It only tells:
 * nothing is decided by it, the service makes it anew from what the
 * destinations hold, and without it nothing is lost. It holds no secrets.
 */

struct status_item {
	char *database; /* "": the globals */
	char *destination;
	bool wanted;        /* by the service: health looks at no other */
	int64_t success;    /* time in the name of the newest good backup, to year 9999; 0: none */
	int64_t size_bytes; /* of that one, and how long it took to make; -1: not known */
	int64_t duration_ms;
	int64_t kept;     /* backups that are there; -1: not known */
	int64_t failures; /* in a row, since then */
	int64_t failed;   /* time of the last failed try; 0: none */
	char *error;      /* its reason, or ""; to be set by status_set */
	/*
	 * What is named with this time or a later one was never verified, and does not count with
	 * DB_BACKUP_VERIFY set; 0: nothing. Set before a backup is stored, so it is true of
	 * runs that were killed, too.
	 */
	int64_t unverified;
};

struct status {
	int64_t pid; /* of the service; 0: none ran yet */
	int64_t started;
	int64_t next_due; /* 0: not known */
	bool working;
	/* when backups are due, for whoever reads this without the service's environment */
	char *schedule; /* an expression; "": every interval_s */
	char *zone;     /* TZ, or "" */
	int64_t interval_s, jitter_s;
	struct status_item *item;
	size_t n;
};

/*
 * What the file says, into s, which is overwritten; zero, and its strings empty, where there is
 * none or it makes no sense. To be freed by status_free. -1 with errno if it cannot be read; s
 * is as where there is none.
 */
int status_read(const struct config *c, struct status *s);

/*
 * The item of a database (NULL: the globals) at a destination, made if missing. Part of s;
 * valid until the next one is made.
 */
struct status_item *status_item(struct status *s, const char *database, const char *destination);

/* Replace a string of the status, such as the reason of the last failure, by a copy of text. */
void status_set(char **string, const char *text);

/* Whether a backup with that time in its name has to be verified before it counts. */
bool status_unverified(const struct config *c, const struct status_item *item, int64_t when);

/* Drop all items that are not wanted. */
void status_drop_unwanted(struct status *s);

/*
 * Read, change (called once, with what the file says), and replace the file
 * atomically, and the one of DB_BACKUP_METRICS_FILE; other processes wait meanwhile, for
 * 3 s at most: then they write unguarded. What goes wrong is a warning.
 */
void status_update(const struct config *c, void (*change)(struct status *s, void *arg), void *arg);

/* Free all; all zero again. */
void status_free(struct status *s);

/*
 * Say that the service of this status file lives: a lock that goes with the
 * process, so no reused process id can stand in for it. The descriptor, which
 * has to stay open; -1 with errno, EWOULDBLOCK: another one lives.
 */
int status_claim(const struct config *c);

/* Whether a service holds that lock; false also where that cannot be told. */
bool status_service_lives(const struct config *c);

#endif
