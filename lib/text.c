#include "text.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void (*no_memory)(void);

void
text_on_no_memory(void (*f)(void))
{
	no_memory = f;
}

void *
text_alloc(size_t size)
{
	static const char message[] = "error: out of memory\n";
	void *p = calloc(1, size);

	if (p != NULL)
		return p;
	if (no_memory != NULL)
		no_memory();
	/* as the kernel does, so that the service knows that we told of nothing; process 1 survives it */
	if (write(STDERR_FILENO, message, sizeof message - 1) != -1)
		raise(SIGKILL);
	_exit(1); /* children die with us, and nothing is published */
}

void *
text_room(void *array, size_t n, size_t size)
{
	void *more;

	if ((n & (n - 1)) != 0) /* full at 0 and at 2^k */
		return array;
	more = text_alloc((n == 0 ? 1 : 2 * n) * size);
	if (array != NULL)
		memcpy(more, array, n * size);
	free(array);
	return more;
}

char *
text_copy(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(text_alloc(size), s, size);
}

static char *
format_va(const char *format, va_list ap)
{
	va_list again;
	int n;
	char *s;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	s = text_alloc((size_t)n + 1);
	vsnprintf(s, (size_t)n + 1, format, ap);
	return s;
}

char *
text_format(const char *format, ...)
{
	va_list ap;
	char *s;

	va_start(ap, format);
	s = format_va(format, ap);
	va_end(ap);
	return s;
}

/* Takes s over. */
static void
list_take(struct list *l, char *s)
{
	l->item = text_room(l->item, l->n + 1, sizeof *l->item); /* and the NULL */
	l->item[l->n++] = s;
	l->item[l->n] = NULL;
}

void
list_add(struct list *l, const char *s)
{
	list_take(l, text_copy(s));
}

void
list_addf(struct list *l, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	list_take(l, format_va(format, ap));
	va_end(ap);
}

void
list_add_all(struct list *l, const char *const *words)
{
	for (; *words != NULL; words++)
		list_add(l, *words);
}

bool
list_has(const struct list *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->item[i], s) == 0)
			return true;
	return false;
}

char *
text_join(const struct list *l, const char *separator)
{
	size_t n = 1;
	char *text, *end;

	for (size_t i = 0; i < l->n; i++)
		n += strlen(l->item[i]) + strlen(separator);
	end = text = text_alloc(n);
	for (size_t i = 0; i < l->n; i++)
		end = stpcpy(stpcpy(end, i > 0 ? separator : ""), l->item[i]);
	return text;
}

void
list_free(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->item[i]);
	free(l->item);
	*l = (struct list){ 0 };
}

void
list_split(struct list *l, const char *text)
{
	char *word = text_alloc(strlen(text) + 1);
	size_t n = 0, keep = 0; /* keep: up to the last byte that is no blank */

	for (const char *p = text;; p++) {
		if (*p == ',' || *p == '\0') {
			word[keep] = '\0';
			if (keep > 0)
				list_add(l, word);
			n = keep = 0;
			if (*p == '\0')
				break;
		} else if (*p == '\\' && p[1] == ',') {
			word[n++] = *++p;
			keep = n;
		} else if (!strchr(" \t\r\n", *p)) {
			word[n++] = *p;
			keep = n;
		} else if (n > 0) {
			word[n++] = *p;
		}
	}
	free(word);
}

int
list_split_words(struct list *l, const char *text)
{
	char *word = text_alloc(strlen(text) + 1);
	size_t n = 0;
	char quote = '\0';
	bool open = false; /* in a word, which may be empty as '' */

	for (const char *p = text; *p != '\0'; p++) {
		if (quote == '\0' && strchr(" \t\r\n", *p)) {
			word[n] = '\0';
			if (open)
				list_add(l, word);
			n = 0;
			open = false;
			continue;
		}
		open = true;
		if (quote == '\0' && (*p == '\'' || *p == '"'))
			quote = *p;
		else if (*p == quote)
			quote = '\0';
		else if (*p == '\\' && quote == '\0' && p[1] != '\0')
			word[n++] = *++p;
		else if (*p == '\\' && quote == '"' &&
			 (p[1] == '"' || p[1] == '\\' || p[1] == '$' || p[1] == '`'))
			word[n++] = *++p;
		else
			word[n++] = *p;
	}
	word[n] = '\0';
	if (open)
		list_add(l, word);
	free(word);
	return quote == '\0' ? 0 : -1;
}

size_t
text_utf8(const char *s, uint32_t *character)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t min;
	} forms[] = {
		{ 0x80, 0x00, 0 },
		{ 0xe0, 0xc0, 0x80 },
		{ 0xf0, 0xe0, 0x800 },
		{ 0xf8, 0xf0, 0x10000 },
	};
	const unsigned char *u = (const unsigned char *)s;

	for (size_t i = 0; i < 4; i++) {
		uint32_t c;

		if ((u[0] & forms[i].mask) != forms[i].lead)
			continue;
		c = u[0] & (unsigned char)~forms[i].mask;
		for (size_t k = 1; k <= i; k++) {
			if ((u[k] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (u[k] & 0x3f);
		}
		if (c < forms[i].min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return 0;
		*character = c;
		return i + 1;
	}
	return 0;
}

void
text_escape(char *out, size_t size, const char *text, bool json)
{
	size_t n = 0;

	for (const char *p = text; *p != '\0';) {
		uint32_t c = (unsigned char)*p;
		size_t length = text_utf8(p, &c);
		char piece[8];

		/* C1 controls (U+0080 to U+009F) move a terminal's cursor too */
		if (length == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0)) {
			if (!json)
				snprintf(piece, sizeof piece,
				    c == '\n'  ? "\\n" :
				    c == '\t'  ? "\t" :
				    length > 1 ? "\\u%04x" :
						 "\\x%02x",
				    c);
			else
				snprintf(piece, sizeof piece, "\\u%04x", length == 0 ? 0xfffdU : c);
			p += length == 0 ? 1 : length;
		} else {
			bool quote = json && (c == '"' || c == '\\');

			snprintf(piece, sizeof piece, "%s%.*s", quote ? "\\" : "", (int)length, p);
			p += length;
		}
		length = strlen(piece);
		if (n + length >= size)
			break;
		memcpy(out + n, piece, length);
		n += length;
	}
	out[n] = '\0';
}

char *
text_escaped(const char *text, bool json)
{
	size_t size = strlen(text) * 6 + 1;
	char *out = text_alloc(size);

	text_escape(out, size, text, json);
	return out;
}

char *
text_stamp(char *out, size_t size, int64_t t)
{
	time_t at = (time_t)t;
	struct tm tm;

	if (gmtime_r(&at, &tm) == NULL || strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		*out = '\0';
	return out;
}

const char *
text_size(char *out, size_t size, int64_t bytes)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB" };
	double value = (double)bytes / 1000;
	size_t u = 0;

	if (bytes < 1000) {
		snprintf(out, size, "%lld B", (long long)bytes);
		return out;
	}
	for (; value >= 999.95 && u < 4; u++)
		value /= 1000;
	snprintf(out, size, "%.1f %s", value, units[u]);
	return out;
}

const char *
text_duration(char *out, size_t size, int64_t ms)
{
	static const struct {
		int64_t s;
		const char *unit;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	int64_t s = ms / 1000;

	if (ms < 60000) {
		snprintf(out, size, ms % 1000 == 0 ? "%.0f s" : "%.1f s", (double)ms / 1000);
		return out;
	}
	for (size_t i = 0; i < 3; i++) {
		if (s < units[i].s)
			continue;
		snprintf(out, size, "%lld %s %lld %s", (long long)(s / units[i].s), units[i].unit,
		    (long long)(s % units[i].s / units[i + 1].s), units[i + 1].unit);
		break;
	}
	return out;
}

int
text_number(const char *text, int64_t min, int64_t max, int64_t *value)
{
	char *end;
	long long n;

	if (strspn(text, "0123456789") != strlen(text) || *text == '\0')
		return -1;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno != 0 || n < min || n > max)
		return -1;
	*value = n;
	return 0;
}
