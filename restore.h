#ifndef RESTORE_H
#define RESTORE_H

#include "archive.h"
#include "arguments.h"
#include "config.h"

/* restore-db; an exit status. */
int restore_run(const struct config *c, const struct arguments *a);

/* Read a small file of SQL at a destination into memory, the caller's; NULL: why. */
char *restore_read_sql(struct archive *a);

#endif
