#ifndef HEALTH_H
#define HEALTH_H

#include "arguments.h"
#include "config.h"

/*
 * backup-health: one line that says whether the service lives and every backup
 * that it is to make is young enough, from the status file and its lock alone.
 * Returns 0 if so, else 1. With a->prometheus it prints the metrics instead, and
 * returns 1 only if the file cannot be read or nothing be written.
 */
int health_run(const struct config *c, const struct arguments *a);

#endif
