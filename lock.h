#ifndef LOCK_H
#define LOCK_H

#include "config.h"

/* The directory of the status file and the locks, made if missing. -1 with errno, path set all the same. */
int lock_directory(const struct config *c, char *path, size_t size);

/*
 * Keep other runs of the same database (NULL: the globals) to the same
 * destinations away, on this machine, until the descriptor is closed or we
 * die. -1 with errno; EWOULDBLOCK: another run has it.
 */
int lock_take(const struct config *c, const char *database);

#endif
