#include "archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hint.h"
#include "lib/relay.h"

#define SQL_MAX (INT64_C(64) * 1024 * 1024)

static const char damaged[] =
    "it is not what was stored, or the connection broke: try again, then another destination (--from) or another backup";

char *
archive_path(const struct archive *a)
{
	if (a->at == NULL)
		return text_copy(a->file);
	return a->at->directory == NULL || a->encrypted ?
		   NULL :
		   text_format("%s/%s", a->at->directory, a->file);
}

static int64_t
plain_size(const struct archive *a)
{
	return a->encrypted ? remote_decrypted_size(a->size_bytes) : a->size_bytes;
}

int
archive_prepare(struct archive *a, const struct config *c)
{
	a->hint = NULL;
	a->refused = false;
	if (!a->encrypted)
		return 0;
	if (a->at == NULL) {
		snprintf(a->why, sizeof a->why,
		    "it is encrypted, and can be read only in a destination");
		a->hint = "put it into a directory, give that with --from, and name the file";
		return -1;
	}
	if (c->passphrase == NULL) {
		snprintf(
		    a->why, sizeof a->why, "it is encrypted, and DB_BACKUP_PASSPHRASE is not set");
		a->hint = "set DB_BACKUP_PASSPHRASE to what it was when the backup was made";
		return -1;
	}
	if (plain_size(a) == -1) {
		snprintf(a->why, sizeof a->why,
		    "its size, %lld bytes, is not one of a complete encrypted file",
		    (long long)a->size_bytes);
		return -1;
	}
	if (a->at->remote.crypt == NULL && remote_encrypt(&a->at->remote, c->passphrase) == -1) {
		snprintf(a->why, sizeof a->why, "%s", a->at->remote.why);
		a->missing = a->at->remote.missing;
		return -1;
	}
	return 0;
}

bool
archive_only_timeout_failed(const struct process *p)
{
	/*
	 * The first error is quoted in said, in the server's language; the last line is still in
	 * line, and in that of LC_ALL
	 */
	return p->pid > 0 && !p->running && WIFEXITED(p->status) && WEXITSTATUS(p->status) == 1 &&
	       strstr(p->said, "transaction_timeout") != NULL &&
	       strcmp(p->line, "pg_restore: warning: errors ignored on restore: 1") == 0;
}

static bool
ended_leniently(const struct process *p)
{
	return process_succeeded(p) || archive_only_timeout_failed(p);
}

/* Open where the bytes come from: a file as the spool, or a download as the source. */
static int
open_source(struct archive *a, struct relay *r)
{
	char *path = archive_path(a);
	struct stat st;

	r->source = r->spool = -1;
	if (path == NULL) {
		r->hold = true;
		r->source = remote_download(&a->at->remote, &r->dump, a->file, a->encrypted);
		if (r->source == -1)
			snprintf(a->why, sizeof a->why, "cannot start rclone: %s", strerror(errno));
		return r->source == -1 ? -1 : 0;
	}
	r->spool = open(path, O_RDONLY | O_CLOEXEC);
	if (r->spool == -1 || fstat(r->spool, &st) == -1) {
		snprintf(a->why, sizeof a->why, "cannot read %s: %s", path, strerror(errno));
		free(path);
		return -1;
	}
	free(path);
	r->spool_bytes = st.st_size;
	if (a->at == NULL)
		a->size_bytes = st.st_size;
	return 0;
}

static int
start_tool(const struct pg *pg, struct relay *r, const struct list *argv, const char *database,
    int out, bool lenient)
{
	struct relay_sink *s = &r->sink[0];
	int pair[2], rc;

	/* it is no destination to tell of; pg_restore --list, for one, does not read all */
	*s = (struct relay_sink){
		.name = "", .fd = -1, .did_well = lenient ? ended_leniently : process_succeeded
	};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	rc = pg_start(pg, &s->process, argv, database, pair[0], out);
	close(pair[0]);
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	s->fd = pair[1];
	r->sinks = 1;
	return rc;
}

/* Why it did not work: the tool's words, or the download's. */
static void
explain(struct archive *a, const struct relay *r)
{
	const struct relay_sink *s = &r->sink[0];
	const struct process *p = s->failed ? &s->process : &r->dump;

	if (process_stopping() != 0)
		snprintf(a->why, sizeof a->why, "stopped by signal %d", process_stopping());
	else if (s->failed && *s->why != '\0')
		snprintf(a->why, sizeof a->why, "%s: %s", p->name, s->why);
	else if (!s->failed && *r->why != '\0')
		snprintf(a->why, sizeof a->why, "rclone: %s", r->why);
	else
		snprintf(a->why, sizeof a->why, "%s %s", p->name, process_words(p));
	a->hint = hint_for(a->why);
	/* rclone 1.60 gives a connection up that it did not read from for a minute, and does not go on */
	if (!s->failed && r->total_bytes > 0 && strstr(p->said, "i/o timeout") != NULL)
		a->hint =
		    "if the server took nothing for a while, restore-db --jobs 2 downloads it first";
	/* each block authenticates itself, but of a wrong passphrase the last one only says "unexpected EOF" */
	if (a->encrypted && !s->failed &&
	    (strstr(p->said, "failed to authenticate") != NULL ||
		strstr(p->said, "unexpected EOF") != NULL))
		a->hint =
		    r->total_bytes > 0 ?
			"its beginning decrypts, so the passphrase is right, and the file is damaged: take another backup" :
			"the passphrase is not the one it was encrypted with, or the file is damaged: set DB_BACKUP_PASSPHRASE to that one";
	a->missing = process_missing(p);
}

int
archive_feed(struct archive *a, const struct config *c, const struct pg *pg,
    const struct list *argv, const char *database, int out, bool lenient)
{
	struct relay *r = text_alloc(sizeof *r);
	const struct process *p = &r->sink[0].process;
	int64_t expected = plain_size(a);
	int rc = -1;

	a->hint = NULL;
	a->missing = 0;
	if (open_source(a, r) == -1)
		goto end;
	if (start_tool(pg, r, argv, database, out, lenient) == -1) {
		snprintf(
		    a->why, sizeof a->why, "cannot start %s: %s", argv->item[0], strerror(errno));
		goto end;
	}
	expected = a->at == NULL ? a->size_bytes : expected;
	r->what = a->file;
	r->expected_bytes = expected;
	r->stall_ms = c->stall_s * 1000;
	relay_start(r);
	if (r->source != -1 && relay_read(r) == -1) {
		explain(a, r);
		goto end;
	}
	if (!r->sink[0].committed && r->total_bytes != expected) {
		snprintf(a->why, sizeof a->why, "%lld bytes came, but it has %lld",
		    (long long)r->total_bytes, (long long)expected);
		a->hint = damaged;
		goto end;
	}
	/* the server may take hours to make indexes, when no byte moves any more */
	r->stall_ms = 0;
	if (relay_commit(r) == -1 || r->sink[0].failed)
		explain(a, r);
	else
		rc = 0;
	a->read_bytes = r->total_bytes;
end:
	a->refused = rc == -1 && p->pid > 0 && !p->running && !p->asked && WIFEXITED(p->status) &&
		     !process_succeeded(p) && process_missing(p) == 0;
	relay_abort(r);
	if (r->spool != -1)
		close(r->spool);
	free(r);
	return rc;
}

int
archive_fetch(struct archive *a, const struct config *c, const char *directory, const char *file)
{
	char *path;
	struct stat st = { 0 };

	if (remote_fetch(
		&a->at->remote, a->file, a->encrypted, directory, file, c->stall_s * 1000) == -1) {
		snprintf(a->why, sizeof a->why, "%s", a->at->remote.why);
		a->hint = hint_for(a->why);
		a->missing = a->at->remote.missing;
		return -1;
	}
	path = text_format("%s/%s", directory, file);
	if (stat(path, &st) == -1 || st.st_size != plain_size(a)) {
		a->hint = damaged;
		snprintf(a->why, sizeof a->why, "the download has %lld bytes, but it has %lld",
		    (long long)st.st_size, (long long)plain_size(a));
		free(path);
		return -1;
	}
	free(path);
	return 0;
}

/* As it is; no matter for the database's password. */
static int
feed_cat(struct archive *a, const struct config *c, const struct pg *pg, int out)
{
	struct pg no_password = *pg;
	struct list argv = { 0 };
	int rc;

	no_password.password = NULL;
	list_add(&argv, "cat");
	rc = archive_feed(a, c, &no_password, &argv, NULL, out, false);
	list_free(&argv);
	return rc;
}

bool
archive_arrives(const struct archive *a, const struct config *c, const struct pg *pg)
{
	struct archive copy = *a;

	return feed_cat(&copy, c, pg, -1) == 0;
}

char *
archive_read_sql(struct archive *a, const struct config *c, const struct pg *pg)
{
	static const char last[] = "PostgreSQL database cluster dump complete";
	char *text = NULL, *end = NULL;
	int fd = process_memory_file("");
	ssize_t n = 0;

	a->hint = NULL;
	if (a->size_bytes > SQL_MAX)
		snprintf(a->why, sizeof a->why, "it is too large for roles and tablespaces");
	else if (fd == -1)
		snprintf(a->why, sizeof a->why, "no memory for it: %s", strerror(errno));
	else if (feed_cat(a, c, pg, fd) == 0) {
		text = text_alloc((size_t)a->read_bytes + 1);
		for (off_t at = 0; at < a->read_bytes; at += n)
			if ((n = pread(fd, text + at, (size_t)(a->read_bytes - at), at)) <= 0)
				break;
	}
	if (fd != -1)
		close(fd);
	if (text == NULL)
		return NULL;
	for (char *at = text; (at = strstr(at, last)) != NULL; at++)
		end = at;
	/* behind it stand at most a newline or two and \unrestrict */
	if (end != NULL && strchr(end, ';') == NULL)
		return text;
	snprintf(a->why, sizeof a->why,
	    "it is no complete output of pg_dumpall: its last line is missing");
	a->hint = "it is damaged, or something else: try another backup";
	a->refused = true;
	free(text);
	return NULL;
}
