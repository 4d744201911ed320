#ifndef VERIFY_H
#define VERIFY_H

#include "archive.h"
#include "arguments.h"
#include "config.h"

/*
 * Prove that a stored backup is good: read all of it through pg_restore to
 * nowhere, its size compared; with restore also into a scratch database, which
 * is dropped again whatever happens (globals are only read). Calls archive_prepare
 * itself. summary, for which 256 bytes are enough, tells what was found. 0; -1: it could not be
 * verified, also when asked to end; VERIFY_BAD: all of it came, and pg_restore cannot read
 * it. Then why and hint of the archive tell.
 */
#define VERIFY_BAD (-2)
int verify_archive(struct archive *a, const struct config *c, struct pg *pg, bool restore,
    char *summary, size_t size);

/* verify-backup: a line for each on standard output. An exit status; reported. */
int verify_run(const struct config *c, const struct arguments *a);

#endif
