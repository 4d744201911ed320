/* globals.c: which statements of pg_dumpall --globals-only get through, and in which part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* after the above */
#include <cmocka.h>

#include "../../globals.h"

/* app, odd "role" and reader exist; so do the tablespaces pg_default and fast */
static const struct {
	const char *what, *sql, *roles, *tablespaces;
} cases[] = {
	{ "nothing", "", "", "" },
	{ "blanks and comments", " \n--\n-- Roles; 'x'\n--\n\n", "", "" },
	{ "a new role",
	    "CREATE ROLE new;\nALTER ROLE new WITH LOGIN PASSWORD 'SCRAM-SHA-256$4096:a$b:c';\n",
	    "CREATE ROLE new;\nALTER ROLE new WITH LOGIN PASSWORD 'SCRAM-SHA-256$4096:a$b:c';\n",
	    "" },
	{ "one that exists keeps its password",
	    "CREATE ROLE app;\nALTER ROLE app WITH LOGIN PASSWORD 'x';\n", "", "" },
	{ "its comment and settings",
	    "COMMENT ON ROLE app IS 'a;b';\nALTER ROLE app SET work_mem TO '1GB';\n", "", "" },
	{ "a label",
	    "SECURITY LABEL FOR 'p' ON ROLE app IS 'l';\nSECURITY LABEL FOR 'p' ON ROLE new IS 'ON ROLE app';\n",
	    "SECURITY LABEL FOR 'p' ON ROLE new IS 'ON ROLE app';\n", "" },
	{ "a longer name is another", "CREATE ROLE app2;\nCREATE ROLE ap;\n",
	    "CREATE ROLE app2;\nCREATE ROLE ap;\n", "" },
	{ "upper case is another", "CREATE ROLE \"App\";\n", "CREATE ROLE \"App\";\n", "" },
	{ "quoted",
	    "CREATE ROLE \"app\";\nCREATE ROLE \"odd \"\"role\"\"\";\nCREATE ROLE \"odd \"\"role\";\n",
	    "CREATE ROLE \"odd \"\"role\";\n", "" },
	{ "a member that is new", "GRANT app TO new GRANTED BY postgres;\n",
	    "GRANT app TO new GRANTED BY postgres;\n", "" },
	{ "a member that exists gets nothing", "GRANT new TO app GRANTED BY postgres;\n", "", "" },
	{ "TO within a name", "GRANT \"x TO app\" TO new;\nGRANT \"x TO new\" TO app;\n",
	    "GRANT \"x TO app\" TO new;\n", "" },
	{ "a right on a parameter",
	    "GRANT SET ON PARAMETER work_mem TO app;\nGRANT SET ON PARAMETER work_mem TO new;\n",
	    "GRANT SET ON PARAMETER work_mem TO new;\n", "" },
	{ "a semicolon in quotes", "ALTER ROLE new SET x TO 'a;b';\nCREATE ROLE \"c;d\";\n",
	    "ALTER ROLE new SET x TO 'a;b';\nCREATE ROLE \"c;d\";\n", "" },
	{ "a doubled quote", "COMMENT ON ROLE new IS 'it''s; CREATE ROLE app;';\n",
	    "COMMENT ON ROLE new IS 'it''s; CREATE ROLE app;';\n", "" },
	{ "an escaped quote", "COMMENT ON ROLE new IS E'it\\'s; \\\\';\nCREATE ROLE app;\n",
	    "COMMENT ON ROLE new IS E'it\\'s; \\\\';\n", "" },
	{ "a doubled quote in an escaped text",
	    "COMMENT ON ROLE new IS E'a''b\\'; c';\nCREATE ROLE app;\n",
	    "COMMENT ON ROLE new IS E'a''b\\'; c';\n", "" },
	{ "a line break in a name", "CREATE ROLE \"new\nline\";\n", "CREATE ROLE \"new\nline\";\n",
	    "" },
	{ "settings come before both",
	    "SET client_encoding = 'UTF8';\nCREATE ROLE new;\nCREATE TABLESPACE t LOCATION '/t';\n",
	    "SET client_encoding = 'UTF8';\nCREATE ROLE new;\n",
	    "SET client_encoding = 'UTF8';\nCREATE TABLESPACE t LOCATION '/t';\n" },
	{ "a new tablespace, with its rights for whom there is",
	    "CREATE TABLESPACE t OWNER app LOCATION '/t';\n"
	    "ALTER TABLESPACE t SET (random_page_cost=1);\nGRANT ALL ON TABLESPACE t TO app;\nCOMMENT ON TABLESPACE t IS 'x';\n",
	    "",
	    "CREATE TABLESPACE t OWNER app LOCATION '/t';\nALTER TABLESPACE t SET (random_page_cost=1);\n"
	    "GRANT ALL ON TABLESPACE t TO app;\nCOMMENT ON TABLESPACE t IS 'x';\n" },
	{ "a tablespace that exists is kept",
	    "CREATE TABLESPACE fast LOCATION '/f';\nGRANT ALL ON TABLESPACE fast TO new;\n"
	    "REVOKE ALL ON TABLESPACE pg_default FROM new;\n",
	    "", "" },
	{ "restrict", "\\restrict aBc\nCREATE ROLE new;\n\\unrestrict aBc\n", "CREATE ROLE new;\n",
	    "" },
	{ "a command of psql on its own line", "\\! touch /tmp/x\nCREATE ROLE new;\n",
	    "CREATE ROLE new;\n", "" },
	{ "behind a statement", "CREATE ROLE new; \\! touch /tmp/x\n", "CREATE ROLE new;\n", "" },
	{ "within a statement", "CREATE ROLE new \\! touch /tmp/x\n;\nCREATE ROLE other;\n",
	    "CREATE ROLE other;\n", "" },
	{ "behind a comment that hides a quote",
	    "CREATE ROLE a /* ' */ \\! touch /tmp/x\n /* ' */;\nCREATE ROLE other;\n",
	    "CREATE ROLE other;\n", "" },
	{ "behind a line comment that hides a quote",
	    "CREATE ROLE a -- '\n\\! touch /tmp/x\n-- '\n;\n", "", "" },
	{ "behind a dollar quote that hides a quote",
	    "COMMENT ON ROLE a IS $$'$$ \\! touch /tmp/x\n'';\n", "", "" },
	{ "nothing else than roles and tablespaces",
	    "DROP ROLE new;\nDROP TABLESPACE t;\nSELECT 1;\nCOPY t FROM PROGRAM 'x';\nCREATE TABLE t () TABLESPACE t;\n"
	    "ALTER SYSTEM SET a = 1;\nCOMMENT ON DATABASE d IS 'x';\nCREATE ROLE new;\n",
	    "CREATE ROLE new;\n", "" },
	{ "without an end", "CREATE ROLE new", "", "" },
	{ "an open quote", "CREATE ROLE \"new;\n", "", "" },
	{ "a quote first", "'a;\n", "", "" },
};

static void
test_split(void **state)
{
	struct list roles = { 0 }, tablespaces = { 0 };

	(void)state;
	list_add(&roles, "app");
	list_add(&roles, "odd \"role\"");
	list_add(&roles, "reader");
	list_add(&tablespaces, "pg_default");
	list_add(&tablespaces, "fast");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *r, *t;

		globals_split(cases[i].sql, &roles, &tablespaces, &r, &t);
		if (strcmp(r, cases[i].roles) != 0 || strcmp(t, cases[i].tablespaces) != 0)
			fail_msg("%s: roles \"%s\", tablespaces \"%s\"", cases[i].what, r, t);
		free(r);
		free(t);
	}
	list_free(&roles);
	list_free(&tablespaces);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_split) };

	return cmocka_run_group_tests_name("globals", tests, NULL, NULL);
}
