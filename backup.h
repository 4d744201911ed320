#ifndef BACKUP_H
#define BACKUP_H

#include "arguments.h"
#include "config.h"

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_LOCKED = 3,
	EXIT_NOT_EXECUTABLE = 126,
	EXIT_NOT_FOUND = 127,
	EXIT_SIGNAL = 128,
};

/*
 * One run: back up each database of c (or those that a names) and the globals, one after the other, to every destination; prune where that went
 * well; report. Prints the names it published to standard output, one a line.
 * Returns an exit status: the first that is not 0, but EXIT_LOCKED only if
 * nothing else went wrong.
 */
int backup_run(const struct config *c, const struct arguments *a);

#endif
