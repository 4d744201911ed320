/* lib/duration.c */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "../../lib/duration.h"

static void
test_good(void **state)
{
	static const struct {
		const char *text;
		long seconds;
	} cases[] = {
		{ "0", 0 }, { "90", 90 }, { "90s", 90 }, { "15m", 900 }, { "6h", 21600 }, { "7d", 604800 }, { "2w", 1209600 },
		{ "007", 7 }, { "0w", 0 }, { "9223372036854775807", LONG_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		long s = -7;

		assert_int_equal(duration_parse(cases[i].text, &s), 0);
		assert_int_equal(s, cases[i].seconds);
	}
}

static void
test_bad(void **state)
{
	static const char *const cases[] = { "", "h", "-1", "+1", " 1", "1 ", "1 h", "1.5h", "1h30m", "1H", "1y", "1ms", "x1",
		"9223372036854775808", "9223372036854775807m", "99999999999999999999w", "1\n" };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		long s = -7;

		assert_int_equal(duration_parse(cases[i], &s), -1);
		assert_int_equal(s, -7);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
