#include "globals.h"

#include <string.h>

/* Behind the statement or line at p: a ';' outside of quotes, a comment or a psql command to its line's end. */
static const char *
statement_end(const char *p)
{
	const char *start = p += strspn(p, " \t\r\n");
	char quote = '\0';
	bool escapes = false; /* in E'...' */

	if (*p == '\\' || strncmp(p, "--", 2) == 0) {
		p += strcspn(p, "\n");
		return *p == '\n' ? p + 1 : p;
	}
	for (; *p != '\0'; p++) {
		if (quote != '\0') {
			if (escapes && *p == '\\' && p[1] != '\0')
				p++;
			else if (*p == quote)
				quote = '\0'; /* a doubled one opens it again at once */
		} else if (*p == '\'' || *p == '"') {
			quote = *p;
			escapes = *p == '\'' && p > start && (p[-1] == 'E' || p[-1] == 'e');
		} else if (*p == ';') {
			return p + 1;
		}
	}
	return p;
}

/* The identifier at p, unquoted, into out. False if it is longer than any role's. */
static bool
identifier(const char *p, char *out, size_t size)
{
	size_t n = 0;
	bool quoted = *p == '"';

	for (p += quoted; *p != '\0' && n < size - 1; p++) {
		if (quoted && *p == '"' && *++p != '"')
			break;
		if (!quoted && strchr(" ;\t\r\n", *p) != NULL)
			break;
		out[n++] = *p;
	}
	out[n] = '\0';
	return n < size - 1;
}

/* The first " TO " of a GRANT that is not part of a quoted name, or NULL. */
static const char *
find_to(const char *p, const char *end)
{
	bool quoted = false;

	for (; p + 4 < end; p++) {
		quoted ^= *p == '"';
		if (!quoted && strncmp(p, " TO ", 4) == 0)
			return p + 4;
	}
	return NULL;
}

static bool
changes_existing(const char *p, const char *end, const struct list *existing)
{
	static const char *const about[] = { "CREATE ROLE ", "ALTER ROLE ", "COMMENT ON ROLE ", "SECURITY LABEL ON ROLE " };
	const char *at = NULL;
	char role[512];

	p += strspn(p, " \t\r\n");
	for (size_t i = 0; i < sizeof about / sizeof about[0]; i++)
		if (strncmp(p, about[i], strlen(about[i])) == 0)
			at = p + strlen(about[i]);
	if (at == NULL && strncmp(p, "GRANT ", 6) == 0)
		at = find_to(p, end);
	return at != NULL && identifier(at, role, sizeof role) && list_has(existing, role);
}

char *
globals_without(const char *sql, const struct list *existing)
{
	char *out = text_alloc(strlen(sql) + 1), *at = out;

	for (const char *p = sql, *end; *p != '\0'; p = end) {
		end = statement_end(p);
		if (!changes_existing(p, end, existing)) {
			memcpy(at, p, (size_t)(end - p));
			at += end - p;
		}
	}
	*at = '\0';
	return out;
}
