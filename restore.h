#ifndef RESTORE_H
#define RESTORE_H

#include "archive.h"
#include "arguments.h"
#include "config.h"

/* restore-db: the backup that a and c name, into a database. An exit status; reported. */
int restore_run(const struct config *c, const struct arguments *a);

#endif
