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
	char *sql = text_copy("--\n-- Roles; it's\n--\n"), *want = text_copy(sql), *got;

	for (size_t i = 0; i < ROLES; i++)
		if (exist >> i & 1)
			list_add(&existing, roles[i]);
	while (in->left > 0) {
		const char *role = roles[fuzz_byte(in) % ROLES], *other = roles[fuzz_byte(in) % ROLES];
		char *r = identifier(role), *o = identifier(other), *text = quoted(other, '\''), *s = NULL, *more;
		bool about = true;

		switch (fuzz_byte(in) % 8) {
		case 0: s = text_format("CREATE ROLE %s;\n", r); break;
		case 1: s = text_format("ALTER ROLE %s WITH NOSUPERUSER PASSWORD %s VALID UNTIL 'infinity';\n", r, text); break;
		case 2: s = text_format("COMMENT ON ROLE %s IS %s;\n", r, text); break;
		case 3: s = text_format("GRANT %s TO %s WITH INHERIT TRUE GRANTED BY %s;\n", o, r, o); break;
		case 4: s = text_format("ALTER ROLE %s IN DATABASE %s SET search_path TO %s, 'x';\n", r, o, text); break;
		case 5: s = text_format("CREATE TABLESPACE %s OWNER %s LOCATION %s;\n", o, r, text); about = false; break;
		case 6: s = text_format("\\restrict %s\n", "abc;'"); about = false; break;
		default: s = text_format("-- %s; \" '\n", "note"); about = false; break;
		}
		more = text_format("%s%s", sql, s);
		sql = more;
		if (!about || !list_has(&existing, role))
			want = text_format("%s%s", want, s);
		else
			/* what follows the ';' belongs to the next statement */
			want = text_format("%s", want);
	}
	got = globals_without(sql, &existing);
	/* newlines between statements may differ */
	for (const char *a = got, *b = want;; a++, b++) {
		a += strspn(a, "\n");
		b += strspn(b, "\n");
		MUST(*a == *b);
		if (*a == '\0')
			break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct list none = { 0 }, all = { 0 };
	char *sql, *some;

	if (fuzz_byte(&in) & 1) {
		if (in.left <= 120)
			check_known(&in);
		fuzz_reset();
		return 0;
	}
	sql = fuzz_text(&in, '\0');
	MUST(strcmp(globals_without(sql, &none), sql) == 0);
	for (size_t i = 0; i < ROLES; i++)
		list_add(&all, roles[i]);
	some = globals_without(sql, &all);
	MUST(strlen(some) <= strlen(sql));
	fuzz_reset();
	return 0;
}
