/*
 * Tables of cases for lib/schedule.c and lib/duration.c. Instants are UTC; what
 * the local clock shows is in the comments.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../lib/duration.h"
#include "../../lib/schedule.h"

#define DAY_S 86400L
#define HOUR_S 3600L
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Up to four due instants one after the other. */
struct next_case {
	const char *zone, *expression, *after, *due[4];
};

static void
set_zone(const char *zone)
{
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

static time_t
instant(const char *text)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);

	if (end == NULL || *end != '\0')
		fail_msg("\"%s\" is not an instant", text);
	return timegm(&tm);
}

static struct schedule
parsed(const char *expression)
{
	struct schedule s;
	char err[200] = "";

	if (schedule_parse(&s, expression, err, sizeof(err)) == -1)
		fail_msg("\"%s\": %s", expression, err);
	return s;
}

static void
check_next(const struct next_case *c, size_t n)
{
	char text[32];
	struct tm tm;

	for (; n > 0; c++, n--) {
		struct schedule s = parsed(c->expression);
		time_t t = instant(c->after);

		set_zone(c->zone);
		for (size_t i = 0; i < COUNT(c->due) && c->due[i] != NULL; i++) {
			t = schedule_next(&s, t);
			(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", gmtime_r(&t, &tm));
			if (strcmp(text, c->due[i]) != 0)
				fail_msg("%s \"%s\" after %s: %s, not %s", c->zone, c->expression,
				    i > 0 ? c->due[i - 1] : c->after, text, c->due[i]);
		}
	}
}

static void
durations(void **state)
{
	static const struct {
		const char *text;
		long seconds;	/* -1: none */
	} cases[] = {
		{ "0", 0 }, { "90", 90 }, { "090", 90 }, { "90s", 90 }, { "15m", 900 },
		{ "6h", 21600 }, { "7d", 604800 }, { "2w", 1209600 }, { "0w", 0 },
		{ "2147483647", 2147483647L }, { "", -1 }, { "m", -1 }, { " 5", -1 }, { "5 ", -1 },
		{ "5 m", -1 }, { "-5", -1 }, { "+5", -1 }, { "5M", -1 }, { "5mm", -1 },
		{ "1h30m", -1 }, { "1.5h", -1 }, { "0x10", -1 }, { "5y", -1 },
		{ "99999999999999999999", -1 },
		{ "9223372036854775808", -1 }, { "9223372036854775807m", -1 },
	};
	long seconds;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		seconds = -1;
		int rc = duration_parse(cases[i].text, &seconds);
		if (rc != (cases[i].seconds == -1 ? -1 : 0) || seconds != cases[i].seconds)
			fail_msg("\"%s\": %d with %ld", cases[i].text, rc, seconds);
	}
}

static void
errors(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "minute: missing at \"\", want 0 to 59" },
		{ " \t", "minute: missing" },
		{ "0 3 * *", "day of week: missing at \"\", want 0 to 7 or SUN to SAT" },
		{ "0 0 3 * * *", "schedule: more than five fields at \"*\", want minute, hour, "
		    "day of month, month, day of week" },
		{ "60 * * * *", "minute: out of range at \"60 * * * *\", want 0 to 59" },
		{ "99999999999999999999 * * * *", "minute: out of range" },
		{ "* 24 * * *", "hour: out of range at \"24 * * *\", want 0 to 23" },
		{ "* * 0 * *", "day of month: out of range at \"0 * *\", want 1 to 31" },
		{ "* * 32 * *", "day of month: out of range" },
		{ "* * * 13 *", "month: out of range at \"13 *\", want 1 to 12 or JAN to DEC" },
		{ "* * * 0 *", "month: out of range" },
		{ "* * * * 8", "day of week: out of range at \"8\", want 0 to 7 or SUN to SAT" },
		{ "* 0-24 * * *", "hour: out of range at \"24 * * *\"" },
		{ "* * * FOO *", "month: not a value at \"FOO *\"" },
		{ "* * * JANUARY *", "month: not a value at \"JANUARY *\"" },
		{ "* * * * JAN", "day of week: not a value at \"JAN\"" },
		{ "* MON * * *", "hour: not a value at \"MON * * *\"" },
		{ "-5 * * * *", "minute: not a value at \"-5 * * * *\"" },
		{ "+5 * * * *", "minute: not a value" },
		{ "5x * * * *", "minute: not a value at \"5x * * * *\"" },
		{ "5.5 * * * *", "minute: stray text at \".5 * * * *\"" },
		{ "? * * * *", "minute: not a value" },
		{ "* * L * *", "day of month: not a value at \"L * *\"" },
		{ "* * * * 5#3", "day of week: stray text at \"#3\"" },
		{ "1,,2 * * * *", "minute: not a value at \",2 * * * *\"" },
		{ "1, * * * *", "minute: not a value" },
		{ ",1 * * * *", "minute: not a value" },
		{ "1- * * * *", "minute: not a value" },
		{ "** * * * *", "minute: stray text at \"* * * * *\"" },
		{ "*5 * * * *", "minute: stray text" },
		{ "*-5 * * * *", "minute: stray text" },
		{ "1-2-3 * * * *", "minute: stray text" },
		{ "* 22-2 * * *", "hour: range without its lower end first at \"22-2 * * *\"" },
		{ "* * * * 5-0", "day of week: range without its lower end first at \"5-0\"" },
		{ "* * * DEC-JAN *", "month: range without its lower end first" },
		{ "5/15 * * * *", "minute: step without a * or range before it at \"5/15 * * *" },
		{ "*/ * * * *", "minute: step without a number" },
		{ "*/x * * * *", "minute: step without a number" },
		{ "*/0 * * * *", "minute: step of 0, or longer than the field at \"*/0 * * * *\"" },
		{ "*/90 * * * *", "minute: step of 0, or longer than the field" },
		{ "*/2/3 * * * *", "minute: stray text at \"/3 * * * *\"" },
		{ "0 0 31 2 *", "day of month: never comes in these months" },
		{ "0 0 30-31 FEB *", "day of month: never comes in these months" },
		{ "0 0 31 4,6,9,11 */2", "day of month: never comes in these months" },
		{ "@", "schedule: unknown name at \"@\", want @hourly, @daily" },
		{ "@reboot", "schedule: unknown name at \"@reboot\"" },
		{ "@dailyish", "schedule: unknown name at \"@dailyish\"" },
		{ "@daily *", "schedule: unknown name at \"@daily *\"" },
		{ "@every", "@every: no duration at \"\", want one of at most 10 years, such as 90, 15m, 6h, 7d or 2w" },
		{ "@every 0", "@every: no duration at \"0\"" },
		{ "@every 20000000000w", "@every: no duration at \"20000000000w\"" },
		{ "@every 316224001", "@every: no duration at \"316224001\"" },
		{ "@every -5m", "@every: no duration at \"-5m\"" },
		{ "@every 1h30m", "@every: no duration at \"1h30m\"" },
		{ "@everyday", "schedule: unknown name" },
		{ "TZ=UTC 0 3 * * *", "minute: not a value at \"TZ=UTC 0 3 * * *\"" },
	};
	struct schedule s, before;
	char err[200];

	(void)state;
	memset(&before, 0x5a, sizeof(before));
	for (size_t i = 0; i < COUNT(cases); i++) {
		memcpy(&s, &before, sizeof(s));
		err[0] = '\0';
		if (schedule_parse(&s, cases[i].text, err, sizeof(err)) != -1)
			fail_msg("\"%s\" was taken", cases[i].text);
		if (strncmp(err, cases[i].says, strlen(cases[i].says)) != 0)
			fail_msg("\"%s\": %s", cases[i].text, err);
		assert_memory_equal(&s, &before, sizeof(s));
	}
	/* cut, and terminated, where it does not fit */
	memset(err, 'x', sizeof(err));
	assert_int_equal(schedule_parse(&s, "61 * * * *", err, 8), -1);
	assert_string_equal(err, "minute:");
}

static void
syntax(void **state)
{
	static const struct next_case cases[] = {
		{ "UTC", "* * * * *", "2026-01-01 00:00:00",
		    { "2026-01-01 00:01:00", "2026-01-01 00:02:00" } },
		{ "UTC", "* * * * *", "2026-01-01 00:00:01", { "2026-01-01 00:01:00" } },
		{ "UTC", "* * * * *", "2026-12-31 23:59:59", { "2027-01-01 00:00:00" } },
		{ "UTC", "5 * * * *", "2026-01-01 00:05:00", { "2026-01-01 01:05:00" } },
		{ "UTC", "05 03 * * *", "2026-01-01 00:00:00",
		    { "2026-01-01 03:05:00", "2026-01-02 03:05:00" } },
		{ "UTC", " 5\t3  * * * ", "2026-01-01 00:00:00", { "2026-01-01 03:05:00" } },
		{ "UTC", "*/20 * * * *", "2026-01-01 00:30:00",
		    { "2026-01-01 00:40:00", "2026-01-01 01:00:00" } },
		{ "UTC", "*/60 * * * *", "2026-01-01 00:30:00", { "2026-01-01 01:00:00" } },
		{ "UTC", "10-12 4 * * *", "2026-01-01 00:00:00",
		    { "2026-01-01 04:10:00", "2026-01-01 04:11:00",
		    "2026-01-01 04:12:00", "2026-01-02 04:10:00" } },
		{ "UTC", "0 9-17/4 * * *", "2026-01-01 00:00:00",
		    { "2026-01-01 09:00:00", "2026-01-01 13:00:00",
		    "2026-01-01 17:00:00", "2026-01-02 09:00:00" } },
		{ "UTC", "50,5,0-2/2 0 * * *", "2026-01-01 00:00:00", { "2026-01-01 00:02:00",
		    "2026-01-01 00:05:00", "2026-01-01 00:50:00", "2026-01-02 00:00:00" } },
		{ "UTC", "0 0 1 jan,JUL *", "2026-01-01 00:00:00",
		    { "2026-07-01 00:00:00", "2027-01-01 00:00:00" } },
		{ "UTC", "0 0 1 Nov-dec *", "2026-01-01 00:00:00",
		    { "2026-11-01 00:00:00", "2026-12-01 00:00:00",
		    "2027-11-01 00:00:00" } },
		/* 2026-01-01 is a Thursday */
		{ "UTC", "0 0 * * 0", "2026-01-01 00:00:00",
		    { "2026-01-04 00:00:00", "2026-01-11 00:00:00" } },
		{ "UTC", "0 0 * * 7", "2026-01-01 00:00:00", { "2026-01-04 00:00:00" } },
		{ "UTC", "0 0 * * sun", "2026-01-01 00:00:00", { "2026-01-04 00:00:00" } },
		{ "UTC", "0 0 * * MON-Fri", "2026-01-01 00:00:00",
		    { "2026-01-02 00:00:00", "2026-01-05 00:00:00" } },
		{ "UTC", "0 0 * * SAT-SUN", "2026-01-01 00:00:00",
		    { "2026-01-03 00:00:00", "2026-01-04 00:00:00",
		    "2026-01-10 00:00:00" } },
		{ "UTC", "0 0 * * 6-7", "2026-01-01 00:00:00",
		    { "2026-01-03 00:00:00", "2026-01-04 00:00:00" } },
		{ "UTC", "0 0 * * SUN-MON", "2026-01-01 00:00:00",
		    { "2026-01-04 00:00:00", "2026-01-05 00:00:00",
		    "2026-01-11 00:00:00" } },
		{ "UTC", "0 0 * * SUN-SUN", "2026-01-01 00:00:00",
		    { "2026-01-04 00:00:00", "2026-01-11 00:00:00" } },
		{ "UTC", "0 0 * * */3", "2026-01-01 00:00:00",
		    { "2026-01-03 00:00:00", "2026-01-04 00:00:00",
		    "2026-01-07 00:00:00" } },
		{ "UTC", "@hourly", "2026-01-01 00:00:00", { "2026-01-01 01:00:00" } },
		{ "UTC", "@daily", "2026-01-01 00:00:00", { "2026-01-02 00:00:00" } },
		{ "UTC", " @Midnight ", "2026-01-01 00:00:00", { "2026-01-02 00:00:00" } },
		{ "UTC", "@weekly", "2026-01-01 00:00:00", { "2026-01-04 00:00:00" } },
		{ "UTC", "@monthly", "2026-01-01 00:00:00", { "2026-02-01 00:00:00" } },
		{ "UTC", "@yearly", "2026-01-01 00:00:00", { "2027-01-01 00:00:00" } },
		{ "UTC", "@ANNUALLY", "2026-01-01 00:00:00", { "2027-01-01 00:00:00" } },
		{ "UTC", "@every 90", "2026-01-01 00:00:07",
		    { "2026-01-01 00:01:37", "2026-01-01 00:03:07" } },
		{ "UTC", "@every  2w", "2026-01-01 00:00:07", { "2026-01-15 00:00:07" } },
		{ "Asia/Kathmandu", "0 12 * * *", "2026-01-01 00:00:00",
		    { "2026-01-01 06:15:00" } },
		{ "America/New_York", "@every 1d", "2026-03-08 05:00:00",
		    { "2026-03-09 05:00:00" } },
	};

	(void)state;
	check_next(cases, COUNT(cases));
}

static void
day_fields(void **state)
{
	static const struct next_case cases[] = {
		/* both restricted: either; 2026-02-01 is a Sunday, the 13th a Friday */
		{ "UTC", "0 0 13 * 5", "2026-02-01 00:00:00",
		    { "2026-02-06 00:00:00", "2026-02-13 00:00:00",
		    "2026-02-20 00:00:00", "2026-02-27 00:00:00" } },
		{ "UTC", "0 0 3 * 5", "2026-02-01 00:00:00",
		    { "2026-02-03 00:00:00", "2026-02-06 00:00:00" } },
		{ "UTC", "0 0 1-31 * 5", "2026-02-01 00:00:00", { "2026-02-02 00:00:00" } },
		/* a field that begins with a star: both */
		{ "UTC", "0 0 * * 5", "2026-02-01 00:00:00", { "2026-02-06 00:00:00" } },
		{ "UTC", "0 0 13 * *", "2026-02-01 00:00:00",
		    { "2026-02-13 00:00:00", "2026-03-13 00:00:00" } },
		{ "UTC", "0 0 */2 * 5", "2026-02-01 00:00:00",
		    { "2026-02-13 00:00:00", "2026-02-27 00:00:00" } },
		{ "UTC", "0 0 13 * */5", "2026-02-01 00:00:00",
		    { "2026-02-13 00:00:00", "2026-03-13 00:00:00",
		    "2026-09-13 00:00:00" } },
		{ "UTC", "0 0 *,5 * 1", "2026-02-01 00:00:00",
		    { "2026-02-02 00:00:00", "2026-02-09 00:00:00" } },
		/* a day that never comes, but a weekday that does */
		{ "UTC", "0 0 31 2 1", "2026-01-01 00:00:00", { "2026-02-02 00:00:00" } },
		/* months without the day */
		{ "UTC", "0 0 31 * *", "2026-01-31 00:00:00",
		    { "2026-03-31 00:00:00", "2026-05-31 00:00:00",
		    "2026-07-31 00:00:00", "2026-08-31 00:00:00" } },
		{ "UTC", "59 23 29-31 2-3 *", "2026-02-01 00:00:00", { "2026-03-29 23:59:00" } },
		/* leap days; 2100 has none, 2000 had one */
		{ "UTC", "0 0 29 2 *", "2026-01-01 00:00:00",
		    { "2028-02-29 00:00:00", "2032-02-29 00:00:00" } },
		{ "UTC", "0 0 29 2 *", "2096-02-29 00:00:00", { "2104-02-29 00:00:00" } },
		{ "UTC", "0 0 29 2 *", "1999-01-01 00:00:00", { "2000-02-29 00:00:00" } },
		{ "UTC", "0 0 28,29 2 *", "2028-02-28 00:00:00",
		    { "2028-02-29 00:00:00", "2029-02-28 00:00:00" } },
		{ "UTC", "0 0 * * *", "2028-02-28 00:00:00",
		    { "2028-02-29 00:00:00", "2028-03-01 00:00:00" } },
		{ "UTC", "0 0 * * *", "2100-02-28 00:00:00", { "2100-03-01 00:00:00" } },
		{ "UTC", "0 0 29 2 */7", "2026-01-01 00:00:00",
		    { "2032-02-29 00:00:00", "2060-02-29 00:00:00" } },
		{ "UTC", "0 0 1 1 *", "2038-01-19 03:14:07", { "2039-01-01 00:00:00" } },
	};

	(void)state;
	check_next(cases, COUNT(cases));
}

static void
clock_forward(void **state)
{
	static const struct next_case cases[] = {
		/* 2026-03-08 02:00 -> 03:00, at 07:00 UTC */
		{ "America/New_York", "30 2 * * *", "2026-03-07 08:00:00", { "2026-03-08 07:00:00",
		    "2026-03-09 06:30:00" } },
		{ "America/New_York", "30 2 * * *", "2026-03-08 06:59:59",
		    { "2026-03-08 07:00:00" } },
		{ "America/New_York", "30 2 * * *", "2026-03-08 07:00:00",
		    { "2026-03-09 06:30:00" } },
		{ "America/New_York", "0 2,3 * * *", "2026-03-08 06:00:00", { "2026-03-08 07:00:00",
		    "2026-03-09 06:00:00" } },
		{ "America/New_York", "59 1,2 * * *", "2026-03-08 06:00:00",
		    { "2026-03-08 06:59:00",
		    "2026-03-08 07:00:00", "2026-03-09 05:59:00" } },
		{ "America/New_York", "*/20 2 * * *", "2026-03-08 06:00:00",
		    { "2026-03-08 07:00:00",
		    "2026-03-09 06:00:00" } },
		{ "America/New_York", "0 */2 * * *", "2026-03-08 05:00:00", { "2026-03-08 07:00:00",
		    "2026-03-08 08:00:00", "2026-03-08 10:00:00" } },
		{ "America/New_York", "30 2 8 3 *", "2026-01-01 00:00:00", { "2026-03-08 07:00:00",
		    "2027-03-08 07:30:00" } },
		{ "America/New_York", "0 2 * * 0", "2026-03-01 07:00:00", { "2026-03-08 07:00:00",
		    "2026-03-15 06:00:00" } },
		/* a rhythm: nothing is made up */
		{ "America/New_York", "15 * * * *", "2026-03-08 06:00:00", { "2026-03-08 06:15:00",
		    "2026-03-08 07:15:00", "2026-03-08 08:15:00" } },
		{ "America/New_York", "*/30 * * * *", "2026-03-08 06:20:00",
		    { "2026-03-08 06:30:00",
		    "2026-03-08 07:00:00", "2026-03-08 07:30:00" } },
		{ "America/New_York", "15 0-23 * * *", "2026-03-08 06:15:00",
		    { "2026-03-08 07:15:00" } },
		/* 2026-03-29 02:00 -> 03:00 at 01:00 UTC */
		{ "Europe/Berlin", "30 2 * * *", "2026-03-29 00:00:00", { "2026-03-29 01:00:00",
		    "2026-03-30 00:30:00" } },
		/* 2025-10-05 02:00 -> 02:30 at 15:30 UTC the day before */
		{ "Australia/Lord_Howe", "15 2 * * *", "2025-10-04 15:00:00",
		    { "2025-10-04 15:30:00",
		    "2025-10-05 15:15:00" } },
		{ "Australia/Lord_Howe", "30 2 * * *", "2025-10-04 15:00:00",
		    { "2025-10-04 15:30:00" } },
		{ "Australia/Lord_Howe", "45 2 * * *", "2025-10-04 15:00:00",
		    { "2025-10-04 15:45:00" } },
		{ "Australia/Lord_Howe", "0,30 * * * *", "2025-10-04 15:00:00",
		    { "2025-10-04 15:30:00",
		    "2025-10-04 16:00:00" } },
		/* midnight is skipped: 2018-11-04 00:00 -> 01:00 at 03:00 UTC */
		{ "America/Sao_Paulo", "0 0 * * *", "2018-11-03 03:00:00", { "2018-11-04 03:00:00",
		    "2018-11-05 02:00:00" } },
		{ "America/Sao_Paulo", "30 0 4 11 *", "2018-11-01 00:00:00",
		    { "2018-11-04 03:00:00" } },
		{ "America/Sao_Paulo", "0 23 * * *", "2018-11-03 03:00:00", { "2018-11-04 02:00:00",
		    "2018-11-05 01:00:00" } },
		/* 2026-03-29 00:00 -> 01:00 at 22:00 UTC the day before */
		{ "Asia/Beirut", "@daily", "2026-03-27 22:00:00", { "2026-03-28 22:00:00",
		    "2026-03-29 21:00:00" } },
		/* the 30th of December was left out: at 10:00 UTC the clock went on to the 31st */
		{ "Pacific/Apia", "0 12 * * *", "2011-12-29 12:00:00", { "2011-12-29 22:00:00",
		    "2011-12-30 10:00:00", "2011-12-30 22:00:00" } },
		{ "Pacific/Apia", "0 12 30 12 *", "2011-12-01 00:00:00", { "2011-12-30 10:00:00",
		    "2012-12-29 22:00:00" } },
		{ "Pacific/Apia", "0 0 * * *", "2011-12-29 10:00:00", { "2011-12-30 10:00:00",
		    "2011-12-31 10:00:00" } },
		{ "Pacific/Apia", "0 * * * *", "2011-12-30 09:00:00", { "2011-12-30 10:00:00",
		    "2011-12-30 11:00:00" } },
		{ "Pacific/Apia", "0 0 * * 5", "2011-12-25 00:00:00", { "2011-12-30 10:00:00",
		    "2012-01-05 10:00:00" } },
	};

	(void)state;
	check_next(cases, COUNT(cases));
}

static void
clock_back(void **state)
{
	static const struct next_case cases[] = {
		/* 2026-11-01 02:00 -> 01:00, at 06:00 UTC */
		{ "America/New_York", "30 1 * * *", "2026-10-31 06:00:00", { "2026-11-01 05:30:00",
		    "2026-11-02 06:30:00" } },
		{ "America/New_York", "30 1 * * *", "2026-11-01 05:30:00",
		    { "2026-11-02 06:30:00" } },
		{ "America/New_York", "30 1 * * *", "2026-11-01 06:10:00",
		    { "2026-11-02 06:30:00" } },
		{ "America/New_York", "* 1 * * *", "2026-11-01 05:59:00",
		    { "2026-11-02 06:00:00" } },
		{ "America/New_York", "0 1,2 * * *", "2026-11-01 04:00:00", { "2026-11-01 05:00:00",
		    "2026-11-01 07:00:00", "2026-11-02 06:00:00" } },
		{ "America/New_York", "0 1-23/2 * * *", "2026-11-01 04:00:00",
		    { "2026-11-01 05:00:00",
		    "2026-11-01 08:00:00" } },
		/* a rhythm goes on */
		{ "America/New_York", "0 * * * *", "2026-11-01 04:00:00", { "2026-11-01 05:00:00",
		    "2026-11-01 06:00:00", "2026-11-01 07:00:00", "2026-11-01 08:00:00" } },
		{ "America/New_York", "*/30 * 1 11 *", "2026-11-01 05:10:00",
		    { "2026-11-01 05:30:00",
		    "2026-11-01 06:00:00", "2026-11-01 06:30:00", "2026-11-01 07:00:00" } },
		/* 2026-10-25 03:00 -> 02:00 at 01:00 UTC */
		{ "Europe/Berlin", "0,30 2 * * *", "2026-10-25 00:00:00", { "2026-10-25 00:30:00",
		    "2026-10-26 01:00:00" } },
		{ "Europe/Berlin", "0 3 * * *", "2026-10-25 00:00:00", { "2026-10-25 02:00:00" } },
		/* 2026-04-05 02:00 -> 01:30 at 15:00 UTC the day before */
		{ "Australia/Lord_Howe", "45 1 * * *", "2026-04-04 14:00:00",
		    { "2026-04-04 14:45:00",
		    "2026-04-05 15:15:00" } },
		{ "Australia/Lord_Howe", "15 1 * * *", "2026-04-04 14:00:00",
		    { "2026-04-04 14:15:00",
		    "2026-04-05 14:45:00" } },
		{ "Australia/Lord_Howe", "0,30 * * * *", "2026-04-04 14:00:00",
		    { "2026-04-04 14:30:00",
		    "2026-04-04 15:00:00", "2026-04-04 15:30:00", "2026-04-04 16:00:00" } },
		/* back over midnight: 2018-02-18 00:00 -> the 17th 23:00 at 02:00 UTC */
		{ "America/Sao_Paulo", "0 0 * * *", "2018-02-17 02:00:00", { "2018-02-18 03:00:00",
		    "2018-02-19 03:00:00" } },
		{ "America/Sao_Paulo", "30 23 * * *", "2018-02-17 12:00:00",
		    { "2018-02-18 01:30:00",
		    "2018-02-19 02:30:00" } },
		{ "America/Sao_Paulo", "30 * 17 2 *", "2018-02-18 01:00:00",
		    { "2018-02-18 01:30:00",
		    "2018-02-18 02:30:00", "2019-02-17 03:30:00" } },
		{ "Asia/Beirut", "@daily", "2026-10-23 21:00:00", { "2026-10-24 22:00:00",
		    "2026-10-25 22:00:00" } },
		/* St John's, 2010-11-07 00:01 -> the 6th 23:01 at 02:31 UTC: 00:00 comes twice */
		{ "America/St_Johns", "0 0 * * *", "2010-11-07 02:00:00", { "2010-11-07 02:30:00",
		    "2010-11-08 03:30:00" } },
		/* 1994-02-01 00:00 -> 17:00 the day before, at 17:00 UTC */
		{ "Antarctica/Vostok", "30 18 * * *", "1994-01-31 11:00:00",
		    { "1994-01-31 11:30:00", "1994-02-01 18:30:00" } },
		{ "Antarctica/Vostok", "0 */2 * * *", "1994-01-31 14:30:00",
		    { "1994-01-31 15:00:00", "1994-02-01 00:00:00", "1994-02-01 02:00:00" } },
		{ "Antarctica/Vostok", "0 * * * *", "1994-01-31 16:00:00",
		    { "1994-01-31 17:00:00", "1994-01-31 18:00:00" } },
		{ "America/St_Johns", "30 * 6 11 *", "2010-11-07 02:30:30", { "2010-11-07 03:00:00",
		    "2011-11-06 03:00:00" } },
	};

	(void)state;
	check_next(cases, COUNT(cases));
}

static void
intervals(void **state)
{
	struct schedule s;

	(void)state;
	set_zone("America/New_York");
	schedule_interval(&s, 604800);
	assert_int_equal(schedule_next(&s, 1000), 605800);
	assert_int_equal(schedule_longest_gap(&s, 0), 604800);
	schedule_interval(&s, 1);
	assert_int_equal(schedule_next(&s, 1000), 1001);
	schedule_interval(&s, LONG_MAX);	/* too far to be counted is never, not now */
	assert_true(schedule_next(&s, instant("2026-01-01 00:00:00")) > instant("2120-01-01 00:00:00"));
}

static void
longest_gaps(void **state)
{
	static const struct {
		const char *zone, *expression, *from;
		long seconds;
	} cases[] = {
		{ "UTC", "* * * * *", "2026-01-01 00:00:00", 60 },
		{ "UTC", "*/25 * * * *", "2026-01-01 00:00:00", 1500 },
		{ "UTC", "0 * * * *", "2026-01-01 00:00:00", 3600 },
		{ "UTC", "30 2 * * *", "2026-01-01 00:00:00", 86400 },
		{ "UTC", "0 8-18 * * *", "2026-01-01 00:00:00", 14 * HOUR_S },
		{ "UTC", "0 3,5 * * 1-5", "2026-01-01 00:00:00", (2 * 24 + 22) * HOUR_S },
		{ "UTC", "@every 6h", "2026-01-01 00:00:00", 21600 },
		{ "UTC", "@monthly", "2026-01-01 00:00:00", 31 * DAY_S },
		{ "UTC", "0 0 31 * *", "2026-01-01 00:00:00", 61 * DAY_S },
		{ "UTC", "@yearly", "2026-01-01 00:00:00", 366 * DAY_S },
		{ "UTC", "0 0 29 2 *", "2026-01-01 00:00:00", 1461 * DAY_S },
		{ "UTC", "0 0 29 2 *", "2101-01-01 00:00:00", 2921 * DAY_S },
		{ "UTC", "0 0 29 2 */7", "2026-01-01 00:00:00", 10227 * DAY_S },
		/* the day of 25 hours, but a rhythm knows none */
		{ "America/New_York", "30 2 * * *", "2026-06-01 00:00:00", 90000 },
		{ "America/New_York", "0 * * * *", "2026-06-01 00:00:00", 3600 },
		{ "America/New_York", "0 */6 * * *", "2026-06-01 00:00:00", 25200 },
		{ "America/New_York", "0 3 * * 0", "2026-06-01 00:00:00", 7 * DAY_S + HOUR_S },
		{ "America/New_York", "0 3 * * 1-5", "2026-06-01 00:00:00", 3 * DAY_S + HOUR_S },
		{ "America/Phoenix", "30 2 * * *", "2026-06-01 00:00:00", 86400 },
		{ "Australia/Lord_Howe", "30 2 * * *", "2026-06-01 00:00:00", 88200 },
		{ "Australia/Lord_Howe", "0 * * * *", "2026-06-01 00:00:00", 5400 },
		{ "Australia/Lord_Howe", "0,30 * * * *", "2026-06-01 00:00:00", 1800 },
		/* the skipped Friday is made up a day late in wall time only */
		{ "Pacific/Apia", "0 0 * * 5", "2011-12-25 00:00:00", 7 * DAY_S + HOUR_S },
		{ "Pacific/Apia", "0 * * * 5", "2011-12-25 00:00:00", (12 * 24 + 1) * HOUR_S },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct schedule s = parsed(cases[i].expression);
		long seconds;

		set_zone(cases[i].zone);
		seconds = schedule_longest_gap(&s, instant(cases[i].from));
		if (seconds != cases[i].seconds)
			fail_msg("%s \"%s\" at %s: %ld, not %ld", cases[i].zone,
			    cases[i].expression, cases[i].from, seconds, cases[i].seconds);
	}
}

/* Walks two years from due instant to due instant: no step is longer, and one is as long. */
static void
longest_gap_is_the_longest(void **state)
{
	static const char *const zones[] = { "UTC", "America/New_York", "Australia/Lord_Howe",
		"America/Sao_Paulo", "Africa/Casablanca", "Pacific/Apia" };
	static const char *const expressions[] = { "7 * * * *", "*/25 * * * *", "30 2 * * *",
		"0 0,1,2,3 * * *", "0 */5 * * *", "*/20 1-22 * * *", "15 23 * * 6", "0 0 * * 1,3",
		"0 * * * 0,1", "45 1 1,15 * *" };
	const time_t around = instant("2012-01-01 00:00:00");

	(void)state;
	for (size_t i = 0; i < COUNT(zones) * COUNT(expressions); i++) {
		struct schedule s = parsed(expressions[i % COUNT(expressions)]);
		time_t at, next;
		long longest = 0, said;

		set_zone(zones[i / COUNT(expressions)]);
		at = schedule_next(&s, around - 366 * DAY_S);
		for (; at < around + 365 * DAY_S; at = next) {
			next = schedule_next(&s, at);
			if (next - at > longest)
				longest = next - at;
		}
		said = schedule_longest_gap(&s, around);
		if (said != longest)
			fail_msg("%s \"%s\": %ld, not %ld", zones[i / COUNT(expressions)],
			    expressions[i % COUNT(expressions)], said, longest);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(errors),
		cmocka_unit_test(syntax),
		cmocka_unit_test(day_fields),
		cmocka_unit_test(clock_forward),
		cmocka_unit_test(clock_back),
		cmocka_unit_test(intervals),
		cmocka_unit_test(longest_gaps),
		cmocka_unit_test(longest_gap_is_the_longest),
	};

	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
