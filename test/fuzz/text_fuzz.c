/* lib/text.c, lib/duration.c: lists, numbers, durations, escaping. */
#include "fuzz.h"

#include "../../lib/duration.h"
#include "../../lib/text.h"

/* The same by other means: 128 bits, and no early end. */
static int
slow_number(const char *text, __int128 *value)
{
	*value = 0;
	if (*text == '\0')
		return -1;
	for (; *text >= '0' && *text <= '9'; text++)
		if (*value < (__int128)1 << 100)
			*value = *value * 10 + (*text - '0');
	return *text == '\0' ? 0 : -1;
}

static void
check_numbers(const char *text)
{
	__int128 slow;
	int64_t n = 77;
	long s = 77;
	char digits[64];
	const char *unit = text + strspn(text, "0123456789");
	long unit_s = *unit == '\0' || *unit == 's' ? 1 : *unit == 'm' ? 60 : *unit == 'h' ? 3600 : *unit == 'd' ? 86400 :
	    *unit == 'w' ? 604800 : 0;

	if (text_number(text, 0, INT64_MAX, &n) == 0)
		MUST(slow_number(text, &slow) == 0 && slow == n);
	else
		MUST(n == 77 && (slow_number(text, &slow) == -1 || slow > INT64_MAX));
	if (strlen(text) >= sizeof digits)
		return;
	snprintf(digits, sizeof digits, "%.*s", (int)(unit - text), text);
	if (slow_number(digits, &slow) == -1 || unit_s == 0 || (*unit != '\0' && unit[1] != '\0') || slow * unit_s > INT64_MAX)
		MUST(duration_parse(text, &s) == -1 && s == 77);
	else
		MUST(duration_parse(text, &s) == 0 && s == slow * unit_s);
}

static void
check_list(const char *text)
{
	struct list l = { 0 };

	list_split(&l, text);
	for (size_t i = 0; i < l.n; i++) {
		const char *item = l.item[i];
		size_t n = strlen(item);

		MUST(n > 0 && strchr(" \t\r\n", item[0]) == NULL && strchr(" \t\r\n", item[n - 1]) == NULL);
		MUST(strchr(item, ',') == NULL || strstr(text, "\\,") != NULL);
		MUST(list_has(&l, item));
	}
	MUST(l.n == 0 || l.item[l.n] == NULL);
	list_free(&l);
	MUST(l.n == 0 && l.item == NULL);
}

static void
check_escape(const char *text, bool json, size_t size)
{
	char *whole = text_alloc(strlen(text) * 6 + 1), *part = text_alloc(size);

	text_escape(whole, strlen(text) * 6 + 1, text, json);
	text_escape(part, size, text, json);
	MUST(strncmp(whole, part, strlen(part)) == 0);
	MUST(strlen(part) + 6 >= size || strlen(part) == strlen(whole));
	for (const char *p = whole; *p != '\0';) {
		uint32_t c;
		size_t n = text_utf8(p, &c);

		MUST(n > 0);
		MUST((unsigned char)*p >= 0x20 || (*p == '\t' && !json));
		MUST(c < 0x7f || c > 0x9f);
		p += n;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t mode = fuzz_byte(&in);
	int64_t n = (int64_t)fuzz_number(&in, 8);
	char *text = fuzz_text(&in, '\0'), shown[40];

	check_numbers(text);
	check_list(text);
	check_escape(text, mode & 1, 1 + (size_t)(mode >> 1));
	if (n >= 0) {
		MUST(strlen(text_size(shown, sizeof shown, n)) > 0);
		MUST(strlen(text_duration(shown, sizeof shown, n)) > 0);
	}
	fuzz_reset();
	return 0;
}
