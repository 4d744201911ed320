/* globals.c: what pg_dumpall --globals-only wrote, without the roles that exist. */
#include "../../globals.h"
#include "fuzz.h"

static const char *const roles[] = { "app", "postgres", "odd \"role\"", "a;b", "it's", "x TO y", "--help", "E", "new\nline",
	"back\\slash", "Ünï", "GRANT", " TO " };
#define ROLES (sizeof roles / sizeof roles[0])

static char *
quoted(const char *s, char quote)
{
	char *out = text_alloc(strlen(s) * 2 + 4), *at = out;

	if (quote == '\'' && strchr(s, '\\') != NULL)
		*at++ = 'E';
	*at++ = quote;
	for (; *s != '\0'; s++) {
		if (*s == quote || (*s == '\\' && quote == '\''))
			*at++ = *s;
		*at++ = *s;
	}
	*at = quote;
	return out;
}

static char *
identifier(const char *role)
{
	return strcmp(role, "app") == 0 || strcmp(role, "postgres") == 0 ? text_copy(role) : quoted(role, '"');
}

/* Statements as pg_dumpall writes them, of which we know whose they are. */
static void
check_known(struct input *in)
{
	struct list existing = { 0 };
	uint64_t exist = fuzz_number(in, 2);
	char *sql = text_copy("--\n-- Roles; it's\n--\n"), *want[2] = { text_copy(""), text_copy("") }, *got[2];

	for (size_t i = 0; i < ROLES; i++)
		if (exist >> i & 1)
			list_add(&existing, roles[i]);
	while (in->left > 0) {
		const char *role = roles[fuzz_byte(in) % ROLES], *other = roles[fuzz_byte(in) % ROLES], *about = role;
		char *r = identifier(role), *o = identifier(other), *text = quoted(other, '\''), *s = NULL;
		int part = 0; /* 0: roles, 1: tablespaces, -1: nowhere */

		switch (fuzz_byte(in) % 9) {
		case 0: s = text_format("CREATE ROLE %s;\n", r); break;
		case 1: s = text_format("ALTER ROLE %s WITH NOSUPERUSER PASSWORD %s VALID UNTIL 'infinity';\n", r, text); break;
		case 2: s = text_format("COMMENT ON ROLE %s IS %s;\n", r, text); break;
		case 3: s = text_format("GRANT %s TO %s WITH INHERIT TRUE GRANTED BY %s;\n", o, r, o); break;
		case 4: s = text_format("ALTER ROLE %s IN DATABASE %s SET search_path TO %s, 'x';\n", r, o, text); break;
		case 5: s = text_format("CREATE TABLESPACE %s OWNER %s LOCATION %s;\n", o, r, text); part = 1; about = other; break;
		case 6: s = text_format("GRANT ALL ON TABLESPACE %s TO %s;\n", o, r); part = 1; about = other; break;
		case 7: s = text_format("\\restrict %s\n", "abc;'"); part = -1; break;
		default: s = text_format("-- %s; \" '\n", "note"); part = -1; break;
		}
		sql = text_format("%s%s", sql, s);
		if (part != -1 && !list_has(&existing, about))
			want[part] = text_format("%s%s", want[part], s);
	}
	globals_split(sql, &existing, &existing, &got[0], &got[1]);
	MUST(strcmp(got[0], want[0]) == 0 && strcmp(got[1], want[1]) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct list none = { 0 }, all = { 0 };
	char *sql, *roles_all, *roles_some, *tablespaces_all, *tablespaces_some;

	if (fuzz_byte(&in) & 1) {
		if (in.left <= 120)
			check_known(&in);
		fuzz_reset();
		return 0;
	}
	sql = fuzz_text(&in, '\0');
	globals_split(sql, &none, &none, &roles_all, &tablespaces_all);
	for (size_t i = 0; i < ROLES; i++)
		list_add(&all, roles[i]);
	globals_split(sql, &all, &all, &roles_some, &tablespaces_some);
	MUST(strlen(roles_some) <= strlen(roles_all) && strlen(tablespaces_some) <= strlen(tablespaces_all));
	/* nothing outside of quotes that psql takes for itself */
	MUST(*roles_all != '\\' && (strpbrk(roles_all, "'\"") != NULL || strstr(roles_all, "\n\\") == NULL));
	fuzz_reset();
	return 0;
}
