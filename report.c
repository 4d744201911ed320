#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit.h"
#include "lib/log.h"
#include "lib/process.h"
#include "status.h"

#define PING_LIMIT_MS 10000
#define HOOK_LIMIT_MS 60000
#define VARIABLE_MAX (100 << 10) /* bytes: one may have 128 KiB, its name included */
#define STOPPING_LIMIT_MS 1000   /* each, once asked to stop */

#define NOTHING_KNOWN "the run ended before it could tell of a database; its log tells why"

/* Credentials of all kinds: a hook gets what else there is. */
static const char *const withheld[] = {
	"PGPASSWORD",
	"PGSSLPASSWORD",
	"S3_ACCESS_KEY",
	"S3_SECRET_KEY",
	"AWS_",
	"RCLONE_",
	"GOOGLE_",
	"AZURE_",
	"OS_",
	"ST_",
	"DB_BACKUP_PASSPHRASE",
	"DB_BACKUP_PING_URL",
};

/* What the hook is told, but for the event. */
struct summary {
	struct list databases, destinations, names, errors;
	int64_t size_bytes;
	int status;
};

static int64_t
limit(int64_t limit_ms)
{
	return process_stopping() != 0 ? STOPPING_LIMIT_MS : limit_ms;
}

/*
 * Fetch the URL, with suffix. It is a secret, so it may not stand in a command
 * line, as `rclone copyurl` wants it: the folder goes into the environment of
 * rclone's http backend and the file's name to its standard input. Both
 * versions measured then send one GET (no_head) and fail on an HTTP error.
 */
static void
ping(const struct config *c, const char *suffix)
{
	static const char *const passed[] = { "PATH", "HOME", "TMPDIR", "SSL_CERT_FILE",
		"SSL_CERT_DIR", "RCLONE_CA_CERT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
		"http_proxy", "https_proxy", "no_proxy", NULL };
	struct list argv = { 0 }, env = { 0 };
	char *url, *slash, *name;
	const char *why;
	struct process p;

	if (c->ping_url == NULL)
		return;
	url = text_format("%s%s", c->ping_url, suffix);
	slash =
	    strrchr(url, '/'); /* there is one, and a plain name behind it: config.c checks that */
	name = text_format("%s\n", slash + 1);
	slash[1] = '\0';
	list_words(&argv, "rclone", "cat", "--no-traverse", "--files-from-raw", "-", ":http:");
	process_env_pass(&env, passed);
	list_addf(&env, "RCLONE_HTTP_URL=%s", url);
	list_words(&env, "RCLONE_HTTP_NO_HEAD=true", "RCLONE_CONFIG=/dev/null", "RCLONE_RETRIES=1",
	    "RCLONE_LOW_LEVEL_RETRIES=2", "RCLONE_CONTIMEOUT=5s");
	if (process_run(&p,
		&(struct process_spec){
		    .name = "rclone", .argv = &argv, .env = &env, .quiet = true },
		name, NULL, NULL, limit(PING_LIMIT_MS), process_stopping() == 0) == -1) {
		/* the end of "...: connection refused"; what stands before it may name parts of the URL */
		why = strrchr(p.said, ':');
		log_warning("cannot fetch DB_BACKUP_PING_URL%s: %s", suffix,
		    why != NULL ? why + 2 :
		    *p.said     ? p.said :
				  process_fate(&p));
	}
	list_free(&argv);
	list_free(&env);
	free(url);
	free(name);
}

/* A variable with an item a line; as many as fit, for the kernel takes no longer one (execve(2)). */
static void
add_lines(struct list *env, const char *name, const struct list *lines)
{
	struct list fit = { 0 };
	size_t bytes = 0;
	char *text;

	for (size_t i = 0; i < lines->n; i++) {
		bytes += strlen(lines->item[i]) + 1;
		if (bytes > VARIABLE_MAX) {
			list_addf(&fit, "and %zu more", lines->n - i);
			break;
		}
		list_add(&fit, lines->item[i]);
	}
	text = text_join(&fit, "\n");
	list_addf(env, "%s=%s", name, text);
	list_free(&fit);
	free(text);
}

static void
hook_environment(
    const struct report *r, const struct summary *s, const char *event, struct list *env)
{
	static const char *const all[] = { "*", NULL };
	struct list own = { 0 };

	process_env_pass(&own, all);
	for (size_t i = 0; i < own.n; i++) {
		bool secret = false;

		for (size_t k = 0; k < sizeof withheld / sizeof withheld[0]; k++)
			secret =
			    secret || strncmp(own.item[i], withheld[k], strlen(withheld[k])) == 0;
		if (!secret && strncmp(own.item[i], "BACKUP_", strlen("BACKUP_")) != 0)
			list_add(env, own.item[i]);
	}
	list_free(&own);
	list_addf(env, "BACKUP_EVENT=%s", event);
	add_lines(env, "BACKUP_DATABASES", &s->databases);
	add_lines(env, "BACKUP_DESTINATIONS", &s->destinations);
	if (strcmp(event, "start") == 0)
		return;
	list_addf(env, "BACKUP_STATUS=%d", s->status);
	add_lines(env, "BACKUP_NAMES", &s->names);
	list_addf(env, "BACKUP_SIZE_BYTES=%lld", (long long)s->size_bytes);
	list_addf(
	    env, "BACKUP_DURATION_S=%lld", (long long)((process_clock_ms() - r->began_ms) / 1000));
	add_lines(env, "BACKUP_ERROR", &s->errors);
}

static void
hook(const struct report *r, const struct summary *s, const char *event)
{
	const char *path = r->c->hook;
	struct list argv = { 0 }, env = { 0 };
	struct process p;

	if (path == NULL)
		return;
	list_words(&argv, path, event);
	hook_environment(r, s, event, &env);
	if (process_run(&p, &(struct process_spec){ .name = "hook", .argv = &argv, .env = &env },
		NULL, NULL, NULL, limit(HOOK_LIMIT_MS), process_stopping() == 0) == -1)
		log_warning("DB_BACKUP_HOOK (%s %s) %s", path, event, process_words(&p));
	list_free(&argv);
	list_free(&env);
}

static void
add_once(struct list *l, const char *s)
{
	if (!list_has(l, s))
		list_add(l, s);
}

/* What is meant to be backed up, and where. */
static struct summary
new_summary(const struct report *r)
{
	const struct list *databases = r->named->n > 0 ? r->named : &r->c->databases;
	struct summary s = { 0 };

	for (size_t i = 0; i < databases->n; i++)
		list_add(&s.databases, databases->item[i]);
	if (r->named->n == 0 && r->c->all_databases)
		list_add(&s.databases, "*");
	if (r->named->n == 0 && r->c->globals)
		list_add(&s.databases, "globals");
	for (size_t i = 0; i < r->d->n; i++)
		list_add(&s.destinations, r->d->item[i].name);
	return s;
}

static void
free_summary(struct summary *s)
{
	list_free(&s->databases);
	list_free(&s->destinations);
	list_free(&s->names);
	list_free(&s->errors);
}

void
report_begin(const struct report *r)
{
	struct summary s = new_summary(r);

	ping(r->c, "/start");
	hook(r, &s, "start");
	free_summary(&s);
}

static void
add_item(struct summary *s, const struct report_item *item)
{
	const char *database = item->database != NULL ? item->database : "globals";
	char *error;

	add_once(&s->databases, database);
	if (item->done) {
		if (!list_has(&s->names, item->name))
			s->size_bytes += item->size_bytes;
		add_once(&s->names, item->name);
		return;
	}
	error = text_format("%s to %s: %s", database, item->destination,
	    *item->error != '\0' ? item->error : "stopped before it was done");
	for (char *p = error; *p != '\0'; p++)
		if (*p == '\n')
			*p = ' ';
	log_redact(error);
	add_once(&s->errors, error);
	free(error);
}

struct outcome_of_run {
	const struct report_item *item;
	size_t n;
	int status;
};

static void
note_failure(struct status_item *item, const char *error)
{
	item->failures++;
	item->failed = time(NULL);
	status_set(&item->error, error);
}

/* What the status file learns of a run; that it was stopped is no failure. */
static void
note(struct status *s, void *arg)
{
	const struct outcome_of_run *run = arg;

	for (size_t i = 0; i < run->n; i++) {
		const struct report_item *from = &run->item[i];
		struct status_item *to = status_item(s, from->database, from->destination);

		if (from->done) {
			to->success = from->time;
			to->size_bytes = from->size_bytes;
			to->duration_ms = from->duration_ms;
			to->kept = from->kept != -1 ? from->kept : to->kept;
			to->failures = to->unverified = 0;
			status_set(&to->error, "");
		} else if (process_stopping() == 0) {
			char *error = text_copy(from->error);

			log_redact(error);
			note_failure(to, error);
			free(error);
		}
	}
	/* it did not even get as far as to a database, or was killed */
	for (size_t i = 0;
	     i < s->n && run->n == 0 && run->status != EXIT_DONE && process_stopping() == 0; i++)
		note_failure(&s->item[i], NOTHING_KNOWN);
}

void
report_end(const struct report *r, const struct report_item *item, size_t n, int status)
{
	struct outcome_of_run run = { item, n, status };
	struct summary s = new_summary(r);

	/* someone else makes this backup, and tells of it */
	if (status != EXIT_LOCKED || n > 0)
		status_update(r->c, note, &run);
	s.status = status;
	if (n > 0)
		list_free(&s.databases); /* what was tried is better known */
	for (size_t i = 0; i < n; i++)
		add_item(&s, &item[i]);
	if (status != EXIT_DONE && s.errors.n == 0)
		list_add(&s.errors, NOTHING_KNOWN);
	if (status != EXIT_LOCKED) {
		ping(r->c, status == EXIT_DONE ? "" : "/fail");
		hook(r, &s, status == EXIT_DONE ? "success" : "failure");
	}
	free_summary(&s);
}
