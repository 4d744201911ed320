/*
 * schedule.c - when the next backup is due
 *
 * Times are counted on two lines. An instant is seconds since the epoch. Wall
 * time is what the local clock shows then, counted as if it were UTC: instant
 * plus UTC offset. Expressions live on the wall line, where there is nothing but
 * the calendar; only next_due carries them over to instants. mktime is not used:
 * what it makes of skipped and repeated times differs between libcs.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duration.h"
#include "schedule.h"

#define BLANKS " \t"
#define DAY_S 86400
#define YEAR_S (366L * DAY_S)

/*
 * No change of offset is greater, nor are a zone's two furthest offsets further
 * apart (Apia: 25 h), and no zone has two changes within it (tzdata: 5 days).
 */
#define SPAN_S (26L * 3600)

#define ALL_HOURS ((UINT64_C(1) << 24) - 1)

struct parser {
	const char *at;
	enum schedule_field field;
	char *err;
	size_t err_size;
};

static const struct {
	const char *title;
	unsigned long min, max, count;
	const char *names; /* three letters each, the first stands for min */
	const char *want;
} fields[SCHEDULE_FIELDS] = {
	{ "minute", 0, 59, 60, "", "0 to 59" },
	{ "hour", 0, 23, 24, "", "0 to 23" },
	{ "day of month", 1, 31, 31, "", "1 to 31" },
	{ "month", 1, 12, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC", "1 to 12 or JAN to DEC" },
	{ "day of week", 0, 7, 7, "SUNMONTUEWEDTHUFRISAT", "0 to 7 or SUN to SAT" },
};

static const struct {
	const char *name, *meaning;
} macros[] = {
	{ "@hourly", "0 * * * *" },
	{ "@daily", "0 0 * * *" },
	{ "@midnight", "0 0 * * *" },
	{ "@weekly", "0 0 * * 0" },
	{ "@monthly", "0 0 1 * *" },
	{ "@yearly", "0 0 1 1 *" },
	{ "@annually", "0 0 1 1 *" },
};

static bool
has(uint64_t set, int n)
{
	return (set >> n & 1) != 0;
}

/* The first value of the set from n on, or limit if there is none. */
static int
next_value(uint64_t set, int n, int limit)
{
	set = n < limit ? set >> n : 0;
	return set != 0 ? n + __builtin_ctzll(set) : limit;
}

static bool
day_matches(const struct schedule *s, const struct tm *tm)
{
	bool day = has(s->set[SCHEDULE_DAY], tm->tm_mday);
	bool weekday = has(s->set[SCHEDULE_WEEKDAY], tm->tm_wday);

	return s->either_day ? day || weekday : day && weekday;
}

/*
 * The first wall time from `wall` on that the expression matches. What does not
 * match moves on, if need be past the end of its unit: timegm carries that over.
 * The longest wait is 40 years, for 29 February on one weekday: -1 after that.
 */
static time_t
next_match(const struct schedule *s, time_t wall)
{
	struct tm tm;
	int hour, minute;

	wall += (60 - wall % 60) % 60;
	if (gmtime_r(&wall, &tm) == NULL)
		return -1;
	for (time_t last = wall + 41 * YEAR_S; wall <= last; wall = timegm(&tm)) {
		hour = next_value(s->set[SCHEDULE_HOUR], tm.tm_hour, 24);
		minute = next_value(s->set[SCHEDULE_MINUTE], tm.tm_min, 60);
		if (!has(s->set[SCHEDULE_MONTH], tm.tm_mon + 1)) {
			tm.tm_mon++;
			tm.tm_mday = 1;
			tm.tm_hour = tm.tm_min = 0;
		} else if (!day_matches(s, &tm)) {
			tm.tm_mday++;
			tm.tm_hour = tm.tm_min = 0;
		} else if (hour != tm.tm_hour) {
			tm.tm_hour = hour;
			tm.tm_min = 0;
		} else if (minute != tm.tm_min) {
			tm.tm_min = minute;
		} else {
			return wall;
		}
	}
	return -1;
}

static int
reject(const struct parser *p, const char *problem, const char *at, const char *want)
{
	(void)snprintf(p->err, p->err_size, "%s at \"%.20s\", want %s", problem, at, want);
	return -1;
}

static int
reject_value(const struct parser *p, const char *at, const char *problem)
{
	char named[80];

	(void)snprintf(named, sizeof(named), "%s: %s", fields[p->field].title, problem);
	return reject(p, named, at, fields[p->field].want);
}

static int
parse_value(struct parser *p, unsigned long *value)
{
	const char *start = p->at, *name = fields[p->field].names;
	char *end;

	if (isdigit((unsigned char)*start)) {
		*value = strtoul(start, &end, 10); /* too large stays out of range */
		p->at = end;
	} else {
		for (*value = fields[p->field].min; *name != '\0'; name += 3, ++*value) {
			if (strncasecmp(start, name, 3) == 0) {
				p->at += 3;
				break;
			}
		}
	}
	if (p->at == start || isalnum((unsigned char)*p->at))
		return reject_value(p, start, "not a value");
	if (*value < fields[p->field].min || *value > fields[p->field].max)
		return reject_value(p, start, "out of range");
	return 0;
}

static int
parse_item(struct parser *p, uint64_t *set)
{
	const char *start = p->at, *second = NULL;
	unsigned long first = fields[p->field].min, last = fields[p->field].max, step = 1;
	char *end;

	if (*p->at == '*') {
		second = p->at++;
	} else {
		if (parse_value(p, &first) == -1)
			return -1;
		last = first;
		if (*p->at == '-') {
			second = ++p->at;
			if (parse_value(p, &last) == -1)
				return -1;
			if (last == 0 && first > 0 && isalpha((unsigned char)*second))
				last = 7; /* FRI-SUN */
		}
	}
	if (last < first)
		return reject_value(p, start, "range without its lower end first");
	if (*p->at == '/') {
		if (second == NULL)
			return reject_value(p, start, "step without a * or range before it");
		if (!isdigit((unsigned char)*++p->at))
			return reject_value(p, start, "step without a number");
		step = strtoul(p->at, &end, 10);
		p->at = end;
		if (step < 1 || step > fields[p->field].count)
			return reject_value(p, start, "step of 0, or longer than the field");
	}
	for (; first <= last; first += step)
		*set |= UINT64_C(1) << first;
	return 0;
}

static int
parse_fields(struct parser *p, struct schedule *s)
{
	bool star[SCHEDULE_FIELDS] = { false };

	for (p->field = SCHEDULE_MINUTE; p->field < SCHEDULE_FIELDS; p->field++) {
		if (*p->at == '\0')
			return reject_value(p, p->at, "missing");
		star[p->field] = *p->at == '*';
		for (;; p->at++) {
			if (parse_item(p, &s->set[p->field]) == -1)
				return -1;
			if (*p->at != ',')
				break;
		}
		if (*p->at != '\0' && strspn(p->at, BLANKS) == 0)
			return reject_value(p, p->at, "stray text");
		p->at += strspn(p->at, BLANKS);
	}
	if (*p->at != '\0')
		return reject(p, "schedule: more than five fields", p->at,
		    "minute, hour, day of month, month, day of week");
	s->set[SCHEDULE_WEEKDAY] |= s->set[SCHEDULE_WEEKDAY] >> 7;
	s->either_day = !star[SCHEDULE_DAY] && !star[SCHEDULE_WEEKDAY];
	return 0;
}

int
schedule_parse(struct schedule *s, const char *text, char *err, size_t err_size)
{
	struct schedule parsed = { 0 };
	struct parser p = { .at = text + strspn(text, BLANKS), .err = err, .err_size = err_size };
	size_t width = strcspn(p.at, BLANKS);
	const char *rest = p.at + width + strspn(p.at + width, BLANKS);

	for (size_t i = 0; i < sizeof(macros) / sizeof(macros[0]); i++) {
		if (*rest == '\0' && width == strlen(macros[i].name) &&
		    strncasecmp(p.at, macros[i].name, width) == 0)
			p.at = macros[i].meaning;
	}
	if (width == strlen("@every") && strncasecmp(p.at, "@every", width) == 0) {
		if (duration_parse(rest, &parsed.interval_s) == -1 || parsed.interval_s == 0 ||
		    parsed.interval_s > SCHEDULE_MAX_S)
			return reject(&p, "@every: no duration", rest,
			    "one of at most 10 years, such as 90, 15m, 6h, 7d or 2w");
	} else if (*p.at == '@') {
		return reject(&p, "schedule: unknown name", p.at,
		    "@hourly, @daily, @weekly, @monthly, @yearly, or @every and a duration");
	} else if (parse_fields(&p, &parsed) == -1) {
		return -1;
	} else if (next_match(&parsed, 0) == -1) {
		return reject(
		    &p, "day of month: never comes in these months", text, "one that they have");
	}
	*s = parsed;
	return 0;
}

void
schedule_interval(struct schedule *s, long interval_s)
{
	*s = (struct schedule){ .interval_s = interval_s };
}

static long
utc_offset(time_t t)
{
	struct tm tm;

	return localtime_r(&t, &tm) != NULL ? tm.tm_gmtoff : 0;
}

/* The first instant of a new UTC offset in (from, to], SPAN_S long at most, or 0. */
static time_t
next_change(time_t from, time_t to)
{
	long old = utc_offset(from);
	time_t middle;

	if (utc_offset(to) == old)
		return 0;
	while (to - from > 1) {
		middle = from + (to - from) / 2;
		if (utc_offset(middle) == old)
			from = middle;
		else
			to = middle;
	}
	return to;
}

/* The furthest wall time that the clock has shown up to t. */
static time_t
furthest_shown(time_t t)
{
	time_t now = t + utc_offset(t), before = 0;
	time_t change = next_change(t - SPAN_S, t);

	if (change != 0)
		before = change - 1 + utc_offset(change - 1);
	return before > now ? before : now;
}

/*
 * Wall times of day are due when the clock first shows them or a later one, so
 * the next one is the first beyond what it has shown, and stays that whatever
 * changes lie in between: they only move the instant. A rhythm (all hours) is
 * due whenever the clock shows a match, so after a change it is sought anew.
 */
static time_t
next_due(const struct schedule *s, time_t from)
{
	bool rhythm = s->set[SCHEDULE_HOUR] == ALL_HOURS;
	long offset = utc_offset(from);
	time_t wall = next_match(s, 1 + (rhythm ? from + offset : furthest_shown(from)));

	for (;;) {
		time_t due = wall - offset;
		time_t horizon = due - from > SPAN_S ? from + SPAN_S : due;
		time_t change = next_change(from, horizon);

		if (change != 0) {
			offset = utc_offset(change);
			if (!rhythm && wall < change + offset)
				return change;
			if (rhythm)
				wall = next_match(s, change + offset);
			from = change;
		} else if (horizon == due) {
			return due;
		} else {
			/* No clock of this zone shows `wall` earlier than SPAN_S before due. */
			from = due - SPAN_S > horizon ? due - SPAN_S : horizon;
			offset = utc_offset(from);
		}
	}
}

time_t
schedule_next(const struct schedule *s, time_t after)
{
	time_t due;

	if (s->interval_s == 0)
		return next_due(s, after);
	if (__builtin_add_overflow(after, s->interval_s, &due))
		due = after + 100 * YEAR_S; /* never, but no overflow */
	return due;
}

/*
 * The longest step on the wall line. Every due day has the same times, so one is
 * walked through, and of the others only the step from each to the next counts.
 */
static long
longest_wall_step(const struct schedule *s, time_t from)
{
	time_t start = from - 8 * YEAR_S;
	time_t at = next_match(s, start - start % DAY_S), next;
	long longest = 0, last_s;

	while ((next = next_match(s, at + 60)) / DAY_S == at / DAY_S) {
		longest = next - at > longest ? next - at : longest;
		at = next;
	}
	last_s = at % DAY_S;
	do {
		longest = next - at > longest ? next - at : longest;
		at = next - next % DAY_S + last_s;
		next = next_match(s, at + 60);
	} while (at < from + 8 * YEAR_S);
	return longest;
}

/* The true length of the step over a change: from the last due instant before it. */
static long
step_over(const struct schedule *s, time_t change, long longest_wall_s)
{
	time_t from = change - longest_wall_s - 2 * SPAN_S, to = change, middle;

	while (to - from > 1) {
		middle = from + (to - from) / 2;
		if (next_due(s, middle) < change)
			from = middle;
		else
			to = middle;
	}
	return next_due(s, to) - to;
}

long
schedule_longest_gap(const struct schedule *s, time_t from)
{
	long wall_s, step_s, longest;

	if (s->interval_s > 0)
		return s->interval_s;
	longest = wall_s = longest_wall_step(s, from);
	for (time_t t = from - YEAR_S; t < from + YEAR_S; t += SPAN_S) {
		time_t change = next_change(t, t + SPAN_S);

		if (change != 0) {
			step_s = step_over(s, change, wall_s);
			longest = step_s > longest ? step_s : longest;
		}
	}
	return longest;
}
