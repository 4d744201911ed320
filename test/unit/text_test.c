/* lib/text.c: lists, escaping, and numbers as people read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after the above */
#include <cmocka.h>

#include "../../lib/text.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* The items of a list, each in brackets. */
static const char *
show(struct list *l)
{
	static char out[512];
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < l->n; i++)
		n += (size_t)snprintf(out + n, sizeof out - n, "[%s]", l->item[i]);
	if (l->n > 0)
		assert_null(l->item[l->n]);
	list_free(l);
	return out;
}

static void
test_split(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" }, { ",", "" }, { " , ,", "" }, { "a", "[a]" }, { "a,b", "[a][b]" }, { " a , b ", "[a][b]" },
		{ "a b,c", "[a b][c]" }, { "a\\,b,c", "[a,b][c]" }, { "\\,", "[,]" }, { "a\\b", "[a\\b]" },
		{ "a\\", "[a\\]" }, { "a,,b", "[a][b]" }, { "\ta\n,\r\nb", "[a][b]" }, { " \\,", "[,]" },
		{ "a,a", "[a][a]" }, { "\xc3\xbc, x", "[\xc3\xbc][x]" }, { "a \\, b", "[a , b]" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct list l = { 0 };

		list_split(&l, cases[i][0]);
		assert_string_equal(show(&l), cases[i][1]);
	}
}

static void
test_split_words(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" }, { "  ", "" }, { "a b", "[a][b]" }, { " a\tb\n", "[a][b]" }, { "'a b'", "[a b]" },
		{ "a'b c'd", "[ab cd]" }, { "\"a b\"", "[a b]" }, { "''", "[]" }, { "\"\" x", "[][x]" },
		{ "a\\ b", "[a b]" }, { "'a\\b'", "[a\\b]" }, { "\"a\\b\"", "[a\\b]" }, { "\"a\\\"b\"", "[a\"b]" },
		{ "\"\\\\ \\$ \\`\"", "[\\ $ `]" }, { "'\"'", "[\"]" }, { "\"'\"", "[']" }, { "a\\", "[a\\]" },
		{ "$HOME *", "[$HOME][*]" }, { "a;b|c&d>e", "[a;b|c&d>e]" }, { "-n 'public'.\"T\"", "[-n][public.T]" },
		{ "'it'\\''s'", "[it's]" },
	};
	static const char *const open[] = { "'", "\"", "a 'b", "\"a\\\"", "'a\\'b'" };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct list l = { 0 };

		assert_int_equal(list_split_words(&l, cases[i][0]), 0);
		assert_string_equal(show(&l), cases[i][1]);
	}
	for (size_t i = 0; i < COUNT(open); i++) {
		struct list l = { 0 };

		assert_int_equal(list_split_words(&l, open[i]), -1);
		list_free(&l);
	}
}

static void
test_list(void **state)
{
	struct list l = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++) {
		list_addf(&l, "%d", i);
		assert_null(l.item[l.n]);
	}
	assert_int_equal(l.n, 100);
	assert_string_equal(l.item[99], "99");
	assert_true(list_has(&l, "57"));
	assert_false(list_has(&l, "5 7"));
	list_free(&l);
	assert_int_equal(l.n, 0);
	assert_false(list_has(&l, "57"));
}

static void
test_escape(void **state)
{
	static const struct {
		const char *in, *text, *json;
	} cases[] = {
		{ "plain", "plain", "plain" },
		{ "a\nb", "a\\nb", "a\\u000ab" },
		{ "\x1b[2K", "\\x1b[2K", "\\u001b[2K" },
		{ "\x7f", "\\x7f", "\\u007f" },
		{ "\"\\", "\"\\", "\\\"\\\\" },
		{ "\xc3\xbc\xe2\x98\x83\xf0\x9f\x90\x98", "\xc3\xbc\xe2\x98\x83\xf0\x9f\x90\x98", "\xc3\xbc\xe2\x98\x83\xf0\x9f\x90\x98" },
		{ "\xff", "\\xff", "\\ufffd" },
		{ "\xc3", "\\xc3", "\\ufffd" },
		{ "\xc3(", "\\xc3(", "\\ufffd(" },
		{ "\xc0\x80", "\\xc0\\x80", "\\ufffd\\ufffd" }, /* an overlong NUL */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80", "\\ufffd\\ufffd\\ufffd" }, /* half of a pair */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\ufffd\\ufffd\\ufffd\\ufffd" },
	};
	char out[128], *whole;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		text_escape(out, sizeof out, cases[i].in, false);
		assert_string_equal(out, cases[i].text);
		text_escape(out, sizeof out, cases[i].in, true);
		assert_string_equal(out, cases[i].json);
	}
	/* a C1 control, by which some terminals take orders */
	text_escape(out, sizeof out, "\xc2\x9b", true);
	assert_string_equal(out, "\\u009b");
	text_escape(out, sizeof out, "\xc2\x9b", false);
	assert_null(strstr(out, "\xc2"));
	whole = text_escaped("\x1b\x1b", true); /* grows by as much as anything can */
	assert_string_equal(whole, "\\u001b\\u001b");
	free(whole);
}

/* Whatever fits is whole: never half an escape, never half a character. */
static void
test_escape_cut(void **state)
{
	const char *in = "a\n\xc3\xbc\"\xff\x1b";

	(void)state;
	for (size_t size = 1; size < 40; size++) {
		char full[64], out[64];

		text_escape(full, sizeof full, in, true);
		memset(out, 'x', sizeof out);
		text_escape(out, size, in, true);
		assert_true(strlen(out) < size);
		assert_memory_equal(out, full, strlen(out));
		assert_true(out[0] == '\0' || out[strlen(out) - 1] != '\\' || full[strlen(out)] != '"');
	}
}

static void
test_size(void **state)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 B" }, { 1, "1 B" }, { 999, "999 B" }, { 1000, "1.0 kB" }, { 1049, "1.0 kB" }, { 1051, "1.1 kB" },
		{ 999949, "999.9 kB" }, { 999950, "1.0 MB" }, { 999999, "1.0 MB" }, { 143900000, "143.9 MB" },
		{ 1000000000, "1.0 GB" }, { INT64_C(2500000000000), "2.5 TB" }, { INT64_MAX, "9223.4 PB" },
	};
	char out[32];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(text_size(out, sizeof out, cases[i].bytes), cases[i].text);
}

static void
test_duration(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "0 s" }, { 100, "0.1 s" }, { 12345, "12.3 s" }, { 59000, "59 s" }, { 59999, "60.0 s" },
		{ 60000, "1 min 0 s" }, { 245000, "4 min 5 s" }, { 3600000, "1 h 0 min" }, { 86399000, "23 h 59 min" },
		{ INT64_C(601200000), "6 d 23 h" },
	};
	char out[32];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(text_duration(out, sizeof out, cases[i].ms), cases[i].text);
}

static void
test_number(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "x", "101", "99999999999999999999",
		"9223372036854775808" };
	int64_t n = 7;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(text_number(bad[i], 0, 100, &n), -1);
	assert_int_equal(n, 7);
	assert_int_equal(text_number("0", 1, 100, &n), -1);
	assert_int_equal(text_number("007", 0, 100, &n), 0);
	assert_int_equal(n, 7);
	assert_int_equal(text_number("9223372036854775807", 0, INT64_MAX, &n), 0);
	assert_true(n == INT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_split_words),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_escape_cut),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
