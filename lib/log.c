#include "log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

#define LINE_BYTES 4096
#define SECRET_MIN 4

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
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) == -1)
		return; /* nobody is left to tell */
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
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) == -1)
		return false;
	progress_shown = true;
	return true;
}
