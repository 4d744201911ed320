#ifndef VERIFY_H
#define VERIFY_H

#include "archive.h"
#include "arguments.h"
#include "config.h"

#define VERIFY_BAD (-2)

/*
 * Prove that a stored backup is good: read all of it through pg_restore to
 * nowhere, its size compared; with restore also into a scratch database, which
 * is dropped again whatever happens (globals are only read). Calls archive_prepare
 * itself. summary, for which 256 bytes are enough, tells what was found. 0; else why and
 * hint of the archive tell: VERIFY_BAD if it is proven to be bad, for all of it arrived with the right
 * length and pg_restore refuses it (globals: their last line is missing); -1 if it could not be
 * verified: a download that failed, no scratch database, a tool that is missing or was killed, or
 * we are asked to end.
 */
int verify_archive(struct archive *a, const struct config *c, struct pg *pg, bool restore,
    char *summary, size_t size);

/* verify-backup: a line for each on standard output. An exit status; reported. */
int verify_run(const struct config *c, const struct arguments *a);

#endif
