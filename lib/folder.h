#ifndef FOLDER_H
#define FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "listing.h"

/*
 * Backups in a local directory. A file is written under its hidden name
 * (name_hide) and gets its final one only by folder_publish. Names are plain file
 * names, as name_build makes them. Where nothing else is said, 0 is success, and -1
 * a failure with errno set, ENAMETOOLONG for a path that does not fit. Nothing is logged.
 */

/* Make the directory and its parents, by the umask; 0 if it is there already. */
int folder_make(const char *directory);

/*
 * Add all regular files, hidden ones too, no symbolic links, to out. An absent
 * directory is an error (ENOENT). After a failure out holds part of what is there:
 * free it, believe nothing of it.
 */
int folder_list(const char *directory, struct listing *out);

/* Size of a regular file in bytes. -1 with errno; ENOENT if there is none. */
int64_t folder_size(const char *directory, const char *name);

/*
 * Open a new hidden file for name, for reading and writing, with mode 0600
 * and a flock(2), by which folder_sweep knows that someone still writes it: until
 * the descriptor, which is returned and the caller's, is closed. -1 with errno;
 * EEXIST: there is one already; EAGAIN: a sweep took it this moment, try again.
 */
int folder_create(const char *directory, const char *name);

/*
 * Publish: sync the file, give it its final name, sync the directory. Never
 * replaces a file: EEXIST, and what has the name is another's. After any other
 * failure the final name does not exist; where only the directory could not be
 * synced it is removed again, and the hidden file is gone too.
 */
int folder_publish(const char *directory, const char *name);

/* Remove the hidden file of name, if any. Whether that worked is not told. */
void folder_discard(const char *directory, const char *name);

/* Remove a file. 0 also if it was gone already. */
int folder_delete(const char *directory, const char *name);

/*
 * Remove the hidden files that nobody writes any more and for which mine(arg,
 * final name) is true. Returns how many were removed: 0 also where the directory
 * cannot be listed. Where files cannot be locked the caller's lock of the run has
 * to keep others away.
 */
int folder_sweep(const char *directory, bool (*mine)(void *arg, const char *name), void *arg);

#endif
