#ifndef FOLDER_H
#define FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "listing.h"

/*
 * Backups in a local directory. A file is written under its hidden name
 * (name_hide) and gets its final one only by folder_publish. All return -1
 * with errno set on failure, and log nothing.
 */

/* Make the directory and its parents; 0 if it is there already. */
int folder_make(const char *directory);

/* All regular files, hidden ones too. An absent directory is an error (ENOENT). */
int folder_list(const char *directory, struct listing *out);

/* Size of a regular file in bytes. -1 with ENOENT if there is none. */
int64_t folder_size(const char *directory, const char *name);

/*
 * Open a new hidden file for name, for reading and writing, with mode 0600
 * and a flock(2), by which folder_sweep knows that someone still writes it.
 * Returns the descriptor, which is the caller's.
 */
int folder_create(const char *directory, const char *name);

/*
 * Publish: sync the file, give it its final name, sync the directory. Never
 * replaces a file (EEXIST). After a failure the final name does not exist.
 */
int folder_publish(const char *directory, const char *name);

/* Remove the hidden file of name, if any. */
void folder_discard(const char *directory, const char *name);

/* Remove a file. 0 also if it was gone already. */
int folder_delete(const char *directory, const char *name);

/*
 * Remove the hidden files that nobody writes any more and for which mine(arg,
 * final name) is true. Returns how many.
 */
int folder_sweep(const char *directory, bool (*mine)(void *arg, const char *name), void *arg);

#endif
