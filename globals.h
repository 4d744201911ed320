#ifndef GLOBALS_H
#define GLOBALS_H

#include "lib/text.h"

/*
 * The SQL of pg_dumpall --globals-only without the statements that would change
 * a role in existing: its creation, attributes, password, settings, comment and
 * memberships. What is not understood passes. The caller's to free.
 */
char *globals_without(const char *sql, const struct list *existing);

#endif
