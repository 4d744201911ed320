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
#define STOPPING_LIMIT_MS 1000 /* each, once asked to stop */

static int64_t began_ms;

/* Credentials of all kinds: a hook gets what else there is. */
static const char *const withheld[] = {
	"PGPASSWORD",
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
	char *databases, *names, *destinations, *error; /* one a line */
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
	static const char *const words[] = { "rclone", "cat", "--no-traverse", "--files-from-raw",
		"-", ":http:" };
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
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		list_add(&argv, words[i]);
	process_env_pass(&env, passed);
	list_addf(&env, "RCLONE_HTTP_URL=%s", url);
	list_add(&env, "RCLONE_HTTP_NO_HEAD=true");
	list_add(&env, "RCLONE_CONFIG=/dev/null");
	list_add(&env, "RCLONE_RETRIES=1");
	list_add(&env, "RCLONE_LOW_LEVEL_RETRIES=2");
	list_add(&env, "RCLONE_CONTIMEOUT=5s");
	if (process_run(&p,
		&(struct process_spec){ .name = "rclone",
		    .argv = &argv,
		    .env = &env,
		    .in = -1,
		    .out = -1,
		    .extra = -1,
		    .quiet = true },
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

static void
hook_environment(const struct summary *s, const char *event, struct list *env)
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
	list_addf(env, "BACKUP_DATABASES=%s", s->databases);
	list_addf(env, "BACKUP_DESTINATIONS=%s", s->destinations);
	if (strcmp(event, "start") == 0)
		return;
	list_addf(env, "BACKUP_STATUS=%d", s->status);
	list_addf(env, "BACKUP_NAMES=%s", s->names);
	list_addf(env, "BACKUP_SIZE_BYTES=%lld", (long long)s->size_bytes);
	list_addf(
	    env, "BACKUP_DURATION_S=%lld", (long long)((process_clock_ms() - began_ms) / 1000));
	list_addf(env, "BACKUP_ERROR=%s", s->error);
}

static void
hook(const struct config *c, const struct summary *s, const char *event)
{
	struct list argv = { 0 }, env = { 0 };
	struct process p;

	if (c->hook == NULL)
		return;
	list_add(&argv, c->hook);
	list_add(&argv, event);
	hook_environment(s, event, &env);
	if (process_run(&p,
		&(struct process_spec){
		    .name = "hook", .argv = &argv, .env = &env, .in = -1, .out = -1, .extra = -1 },
		NULL, NULL, NULL, limit(HOOK_LIMIT_MS), process_stopping() == 0) == -1)
		log_warning("DB_BACKUP_HOOK (%s %s) %s%s%s", c->hook, event, process_fate(&p),
		    *p.said ? ": " : "", p.said);
	list_free(&argv);
	list_free(&env);
}

/* Add a line to text. False if it is there already. */
static bool
add_line(char **text, const char *line)
{
	size_t n = strlen(line);
	char *longer;

	for (const char *at = *text; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n')
		if (strncmp(at, line, n) == 0 && (at[n] == '\n' || at[n] == '\0'))
			return false;
	longer = text_format("%s%s%s", *text, **text != '\0' ? "\n" : "", line);
	free(*text);
	*text = longer;
	return true;
}

/* Where backups go, for people. */
static void
add_destinations(struct summary *s, const struct config *c)
{
	if (c->directory != NULL)
		add_line(&s->destinations, "local");
	if (c->s3_bucket != NULL)
		add_line(&s->destinations, "cloud");
	for (size_t i = 0; i < c->remotes.n; i++) {
		char *name =
		    text_format("%.*s", (int)strcspn(c->remotes.item[i], ":"), c->remotes.item[i]);

		add_line(&s->destinations, name);
		free(name);
	}
}

static struct summary
new_summary(const struct config *c)
{
	struct summary s = { text_copy(""), text_copy(""), text_copy(""), text_copy(""), 0, 0 };

	add_destinations(&s, c);
	return s;
}

static void
free_summary(struct summary *s)
{
	free(s->databases);
	free(s->names);
	free(s->destinations);
	free(s->error);
}

void
report_begin(const struct config *c)
{
	struct summary s = new_summary(c);

	began_ms = process_clock_ms();
	for (size_t i = 0; i < c->databases.n; i++)
		add_line(&s.databases, c->databases.item[i]);
	ping(c, "/start");
	hook(c, &s, "start");
	free_summary(&s);
}

static void
add_item(struct summary *s, const struct report_item *item)
{
	char *error;

	add_line(&s->databases, item->database != NULL ? item->database : "globals");
	if (!item->done) {
		error = text_format("%s to %s: %s",
		    item->database != NULL ? item->database : "globals", item->destination,
		    *item->error != '\0' ? item->error : "stopped before it was done");
		for (char *p = error; *p != '\0'; p++)
			if (*p == '\n')
				*p = ' ';
		log_redact(error);
		add_line(&s->error, error);
		free(error);
		return;
	}
	if (add_line(&s->names, item->name))
		s->size_bytes += item->size_bytes;
}

struct outcome_of_run {
	const struct report_item *item;
	size_t n;
	int status;
};

static void
note_failure(struct status_item *item, int64_t when, const char *error)
{
	item->failures++;
	item->failed = when;
	status_error(item, error);
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
			to->failures = 0;
			status_error(to, "");
		} else if (process_stopping() == 0) {
			char *error = text_copy(from->error);

			log_redact(error);
			note_failure(to, from->time, error);
			free(error);
		}
	}
	/* it did not even get as far as to a database */
	for (size_t i = 0;
	     i < s->n && run->n == 0 && run->status != EXIT_DONE && process_stopping() == 0; i++)
		note_failure(&s->item[i], time(NULL),
		    "the run did not get as far as to a database; its log tells why");
}

void
report_end(const struct config *c, const struct report_item *item, size_t n, int status)
{
	struct outcome_of_run run = { item, n, status };
	struct summary s = new_summary(c);

	/* someone else makes this backup, and tells of it */
	if (status != EXIT_LOCKED || n > 0)
		status_update(c, note, &run);
	s.status = status;
	for (size_t i = 0; i < n; i++)
		add_item(&s, &item[i]);
	if (status != EXIT_DONE && *s.error == '\0')
		add_line(
		    &s.error, "the run did not get as far as to a database; its log tells why");
	if (status != EXIT_LOCKED) {
		ping(c, status == EXIT_DONE ? "" : "/fail");
		hook(c, &s, status == EXIT_DONE ? "success" : "failure");
	}
	free_summary(&s);
}
