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
	const char *name; /* the caller's; all else comes from target_look */
	/* a database to connect to beside it; the target itself if there is no other */
	const char *via;
	bool exists, is_template;
	long tables; /* that users made */
	/* all that is in it and not in a new database; counts some things several times */
	long objects;
	long sessions; /* of others */
	long ties; /* subscriptions, logical slots, prepared transactions: it cannot be dropped */
	/* pg_restore sets a parameter that this server does not know; see archive.h */
	bool lenient;
};

/*
 * Connect to a database of maintenance, or to last (may be NULL), waiting for the server
 * for up to wait_ms. via: which it was, static or last. As pg_connect.
 */
enum pg_result target_connect(
    struct pg *pg, const char *last, int64_t wait_ms, const char **via, struct pg_server *server);

/*
 * Find out all about t, whose name is set and all else zero, from the server's catalogs.
 * PG_OK if that worked, whether it exists or not; else pg->why and pg->hint.
 */
enum pg_result target_look(struct target *t, struct pg *pg, int64_t wait_ms);

/*
 * Make the database to restore into, and tell its name: t itself if it is
 * missing, else a new one beside it with all that belongs to t as a database
 * and is in no archive: owner, locale, tablespace, rights, settings, comment.
 * Not cut short when we are asked to end, so that what it leaves can be
 * dropped. NAME_DATABASE_SIZE is enough for name. -1: pg->why, pg->hint, and nothing is left.
 */
int target_make(const struct target *t, struct pg *pg, char *name, size_t size);

/*
 * Give the database new the target's name and drop what had it, waiting for up
 * to wait_ms for sessions to leave. 0 also if only the dropping failed, which is
 * reported. -1: pg->why, pg->hint, and all is as before; new is the caller's to drop.
 */
int target_swap(const struct target *t, struct pg *pg, const char *new, int64_t wait_ms);

/*
 * A database made from template0, or gone (absent is no error) with our own sessions in
 * it; through via. Also when asked to end. -1: pg->why, pg->hint.
 */
int target_create(struct pg *pg, const char *via, const char *name);
int target_drop(struct pg *pg, const char *via, const char *name);

/*
 * Whether this pg_restore (17 or newer, by its --version) fails on this server's settings
 * (older than 17), and has to be run leniently; see archive_only_timeout_failed.
 */
bool target_is_lenient(struct pg *pg, const struct pg_server *server);

#endif
