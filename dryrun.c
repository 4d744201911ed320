#include "dryrun.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "archive.h"
#include "databases.h"
#include "dump.h"
#include "exit.h"
#include "hint.h"
#include "lib/folder.h"
#include "lib/log.h"
#include "list.h"
#include "lock.h"
#include "prune.h"
#include "target.h"

/* whoever looks at this does not want to wait long */
#define WAIT_MAX_S 10
#define STALL_MAX_S (15 * 60)
#define DUMP_LIMIT_MS (5 * 60 * 1000)

#define PROBE_NAME "backup-service-probe" /* no backup's: never listed as one, restored or pruned */

struct rehearsal {
	const struct config *c;
	struct destinations d;
	struct catalog cat;
	char *unlisted[DESTINATIONS_MAX]; /* why it cannot be listed, or NULL */
	const char *title;                /* of the section, until something is said in it */
	size_t notes, problems;
	struct pg pg;
	struct list databases;
	/* bytes, as stored, of each and last of the globals (0); -1: a run would not back it up */
	int64_t *estimate;
	int64_t total_bytes;
	bool globals;
	int dump_major; /* -1: no pg_dump */
	char dump_version[64];
};

enum finding { OK, NOTE, PROBLEM, STORE, PRUNE };

/* One finding on standard output, escaped and without secrets; name and hint may be NULL. */
static void __attribute__((format(printf, 5, 6))) say(struct rehearsal *r, enum finding finding,
    const char *name, const char *hint, const char *format, ...)
{
	static const char *const words[] = { "ok", "note", "PROBLEM", "store", "prune" };
	char text[4096], *line, *escaped;
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	line = name == NULL ? text_copy(text) : text_format("%s: %s", name, text);
	log_redact(line);
	escaped = text_escaped(line, false);
	if (r->title != NULL)
		printf("%s\n", r->title);
	r->title = NULL;
	printf("  %-7s  %s\n", words[finding], escaped);
	if (hint != NULL)
		printf("  %-7s  hint: %s\n", "", hint);
	fflush(stdout);
	r->notes += finding == NOTE;
	r->problems += finding == PROBLEM;
	free(line);
	free(escaped);
}

/* -- tools */

static void
check_pg_tool(struct rehearsal *r, const char *tool)
{
	char text[64] = "";
	struct process p;
	int major = pg_tool_version(&r->pg, &p, tool, text, sizeof text);

	if (strcmp(tool, "pg_dump") == 0) {
		r->dump_major = major;
		snprintf(r->dump_version, sizeof r->dump_version, "%s", text);
	}
	if (major != -1)
		say(r, OK, tool, NULL, "%s", text);
	else
		say(r, PROBLEM, tool, "install the PostgreSQL client, or correct PATH",
		    "cannot be run: %s", process_words(&p));
}

static void
check_tools(struct rehearsal *r)
{
	const struct config *c = r->c;
	char version[128];

	r->title = "Tools";
	check_pg_tool(r, "pg_dump");
	check_pg_tool(r, "psql");
	if (r->dump_major != -1 && dump_compression(c, r->dump_major) == NULL)
		say(r, PROBLEM, "pg_dump",
		    "leave DB_BACKUP_COMPRESS unset, or set it to a level of gzip, 0 to 9",
		    "cannot compress with \"%s\", which needs 16 or newer", c->compress);
	if (r->globals)
		check_pg_tool(r, "pg_dumpall");
	if (c->verify != VERIFY_NO)
		check_pg_tool(r, "pg_restore");
	if (c->s3_bucket == NULL && c->remotes.n == 0 && c->passphrase == NULL &&
	    c->ping_url == NULL)
		return; /* no need of rclone */
	if (remote_version(version, sizeof version) == 0)
		say(r, OK, "rclone", NULL, "%s", version);
	else
		say(r, PROBLEM, "rclone", "install rclone, or correct PATH", "%s", version);
}

/* -- the server and its databases */

/* False if there is nothing to go on with. */
static bool
check_server(struct rehearsal *r)
{
	char *where = text_format("%s:%s", r->c->pg_host, r->c->pg_port);
	struct pg_server server;
	enum pg_result result = databases_wanted(r->c, &r->pg, &r->databases);
	const char *via;

	r->title = "Server";
	if (result == PG_OK)
		result = pg_connect_aside(&r->pg, r->databases.n > 0 ? r->databases.item[0] : NULL,
		    r->c->wait_s * 1000, &via, &server);
	if (result != PG_OK)
		say(r, PROBLEM, where, r->pg.hint, "%s", r->pg.why);
	else if (r->dump_major != -1 && server.version / 10000 > r->dump_major)
		say(r, PROBLEM, where,
		    "install the PostgreSQL client of the server's major version, or use an image made with PG_MAJOR set to it",
		    "PostgreSQL %s: pg_dump %s cannot dump a newer server", server.version_text,
		    r->dump_version);
	else
		say(r, OK, where, NULL, "PostgreSQL %s, accepts user \"%s\"", server.version_text,
		    r->c->pg_user);
	free(where);
	if (result == PG_OK && r->databases.n == 0 && !r->globals)
		say(r, PROBLEM, "databases", "templates and those of DB_EXCLUDE do not count",
		    "there is none to back up");
	return result == PG_OK;
}

/*
 * Of the relations that pg_dump would lock and read: how many are tables, what it may not read,
 * whose rows a policy filters; and large objects it may not read. How many, and names of three.
 * A try of pg_dump would stop at the first table, and would not come to rows and large objects.
 */
static const char privileges_sql[] =
    "WITH t AS (SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, c.relkind <> 'S' AS is_table,\n"
    "  has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,\n"
    "  c.relkind <> 'S' AND row_security_active(c.oid) AS filtered\n"
    "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
    "  WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'\n"
    "  AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM pg_depend d\n"
    "  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')),\n"
    "l AS (SELECT count(*) AS n FROM pg_largeobject_metadata m, pg_roles u WHERE u.rolname = current_user\n"
    "  AND NOT u.rolsuper AND NOT pg_has_role(lomowner, 'USAGE') AND NOT EXISTS (SELECT FROM aclexplode(lomacl) a\n"
    "  WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))),\n"
    "x AS (SELECT 0 AS kind, name FROM t WHERE NOT readable UNION ALL SELECT 1, name FROM t WHERE filtered)\n"
    "SELECT -1, count(*), '' FROM t WHERE is_table UNION ALL SELECT 2, n, '' FROM l WHERE n > 0 UNION ALL\n"
    "SELECT kind, count(*), ': ' || array_to_string((array_agg(name ORDER BY name))[1:3], ', ') ||\n"
    "  CASE WHEN count(*) > 3 THEN ' ...' ELSE '' END FROM x GROUP BY kind ORDER BY 1;\n";

static const struct {
	const char *lacks, *of, *hint;
} privileges[] = {
	{ "may not read", "of its tables and sequences",
	    "let the user read all (GRANT pg_read_all_data TO it, PostgreSQL 14 and later), or leave them out with DB_BACKUP_EXCLUDE_TABLES" },
	{ "is kept by row security from rows of", "tables, which makes pg_dump fail",
	    "use a user with BYPASSRLS, or one that owns the tables" },
	{ "may not read", "of its large objects",
	    "back up as their owner or a superuser, or leave them out: PGDUMP_OPTIONS=--no-blobs" },
};

static void
check_lock(struct rehearsal *r, const char *database, const char *name)
{
	int fd = lock_take(r->c, database);

	if (fd == -1 && errno == EWOULDBLOCK)
		say(r, NOTE, name, NULL,
		    "is being backed up now: another run holds its lock, and "
		    "one more would end with exit status 3");
	else if (fd == -1)
		say(r, PROBLEM, name, "make /run/backup-service or TMPDIR writable",
		    "its lock cannot be made: %s", strerror(errno));
	if (fd != -1)
		close(fd);
}

/*
 * Start pg_dump as a run would, until its first bytes come: by then it has read
 * all definitions and locked all tables, so its options and patterns are good.
 */
static bool
try_dump(struct rehearsal *r, const char *database, const char *name)
{
	int64_t deadline = process_clock_ms() + DUMP_LIMIT_MS;
	struct pollfd ready = { .events = POLLIN };
	struct list argv = { 0 };
	struct process p = { 0 };
	const char *hint;
	char byte;
	int out[2] = { -1, -1 };
	bool good;

	dump_arguments(r->c, r->dump_major, database, &argv);
	r->pg.quiet = true;
	ready.fd =
	    pipe2(out, O_CLOEXEC) == 0 && pg_start(&r->pg, &p, &argv, database, -1, out[1]) == 0 ?
		out[0] :
		-1;
	close(out[1]);
	while (ready.fd != -1 && process_poll(&ready, 1, deadline) == 0 &&
	       process_clock_ms() < deadline && process_stopping() == 0)
		continue;
	good = ready.revents != 0 && read(out[0], &byte, 1) == 1;
	if (!good)
		process_wait(&p, deadline, true);
	process_end(&p, 5000);
	close(out[0]);
	hint = hint_for(p.said);
	if (!good && process_stopping() == 0)
		say(r, PROBLEM, name,
		    hint != NULL ?
			hint :
			"check PGDUMP_OPTIONS and the patterns of DB_BACKUP_EXCLUDE_TABLES",
		    "pg_dump %s", process_words(&p));
	r->pg.quiet = false;
	list_free(&argv);
	return good;
}

/* What would make pg_dump fail, or leave something out. True if a run would get through. */
static bool
check_privileges(
    struct rehearsal *r, const char *database, const char *name, char *tables, size_t size)
{
	const struct config *c = r->c;
	/* then it is for pg_dump to tell what it comes across */
	bool chosen = c->exclude_tables.n > 0 || c->dump_options.n > 0, good = true;
	const bool counts[] = { !chosen,
		!c->schema_only && !list_has(&c->dump_options, "--enable-row-security"),
		!c->schema_only };
	char *rows, *next;
	size_t n;

	if (pg_query(&r->pg, database, privileges_sql, NULL, &rows, &n, true) == -1) {
		say(r, PROBLEM, name, r->pg.hint, "its privileges cannot be told: %s", r->pg.why);
		return false;
	}
	for (char *at = rows; at < rows + n; at = next) {
		long kind = strtol(strsep(&at, "\t"), NULL, 10);
		const char *count = strsep(&at, "\t");

		next = at + strlen(at) + 1;
		if (kind == -1)
			snprintf(tables, size, "%s %s", count,
			    strcmp(count, "1") == 0 ? "table" : "tables");
		if (kind == -1 || !counts[kind])
			continue;
		say(r, chosen ? NOTE : PROBLEM, name, privileges[kind].hint,
		    "user \"%s\" %s %s %s%s", c->pg_user, privileges[kind].lacks, count,
		    privileges[kind].of, at);
		good = good && chosen;
	}
	free(rows);
	if (!good || r->dump_major == -1 || dump_compression(c, r->dump_major) == NULL)
		return good;
	return try_dump(r, database, name);
}

static void
check_database(struct rehearsal *r, size_t i)
{
	const char *database = r->databases.item[i];
	char *name = text_format("\"%s\"", database), size[32], stored[32], tables[48] = "";
	struct pg_server server;
	int64_t known = catalog_newest_size(&r->cat, database);

	if (pg_connect(&r->pg, database, r->c->wait_s * 1000, &server) != PG_OK) {
		say(r, PROBLEM, name, r->pg.hint, "%s", r->pg.why);
	} else if (check_privileges(r, database, name, tables, sizeof tables)) {
		r->estimate[i] = known > 0 ? known : server.size_bytes / 4; /* by rule of thumb */
		r->total_bytes += r->estimate[i];
		say(r, OK, name, NULL, "%s, %s, all readable; a backup takes about %s%s",
		    text_size(size, sizeof size, server.size_bytes), tables,
		    text_size(stored, sizeof stored, r->estimate[i]),
		    known > 0 ? ", as the newest does" : "");
		check_lock(r, database, name);
	}
	free(name);
}

/* What the server as a whole answers: true for 't'. A server that cannot be asked is a problem of item. */
static bool
ask(struct rehearsal *r, const char *item, const char *sql, bool *answer)
{
	struct pg_server server;
	const char *via;
	char *rows;
	size_t n;

	if (pg_connect_aside(&r->pg, NULL, r->c->wait_s * 1000, &via, &server) != PG_OK ||
	    pg_query(&r->pg, via, sql, NULL, &rows, &n, true) == -1) {
		say(r, PROBLEM, item, r->pg.hint, "%s", r->pg.why);
		return false;
	}
	*answer = strcmp(rows, "t") == 0;
	free(rows);
	return true;
}

static void
check_globals(struct rehearsal *r)
{
	bool readable;

	if (!r->globals || !ask(r, "globals", DUMP_PASSWORDS_SQL, &readable))
		return;
	if (!readable)
		say(r, NOTE, "globals",
		    "to have them, back up as a superuser, or let one GRANT SELECT ON "
		    "pg_authid TO this user",
		    "roles and tablespaces, without passwords: user \"%s\" may not read them",
		    r->c->pg_user);
	else
		say(r, OK, "globals", NULL, "roles with their passwords, and tablespaces");
	r->estimate[r->databases.n] = 0;
	check_lock(r, NULL, "globals");
}

/* A verification that cannot be done fails each run, after all the rest went well. */
static void
check_verification(struct rehearsal *r)
{
	bool may;

	if (r->c->verify != VERIFY_RESTORE ||
	    !ask(r, "verification",
		"SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user;\n",
		&may))
		return;
	if (may)
		say(r, OK, "verification", NULL,
		    "each backup is restored into a database made for that");
	else
		say(r, PROBLEM, "verification",
		    "let it make databases (ALTER ROLE ... CREATEDB), or set DB_BACKUP_VERIFY=read",
		    "user \"%s\" may not make the database that each backup is restored into",
		    r->c->pg_user);
}

/* -- destinations */

/* The directory itself, or the nearest above it that exists. */
static void
existing_part(const char *directory, char *path, size_t size)
{
	struct stat st;

	snprintf(path, size, "%s", directory);
	while (stat(path, &st) == -1 && errno == ENOENT && strcmp(path, "/") != 0 &&
	       strcmp(path, ".") != 0) {
		const char *above = dirname(path);

		memmove(path, above, strlen(above) + 1);
	}
}

/* Room on the disk against what a run would store there. */
static void
check_space(struct rehearsal *r, const struct destination *d, const char *path)
{
	char left[32], needed[32];
	struct statvfs fs;
	int64_t bytes;

	if (r->total_bytes == 0 || statvfs(path, &fs) == -1)
		return;
	bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	text_size(left, sizeof left, bytes);
	text_size(needed, sizeof needed, r->total_bytes);
	if (bytes < r->total_bytes)
		say(r, PROBLEM, d->name, "free space, or keep fewer backups (DB_BACKUP_MAX_N)",
		    "%s free, but about %s are needed before old backups are pruned", left, needed);
	else
		say(r, bytes / 2 < r->total_bytes ? NOTE : OK, d->name, NULL,
		    "%s free, about %s needed for a run", left, needed);
}

/* A directory that a run would make is not made here. True if it is there, to be tried. */
static bool
check_directory(struct rehearsal *r, const struct destination *d)
{
	char path[PATH_MAX];
	struct stat st;
	bool there;

	existing_part(d->directory, path, sizeof path);
	there = strcmp(path, d->directory) == 0;
	if (stat(path, &st) == -1 || !S_ISDIR(st.st_mode)) {
		say(r, PROBLEM, d->name, "check DB_BACKUP_DIR",
		    "%s is no directory that can be entered", path);
		return false;
	}
	if (!there && access(path, W_OK | X_OK) == -1) {
		say(r, PROBLEM, d->name, "make the directory, and let this user write to it",
		    "%s is not there, and user %d cannot make it in %s", d->directory,
		    (int)geteuid(), path);
		return false;
	}
	if (!there)
		say(r, OK, d->name, NULL, "%s is not there yet, and would be made", d->directory);
	check_space(r, d, path);
	return there;
}

/* What became of the small file that was stored as b says. */
static void
check_destination(struct rehearsal *r, struct dump *b, size_t i)
{
	struct destination *d = &r->d.item[i];
	bool encrypted = r->c->passphrase != NULL, stored = b->outcome[i] == DONE, deleted = true;
	struct archive ar = { .at = d,
		.file = b->name,
		.size_bytes = b->stored[i].size_bytes,
		.encrypted = encrypted,
		.is_sql = true };
	const struct list reader = { (char *[]){ "cat", NULL }, 1 };
	const struct list names = { (char *[]){ b->name, NULL }, 1 };
	int rc = -1;

	if (stored) {
		rc = archive_feed(&ar, r->c, &r->pg, &reader, NULL, -1, false);
		deleted = destination_delete(d, &names) == 0;
	}
	if (process_stopping() != 0)
		return; /* but nothing stays */
	if (stored && rc == -1)
		say(r, PROBLEM, d->name, ar.hint,
		    "a backup can be stored, but it cannot be read back: %s", ar.why);
	else if (stored)
		say(r, OK, d->name, NULL, "a small file was %sstored and read back%s",
		    encrypted ? "encrypted, " : "", deleted ? "; it is deleted" : "");
	else if (d->remote.spools && encrypted && r->c->directory != NULL && *b->file == '\0')
		say(r, NOTE, d->name, NULL,
		    "is not tried: what is encrypted goes there from DB_BACKUP_DIR, where it could not be stored");
	else
		say(r, PROBLEM, d->name, b->failure[i].hint, "no backup can be stored: %s",
		    b->failure[i].why);
	if (stored && d->remote.spools)
		say(r, NOTE, d->name, NULL,
		    "rclone cannot stream to it: it collects each backup in TMPDIR first");
	if (!deleted)
		say(r, NOTE, d->name,
		    "old backups cannot be pruned then: let something else remove them (a life cycle rule), or allow deleting; DB_BACKUP_MAX_N=unlimited makes no attempt",
		    "%s cannot be deleted, and stays: %s", b->name, d->why);
	if (r->unlisted[i] != NULL && stored)
		say(r, NOTE, d->name, "let the key list the bucket (s3:ListBucket)",
		    "what is there cannot be listed, so nothing is pruned, and backup-service cannot tell when a backup is due: %s",
		    r->unlisted[i]);
}

/* A small file goes the way of a backup to all of them, as the globals of another label would. */
static void
check_destinations(struct rehearsal *r)
{
	struct config c = *r->c;
	char *argv[] = { "echo",
		"-- Written by backup-db --dry-run, which deletes it again. Delete it if it is still there.",
		NULL };
	struct dump b = {
		.c = &c, .d = &r->d, .pg = &r->pg, .shown = "the probe", .argv = { argv, 2 }
	};

	r->title = "Destinations";
	if (destinations_encrypt(&r->d, c.passphrase) == -1) {
		say(r, PROBLEM, "encryption",
		    "see whether \"echo x | rclone obscure -\" works here", "%s",
		    r->d.item[0].remote.why);
		return;
	}
	c.label = PROBE_NAME; /* so that nothing of the globals' is swept */
	snprintf(b.name, sizeof b.name, PROBE_NAME "%s", c.passphrase != NULL ? ".bin" : "");
	for (size_t i = 0; i < r->d.n; i++) {
		struct destination *d = &r->d.item[i];

		if (d->directory == NULL)
			continue;
		if (!check_directory(r, d)) {
			b.outcome[i] = UNWANTED;
			continue;
		}
		/* what a killed one left: a local file is never replaced */
		folder_discard(d->directory, b.name);
		folder_delete(d->directory, b.name);
	}
	dump_try(&b);
	for (size_t i = 0; i < r->d.n; i++)
		if (b.outcome[i] != UNWANTED)
			check_destination(r, &b, i);
}

/* -- telling */

static void
check_telling(struct rehearsal *r)
{
	const struct config *c = r->c;

	r->title = "Reports";
	if (c->ping_url != NULL)
		say(r, NOTE, "ping", NULL, "DB_BACKUP_PING_URL is not fetched by a dry run");
	if (c->hook != NULL && access(c->hook, X_OK) == -1)
		say(r, PROBLEM, "hook", "check DB_BACKUP_HOOK, and make it executable", "%s: %s",
		    c->hook, strerror(errno));
	else if (c->hook != NULL)
		say(r, OK, "hook", NULL, "%s can be executed; a dry run does not", c->hook);
	if (c->metrics_file != NULL) {
		char *copy = text_copy(c->metrics_file), *directory = dirname(copy);

		if (access(directory, W_OK | X_OK) == -1)
			say(r, PROBLEM, "metrics",
			    "make it writable for the user that this program runs as", "%s: %s",
			    directory, strerror(errno));
		else
			say(r, OK, "metrics", NULL, "%s would be written", c->metrics_file);
		free(copy);
	}
}

/* -- what a run would do */

static void
plan_store(struct rehearsal *r, const char *database, int64_t bytes)
{
	struct name n = { .kind = database == NULL ? NAME_GLOBALS : NAME_DUMP,
		.time = time(NULL),
		.encrypted = r->c->passphrase != NULL };
	char file[NAME_SIZE], size[32];

	snprintf(n.database, sizeof n.database, "%s", database == NULL ? "" : database);
	if (name_build(file, sizeof file, r->c->label, &n) == -1)
		say(r, PROBLEM, database == NULL ? "globals" : database, "shorten DB_BACKUP_PREFIX",
		    "no file name can be made of the database's name and DB_BACKUP_PREFIX");
	else
		say(r, STORE, NULL, NULL, "%s%s%s", file, bytes > 0 ? ", about " : "",
		    bytes > 0 ? text_size(size, sizeof size, bytes) : "");
}

/* The backups that the new one would push out. */
static void
plan_prune(struct rehearsal *r, const char *database, size_t destination)
{
	struct list victims = { 0 };

	prune_decide(r->c, &r->cat, destination, database, true, &victims, NULL);
	for (size_t i = 0; i < victims.n; i++)
		say(r, PRUNE, NULL, NULL, "%s at %s", victims.item[i], r->d.item[destination].name);
	list_free(&victims);
}

static void
plan(struct rehearsal *r)
{
	r->title = "A run now would";
	for (size_t i = 0; i <= r->databases.n; i++) {
		const char *database = i < r->databases.n ? r->databases.item[i] : NULL;

		if (r->estimate[i] == -1)
			continue;
		plan_store(r, database, r->estimate[i]);
		for (size_t k = 0; k < r->d.n; k++)
			plan_prune(r, database, k);
	}
}

int
dryrun_run(const struct config *c, const struct arguments *a)
{
	struct rehearsal *r = text_alloc(sizeof *r);
	struct config *own = text_alloc(sizeof *own);
	bool answers;

	*own = *c;
	if (own->wait_s > WAIT_MAX_S)
		own->wait_s = WAIT_MAX_S;
	if (own->stall_s == 0 || own->stall_s > STALL_MAX_S)
		own->stall_s = STALL_MAX_S;
	if (a->names.n > 0) {
		own->databases = a->names;
		own->all_databases = false;
	}
	r->c = own;
	r->globals = c->globals && a->names.n == 0;
	pg_init(&r->pg, c->pg_host, c->pg_port, c->pg_user, c->pg_password);
	destinations_init(&r->d, c);
	check_tools(r);
	for (size_t i = 0; i < r->d.n; i++)
		if (catalog_read_one(&r->cat, &r->d, i, c->label) == -1)
			r->unlisted[i] = text_copy(r->d.item[i].why);
	answers = check_server(r);
	if (!answers)
		list_free(&r->databases);
	r->estimate = text_alloc((r->databases.n + 1) * sizeof *r->estimate);
	for (size_t i = 0; i <= r->databases.n; i++)
		r->estimate[i] = -1;
	r->title = "Databases";
	for (size_t i = 0; i < r->databases.n && process_stopping() == 0; i++)
		check_database(r, i);
	if (answers && process_stopping() == 0)
		check_globals(r);
	if (answers && process_stopping() == 0)
		check_verification(r);
	if (process_stopping() == 0)
		check_destinations(r);
	if (process_stopping() != 0)
		return EXIT_SIGNAL + process_stopping();
	check_telling(r);
	plan(r);
	if (r->problems == 0)
		printf("All is well%s. This was a dry run: nothing is stored, nothing is pruned.\n",
		    r->notes > 0 ? ", but see the notes" : "");
	else
		printf("%zu %s. This was a dry run: nothing is stored, nothing is pruned.\n",
		    r->problems, r->problems == 1 ? "problem" : "problems");
	return list_end(r->problems == 0 ? EXIT_DONE : EXIT_FAILED);
}
