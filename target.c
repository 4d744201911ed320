#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "hint.h"
#include "lib/log.h"

#define DROP_LIMIT_MS (60 * 60 * 1000)
#define SWAP_STEP_MS 1000

/* What differs between versions of the server is read through JSON. */
static const char look_sql[] =
    "SELECT (SELECT count(*) FROM pg_database WHERE datname = :'name'),\n"
    "  (SELECT count(*) FROM pg_database WHERE datname = :'name' AND datistemplate),\n"
    "  (SELECT count(*) FROM pg_stat_activity a WHERE datname = :'name' AND pid <> pg_backend_pid()\n"
    "    AND coalesce(to_jsonb(a)->>'backend_type', '') <> 'autovacuum worker'),\n" /* it gives way */
    "  (SELECT count(*) FROM pg_replication_slots WHERE database = :'name') +\n"
    "  (SELECT count(*) FROM pg_prepared_xacts WHERE database = :'name'),\n"
    "  (octet_length(:'name') > current_setting('max_identifier_length')::int)::int;\n";
static const char newer_sql[] = /* version 10 and newer */
    "SELECT (SELECT count(*) FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = :'name')),\n"
    "  (SELECT count(*) FROM pg_publication) + (SELECT count(*) FROM pg_namespace n WHERE nspname = 'public' AND nspacl IS DISTINCT FROM\n"
    "  (SELECT initprivs FROM pg_init_privs WHERE classoid = 'pg_namespace'::regclass AND objoid = n.oid));\n";
static const char content_sql[] =
    "SELECT (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
    "    WHERE c.relkind IN ('r', 'p', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')\n"
    "    AND n.nspname !~ '^pg_toast' AND n.nspname !~ '^pg_temp' AND NOT EXISTS (SELECT FROM pg_depend d\n"
    "    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')),\n"
    "  (SELECT count(*) FROM pg_class WHERE oid >= 16384) + (SELECT count(*) FROM pg_proc WHERE oid >= 16384) +\n"
    "  (SELECT count(*) FROM pg_namespace WHERE oid >= 16384) + (SELECT count(*) FROM pg_type WHERE oid >= 16384) +\n"
    "  (SELECT count(*) FROM pg_extension WHERE oid >= 16384) + (SELECT count(*) FROM pg_largeobject_metadata) +\n"
    "  (SELECT count(*) FROM pg_event_trigger) + (SELECT count(*) FROM pg_foreign_data_wrapper) +\n"
    "  (SELECT count(*) FROM pg_default_acl) + (SELECT count(*) FROM pg_collation WHERE oid >= 16384) +\n"
    "  (SELECT count(*) FROM pg_ts_config WHERE oid >= 16384) + (SELECT count(*) FROM pg_ts_dict WHERE oid >= 16384) +\n"
    "  (SELECT count(*) FROM pg_cast WHERE oid >= 16384) + (SELECT count(*) FROM pg_operator WHERE oid >= 16384) +\n"
    "  (SELECT count(*) FROM pg_conversion WHERE oid >= 16384);\n";
/* Without the target it is a plain one. What differs between versions is read through JSON here too. */
static const char create_sql[] =
    "SELECT coalesce((SELECT format('CREATE DATABASE %I TEMPLATE template0 OWNER %I ENCODING %L LC_COLLATE %L LC_CTYPE %L',\n"
    "  :'new', pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding), d.datcollate, d.datctype) ||\n"
    /* naming even the default one takes a right that owners need not have */
    "  CASE WHEN d.dattablespace = o.dattablespace THEN '' ELSE format(' TABLESPACE %I', spcname) END ||\n"
    /* not named it would be template0's; servers before 15 have none */
    "  CASE j->>'datlocprovider' WHEN 'c' THEN ' LOCALE_PROVIDER libc' WHEN 'i' THEN\n"
    "  format(' LOCALE_PROVIDER icu ICU_LOCALE %L', coalesce(j->>'datlocale', j->>'daticulocale'))\n"
    "  WHEN 'b' THEN format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L', j->>'datlocale') ELSE '' END ||\n"
    "  CASE WHEN j->>'daticurules' <> '' THEN format(' ICU_RULES %L', j->>'daticurules') ELSE '' END\n"
    "  FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace, pg_database o, to_jsonb(d) j\n"
    "  WHERE d.datname = :'name' AND o.datname = 'template0'),\n"
    "  format('CREATE DATABASE %I TEMPLATE template0', :'new')) \\gexec\n";
static const char properties_sql[] =
    "SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'new') FROM pg_database\n"
    "  WHERE datname = :'name' AND datacl IS NOT NULL \\gexec\n"
    "SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, :'new',\n"
    "  CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,\n"
    "  CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)\n"
    "  FROM pg_database d, aclexplode(d.datacl) a WHERE datname = :'name' AND a.grantee <> d.datdba \\gexec\n"
    /* lists are stored as quoted names, and written as pg_dump does: each name a string */
    "SELECT format('ALTER %s SET %I TO %s', CASE s.setrole WHEN 0 THEN format('DATABASE %I', :'new')\n"
    "  ELSE format('ROLE %I IN DATABASE %I', pg_get_userbyid(s.setrole), :'new') END, split_part(c, '=', 1),\n"
    "  CASE WHEN split_part(c, '=', 1) IN ('search_path', 'temp_tablespaces', 'session_preload_libraries',\n"
    "  'local_preload_libraries') THEN coalesce((SELECT string_agg(quote_literal(coalesce(replace(m[1], '\"\"', '\"'), m[2])), ', ')\n"
    "  FROM regexp_matches(v, '\"((?:[^\"]|\"\")*)\"|([^,\"[:space:]]+)', 'g') m), quote_literal('')) ELSE quote_literal(v) END)\n"
    "  FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) c,\n"
    "  substr(c, strpos(c, '=') + 1) v WHERE d.datname = :'name' \\gexec\n"
    "SELECT format('COMMENT ON DATABASE %I IS %L', :'new', shobj_description(oid, 'pg_database'))\n"
    "  FROM pg_database WHERE datname = :'name' AND shobj_description(oid, 'pg_database') IS NOT NULL \\gexec\n"
    "SELECT format('ALTER DATABASE %I CONNECTION LIMIT %s', :'new', datconnlimit) FROM pg_database\n"
    "  WHERE datname = :'name' AND datconnlimit <> -1 \\gexec\n";
static const char swap_sql[] =
    "BEGIN;\nALTER DATABASE :\"name\" RENAME TO :\"old\";\nALTER DATABASE :\"new\" RENAME TO :\"name\";\nCOMMIT;\n";
static const char users_sql[] =
    "SELECT count(*) FROM pg_stat_activity WHERE datname IN (:'name', :'new') AND pid <> pg_backend_pid();\n";
static const char rename_sql[] = "ALTER DATABASE :\"new\" RENAME TO :\"name\";\n";
/* a session of pg_restore may not have noticed yet that pg_restore is gone */
static const char drop_sql[] =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :'name' AND usename = current_user\n"
    "  AND pid <> pg_backend_pid();\nDROP DATABASE IF EXISTS :\"name\";\n";

/* Up to three variables. rows may be NULL. -1: pg->why, pg->hint. */
static int
execute(struct pg *pg, const char *database, const char *sql, const char *name, const char *new,
    const char *old, char **rows, bool heed_stop)
{
	char *variables[] = { text_format("name=%s", name), text_format("new=%s", new),
		text_format("old=%s", old), NULL };
	char *answer = NULL;
	size_t n;
	int rc =
	    pg_query(pg, database, sql, (const char *const *)variables, &answer, &n, heed_stop);

	for (size_t i = 0; i < 3; i++)
		free(variables[i]);
	if (rc != 0) {
		pg->hint = hint_for(pg->why);
		return -1;
	}
	if (rows != NULL)
		*rows = answer;
	else
		free(answer);
	return 0;
}

void
target_name_beside(char *name, size_t size, const char *purpose)
{
	unsigned long long random;

	if (getrandom(&random, sizeof random, 0) != sizeof random)
		random = (unsigned long long)getpid(); /* if it is taken, the server will say so */
	snprintf(name, size, "backup_%s_%016llx", purpose, random);
}

int
target_create(struct pg *pg, const char *via, const char *name)
{
	return execute(
	    pg, via, "CREATE DATABASE :\"name\" TEMPLATE template0;\n", name, "", "", NULL, false);
}

int
target_drop(struct pg *pg, const char *via, const char *name)
{
	int rc;

	pg->limit_ms = DROP_LIMIT_MS;
	rc = execute(pg, via, drop_sql, name, "", "", NULL, false);
	pg->limit_ms = 0;
	return rc;
}

bool
target_is_lenient(struct pg *pg, const struct pg_server *server)
{
	struct process p;
	char version[64];

	return server->version < 170000 &&
	       pg_tool_version(pg, &p, "pg_restore", version, sizeof version) >= 17;
}

enum pg_result
target_look(struct target *t, struct pg *pg, int64_t wait_ms)
{
	enum pg_result result;
	struct pg_server server;
	long exists = 0, is_template = 0, slots = 0, too_long = 0, subscriptions = 0, more = 0;
	char *rows;

	result = pg_connect_aside(pg, t->name, wait_ms, &t->via, &server);
	if (result != PG_OK)
		return result;
	if (execute(pg, t->via, look_sql, t->name, "", "", &rows, true) == -1)
		return PG_FAILED;
	sscanf(rows, "%ld\t%ld\t%ld\t%ld\t%ld", &exists, &is_template, &t->sessions, &slots,
	    &too_long);
	free(rows);
	if (too_long != 0) {
		snprintf(pg->why, sizeof pg->why,
		    "the name is longer than a name can be on this server");
		return PG_FATAL;
	}
	t->exists = exists == 1;
	t->is_template = is_template == 1;
	t->ties = slots;
	t->lenient = target_is_lenient(pg, &server);
	if (!t->exists)
		return PG_OK;
	if (execute(pg, t->name, content_sql, t->name, "", "", &rows, true) == -1)
		return PG_FAILED;
	sscanf(rows, "%ld\t%ld", &t->tables, &t->objects);
	free(rows);
	if (execute(pg, t->name, newer_sql, t->name, "", "", &rows, true) == 0) {
		sscanf(rows, "%ld\t%ld", &subscriptions, &more);
		t->ties += subscriptions;
		t->objects += more;
		free(rows);
	}
	return PG_OK;
}

int
target_make(
    const struct target *t, struct pg *pg, const struct list *schemas, char *name, size_t size)
{
	/* the properties could be in the way of restoring: only tried, so that what fails does before it */
	char *sql = text_format("%sBEGIN;\n%sROLLBACK;\n", create_sql, properties_sql);
	struct pg aside;
	int rc;

	target_name_beside(name, size, "restore");
	rc = execute(pg, t->via, sql, t->name, name, "", NULL, false);
	free(sql);
	for (size_t i = 0; i < schemas->n && rc == 0; i++)
		rc = execute(pg, name, "CREATE SCHEMA IF NOT EXISTS :\"name\";\n", schemas->item[i],
		    "", "", NULL, false);
	aside = *pg; /* keeps why */
	if (rc == -1)
		target_drop(&aside, t->via, name);
	return rc;
}

/* Whether there is no database of this name; false if that cannot be told. */
static bool
is_gone(struct pg *pg, const char *via, const char *name)
{
	struct pg aside = *pg;
	char *rows;
	bool gone;

	if (execute(&aside, via, "SELECT count(*) FROM pg_database WHERE datname = :'name';\n",
		name, "", "", &rows, false) == -1)
		return false;
	gone = strcmp(rows, "0") == 0;
	free(rows);
	return gone;
}

/* Whether somebody is connected to either; false if that cannot be told. */
static bool
is_in_use(const struct pg *pg, const char *via, const char *name, const char *new)
{
	struct pg aside = *pg;
	char *rows;
	bool used;

	if (execute(&aside, via, users_sql, name, new, "", &rows, false) == -1)
		return false;
	used = strcmp(rows, "0") != 0;
	free(rows);
	return used;
}

int
target_swap(const struct target *t, struct pg *pg, const char *new, int64_t wait_ms)
{
	int64_t deadline = process_clock_ms() + wait_ms;
	char *old = text_format("%s_old", new),
	     *sql = text_format("BEGIN;\n%sCOMMIT;\n", properties_sql);
	bool told = false;
	int vain = 0; /* what failed for somebody who is gone may work now */
	int rc = execute(pg, t->via, sql, t->name, new, "", NULL, false);

	free(sql);
	while (rc == 0 &&
	       (rc = execute(pg, t->via, t->exists ? swap_sql : rename_sql, t->name, new, old, NULL,
		    false)) == -1 &&
	       process_stopping() == 0 && process_clock_ms() < deadline) {
		/* asked, and not read from the error, which may be in any language */
		bool used = is_in_use(pg, t->via, t->name, new);

		vain = used ? 0 : vain + 1;
		if (vain == 2)
			break;
		if (used && !told)
			log_warning(
			    "somebody connected to \"%s\" meanwhile; waiting for them to leave",
			    t->name);
		told = told || used;
		rc = 0;
		if (used)
			process_poll(NULL, 0, process_clock_ms() + SWAP_STEP_MS);
	}
	/* a connection that breaks may hide a success */
	if (rc == -1 && is_gone(pg, t->via, new))
		rc = 0;
	if (rc == 0 && t->exists && target_drop(pg, t->via, old) == -1) {
		log_warning(
		    "the former content of \"%s\", now the database \"%s\", could not be dropped: %s",
		    t->name, old, pg->why);
		log_hint("drop it when it is not needed any more: DROP DATABASE \"%s\"", old);
	}
	free(old);
	return rc;
}
