#ifndef BACKUP_H
#define BACKUP_H

#include "arguments.h"
#include "config.h"
#include "exit.h"

/*
 * One run: back up each database of c (or those that a names) and the globals, one
 * after the other, to every destination; prune where that went well; report. With
 * a->older_than (seconds since 1970) what has a backup since then is left out; with
 * a->dry_run it is dryrun_run. Prints the names it published to standard output, one
 * a line. Returns an exit status: the first that is not 0, but EXIT_LOCKED only if
 * nothing else went wrong, and EXIT_SIGNAL + n whenever it was asked to end.
 */
int backup_run(const struct config *c, const struct arguments *a);

#endif
