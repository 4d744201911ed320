#ifndef PG_H
#define PG_H

#include <stdbool.h>
#include <stdint.h>

#include "process.h"
#include "text.h"

/*
 * A PostgreSQL server, spoken to by its own tools. The database's name goes to
 * them in PGDATABASE, where libpq does not take it for a connection string;
 * the password in a password file that is an inherited descriptor, so it is in
 * no environment, and libpq tells apart a password that the server refused. (Only
 * one with a line break, which no password file can hold, goes by PGPASSWORD.)
 *
 * A call that fails leaves the reason in why and, where there is one, advice in hint.
 */

struct pg {
	struct list env;      /* for every tool, without database and password */
	const char *password; /* the caller's; NULL: libpq's other ways */
	int64_t limit_ms;     /* of each run of psql and the like, pg_start's not; 0: 5 minutes */
	char why[768];        /* the reason of the last failure, to be quoted */
	const char *hint;     /* what to do about it, or NULL; static */
	int missing;          /* after a failure: 126 or 127 if psql cannot be started, else 0 */
	bool quiet;           /* pg_start: keep what the tool says, do not log it */
	bool no_database;     /* after PG_FATAL: because the server has none of this name */
};

enum pg_result {
	PG_OK,
	PG_AWAY,   /* nobody accepts connections: may come back */
	PG_FAILED, /* anything else that trying again may cure */
	PG_FATAL, /* wrong password, no such database, a service file that names another: it cannot */
	PG_NO_TOOL, /* psql is missing */
	PG_STOPPED, /* we were asked to end */
};

struct pg_server {
	int64_t version; /* server_version_num, as 150018 */
	char version_text[64];
	int64_t size_bytes; /* pg_database_size() */
};

/*
 * Set pg up, whatever was in it before; connects to nothing. NULL for what is not set;
 * libpq's other variables of our environment pass. password is kept, so it has to live
 * as long as pg; the others are copied.
 */
void pg_init(
    struct pg *pg, const char *host, const char *port, const char *user, const char *password);

/*
 * A copy of pg whose tools also pass option, "-c NAME=VALUE", to the server, behind those of
 * PGOPTIONS. Its env is its own, to be freed.
 */
void pg_with_option(struct pg *out, const struct pg *pg, const char *option);

/*
 * Start a tool against database (NULL: none is named) with its standard output to out
 * (or -1) and input from in (or -1). The descriptors stay the caller's; p and what
 * is returned as for process_start. p's name is argv's first word: keep argv as long as p.
 */
int pg_start(const struct pg *pg, struct process *p, const struct list *argv, const char *database,
    int in, int out);

/*
 * Run SQL through psql; variables is a NULL-ended list of "name=value" that the
 * SQL may use as :'name'. Rows come with columns apart by tabs and a NUL behind
 * each row, rows_n bytes in all and one more NUL; *rows is the caller's to free.
 * With heed_stop psql is ended as soon as we are asked to end; without, for what must not
 * be cut short, it has the seconds that are left then. -1: why tells, hint is NULL,
 * *rows is as before.
 */
int pg_query(struct pg *pg, const char *database, const char *sql, const char *const *variables,
    char **rows, size_t *rows_n, bool heed_stop);

/*
 * Wait until database can be connected to, for up to wait_ms (0: one try), and describe
 * its server: *server counts after PG_OK only. Else why and hint tell, after PG_NO_TOOL
 * missing, after PG_FATAL no_database. What waiting cannot cure is not waited for.
 */
enum pg_result pg_connect(
    struct pg *pg, const char *database, int64_t wait_ms, struct pg_server *server);

/*
 * The same for a database of maintenance, postgres or template1, or else last (may be NULL).
 * via: which it was, static or last.
 */
enum pg_result pg_connect_aside(
    struct pg *pg, const char *last, int64_t wait_ms, const char **via, struct pg_server *server);

/*
 * Names of all databases that accept connections and are no template, without those that a
 * restore or a verification makes for a while, sorted as the server sorts names, added to out. Asked through database. 0, or -1: why tells, and out
 * is as before.
 */
int pg_databases(struct pg *pg, const char *database, struct list *out);

/*
 * Major version that a tool of PostgreSQL states with --version: 9 for 9.6, 15,
 * 18. text gets the full one. -1 if it cannot be run or read; p (said, or else
 * process_fate) tells why. Connects to nothing.
 */
int pg_tool_version(
    const struct pg *pg, struct process *p, const char *tool, char *text, size_t size);

#endif
