#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

#define BUFFER_BYTES (128 * 1024)
#define PIPE_BYTES (1024 * 1024) /* the most that a user may have, /proc/sys/fs/pipe-max-size */
#define SEND_BYTES (1024 * 1024)
#define NAP_MAX_MS 16
#define DUMP_EXIT_MS (60 * 1000) /* from closing its output to its exit */
#define TOOL_GRACE_MS 5000
#define PAUSE_MS 5000
#define PROGRESS_TERMINAL_MS 1000
#define WATCH_MS 1000
#define WRITE_BACK_BYTES (64 * 1024 * 1024)
#define PROGRESS_LOG_MS (60 * 1000)

/*
 * total_bytes of the stream were read. spool holds [0, spool_bytes) of it, buffer
 * the last buffered of it. With a spool that works the buffer goes there at
 * once; else it stays until every upload has taken it.
 */

void
relay_start(struct relay *r)
{
	r->started_ms = r->source_ms = r->progress_ms = process_clock_ms();
	r->buffer = text_alloc(BUFFER_BYTES);
	r->buffered = 0;
	r->total_bytes = r->spool_bytes;
	r->watched = r->source == -1 && r->dump.running;
	r->written_back = r->spool_bytes;
	if (r->source != -1) {
		fcntl(r->source, F_SETFL, O_NONBLOCK);
		fcntl(r->source, F_SETPIPE_SZ, PIPE_BYTES); /* refused, it is only slower */
		r->pipe_bytes = fcntl(r->source, F_GETPIPE_SZ);
	}
	for (size_t i = 0; i < r->sinks; i++)
		r->sink[i].moved_ms = r->started_ms;
}

static void
sink_close(struct relay_sink *s)
{
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
}

static void
sink_fail(struct relay_sink *s, const char *why)
{
	s->failed = true;
	snprintf(s->why, sizeof s->why, "%s", why);
	/* ended first, closed then: what it sees must never look like the end of the stream */
	process_end(&s->process, TOOL_GRACE_MS);
	sink_close(s);
}

static bool
sink_did_well(const struct relay_sink *s)
{
	return s->did_well != NULL ? s->did_well(&s->process) : process_succeeded(&s->process);
}

/* It reads no more before it was given all. */
static void
sink_ended(struct relay_sink *s)
{
	/* it has something to say first */
	process_wait(&s->process, process_clock_ms() + TOOL_GRACE_MS, true);
	if (s->did_well == NULL || !sink_did_well(s)) {
		sink_fail(s, "");
		return;
	}
	s->committed = true;
	sink_close(s);
}

static bool
sink_has_work(const struct relay *r, const struct relay_sink *s)
{
	return !s->failed && !s->committed && s->sent_bytes < r->total_bytes;
}

/* The one upload that takes the dump's bytes without the buffer, and has no room for more now. */
static bool
sink_is_full(const struct relay *r, const struct relay_sink *s)
{
	return r->target_full && !s->failed;
}

/* Hand over what can be taken without waiting. */
static void
sink_feed(struct relay *r, struct relay_sink *s)
{
	ssize_t n;

	if (s->sent_bytes < r->spool_bytes) {
		off_t at = s->sent_bytes;
		int64_t left = r->spool_bytes - s->sent_bytes;

		n = sendfile(s->fd, r->spool, &at, left < SEND_BYTES ? (size_t)left : SEND_BYTES);
		if (n == 0) {
			sink_fail(s, "the local file became shorter while it was read");
			return;
		}
	} else {
		size_t left = (size_t)(r->total_bytes - s->sent_bytes);

		n = send(s->fd, r->buffer + r->buffered - left, left, MSG_NOSIGNAL);
	}
	if (n > 0) {
		s->sent_bytes += n;
		s->moved_ms = process_clock_ms();
	} else if (errno == EPIPE || errno == ECONNRESET) {
		sink_ended(s);
	} else if (errno != EAGAIN && errno != EINTR) {
		sink_fail(s, strerror(errno)); /* reading the file failed */
	}
}

/*
 * Publish what was sent. The tool holds a copy of our end of its standard
 * input, so neither close(2) nor our death shows it end of file: only this does.
 */
static void
sink_commit(struct relay_sink *s)
{
	if (shutdown(s->fd, SHUT_WR) == -1) {
		sink_fail(s, strerror(errno));
		return;
	}
	s->committed = true;
	s->moved_ms = process_clock_ms();
}

/* Write the buffer to the file. If that fails the uploads go on without it. */
static void
spool_write(struct relay *r)
{
	size_t done = 0;

	while (done < r->buffered) {
		ssize_t n = write(r->spool, r->buffer + done, r->buffered - done);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			r->spool_errno = n == 0 ? EIO : errno;
			break;
		}
		done += (size_t)n;
	}
	r->spool_bytes += (int64_t)done;
	r->buffered -= done;
	memmove(r->buffer, r->buffer + done, r->buffered);
}

static bool
spool_works(const struct relay *r)
{
	return r->spool != -1 && r->spool_errno == 0;
}

static bool
any_sink_left(const struct relay *r)
{
	for (size_t i = 0; i < r->sinks; i++)
		if (!r->sink[i].failed)
			return true;
	return false;
}

/* Nobody wants more of the stream: what is left did well with what it took. */
static bool
is_enough(const struct relay *r)
{
	for (size_t i = 0; i < r->sinks; i++)
		if (!r->sink[i].failed && !r->sink[i].committed)
			return false;
	return !spool_works(r) && any_sink_left(r);
}

/* Make room in the buffer: by the file, or when all uploads have taken what it holds. */
static void
buffer_release(struct relay *r)
{
	if (r->buffered > 0 && spool_works(r))
		spool_write(r);
	if (r->buffered == 0)
		return;
	for (size_t i = 0; i < r->sinks; i++)
		if (sink_has_work(r, &r->sink[i]))
			return;
	r->buffered = 0;
	r->source_ms = process_clock_ms();
}

/*
 * pg_dump writes 4 KiB at a time. Instead of waking up for each, look at the
 * pipe now and then, so often that it never fills up meanwhile.
 */
static void
take_nap(struct relay *r, int64_t now)
{
	if (r->burst_bytes > r->pipe_bytes / 2)
		r->nap_ms /= 2;
	else if (r->burst_bytes < r->pipe_bytes / 4 && r->nap_ms < NAP_MAX_MS)
		r->nap_ms++;
	r->burst_bytes = 0;
	r->source_due_ms = now + r->nap_ms;
}

static size_t
magic_length(const struct relay *r)
{
	return r->magic == NULL ? 0 : strlen(r->magic);
}

/* Whether the next n bytes agree with how the stream must begin. */
static bool
magic_agrees(const struct relay *r, size_t n)
{
	for (size_t i = 0; i < n && (size_t)r->total_bytes + i < magic_length(r); i++)
		if (r->buffer[i] != r->magic[(size_t)r->total_bytes + i])
			return false;
	return true;
}

static int
no_dump(struct relay *r)
{
	snprintf(
	    r->why, sizeof r->why, "what it wrote is no dump: it does not begin with %s", r->magic);
	return -1;
}

/*
 * Where the next bytes can go without passing through the buffer: to the file, or
 * to the only upload where there is none. NULL if they cannot: what the stream begins
 * with is to be looked at, the last byte held back, or several want them.
 */
static const int *
direct_target(struct relay *r)
{
	struct relay_sink *only = NULL;

	if (r->no_splice || r->hold || r->buffered > 0 || r->total_bytes == 0 ||
	    r->total_bytes < (int64_t)magic_length(r))
		return NULL;
	if (r->spool != -1)
		return spool_works(r) ? &r->spool : NULL;
	for (size_t i = 0; i < r->sinks; i++) {
		if (r->sink[i].failed)
			continue;
		if (only != NULL)
			return NULL;
		only = &r->sink[i];
	}
	return only != NULL && only->sent_bytes == r->total_bytes ? &only->fd : NULL;
}

/* Move bytes there inside the kernel. False if the buffer has to do it, and to tell what is wrong. */
static bool
splice_source(struct relay *r, const int *target)
{
	int64_t now = process_clock_ms();
	ssize_t n = splice(r->source, NULL, *target, NULL, (size_t)r->pipe_bytes,
	    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	struct relay_sink *s = NULL;
	int waiting = 0;

	for (size_t i = 0; i < r->sinks; i++)
		if (target == &r->sink[i].fd)
			s = &r->sink[i];
	if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
		/* empty here, or full there */
		r->target_full =
		    s != NULL && ioctl(r->source, FIONREAD, &waiting) == 0 && waiting > 0;
		if (!r->target_full)
			take_nap(r, now);
		return true;
	}
	if (n <= 0) {
		r->no_splice = n == -1;
		return false;
	}
	for (size_t i = 0; i < r->sinks; i++)
		if (!sink_has_work(r, &r->sink[i]))
			r->sink[i].moved_ms = now; /* idle until now */
	r->source_ms = now;
	r->burst_bytes += n;
	r->total_bytes += n;
	if (s != NULL)
		s->sent_bytes += n;
	else
		r->spool_bytes += n;
	if (n < BUFFER_BYTES / 2)
		take_nap(r, now);
	return true;
}

/* -1 if what comes is no dump. */
static int
read_source(struct relay *r)
{
	const int *target = direct_target(r);
	int64_t now = process_clock_ms();
	size_t kept = r->holds ? 1 : 0;
	ssize_t n;

	if (target != NULL && splice_source(r, target))
		return 0;
	n = read(r->source, r->buffer + kept, BUFFER_BYTES - kept);

	if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
		take_nap(r, now);
		return 0;
	}
	if (n <= 0) {
		close(r->source);
		r->source = -1;
		return 0;
	}
	if (kept > 0)
		r->buffer[0] = r->held;
	if (!magic_agrees(r, kept + (size_t)n))
		return no_dump(r);
	for (size_t i = 0; i < r->sinks; i++)
		if (!sink_has_work(r, &r->sink[i]))
			r->sink[i].moved_ms = now; /* idle until now */
	r->source_ms = now;
	r->burst_bytes += n;
	r->buffered = kept + (size_t)n;
	if (r->hold) {
		r->held = r->buffer[--r->buffered];
		r->holds = true;
	}
	r->total_bytes += (int64_t)r->buffered;
	if (n < BUFFER_BYTES / 2)
		take_nap(r, now);
	return 0;
}

/*
 * Have the kernel begin with what the file holds. Else all of it may wait for the fsync(2) of
 * folder_publish, which on a slow disk takes longer than anybody who stops us waits.
 */
static void
write_back(struct relay *r)
{
	if (r->spool == -1 || r->spool_bytes - r->written_back < WRITE_BACK_BYTES)
		return;
	sync_file_range(
	    r->spool, r->written_back, r->spool_bytes - r->written_back, SYNC_FILE_RANGE_WRITE);
	r->written_back = r->spool_bytes;
}

/* How far the dump got with the file that it writes itself, and whether that begins as it must. */
static int
watch_spool(struct relay *r)
{
	int64_t size = r->total_bytes, unseen = (int64_t)magic_length(r) - size;
	struct stat st;

	if (unseen > 0) {
		ssize_t n = pread(r->spool, r->buffer, (size_t)unseen, size);

		if (n > 0 && !magic_agrees(r, (size_t)n))
			return no_dump(r);
		size += n > 0 ? n : 0;
		unseen -= n > 0 ? n : 0;
	}
	if (unseen <= 0 && fstat(r->spool, &st) == 0)
		size = st.st_size;
	if (size != r->total_bytes)
		r->source_ms = process_clock_ms();
	r->spool_bytes = r->total_bytes = size;
	return 0;
}

/* "app: 143.9 MB at 12.3 MB/s, 45 %, 1 min 2 s left" */
static void
progress(struct relay *r)
{
	int64_t now = process_clock_ms(),
		every = log_is_interactive() ? PROGRESS_TERMINAL_MS : PROGRESS_LOG_MS;
	int64_t done = r->total_bytes, all = r->expected_bytes, elapsed = now - r->started_ms;
	char size[32], rate[32], left[32], line[256], share[80] = "";
	const char *where = "";

	if (now - r->progress_ms < every || elapsed <= 0)
		return;
	r->progress_ms = now;
	for (size_t i = 0; i < r->sinks && r->source == -1; i++)
		if (!r->sink[i].failed && r->sink[i].sent_bytes <= done) {
			done = r->sink[i].sent_bytes;
			all = r->total_bytes;
			where = r->sink[i].name;
		}
	if (all > done && done > 0)
		snprintf(share, sizeof share, ", %lld %%, %s left", (long long)(done * 100 / all),
		    text_duration(left, sizeof left,
			(int64_t)((double)(all - done) / (double)done * (double)elapsed) / 1000 *
			    1000));
	snprintf(line, sizeof line, "%s: %s%s%s%s at %s/s%s", r->what, *where ? "uploaded to " : "",
	    where, *where ? ": " : "", text_size(size, sizeof size, done),
	    text_size(rate, sizeof rate, (int64_t)((double)done * 1000 / (double)elapsed)), share);
	if (!log_progress(line))
		log_info("%s", line);
}

/* Fail uploads that ended too early or take nothing any more. */
static void
check_sinks(struct relay *r)
{
	for (size_t i = 0; i < r->sinks; i++) {
		struct relay_sink *s = &r->sink[i];
		char why[64], text[32];

		if (s->failed || (s->committed && !s->process.running))
			continue;
		if (!s->process.running) {
			sink_ended(s);
		} else if (r->stall_ms > 0 && s->did_well == NULL &&
			   (sink_has_work(r, s) || sink_is_full(r, s) ||
			       (s->committed && !s->sends_later)) &&
			   process_clock_ms() - s->moved_ms > r->stall_ms) {
			snprintf(why, sizeof why, "no byte moved for %s",
			    text_duration(text, sizeof text, r->stall_ms));
			sink_fail(s, why);
		}
	}
}

/* We slept for longer than we wanted, as where a container is paused: all else did, too. */
static void
forgive(struct relay *r, int64_t late_ms)
{
	if (late_ms < PAUSE_MS)
		return;
	r->source_ms += late_ms;
	for (size_t i = 0; i < r->sinks; i++)
		r->sink[i].moved_ms += late_ms;
}

/* One turn: wait until something can move, and move it. -1 if what comes is no dump. */
static int
turn(struct relay *r)
{
	struct pollfd fds[1 + RELAY_SINKS_MAX];
	int64_t now = process_clock_ms(), deadline = now + PROGRESS_TERMINAL_MS;
	bool want_source = r->source != -1 && r->buffered == 0, moved;

	if (!log_is_interactive())
		deadline =
		    now + (r->stall_ms > 0 && r->stall_ms < PROGRESS_LOG_MS ? r->stall_ms / 4 + 1 :
									      PROGRESS_LOG_MS / 4);
	if (r->watched)
		deadline = now + WATCH_MS;
	if (want_source && now < r->source_due_ms) {
		want_source = false;
		deadline = r->source_due_ms;
	}
	fds[0] = (struct pollfd){ .fd = want_source && !r->target_full ? r->source : -1,
		.events = POLLIN };
	for (size_t i = 0; i < r->sinks; i++)
		fds[1 + i] = (struct pollfd){ .fd = sink_has_work(r, &r->sink[i]) ||
							    sink_is_full(r, &r->sink[i]) ?
							r->sink[i].fd :
							-1,
			.events = POLLOUT };
	moved = process_poll(fds, 1 + r->sinks, deadline) > 0;
	forgive(r, process_clock_ms() - deadline);
	if (moved) {
		for (size_t i = 0; i < r->sinks; i++)
			if (fds[1 + i].revents != 0 && sink_is_full(r, &r->sink[i])) {
				r->target_full = false;
				r->source_ms = now;
				if (read_source(r) == -1)
					return -1;
			} else if (fds[1 + i].revents != 0) {
				sink_feed(r, &r->sink[i]);
			}
		if (fds[0].revents != 0 && read_source(r) == -1)
			return -1;
	}
	if (r->watched && watch_spool(r) == -1)
		return -1;
	check_sinks(r);
	buffer_release(r);
	write_back(r);
	progress(r);
	return 0;
}

int
relay_read(struct relay *r)
{
	int64_t closed_ms = 0;
	char text[32];

	while (r->dump.running || r->source != -1 || r->buffered > 0) {
		if (process_stopping() != 0 || (!spool_works(r) && !any_sink_left(r)))
			return -1;
		if (is_enough(r))
			return 0;
		if (!r->dump.running && !process_succeeded(&r->dump))
			return -1;
		if ((r->source != -1 || r->watched) && r->buffered == 0 && !r->target_full &&
		    r->stall_ms > 0 && process_clock_ms() - r->source_ms > r->stall_ms) {
			snprintf(r->why, sizeof r->why, "it wrote no byte for %s",
			    text_duration(text, sizeof text, r->stall_ms));
			return -1;
		}
		if (r->source == -1 && r->dump.running && !r->watched) {
			closed_ms = closed_ms == 0 ? process_clock_ms() : closed_ms;
			if (process_clock_ms() - closed_ms > DUMP_EXIT_MS) {
				snprintf(
				    r->why, sizeof r->why, "it closed its output but does not end");
				return -1;
			}
		}
		if (turn(r) == -1)
			return -1;
	}
	if (!process_succeeded(&r->dump) || (r->watched && watch_spool(r) == -1))
		return -1;
	if (r->holds) {
		r->buffer[r->buffered++] = r->held;
		r->total_bytes++;
		r->holds = false;
	}
	if (r->total_bytes < (int64_t)magic_length(r)) {
		snprintf(r->why, sizeof r->why, "it wrote nothing");
		return -1;
	}
	return spool_works(r) || any_sink_left(r) ? 0 : -1;
}

int
relay_commit(struct relay *r)
{
	for (;;) {
		bool busy = false;

		if (process_stopping() != 0)
			return -1;
		for (size_t i = 0; i < r->sinks; i++) {
			struct relay_sink *s = &r->sink[i];

			if (!s->failed && !s->committed && s->sent_bytes == r->total_bytes)
				sink_commit(s);
			if (s->committed && !s->failed && !s->process.running && !sink_did_well(s))
				sink_fail(s, "");
			busy = busy || (!s->failed && (!s->committed || s->process.running));
		}
		if (!busy)
			return 0;
		turn(r);
	}
}

void
relay_abort(struct relay *r)
{
	process_ask_to_end(&r->dump);
	for (size_t i = 0; i < r->sinks; i++)
		process_ask_to_end(&r->sink[i].process);
	process_end(&r->dump, TOOL_GRACE_MS);
	for (size_t i = 0; i < r->sinks; i++) {
		process_end(&r->sink[i].process, TOOL_GRACE_MS);
		sink_close(&r->sink[i]);
	}
	if (r->source != -1)
		close(r->source);
	r->source = -1;
	free(r->buffer);
	r->buffer = NULL;
}
