#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "config.h"

/*
 * Telling the world about a run: status file, metrics, hook, ping. Nothing here can fail a
 * backup.
 */

struct report_item {
	const char *database; /* NULL: the globals */
	const char *destination;
	bool done; /* published, its size checked, verified as far as asked for */
	/*
	 * in its name, also of a backup that failed its verification; if nothing was stored, of
	 * the try
	 */
	time_t time;
	char *name; /* file name; NULL if not done */
	int64_t size_bytes;
	int64_t duration_ms;
	int64_t kept; /* backups that stay there after pruning; -1: not known */
	char *error;  /* why not done, "" if it was stopped before; NULL if done */
};

/*
 * A run begins: ping and hook, which may take 10 s and 60 s; 1 s each once we are asked to
 * end. What goes wrong is a warning.
 */
void report_begin(const struct config *c);

/*
 * It ended with this exit status, after report_begin: status file and metrics, ping, hook,
 * as above. The n items stay the caller's. With EXIT_LOCKED neither ping nor hook is
 * called: someone else makes that backup, and tells of it. A run that was asked to end
 * counts no failure in the status file.
 */
void report_end(const struct config *c, const struct report_item *item, size_t n, int status);

#endif
