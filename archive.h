#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "destination.h"
#include "lib/pg.h"

/*
 * A stored backup, read: from a file, or through rclone from a remote or out
 * of its encryption. Whoever reads it through archive_feed gets its last byte
 * only when its length was right, so no broken download looks like a short backup.
 */

struct archive {
	struct destination *at; /* NULL: a file of one's own */
	const char *file;       /* its name there, or the path of one's own */
	const char *shown;      /* for people and the progress */
	int64_t size_bytes;     /* as listed */
	bool encrypted, is_sql; /* is_sql: globals */
	char why[1024];         /* of the last failure */
	const char *hint;
	int64_t read_bytes;  /* plain, by the last archive_feed */
	bool tool_succeeded; /* in the last archive_feed, whatever came after it */
	int missing; /* after a failure: exit status if a tool could not be started, else 0 */
};

/*
 * pg_restore from 17 on sets transaction_timeout, which servers before 17 do
 * not know, and so fails there with --exit-on-error or --single-transaction.
 * Without these it goes on, and exits with 1 at the end. True if p ended so,
 * and that was its only error.
 */
bool archive_only_timeout_failed(const struct process *p);

/* It can be read as a plain file here, and is: its path (the caller's to free), else NULL. */
char *archive_path(const struct archive *a);

/*
 * Start a tool (argv) with the archive as its standard input, its own output to
 * out (-1: nowhere), and feed it. database as for pg_start. 0 once the
 * tool exited with 0 and all of the archive was right; else why tells, and the
 * tool never saw the end of it.
 */
int archive_feed(struct archive *a, const struct config *c, struct pg *pg, const struct list *argv,
    const char *database, int out, bool lenient);

/* Bring it, decrypted, into the file path, and check its length. -1: why. */
int archive_fetch(struct archive *a, const char *path);

/* The passphrase for what is encrypted. -1 (why) if there is none, or rclone fails. */
int archive_prepare(struct archive *a, const struct config *c);

#endif
