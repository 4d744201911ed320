#ifndef GLOBALS_H
#define GLOBALS_H

#include "lib/text.h"

/*
 * Split the SQL of pg_dumpall --globals-only into what can run in one
 * transaction (roles) and what cannot (tablespaces); both are the caller's to
 * free. roles and tablespaces are the names of those that exist on the server.
 * Cannot fail: whether the SQL is complete is for the caller to know.
 *
 * What gets through is SET, and what makes or describes roles and tablespaces: CREATE, ALTER,
 * COMMENT ON, GRANT, REVOKE, SECURITY LABEL.
 * Left out are statements that would change a role or a tablespace that
 * exists: its creation, attributes, password, settings, comment, memberships,
 * rights; and what psql could take for something else than SQL, which
 * pg_dumpall writes nowhere but in \restrict: a backslash, a dollar sign or a
 * comment between the words of a statement.
 */
void globals_split(const char *sql, const struct list *roles, const struct list *tablespaces,
    char **roles_sql, char **tablespaces_sql);

#endif
