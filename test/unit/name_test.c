/*
 * lib/name.c: what names look like, what is not one, and, over random bytes,
 * that building and parsing are each other's inverse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/name.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define T0 1774923341				/* 2026-03-31T02:15:41Z */
#define S0 "-20260331T021541Z"
#define LAST_SECOND 253402300799		/* 9999-12-31T23:59:59Z */
#define SEED 20260331u
#define ROUNDS 200000

#define TEN "0123456789"
#define SIXTY TEN TEN TEN TEN TEN TEN
#define E_ACUTE "\xc3\xa9"
#define TEN_ESCAPED_16 "%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF"

/* -- both ways: what builds to file, and what file parses to ------------------------ */

static const struct {
	const char *label;
	struct name n;
	const char *file;
} names[] = {
	{ "", { .time = T0, .database = "app" }, "app" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "app", .encrypted = true }, "app" S0 ".pg-dump.bin" },
	{ "prod", { .time = T0, .database = "app" }, "prod-app" S0 ".pg-dump" },
	{ "", { .kind = NAME_GLOBALS, .time = T0 }, "globals" S0 ".sql" },
	{ "prod", { .kind = NAME_GLOBALS, .time = T0, .encrypted = true },
	    "prod-globals" S0 ".sql.bin" },
	{ "", { .time = T0, .database = "globals" }, "globals" S0 ".pg-dump" },
	{ "globals", { .kind = NAME_GLOBALS, .time = T0 }, "globals-globals" S0 ".sql" },
	{ "my label: 50%, \"a&b\"", { .time = T0, .database = "app" },
	    "my label: 50%, \"a&b\"-app" S0 ".pg-dump" },
	{ "b" E_ACUTE, { .time = T0, .database = "app" }, "b" E_ACUTE "-app" S0 ".pg-dump" },
	/* The longest that there can be: 63 bytes, all of them escaped, 27 of label. */
	{ "123456789012345678901234567", { .time = T0, .encrypted = true, .database =
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" },
	    "123456789012345678901234567-" TEN_ESCAPED_16 TEN_ESCAPED_16 TEN_ESCAPED_16
	    "%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF" S0 ".pg-dump.bin" },
	/* times */
	{ "", { .time = 0, .database = "a" }, "a-19700101T000000Z.pg-dump" },
	{ "", { .time = LAST_SECOND, .database = "a" }, "a-99991231T235959Z.pg-dump" },
	{ "", { .time = 951782400, .database = "a" }, "a-20000229T000000Z.pg-dump" },
	{ "", { .time = 2147483648, .database = "a" }, "a-20380119T031408Z.pg-dump" },
	{ "", { .time = 4107542400, .database = "a" }, "a-21000301T000000Z.pg-dump" },
	/* hostile databases */
	{ "", { .time = T0, .database = "../x" }, "%2E.%2Fx" S0 ".pg-dump" },
	{ "", { .time = T0, .database = ".." }, "%2E." S0 ".pg-dump" },
	{ "", { .time = T0, .database = "." }, "%2E" S0 ".pg-dump" },
	{ "", { .time = T0, .database = ".hidden" }, "%2Ehidden" S0 ".pg-dump" },
	{ "prod", { .time = T0, .database = ".hidden" }, "prod-%2Ehidden" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "a.b." }, "a.b." S0 ".pg-dump" },
	{ "", { .time = T0, .database = "--help" }, "--help" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "-" }, "-" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "host=evil" }, "host%3Devil" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "a\nb\r\t\x7f" }, "a%0Ab%0D%09%7F" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "%41" }, "%2541" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "%" }, "%25" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "a b:c\\d*'\"" }, "a%20b%3Ac%5Cd%2A%27%22" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "app" S0 ".pg-dump" }, "app" S0 ".pg-dump" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "app.bin" }, "app.bin" S0 ".pg-dump" },
	/* UTF-8 text, and what only looks like it */
	{ "", { .time = T0, .database = "caf" E_ACUTE }, "caf" E_ACUTE S0 ".pg-dump" },
	{ "", { .time = T0, .database = "\xe6\x97\xa5\xe6\x9c\xac" },
	    "\xe6\x97\xa5\xe6\x9c\xac" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "\xf0\x9f\x90\x98" }, "\xf0\x9f\x90\x98" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "e\xcc\x81" }, "e\xcc\x81" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "\xc3" }, "%C3" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "\xa9" }, "%A9" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "\xe9t\xe9" }, "%E9t%E9" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "\xf0\x9f\x90" }, "%F0%9F%90" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "\xc3" E_ACUTE }, "%C3" E_ACUTE S0 ".pg-dump" },
	{ "", { .time = T0, .database = "\xc0\xaf" }, "%C0%AF" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "\xe0\x80\xaf" }, "%E0%80%AF" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "\xe0\x83\xa9" }, "%E0%83%A9" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "\xf0\x86\x97\xa5" }, "%F0%86%97%A5" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "\xc3" "app" }, "%C3app" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "\xed\xa0\x80" }, "%ED%A0%80" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "\xf4\x90\x80\x80" }, "%F4%90%80%80" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "\xf9\x84\x80\x80" }, "%F9%84%80%80" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "\xc2\x85" }, "%C2%85" S0 ".pg-dump" },	/* next line */
	{ "", { .time = T0, .database = "\xc2\xa0" }, "%C2%A0" S0 ".pg-dump" },	/* no-break */
	{ "", { .time = T0, .database = "\xc2\xa1" }, "\xc2\xa1" S0 ".pg-dump" },
	{ "", { .time = T0, .database = "\xe2\x80\xae" }, "%E2%80%AE" S0 ".pg-dump" },	/* bidi */
	{ "", { .time = T0, .database = "\xe2\x90\x8a" }, "%E2%90%8A" S0 ".pg-dump" },	/* U+240A */
	{ "", { .time = T0, .database = "\xef\xbc\x8f" }, "%EF%BC%8F" S0 ".pg-dump" },	/* U+FF0F */
	{ "", { .time = T0, .database = "\xef\xbb\xbf" "a" }, "%EF%BB%BFa" S0 ".pg-dump" },
};

static void
assert_same(const struct name *got, const struct name *want, const char *file)
{
	if (got->kind != want->kind || got->encrypted != want->encrypted ||
	    got->time != want->time || strcmp(got->database, want->database) != 0)
		fail_msg("%s parsed to kind %d, encrypted %d, time %lld, database \"%s\"", file,
		    got->kind, got->encrypted, (long long)got->time, got->database);
}

static void
test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		char file[NAME_SIZE], hidden[NAME_SIZE], shown[NAME_SIZE];
		struct name n;

		if (name_build(file, sizeof(file), names[i].label, &names[i].n) == -1)
			fail_msg("does not build: %s", names[i].file);
		assert_string_equal(file, names[i].file);
		if (name_parse(&n, names[i].label, names[i].file) == -1)
			fail_msg("does not parse: %s", names[i].file);
		assert_same(&n, &names[i].n, names[i].file);
		assert_true(name_belongs(file, names[i].label,
		    n.kind == NAME_GLOBALS ? NULL : n.database));
		assert_int_equal(name_hide(hidden, sizeof(hidden), file), 0);
		assert_int_equal(name_unhide(shown, sizeof(shown), hidden), 0);
		assert_string_equal(shown, file);
		assert_int_equal(name_parse(&n, names[i].label, hidden), -1);
	}
}

/* Names are UTC, whatever zone and daylight saving the process runs under. */
static void
test_names_in_zones(void **state)
{
	static const char *const zones[] = { "Europe/Berlin", "Pacific/Apia", "America/St_Johns",
	    "UTC" };

	for (size_t i = 0; i < COUNT(zones); i++) {
		setenv("TZ", zones[i], 1);
		tzset();
		test_names(state);
	}
}

/* -- near misses ------------------------------------------------------------------- */

static const struct {
	const char *label, *file;
} strangers[] = {
	{ "", "" }, { "", "app" }, { "", ".pg-dump" }, { "", "README.md" }, { "", "-" },
	{ "", S0 ".pg-dump" }, { "prod", "prod-" S0 ".pg-dump" }, { "prod", "prod" S0 ".pg-dump" },
	/* suffixes */
	{ "", "app" S0 }, { "", "app" S0 ".bin" }, { "", "app" S0 ".pg-dump.bin.bin" },
	{ "", "app" S0 ".pg-dump.gz" }, { "", "app" S0 ".PG-DUMP" }, { "", "app" S0 ".pg_dump" },
	{ "", "app" S0 ".pg-dump " }, { "", "app" S0 ".pg-dump\n" }, { "", "app" S0 ".sql" },
	{ "", "app" S0 ".dump" }, { "", "app" S0 ".pg-dump.sql" }, { "", "app" S0 "pg-dump" },
	{ "", "globals" S0 ".sql.gz" }, { "", "Globals" S0 ".sql" }, { "", "x-globals" S0 ".sql" },
	{ "", "%67lobals" S0 ".sql" },
	/* rclone's and our partials, a versioned object */
	{ "", ".app" S0 ".pg-dump.partial" }, { "", "app" S0 ".pg-dump.partial" },
	{ "", "app" S0 ".pg-dump.1a2b3c4d.partial" }, { "", "app-v" S0 ".pg-dump-1" },
	/* times that are none */
	{ "", "app-20260231T021541Z.pg-dump" }, { "", "app-20250229T021541Z.pg-dump" },
	{ "", "app-21000229T021541Z.pg-dump" }, { "", "app-20260431T021541Z.pg-dump" },
	{ "", "app-20260001T021541Z.pg-dump" }, { "", "app-20261301T021541Z.pg-dump" },
	{ "", "app-20260300T021541Z.pg-dump" }, { "", "app-20260332T021541Z.pg-dump" },
	{ "", "app-20260331T241541Z.pg-dump" }, { "", "app-20260331T240000Z.pg-dump" },
	{ "", "app-20260331T026041Z.pg-dump" }, { "", "app-20161231T235960Z.pg-dump" },
	{ "", "app-20160630T235961Z.pg-dump" }, { "", "app-19691231T235959Z.pg-dump" },
	{ "", "app-00000101T000000Z.pg-dump" }, { "", "app-100000101T000000Z.pg-dump" },
	{ "", "app-+0260331T021541Z.pg-dump" }, { "", "app--0260331T021541Z.pg-dump" },
	{ "", "app- 0260331T021541Z.pg-dump" }, { "", "app-2026 331T021541Z.pg-dump" },
	{ "", "app-2026033 T021541Z.pg-dump" }, { "", "app-20260331T02154 Z.pg-dump" },
	{ "", "app-20260331 021541Z.pg-dump" }, { "", "app-20260331t021541z.pg-dump" },
	{ "", "app-20260331T021541.pg-dump" }, { "", "app-20260331T021541+.pg-dump" },
	{ "", "app-2026-03-31T021541Z.pg-dump" }, { "", "app-20260331T02154Z.pg-dump" },
	{ "", "app_20260331T021541Z.pg-dump" }, { "", "app-20260331T0215410Z.pg-dump" },
	{ "", "app-2026033\xd9\xa1T021541Z.pg-dump" },
	/* database names as they are not written */
	{ "", ".app" S0 ".pg-dump" }, { "", "../app" S0 ".pg-dump" }, { "", "a/b" S0 ".pg-dump" },
	{ "", "/app" S0 ".pg-dump" }, { "", "a b" S0 ".pg-dump" }, { "", "a\nb" S0 ".pg-dump" },
	{ "", "%2e" S0 ".pg-dump" }, { "", "a%2f" S0 ".pg-dump" }, { "", "%41pp" S0 ".pg-dump" },
	{ "", "a%2E" S0 ".pg-dump" }, { "", "%" S0 ".pg-dump" }, { "", "%2" S0 ".pg-dump" },
	{ "", "a%" S0 ".pg-dump" }, { "", "%zz" S0 ".pg-dump" }, { "", "%%" S0 ".pg-dump" },
	{ "", "%00" S0 ".pg-dump" }, { "", "app%00x" S0 ".pg-dump" },
	{ "", "%C3%A9" S0 ".pg-dump" },
	{ "", "\xc3%A9" S0 ".pg-dump" }, { "", "\xc3" S0 ".pg-dump" }, { "", "\xff" S0 ".pg-dump" },
	{ "", "\xc0\xaf" S0 ".pg-dump" }, { "", "\xe2\x80\xae" S0 ".pg-dump" },
	{ "", "\xe2\x80\xaehelp" S0 ".pg-dump" }, { "", "host=evil" S0 ".pg-dump" },
	/* labels */
	{ "prod", "app" S0 ".pg-dump" }, { "prod", "prodapp" S0 ".pg-dump" },
	{ "prod", "prod_app" S0 ".pg-dump" }, { "prod", "PROD-app" S0 ".pg-dump" },
	{ "prod", "pro-app" S0 ".pg-dump" }, { "prod", "xprod-app" S0 ".pg-dump" },
	{ "prod", "globals" S0 ".sql" }, { "prod", "prod" S0 ".sql" },
	{ "a", "b-app" S0 ".pg-dump" },
	{ "..", "..-app" S0 ".pg-dump" }, { "a/b", "a/b-app" S0 ".pg-dump" },
	{ "a\n", "a\n-app" S0 ".pg-dump" },
};

static void
test_strangers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(strangers); i++) {
		struct name n, before;

		memset(&n, 'x', sizeof(n));
		memset(&before, 'x', sizeof(before));
		if (name_parse(&n, strangers[i].label, strangers[i].file) != -1)
			fail_msg("label \"%s\" parses %s", strangers[i].label, strangers[i].file);
		assert_memory_equal(&n, &before, sizeof(n));
	}
}

/* -- whose it is ------------------------------------------------------------------- */

static const struct {
	bool belongs;
	const char *file, *label, *database;
} owners[] = {
	{ true, "app" S0 ".pg-dump", "", "app" },
	{ true, "app" S0 ".pg-dump.bin", "", "app" },
	{ true, "a-app" S0 ".pg-dump", "a", "app" },
	{ false, "app-2" S0 ".pg-dump", "", "app" },
	{ false, "app_test" S0 ".pg-dump", "", "app" },
	{ false, "app.old" S0 ".pg-dump", "", "app" },
	{ false, "app" S0 ".pg-dump", "", "app-2" },
	{ false, "app" S0 ".pg-dump", "", "ap" },
	{ false, "App" S0 ".pg-dump", "", "app" },
	{ false, "app" S0 ".pg-dump", "", "" },
	{ false, "app" S0 S0 ".pg-dump", "", "app" },
	{ false, "app" S0 ".pg-dump" S0 ".pg-dump", "", "app" },
	{ false, "app" S0 ".pg-dump-20260401T000000Z.pg-dump", "", "app" },
	{ false, "app-20260231T000000Z.pg-dump", "", "app" },
	/* prefixes "", a, a-b, b in one folder */
	{ false, "a-app" S0 ".pg-dump", "", "app" },
	{ false, "app" S0 ".pg-dump", "a", "app" },
	{ false, "a-b-app" S0 ".pg-dump", "a", "app" },
	{ false, "a-app" S0 ".pg-dump", "a-b", "app" },
	{ false, "b-app" S0 ".pg-dump", "a-b", "app" },
	{ false, "a-b-app" S0 ".pg-dump", "b", "app" },
	{ true, "a-b-app" S0 ".pg-dump", "a-b", "app" },
	{ true, "a-b-app" S0 ".pg-dump", "a", "b-app" },	/* inherent: see name.h */
	/* the globals, and a database of that name */
	{ true, "globals" S0 ".sql", "", NULL },
	{ true, "a-globals" S0 ".sql.bin", "a", NULL },
	{ false, "globals" S0 ".sql", "", "globals" },
	{ false, "globals" S0 ".pg-dump", "", NULL },
	{ true, "globals" S0 ".pg-dump", "", "globals" },
	{ false, "a-globals" S0 ".sql", "", NULL },
	{ false, "globals" S0 ".sql", "a", NULL },
	{ false, "globals" S0 ".sql", "", "" },
	/* escapes */
	{ true, "%2541" S0 ".pg-dump", "", "%41" },
	{ false, "%41" S0 ".pg-dump", "", "A" },
	{ false, "%41" S0 ".pg-dump", "", "%41" },
	{ true, "%2E.%2Fx" S0 ".pg-dump", "", "../x" },
	{ false, "../x" S0 ".pg-dump", "", "../x" },
	{ false, "app%00" S0 ".pg-dump", "", "app" },
	{ false, "e\xcc\x81" S0 ".pg-dump", "", E_ACUTE },	/* the same letter, other bytes */
};

static void
test_owners(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(owners); i++)
		if (name_belongs(owners[i].file, owners[i].label, owners[i].database) !=
		    owners[i].belongs)
			fail_msg("%s %s label \"%s\", database \"%s\"", owners[i].file,
			    owners[i].belongs ? "should be of" : "should not be of",
			    owners[i].label, owners[i].database ? owners[i].database : "(globals)");
}

/* -- what cannot be built ---------------------------------------------------------- */

static const struct {
	const char *label;
	struct name n;
} impossible[] = {
	{ "", { .time = T0, .database = "" } },
	{ "", { .time = -1, .database = "app" } },
	{ "", { .time = LAST_SECOND + 1, .database = "app" } },
	{ "", { .time = INT64_MAX, .database = "app" } },
	{ "", { .time = INT64_MIN, .database = "app" } },
	{ ".", { .time = T0, .database = "app" } },
	{ "..", { .time = T0, .database = "app" } },
	{ ".prod", { .time = T0, .database = "app" } },
	{ "a/b", { .time = T0, .database = "app" } },
	{ "/", { .time = T0, .database = "app" } },
	{ "a\tb", { .time = T0, .database = "app" } },
	{ "a\x7f", { .time = T0, .database = "app" } },
	{ "\xff", { .time = T0, .database = "app" } },
	{ "\xe2\x80\xae", { .kind = NAME_GLOBALS, .time = T0 } },
	/* too long by one */
	{ "1234567890123456789012345678", { .time = T0, .encrypted = true, .database =
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" } },
	{ SIXTY SIXTY SIXTY SIXTY SIXTY, { .time = T0, .database = "app" } },
	{ "", { .time = T0, .database = "////////////////////////////////////////////////////"
	    "/////////////////////////////////////////////////////////////////" } },
};

static void
test_impossible(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(impossible); i++) {
		char file[NAME_SIZE] = "before";

		if (name_build(file, sizeof(file), impossible[i].label, &impossible[i].n) != -1)
			fail_msg("row %zu builds %s", i, file);
		assert_string_equal(file, "");
	}
}

static void
test_sizes(void **state)
{
	const struct name n = { .time = T0, .database = "app" };
	const char *file = "app" S0 ".pg-dump", *hidden = ".app" S0 ".pg-dump.partial";
	const size_t size = strlen(file) + 1, hidden_size = strlen(hidden) + 1;
	char out[NAME_SIZE];

	(void)state;
	assert_int_equal(name_build(out, size, "", &n), 0);
	assert_string_equal(out, file);
	assert_int_equal(name_build(out, size - 1, "", &n), -1);
	assert_string_equal(out, "");
	assert_int_equal(name_build(out, 0, "", &n), -1);
	assert_int_equal(name_hide(out, hidden_size, file), 0);
	assert_string_equal(out, hidden);
	assert_int_equal(name_hide(out, hidden_size - 1, file), -1);
	assert_string_equal(out, "");
	assert_int_equal(name_unhide(out, size, hidden), 0);
	assert_string_equal(out, file);
	assert_int_equal(name_unhide(out, size - 1, hidden), -1);
	assert_string_equal(out, "");
	assert_int_equal(name_hide(out, 0, file), -1);
	assert_int_equal(name_unhide(out, 0, hidden), -1);
}

/* 63 bytes, the most that PostgreSQL stores, of three-byte characters. */
static void
test_multibyte(void **state)
{
	struct name n = { .time = T0 }, back;
	char file[NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < 63; i += 3)
		memcpy(n.database + i, "\xe6\x97\xa5", 3);
	assert_int_equal(name_build(file, sizeof(file), "", &n), 0);
	assert_int_equal(strlen(file), 63 + strlen(S0 ".pg-dump"));
	assert_int_equal(name_parse(&back, "", file), 0);
	assert_same(&back, &n, file);

	/* and cut within the last one, as a server with another encoding may have it */
	n.database[62] = '\0';
	assert_int_equal(name_build(file, sizeof(file), "", &n), 0);
	assert_non_null(strstr(file, "\xe6\x97\xa5%E6%97" S0));
	assert_int_equal(name_parse(&back, "", file), 0);
	assert_same(&back, &n, file);
}

static void
test_hidden(void **state)
{
	static const char *const not_hidden[] = { "", ".", ".partial", "..partial.", "app.partial",
	    ".app", ".app.partial2", ".app.PARTIAL", "x.app.partial", ".a/b.partial", ".app.bin.partial",
	    ".../x.partial", "." SIXTY SIXTY SIXTY SIXTY "1234567.partial" };
	static const char *const not_file[] = { "", "/", "a/b", "../a",
	    SIXTY SIXTY SIXTY SIXTY "1234567" };
	char out[NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(not_hidden); i++)
		if (name_unhide(out, sizeof(out), not_hidden[i]) != -1)
			fail_msg("\"%s\" is hidden", not_hidden[i]);
	for (size_t i = 0; i < COUNT(not_file); i++)
		if (name_hide(out, sizeof(out), not_file[i]) != -1)
			fail_msg("\"%s\" hides", not_file[i]);
	assert_int_equal(name_hide(out, sizeof(out), SIXTY SIXTY SIXTY SIXTY "123456"), 0);
	assert_int_equal(strlen(out), NAME_MAX_BYTES);
}

/* -- random bytes ------------------------------------------------------------------ */

static uint32_t random_state;

static uint32_t
random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

/* Any bytes but NUL; some that mean something here come more often. */
static void
random_text(char *out, size_t max)
{
	static const char *const parts[] = { "-", ".", "%", "/", "app", "globals", "2026", "T", "Z",
	    S0, ".pg-dump", ".sql", ".bin", ".partial", "%41", "%2E", "%C3", E_ACUTE, "\xc3",
	    "\xe2\x80", "\xf0\x9f\x90\x98", " ", "\n" };
	size_t used = 0, count = random_below(8);

	for (size_t i = 0; i < count; i++) {
		const char *part = parts[random_below(COUNT(parts))];
		const char byte[] = { (char)(1 + random_below(255)), '\0' };

		if (random_below(2) == 0)
			part = byte;
		if (used + strlen(part) > max)
			break;
		memcpy(out + used, part, strlen(part));
		used += strlen(part);
	}
	out[used] = '\0';
}

static const char *const random_labels[] = { "", "a", "a-b", "globals", "prod 1", E_ACUTE, "%41" };

/* parse(build(x)) is x; the file name is safe; nobody else's label or database owns it. */
static void
test_random_build(void **state)
{
	size_t built = 0;

	(void)state;
	random_state = SEED;
	for (int i = 0; i < ROUNDS; i++) {
		const char *label = random_labels[random_below(COUNT(random_labels))];
		struct name n = { .kind = random_below(8) ? NAME_DUMP : NAME_GLOBALS, .encrypted =
		    random_below(2), .time = (time_t)random_below(UINT32_MAX) * 59 }, back;
		char file[NAME_SIZE], other[NAME_DATABASE_SIZE];

		if (n.kind == NAME_DUMP)
			random_text(n.database, sizeof(n.database) - 1);
		random_text(other, sizeof(other) - 1);
		if (name_build(file, sizeof(file), label, &n) == -1) {
			assert_true(n.kind == NAME_DUMP && n.database[0] == '\0');
			continue;
		}
		built++;
		assert_int_equal(name_parse(&back, label, file), 0);
		assert_same(&back, &n, file);
		assert_true(file[0] != '.' && strchr(file, '/') == NULL);
		for (const char *s = file; *s != '\0'; s++)
			assert_true((unsigned char)*s >= ' ' && *s != 0x7f);
		assert_int_equal(name_belongs(file, label, other),
		    n.kind == NAME_DUMP && strcmp(other, n.database) == 0);
	}
	assert_true(built > ROUNDS / 2);
}

/* What is parsed builds to the same bytes: from noise, and from names with one byte changed. */
static void
test_random_parse(void **state)
{
	size_t parsed = 0, refused = 0;

	(void)state;
	random_state = SEED;
	for (int i = 0; i < ROUNDS; i++) {
		const char *label = random_labels[random_below(COUNT(random_labels))];
		struct name n = { .time = (time_t)random_below(UINT32_MAX) * 59 };
		char file[NAME_SIZE], again[NAME_SIZE];

		random_text(n.database, 60);
		if (random_below(4) == 0)
			random_text(file, sizeof(file) - 1);
		else if (name_build(file, sizeof(file), label, &n) == -1)
			continue;
		else if (random_below(8) != 0)
			file[random_below((uint32_t)strlen(file))] = (char)(random_below(2) ?
			    '0' + random_below(10) : 1 + random_below(255));
		if (name_parse(&n, label, file) == -1) {
			refused++;
			continue;
		}
		parsed++;
		assert_int_equal(name_build(again, sizeof(again), label, &n), 0);
		assert_string_equal(again, file);
	}
	assert_true(parsed > ROUNDS / 10 && refused > ROUNDS / 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_in_zones),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_owners),
		cmocka_unit_test(test_impossible),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_multibyte),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_random_build),
		cmocka_unit_test(test_random_parse),
	};

	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
