/* lib/json.c: what rclone prints, in pieces of any length; the members of objects. */
#include "../../lib/json.h"
#include "../../lib/text.h"
#include "fuzz.h"

static const char *const keys[] = { "Path", "Size", "Key", "Initiated", "a", "" };

struct seen {
	size_t n;
	uint64_t sum;
};

static void
member(void *arg, const char *object)
{
	struct seen *seen = arg;
	char small[8], large[4096];
	int64_t number;

	seen->n++;
	for (const char *p = object; *p != '\0'; p++)
		seen->sum = seen->sum * 31 + (uint8_t)*p;
	MUST(*object == '{' || *object == '[');
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (json_string(object, keys[i], small, sizeof small) == 0)
			MUST(json_string(object, keys[i], large, sizeof large) == 0 && strcmp(small, large) == 0);
		if (json_string(object, keys[i], large, sizeof large) == 0)
			MUST(strlen(large) < sizeof large && json_number(object, keys[i], &number) == -1);
	}
}

/* A string that we would write ourselves comes back. */
static void
check_round_trip(const char *text)
{
	char *escaped = text_alloc(strlen(text) * 6 + 1), *back = text_alloc(strlen(text) * 3 + 1);
	char *object;
	uint32_t c;
	bool valid = true;

	for (const char *p = text; *p != '\0' && valid; p += text_utf8(p, &c))
		valid = text_utf8(p, &c) > 0;
	text_escape(escaped, strlen(text) * 6 + 1, text, true);
	object = text_format("{\"x\":{\"Path\":1},\"Path\" : \"%s\", \"Size\":-12}", escaped);
	MUST(json_string(object, "Path", back, strlen(text) * 3 + 1) == 0);
	MUST(!valid || strcmp(back, text) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct json_array whole, pieces;
	struct input in = { data, size };
	size_t piece = 1 + fuzz_byte(&in);
	struct seen seen = { 0 }, again = { 0 };
	const char *text;
	int64_t number;
	char out[64];

	whole = pieces = (struct json_array){ .n = 0 };
	json_feed(&whole, (const char *)in.at, in.left, member, &seen);
	for (size_t i = 0; i < in.left; i += piece)
		json_feed(&pieces, (const char *)in.at + i, in.left - i < piece ? in.left - i : piece, member, &again);
	MUST(seen.n == again.n && seen.sum == again.sum);
	MUST(whole.broken == pieces.broken && (whole.broken || whole.ended == pieces.ended));
	text = fuzz_text(&in, '\0');
	check_round_trip(text);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		json_string(text, keys[i], out, sizeof out);
		json_number(text, keys[i], &number);
	}
	fuzz_reset();
	return 0;
}
