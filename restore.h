#ifndef RESTORE_H
#define RESTORE_H

#include "archive.h"
#include "arguments.h"
#include "config.h"

/* restore-db; an exit status. */
int restore_run(const struct config *c, const struct arguments *a);

/* A database made from template0, or gone. -1: pg->why, pg->hint. drop works also when we are asked to end. */
int restore_create_database(struct pg *pg, const char *name);
int restore_drop_database(struct pg *pg, const char *name);

/* Read a small file of SQL at a destination into memory, the caller's; NULL: why. */
char *restore_read_sql(struct archive *a, const struct config *c);

#endif
