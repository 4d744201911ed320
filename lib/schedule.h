#ifndef SCHEDULE_H
#define SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * When a backup is due: every so many seconds, or as a cron expression says.
 * Pure: no clock, no log, no heap. The only thing read from outside is the
 * local zone, through localtime_r: the caller sets TZ and calls tzset once. A
 * TZ that libc does not know silently means UTC; config.c checks that.
 *
 * Clock changes. What an expression means depends on its hour field alone:
 *
 * - Some hours (`30 2 * * *`, `0 0,12 * * *`, `0 0-23/6 * * *`): its times are
 *   times of day. Each comes once. One that the clock skips is due at the first
 *   instant after the gap, also where that is on another day (Pacific/Apia left
 *   out the 30th of December 2011); several of one gap, and one that is due at
 *   that instant anyway, are one run. One that the clock shows twice is due the
 *   first time only.
 * - All hours (`*`, `0-23`): it is a rhythm. It goes by the minute that the
 *   clock shows, so `0 * * * *` keeps running once an hour through the repeated
 *   hour, where a service that fell silent would look dead, and adds no run out
 *   of step after a skipped one: nothing is missing there, for the minute before
 *   the gap and the minute after it are neighbours.
 *
 * Vixie cron draws the line by spelling: a minute or hour field that begins with
 * a star. So it loses the whole day's runs of a job for every 20 minutes of hour
 * 2, and makes two within an hour of one for every second hour: neither is what
 * anyone wants of a backup.
 */
enum schedule_field {
	SCHEDULE_MINUTE,
	SCHEDULE_HOUR,
	SCHEDULE_DAY, /* of month */
	SCHEDULE_MONTH,
	SCHEDULE_WEEKDAY,
	SCHEDULE_FIELDS
};

#define SCHEDULE_MAX_S (10 * 366 * 86400L) /* of an interval, 10 years: sums stay in range */

struct schedule {
	long interval_s;               /* > 0: a plain interval, and the rest is unused */
	uint64_t set[SCHEDULE_FIELDS]; /* bit n: the value n matches */
	bool either_day;               /* day of month or of week suffices */
};

/*
 * Read an expression into *s. Five fields, parted by blanks: minute, hour, day
 * of month, month, day of week (0 and 7 are Sunday; names JAN, SUN in any case).
 * A field is a list, with commas, of `*`, N, N-M, and of `*` and N-M with a step
 * /S. Days as in Vixie cron: if neither day field begins with `*`, one of them
 * matching is enough, else both must. Or one of @hourly, @daily, @midnight,
 * @weekly, @monthly, @yearly, @annually, and @every with a duration of at most
 * SCHEDULE_MAX_S.
 *
 * Returns 0, or -1 with *s as it was and a message in err, cut to err_size: it
 * names the field and what would be right, and quotes the text unescaped. What
 * no calendar fulfils (31 February) is an error too.
 */
int schedule_parse(struct schedule *s, const char *text, char *err, size_t err_size);

/* Make *s due every interval_s seconds; interval_s > 0. */
void schedule_interval(struct schedule *s, long interval_s);

/*
 * The first due instant strictly after the instant `after`: for an interval
 * after + interval_s, whatever the time of day. Cannot fail, as *s was set by
 * one of the above and `after` lies in the years 1970 to 9999. An expression is
 * due at the latest 40 years on (29 February on one weekday); the search skips
 * by months and days and takes microseconds.
 */
time_t schedule_next(const struct schedule *s, time_t after);

/*
 * The longest time, in seconds, between two neighbouring due instants; for an
 * interval that is the interval. Computed, not guessed: the longest step of the
 * wall clock among the due days within 8 years of `from`, before or after (one
 * step at least, where they are rarer), and the true length of each step over a
 * clock change within a year of `from`. So it holds around `from`, the step that
 * `from` lies in included; ask again from time to time (it costs a millisecond).
 */
long schedule_longest_gap(const struct schedule *s, time_t from);

#endif
