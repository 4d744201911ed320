#ifndef DESTINATION_H
#define DESTINATION_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "lib/listing.h"
#include "lib/remote.h"

/*
 * Where backups go: a local directory or an rclone remote, behind one set of
 * calls. Each has the folder of DB_BACKUP_PREFIX in its path, so all names are
 * plain file names. After a failure why and hint tell the reason.
 */

struct destination {
	char *name;            /* "local", "cloud", or that of the rclone remote */
	const char *directory; /* local: its path; NULL for a remote */
	struct remote remote;  /* for a local one: rclone's view of the directory, for encryption */
	char why[768];
	const char *hint; /* or NULL; not to be freed, see destination_failed */
};

#define DESTINATIONS_MAX (2 + REMOTES_MAX)

struct destinations {
	struct destination item[DESTINATIONS_MAX];
	size_t n;
};

/*
 * All that c names: local first, then cloud, then the others. d is overwritten; c's strings
 * have to outlive it. Nothing is asked or made there.
 */
void destinations_init(struct destinations *d, const struct config *c);

/*
 * remote_encrypt for all of them, which ask rclone but once; nothing to do without a
 * passphrase (NULL). -1: the why of the first one's remote tells, and nothing is to be stored.
 */
int destinations_encrypt(struct destinations *d, const char *passphrase);

/*
 * What a failure is to exit with: 126 or 127 where status is EXIT_FAILED and rclone could not
 * be started in the last call to one of them, else status.
 */
int destinations_status(const struct destinations *d, int status);

/*
 * The first in d that from names: "local", "cloud", "remote" (the first of DB_BACKUP_REMOTE),
 * or a name; else NULL. Part of d.
 */
struct destination *destinations_find(struct destinations *d, const char *from);

/*
 * Add all files there, hidden ones too, to out; a local directory not made yet is empty.
 * -1: no telling, and out is empty.
 */
int destination_list(struct destination *d, struct listing *out);

/* Size in bytes; -1 if there is no such file, -2 if that cannot be told. */
int64_t destination_size(struct destination *d, const char *name);

/*
 * Delete files; those already gone are no error. Deletes what it can; -1 if any is left, or
 * may be.
 */
int destination_delete(struct destination *d, const struct list *names);

/*
 * Keep the reason and find a hint for it. For a local directory: what failed ("cannot list")
 * and errno; a hint about rights lives in one static buffer, until the next of these calls.
 */
void destination_failed(struct destination *d, const char *what, int e);

/* The same for a remote (or rclone's view of a directory), from the why that remote.h left. */
void destination_failed_remote(struct destination *d);

#endif
