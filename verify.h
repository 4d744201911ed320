#ifndef VERIFY_H
#define VERIFY_H

#include "archive.h"
#include "arguments.h"
#include "config.h"

/*
 * Prove that a stored backup is good: read all of it through pg_restore to
 * nowhere, its size compared; with restore also into a scratch database, which
 * is dropped again whatever happens. summary tells what was found. -1: why and
 * hint of the archive.
 */
int verify_archive(struct archive *a, const struct config *c, struct pg *pg, bool restore,
    char *summary, size_t size);

/* verify-backup; an exit status. */
int verify_run(const struct config *c, const struct arguments *a);

#endif
