#include "globals.h"

#include <stdbool.h>
#include <string.h>

/*
 * Behind the statement at p, up to and with a ';' outside of quotes; or behind
 * a line of comment or for psql. plain tells whether it is only words, quotes
 * and the like, of which psql and we have the same idea.
 */
static const char *
statement_end(const char *p, bool *plain)
{
	char quote = '\0';
	bool escapes = false; /* in E'...' */

	*plain = *p != '\\' && strncmp(p, "--", 2) != 0;
	if (!*plain) {
		p += strcspn(p, "\n");
		return *p == '\n' ? p + 1 : p;
	}
	for (const char *start = p; *p != '\0'; p++) {
		if (quote != '\0') {
			if (escapes && *p == '\\' && p[1] != '\0')
				p++;
			else if (*p == quote)
				quote = '\0'; /* a doubled one opens it again at once */
		} else if (*p == '\'' || *p == '"') {
			/* but behind a doubled one it is the same string that goes on */
			escapes = *p == '\'' && p > start &&
				  (p[-1] == 'E' || p[-1] == 'e' || (p[-1] == '\'' && escapes));
			quote = *p;
		} else if (*p == '\\' || *p == '$' || strncmp(p, "--", 2) == 0 ||
			   strncmp(p, "/*", 2) == 0) {
			*plain = false;
		} else if (*p == ';') {
			return p + 1;
		}
	}
	*plain = false; /* it has no end */
	return p;
}

/* The identifier at p, unquoted, is in existing. */
static bool
names_one_of(const char *p, const struct list *existing)
{
	char name[512];
	size_t n = 0;
	bool quoted = *p == '"';

	for (p += quoted; *p != '\0' && n < sizeof name - 1; p++) {
		if (quoted && *p == '"' && *++p != '"')
			break;
		if (!quoted && strchr(" ;\t\r\n", *p) != NULL)
			break;
		name[n++] = *p;
	}
	name[n] = '\0';
	return list_has(existing, name);
}

/* What stands behind words in the statement, or NULL; not within quotes. */
static const char *
behind(const char *p, const char *end, const char *words)
{
	size_t n = strlen(words);
	char quote = '\0';

	for (; p + n < end; p++) {
		if (quote == '\0' && strncmp(p, words, n) == 0)
			return p + n;
		if (quote != '\0' ? *p == quote : *p == '"' || *p == '\'')
			quote = quote != '\0' ? '\0' : *p;
	}
	return NULL;
}

static bool
starts(const char *p, const char *words)
{
	return strncmp(p, words, strlen(words)) == 0;
}

/* Append the statement. */
static char *
append(char *at, const char *p, const char *end)
{
	memcpy(at, p, (size_t)(end - p));
	at += end - p;
	*at++ = '\n';
	return at;
}

void
globals_split(const char *sql, const struct list *roles, const struct list *tablespaces,
    char **roles_sql, char **tablespaces_sql)
{
	/* a statement has at least two characters, and gets a newline */
	char *r = *roles_sql = text_alloc(strlen(sql) * 2 + 1),
	     *t = *tablespaces_sql = text_alloc(strlen(sql) * 2 + 1);

	for (const char *p = sql + strspn(sql, " \t\r\n"), *end; *p != '\0';
	     p = end + strspn(end, " \t\r\n")) {
		const char *role = NULL, *tablespace = NULL;
		bool plain, settings = starts(p, "SET "); /* for both */

		end = statement_end(p, &plain);
		if (!plain)
			continue;
		if (starts(p, "CREATE TABLESPACE ") || starts(p, "ALTER TABLESPACE "))
			tablespace = behind(p, end, "TABLESPACE ");
		else if (starts(p, "COMMENT ON ") || starts(p, "GRANT ") || starts(p, "REVOKE ") ||
			 starts(p, "SECURITY LABEL "))
			tablespace = behind(p, end, " ON TABLESPACE ");
		if (starts(p, "CREATE ROLE ") || starts(p, "ALTER ROLE ") ||
		    starts(p, "COMMENT ON ROLE ") || starts(p, "SECURITY LABEL "))
			role = behind(p, end, "ROLE ");
		else if (starts(p, "GRANT "))
			role = behind(p, end, " TO ");
		else if (starts(p, "REVOKE "))
			role = behind(p, end, " FROM ");
		if (tablespace != NULL ? !names_one_of(tablespace, tablespaces) : settings)
			t = append(t, p, end);
		if (settings || (tablespace == NULL && role != NULL && !names_one_of(role, roles)))
			r = append(r, p, end);
	}
	*r = *t = '\0';
}
