#ifndef RESTORE_H
#define RESTORE_H

#include "archive.h"
#include "arguments.h"
#include "config.h"

/* restore-db: the backup that a and c name, into a database. An exit status; reported. */
int restore_run(const struct config *c, const struct arguments *a);

/*
 * Read the globals, after archive_prepare, into memory that is the caller's to free: at most
 * 64 MiB, which have to end as the output of pg_dumpall does. NULL: why and hint of a.
 */
char *restore_read_sql(struct archive *a);

#endif
