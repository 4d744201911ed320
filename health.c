#include "health.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "exit.h"
#include "lib/name.h"
#include "metrics.h"
#include "status.h"

#define GRACE_MIN_S 600

struct allowance {
	int64_t period_s; /* between two backups, at most */
	int64_t grace_s;
};

/* Since when the backup is late; 0: it is not. */
static int64_t
late_since(
    const struct status *s, const struct status_item *item, const struct allowance *a, int64_t now)
{
	/* a backup is dated when its dump began: twice what the last one took, for it may grow */
	int64_t took_s = item->duration_ms > 0 ? item->duration_ms / 500 : 0;
	int64_t since = item->success + a->period_s + a->grace_s + took_s;

	/* dated ahead of a clock that was set back: then what the service waits for must not pass */
	if (item->success > now + a->grace_s)
		since = s->next_due + a->grace_s;
	if (item->success == 0)
		since = s->started;
	if (since > now || (item->success == 0 && item->failures == 0 && s->working))
		return 0;
	/* a service just started has had no time yet, unless it has tried already */
	if (item->failures == 0 && s->started <= now && now < s->started + a->grace_s)
		return 0;
	return since;
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
judge(const struct config *c, const struct status *s, int64_t now)
{
	struct allowance a = { .period_s = schedule_longest_gap(&c->schedule, now) + c->jitter_s };
	const struct status_item *worst = NULL;
	size_t late = 0, wanted = 0;
	int64_t since = 0, oldest = 0;

	a.grace_s = a.period_s / 10 > GRACE_MIN_S ? a.period_s / 10 : GRACE_MIN_S;
	for (size_t i = 0; i < s->n; i++) {
		const struct status_item *item = &s->item[i];
		int64_t t = item->wanted ? late_since(s, item, &a, now) : 0;

		if (!item->wanted)
			continue;
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
	if (wanted == 0 && (now < s->started || now >= s->started + a.grace_s)) {
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
		status = judge(c, &s, time(NULL));
	}
	status_free(&s);
	return fflush(stdout) == 0 ? status : EXIT_FAILED;
}
