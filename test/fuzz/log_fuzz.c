/* lib/log.c: lines that hold secrets and anything that tools say; text and JSON. */
#include <unistd.h>

#include "../../lib/json.h"
#include "fuzz.h"

static char line[70000];
static size_t line_n;

static ssize_t
fuzz_write(int fd, const void *data, size_t n)
{
	MUST(fd == STDERR_FILENO && line_n == 0 && n < sizeof line);
	memcpy(line, data, n);
	line[n] = '\0';
	line_n = n;
	return (ssize_t)n;
}

#define write fuzz_write
#include "../../lib/log.c"
#undef write

static void
member(void *arg, const char *object)
{
	char text[LINE_BYTES * 2];

	++*(int *)arg;
	MUST(json_string(object, "message", text, sizeof text) == 0);
	MUST(json_string(object, "level", text, sizeof text) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct json_array array;
	struct input in = { data, size };
	uint8_t mode = fuzz_byte(&in);
	const char *secret[3];
	char *text, *masked;
	int n = 0;

	secrets_n = 0;
	for (size_t i = 0; i < 3; i++) {
		secret[i] = fuzz_text(&in, '\n');
		log_secret(secret[i]);
	}
	text = fuzz_text(&in, '\0');
	masked = text_copy(text);
	log_redact(masked);
	MUST(strlen(masked) <= strlen(text));
	for (size_t i = 0; i < 3; i++) {
		char *whole = text_copy(secret[i]);

		/* "***" put in may complete one that has asterisks itself: no secret is told by that */
		MUST(strlen(secret[i]) < SECRET_MIN || strchr(secret[i], '*') != NULL || strstr(masked, secret[i]) == NULL);
		log_redact(whole);
		MUST(strlen(secret[i]) < SECRET_MIN || strcmp(whole, "***") == 0);
	}
	log_setup(mode & 1 ? LOG_JSON : LOG_TEXT);
	line_n = 0;
	if (mode & 2)
		log_tool("rclone", text);
	else
		log_line(mode & 4 ? LOG_ERROR : LOG_INFO, "cannot back up %s", text);
	MUST(line_n > 0 && line[line_n - 1] == '\n' && strchr(line, '\n') == line + line_n - 1);
	for (size_t i = 0; i + 1 < line_n; i++)
		MUST((unsigned char)line[i] >= 0x20 || line[i] == '\t');
	if (mode & 1) {
		array = (struct json_array){ .n = 0 };
		json_feed(&array, "[", 1, member, &n);
		json_feed(&array, line, line_n, member, &n);
		json_feed(&array, "]", 1, member, &n);
		MUST(n == 1 && array.ended && !array.broken);
	}
	fuzz_reset();
	return 0;
}
