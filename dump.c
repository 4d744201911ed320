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

/* What one relay serves: destination at[i] is fed by its sink i; the spool is the local file. */
struct way {
	struct relay relay;
	size_t at[RELAY_SINKS_MAX];
};

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
		list_add(argv, "pg_dumpall");
		list_add(argv, "--globals-only");
		list_add(argv, "--no-password");
		return;
	}
	list_add(argv, "pg_dump");
	list_add(argv, "--format=custom");
	list_add(argv, "--no-password");
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
open_spool(struct dump *b, size_t i, struct way *w)
{
	struct destination *d = &b->d->item[i];

	if (prepare_folder(b, i) == -1)
		return;
	w->relay.spool = folder_create(d->directory, b->name);
	if (w->relay.spool == -1) {
		destination_failed(d, "cannot write to", errno);
		fail(b, i, d->hint, "%s (as user %d)", d->why, (int)getuid());
	}
}

static void
open_sink(struct dump *b, size_t i, struct way *w, const char *name, bool encrypt)
{
	struct destination *d = &b->d->item[i];
	struct relay_sink *s = &w->relay.sink[w->relay.sinks];

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
	*s = (struct relay_sink){ .name = d->name };
	s->fd = remote_upload(&d->remote, &s->process, name, b->upper_bound, encrypt);
	if (s->fd == -1)
		fail(b, i, NULL, "cannot start rclone: %s", strerror(errno));
	else
		w->at[w->relay.sinks++] = i;
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
 * Whether anything of this upload may be there. One that we ended before it saw the end of its
 * input published nothing: what has its name is of another run in the same second.
 */
static bool
may_be_there(const struct relay_sink *s)
{
	return s->committed || !s->process.asked;
}

/* What became of the uploads of w. */
static void
finish_sinks(struct dump *b, struct way *w, const char *name, int64_t expected)
{
	for (size_t k = 0; k < w->relay.sinks; k++) {
		struct relay_sink *s = &w->relay.sink[k];
		size_t i = w->at[k];
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
			snprintf(why, sizeof why, "rclone %s%s%s", process_fate(&s->process),
			    *s->process.said ? ": " : "", s->process.said);
		fail(b, i, hint_of_tool(why), "%s", why);
		if (is_local(b, i) || may_be_there(s))
			discard(b, i, name, false);
	}
}

/* The dump failed, or we were asked to stop: nothing of this try may stay. */
static void
abandon(struct dump *b, struct way *w, const char *name)
{
	relay_abort(&w->relay);
	if (w->relay.spool != -1)
		for (size_t i = 0; i < b->d->n; i++)
			if (is_local(b, i))
				folder_discard(b->d->item[i].directory, name);
	for (size_t k = 0; k < w->relay.sinks; k++)
		if (b->outcome[w->at[k]] == WANTED &&
		    (is_local(b, w->at[k]) || may_be_there(&w->relay.sink[k])))
			discard(b, w->at[k], name, false);
}

static void
start_relay(struct dump *b, struct way *w)
{
	w->relay.what = b->shown;
	w->relay.expected_bytes = b->expected_bytes;
	w->relay.stall_ms = b->c->stall_s * 1000;
	w->relay.magic = b->database != NULL ? "PGDMP" : "--";
	relay_start(&w->relay);
}

/* Why pg_dump failed, for all destinations alike. */
static void
explain_dump(struct dump *b, struct way *w)
{
	struct process *p = &w->relay.dump;
	char why[1024], text[32];

	b->dump_failed = true;
	if (process_missing(p) != 0)
		b->code = process_missing(p);
	text_duration(text, sizeof text, (process_clock_ms() - w->relay.started_ms) / 1000 * 1000);
	if (*w->relay.why != '\0')
		snprintf(why, sizeof why, "%s: %s", p->name, w->relay.why);
	else
		snprintf(why, sizeof why, "%s %s after %s%s%s", p->name, process_fate(p), text,
		    *p->said ? ": " : "", p->said);
	dump_fail_all(b, why, hint_of_tool(why));
}

/* Did the dump itself go wrong, or only all that took it? */
static bool
dump_is_to_blame(const struct way *w)
{
	return *w->relay.why != '\0' ||
	       (!w->relay.dump.running && !process_succeeded(&w->relay.dump));
}

/* The dump is complete: publish the local file, before any upload is waited for. */
static void
finish_spool(struct dump *b, struct way *w)
{
	for (size_t i = 0; i < b->d->n; i++) {
		if (w->relay.spool == -1 || !is_local(b, i) || b->outcome[i] != WANTED)
			continue;
		if (w->relay.spool_errno == 0) {
			confirm(b, i, b->name, w->relay.total_bytes);
			continue;
		}
		destination_failed(&b->d->item[i], "cannot write to", w->relay.spool_errno);
		fail(b, i, b->d->item[i].hint, "%s", b->d->item[i].why);
		discard(b, i, b->name, false);
	}
}

static int64_t
stored_size(const struct dump *b, int64_t bytes)
{
	return encrypts(b) ? remote_encrypted_size(bytes) : bytes;
}

/* Dump to the destinations for which take is true. -1 if asked to stop. */
static int
dump_to(struct dump *b, bool (*take)(const struct dump *b, size_t i))
{
	struct way *w = text_alloc(sizeof *w);
	int out[2] = { -1, -1 }, rc = 0;
	bool itself;

	w->relay.spool = w->relay.source = -1;
	for (size_t i = 0; i < b->d->n; i++) {
		if (b->outcome[i] != WANTED || !take(b, i))
			continue;
		if (is_local(b, i) && !encrypts(b))
			open_spool(b, i, w);
		else
			open_sink(b, i, w, b->name, encrypts(b));
	}
	if (w->relay.spool == -1 && w->relay.sinks == 0) {
		free(w);
		return process_stopping() != 0 ? -1 : 0;
	}
	/*
	 * Into the file alone pg_dump writes itself: it can seek there, and notes in the end where
	 * the data of each table begin, which pg_restore --jobs and --table want. Not pg_dumpall,
	 * which does not look whether its writes succeed.
	 */
	itself = w->relay.sinks == 0 && b->database != NULL;
	if (!itself && pipe2(out, O_CLOEXEC) == -1) {
		dump_fail_all(b, strerror(errno), NULL);
		abandon(b, w, b->name);
		goto end;
	}
	rc = pg_start(
	    b->pg, &w->relay.dump, &b->argv, b->database, -1, itself ? w->relay.spool : out[1]);
	if (!itself)
		close(out[1]);
	w->relay.source = out[0];
	start_relay(b, w);
	if (rc == 0)
		rc = relay_read(&w->relay);
	b->upper_bound =
	    2 * w->relay.total_bytes > b->upper_bound ? 2 * w->relay.total_bytes : b->upper_bound;
	if (rc == 0) {
		finish_spool(b, w);
		rc = relay_commit(&w->relay);
		if (rc == 0)
			finish_sinks(b, w, b->name, stored_size(b, w->relay.total_bytes));
	} else if (process_stopping() == 0) {
		bool blame = dump_is_to_blame(w);

		/* a failed dump explains everything; else each destination has its own reason */
		if (!blame) {
			finish_spool(b, w);
			finish_sinks(b, w, b->name, -1);
			rc = 0;
		} else {
			explain_dump(b, w);
		}
	}
	if (rc == -1)
		abandon(b, w, b->name);
	relay_abort(&w->relay);
end:
	if (w->relay.spool != -1)
		close(w->relay.spool);
	free(w);
	return process_stopping() != 0 ? -1 : 0;
}

/* Upload the complete local file of this run, as it is, to the remotes that want it. */
static void
upload_file(struct dump *b, const char *directory)
{
	struct way *w = text_alloc(sizeof *w);
	char *path = text_format("%s/%s", directory, b->file);
	int64_t size = folder_size(directory, b->file);
	int rc;

	w->relay.source = -1;
	w->relay.spool = open(path, O_RDONLY | O_CLOEXEC);
	w->relay.spool_bytes = size;
	free(path);
	if (w->relay.spool == -1 || size == -1) {
		*b->file = '\0'; /* gone: the next try dumps again */
		dump_fail_all(b, "the local file was removed before its upload", NULL);
		if (w->relay.spool != -1)
			close(w->relay.spool);
		free(w);
		return;
	}
	for (size_t i = 0; i < b->d->n; i++)
		if (b->outcome[i] == WANTED && !is_local(b, i))
			open_sink(b, i, w, b->file, false);
	b->expected_bytes = size;
	start_relay(b, w);
	rc = relay_commit(&w->relay);
	if (rc == 0)
		finish_sinks(b, w, b->file, size);
	else
		abandon(b, w, b->file);
	relay_abort(&w->relay);
	close(w->relay.spool);
	free(w);
}

static bool
take_all(const struct dump *b, size_t i)
{
	(void)b;
	(void)i;
	return true;
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
	if (*b->file == '\0' && encrypts(b) && local_wanted && remote_wanted &&
	    (dump_to(b, is_local) == -1 || b->dump_failed))
		return;
	if (*b->file == '\0')
		dump_to(b, take_all);
	else if (remote_wanted)
		upload_file(b, directory);
}
