#ifndef DRYRUN_H
#define DRYRUN_H

#include "arguments.h"
#include "config.h"

/*
 * What people run first: go the whole way of a backup (tools, server, each
 * database and its privileges, each destination, encryption, locks) without
 * backing up, and print for each step whether it works, then what a run would
 * store and prune. Leaves nothing behind but a probe where deleting is refused.
 * Returns EXIT_DONE if no problem was found, else EXIT_FAILED;
 * EXIT_SIGNAL + n if it was asked to end.
 */
int dryrun_run(const struct config *c, const struct arguments *a);

#endif
