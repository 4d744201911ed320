#ifndef LOCK_H
#define LOCK_H

#include "config.h"

/*
 * The directory of the status file and the locks, made if missing: that of
 * DB_BACKUP_STATUS_FILE, else /run/backup-service if it can be written, else one for this
 * user in TMPDIR. PATH_MAX is enough for path. 0; -1 with errno (EPERM: that one is another
 * user's), path set all the same.
 */
int lock_directory(const struct config *c, char *path, size_t size);

/*
 * Keep other runs of the same database (NULL: the globals) to the same
 * destinations away, where they have the same lock_directory, until the descriptor,
 * which is returned, is closed or we die. Does not wait. -1 with errno; EWOULDBLOCK:
 * another run has it.
 */
int lock_take(const struct config *c, const char *database);

#endif
