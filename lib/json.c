#include "json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Keeps brackets, strings and escapes apart; what they hold is not looked at. */
static void
feed_byte(struct json_array *a, char c, void (*member)(void *, const char *), void *arg)
{
	if (a->depth > 0) {
		if (a->n == sizeof a->object - 1) {
			a->broken = true;
			return;
		}
		a->object[a->n++] = c;
	}
	if (a->in_string) {
		if (a->escaped)
			a->escaped = false;
		else if (c == '\\')
			a->escaped = true;
		else if (c == '"')
			a->in_string = false;
		return;
	}
	switch (c) {
	case '"':
		a->in_string = true;
		a->broken = a->broken || a->depth == 0;
		break;
	case '[':
		if (!a->begun) {
			a->begun = true;
			break;
		}
		/* fallthrough */
	case '{':
		if (!a->begun || a->ended)
			a->broken = true;
		else if (a->depth++ == 0)
			a->object[a->n++] = c;
		break;
	case ']':
		if (a->depth == 0) {
			a->broken = a->broken || !a->begun || a->ended;
			a->ended = true;
			break;
		}
		/* fallthrough */
	case '}':
		if (a->depth == 0) {
			a->broken = true;
		} else if (--a->depth == 0) {
			a->object[a->n] = '\0';
			member(arg, a->object);
			a->n = 0;
		}
		break;
	default:
		if (a->depth == 0 && strchr(", \t\r\n", c) == NULL)
			a->broken = true;
	}
}

void
json_feed(struct json_array *a, const char *data, size_t n,
    void (*member)(void *arg, const char *object), void *arg)
{
	for (size_t i = 0; i < n && !a->broken; i++)
		feed_byte(a, data[i], member, arg);
}

/* Behind the string whose opening quote is at p; NULL if it does not end. */
static const char *
skip_string(const char *p)
{
	for (p++; *p != '"'; p++) {
		if (*p == '\\')
			p++;
		if (*p == '\0')
			return NULL;
	}
	return p + 1;
}

/* The value of the object's own member key, not of one nested in it. */
static const char *
find(const char *object, const char *key)
{
	size_t length = strlen(key);
	int depth = 0;

	for (const char *p = object; *p != '\0';) {
		const char *end;

		if (*p != '"') {
			depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
			p++;
			continue;
		}
		if ((end = skip_string(p)) == NULL)
			return NULL;
		if (depth == 1 && end[strspn(end, " \t\r\n")] == ':' &&
		    (size_t)(end - p) == length + 2 && memcmp(p + 1, key, length) == 0) {
			end += strspn(end, " \t\r\n") + 1;
			return end + strspn(end, " \t\r\n");
		}
		p = end;
	}
	return NULL;
}

static int
hex4(const char *p, unsigned long *c)
{
	char digits[5] = { 0 };
	char *end;

	for (int i = 0; i < 4; i++) {
		if (p[i] == '\0' || strchr("0123456789abcdefABCDEF", p[i]) == NULL)
			return -1;
		digits[i] = p[i];
	}
	*c = strtoul(digits, &end, 16);
	return 0;
}

/* \uXXXX at p (behind the u), maybe half of a pair; as UTF-8. Its length in the text, or -1. */
static int
unicode_escape(const char *p, char *out, size_t *n)
{
	unsigned long c, low;
	int used = 4;

	if (hex4(p, &c) == -1 || c == 0)
		return -1;
	if (c >= 0xd800 && c < 0xdc00 && p[4] == '\\' && p[5] == 'u' && hex4(p + 6, &low) == 0 &&
	    low >= 0xdc00 && low < 0xe000) {
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		used = 10;
	}
	*n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = *n; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(*n == 1 ? c : c | (0xf00UL >> *n & 0xff));
	return used;
}

int
json_string(const char *object, const char *key, char *out, size_t size)
{
	static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	const char *p = find(object, key);
	size_t n = 0;

	if (p == NULL || *p++ != '"')
		return -1;
	while (*p != '"') {
		char piece[4] = { *p };
		size_t length = 1;

		if (*p == '\0')
			return -1;
		if (*p++ == '\\') {
			const char *e = NULL;
			int used;

			for (size_t i = 0; i + 1 < sizeof escapes; i += 2)
				if (escapes[i] == *p)
					e = &escapes[i + 1];
			if (e != NULL) {
				piece[0] = *e;
				p++;
			} else if (*p != 'u' ||
				   (used = unicode_escape(p + 1, piece, &length)) == -1) {
				return -1;
			} else {
				p += 1 + used;
			}
		}
		if (n + length >= size)
			return -1;
		memcpy(out + n, piece, length);
		n += length;
	}
	out[n] = '\0';
	return 0;
}

int
json_number(const char *object, const char *key, int64_t *out)
{
	const char *p = find(object, key);
	char *end;
	long long n;

	if (p == NULL)
		return -1;
	errno = 0;
	n = strtoll(p, &end, 10);
	if (end == p || errno != 0 || strchr(",}] \t\r\n", *end) == NULL)
		return -1;
	*out = n;
	return 0;
}
