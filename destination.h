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
	char name[64];         /* "local", "cloud", or that of the rclone remote */
	const char *directory; /* local: its path; NULL for a remote */
	struct remote remote;  /* for a local one: rclone's view of the directory, for encryption */
	char why[768];
	const char *hint; /* or NULL; static */
};

#define DESTINATIONS_MAX (2 + REMOTES_MAX)

struct destinations {
	struct destination item[DESTINATIONS_MAX];
	size_t n;
};

/* All that c names: local first, then cloud, then the others. */
void destinations_init(struct destinations *d, const struct config *c);

/* What a failure is to exit with: 126 or 127 where rclone could not be started, else status. */
int destinations_status(const struct destinations *d, int status);

/* The first that from names: "local", "cloud", "remote" (the first of DB_BACKUP_REMOTE), or a name; else NULL. */
struct destination *destinations_find(struct destinations *d, const char *from);

/* All files there, hidden ones too; a local directory not made yet is empty. -1: no telling. */
int destination_list(struct destination *d, struct listing *out);

/* Size in bytes; -1 if there is no such file, -2 if that cannot be told. */
int64_t destination_size(struct destination *d, const char *name);

/* Delete files; those already gone are no error. Deletes what it can; -1 if any is left. */
int destination_delete(struct destination *d, const struct list *names);

/* Keep the reason and find a hint for it: an errno, or what a tool said. */
void destination_failed(struct destination *d, const char *what, int e);
void destination_failed_remote(struct destination *d);

#endif
