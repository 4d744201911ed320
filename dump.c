#include "dump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hint.h"
#include "lib/folder.h"
#include "lib/log.h"
#include "lib/relay.h"

#define SIZE_HINT                                                                                  \
	"see what else writes or deletes there: another program, a life cycle rule, a disk that fails"

static void
fail(struct dump *b, size_t i, const char *hint, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(b->failure[i].why, sizeof b->failure[i].why, format, ap);
	va_end(ap);
	b->failure[i].hint = hint;
}

void
dump_fail_all(struct dump *b, const char *why, const char *hint)
{
	for (size_t i = 0; i < b->d->n; i++)
		if (b->outcome[i] == WANTED)
			fail(b, i, hint, "%s", why);
}

const char *
dump_compression(const struct config *c, int dump_major)
{
	const char *value = c->compress, *level;

	if (value == NULL)
		return dump_major >= 16 ? "zstd:3" : "1";
	if (dump_major >= 16 || strchr("0123456789", *value) != NULL)
		return value;
	/* before 16 it was a level of gzip, and no word */
	if (strcmp(value, "none") == 0)
		return "0";
	level = strncmp(value, "gzip", 4) == 0 ? value + 4 : NULL;
	return level == NULL ? NULL : *level == ':' ? level + 1 : "6";
}

void
dump_arguments(const struct config *c, int dump_major, const char *database, struct list *argv)
{
	if (database == NULL) {
		list_words(argv, "pg_dumpall", "--globals-only", "--no-password");
		return;
	}
	list_words(argv, "pg_dump", "--format=custom", "--no-password");
	list_addf(argv, "--compress=%s", dump_compression(c, dump_major));
	for (size_t i = 0; i < c->exclude_tables.n; i++)
		list_addf(argv, "--exclude-table=%s", c->exclude_tables.item[i]);
	for (size_t i = 0; i < c->exclude_data.n; i++)
		list_addf(argv, "--exclude-table-data=%s", c->exclude_data.item[i]);
	if (c->schema_only)
		list_add(argv, "--schema-only");
	for (size_t i = 0; i < c->dump_options.n; i++)
		list_add(argv, c->dump_options.item[i]);
}

static const char *
hint_of_tool(const char *why)
{
	const char *hint = hint_for(why);

	return hint != NULL ? hint : "the lines of pg_dump and rclone above may tell more";
}

static bool
is_local(const struct dump *b, size_t i)
{
	return b->d->item[i].directory != NULL;
}

static bool
encrypts(const struct dump *b)
{
	return b->c->passphrase != NULL;
}

/* Whether a file is one of this database (or of the globals): name_belongs, for folder_sweep. */
static bool
is_own(void *arg, const char *name)
{
	const struct dump *b = arg;

	return name_belongs(name, b->c->label, b->database);
}

/* The local directory, made and swept. */
static int
prepare_folder(struct dump *b, size_t i)
{
	struct destination *d = &b->d->item[i];
	int swept;

	if (folder_make(d->directory) == -1) {
		destination_failed(d, "cannot make", errno);
		fail(b, i, d->hint, "%s", d->why);
		return -1;
	}
	swept = folder_sweep(d->directory, is_own, b);
	if (swept > 0)
		log_info("removed %d unfinished %s of %s from %s", swept,
		    swept == 1 ? "file" : "files", b->shown, d->directory);
	return 0;
}

static void
open_spool(struct dump *b, size_t i, struct relay *r)
{
	struct destination *d = &b->d->item[i];

	if (prepare_folder(b, i) == -1)
		return;
	r->spool = folder_create(d->directory, b->name);
	if (r->spool == -1) {
		destination_failed(d, "cannot write to", errno);
		fail(b, i, d->hint, "%s (as user %d)", d->why, (int)getuid());
	}
}

static void
open_sink(struct dump *b, size_t i, struct relay *r, const char *name, bool encrypt)
{
	struct destination *d = &b->d->item[i];
	struct relay_sink *s = &r->sink[r->sinks];

	if (is_local(b, i) && prepare_folder(b, i) == -1)
		return;
	if (remote_probe(&d->remote) == -1) {
		destination_failed_remote(d);
		fail(b, i, hint_of_tool(d->why), "%s", d->why);
		return;
	}
	if (encrypt && d->remote.spools) {
		fail(b, i,
		    "set DB_BACKUP_DIR too: then it is encrypted there, and uploaded from there",
		    "rclone cannot stream to it, and would collect the backup in TMPDIR first, in the clear");
		return;
	}
	*s = (struct relay_sink){ .name = d->name, .at = i, .sends_later = d->remote.spools };
	s->fd = remote_upload(&d->remote, &s->process, name, b->upper_bound, encrypt);
	if (s->fd == -1)
		fail(b, i, NULL, "cannot start rclone: %s", strerror(errno));
	else
		r->sinks++;
}

/* Remove what a failed upload may have left, under its final name if published; say so if that fails. */
static void
discard(struct dump *b, size_t i, const char *name, bool published)
{
	struct destination *d = &b->d->item[i];
	size_t n = strlen(b->failure[i].why);

	if (is_local(b, i))
		folder_discard(d->directory, name);
	else if (remote_discard(&d->remote, name, published) == -1)
		snprintf(b->failure[i].why + n, sizeof b->failure[i].why - n,
		    " (and whether anything is left there cannot be told)");
}

/* After an upload ended well: its name, its size. */
static void
confirm(struct dump *b, size_t i, const char *name, int64_t expected)
{
	struct destination *d = &b->d->item[i];
	int64_t size;

	if (is_local(b, i)) {
		if (folder_publish(d->directory, name) == -1) {
			destination_failed(d, "cannot publish in", errno);
			fail(b, i, d->hint, "%s", d->why);
			discard(b, i, name, false);
			return;
		}
	} else if (remote_publish(&d->remote, name) == -1) {
		destination_failed_remote(d);
		fail(b, i, hint_of_tool(d->why), "it cannot be given its name: %s", d->why);
		discard(b, i, name, true);
		return;
	}
	size = destination_size(d, name);
	if (size == expected) {
		b->outcome[i] = DONE;
		b->size_bytes = b->stored[i].size_bytes = size;
		snprintf(b->stored[i].name, sizeof b->stored[i].name, "%s", name);
		if (is_local(b, i))
			snprintf(b->file, sizeof b->file, "%s", name);
		return;
	}
	if (size == -2)
		fail(b, i, d->hint != NULL ? d->hint : hint_of_tool(d->why),
		    "its size cannot be checked: %s", d->why);
	else if (size == -1)
		fail(b, i, SIZE_HINT, "it is not there, although rclone reported success");
	else
		fail(b, i, SIZE_HINT, "it has %lld bytes there instead of %lld", (long long)size,
		    (long long)expected);
	if (is_local(b, i))
		folder_delete(d->directory, name);
	discard(b, i, name, true);
}

/*
 * Whether anything of this upload may be there. Without a hidden name one that we ended before
 * it saw the end of its input published nothing: what has its name is of another run in the
 * same second.
 */
static bool
may_be_there(const struct dump *b, const struct relay_sink *s)
{
	return is_local(b, s->at) || b->d->item[s->at].remote.hides || s->committed ||
	       !s->process.asked;
}

/* What became of the uploads. */
static void
finish_sinks(struct dump *b, struct relay *r, const char *name, int64_t expected)
{
	for (size_t k = 0; k < r->sinks; k++) {
		struct relay_sink *s = &r->sink[k];
		size_t i = s->at;
		char why[768];

		if (!s->failed && s->committed && process_succeeded(&s->process)) {
			confirm(b, i, name, expected);
			continue;
		}
		if (process_missing(&s->process) != 0)
			b->code = process_missing(&s->process);
		if (*s->why != '\0')
			snprintf(why, sizeof why, "rclone: %s", s->why);
		else
			snprintf(why, sizeof why, "rclone %s", process_words(&s->process));
		fail(b, i, hint_of_tool(why), "%s", why);
		if (may_be_there(b, s))
			discard(b, i, name, false);
	}
}

/* The dump failed, or we were asked to stop: nothing of this try may stay. */
static void
abandon(struct dump *b, struct relay *r, const char *name)
{
	relay_abort(r);
	if (r->spool != -1)
		for (size_t i = 0; i < b->d->n; i++)
			if (is_local(b, i))
				folder_discard(b->d->item[i].directory, name);
	for (size_t k = 0; k < r->sinks; k++)
		if (b->outcome[r->sink[k].at] == WANTED && may_be_there(b, &r->sink[k]))
			discard(b, r->sink[k].at, name, false);
}

static void
start_relay(struct dump *b, struct relay *r)
{
	r->what = b->shown;
	r->expected_bytes = b->expected_bytes;
	r->stall_ms = b->c->stall_s * 1000;
	r->magic = b->database != NULL ? "PGDMP" : "--";
	relay_start(r);
}

/* Why pg_dump failed, for all destinations alike. */
static void
explain_dump(struct dump *b, struct relay *r)
{
	struct process *p = &r->dump;
	char why[1024], text[32];

	b->dump_failed = true;
	if (process_missing(p) != 0)
		b->code = process_missing(p);
	text_duration(text, sizeof text, (process_clock_ms() - r->started_ms) / 1000 * 1000);
	if (*r->why != '\0')
		snprintf(why, sizeof why, "%s: %s", p->name, r->why);
	else
		snprintf(why, sizeof why, "%s %s after %s%s%s", p->name, process_fate(p), text,
		    *p->said ? ": " : "", p->said);
	dump_fail_all(b, why, hint_of_tool(why));
}

/* Did the dump itself go wrong, or only all that took it? */
static bool
dump_is_to_blame(const struct relay *r)
{
	return *r->why != '\0' || (!r->dump.running && !process_succeeded(&r->dump));
}

/* The dump is complete: publish the local file, before any upload is waited for. */
static void
finish_spool(struct dump *b, struct relay *r)
{
	for (size_t i = 0; i < b->d->n; i++) {
		if (r->spool == -1 || !is_local(b, i) || b->outcome[i] != WANTED)
			continue;
		if (r->spool_errno == 0) {
			confirm(b, i, b->name, r->total_bytes);
			continue;
		}
		destination_failed(&b->d->item[i], "cannot write to", r->spool_errno);
		fail(b, i, b->d->item[i].hint, "%s", b->d->item[i].why);
		discard(b, i, b->name, false);
	}
}

static int64_t
stored_size(const struct dump *b, int64_t bytes)
{
	return encrypts(b) ? remote_encrypted_size(bytes) : bytes;
}

/* The end of a try. rc is -1 where nothing of it may stay. */
static void
end_relay(struct dump *b, struct relay *r, const char *name, int64_t expected, int rc)
{
	if (rc == 0)
		finish_sinks(b, r, name, expected);
	else
		abandon(b, r, name);
	relay_abort(r);
	if (r->spool != -1)
		close(r->spool);
	free(r);
}

/* Dump to the destinations that want it, or to the local one alone. */
static void
dump_to(struct dump *b, bool local_only)
{
	struct relay *r = text_alloc(sizeof *r);
	struct list argv = { 0 };
	int out[2] = { -1, -1 }, rc = 0;
	bool itself;

	r->spool = r->source = -1;
	for (size_t i = 0; i < b->d->n; i++) {
		if (b->outcome[i] != WANTED || (local_only && !is_local(b, i)))
			continue;
		if (is_local(b, i) && !encrypts(b))
			open_spool(b, i, r);
		else
			open_sink(b, i, r, b->name, encrypts(b));
	}
	if (r->spool == -1 && r->sinks == 0) {
		free(r);
		return;
	}
	/*
	 * Into the file alone pg_dump writes itself: it can seek there, and notes in the end where
	 * the data of each table begin, which pg_restore --jobs and --table want. It opens the file
	 * anew, as it sets its standard output to O_APPEND from 16 on (_allocAH of
	 * pg_backup_archiver.c), and what it notes would come behind the end. Not pg_dumpall, which
	 * does not look whether its writes succeed.
	 */
	itself = r->sinks == 0 && b->database != NULL;
	if (!itself && pipe2(out, O_CLOEXEC) == -1) {
		dump_fail_all(b, strerror(errno), NULL);
		end_relay(b, r, b->name, 0, -1);
		return;
	}
	list_add_all(&argv, (const char *const *)b->argv.item);
	if (itself)
		list_words(&argv, "--file=/proc/self/fd/1", "--no-sync"); /* folder_publish does */
	rc = pg_start(b->pg, &r->dump, &argv, b->database, -1, itself ? r->spool : out[1]);
	if (!itself)
		close(out[1]);
	r->source = out[0];
	start_relay(b, r);
	if (rc == 0)
		rc = relay_read(r);
	if (2 * r->total_bytes > b->upper_bound)
		b->upper_bound = 2 * r->total_bytes;
	if (rc == 0) {
		finish_spool(b, r);
		rc = relay_commit(r);
	} else if (process_stopping() == 0 && dump_is_to_blame(r)) {
		explain_dump(b, r);
	} else if (process_stopping() == 0) {
		/* nothing is left to write to, each for its own reason */
		finish_spool(b, r);
		rc = 0;
	}
	end_relay(b, r, b->name, stored_size(b, r->total_bytes), rc);
	list_free(&argv); /* until its end the process has its name from there */
}

/* Upload the complete local file of this run, as it is, to the remotes that want it. */
static void
upload_file(struct dump *b, const char *directory)
{
	struct relay *r = text_alloc(sizeof *r);
	char *path = text_format("%s/%s", directory, b->file);
	int64_t size = folder_size(directory, b->file);

	r->source = -1;
	r->spool = open(path, O_RDONLY | O_CLOEXEC);
	r->spool_bytes = size;
	free(path);
	if (r->spool == -1 || size == -1) {
		*b->file = '\0'; /* gone: the next try dumps again */
		dump_fail_all(b, "the local file was removed before its upload", NULL);
		if (r->spool != -1)
			close(r->spool);
		free(r);
		return;
	}
	for (size_t i = 0; i < b->d->n; i++)
		if (b->outcome[i] == WANTED && !is_local(b, i))
			open_sink(b, i, r, b->file, false);
	b->expected_bytes = size;
	start_relay(b, r);
	end_relay(b, r, b->file, size, relay_commit(r));
}

void
dump_try(struct dump *b)
{
	const char *directory = NULL;
	bool local_wanted = false, remote_wanted = false;

	b->dump_failed = false;
	for (size_t i = 0; i < b->d->n; i++) {
		local_wanted = local_wanted || (is_local(b, i) && b->outcome[i] == WANTED);
		remote_wanted = remote_wanted || (!is_local(b, i) && b->outcome[i] == WANTED);
		if (is_local(b, i))
			directory = b->d->item[i].directory;
	}
	/*
	 * The database must not wait for the network, and one encryption is
	 * enough: rclone encrypts into the local file, which then is uploaded.
	 */
	if (*b->file == '\0' && encrypts(b) && local_wanted && remote_wanted) {
		dump_to(b, true);
		if (b->dump_failed || process_stopping() != 0)
			return;
	}
	if (*b->file == '\0')
		dump_to(b, false);
	else if (remote_wanted)
		upload_file(b, directory);
}
