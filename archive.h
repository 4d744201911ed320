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

/*
 * The strings are the caller's. What is encrypted has to go through archive_prepare before it
 * is read.
 */
struct archive {
	struct destination *at; /* NULL: a file of one's own */
	const char *file;       /* its name there, or the path of one's own */
	int64_t size_bytes;     /* as listed; of a file of one's own set by archive_feed */
	bool encrypted, is_sql; /* is_sql: globals */
	char why[1024];         /* of the last failure */
	const char *hint;       /* or NULL; not to be freed */
	int64_t read_bytes;     /* plain, by the last archive_feed */
	/* the last archive_feed failed, and the tool had exited by itself, not with 0 */
	bool refused;
	int missing; /* after a failure: exit status if a tool could not be started, else 0 */
};

/*
 * pg_restore from 17 on sets transaction_timeout, which servers before 17 do
 * not know, and so fails there with --exit-on-error or --single-transaction.
 * Without these it goes on, and exits with 1 at the end. True if p, a pg_restore
 * that was run without them, ended so, and that was its only error: told by the error
 * that it quotes and by its last line, which counts the errors.
 */
bool archive_only_timeout_failed(const struct process *p);

/* It can be read as a plain file here, and is: its path (the caller's to free), else NULL. */
char *archive_path(const struct archive *a);

/*
 * Start a tool (argv) with the archive as its standard input, its own output to
 * out (-1: nowhere; stays the caller's), and feed it. database as for pg_start.
 * 0 once all of the archive was right and the tool exited with 0, or, if lenient
 * (see target_is_lenient), ended as archive_only_timeout_failed tells. A tool that ends so
 * earlier had all that it wants: behind the end of an archive there may be more, as when
 * pg_dump of 16 and later appended to its standard output. -1: why, hint and missing tell.
 * Where the archive was at fault the tool never saw the end of it; but it may have been the
 * tool that failed. Asked to end, it ends the tool.
 */
int archive_feed(struct archive *a, const struct config *c, const struct pg *pg,
    const struct list *argv, const char *database, int out, bool lenient);

/*
 * Bring what is at a destination, decrypted, into a new file in a directory that nothing else
 * writes into, and check its length: for where archive_path is NULL. Given up where nothing
 * moves for c->stall_s. -1: why, hint; what came so far is there.
 */
int archive_fetch(
    struct archive *a, const struct config *c, const char *directory, const char *file);

/* Whether all of it can be read, with the right length, whatever it is. */
bool archive_arrives(const struct archive *a, const struct config *c, const struct pg *pg);

/*
 * Read the globals into memory that is the caller's to free: at most 64 MiB, which have to end
 * as the output of pg_dumpall does. They are never on the disk. NULL: why, hint, and refused if all
 * arrived and is something else.
 */
char *archive_read_sql(struct archive *a, const struct config *c, const struct pg *pg);

/*
 * First of all, before it is read: give rclone the passphrase for what is encrypted, and see
 * that its size is possible. Nothing to do for others. -1 (why, hint) if there is no
 * passphrase, it is a file of one's own, or rclone fails.
 */
int archive_prepare(struct archive *a, const struct config *c);

#endif
