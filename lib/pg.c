#include "pg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"

#define QUERY_LIMIT_MS (5 * 60 * 1000)
#define WAIT_STEP_MS 1000

/* What libpq, its TLS and Kerberos libraries and the tools read; no keys of the cloud. */
static const char *const passed[] = {
	"PG*",
	"PATH",
	"HOME",
	"USER",
	"LOGNAME",
	"TZ",
	"TMPDIR",
	"SSL_CERT_FILE",
	"SSL_CERT_DIR",
	"OPENSSL_CONF",
	"KRB5*",
	"LD_LIBRARY_PATH",
	NULL,
};

static const char *const maintenance[] = { "postgres", "template1" };

/* Set by us; a value of the environment must not come before it. */
static const char *const ours[] = {
	"PGHOST",
	"PGPORT",
	"PGUSER",
	"PGPASSWORD",
	"PGDATABASE",
	"PGHOST_FILE",
	"PGPORT_FILE",
	"PGUSER_FILE",
	"PGPASSWORD_FILE",
	"PGDATABASE_FILE",
	"PGDUMP_OPTIONS",
	"PGDUMP_OPTIONS_FILE",
};

static bool
is_variable(const char *entry, const char *name)
{
	size_t n = strlen(name);

	return strncmp(entry, name, n) == 0 && entry[n] == '=';
}

static void
set_default(struct list *env, const char *name, const char *value)
{
	for (size_t i = 0; i < env->n; i++)
		if (is_variable(env->item[i], name))
			return;
	list_addf(env, "%s=%s", name, value);
}

void
pg_init(struct pg *pg, const char *host, const char *port, const char *user, const char *password)
{
	struct list all = { 0 };

	*pg = (struct pg){ .password = password };
	process_env_pass(&all, passed);
	for (size_t i = 0; i < all.n; i++) {
		bool mine = false;

		for (size_t k = 0; k < sizeof ours / sizeof ours[0]; k++)
			mine = mine || is_variable(all.item[i], ours[k]);
		if (!mine)
			list_add(&pg->env, all.item[i]);
	}
	list_free(&all);
	if (host != NULL)
		list_addf(&pg->env, "PGHOST=%s", host);
	if (port != NULL)
		list_addf(&pg->env, "PGPORT=%s", port);
	if (user != NULL)
		list_addf(&pg->env, "PGUSER=%s", user);
	set_default(&pg->env, "PGCONNECT_TIMEOUT", "15");
	set_default(&pg->env, "PGAPPNAME", "backup-service");
	list_add(&pg->env, "LC_ALL=C"); /* their own messages, not the server's */
}

void
pg_with_option(struct pg *out, const struct pg *pg, const char *option)
{
	bool found = false;

	*out = *pg;
	out->env = (struct list){ 0 };
	for (size_t i = 0; i < pg->env.n; i++) {
		bool is = is_variable(pg->env.item[i], "PGOPTIONS");

		list_addf(&out->env, "%s%s%s", pg->env.item[i], is ? " " : "", is ? option : "");
		found = found || is;
	}
	if (!found)
		list_addf(&out->env, "PGOPTIONS=%s", option);
}

/* "*:*:*:*:PASSWORD", see libpq's "The Password File". -1 if it cannot be said in one. */
static int
password_file(const char *password)
{
	char *text, *at;
	int fd;

	if (strpbrk(password, "\r\n") != NULL)
		return -1;
	text = text_alloc(strlen(password) * 2 + 16);
	at = stpcpy(text, "*:*:*:*:");
	for (; *password != '\0'; password++) {
		if (*password == ':' || *password == '\\')
			*at++ = '\\';
		*at++ = *password;
	}
	*at++ = '\n';
	fd = process_memory_file(text);
	explicit_bzero(text, (size_t)(at - text));
	free(text);
	return fd;
}

/* The environment for one call; *fd is the password file or -1. */
static void
environment(const struct pg *pg, const char *database, struct list *env, int *fd)
{
	*fd = pg->password != NULL ? password_file(pg->password) : -1;
	for (size_t i = 0; i < pg->env.n; i++)
		if (*fd == -1 || !is_variable(pg->env.item[i], "PGPASSFILE"))
			list_add(env, pg->env.item[i]);
	if (database != NULL)
		list_addf(env, "PGDATABASE=%s", database);
	if (*fd != -1)
		list_addf(env, "PGPASSFILE=/dev/fd/%d", PROCESS_EXTRA_FD);
	else if (pg->password != NULL)
		list_addf(env, "PGPASSWORD=%s", pg->password);
}

int
pg_start(const struct pg *pg, struct process *p, const struct list *argv, const char *database,
    int in, int out)
{
	struct list env = { 0 };
	int fd, rc, e;

	environment(pg, database, &env, &fd);
	rc = process_start(p, &(struct process_spec){ .name = argv->item[0],
				  .argv = argv,
				  .env = &env,
				  .in = in,
				  .out = out,
				  .extra = fd,
				  .quiet = pg->quiet });
	e = errno;
	list_free(&env);
	if (fd != -1)
		close(fd);
	errno = e;
	return rc;
}

struct collected {
	char *data;
	size_t n, room;
};

static int
collect(void *arg, const char *data, size_t n)
{
	struct collected *c = arg;

	if (c->n + n + 1 > c->room) {
		char *more = text_alloc(c->room = (c->n + n + 1) * 2);

		if (c->n > 0)
			memcpy(more, c->data, c->n);
		free(c->data);
		c->data = more;
	}
	memcpy(c->data + c->n, data, n);
	c->n += n;
	c->data[c->n] = '\0';
	return 0;
}

/* Run a tool quietly and keep its output; NUL-terminated, the caller's to free. */
static int
run(const struct pg *pg, struct process *p, const struct list *argv, const char *database,
    const char *input, struct collected *c, bool heed_stop)
{
	struct list env = { 0 };
	int fd, rc;

	environment(pg, database, &env, &fd);
	rc = process_run(p,
	    &(struct process_spec){ .name = argv->item[0],
		.argv = argv,
		.env = &env,
		.extra = fd,
		.quiet = true,
		.phrase = "password retrieved from file" },
	    input, c == NULL ? NULL : collect, c, pg->limit_ms > 0 ? pg->limit_ms : QUERY_LIMIT_MS,
	    heed_stop);
	list_free(&env);
	if (fd != -1)
		close(fd);
	return rc;
}

static int
query(struct pg *pg, struct process *p, const char *database, const char *sql,
    const char *const *variables, struct collected *c, bool heed_stop)
{
	struct list argv = { 0 };
	struct pg utf8 = *pg;
	int rc;

	list_words(
	    &argv, "psql", "-XAtqw0", "-F\t", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse");
	for (; variables != NULL && *variables != NULL; variables++)
		list_words(&argv, "-v", *variables);
	utf8.env = (struct list){ 0 };
	for (size_t i = 0; i < pg->env.n; i++)
		if (!is_variable(pg->env.item[i], "PGCLIENTENCODING"))
			list_add(&utf8.env, pg->env.item[i]);
	list_add(&utf8.env, "PGCLIENTENCODING=UTF8");
	rc = run(&utf8, p, &argv, database, sql, c, heed_stop);
	pg->missing = process_missing(p);
	list_free(&utf8.env);
	list_free(&argv);
	if (rc == -1)
		snprintf(pg->why, sizeof pg->why, "psql %s", process_words(p));
	return rc;
}

int
pg_query(struct pg *pg, const char *database, const char *sql, const char *const *variables,
    char **rows, size_t *rows_n, bool heed_stop)
{
	struct collected c = { 0 };
	struct process p;

	pg->hint = NULL;
	if (query(pg, &p, database, sql, variables, &c, heed_stop) == -1) {
		free(c.data);
		return -1;
	}
	*rows = c.data != NULL ? c.data : text_copy("");
	*rows_n = c.n;
	return 0;
}

/* What pg_isready says: 0 accepts, 1 rejects (starting up), 2 no answer, 3 not tried. */
static int
is_ready(const struct pg *pg, const char *database)
{
	struct list argv = { 0 };
	struct process p;

	list_words(&argv, "pg_isready", "-q");
	run(pg, &p, &argv, database, NULL, NULL, true);
	list_free(&argv);
	return p.pid > 0 && WIFEXITED(p.status) ? WEXITSTATUS(p.status) : 2;
}

/* True if the server says that it has no such database; asked through another one. */
static bool
database_missing(struct pg *pg, const char *database)
{
	char *variable = text_format("name=%s", database);
	bool missing = false;
	struct pg aside = *pg;

	for (size_t i = 0; i < 2 && !missing; i++) {
		char *rows;
		size_t n;

		if (pg_query(&aside, maintenance[i],
			"SELECT count(*) FROM pg_database WHERE datname = :'name';\n",
			(const char *const[]){ variable, NULL }, &rows, &n, true) == -1)
			continue;
		missing = strcmp(rows, "0") == 0;
		free(rows);
		break;
	}
	free(variable);
	return missing;
}

/* The server accepts connections, but not this one: why not, and is it for good? */
static enum pg_result
classify(struct pg *pg, const struct process *p, const char *database)
{
	if (p->phrase_seen) { /* libpq says so for SQLSTATE 28P01 and nothing else */
		pg->hint =
		    "the server refuses the password: check PGUSER and PGPASSWORD, or ~/.pgpass";
		return PG_FATAL;
	}
	if (strstr(p->said, "no password supplied") != NULL) {
		pg->hint = "the server wants a password: set PGPASSWORD or PGPASSWORD_FILE";
		return PG_FATAL;
	}
	if ((pg->no_database = database_missing(pg, database))) {
		snprintf(pg->why, sizeof pg->why, "the server has no database of this name");
		pg->hint = "check DB_NAME; psql -l lists the databases of a server";
		return PG_FATAL;
	}
	pg->hint =
	    "the server is up but refuses this connection: check PGUSER, the server's pg_hba.conf and its limits";
	return PG_FAILED;
}

/* What the server says of itself; PG_FATAL if it is not of this database. */
static enum pg_result
read_server(struct pg *pg, const char *database, const char *answer, struct pg_server *server)
{
	long long version = 0, size = 0;
	int at = 0;

	if (answer == NULL || sscanf(answer, "%lld\t%lld\t%63[^\t\n]\t%n", &version, &size,
				  server->version_text, &at) != 3) {
		snprintf(pg->why, sizeof pg->why, "psql's answer cannot be read");
		return PG_FAILED;
	}
	server->version = version;
	server->size_bytes = size;
	/* without a service it is a pooler's alias, which is what was wanted */
	if (at == 0 || getenv("PGSERVICE") == NULL || strcmp(answer + at, database) == 0)
		return PG_OK;
	snprintf(
	    pg->why, sizeof pg->why, "the service file's dbname takes the place of this database");
	pg->hint = "take dbname out of the service that PGSERVICE names";
	return PG_FATAL;
}

enum pg_result
pg_connect(struct pg *pg, const char *database, int64_t wait_ms, struct pg_server *server)
{
	static const char sql[] =
	    "SELECT current_setting('server_version_num'), "
	    "pg_database_size(current_database()), current_setting('server_version'), current_database();\n";
	int64_t deadline = process_clock_ms() + wait_ms;
	bool told = false, accepts = false;

	pg->no_database = false;
	for (;;) {
		struct collected c = { 0 };
		struct process p;
		enum pg_result result;
		int rc = query(pg, &p, database, sql, NULL, &c, true), ready;

		pg->hint = NULL;
		if (rc == 0) {
			result = read_server(pg, database, c.data, server);
			free(c.data);
			return result;
		}
		free(c.data);
		if (process_stopping() != 0)
			return PG_STOPPED;
		if (process_missing(&p) != 0) {
			pg->hint = "install the PostgreSQL client (psql, pg_dump), or correct PATH";
			return PG_NO_TOOL;
		}
		/* libpq's own words: it is for us to trust the server */
		if (strstr(p.said, "certificate") != NULL) {
			pg->hint =
			    "check PGSSLROOTCERT (the file of the authority), PGSSLMODE, and that PGHOST is a name in the "
			    "server's certificate";
			return PG_FAILED;
		}
		ready = is_ready(pg, database);
		if (accepts && (ready == 0 || ready == 3))
			return classify(pg, &p, database);
		/* it may have come up since psql was refused: then that tells nothing */
		accepts = ready == 0 || ready == 3;
		if (accepts)
			continue;
		if (process_clock_ms() >= deadline) {
			pg->hint =
			    ready == 1 ?
				"the server is starting up or shutting down; DB_BACKUP_WAIT says how long to wait" :
				"check PGHOST and PGPORT and that the server runs; DB_BACKUP_WAIT says how long to wait for it";
			return PG_AWAY;
		}
		if (!told)
			log_info("waiting for the server: %s", p.said);
		told = true;
		process_poll(NULL, 0, process_clock_ms() + WAIT_STEP_MS);
	}
}

enum pg_result
pg_connect_aside(
    struct pg *pg, const char *last, int64_t wait_ms, const char **via, struct pg_server *server)
{
	const char *const candidates[] = { maintenance[0], maintenance[1], last };
	enum pg_result result = PG_FAILED;

	/* the next only where the server has no such database, or does not let us in there */
	for (size_t i = 0; i < 3 && (result == PG_FAILED || result == PG_FATAL); i++) {
		if (candidates[i] == NULL ||
		    (i < 2 && last != NULL && strcmp(candidates[i], last) == 0))
			continue;
		*via = candidates[i];
		result = pg_connect(pg, *via, wait_ms, server);
	}
	return result;
}

int
pg_databases(struct pg *pg, const char *database, struct list *out)
{
	char *rows;
	size_t n;

	if (pg_query(pg, database,
		"SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate "
		/* -2: what an interrupted DROP DATABASE left, which nobody can connect to */
		"AND datconnlimit <> -2 "
		/* ours, for a while: see target_name_beside */
		"AND datname !~ '^backup_(restore|verify)_[0-9a-f]{16}(_old)?$' ORDER BY datname;\n",
		NULL, &rows, &n, true) == -1)
		return -1;
	for (size_t at = 0; at < n; at += strlen(rows + at) + 1)
		if (rows[at] != '\0')
			list_add(out, rows + at);
	free(rows);
	return 0;
}

int
pg_tool_version(const struct pg *pg, struct process *p, const char *tool, char *text, size_t size)
{
	struct list argv = { 0 };
	struct collected c = { 0 };
	int major = -1;

	list_words(&argv, tool, "--version");
	if (run(pg, p, &argv, NULL, NULL, &c, true) == 0 && c.data != NULL) {
		/* "pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)" */
		const char *at = strstr(c.data, ") ");

		snprintf(text, size, "%.*s", at == NULL ? 0 : (int)strcspn(at + 2, " \n"),
		    at == NULL ? "" : at + 2);
		if (sscanf(text, "%d", &major) != 1 || major <= 0) {
			snprintf(p->said, sizeof p->said, "its version cannot be read");
			major = -1;
		}
	}
	free(c.data);
	list_free(&argv);
	return major;
}
