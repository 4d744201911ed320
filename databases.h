#ifndef DATABASES_H
#define DATABASES_H

#include "config.h"
#include "lib/pg.h"

/*
 * The databases to back up, added to out: those of DB_NAME, or, for `*`, all
 * that the server has now (without templates and those of DB_EXCLUDE), for which
 * it is waited c->wait_s. PG_OK; or, if the server cannot be asked, which is not
 * reported, what pg_connect returned or PG_FAILED: pg->why and pg->hint tell.
 */
enum pg_result databases_wanted(const struct config *c, struct pg *pg, struct list *out);

#endif
