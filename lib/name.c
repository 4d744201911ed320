/*
 * Names are parsed leniently and then built again: only the same bytes count.
 * So there is one definition of a name, name_build, and whatever parsing lets
 * through (31 February, lower-case hex, a sign in the year) fails there.
 */
#include "name.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* rclone crypt adds it by itself, so it stays last in the hidden name too */
#define ENCRYPTED_SUFFIX ".bin"
#define HIDDEN_PREFIX "."
#define HIDDEN_SUFFIX ".partial"
#define HIDDEN_EXTRA (sizeof(HIDDEN_PREFIX HIDDEN_SUFFIX) - 1)

#define STAMP_FORMAT "-%Y%m%dT%H%M%SZ"
#define STAMP_LEN (sizeof("-YYYYMMDDTHHMMSSZ") - 1)

static bool
one_of(unsigned char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static bool
is_plain(unsigned char c)
{
	return one_of(c, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");
}

/*
 * Characters that are valid UTF-8 and yet not written as they are: most of what
 * cannot be seen or reorders the text around it; what rclone takes for its own stand-ins
 * of '/', '.' and control characters, and stores as those; what XML listings
 * cannot hold.
 */
static bool
is_text(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} barred[] = {
		{ 0x0000, 0x00a0 },     /* ASCII has its own rule; C1 controls, no-break space */
		{ 0x00ad, 0x00ad },     /* soft hyphen */
		{ 0x061c, 0x061c },     /* Arabic letter mark */
		{ 0x180b, 0x180f },     /* Mongolian selectors and vowel separator */
		{ 0x2000, 0x206f },     /* spaces, joiners, bidi; U+201B is rclone's quote */
		{ 0x2400, 0x243f },     /* control pictures: rclone's control characters */
		{ 0x3000, 0x3000 },     /* ideographic space */
		{ 0xd800, 0xf8ff },     /* surrogates, private use */
		{ 0xfe00, 0xfe0f },     /* variation selectors */
		{ 0xfeff, 0xffff },     /* byte order mark, full-width forms: rclone's '/' */
		{ 0xe0000, UINT32_MAX } /* tags, private use, what is no character */
	};

	for (size_t i = 0; i < sizeof(barred) / sizeof(barred[0]); i++)
		if (c >= barred[i].first && c <= barred[i].last)
			return false;
	return true;
}

/* The length of the one UTF-8 character of text that s begins with, or 0. */
static size_t
text_length(const char *s)
{
	uint32_t c;
	size_t len = text_utf8(s, &c);

	return len > 0 && is_text(c) ? len : 0;
}

/* out has NAME_SIZE bytes; -1 if that is not enough. */
static int
escape(char *out, const char *database)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t len, used = 0;

	for (const char *s = database; *s != '\0'; s += len) {
		unsigned char c = (unsigned char)*s;

		if (used + 4 >= NAME_SIZE)
			return -1;
		len = text_length(s);
		if (len == 0 && is_plain(c) && !(c == '.' && s == database))
			len = 1;
		if (len > 0) {
			memcpy(out + used, s, len);
			used += len;
		} else {
			out[used++] = '%';
			out[used++] = hex[c >> 4];
			out[used++] = hex[c & 15];
			len = 1;
		}
	}
	out[used] = '\0';
	return 0;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* out has NAME_DATABASE_SIZE bytes. Takes more than escape gives. */
static int
unescape(char *out, const char *s, size_t len)
{
	size_t used = 0;
	int high, low;

	for (size_t i = 0; i < len; i++) {
		if (used + 1 >= NAME_DATABASE_SIZE)
			return -1;
		if (s[i] != '%') {
			out[used++] = s[i];
			continue;
		}
		if (len - i < 3)
			return -1;
		high = hex_value(s[i + 1]);
		low = hex_value(s[i + 2]);
		if (high == -1 || low == -1)
			return -1;
		out[used++] = (char)(high << 4 | low);
		i += 2;
	}
	out[used] = '\0';
	return 0;
}

bool
name_label_valid(const char *label)
{
	size_t len;

	if (*label == '.')
		return false;
	for (; *label != '\0'; label += len) {
		len = *label >= ' ' && *label <= '~' && *label != '/' ? 1 : text_length(label);
		if (len == 0)
			return false;
	}
	return true;
}

int
name_build(char *out, size_t size, const char *label, const struct name *n)
{
	char database[NAME_SIZE] = "globals", stamp[STAMP_LEN + 1];
	struct tm tm;
	int len;

	if (size > 0)
		out[0] = '\0';
	if (!name_label_valid(label))
		return -1;
	/* The year 10000 does not fit in stamp. */
	if (n->time < 0 || gmtime_r(&n->time, &tm) == NULL ||
	    strftime(stamp, sizeof(stamp), STAMP_FORMAT, &tm) != STAMP_LEN)
		return -1;
	if (n->kind == NAME_DUMP && (n->database[0] == '\0' || escape(database, n->database) == -1))
		return -1;

	len = snprintf(out, size, "%s%s%s%s%s%s", label, *label != '\0' ? "-" : "", database, stamp,
	    n->kind == NAME_DUMP ? ".pg-dump" : ".sql", n->encrypted ? ENCRYPTED_SUFFIX : "");
	if (len >= 0 && (size_t)len < size && (size_t)len + HIDDEN_EXTRA <= NAME_MAX_BYTES)
		return 0;
	if (size > 0)
		out[0] = '\0';
	return -1;
}

/* Shorten s, of *len bytes, by suffix if it ends in it. */
static bool
strip(const char *s, size_t *len, const char *suffix)
{
	size_t n = strlen(suffix);

	if (*len < n || memcmp(s + *len - n, suffix, n) != 0)
		return false;
	*len -= n;
	return true;
}

/* s has STAMP_LEN bytes. Takes more than strftime gives. */
static int
parse_stamp(time_t *t, const char *s)
{
	char stamp[STAMP_LEN + 1] = "";
	struct tm tm = { 0 };

	memcpy(stamp, s, STAMP_LEN);
	if (strptime(stamp, STAMP_FORMAT, &tm) == NULL)
		return -1;
	*t = timegm(&tm);
	return 0;
}

int
name_parse(struct name *n, const char *label, const char *file)
{
	struct name found = { .kind = NAME_DUMP };
	char again[NAME_SIZE];
	size_t len = strlen(file), start = strlen(label);

	if (start > 0)
		start++; /* its dash */
	found.encrypted = strip(file, &len, ENCRYPTED_SUFFIX);
	if (strip(file, &len, ".sql"))
		found.kind = NAME_GLOBALS;
	else if (!strip(file, &len, ".pg-dump"))
		return -1;
	if (len < start + STAMP_LEN)
		return -1;
	len -= STAMP_LEN;
	if (parse_stamp(&found.time, file + len) == -1)
		return -1;
	if (found.kind == NAME_DUMP && unescape(found.database, file + start, len - start) == -1)
		return -1;

	if (name_build(again, sizeof(again), label, &found) == -1 || strcmp(again, file) != 0)
		return -1;
	*n = found;
	return 0;
}

bool
name_belongs(const char *file, const char *label, const char *database)
{
	struct name n;

	if (name_parse(&n, label, file) == -1)
		return false;
	if (database == NULL)
		return n.kind == NAME_GLOBALS;
	return n.kind == NAME_DUMP && strcmp(n.database, database) == 0;
}

int
name_hide(char *out, size_t size, const char *file)
{
	size_t len = strlen(file), base = len;
	bool encrypted = strip(file, &base, ENCRYPTED_SUFFIX);

	if (size > 0)
		out[0] = '\0';
	if (len == 0 || strchr(file, '/') != NULL || len + HIDDEN_EXTRA > NAME_MAX_BYTES ||
	    len + HIDDEN_EXTRA >= size)
		return -1;
	snprintf(out, size, HIDDEN_PREFIX "%.*s" HIDDEN_SUFFIX "%s", (int)base, file,
	    encrypted ? ENCRYPTED_SUFFIX : "");
	return 0;
}

int
name_unhide(char *out, size_t size, const char *hidden)
{
	size_t full = strlen(hidden), len = full;
	bool encrypted = strip(hidden, &len, ENCRYPTED_SUFFIX);
	char again[NAME_SIZE];

	if (size > 0)
		out[0] = '\0';
	if (full <= HIDDEN_EXTRA || full > NAME_MAX_BYTES || full - HIDDEN_EXTRA >= size ||
	    hidden[0] != HIDDEN_PREFIX[0] || !strip(hidden, &len, HIDDEN_SUFFIX) ||
	    strchr(hidden, '/') != NULL)
		return -1;
	snprintf(
	    out, size, "%.*s%s", (int)(len - 1), hidden + 1, encrypted ? ENCRYPTED_SUFFIX : "");
	/* as for other names: ".X.bin.partial" is nothing that we hide */
	if (name_hide(again, sizeof(again), out) == 0 && strcmp(again, hidden) == 0)
		return 0;
	out[0] = '\0';
	return -1;
}
