#ifndef DATABASES_H
#define DATABASES_H

#include "config.h"
#include "lib/pg.h"

/*
 * The databases to back up, added to out: those of DB_NAME, or, for `*`, all
 * that the server has now (without templates and those of DB_EXCLUDE). If the
 * server cannot be asked, which is not reported, pg->why and pg->hint tell, and
 * the result whether asking again may help.
 */
enum pg_result databases_wanted(const struct config *c, struct pg *pg, struct list *out);

#endif
