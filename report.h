#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "config.h"

/* Telling the world about a run: status file, metrics, hook, ping. Nothing here can fail a backup. */

struct report_item {
	const char *database; /* NULL: the globals */
	const char *destination;
	bool done;   /* published, its size checked, verified as far as asked for */
	time_t time; /* in its name; of the try, if not done */
	char *name;  /* file name; NULL if not done */
	int64_t size_bytes;
	int64_t duration_ms;
	int64_t kept; /* backups that stay there after pruning; -1: not known */
	char *error;  /* why not done; NULL if done */
};

/* A run begins: ping and hook. */
void report_begin(const struct config *c);

/* It ended with this exit status. */
void report_end(const struct config *c, const struct report_item *item, size_t n, int status);

#endif
