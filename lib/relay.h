#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "process.h"

/*
 * Moves bytes from a dump to where they go: a file at disk speed, with any
 * number of uploads that follow behind reading from it; or, without a file,
 * straight to the uploads, side by side. If the file fails midway, the uploads
 * read what it holds and then go on without it. Where there is nothing but the file
 * the dump writes it itself, and is only watched. Memory does not depend on the size
 * of anything.
 *
 * Nothing is published here but by relay_commit, and there only by the one
 * shutdown(2) in relay.c.
 */

#define RELAY_SINKS_MAX 16

/* An upload, or a reader of a backup: a tool that reads its standard input. */
struct relay_sink {
	struct process process;
	const char *name; /* of the destination, for progress */
	size_t at;        /* the caller's: whose upload it is */
	int fd;           /* from remote_upload, not blocking; -1 once closed */
	int64_t sent_bytes;
	int64_t moved_ms; /* when it last took a byte */
	bool failed;      /* why says it */
	bool committed;   /* told that this was all, or done without */
	/*
	 * Whether the tool, which has ended, did well: then it may have ended before it took all,
	 * and does not stall either. NULL: it exited with 0 after it took all.
	 */
	bool (*did_well)(const struct process *);
	bool sends_later; /* all of it only once it has all: then its silence is no stall */
	char why[128];    /* "" where the tool's own words tell more */
};

/* All zero at first; then source and spool are -1 where there is none. */
struct relay {
	struct process dump;
	int source; /* the dump's standard output, read end; -1 at its end or if there is none */
	int spool;  /* the file, to be read and written; -1: none */
	int64_t spool_bytes; /* what the file holds of the stream; without a source: its length */
	int spool_errno;     /* why it failed; it holds no more than spool_bytes */
	struct relay_sink sink[RELAY_SINKS_MAX];
	size_t sinks;
	bool hold;         /* the last byte goes to the uploads only after relay_read returned 0 */
	const char *magic; /* what the stream must begin with, or NULL */
	int64_t total_bytes;    /* read from the dump */
	int64_t expected_bytes; /* estimate for the progress; 0: none */
	int64_t stall_ms;       /* 0: never */
	const char *what;       /* the database, for the progress */
	char why[128];          /* why the dump failed, "" where its own words tell more */

	/* relay.c's own */
	bool watched; /* the dump's standard output is the spool */
	char *buffer; /* what was read last and not yet taken by all */
	size_t buffered;
	bool holds; /* held is the byte behind total_bytes */
	char held;
	int64_t started_ms;
	int64_t source_ms;     /* when the dump last gave a byte, or could have */
	int64_t source_due_ms; /* when to look again: reading each 4 KiB at once costs much */
	int64_t nap_ms;
	int64_t burst_bytes; /* read since the last nap */
	int64_t pipe_bytes;
	int64_t written_back; /* bytes of the spool that the kernel was told to bring to the disk */
	bool no_splice;   /* the kernel cannot move bytes by itself, or an error is to be told */
	bool target_full; /* the upload that it moves them to must take some first */
	int64_t progress_ms;
};

/*
 * Prepare r, all zero but for dump, source, spool, spool_bytes, sinks, of each sink process,
 * name, at, fd, did_well and sends_later, and hold, magic, expected_bytes, stall_ms and what,
 * which are set as needed. Without a source the stream is the first spool_bytes of spool, or,
 * if dump runs, what that writes there; with one spool is empty and spool_bytes 0. name, magic
 * and what are to live as long as r. From here on relay_abort has to be called in the end,
 * whatever happens.
 */
void relay_start(struct relay *r);

/*
 * Read the dump to its end. 0 once it exited with 0, all it wrote was read and
 * what the spool should hold was written there; uploads may lag behind by what
 * the spool holds. 0 before that where nobody wants more: no spool, and each sink that has
 * not failed is committed, by its did_well. -1 if the dump failed (see why, dump) or stalled (stall_ms), if
 * nothing is left to write to (see spool_errno, each sink's why), or if asked to stop.
 * An upload that fails is only marked. total_bytes tells the length.
 */
int relay_read(struct relay *r);

/*
 * Bring the uploads to their end and publish them: to be called only after
 * relay_read returned 0, or for a finished file. -1 if asked to stop: then some may
 * be published. Else 0, and the outcome of each is in its failed; that all of it
 * arrived is for the caller to check (dump.c: confirm).
 */
int relay_commit(struct relay *r);

/*
 * End all tools that still run, without publishing, close what is open but spool, and
 * free what relay_start took. Uploads that ended well before stay published.
 */
void relay_abort(struct relay *r);

#endif
