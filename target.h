#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/pg.h"

/*
 * The database that is restored into, and those made beside it. What is new, or
 * replaces a database as a whole, is restored into a database with a name of its
 * own, which takes the target's name as the last act, in one transaction. So a
 * failure, even kill -9, changes nothing, with --jobs too; nothing stays of what
 * the backup does not have; and no DROP of pg_restore --clean can fail on
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
 * Find out all about t, whose name is set and all else zero, from the server's catalogs.
 * PG_OK if that worked, whether it exists or not; else pg->why and pg->hint.
 */
enum pg_result target_look(struct target *t, struct pg *pg, int64_t wait_ms);

/*
 * "backup_PURPOSE_" and 16 random hexadecimal digits: how databases are named that are ours
 * for a while; pg_databases leaves them out. 64 bytes are enough.
 */
void target_name_beside(char *name, size_t size, const char *purpose);

/*
 * Make the database to restore into, and tell its name, for which 64 bytes are enough; like
 * the target, if that exists, in owner, encoding, locale and tablespace; with these schemas, which
 * pg_restore does not make where only they are restored. The target's other properties
 * are tried, so that a right that is missing shows at once, and not kept.
 * Not cut short when we are asked to end, so that what it leaves can be
 * dropped. -1: pg->why, pg->hint, and nothing is left.
 */
int target_make(
    const struct target *t, struct pg *pg, const struct list *schemas, char *name, size_t size);

/*
 * Give the database new the target's properties that are in no archive (rights, settings,
 * comment, connection limit) and its name, and drop what had it, waiting for up to wait_ms for
 * sessions to leave. 0 also if only the dropping failed, which is reported. -1: pg->why,
 * pg->hint, the target is as before, and new as well, but for these properties.
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
