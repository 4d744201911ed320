/* lib/json.c: as much JSON as rclone prints, whole or cut off anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* after the above */
#include <cmocka.h>

#include "../../lib/json.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct seen {
	int n;
	char last[256];
};

static void
member(void *arg, const char *object)
{
	struct seen *s = arg;

	s->n++;
	strncpy(s->last, object, sizeof s->last - 1);
}

/* Feed text in pieces of step bytes; number of objects, or -1 if it is no whole array. */
static int
feed(const char *text, size_t step, struct seen *s)
{
	struct json_array *a = calloc(1, sizeof *a);
	size_t length = strlen(text);
	int rc;

	*s = (struct seen){ 0 };
	for (size_t i = 0; i < length; i += step)
		json_feed(a, text + i, length - i < step ? length - i : step, member, s);
	rc = a->ended && !a->broken ? s->n : -1;
	free(a);
	return rc;
}

static void
test_array(void **state)
{
	static const struct {
		const char *text;
		int n;
	} cases[] = {
		{ "[]", 0 }, { "[\n]\n", 0 }, { "[ ]", 0 },
		{ "[{\"Path\":\"a\"}]", 1 },
		{ "[\n{\"Path\":\"a\"},\n{\"Path\":\"b\"}\n]\n", 2 },
		{ "[{\"a\":{\"b\":[1,2]}},{}]", 2 },
		{ "[{\"a\":\"}]\\\"{\"}]", 1 },     /* brackets in a string */
		{ "[{\"a\":\"\\\\\"}]", 1 },
		/* no whole array */
		{ "", -1 }, { "[", -1 }, { "[\n", -1 }, { "[{\"a\":1}", -1 }, { "[{\"a\":1},\n", -1 }, { "[{\"a\":\"]", -1 },
		{ "null", -1 }, { "{}", -1 }, { "[]]", -1 }, { "[][]", -1 }, { "x[]", -1 }, { "[1]", -1 }, { "[\"a\"]", -1 },
		{ "[}", -1 }, { "Failed to lsjson", -1 },
	};
	struct seen s;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t step = 1; step < 20; step += 3)
			assert_int_equal(feed(cases[i].text, step, &s), cases[i].n);
}

/* A listing that was cut off is never taken for a shorter one. */
static void
test_every_cut(void **state)
{
	static const char whole[] = "[\n{\"Path\":\"a]\\\"\",\"Size\":1},\n{\"Path\":\"b\",\"Size\":2}\n]";
	struct seen s;

	(void)state;
	for (size_t n = 0; n < sizeof whole - 1; n++) {
		char cut[sizeof whole];

		memcpy(cut, whole, n);
		cut[n] = '\0';
		assert_int_equal(feed(cut, 7, &s), -1);
	}
	assert_int_equal(feed(whole, 7, &s), 2);
	assert_string_equal(s.last, "{\"Path\":\"b\",\"Size\":2}");
}

static void
test_too_long(void **state)
{
	size_t n = JSON_OBJECT_MAX + 100;
	char *text = calloc(1, n + 16);
	struct seen s;

	(void)state;
	memset(text, 'x', n);
	memcpy(text, "[{\"a\":\"", 7);
	memcpy(text + n, "\"}]", 4);
	assert_int_equal(feed(text, 4096, &s), -1);
	assert_int_equal(s.n, 0);
	free(text);
}

static void
test_string(void **state)
{
	static const struct {
		const char *object, *value; /* NULL: none */
	} cases[] = {
		{ "{\"k\":\"v\"}", "v" }, { "{ \"k\" : \"v\" }", "v" }, { "{\"k\":\"\"}", "" },
		{ "{\"a\":\"k\",\"k\":\"v\"}", "v" },            /* a value that looks like the key */
		{ "{\"a\":{\"k\":\"x\"},\"k\":\"v\"}", "v" },    /* another's */
		{ "{\"a\":[\"k\",{\"k\":\"x\"}],\"k\":\"v\"}", "v" },
		{ "{\"kk\":\"x\",\"k\":\"v\"}", "v" },
		{ "{\"a\":\"\\\"k\\\":\\\"x\\\"\",\"k\":\"v\"}", "v" },
		{ "{\"k\":\"\\u003c\\u0026\\u003e\"}", "<&>" },
		{ "{\"k\":\"\\u00fc\\u2603\\ud83d\\udc18\"}", "\xc3\xbc\xe2\x98\x83\xf0\x9f\x90\x98" },
		{ "{\"k\":\"\xc3\xbc\"}", "\xc3\xbc" },
		{ "{\"k\":\"\\n\\t\\r\\b\\f\\/\\\\\\\"\"}", "\n\t\r\b\f/\\\"" },
		{ "{}", NULL }, { "{\"k\":1}", NULL }, { "{\"k\":null}", NULL }, { "{\"k\":\"v", NULL }, { "{\"k\"", NULL },
		{ "{\"k\":\"\\u00\"}", NULL }, { "{\"k\":\"\\u0000\"}", NULL }, { "{\"k\":\"\\x\"}", NULL },
		{ "{\"k\":\"\\\"}", NULL }, { "{\"K\":\"v\"}", NULL }, { "", NULL },
		{ "{\"k\":\"0123456789abcdef\"}", NULL }, /* does not fit */
		{ "{\"k\":\"0123456789abcde\"}", "0123456789abcde" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[16] = "unset";

		if (cases[i].value == NULL) {
			assert_int_equal(json_string(cases[i].object, "k", out, sizeof out), -1);
		} else {
			assert_int_equal(json_string(cases[i].object, "k", out, sizeof out), 0);
			assert_string_equal(out, cases[i].value);
		}
	}
}

static void
test_number(void **state)
{
	static const struct {
		const char *object;
		int rc;
		int64_t value;
	} cases[] = {
		{ "{\"k\":1}", 0, 1 }, { "{\"k\": -1 }", 0, -1 }, { "{\"k\":0,\"a\":2}", 0, 0 },
		{ "{\"a\":{\"k\":5},\"k\":6}", 0, 6 }, { "{\"k\":9223372036854775807}", 0, INT64_MAX },
		{ "{\"k\":9223372036854775808}", -1, 0 }, { "{\"k\":\"1\"}", -1, 0 }, { "{\"k\":}", -1, 0 },
		{ "{\"k\":1.5}", -1, 0 }, { "{\"k\":1x}", -1, 0 }, { "{\"k\":true}", -1, 0 }, { "{}", -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t out = 77;

		assert_int_equal(json_number(cases[i].object, "k", &out), cases[i].rc);
		assert_true(out == (cases[i].rc == 0 ? cases[i].value : 77));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_array),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_string),
		cmocka_unit_test(test_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
