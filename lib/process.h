#ifndef PROCESS_H
#define PROCESS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "text.h"

/*
 * The only place that spawns, waits, kills or touches signals. All signals of
 * interest are blocked for good and arrive through a signalfd in one poll
 * loop, so no code of ours is ever interrupted. A tool is started through this
 * program itself (process_become), which asks the kernel for SIGTERM should
 * the supervisor die, and then becomes the tool: none outlives us.
 */

#define PROCESS_EXTRA_FD 3 /* the number under which a tool gets spec.extra */

struct process_spec {
	const char *name;        /* in log lines; to live as long as the process */
	const struct list *argv; /* argv[0] is looked up in PATH */
	const struct list *env;  /* all of the tool's environment */
	int in, out, extra;      /* descriptors to hand over, which stay ours; 0 or -1: none */
	bool quiet;              /* do not log what it says, only keep it */
	/* it is this program: writes to our log itself, and needs time to end its tools */
	bool own;
	const char *phrase; /* to look out for in what it says, or NULL; static */
};

/* Made by process_start or process_run; all zero where there is none. */
struct process {
	const char *name;
	pid_t pid; /* 0: never started */
	bool running;
	bool asked; /* to end */
	bool quiet, own;
	int status; /* as from waitpid(2), once not running */
	int err;    /* read end of its standard error, -1 once closed */
	size_t line_n;
	char line[4096]; /* longer than any secret: cut in two it would not be known */
	const char *phrase;
	bool phrase_seen;
	char said[512]; /* what to quote of what it said, or why it could not be started; or "" */
	bool said_error;
	struct process *next;
};

/*
 * Block signals and open the signalfd; once, first. As a service, SIGHUP asks
 * for a run instead of the end; where it was ignored (nohup(1)) it stays so. 0, or -1 with
 * errno.
 */
int process_setup(bool service);

/*
 * If argv is that of a child in the making, become the tool; does not return then, but
 * exits with 127 (not found) or 126. First of all in main.
 */
void process_become(int argc, char **argv);

/* The first signal that asked us to end, or 0; seen by process_poll and what waits in it. */
int process_stopping(void);

/* True once after each SIGUSR1 (or SIGHUP to a service). */
bool process_take_wakeup(void);

/* Milliseconds of a clock that nobody sets. */
int64_t process_clock_ms(void);

/*
 * Start a tool in a process group of its own. p is the caller's, is overwritten,
 * and must stay in place until the tool was reaped (running is false). Of spec only
 * name and phrase are kept. 0, or -1 with errno if even our own program cannot be
 * spawned; a tool that is missing ends with 127 or 126.
 */
int process_start(struct process *p, const struct process_spec *spec);

/*
 * Wait until a descriptor is ready, a child ends, a signal asks for
 * something, or deadline_ms (of process_clock_ms; -1: none) has passed.
 * Reaps every child, also orphans handed to process 1, and logs what tools
 * say. Returns the number of ready descriptors, their revents set; 0 also at a
 * signal or the end of a child, so call it in a loop.
 *
 * fds is NULL for none; negative descriptors in it are skipped. n is at most 24,
 * which is not checked: that leaves room for the standard error of 39 tools. What
 * more tools than that say is read only when others have ended.
 */
int process_poll(struct pollfd *fds, size_t n, int64_t deadline_ms);

/*
 * Wait for the end. 0 once it was reaped (or never ran), -1 at deadline_ms (of
 * process_clock_ms; -1: none) or, if heed_stop, when we are asked to end: then it still runs.
 */
int process_wait(struct process *p, int64_t deadline_ms, bool heed_stop);

/*
 * SIGTERM to the tool's group, without waiting: to end several side by side. Once
 * only: a second one ends rclone before it has aborted its upload.
 */
void process_ask_to_end(struct process *p);

/*
 * End the tool: SIGTERM to its group, SIGKILL after grace_ms, sooner where we
 * were asked to stop ourselves. Returns when it was reaped; 2 s after SIGKILL all
 * the same, with a warning, if the kernel does not let it die: it is given up then, as
 * if it had died of that. p is free afterwards. Nothing if it runs no more.
 */
void process_end(struct process *p, int64_t grace_ms);

/* True if it ran and exited with 0. */
bool process_succeeded(const struct process *p);

/* 126 or 127, as exit status for us, if the tool could not be executed or found, else 0. */
int process_missing(const struct process *p);

/* "exited with 1", "was killed by signal 9 (Killed)". Valid until the next call. */
const char *process_fate(const struct process *p);

/* Its fate, and what to quote of it: "exited with 1: no space". Valid until the next call. */
const char *process_words(const struct process *p);

/*
 * Run a tool to its end: input (text, or NULL: spec->in) on its standard input, its
 * output, if out is not NULL (else to spec->out), passed on piece by piece; out
 * returns -1 to end it early. Ended limit_ms after the start, or when we are asked to
 * end: at once if heed_stop, else after the seconds that are left for it. It has 2 s to end,
 * our own program nearly all that we have.
 * 0 if it exited with 0 and nothing cut it short, else -1; p tells the rest, and said
 * is "no answer in time" after limit_ms.
 */
typedef int process_output(void *arg, const char *data, size_t n);
int process_run(struct process *p, const struct process_spec *spec, const char *input,
    process_output *out, void *arg, int64_t limit_ms, bool heed_stop);

/* What a tool prints, as far as it fits; starts all zero, and text always ends in a NUL. */
struct process_text {
	char text[8192];
	size_t n;
};

/* For process_run, with a struct process_text as arg. Always 0. */
process_output process_keep;

/*
 * An anonymous file that holds text, to be read from its start; the descriptor is the
 * caller's. -1 with errno.
 */
int process_memory_file(const char *text);

/*
 * Append to env copies ("NAME=value") of those of our own variables whose names match
 * one of patterns (a NULL-ended list; a trailing '*' matches any rest).
 */
void process_env_pass(struct list *env, const char *const *patterns);

#endif
