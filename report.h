#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "destination.h"

/*
 * Telling the world about a run: status file, metrics, hook, ping. Nothing here can fail a
 * backup.
 */

/* A run, as far as it is known when it begins. */
struct report {
	const struct config *c;
	const struct destinations *d;
	const struct list *named; /* the databases that were asked for; none: those of c */
	int64_t began_ms;         /* of process_clock_ms */
};

struct report_item {
	const char *database; /* NULL: the globals */
	const char *destination;
	bool done;   /* published, its size checked, verified as far as asked for */
	time_t time; /* in its name; not set if not done */
	char *name;  /* file name; NULL if not done */
	int64_t size_bytes;
	int64_t duration_ms;
	int64_t kept; /* backups that stay there after pruning; -1: not known */
	char *error;  /* why not done, "" if it was stopped before; NULL if done */
};

/*
 * A run begins: ping and hook, which may take 10 s and 60 s; 1 s each once we are asked to
 * end. What goes wrong is a warning.
 */
void report_begin(const struct report *r);

/*
 * It ended with this exit status: status file and metrics, ping, hook, as above. The n items
 * stay the caller's; none: it did not get as far, or was killed, and all that the status file
 * has failed once more. With EXIT_LOCKED neither ping nor hook is
 * called: someone else makes that backup, and tells of it. A run that was asked to end
 * counts no failure in the status file.
 */
void report_end(const struct report *r, const struct report_item *item, size_t n, int status);

#endif
