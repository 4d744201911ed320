#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define CHILD_MARK "backup-service: child"
#define FDS_MAX 64
#define READS 32 /* of 4 KiB: twice what a pipe holds */
#define KILL_WAIT_MS 2000
/* Asked to stop, we have 8 s (docker's patience is 10): so long for tools to end, for all else, for our own program. */
#define STOP_TOOLS_MS 4000
#define STOP_ALL_MS 6500
#define STOP_OWN_MS 7500

extern char **environ;

static int signal_fd = -1;
static int stop_signal;
static int64_t stop_ms; /* when it came */
static bool wakeup;
static bool is_service;
static struct process *processes; /* started and not yet reaped */

int
process_setup(bool service)
{
	struct sigaction hangup;
	sigset_t set;

	is_service = service;
	/* whoever started us may have had it ignored: then children end unseen */
	signal(SIGCHLD, SIG_DFL);
	/*
	 * With 0 to 2 taken, no descriptor of ours has a number that a child
	 * gets, but for PROCESS_EXTRA_FD, which spawn() fills last.
	 */
	for (int fd = 0; fd <= STDERR_FILENO;)
		if ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1)
			return -1;
		else if (fd > STDERR_FILENO)
			close(fd);
		else
			fcntl(fd, F_SETFD, 0);
	sigfillset(&set); /* also SIGPIPE: writes then fail with EPIPE */
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		return -1;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	/* ignored by nohup: it stays so */
	if (sigaction(SIGHUP, NULL, &hangup) == -1 || hangup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return signal_fd == -1 ? -1 : 0;
}

/* argv: CHILD_MARK, pid of the parent, tool, its arguments. */
void
process_become(int argc, char **argv)
{
	int64_t parent;

	if (argc < 3 || strcmp(argv[0], CHILD_MARK) != 0 ||
	    text_number(argv[1], 0, INT_MAX, &parent) == -1)
		return;
	/* the parent may have died before prctl: then nobody would tell us */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == -1 || getppid() != (pid_t)parent)
		_exit(126);
	execvp(argv[2], argv + 2);
	dprintf(STDERR_FILENO, "error: cannot execute %s: %s\n", argv[2], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

int
process_stopping(void)
{
	return stop_signal;
}

bool
process_take_wakeup(void)
{
	bool was = wakeup;

	wakeup = false;
	return was;
}

int64_t
process_clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int
spawn(pid_t *pid, const struct process_spec *spec, int err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	struct list argv = { 0 };
	sigset_t none, all;
	const int fds[][2] = {
		{ spec->in, STDIN_FILENO },
		{ spec->out, STDOUT_FILENO },
		{ err, STDERR_FILENO },
		{ spec->extra, PROCESS_EXTRA_FD },
	};
	int rc = 0;

	sigemptyset(&none);
	sigfillset(&all);
	list_add(&argv, CHILD_MARK);
	list_addf(&argv, "%d", (int)getpid());
	for (size_t i = 0; i < spec->argv->n; i++)
		list_add(&argv, spec->argv->item[i]);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(
	    &attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	for (size_t i = 0; i < sizeof fds / sizeof fds[0] && rc == 0; i++) {
		if (fds[i][0] > 0)
			rc = posix_spawn_file_actions_adddup2(&actions, fds[i][0], fds[i][1]);
		else if (fds[i][1] <= STDOUT_FILENO)
			rc = posix_spawn_file_actions_addopen(
			    &actions, fds[i][1], "/dev/null", O_RDWR, 0);
	}
	if (rc == 0)
		rc =
		    posix_spawn(pid, "/proc/self/exe", &actions, &attr, argv.item, spec->env->item);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	list_free(&argv);
	errno = rc;
	return rc == 0 ? 0 : -1;
}

int
process_start(struct process *p, const struct process_spec *spec)
{
	int err[2] = { -1, -1 }, rc, e;

	*p = (struct process){ .name = spec->name,
		.quiet = spec->quiet,
		.own = spec->own,
		.phrase = spec->phrase,
		.err = -1 };
	if (!spec->own && pipe2(err, O_CLOEXEC) == -1)
		return -1;
	rc = spawn(&p->pid, spec, err[1]);
	e = errno;
	if (err[1] != -1)
		close(err[1]);
	if (rc == -1) {
		p->pid = 0;
		if (err[0] != -1)
			close(err[0]);
		errno = e;
		snprintf(p->said, sizeof p->said, "cannot start it: %s", strerror(e));
		return -1;
	}
	if (err[0] != -1)
		fcntl(err[0], F_SETFL, O_NONBLOCK);
	p->err = err[0];
	p->running = true;
	p->next = processes;
	processes = p;
	return 0;
}

/* Without rclone's own time stamp and level, or a second "pg_dump: ". */
static const char *
line_without_mark(const struct process *p, const char *line)
{
	size_t n = strlen(p->name);
	int end = 0;

	if (sscanf(line, "%*4d/%*2d/%*2d %*2d:%*2d:%*2d %n", &end) == 0 && end > 0)
		line += end;
	if (strncmp(line, "ERROR : ", 8) == 0)
		return line + 8;
	if (strncmp(line, p->name, n) == 0 && strncmp(line + n, ": ", 2) == 0)
		return line + n + 2;
	return line;
}

/* Keep the line that tells most: the first with "error: ", else the last that does not explain another. */
static void
keep_said(struct process *p, const char *line)
{
	static const char *const explains[] = { "\t", " ", "caused by",
		"hint:", "detail:", "HINT:", "DETAIL:", "LINE " };
	static const char *const causes[] = { "caused by", "detail: Error message from server" };
	bool error = strstr(line, "error: ") != NULL;
	size_t n = strlen(p->said);

	for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++)
		if (strncmp(line, causes[i], strlen(causes[i])) == 0 && n > 0 &&
		    strstr(p->said, causes[i]) == NULL)
			snprintf(p->said + n, sizeof p->said - n, ", %s", line);
	if (p->said_error)
		return;
	if (*p->said != '\0' && strstr(line, "failed to delete ") != NULL)
		return; /* rclone's count of files; the lines before told why */
	for (size_t i = 0; i < sizeof explains / sizeof explains[0] && *p->said != '\0'; i++)
		if (strncmp(line, explains[i], strlen(explains[i])) == 0)
			return;
	if (strncmp(line, "error: ", 7) == 0)
		line += 7;
	n = (size_t)snprintf(p->said, sizeof p->said, "%s", line);
	for (n = n < sizeof p->said ? n : sizeof p->said - 1;
	     n > 0 && strchr(" :", p->said[n - 1]) != NULL;)
		p->said[--n] = '\0';
	p->said_error = error;
}

static void
line_end(struct process *p)
{
	const char *line;

	p->line[p->line_n] = '\0';
	p->line_n = 0;
	/* a secret may be a word of it */
	p->phrase_seen =
	    p->phrase_seen || (p->phrase != NULL && strstr(p->line, p->phrase) != NULL);
	log_redact(p->line); /* before any part of it is quoted: half a secret would not be known */
	line = line_without_mark(p, p->line);
	if (*line == '\0')
		return;
	keep_said(p, line);
	if (!p->quiet)
		log_tool(p->name, line);
}

/*
 * Read what it said so far, as much as a pipe holds, so that nobody who goes on and on keeps us
 * from all else; a line longer than the buffer goes on as the next.
 */
static void
read_stderr(struct process *p)
{
	char buffer[4096];
	ssize_t n;

	for (int reads = 0; p->err != -1; reads++) {
		n = reads < READS ? read(p->err, buffer, sizeof buffer) : 0;
		if (n == -1 && errno == EINTR)
			continue;
		if (reads == READS || (n == -1 && errno == EAGAIN))
			return;
		if (n <= 0) {
			close(p->err);
			p->err = -1;
		}
		for (ssize_t i = 0; i < n; i++) {
			if (buffer[i] != '\n' && buffer[i] != '\0')
				p->line[p->line_n++] = buffer[i];
			if (buffer[i] == '\n' || p->line_n == sizeof p->line - 1)
				line_end(p);
		}
	}
	if (p->line_n > 0)
		line_end(p);
}

/* It runs no more, or is given up. */
static void
forget(struct process *p)
{
	p->running = false;
	if (p->err != -1)
		close(p->err);
	p->err = -1;
	for (struct process **at = &processes; *at != NULL; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
}

static void
reap(void)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (struct process *p = processes; p != NULL; p = p->next) {
			if (p->pid != pid)
				continue;
			p->status = status;
			read_stderr(p);
			if (p->line_n > 0)
				line_end(p);
			forget(p);
			break;
		}
}

static void
read_signals(void)
{
	struct signalfd_siginfo info;

	while (read(signal_fd, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGUSR1 || (info.ssi_signo == SIGHUP && is_service))
			wakeup = true;
		else if (info.ssi_signo != SIGCHLD && stop_signal == 0) {
			stop_signal = (int)info.ssi_signo;
			stop_ms = process_clock_ms();
		}
	}
	reap();
}

int
process_poll(struct pollfd *fds, size_t n, int64_t deadline_ms)
{
	struct pollfd all[FDS_MAX];
	size_t m = 0;
	int64_t left = deadline_ms == -1 ? -1 : deadline_ms - process_clock_ms();
	int ready = 0;

	all[m++] = (struct pollfd){ .fd = signal_fd, .events = POLLIN };
	for (size_t i = 0; i < n; i++)
		all[m++] = fds[i];
	for (struct process *p = processes; p != NULL && m < FDS_MAX; p = p->next)
		all[m++] = (struct pollfd){ .fd = p->err, .events = POLLIN };
	if (deadline_ms != -1 && left < 0)
		left = 0;
	if (poll(all, m, left > INT_MAX ? INT_MAX : (int)left) == -1)
		return 0; /* ENOMEM: as if nothing had happened yet */
	for (size_t i = 0; i < n; i++) {
		fds[i].revents = all[1 + i].revents;
		ready += fds[i].revents != 0;
	}
	m = 1 + n;
	for (struct process *p = processes; p != NULL && m < FDS_MAX; p = p->next)
		if (all[m++].revents != 0)
			read_stderr(p);
	if (all[0].revents != 0)
		read_signals();
	return ready;
}

int
process_wait(struct process *p, int64_t deadline_ms, bool heed_stop)
{
	while (p->running) {
		if ((heed_stop && stop_signal != 0) ||
		    (deadline_ms != -1 && process_clock_ms() >= deadline_ms))
			return -1;
		process_poll(NULL, 0, deadline_ms);
	}
	return 0;
}

/* Once asked to stop, no deadline is later than this. */
static int64_t
cap(int64_t deadline_ms, int64_t stop_limit_ms)
{
	int64_t limit = stop_ms + stop_limit_ms;

	return stop_signal != 0 && (deadline_ms == -1 || deadline_ms > limit) ? limit : deadline_ms;
}

void
process_ask_to_end(struct process *p)
{
	if (!p->running || p->asked)
		return;
	p->asked = true;
	kill(-p->pid, SIGTERM);
	kill(-p->pid, SIGCONT);
}

void
process_end(struct process *p, int64_t grace_ms)
{
	int64_t deadline = process_clock_ms() + grace_ms,
		stop_limit_ms = p->own ? STOP_OWN_MS : STOP_TOOLS_MS;

	process_ask_to_end(p);
	while (p->running && process_clock_ms() < cap(deadline, stop_limit_ms))
		process_poll(NULL, 0, cap(deadline, stop_limit_ms));
	if (p->running) {
		kill(-p->pid, SIGKILL);
		process_wait(p, process_clock_ms() + KILL_WAIT_MS, false);
	}
	if (!p->running)
		return;
	log_warning(
	    "%s (process %d) cannot be killed, probably in a disk or network wait of the kernel",
	    p->name, (int)p->pid);
	/* p is the caller's, who may free it now; reap() takes what it does not know as well */
	forget(p);
	p->status = SIGKILL;
}

bool
process_succeeded(const struct process *p)
{
	return p->pid > 0 && !p->running && WIFEXITED(p->status) && WEXITSTATUS(p->status) == 0;
}

int
process_missing(const struct process *p)
{
	if (p->pid <= 0 || p->running || !WIFEXITED(p->status))
		return 0;
	return WEXITSTATUS(p->status) == 127 || WEXITSTATUS(p->status) == 126 ?
		   WEXITSTATUS(p->status) :
		   0;
}

const char *
process_fate(const struct process *p)
{
	static char text[96];

	if (p->pid <= 0)
		return "could not be started";
	if (p->running)
		return "does not end";
	if (WIFSIGNALED(p->status))
		snprintf(text, sizeof text, "was killed by signal %d (%s)", WTERMSIG(p->status),
		    strsignal(WTERMSIG(p->status)));
	else
		snprintf(text, sizeof text, "exited with %d", WEXITSTATUS(p->status));
	return text;
}

const char *
process_words(const struct process *p)
{
	static char text[sizeof p->said + 128];

	snprintf(text, sizeof text, "%s%s%s", process_fate(p), *p->said ? ": " : "", p->said);
	return text;
}

int
process_memory_file(const char *text)
{
	size_t length = strlen(text), done = 0;
	int fd = memfd_create("backup-service", MFD_CLOEXEC);

	while (fd != -1 && done < length) {
		ssize_t n = write(fd, text + done, length - done);

		if (n <= 0) {
			close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	if (fd != -1 && (fchmod(fd, 0600) == -1 || lseek(fd, 0, SEEK_SET) == -1)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Pass on what the tool prints, until its end of file. */
static int
pump_output(
    struct process *p, int fd, process_output *out, void *arg, int64_t limit, bool heed_stop)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char buffer[16384];

	for (;;) {
		int64_t deadline = cap(limit, STOP_ALL_MS);
		ssize_t n = 0;

		if (process_poll(&pfd, 1, deadline) > 0) {
			n = read(fd, buffer, sizeof buffer);
			if (n == 0)
				return 0;
			if (n > 0 && out(arg, buffer, (size_t)n) == -1)
				return -1;
		}
		if (n > 0)
			continue;
		if (process_clock_ms() >= deadline) {
			snprintf(p->said, sizeof p->said, "no answer in time");
			return -1;
		}
		if (heed_stop && stop_signal != 0)
			return -1;
	}
}

int
process_run(struct process *p, const struct process_spec *spec, const char *input,
    process_output *out, void *arg, int64_t limit_ms, bool heed_stop)
{
	struct process_spec s = *spec;
	int64_t deadline = process_clock_ms() + limit_ms;
	int in = -1, pipe_out[2] = { -1, -1 };
	int rc;

	*p = (struct process){ .name = spec->name, .err = -1 };
	if ((input != NULL && (in = process_memory_file(input)) == -1) ||
	    (out != NULL && pipe2(pipe_out, O_CLOEXEC) == -1)) {
		snprintf(p->said, sizeof p->said, "cannot start it: %s", strerror(errno));
		if (in != -1)
			close(in);
		return -1;
	}
	if (in != -1)
		s.in = in;
	if (out != NULL)
		s.out = pipe_out[1];
	rc = process_start(p, &s);
	if (in != -1)
		close(in);
	if (pipe_out[1] != -1)
		close(pipe_out[1]);
	if (rc == 0 && out != NULL)
		rc = pump_output(p, pipe_out[0], out, arg, deadline, heed_stop);
	if (pipe_out[0] != -1)
		close(pipe_out[0]);
	/* asked to stop meanwhile, it has less time */
	while (rc == 0 && p->running && !(heed_stop && stop_signal != 0) &&
	       process_clock_ms() < cap(deadline, STOP_ALL_MS))
		process_poll(NULL, 0, cap(deadline, STOP_ALL_MS));
	if (p->pid > 0 && (rc == -1 || p->running)) {
		if (rc == 0 && process_clock_ms() >= deadline)
			snprintf(p->said, sizeof p->said, "no answer in time");
		process_end(p, p->own ? STOP_OWN_MS : 2000);
		return -1;
	}
	return rc == 0 && process_succeeded(p) ? 0 : -1;
}

int
process_keep(void *arg, const char *data, size_t n)
{
	struct process_text *t = arg;

	if (n > sizeof t->text - 1 - t->n)
		n = sizeof t->text - 1 - t->n;
	memcpy(t->text + t->n, data, n);
	t->n += n;
	return 0;
}

void
process_env_pass(struct list *env, const char *const *patterns)
{
	for (char **e = environ; *e != NULL; e++) {
		size_t name = strcspn(*e, "=");

		for (size_t i = 0; patterns[i] != NULL; i++) {
			size_t n = strlen(patterns[i]);
			bool open = patterns[i][n - 1] == '*';

			if (strncmp(*e, patterns[i], open ? n - 1 : n) == 0 &&
			    (open || n == name)) {
				list_add(env, *e);
				break;
			}
		}
	}
}
