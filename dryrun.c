#include "dryrun.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "catalog.h"
#include "checklist.h"
#include "databases.h"
#include "destination.h"
#include "dump.h"
#include "exit.h"
#include "hint.h"
#include "list.h"
#include "lock.h"
#include "probe.h"

#define WAIT_MAX_S 10 /* whoever looks at this does not want to wait long */
#define DUMP_LIMIT_MS (5 * 60 * 1000)

struct rehearsal {
	const struct config *c;
	struct destinations d;
	struct catalog cat;
	struct checklist out;
	struct pg pg;
	struct list databases;
	bool *usable;      /* of databases: a run would back it up */
	int64_t *estimate; /* bytes, as stored */
	bool globals, globals_usable;
	int64_t total_bytes;
	int dump_major; /* -1: no pg_dump */
	char dump_version[64];
};

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
		checklist_add(&r->out, FINDING_OK, tool, NULL, "%s", text);
	else
		checklist_add(&r->out, FINDING_PROBLEM, tool,
		    "install the PostgreSQL client, or correct PATH", "cannot be run: %s%s%s",
		    process_fate(&p), *p.said ? ": " : "", p.said);
}

static void
check_tools(struct rehearsal *r)
{
	const struct config *c = r->c;
	char version[128];

	checklist_section(&r->out, "Tools");
	check_pg_tool(r, "pg_dump");
	check_pg_tool(r, "psql");
	if (r->dump_major != -1 && dump_compression(c, r->dump_major) == NULL)
		checklist_add(&r->out, FINDING_PROBLEM, "pg_dump",
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
		checklist_add(&r->out, FINDING_OK, "rclone", NULL, "%s", version);
	else
		checklist_add(&r->out, FINDING_PROBLEM, "rclone", "install rclone, or correct PATH",
		    "%s", version);
}

/* -- the server and its databases */

/* Lists what is there; false if there is nothing to go on with. */
static bool
check_server(struct rehearsal *r)
{
	char *where = text_format("%s:%s", r->c->pg_host, r->c->pg_port);
	struct pg_server server = { 0 };
	enum pg_result result = databases_wanted(r->c, &r->pg, &r->databases);

	checklist_section(&r->out, "Server");
	if (result == PG_OK)
		result = pg_connect(&r->pg, r->databases.n > 0 ? r->databases.item[0] : "postgres",
		    r->c->wait_s * 1000, &server);
	if (result != PG_OK && !(result == PG_FATAL && r->pg.no_database))
		checklist_add(&r->out, FINDING_PROBLEM, where, r->pg.hint, "%s", r->pg.why);
	else if (result != PG_OK)
		checklist_add(
		    &r->out, FINDING_OK, where, NULL, "accepts user \"%s\"", r->c->pg_user);
	else if (r->dump_major != -1 && server.version / 10000 > r->dump_major)
		checklist_add(&r->out, FINDING_PROBLEM, where,
		    "install the PostgreSQL client of the server's major version, or use an image made with PG_MAJOR set to it",
		    "PostgreSQL %s: pg_dump %s cannot dump a newer server", server.version_text,
		    r->dump_version);
	else
		checklist_add(&r->out, FINDING_OK, where, NULL,
		    "PostgreSQL %s, accepts user \"%s\"", server.version_text, r->c->pg_user);
	free(where);
	if (result == PG_OK && r->databases.n == 0 && !r->globals)
		checklist_add(&r->out, FINDING_PROBLEM, "databases",
		    "templates and those of DB_EXCLUDE do not count", "there is none to back up");
	return result == PG_OK || r->pg.no_database;
}

/*
 * Relations that pg_dump would lock and read, those it may not read, those whose
 * rows a policy filters, and large objects it may not read; with some names.
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
    "  WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE'))))\n"
    "SELECT count(*) FILTER (WHERE is_table), count(*) FILTER (WHERE NOT readable), count(*) FILTER (WHERE filtered),\n"
    "  (SELECT n FROM l),\n"
    "  coalesce((SELECT string_agg(name, ', ') FROM (SELECT name FROM t WHERE NOT readable ORDER BY 1 LIMIT 3) x), ''),\n"
    "  coalesce((SELECT string_agg(name, ', ') FROM (SELECT name FROM t WHERE filtered ORDER BY 1 LIMIT 3) x), '')\n"
    "  FROM t;\n";

struct privileges {
	long long tables, unreadable, filtered, large_objects;
	char *unreadable_names, *filtered_names;
};

static int
read_privileges(struct rehearsal *r, const char *database, struct privileges *p)
{
	char *rows, *field[6], *at;
	size_t n;

	*p = (struct privileges){ 0 };
	if (pg_query(&r->pg, database, privileges_sql, NULL, &rows, &n, true) == -1)
		return -1;
	at = rows;
	for (size_t i = 0; i < 6; i++)
		field[i] = at == NULL ? "" : strsep(&at, "\t");
	p->tables = atoll(field[0]);
	p->unreadable = atoll(field[1]);
	p->filtered = atoll(field[2]);
	p->large_objects = atoll(field[3]);
	p->unreadable_names = text_copy(field[4]);
	p->filtered_names = text_copy(field[5]);
	free(rows);
	return 0;
}

/*
 * Start pg_dump as a run would, until its first bytes come: by then it has read
 * all definitions and locked all tables, so its options and patterns are good.
 */
static int
try_dump(struct rehearsal *r, const char *database, struct process *p)
{
	int64_t deadline = process_clock_ms() + DUMP_LIMIT_MS;
	struct list argv = { 0 };
	struct pollfd ready = { .events = POLLIN };
	char byte;
	int out[2];
	ssize_t got = -1;

	if (pipe2(out, O_CLOEXEC) == -1)
		return -1;
	dump_arguments(r->c, r->dump_major, database, &argv);
	r->pg.quiet = true;
	if (pg_start(&r->pg, p, &argv, database, -1, out[1]) == 0) {
		close(out[1]);
		ready.fd = out[0];
		while (process_poll(&ready, 1, deadline) == 0 && process_clock_ms() < deadline &&
		       process_stopping() == 0)
			continue;
		got = ready.revents != 0 ? read(out[0], &byte, 1) : -1;
		if (got != 1)
			process_wait(p, deadline, true);
		process_end(p, 5000);
	} else {
		close(out[1]);
	}
	close(out[0]);
	list_free(&argv);
	return got == 1 ? 0 : -1;
}

/* Of the newest backup, or by rule of thumb. */
static int64_t
estimate(const struct rehearsal *r, const char *database, int64_t size_bytes, bool *known)
{
	time_t now = time(NULL);

	for (size_t i = 0; i < r->d.n; i++) {
		const struct backup *b = catalog_newest(&r->cat, i, database, now);

		*known = b != NULL;
		if (b != NULL)
			return b->size_bytes;
	}
	return size_bytes / 4;
}

static void
check_lock(struct rehearsal *r, const char *database, const char *name)
{
	int fd = lock_take(r->c, database);

	if (fd == -1 && errno == EWOULDBLOCK)
		checklist_add(&r->out, FINDING_NOTE, name, NULL,
		    "is being backed up now: another run holds its lock, and "
		    "one more would end with exit status 3");
	else if (fd == -1)
		checklist_add(&r->out, FINDING_PROBLEM, name,
		    "make /run/backup-service or TMPDIR writable", "its lock cannot be made: %s",
		    strerror(errno));
	if (fd != -1)
		close(fd);
}

/* What would make pg_dump fail, or leave something out. True if a run would get through. */
static bool
check_privileges(struct rehearsal *r, const char *database, const char *name, struct privileges *p)
{
	const struct config *c = r->c;
	bool chosen = c->exclude_tables.n > 0 || c->dump_options.n > 0;
	bool good = true;
	struct process dump = { 0 };

	if (read_privileges(r, database, p) == -1) {
		checklist_add(&r->out, FINDING_PROBLEM, name, r->pg.hint,
		    "its privileges cannot be told: %s", r->pg.why);
		return false;
	}
	if (p->unreadable > 0 && !chosen) {
		checklist_add(&r->out, FINDING_PROBLEM, name,
		    "let the user read all (GRANT pg_read_all_data TO it, PostgreSQL 14 "
		    "and later), or leave them out with DB_BACKUP_EXCLUDE_TABLES",
		    "user \"%s\" may not read %lld of its tables and sequences: %s%s", c->pg_user,
		    p->unreadable, p->unreadable_names, p->unreadable > 3 ? " ..." : "");
		return false; /* pg_dump would say it again */
	}
	if (p->filtered > 0 && !c->schema_only &&
	    !list_has(&c->dump_options, "--enable-row-security")) {
		checklist_add(&r->out, chosen ? FINDING_NOTE : FINDING_PROBLEM, name,
		    "use a user with BYPASSRLS, or one that owns the tables",
		    "row security hides rows of %lld tables from user \"%s\", which makes pg_dump fail: %s%s",
		    p->filtered, c->pg_user, p->filtered_names, p->filtered > 3 ? " ..." : "");
		good = chosen;
	}
	if (p->large_objects > 0 && !c->schema_only) {
		checklist_add(&r->out, chosen ? FINDING_NOTE : FINDING_PROBLEM, name,
		    "back up as their owner or a superuser, or leave them out: PGDUMP_OPTIONS=--no-blobs",
		    "user \"%s\" may not read %lld of its large objects", c->pg_user,
		    p->large_objects);
		good = good && chosen;
	}
	if (good && r->dump_major != -1 && try_dump(r, database, &dump) == -1 &&
	    process_stopping() == 0) {
		const char *hint = hint_for(dump.said);

		checklist_add(&r->out, FINDING_PROBLEM, name,
		    hint != NULL ? hint :
				   "check PGDUMP_OPTIONS and the patterns of "
				   "DB_BACKUP_EXCLUDE_TABLES",
		    "pg_dump %s%s%s", process_fate(&dump), *dump.said ? ": " : "", dump.said);
		good = false;
	}
	return good;
}

static void
check_database(struct rehearsal *r, size_t i)
{
	const char *database = r->databases.item[i];
	char *name = text_format("\"%s\"", database), size[32], stored[32];
	struct pg_server server = { 0 };
	struct privileges p = { 0 };
	bool known = false;

	if (pg_connect(&r->pg, database, r->c->wait_s * 1000, &server) != PG_OK) {
		checklist_add(&r->out, FINDING_PROBLEM, name, r->pg.hint, "%s", r->pg.why);
		goto end;
	}
	if (!check_privileges(r, database, name, &p))
		goto end;
	r->usable[i] = true;
	r->estimate[i] = estimate(r, database, server.size_bytes, &known);
	r->total_bytes += r->estimate[i];
	text_size(stored, sizeof stored, r->estimate[i]);
	checklist_add(&r->out, FINDING_OK, name, NULL,
	    "%s, %lld %s, all readable; a backup takes about %s%s",
	    text_size(size, sizeof size, server.size_bytes), p.tables,
	    p.tables == 1 ? "table" : "tables", stored, known ? ", as the newest does" : "");
	check_lock(r, database, name);
end:
	free(p.unreadable_names);
	free(p.filtered_names);
	free(name);
}

static void
check_globals(struct rehearsal *r)
{
	static const char sql[] = "SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT');\n";
	char *rows;
	size_t n;

	if (!r->globals)
		return;
	if (pg_query(&r->pg, "postgres", sql, NULL, &rows, &n, true) == -1 &&
	    pg_query(&r->pg, "template1", sql, NULL, &rows, &n, true) == -1) {
		checklist_add(&r->out, FINDING_PROBLEM, "globals", r->pg.hint, "%s", r->pg.why);
		return;
	}
	if (strcmp(rows, "f") == 0)
		checklist_add(&r->out, FINDING_NOTE, "globals",
		    "to have them, back up as a superuser, or let one GRANT SELECT ON "
		    "pg_authid TO this user",
		    "roles and tablespaces, without passwords: user \"%s\" may not read them",
		    r->c->pg_user);
	else
		checklist_add(&r->out, FINDING_OK, "globals", NULL,
		    "roles with their passwords, and tablespaces");
	r->globals_usable = true;
	check_lock(r, NULL, "globals");
	free(rows);
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
		char *copy = text_copy(path);

		snprintf(path, size, "%s", dirname(copy));
		free(copy);
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
		checklist_add(&r->out, FINDING_PROBLEM, d->name,
		    "free space, or keep fewer backups (DB_BACKUP_MAX_N)",
		    "%s free, but about %s are needed before old backups are pruned", left, needed);
	else
		checklist_add(&r->out, bytes / 2 < r->total_bytes ? FINDING_NOTE : FINDING_OK,
		    d->name, NULL, "%s free, about %s needed for a run", left, needed);
}

/* A directory that a run would make is not made here. True if it is there, to be tried. */
static bool
check_directory(struct rehearsal *r, const struct destination *d)
{
	char path[PATH_MAX];
	struct stat st;
	bool there, good = false;

	existing_part(d->directory, path, sizeof path);
	there = strcmp(path, d->directory) == 0;
	if (stat(path, &st) == -1 || !S_ISDIR(st.st_mode))
		checklist_add(&r->out, FINDING_PROBLEM, d->name, "check DB_BACKUP_DIR",
		    "%s is no directory that can be entered", path);
	else if (!there && access(path, W_OK | X_OK) == -1)
		checklist_add(&r->out, FINDING_PROBLEM, d->name,
		    "make the directory, and let this user write to it",
		    "%s is not there, and user %d cannot make it in %s", d->directory,
		    (int)geteuid(), path);
	else
		good = true;
	if (good && !there)
		checklist_add(&r->out, FINDING_OK, d->name, NULL,
		    "%s is not there yet, and would be made", d->directory);
	if (good)
		check_space(r, d, path);
	return good && there;
}

static void
check_destination(struct rehearsal *r, size_t i)
{
	struct destination *d = &r->d.item[i];
	bool encrypt = r->c->passphrase != NULL;
	struct probe p;

	if (d->directory != NULL && !check_directory(r, d))
		return;
	if (process_stopping() != 0)
		return;
	probe_destination(&p, d, encrypt);
	if (!p.stored)
		checklist_add(&r->out, FINDING_PROBLEM, d->name, p.hint,
		    "no backup can be stored: %s", p.why);
	else if (!p.read)
		checklist_add(&r->out, FINDING_PROBLEM, d->name, p.hint,
		    "a backup can be stored, but %s", p.why);
	else
		checklist_add(&r->out, FINDING_OK, d->name, NULL,
		    "a small file was %s and read back%s", encrypt ? "encrypted, stored" : "stored",
		    p.deleted ? "; it is deleted" : "");
	if (d->remote.spools && encrypt && r->c->directory == NULL)
		checklist_add(&r->out, FINDING_PROBLEM, d->name,
		    "set DB_BACKUP_DIR too: then it is encrypted there, and uploaded "
		    "from there",
		    "rclone cannot stream to it, and would collect a backup in TMPDIR first, in the clear");
	else if (d->remote.spools)
		checklist_add(&r->out, FINDING_NOTE, d->name, NULL,
		    "rclone cannot stream to it: it collects each backup in TMPDIR first");
	if (!p.deleted)
		checklist_add(&r->out, FINDING_NOTE, d->name,
		    "old backups cannot be pruned then: let something else remove them (a "
		    "life cycle rule), or allow deleting; DB_BACKUP_MAX_N=unlimited makes no attempt",
		    "%s%s cannot be deleted, and stays: %s", PROBE_NAME, encrypt ? ".bin" : "",
		    p.delete_why);
	if (r->cat.failed[i] && p.stored)
		checklist_add(&r->out, FINDING_NOTE, d->name,
		    "let the key list the bucket (s3:ListBucket)",
		    "what is there cannot be listed, so nothing is pruned, and backup-service cannot tell when a backup is due: %s",
		    d->why);
}

static void
check_destinations(struct rehearsal *r)
{
	struct remote *first = &r->d.item[0].remote;

	checklist_section(&r->out, "Destinations");
	if (r->c->passphrase != NULL && remote_encrypt(first, r->c->passphrase) == -1) {
		checklist_add(&r->out, FINDING_PROBLEM, "encryption",
		    "see whether \"echo x | rclone obscure -\" works here", "%s", first->why);
		return;
	}
	for (size_t i = 1; i < r->d.n; i++)
		r->d.item[i].remote.crypt = first->crypt;
	for (size_t i = 0; i < r->d.n && process_stopping() == 0; i++)
		check_destination(r, i);
}

/* -- telling */

static void
check_telling(struct rehearsal *r)
{
	const struct config *c = r->c;

	checklist_section(&r->out, "Reports");
	if (c->ping_url != NULL)
		checklist_add(&r->out, FINDING_NOTE, "ping", NULL,
		    "DB_BACKUP_PING_URL is not fetched by a dry run");
	if (c->hook != NULL && access(c->hook, X_OK) == -1)
		checklist_add(&r->out, FINDING_PROBLEM, "hook",
		    "check DB_BACKUP_HOOK, and make it executable", "%s: %s", c->hook,
		    strerror(errno));
	else if (c->hook != NULL)
		checklist_add(&r->out, FINDING_OK, "hook", NULL,
		    "%s can be executed; a dry run does not", c->hook);
	if (c->metrics_file != NULL) {
		char *copy = text_copy(c->metrics_file), *directory = dirname(copy);

		if (access(directory, W_OK | X_OK) == -1)
			checklist_add(&r->out, FINDING_PROBLEM, "metrics",
			    "make it writable for the user that this program runs as", "%s: %s",
			    directory, strerror(errno));
		else
			checklist_add(&r->out, FINDING_OK, "metrics", NULL, "%s would be written",
			    c->metrics_file);
		free(copy);
	}
}

/* -- what a run would do */

static void
plan_store(struct rehearsal *r, const char *database, int64_t bytes, time_t now)
{
	struct name n = { .kind = database == NULL ? NAME_GLOBALS : NAME_DUMP,
		.time = now,
		.encrypted = r->c->passphrase != NULL };
	char file[NAME_SIZE], size[32];

	snprintf(n.database, sizeof n.database, "%s", database == NULL ? "" : database);
	if (name_build(file, sizeof file, r->c->label, &n) == -1)
		checklist_add(&r->out, FINDING_PROBLEM, database == NULL ? "globals" : database,
		    "shorten DB_BACKUP_PREFIX",
		    "no file name can be made of the database's name and DB_BACKUP_PREFIX");
	else if (database == NULL)
		checklist_add(&r->out, FINDING_NONE, "store", NULL, "%s", file);
	else
		checklist_add(&r->out, FINDING_NONE, "store", NULL, "%s, about %s", file,
		    text_size(size, sizeof size, bytes));
}

/* The backups that the new one, of now, would push out. */
static void
plan_prune(struct rehearsal *r, size_t destination, const char *database, time_t now)
{
	struct retention_item *item = text_alloc((r->cat.n + 1) * sizeof *item);
	const struct backup **of = text_alloc((r->cat.n + 1) * sizeof *of);
	bool placed = false;
	size_t n = 0;

	for (size_t i = 0; i <= r->cat.n; i++) {
		const struct backup *b = i < r->cat.n ? &r->cat.item[i] : NULL;

		if (!placed && (b == NULL || b->time <= now)) {
			of[n] = NULL;
			item[n++].time = now;
			placed = true;
		}
		if (b != NULL && b->destination == destination && backup_is_of(b, database)) {
			of[n] = b;
			item[n++].time = b->time;
		}
	}
	retention_apply(&r->c->keep, now, item, n);
	for (size_t i = 0; i < n; i++)
		if (of[i] != NULL && item[i].kept_by == NULL &&
		    name_belongs(of[i]->file, r->c->label, database))
			checklist_add(&r->out, FINDING_NONE, "prune", NULL, "%s at %s", of[i]->file,
			    r->d.item[destination].name);
	free(item);
	free(of);
}

static void
plan(struct rehearsal *r)
{
	time_t now = time(NULL);

	checklist_section(&r->out, "A run now would");
	for (size_t i = 0; i < r->databases.n; i++)
		if (r->usable[i])
			plan_store(r, r->databases.item[i], r->estimate[i], now);
	if (r->globals_usable)
		plan_store(r, NULL, 0, now);
	for (size_t k = 0; k < r->d.n; k++) {
		for (size_t i = 0; i < r->databases.n; i++)
			if (r->usable[i])
				plan_prune(r, k, r->databases.item[i], now);
		if (r->globals_usable)
			plan_prune(r, k, NULL, now);
	}
	checklist_section(&r->out, NULL);
}

int
dryrun_run(const struct config *c, const struct arguments *a)
{
	struct rehearsal *r = text_alloc(sizeof *r);
	struct config *own = text_alloc(sizeof *own);

	*own = *c;
	if (own->wait_s > WAIT_MAX_S)
		own->wait_s = WAIT_MAX_S;
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
		catalog_read_one(&r->cat, &r->d, i, c->label);
	if (check_server(r)) {
		r->usable = text_alloc((r->databases.n + 1) * sizeof *r->usable);
		r->estimate = text_alloc((r->databases.n + 1) * sizeof *r->estimate);
		checklist_section(&r->out, "Databases");
		for (size_t i = 0; i < r->databases.n && process_stopping() == 0; i++)
			check_database(r, i);
		check_globals(r);
	} else {
		list_free(&r->databases);
	}
	if (process_stopping() == 0)
		check_destinations(r);
	check_telling(r);
	if (process_stopping() != 0) {
		checklist_section(&r->out, NULL);
		return EXIT_SIGNAL + process_stopping();
	}
	plan(r);
	if (r->out.problems == 0)
		printf("All is well%s. This was a dry run: nothing is stored, nothing is pruned.\n",
		    r->out.notes > 0 ? ", but see the notes" : "");
	else
		printf("%zu %s. This was a dry run: nothing is stored, nothing is pruned.\n",
		    r->out.problems, r->out.problems == 1 ? "problem" : "problems");
	return list_end(r->out.problems == 0 ? EXIT_DONE : EXIT_FAILED);
}
