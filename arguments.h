#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include <stdbool.h>

#include "lib/text.h"

/*
 * What a command was told on its command line; main.c has the table. NULL or false is
 * not given; values are unchecked text of argv.
 */
struct arguments {
	struct list names; /* what is no option, each once */
	const char *db, *from, *at, *to, *jobs, *older_than;
	struct list tables, schemas;
	bool all, clean, create, data_only, dry_run, globals, json, latest, no_owner,
	    no_tablespaces, prometheus, restore, schema_only, yes;
};

#endif
