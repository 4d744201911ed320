/*
 * service.c - back up when it is due, for ever
 *
 * This process only sleeps, decides and starts children: itself as a look into
 * the destinations (look.c) and itself as backup-db. So what takes memory, or
 * may crash or be killed for it, is not what has to go on.
 *
 * When. What the destinations hold decides, and nothing else is kept: due is
 * one interval, or the next time of the schedule, after the oldest of the
 * newest backups that each database has at each destination; at once where one
 * has none. A run makes what is missing and no more: what has a fresh backup is
 * left out (backup-db --older-than). Otherwise the hourly tries during an
 * outage of one destination would push the good old backups out of the other.
 * Before each run we look again, for someone else may have made it.
 *
 * What cannot be listed is not guessed: we look again, soon and then less
 * often, and after an hour (or the interval, if that is shorter) the run is
 * made, whatever is there: credentials may well not be allowed to list. So a
 * restart during an outage makes no extra backup, and silence has an end.
 *
 * Clocks. Three can disagree: the dates in names, the wall clock now, and the
 * one that nobody sets and that counts suspension too (CLOCK_BOOTTIME). The
 * last success is kept on both as a pair.
 * - An interval runs on the unset clock alone, so setting the wall clock neither
 *   loses nor repeats a run.
 * - A schedule means the wall clock. Set forward over a due time, that run is
 *   made at once. Set back, times that were served would come again: we count
 *   on from where the last success lies on the new clock, and let half of the
 *   longest gap pass: `0 * * * *` goes on once an hour, and a run of 02:30 is not
 *   repeated because the clock went from 03:00 to 22:00.
 * - After a restart the dates are all there is. Those ahead of the clock by more
 *   than a tenth of the interval are not believed, or they would put off backups
 *   for as long; less than that, they are: so that much is lost at most.
 * We sleep 5 min at most at a time, so a jump is noticed by then.
 */

#include "service.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exit.h"
#include "lib/log.h"
#include "lib/process.h"
#include "look.h"
#include "report.h"
#include "status.h"

#define SELF "/proc/self/exe"
#define NAP_MS (5 * 60 * 1000)
#define RETRY_S 3600
#define LOOK_LIMIT_MS (60 * 60 * 1000)
#define NO_LIMIT_MS (INT64_MAX / 2)
#define CLAIM_MS 3000 /* for one that was just killed to be gone */
#define NO_MEMORY_MS 10000
#define JUMP_MS 60000 /* less is no jump of a clock */
#define NEVER INT64_MAX

struct service {
	const struct config *c;
	int64_t started; /* wall clock */

	bool known;         /* last_* are */
	int64_t last;       /* oldest of the newest backups, wall clock */
	int64_t last_ms;    /* the same on the clock of now_ms() */
	int64_t any_oldest; /* of the look that this comes from */
	bool missing;       /* something has no backup at all */
	int64_t jitter_ms;  /* of the due time that follows from it */

	bool sure;           /* all of that was seen once, or made: nothing is unknown any more */
	int64_t patience_ms; /* else there is a run then, whatever is there */
	int64_t look_ms;     /* when to look again, if not sure */
	bool fresh;          /* we looked, and have not slept since */

	bool failed;           /* the last run */
	int64_t not_before_ms; /* no run before that, after a failure */
	size_t looks, locks;   /* in vain, in a row */
	int64_t told_ms;       /* due time as last logged; 0: none */
	bool working;
};

/* Milliseconds of a clock that nobody sets and that goes on while the machine is suspended. */
static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t
wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t
gap_s(const struct service *s)
{
	return schedule_longest_gap(&s->c->schedule, wall_ms() / 1000);
}

/* How long to wait after a failed run, or for a listing: not longer than to the next due time. */
static int64_t
retry_ms(const struct service *s)
{
	int64_t now = wall_ms() / 1000, next = schedule_next(&s->c->schedule, now) - now;

	return (next < RETRY_S ? next : RETRY_S) * 1000;
}

/* 2 s, 10 s, 1 min, 5 min, then as after a failed run. */
static int64_t
backoff_ms(const struct service *s, size_t tries)
{
	static const int64_t steps[] = { 2000, 10000, 60000, 300000 };
	int64_t most = retry_ms(s);

	return tries < sizeof steps / sizeof steps[0] && steps[tries] < most ? steps[tries] : most;
}

/* By how much the wall clock was set back since the last success. */
static int64_t
set_back_ms(const struct service *s)
{
	return s->last * 1000 + (now_ms() - s->last_ms) - wall_ms();
}

/* When the next run is due, on the clock of now_ms(), as things look now. */
static int64_t
due_ms(const struct service *s)
{
	const struct schedule *plan = &s->c->schedule;
	int64_t due = NEVER;

	if (s->missing) {
		due = 0;
	} else if (s->known && plan->interval_s > 0) {
		due = s->last_ms + (int64_t)plan->interval_s * 1000 + s->jitter_ms;
	} else if (s->known) {
		time_t from = s->last;

		if (set_back_ms(s) > JUMP_MS)
			/* rounded: last_ms comes from whole seconds, so a ms here or there must not tell */
			from = (wall_ms() - now_ms() + s->last_ms + 500) / 1000 + gap_s(s) / 2 - 1;
		due =
		    now_ms() + (int64_t)schedule_next(plan, from) * 1000 - wall_ms() + s->jitter_ms;
	}
	if (!s->sure && due > s->patience_ms)
		due = s->patience_ms;
	return due > s->not_before_ms ? due : s->not_before_ms;
}

static void
set_last(struct service *s, int64_t last, int64_t last_ms)
{
	uint64_t random = 0;

	s->known = true;
	s->last = last;
	s->last_ms = last_ms;
	s->jitter_ms = 0;
	/* a run that was missed is made up at once */
	if (s->c->jitter_s > 0 && due_ms(s) > now_ms() &&
	    getrandom(&random, sizeof random, GRND_NONBLOCK) > 0)
		s->jitter_ms = (int64_t)(random % ((uint64_t)s->c->jitter_s * 1000 + 1));
}

/* Run this program as another of its commands; argv begins with SELF. As process_run. */
static int
run_self(
    struct process *p, const struct list *argv, process_output *out, void *arg, int64_t limit_ms)
{
	static const char *const all[] = { "*", NULL };
	struct list env = { 0 };
	int rc;

	process_env_pass(&env, all);
	rc = process_run(p,
	    &(struct process_spec){ .name = argv->item[1], .argv = argv, .env = &env, .own = true },
	    NULL, out, arg, limit_ms, true);
	list_free(&env);
	return rc;
}

/* Ask what the destinations hold. -1: no telling. */
static int
ask(bool introduce, struct look *look)
{
	struct list argv = { 0 };
	struct process_text answer = { 0 };
	struct process p;
	int rc;

	list_words(&argv, SELF, "backup-service-look");
	if (introduce)
		list_add(&argv, "introduce");
	rc = run_self(&p, &argv, process_keep, &answer, LOOK_LIMIT_MS);
	if (rc == 0 && sscanf(answer.text, LOOK_SCAN, &look->oldest, &look->any_oldest,
			   &look->missing, &look->unknown) != 4)
		rc = -1;
	if (rc == -1 && process_stopping() == 0)
		log_error("cannot look into the destinations: that process %s", process_fate(&p));
	list_free(&argv);
	return rc;
}

/* Look, and take over what is new. */
static void
look(struct service *s, bool introduce)
{
	struct look seen = { 0 };
	bool ok = ask(introduce, &seen) == 0;

	s->fresh = true;
	/* what we know for sure is better than part of what there is: that may well be the newer part */
	if (process_stopping() != 0 || (s->sure && (!ok || seen.unknown > 0)))
		return;
	/* what a failed run left is there, and may be bad: its time stays due, and it leaves out what is good */
	if (ok && !s->failed) {
		s->missing = seen.missing > 0;
		if (seen.oldest != 0 && (!s->known || seen.any_oldest != s->any_oldest))
			set_last(s, seen.oldest, now_ms() - (wall_ms() - seen.oldest * 1000));
		s->any_oldest = seen.any_oldest;
		s->sure = seen.unknown == 0;
	}
	s->look_ms = now_ms() + backoff_ms(s, s->looks++);
	if (!ok || seen.unknown > 0)
		log_warning("not everything that is there is known; looking again");
}

/*
 * After a run that went well and began at that time, on both clocks: the same,
 * but nothing is older than the run says, nor younger than now; the wall clock
 * may have been set meanwhile.
 */
static void
look_after(struct service *s, int64_t threshold, int64_t began_wall_ms, int64_t began_ms)
{
	struct look seen = { 0 };
	int64_t last = began_wall_ms / 1000, last_ms = began_ms;

	if (ask(false, &seen) == 0 && seen.missing == 0 && seen.oldest >= threshold) {
		last = seen.oldest;
		last_ms = began_ms + last * 1000 - began_wall_ms;
	}
	s->fresh = s->sure = true;
	s->missing = false;
	s->any_oldest = seen.any_oldest;
	set_last(s, last, last_ms < now_ms() ? last_ms : now_ms());
}

/*
 * What has a backup since then is left out of the run that is due now; 0:
 * nothing is. At an interval all that is older than half of it comes along, so
 * that runs which fell apart in an outage join again; but during the outage
 * only what is about due.
 */
static int64_t
threshold(const struct service *s)
{
	const struct schedule *plan = &s->c->schedule;
	int64_t now = wall_ms() / 1000, first;
	time_t due;

	if (s->known && set_back_ms(s) > JUMP_MS)
		return 0; /* dates tell nothing */
	if (plan->interval_s > 0)
		return now - (s->failed ? plan->interval_s / 10 * 9 : plan->interval_s / 2);
	first = now - gap_s(s) - 1;
	if (s->known && s->last > first)
		first = s->last;
	for (due = first > 0 ? first : 0; schedule_next(plan, due) <= now;)
		due = schedule_next(plan, due);
	return due;
}

static void
note(struct status *status, void *arg)
{
	const struct service *s = arg;
	const char *schedule = s->c->schedule_text, *zone = getenv("TZ");

	status->pid = getpid();
	status->interval_s = schedule != NULL ? 0 : s->c->interval_s;
	status->jitter_s = s->c->jitter_s;
	status_set(&status->schedule, schedule != NULL ? schedule : "");
	status_set(&status->zone, zone != NULL ? zone : "");
	status->started = s->started;
	status->working = s->working;
	status->next_due = s->told_ms == 0 ? 0 : (wall_ms() + s->told_ms - now_ms()) / 1000;
}

/* A run that did not get as far as to its own report, or was killed: we tell of it. */
static void
report(const struct config *c, int64_t began_ms, int status)
{
	static struct destinations d; /* for ever: made anew each time its strings would add up */
	static const struct list named;

	if (d.n == 0)
		destinations_init(&d, c);
	report_end(&(struct report){ c, &d, &named, began_ms }, NULL, 0, status);
}

/* One run, to its end, of what has no backup since then. Returns its exit status. */
static int
run(const struct config *c, int64_t since)
{
	int64_t began_ms = process_clock_ms();
	struct list argv = { 0 };
	struct process p;
	int status = EXIT_FAILED;
	bool told = false;

	list_words(&argv, SELF, "backup-db");
	if (since > 0)
		list_addf(&argv, "--older-than=%" PRId64, since);
	run_self(&p, &argv, NULL, NULL, NO_LIMIT_MS);
	list_free(&argv);
	if (p.pid > 0 && WIFEXITED(p.status)) {
		status = WEXITSTATUS(p.status);
		told = status != EXIT_USAGE;
	} else {
		log_error("the backup %s", process_words(&p));
	}
	if (!told && process_stopping() == 0)
		report(c, began_ms, status);
	return status;
}

/* asked: somebody wants it now, so all of it. */
static int
work(struct service *s, bool asked)
{
	int64_t since = asked ? 0 : threshold(s), began_wall_ms = wall_ms(), began_ms = now_ms();
	int status;

	s->working = true;
	s->told_ms = 0;
	status_update(s->c, note, s);
	status = run(s->c, since);
	s->working = false;
	s->failed = status != EXIT_DONE && status != EXIT_LOCKED;
	s->locks = status == EXIT_LOCKED ? s->locks + 1 : 0;
	s->not_before_ms = status == EXIT_DONE ?
			       0 :
			       now_ms() + (s->failed ? retry_ms(s) : backoff_ms(s, s->locks - 1));
	if (status == EXIT_DONE && process_stopping() == 0)
		look_after(s, since > 0 ? since : began_wall_ms / 1000, began_wall_ms, began_ms);
	return status;
}

/* Say when the next run is due, if that is news. */
static void
tell(struct service *s, int64_t due)
{
	char stamp[32], text[32];
	int64_t left = due - now_ms();

	if (s->told_ms != 0 && due - s->told_ms < JUMP_MS && s->told_ms - due < JUMP_MS)
		return;
	s->told_ms = due;
	log_info("next backup at %s (in %s)",
	    text_stamp(stamp, sizeof stamp, (wall_ms() + left + 500) / 1000),
	    text_duration(text, sizeof text, (left + 500) / 1000 * 1000));
	status_update(s->c, note, s);
}

/* Sleep until something is to be done, or a signal says so; now and then look at the clock. */
static void
sleep_until(struct service *s, int64_t then_ms)
{
	int64_t left = then_ms - now_ms();

	s->fresh = false;
	process_poll(NULL, 0, process_clock_ms() + (left < 0 ? 0 : left < NAP_MS ? left : NAP_MS));
}

/* Nobody else may use our status file: health would be that of either. */
static int
claim(const struct config *c)
{
	int64_t deadline = process_clock_ms() + CLAIM_MS;

	while (status_claim(c) == -1) {
		if (errno != EWOULDBLOCK) {
			log_warning(
			    "cannot write the status file, so backup-health cannot work: %s",
			    strerror(errno));
			log_hint(
			    "make the directory of DB_BACKUP_STATUS_FILE, /run/backup-service or TMPDIR writable");
			return 0;
		}
		if (process_stopping() != 0)
			return -1;
		if (process_clock_ms() >= deadline) {
			log_error("another backup-service runs with the same status file");
			log_hint("give each its own DB_BACKUP_STATUS_FILE");
			return -1;
		}
		process_poll(NULL, 0, process_clock_ms() + 100);
	}
	return 0;
}

int
service_run(const struct config *c, const struct arguments *a)
{
	struct service s = { .c = c, .started = wall_ms() / 1000 };
	int64_t due;
	bool asked;
	int status;

	if (a->names.n > 0) {
		log_error("backup-service takes no argument \"%s\"; see backup-service --help",
		    a->names.item[0]);
		return EXIT_USAGE;
	}
	if (claim(c) == -1)
		return process_stopping() != 0 ? EXIT_DONE : EXIT_LOCKED;
	s.patience_ms = now_ms() + retry_ms(&s);
	status_update(c, note, &s);
	look(&s, true);
	for (;;) {
		if (process_stopping() != 0) {
			log_info("stopped by signal %d (%s)", process_stopping(),
			    strsignal(process_stopping()));
			return EXIT_DONE;
		}
		due = due_ms(&s);
		asked = process_take_wakeup();
		if (asked || (due <= now_ms() && s.fresh)) {
			status = work(&s, asked);
			if (process_stopping() != 0)
				return status == EXIT_DONE ? EXIT_DONE :
							     EXIT_SIGNAL + process_stopping();
		} else if (due <= now_ms() || (!s.sure && s.look_ms <= now_ms())) {
			look(&s, false);
		} else {
			tell(&s, due);
			sleep_until(&s, s.sure || due < s.look_ms ? due : s.look_ms);
		}
	}
}

/* Without memory: storage is the only state, so starting again loses nothing and makes nothing twice. */
static void
start_again(void)
{
	char name[] = "backup-service";
	char *const argv[] = { name, NULL };

	for (;;) {
		int64_t until = process_clock_ms() + NO_MEMORY_MS;

		log_error("no memory: starting again in %d s", NO_MEMORY_MS / 1000);
		while (process_clock_ms() < until && process_stopping() == 0)
			process_poll(NULL, 0, until);
		if (process_stopping() != 0)
			_exit(EXIT_DONE);
		execv(SELF, argv);
	}
}

void
service_survive(void)
{
	text_on_no_memory(start_again);
}
