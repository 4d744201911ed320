#ifndef LIST_H
#define LIST_H

#include <time.h>

#include "arguments.h"
#include "catalog.h"
#include "config.h"

/* list-backups: what the destinations hold, on standard output. An exit status; reported. */
int list_run(const struct config *c, const struct arguments *a);

/*
 * "2026-11-22 09:23:45 UTC"; by the clock now "3 h 5 min ago" or "in 2 d 1 h". size 64 is
 * enough. Return out.
 */
const char *list_time(char *out, size_t size, time_t t);
const char *list_age(char *out, size_t size, time_t t);

/*
 * What was asked for is on standard output: returns status, or, if it could not all be
 * written, EXIT_FAILED; reported.
 */
int list_end(int status);

/*
 * The destinations that hold the same file as cat->item[i], with the same size,
 * from i on, as "local, cloud", cut to fit; their items are marked in done (cat->n of
 * them), so that a loop over i that skips those shows each backup once.
 */
void list_places(const struct catalog *cat, size_t i, const struct destinations *d, bool *done,
    char *out, size_t size);

#endif
