#ifndef LOCK_H
#define LOCK_H

#include "config.h"

/*
 * The directory of the locks and, where nothing else is said, the status file, made if
 * missing: /run/backup-service if it can be written, else one for this user in TMPDIR.
 * PATH_MAX is enough for path. 0; -1 with errno (EPERM: that one is another user's), path
 * set all the same.
 */
int lock_directory(char *path, size_t size);

/*
 * Open a file for flock, made if missing: others may take that lock too, whoever made it.
 * The descriptor; -1 with errno.
 */
int lock_open(const char *path);

/*
 * Keep other runs of the same database (NULL: the globals) to the same
 * destinations away, where they have the same lock_directory, until the descriptor, which
 * is returned, is closed or we die. Does not wait. -1 with errno; EWOULDBLOCK:
 * another run has it.
 */
int lock_take(const struct config *c, const char *database);

#endif
