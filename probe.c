#include "probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hint.h"
#include "lib/folder.h"
#include "lib/relay.h"

#define READ_LIMIT_MS 60000

static const char content[] =
    "Written by backup-db --dry-run, which deletes it again. Delete it if it is still there.\n";

#define CONTENT_BYTES ((int64_t)sizeof content - 1)

static void
failed(struct probe *p, const char *hint, const char *what, const char *why)
{
	snprintf(p->why, sizeof p->why, "%s%s%s", what, *what != '\0' ? ": " : "", why);
	p->hint = hint != NULL ? hint : hint_for(why);
}

/* Plain, into a directory: no other program is needed. */
static int
store_in_folder(struct probe *p, struct destination *d)
{
	int fd = folder_create(d->directory, PROBE_NAME), rc = -1;

	if (fd != -1 && write(fd, content, CONTENT_BYTES) == CONTENT_BYTES)
		rc = folder_publish(d->directory, PROBE_NAME);
	if (rc == -1) {
		destination_failed(d, "cannot write to", errno);
		failed(p, d->hint, "", d->why);
		folder_discard(d->directory, PROBE_NAME);
	}
	if (fd != -1)
		close(fd);
	return rc;
}

/* As dump.c uploads a file. */
static int
store_by_rclone(struct probe *p, struct destination *d, const char *name, bool encrypt)
{
	struct relay *r = text_alloc(sizeof *r);
	struct relay_sink *s = &r->sink[0];
	char why[768];
	int rc = -1;

	r->source = -1;
	r->spool = process_memory_file(content);
	r->spool_bytes = CONTENT_BYTES;
	r->stall_ms = d->remote.limit_ms;
	r->what = "the probe";
	*s = (struct relay_sink){ .name = d->name };
	d->remote.quiet = true;
	if (r->spool == -1 ||
	    (s->fd = remote_upload(&d->remote, &s->process, name, CONTENT_BYTES, encrypt)) == -1) {
		failed(p, NULL, "cannot start rclone", strerror(errno));
		goto end;
	}
	r->sinks = 1;
	relay_start(r);
	if (relay_commit(r) == 0 && !s->failed && process_succeeded(&s->process)) {
		rc = 0;
		goto end;
	}
	snprintf(why, sizeof why, "%s%s%s", *s->why != '\0' ? s->why : process_fate(&s->process),
	    *s->process.said != '\0' ? ": " : "", s->process.said);
	failed(p, NULL, "rclone", why);
end:
	relay_abort(r);
	if (r->spool != -1)
		close(r->spool);
	free(r);
	return rc;
}

/* Read it again, through rclone where it is not a plain local file. */
static int
read_back(struct probe *p, struct destination *d, const char *name, bool encrypt)
{
	char text[sizeof content + 1], why[768];
	struct process download;
	int64_t deadline = process_clock_ms() + READ_LIMIT_MS;
	int fd = remote_download(&d->remote, &download, name, encrypt);
	size_t n = 0;
	ssize_t got = 0;

	if (fd == -1) {
		failed(p, NULL, "it cannot be read back", strerror(errno));
		return -1;
	}
	/* so little fits into the pipe: rclone need not wait for us */
	if (process_wait(&download, deadline, true) == -1)
		process_end(&download, 1000);
	while (n < sizeof text && (got = read(fd, text + n, sizeof text - n)) > 0)
		n += (size_t)got;
	close(fd);
	snprintf(why, sizeof why, "rclone %s%s%s", process_fate(&download),
	    *download.said ? ": " : "", download.said);
	if (!process_succeeded(&download))
		failed(p, NULL, "it cannot be read back", why);
	else if (n != (size_t)CONTENT_BYTES || memcmp(text, content, n) != 0)
		failed(p, "see what else writes there, and whether it changes files",
		    "it cannot be read back", "what came is something else");
	else
		return 0;
	return -1;
}

void
probe_destination(struct probe *p, struct destination *d, bool encrypt)
{
	const char *name = encrypt ? PROBE_NAME ".bin" : PROBE_NAME;
	int64_t expected = encrypt ? remote_encrypted_size(CONTENT_BYTES) : CONTENT_BYTES, size;
	bool by_rclone = d->directory == NULL || encrypt;
	struct list names = { 0 };

	*p = (struct probe){ 0 };
	list_add(&names, name);
	if (by_rclone && remote_probe(&d->remote) == -1) {
		destination_failed_remote(d);
		failed(p, d->hint, "", d->why);
		p->deleted = true;
		goto end;
	}
	if (!by_rclone)
		destination_delete(
		    d, &names); /* of a run that was killed: a local file is never replaced */
	if ((by_rclone ? store_by_rclone(p, d, name, encrypt) : store_in_folder(p, d)) == -1) {
		/* what it left, if anything, goes without a word: it was not let in */
		if (by_rclone)
			remote_discard(&d->remote, name, true);
		p->deleted = true;
		goto end;
	}
	if (by_rclone && remote_publish(&d->remote, name) == -1) {
		destination_failed_remote(d);
		failed(p, d->hint, "it cannot be given its name", d->why);
		p->deleted = remote_discard(&d->remote, name, true) == 0;
		goto end;
	}
	size = destination_size(d, name);
	if (size == expected)
		p->stored = true;
	else if (size == -2)
		failed(p,
		    "let the key read objects (s3:GetObject): a backup counts only once its size was read back",
		    "its size cannot be checked", d->why);
	else
		failed(p, "see what else writes or deletes there", "",
		    size == -1 ? "it is not there, although it was written" :
				 "it has another size there");
	p->read = p->stored && (!by_rclone || read_back(p, d, name, encrypt) == 0);
	p->deleted = destination_delete(d, &names) == 0;
	if (!p->deleted)
		snprintf(p->delete_why, sizeof p->delete_why, "%s", d->why);
end:
	list_free(&names);
}
