#ifndef DATABASES_H
#define DATABASES_H

#include "config.h"
#include "lib/pg.h"

/*
 * The databases to back up, added to out: those of DB_NAME, or, for `*`, all
 * that the server has (without templates and those of DB_EXCLUDE). -1 if the
 * server cannot be asked: not reported, pg->why and pg->hint tell.
 */
int databases_wanted(const struct config *c, struct pg *pg, struct list *out);

#endif
