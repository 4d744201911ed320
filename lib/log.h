#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

/*
 * Lines for people or programs, on standard error. A text line is
 * "2026-11-22T09:23:45Z info backed up ..."; a JSON line is one object with
 * time, level and message. Control characters are escaped, so a hostile name
 * cannot forge a line, and registered secrets never get through. Where nobody reads
 * standard error for 5 s lines are lost, until somebody does: a line then says how many.
 */

enum log_format { LOG_TEXT, LOG_JSON };
enum log_level { LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_HINT };

/*
 * Choose the format, and look whether standard error is a terminal; until called it is text,
 * to none.
 */
void log_setup(enum log_format format);

/*
 * Never print value from now on: it is shown as "***", also where a child
 * says it. Keeps the pointer: value lives, unchanged, as long as the program. NULL
 * and values under 4 bytes are ignored: hiding those would make lines unreadable and
 * tell their content. So are, without a word, all after the first 128.
 */
void log_secret(const char *value);

/* One line; no newline at its end. Longer than 4 KiB is cut. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_hint(...) log_line(LOG_HINT, __VA_ARGS__)

/*
 * A line that the tool wrote to its standard error. In text the tool's name stands in the
 * place of the level, in JSON behind it.
 */
void log_tool(const char *tool, const char *line);

/* Hide registered secrets in text, in place; it may become shorter, never longer. */
void log_redact(char *text);

/*
 * A status line that the next one replaces, if standard error is a terminal
 * and the format is text: then true. Else nothing happens. text is escaped and
 * searched for secrets as any line, and cut at 255 bytes.
 */
bool log_progress(const char *text);

/* Whether log_progress shows anything. */
bool log_is_interactive(void);

#endif
