#ifndef DUMP_H
#define DUMP_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "config.h"
#include "destination.h"
#include "lib/name.h"
#include "lib/pg.h"

/* One dump of one database, or of the globals, to all destinations that still want it. */

enum outcome { WANTED, STORED /* and still to be verified */, DONE, UNWANTED };

/*
 * All zero at first, but for the members up to upper_bound, outcome where UNWANTED, and name,
 * which the caller sets. What they point to is the caller's.
 */
struct dump {
	const struct config *c;
	struct destinations *d;
	struct pg *pg;
	const char *database;   /* NULL: the globals */
	const char *shown;      /* for people: "app", with quotes; or globals */
	struct list argv;       /* of pg_dump or pg_dumpall */
	int64_t expected_bytes; /* for the progress; 0: no idea */
	int64_t upper_bound;    /* bytes, for the part size; raised by what tries showed */

	enum outcome outcome[DESTINATIONS_MAX];
	struct {
		char why[1024];   /* why it is still wanted */
		const char *hint; /* or NULL; not to be freed */
	} failure[DESTINATIONS_MAX];

	struct {
		char name[NAME_SIZE]; /* may differ: a retry makes a new dump */
		int64_t size_bytes;
	} stored[DESTINATIONS_MAX]; /* where DONE */

	char name[NAME_SIZE]; /* of the next try, or the last; the caller chooses it */
	/* complete in the local directory, made by an earlier try of this run; or "" */
	char file[NAME_SIZE];
	int64_t size_bytes; /* as stored by the last try */
	int code;           /* exit status for the failures: 1, 126, 127 */
	bool dump_failed;   /* the last try failed because of pg_dump, not of a destination */
};

/*
 * The --compress of this pg_dump for DB_BACKUP_COMPRESS: before 16 it knew a level of gzip
 * alone (release notes of PostgreSQL 16). NULL if it cannot do that. Static, or part of c.
 */
const char *dump_compression(const struct config *c, int dump_major);

/*
 * The command line of pg_dump, whose major version is given (pg_tool_version) and for which
 * there is a dump_compression, or of pg_dumpall (database NULL), appended to argv. The
 * database itself is not in it: see pg_start.
 */
void dump_arguments(
    const struct config *c, int dump_major, const char *database, struct list *argv);

/* Whether the user may read the passwords of roles; else pg_dumpall needs --no-role-passwords. */
#define DUMP_PASSWORDS_SQL "SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT');\n"

/*
 * Try once. Afterwards outcome is DONE where the backup is published and its
 * size was checked; failure tells why for those still WANTED. Where a complete
 * local file of this run exists it is uploaded, and no dump is made. Asked to
 * stop, it ends everything, and leaves nothing.
 */
void dump_try(struct dump *b);

/* Record the same failure for all destinations still wanted; why is copied, hint kept. */
void dump_fail_all(struct dump *b, const char *why, const char *hint);

#endif
