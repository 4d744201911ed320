#include "health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exit.h"
#include "lib/name.h"
#include "lib/schedule.h"
#include "metrics.h"
#include "status.h"

#define GRACE_MIN_S 600

/* When backups are due, as the service says. -1: it does not. */
static int
read_plan(const struct status *s, struct schedule *plan)
{
	char why[256];

	if (*s->zone != '\0')
		setenv("TZ", s->zone, 1);
	else
		unsetenv("TZ");
	tzset();
	if (s->jitter_s < 0 || s->jitter_s > SCHEDULE_MAX_S)
		return -1;
	if (*s->schedule != '\0')
		return schedule_parse(plan, s->schedule, why, sizeof why);
	if (s->interval_s <= 0 || s->interval_s > SCHEDULE_MAX_S)
		return -1;
	schedule_interval(plan, (long)s->interval_s);
	return 0;
}

static int64_t
grace(int64_t period_s)
{
	return period_s / 10 > GRACE_MIN_S ? period_s / 10 : GRACE_MIN_S;
}

/* A service just started has had no time yet. */
static bool
has_just_started(const struct status *s, const struct schedule *plan, int64_t now)
{
	return s->started <= now && now < s->started + grace(schedule_longest_gap(plan, now));
}

/* Since when the backup is late; 0: it is not. */
static int64_t
late_since(const struct status *s, const struct status_item *item, const struct schedule *plan,
    int64_t now)
{
	int64_t period_s = schedule_next(plan, item->success) - item->success + s->jitter_s;
	int64_t since = item->success + period_s + grace(period_s);

	/* a backup is dated when its dump began: twice what the last one took, for it may grow */
	if (item->duration_ms > 0)
		since += item->duration_ms / 500;
	if (item->failures == 0) {
		if (item->success == 0 && s->working)
			return 0;
		/* how long it takes is forgotten with the container that wrote the status file */
		if (item->duration_ms == -1 && s->working)
			since += period_s;
	}
	if (item->success == 0)
		since = s->started;
	/* dated ahead of a clock that was set back: then what the service waits for must not pass */
	if (item->success > now + grace(period_s))
		since = item->failures > 0 ? item->failed :
			s->next_due == 0   ? now + 1 :
					     s->next_due + grace(period_s);
	return since > now ? 0 : since > 0 ? since : 1;
}

/* One line on what is late. */
static void
print_late(const struct status_item *item, int64_t since, int64_t now, size_t others)
{
	char database[NAME_DATABASE_SIZE * 4], error[2048], at[32], late[32], text[32];

	text_escape(database, sizeof database, item->database, false);
	text_escape(error, sizeof error, item->error, false);
	printf("unhealthy: %s%s%s at %s ", *database != '\0' ? "\"" : "",
	    *database != '\0' ? database : "globals", *database != '\0' ? "\"" : "",
	    item->destination);
	if (item->success == 0)
		printf("has no backup");
	else
		printf("was last backed up %s", text_stamp(at, sizeof at, item->success));
	printf(", late since %s (%s)", text_stamp(late, sizeof late, since),
	    text_duration(text, sizeof text, (now - since) * 1000));
	if (item->failures > 0)
		printf("; %lld failed since%s%s", (long long)item->failures,
		    *error != '\0' ? ": " : "", error);
	if (others > 0)
		printf("; %zu more %s late", others, others == 1 ? "is" : "are");
	putchar('\n');
}

static void
print_healthy(const struct status *s, size_t n, int64_t oldest, int64_t now)
{
	char at[32], text[32];

	if (n == 0 || oldest == 0)
		printf("healthy: the service has just started");
	else
		printf("healthy: the oldest of %zu is of %s (%s ago)", n,
		    text_stamp(at, sizeof at, oldest),
		    text_duration(text, sizeof text, (now > oldest ? now - oldest : 0) * 1000));
	if (s->working)
		printf("; a backup is being made");
	else if (s->next_due > 0)
		printf("; next at %s", text_stamp(at, sizeof at, s->next_due));
	putchar('\n');
}

static int
judge(const struct status *s, int64_t now)
{
	const struct status_item *worst = NULL;
	size_t late = 0, wanted = 0;
	int64_t since = 0, oldest = 0;
	struct schedule plan;
	bool just_started;

	if (read_plan(s, &plan) == -1) {
		printf("unhealthy: the status file does not tell when backups are due\n");
		return EXIT_FAILED;
	}
	just_started = has_just_started(s, &plan, now);
	for (size_t i = 0; i < s->n; i++) {
		const struct status_item *item = &s->item[i];
		int64_t t = 0;

		if (!item->wanted)
			continue;
		/* unless it has tried already */
		if (item->failures > 0 || !just_started)
			t = late_since(s, item, &plan, now);
		wanted++;
		oldest = wanted == 1 || item->success < oldest ? item->success : oldest;
		late += t != 0;
		if (t != 0 && (worst == NULL || t < since)) {
			worst = item;
			since = t;
		}
	}
	if (worst != NULL) {
		print_late(worst, since, now, late - 1);
		return EXIT_FAILED;
	}
	if (wanted == 0 && !just_started) {
		printf("unhealthy: the service has not found any database yet\n");
		return EXIT_FAILED;
	}
	print_healthy(s, wanted, oldest, now);
	return EXIT_DONE;
}

int
health_run(const struct config *c, const struct arguments *a)
{
	struct status s;
	int status;

	if (status_read(c, &s) == -1) {
		printf("unhealthy: the status file cannot be read: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	if (a->prometheus) {
		metrics_print(stdout, &s);
		status = EXIT_DONE;
	} else if (!status_service_lives(c)) {
		printf("unhealthy: backup-service %s\n",
		    s.pid != 0 ? "does not run any more" : "has not run here");
		status = EXIT_FAILED;
	} else {
		status = judge(&s, time(NULL));
	}
	status_free(&s);
	return fflush(stdout) == 0 ? status : EXIT_FAILED;
}
