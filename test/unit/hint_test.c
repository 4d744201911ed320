/* hint.c: what is said is not taken for something else that has a word in common with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* after the above */
#include <cmocka.h>

#include "../../hint.h"

static void
test_hints(void **state)
{
	/* what is said, and a word of its hint; NULL: none */
	static const char *const cases[][2] = {
		{ "ERROR:  permission denied for table t", "pg_read_all_data" },
		{ "ERROR:  permission denied for tablespace t", "--no-tablespaces" },
		{ "FATAL:  permission denied for database \"d\"", "CONNECT" },
		{ "pg_restore exited with 1: ERROR:  permission denied for schema public", "superuser" },
		{ "ERROR:  cannot execute CREATE SCHEMA in a read-only transaction", "primary" },
		{ "error: cannot execute pg_dump: Permission denied", "executable" },
		{ "ERROR:  role \"own\" cannot be dropped because some objects depend on it", NULL },
		{ "ERROR:  role \"own\" does not exist", "--globals" },
		{ "ERROR:  schema \"s\" does not exist", "--schema" },
		{ "ERROR:  tablespace \"s\" does not exist", "--no-tablespaces" },
		/* the same of pg_restore 15 and 17 */
		{ "could not set default_tablespace to s: ERROR:  invalid value", "--no-tablespaces" },
		{ "could not set \"default_tablespace\" to s: ERROR:  invalid value", "--no-tablespaces" },
		/* gzip; zstd and lz4, which 16 brought */
		{ "could not uncompress data: incorrect data check", "another backup" },
		{ "could not decompress data: Data corruption detected", "another backup" },
		{ "rclone: it wrote no byte for 1 h", "the other side" },
		{ "it wrote no byte for 1 h", "pg_stat_activity" },
		{ "AccessDenied: status code: 403", "policy" },
		{ "Forbidden: status code: 403, request id: 1", "S3_SECRET_KEY" },
		{ "pg_dump: error: line 14039 is too long", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *hint = hint_for(cases[i][0]);

		if (cases[i][1] == NULL ? hint != NULL : hint == NULL || strstr(hint, cases[i][1]) == NULL)
			fail_msg("%s: %s", cases[i][0], hint == NULL ? "no hint" : hint);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
