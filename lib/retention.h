/*
 * Which backups stay: a pure function from times and a policy to keep or delete.
 *
 * It reads no clock, so a stopped schedule cannot age every backup away; ages
 * count from the newest backup. Days, ISO weeks, months and years are those of
 * the local time zone: the caller has called tzset(3).
 */
#ifndef RETENTION_H
#define RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* A backup stays if any of these keeps it. 0, or less, switches a rule off. */
struct retention_policy {
	bool unlimited; /* everything */
	int last;       /* so many, the newest */
	long keep_s;    /* everything younger, counted from the newest, in seconds */
	int daily;      /* the newest of each of so many days that have one ... */
	int weekly;     /* ... ISO weeks, Monday to Sunday */
	int monthly;
	int yearly;
};

struct retention_item {
	time_t time;         /* 1970 to 9999, as name_parse gives it */
	const char *kept_by; /* out, static: why it stays; NULL: may be deleted */
};

/*
 * Decide which backups of one database at one destination stay. b[0..n) is
 * sorted newest first; n may be 0. What kept_by held before does not matter.
 * On return it names the first of these that keeps the item, or is NULL:
 *
 *	"unlimited"	the policy keeps everything; no other reason then occurs
 *	"future"	dated after now, by a clock that jumped: it stays, but takes
 *			no slot of any rule, so it pushes no real backup out
 *	"last" "days" "daily" "weekly" "monthly" "yearly"
 *			the rules, each counted by itself: what one keeps uses up
 *			its slot in the others too
 *	"newest"	no rule keeps it, but it is the newest one not after now
 *
 * So the newest not after now always stays, and if all are after now, all stay.
 * now is used for nothing else.
 *
 * Of several items with the same second, `last` counts each; for the other
 * rules the one that stands first in b is the newest. The caller therefore
 * orders them the same way every time (by name), or pruning again may choose
 * another one.
 *
 * A day that the clock was set back into, over midnight, is one day; a period
 * is as recent as the newest backup in it.
 */
void retention_apply(
    const struct retention_policy *policy, time_t now, struct retention_item *b, size_t n);

#endif
