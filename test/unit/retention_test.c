/*
 * lib/retention.c, rule by rule. Times are UTC, as YYYYMMDDTHHMM[SS], newest
 * first; of each the reason why it stays is wanted, "-" for none. Combinations
 * in their thousands are in test/oracle/retention.t.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/retention.h"

#define ITEMS_MAX 64
#define LATER "99991231T2359"
#define DAY_S 86400L
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct row {
	const char *name;
	const char *zone;		/* NULL: UTC */
	struct retention_policy policy;
	const char *now;		/* NULL: long after all of them */
	const char *times;
	const char *want;
};

static const struct row basics[] = {
	{ "nothing at all", NULL, { .last = 1, .daily = 1 }, NULL, "", "" },
	{ "no rule still keeps the newest", NULL, { 0 }, NULL,
	    "20260331T1200 20260331T1100", "newest -" },
	{ "the only one stays", NULL, { 0 }, NULL, "20260331T1200", "newest" },
	{ "numbers below zero keep nothing", NULL,
	    { .last = -1, .keep_s = -1, .daily = -1, .weekly = -1, .monthly = -1, .yearly = -1 },
	    NULL, "20260331T1200 20260331T1100", "newest -" },
	{ "unlimited", NULL, { .unlimited = true }, NULL,
	    "20260331T1200 20200331T1200 19700101T0000", "unlimited unlimited unlimited" },
	{ "unlimited comes before every other reason", NULL,
	    { .unlimited = true, .last = 1, .daily = 1 }, "20260101T0000",
	    "20260331T1200 20251231T0000", "unlimited unlimited" },
	{ "last", NULL, { .last = 2 }, NULL,
	    "20260331T1200 20260330T1200 20260329T1200", "last last -" },
	{ "last, more than there are", NULL, { .last = INT32_MAX }, NULL,
	    "20260331T1200 20260330T1200", "last last" },
	{ "younger than", NULL, { .keep_s = DAY_S }, NULL,
	    "20260331T120000 20260330T120001 20260330T120000", "days days -" },
	{ "younger than, by one second", NULL, { .keep_s = 1 }, NULL,
	    "20260331T120000 20260331T120000 20260331T115959", "days days -" },
	{ "ages count from the newest, not from now", NULL, { .keep_s = 2 * DAY_S },
	    "20360101T0000", "20260331T1200 20260330T1200 20260329T1200", "days days -" },
};

static const struct row periods[] = {
	{ "daily keeps the newest of a day", NULL, { .daily = 2 }, NULL,
	    "20260331T1100 20260331T1000 20260330T2359 20260330T0000 20260329T2359",
	    "daily - daily - -" },
	{ "a missed day does not use up a slot", NULL, { .daily = 2 }, NULL,
	    "20260331T1100 20260301T1000 20260228T1000", "daily daily -" },
	{ "weekly: Monday to Sunday", NULL, { .weekly = 9 }, NULL,
	    "20260330T0000 20260329T2359 20260323T0000 20260322T2359",
	    "weekly weekly - weekly" },
	{ "a missed week does not use up a slot", NULL, { .weekly = 2 }, NULL,
	    "20260331T0000 20260228T0000 20260101T0000", "weekly weekly -" },
	{ "monthly", NULL, { .monthly = 2 }, NULL,
	    "20260331T2359 20260301T0000 20260228T2359 20260131T0000", "monthly - monthly -" },
	{ "the same month of another year", NULL, { .monthly = 2 }, NULL,
	    "20260331T0000 20250331T0000 20240331T0000", "monthly monthly -" },
	{ "yearly", NULL, { .yearly = 2 }, NULL,
	    "20260101T0000 20251231T2359 20250101T0000 20241231T2359", "yearly yearly - -" },
	{ "a missed year does not use up a slot", NULL, { .yearly = 2 }, NULL,
	    "20260101T0000 20101231T2359 20001231T2359", "yearly yearly -" },
	{ "days are those of the zone: here two", "Asia/Kathmandu", { .daily = 9 }, NULL,
	    "20260330T1815 20260330T1814", "daily daily" },
	{ "days are those of the zone: here one", NULL, { .daily = 9 }, NULL,
	    "20260330T1815 20260330T1814", "daily -" },
	{ "so are years", "Pacific/Kiritimati", { .yearly = 9 }, NULL,
	    "20251231T1000 20251231T0959", "yearly yearly" },
};

static const struct row unions[] = {
	{ "rules add up", NULL, { .last = 1, .weekly = 2 }, NULL,
	    "20260331T1200 20260331T1100 20260329T2300", "last - weekly" },
	{ "what one rule keeps uses up its slot in the others", NULL,
	    { .last = 1, .daily = 1 }, NULL, "20260331T1200 20260330T1200", "last -" },
	{ "the first rule gives the reason", NULL,
	    { .last = 1, .keep_s = 60, .daily = 3, .weekly = 3, .monthly = 3, .yearly = 9 }, NULL,
	    "20260331T120000 20260331T115930 20260331T1000 20260330T1200 20260329T1200 "
	    "20260328T1200 20260320T1200 20260228T1200 20251231T1200 20251130T1200 20241231T1200",
	    "last days - daily daily - weekly monthly monthly - yearly" },
	{ "one stays for the month and the year at once", NULL,
	    { .daily = 1, .weekly = 1, .monthly = 2, .yearly = 2 }, NULL,
	    "20260105T1200 20260104T1200 20260103T1200 20251229T1200 20251228T1200",
	    "daily - - monthly -" },
	{ "days and daily", NULL, { .keep_s = DAY_S, .daily = 3 }, NULL,
	    "20260331T1200 20260331T0000 20260330T1300 20260330T1200 20260329T1200 20260328T1200",
	    "days days days - daily -" },
};

static const struct row calendars[] = {
	{ "Berlin, a day of 23 h", "Europe/Berlin", { .daily = 9 }, NULL,
	    "20260329T2200 20260329T2159 20260328T2300 20260328T2259", "daily daily - daily" },
	{ "Berlin, a day of 25 h", "Europe/Berlin", { .daily = 9 }, NULL,
	    "20261025T2300 20261025T2259 20261024T2200 20261024T2159", "daily daily - daily" },
	{ "Berlin, 2:30 twice in one night", "Europe/Berlin", { .daily = 9, .last = 0 }, NULL,
	    "20261025T0130 20261025T0030", "daily -" },
	{ "Berlin, a week of 169 h", "Europe/Berlin", { .weekly = 9 }, NULL,
	    "20261025T2300 20261025T2259 20261018T2200 20261018T2159", "weekly weekly - weekly" },
	{ "younger than counts seconds, whatever the clocks show", "Europe/Berlin",
	    { .keep_s = DAY_S }, NULL,
	    "20260329T100000 20260328T100001 20260328T100000", "days days -" },
	{ "St John's, a date comes twice in one night", "America/St_Johns", { .daily = 9 }, NULL,
	    "20101107T1200 20101107T0300 20101107T023030 20101107T0200", "daily daily - -" },
	{ "St John's, the later date has only the earlier time", "America/St_Johns",
	    { .daily = 9 }, NULL,
	    "20101107T0300 20101107T023030 20101107T0200", "daily daily -" },
	{ "St John's, a period is as recent as its newest", "America/St_Johns",
	    { .daily = 1 }, NULL,
	    "20101107T0300 20101107T023030 20101107T0200", "daily - -" },
	{ "Apia, a date that never was", "Pacific/Apia", { .daily = 9 }, NULL,
	    "20111230T1000 20111230T0959 20111229T1000 20111229T0959", "daily daily - daily" },
	{ "29 February is a day", NULL, { .daily = 9 }, NULL,
	    "20240301T0000 20240229T2359 20240229T0000 20240228T2359", "daily daily - daily" },
	{ "29 February is in February", NULL, { .monthly = 9 }, NULL,
	    "20240301T0000 20240229T2359 20240201T0000 20240131T2359",
	    "monthly monthly - monthly" },
	{ "2100 has none", NULL, { .daily = 2, .monthly = 9 }, NULL,
	    "21000301T0000 21000228T2359 21000228T0000", "daily daily -" },
	{ "2020-W53 reaches into 2021", NULL, { .weekly = 9 }, NULL,
	    "20210104T0000 20210103T2359 20210101T0000 20201231T2359 20201228T0000 20201227T2359",
	    "weekly weekly - - - weekly" },
	{ "2026-W01 begins in 2025", NULL, { .weekly = 9 }, NULL,
	    "20260105T0000 20260104T2359 20260101T0000 20251231T2359 20251229T0000 20251228T2359",
	    "weekly weekly - - - weekly" },
	{ "the year ends there all the same", NULL, { .yearly = 9 }, NULL,
	    "20260105T0000 20260104T2359 20260101T0000 20251231T2359 20251229T0000 20251228T2359",
	    "yearly - - yearly - -" },
	{ "W52, W53 and W01 are three", NULL, { .weekly = 9 }, NULL,
	    "20270104T1200 20270103T1200 20261227T1200", "weekly weekly weekly" },
	{ "the ends of time", NULL, { .yearly = 1, .monthly = 2 }, LATER,
	    "99991231T2359 19700101T0000", "monthly monthly" },
	{ "before 1970 by the local clock", "Etc/GMT+12", { .daily = 9, .yearly = 9 }, NULL,
	    "19700101T1200 19700101T1159 19700101T0000", "daily daily -" },
};

static const struct row clocks[] = {
	{ "the future takes no slot", NULL, { .last = 1 }, "20260331T1200",
	    "20990101T0000 20260331T1300 20260331T1200 20260331T1100", "future future last -" },
	{ "now is not the future", NULL, { .last = 1 }, "20260331T1200",
	    "20260331T1200 20260331T1100", "last -" },
	{ "a second later is", NULL, { .last = 1 }, "20260331T115959",
	    "20260331T1200 20260331T1100", "future last" },
	{ "all of the future", NULL, { .last = 1 }, "19700101T0000",
	    "20260331T1200 20260331T1100 20260331T1000", "future future future" },
	{ "the newest real one stays", NULL, { 0 }, "20260331T1200",
	    "20990101T0000 20260331T1100 20260331T1000", "future newest -" },
	{ "ages do not count from the future", NULL, { .keep_s = DAY_S }, "20260331T1200",
	    "20260401T0000 20260331T1100 20260330T1200 20260330T1100", "future days days -" },
	{ "a day shared with the future", NULL, { .daily = 1, .weekly = 1 }, "20260331T1200",
	    "20260331T1300 20260331T1100 20260331T1000", "future daily -" },
	{ "last counts each of the same second", NULL, { .last = 2 }, NULL,
	    "20260331T1200 20260331T1200 20260331T1200", "last last -" },
	{ "for the others the first of them is the newest", NULL, { .daily = 2, .yearly = 1 },
	    NULL, "20260331T1200 20260331T1200 20260330T1200 20260330T1200",
	    "daily - daily -" },
	{ "no rule keeps one of the same second", NULL, { 0 }, NULL,
	    "20260331T1200 20260331T1200", "newest -" },
};

static time_t
utc(const char *stamp)
{
	struct tm tm = { 0 };
	const char *rest = strptime(stamp, "%Y%m%dT%H%M", &tm);

	assert_non_null(rest);
	if (*rest >= '0' && *rest <= '9')
		assert_non_null(strptime(rest, "%S", &tm));
	return timegm(&tm);
}

static void
use_zone(const char *zone)
{
	setenv("TZ", zone != NULL ? zone : "UTC", 1);
	tzset();
}

static size_t
parse_times(struct retention_item *b, const char *times)
{
	char text[1024], *save = NULL;
	size_t n = 0;

	assert_true(strlen(times) < sizeof(text));
	memcpy(text, times, strlen(times) + 1);
	for (char *t = strtok_r(text, " ", &save); t != NULL; t = strtok_r(NULL, " ", &save)) {
		assert_true(n < ITEMS_MAX);
		b[n].time = utc(t);
		b[n++].kept_by = "left over";
	}
	return n;
}

static void
check(const struct row *row)
{
	struct retention_item b[ITEMS_MAX];
	char got[1024] = "";
	size_t used = 0, n;

	use_zone(row->zone);
	n = parse_times(b, row->times);
	retention_apply(&row->policy, utc(row->now != NULL ? row->now : LATER), b, n);
	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(got + used, sizeof(got) - used, "%s%s", i > 0 ? " " : "",
		    b[i].kept_by != NULL ? b[i].kept_by : "-");
	if (strcmp(got, row->want) != 0)
		fail_msg("%s: want \"%s\", got \"%s\"", row->name, row->want, got);
}

#define TABLE_TEST(table)				\
	static void					\
	test_##table(void **state)			\
	{						\
		(void)state;				\
		for (size_t i = 0; i < COUNT(table); i++)	\
			check(&table[i]);		\
	}

TABLE_TEST(basics)
TABLE_TEST(periods)
TABLE_TEST(unions)
TABLE_TEST(calendars)
TABLE_TEST(clocks)

/* An empty listing may have no array. */
static void
test_null_list(void **state)
{
	const struct retention_policy policy = { .last = 1, .keep_s = 1, .daily = 1 };

	(void)state;
	retention_apply(&policy, 0, NULL, 0);
}

/* A backup a minute for a week, and one a day for 27 years. */
static void
test_many(void **state)
{
	static struct retention_item b[10000];
	const struct retention_policy policy = { .last = 10, .daily = 7, .weekly = 5,
	    .monthly = 12, .yearly = 100 };
	const struct { long step_s; size_t kept; } cases[] = {
		{ 60, 10 + 6 },
		{ DAY_S, 10 + 2 + 11 + 27 },
	};

	(void)state;
	use_zone("Europe/Berlin");
	for (size_t c = 0; c < COUNT(cases); c++) {
		size_t kept = 0;

		for (size_t i = 0; i < COUNT(b); i++)
			b[i].time = utc("20260331T1200") - (time_t)i * cases[c].step_s;
		retention_apply(&policy, b[0].time, b, COUNT(b));
		for (size_t i = 0; i < COUNT(b); i++)
			kept += b[i].kept_by != NULL;
		assert_int_equal(kept, cases[c].kept);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_basics),
		cmocka_unit_test(test_periods),
		cmocka_unit_test(test_unions),
		cmocka_unit_test(test_calendars),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_null_list),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
