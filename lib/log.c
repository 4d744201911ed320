#include "log.h"

#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

#define LINE_BYTES 4096
#define SECRET_MIN 4
#define STUCK_MS 5000

static enum log_format format = LOG_TEXT;
static bool interactive;
static const char *secrets[128];
static size_t secrets_n;
static bool progress_shown;

void
log_setup(enum log_format f)
{
	format = f;
	interactive = f == LOG_TEXT && isatty(STDERR_FILENO);
}

void
log_secret(const char *value)
{
	size_t i;

	if (value == NULL || strlen(value) < SECRET_MIN ||
	    secrets_n == sizeof secrets / sizeof secrets[0])
		return;
	/* the longest first: one that another begins with would leave the other's end */
	for (i = secrets_n++; i > 0 && strlen(secrets[i - 1]) < strlen(value); i--)
		secrets[i] = secrets[i - 1];
	secrets[i] = value;
}

void
log_redact(char *text)
{
	for (size_t i = 0; i < secrets_n; i++) {
		size_t length = strlen(secrets[i]);
		char *at = text;

		while ((at = strstr(at, secrets[i])) != NULL) {
			memcpy(at, "***", 3);
			memmove(at + 3, at + length, strlen(at + length) + 1);
			at += 3;
		}
	}
}

/*
 * To standard error. Who reads that may have stopped reading: then lines are lost, and said to
 * be lost once they are read again; a backup is not held up for them. False if this one was.
 */
static bool
put_out(const char *line, int n)
{
	static bool stuck;
	static int lost;
	char note[160], stamp[32];

	for (const char *end = line + n; line < end;) {
		struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };
		ssize_t done;

		if (poll(&pfd, 1, stuck ? 0 : STUCK_MS) != 1) {
			stuck = true;
			lost++;
			return false;
		}
		stuck = false;
		if (lost > 0) {
			int m = snprintf(note, sizeof note,
			    format == LOG_JSON ?
				"{\"time\":\"%s\",\"level\":\"warning\",\"message\":\"%d lines were lost here\"}\n" :
				"%s warning: %d lines were lost here\n",
			    text_stamp(stamp, sizeof stamp, time(NULL)), lost);

			lost = 0;
			if (write(STDERR_FILENO, note, (size_t)m) == -1)
				return false;
			continue;
		}
		/* so much a pipe takes at once that says it takes any */
		done = write(
		    STDERR_FILENO, line, end - line < PIPE_BUF ? (size_t)(end - line) : PIPE_BUF);
		if (done <= 0)
			return false; /* nobody is left to tell */
		line += done;
	}
	return true;
}

/* One write(2) a line, so that lines of several processes do not mix. */
static void
put(const char *level, const char *tool, char *message)
{
	static const char *const colon[] = { "warning", "error", "hint" };
	static char escaped[LINE_BYTES * 2];
	static char line[sizeof escaped + 256];
	char stamp[32];
	const char *mark = tool != NULL ? ":" : "";
	int n;

	log_redact(message);
	text_stamp(stamp, sizeof stamp, time(NULL));
	text_escape(escaped, sizeof escaped, message, format == LOG_JSON);
	for (size_t i = 0; i < sizeof colon / sizeof colon[0]; i++)
		if (strcmp(level, colon[i]) == 0)
			mark = ":";
	if (format == LOG_JSON)
		n = snprintf(line, sizeof line,
		    "{\"time\":\"%s\",\"level\":\"%s\"%s%s%s,\"message\":\"%s\"}\n", stamp, level,
		    tool != NULL ? ",\"tool\":\"" : "", tool != NULL ? tool : "",
		    tool != NULL ? "\"" : "", escaped);
	else
		n = snprintf(line, sizeof line, "%s%s %s%s %s\n", progress_shown ? "\r\033[K" : "",
		    stamp, tool != NULL ? tool : level, mark, escaped);
	progress_shown = false;
	put_out(line, n);
}

void
log_line(enum log_level level, const char *f, ...)
{
	static const char *const names[] = { "info", "warning", "error", "hint" };
	static char message[LINE_BYTES];
	va_list ap;

	va_start(ap, f);
	vsnprintf(message, sizeof message, f, ap);
	va_end(ap);
	put(names[level], NULL, message);
}

void
log_tool(const char *tool, const char *line)
{
	static char message[LINE_BYTES];

	snprintf(message, sizeof message, "%s", line);
	put("info", tool, message);
}

bool
log_is_interactive(void)
{
	return interactive;
}

bool
log_progress(const char *text)
{
	char clean[256], escaped[256], line[sizeof escaped + 8];
	int n;

	if (!log_is_interactive())
		return false;
	snprintf(clean, sizeof clean, "%s", text);
	log_redact(clean);
	text_escape(escaped, sizeof escaped, clean, false); /* names come from outside */
	n = snprintf(line, sizeof line, "\r%s\033[K", escaped);
	progress_shown = put_out(line, n);
	return progress_shown;
}
