#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/pg.h"

/*
 * The database that is restored into, and those made beside it. A database is
 * replaced by restoring into a new one and then swapping the names in one
 * transaction. So a failure changes nothing, with --jobs too; nothing stays of
 * what the backup does not have; and no DROP of pg_restore --clean can fail on
 * partitions or on what depends on them.
 */

struct target {
	const char *name;
	const char
	    *via; /* a database to connect to beside it; the target itself if there is no other */
	bool exists, is_template;
	long tables; /* that users made */
	long
	    objects; /* all that is in it and not in a new database; counts some things several times */
	long sessions; /* of others */
	long ties; /* subscriptions, logical slots, prepared transactions: it cannot be dropped */
	bool
	    lenient; /* pg_restore sets a parameter that this server does not know; see archive.h */
};

/* Connect to a database of maintenance, or to last (may be NULL), waiting for the server. via: which it was. */
enum pg_result target_connect(
    struct pg *pg, const char *last, int64_t wait_ms, const char **via, struct pg_server *server);

/* Find out all about t, whose name is set. */
enum pg_result target_look(struct target *t, struct pg *pg, int64_t wait_ms);

/*
 * Make the database to restore into, and tell its name: t itself if it is
 * missing, else a new one beside it with all that belongs to t as a database
 * and is in no archive: owner, locale, tablespace, rights, settings, comment.
 * Not cut short when we are asked to end, so that what it leaves can be
 * dropped. -1: pg->why, pg->hint, and nothing is left.
 */
int target_make(const struct target *t, struct pg *pg, char *name, size_t size);

/*
 * Give the database new the target's name and drop what had it, waiting for up
 * to wait_ms for sessions to leave. -1: pg->why, pg->hint, and all is as before.
 */
int target_swap(const struct target *t, struct pg *pg, const char *new, int64_t wait_ms);

/* A database made from template0, or gone with our own sessions in it; through via. -1: pg->why, pg->hint. Also when asked to end. */
int target_create(struct pg *pg, const char *via, const char *name);
int target_drop(struct pg *pg, const char *via, const char *name);

/* Whether this pg_restore fails on this server's settings, and has to be run leniently. */
bool target_is_lenient(struct pg *pg, const struct pg_server *server);

#endif
