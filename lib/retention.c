/*
 * The rules of retention. Each one only ever adds a reason to stay: no rule
 * takes a backup away from another.
 */
#include "retention.h"

#include <limits.h>
#include <stdlib.h>

/*
 * The number of the period that t lies in, as the digits that strftime(3) gives
 * for format: libc knows what an ISO week is. A later period has a higher one, and no
 * period has two: %Y%U would cut a week in two at New Year.
 */
static long
period_of(const char *format, time_t t)
{
	char digits[32];
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL || strftime(digits, sizeof(digits), format, &tm) == 0)
		return -1;
	return strtol(digits, NULL, 10);
}

static bool
has_newer_in(const struct retention_item *b, size_t i, const char *format, long period)
{
	while (i-- > 0)
		if (period_of(format, b[i].time) == period)
			return true;
	return false;
}

/*
 * Keep the newest of each of the first `count` periods that have one. A lower
 * period than all before is a new one. Others nearly always are the neighbour's,
 * which is found at once; only after a clock was set back over midnight can
 * they be another's, or new, so the time stays linear.
 */
static void
keep_newest_of(struct retention_item *b, size_t n, const char *rule, const char *format, int count)
{
	long period, lowest = LONG_MAX;

	for (size_t i = 0; i < n && count > 0; i++) {
		period = period_of(format, b[i].time);
		if (period < lowest)
			lowest = period;
		else if (has_newer_in(b, i, format, period))
			continue;
		count--;
		if (b[i].kept_by == NULL)
			b[i].kept_by = rule;
	}
}

void
retention_apply(
    const struct retention_policy *policy, time_t now, struct retention_item *b, size_t n)
{
	const struct {
		const char *name;
		const char *format;
		int count;
	} rules[] = {
		{ "daily", "%Y%m%d", policy->daily },
		{ "weekly", "%G%V", policy->weekly },
		{ "monthly", "%Y%m", policy->monthly },
		{ "yearly", "%Y", policy->yearly },
	};

	for (size_t i = 0; i < n; i++)
		b[i].kept_by = policy->unlimited ? "unlimited" : NULL;
	if (policy->unlimited)
		return;

	/* From here on b[0] is the newest real one, and nothing counts the rest. */
	for (; n > 0 && b[0].time > now; b++, n--)
		b[0].kept_by = "future";
	if (n == 0)
		return;

	for (size_t i = 0; i < n; i++) {
		if (policy->last > 0 && i < (size_t)policy->last)
			b[i].kept_by = "last";
		else if (b[0].time - b[i].time < policy->keep_s)
			b[i].kept_by = "days";
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		keep_newest_of(b, n, rules[i].name, rules[i].format, rules[i].count);
	if (b[0].kept_by == NULL)
		b[0].kept_by = "newest";
}
