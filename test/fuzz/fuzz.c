/* Compiled without the -D of calloc and free. */
#undef calloc
#undef free
#include "fuzz.h"

#define CHUNKS (1 << 20)

void *fuzz_calloc(size_t n, size_t size);
void fuzz_free(void *p);

static void *chunk[CHUNKS];
static size_t chunks, kept;

void *
fuzz_calloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL || chunks == CHUNKS)
		abort();
	return chunk[chunks++] = p;
}

void
fuzz_free(void *p)
{
	/* most often one of the last */
	for (size_t i = chunks; i-- > 0;)
		if (chunk[i] == p) {
			chunk[i] = chunk[--chunks];
			break;
		}
	free(p);
}

void
fuzz_reset(void)
{
	while (chunks > 0)
		free(chunk[--chunks]);
}

void
fuzz_keep(void)
{
	static void *all[4096]; /* seen by the leak checker */

	while (chunks > 0 && kept < 4096)
		all[kept++] = chunk[--chunks];
}

uint8_t
fuzz_byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

uint64_t
fuzz_number(struct input *in, int n)
{
	uint64_t value = 0;

	while (n-- > 0)
		value = value << 8 | fuzz_byte(in);
	return value;
}

char *
fuzz_text(struct input *in, char end)
{
	size_t n = 0;
	char *text;

	while (n < in->left && in->at[n] != '\0' && in->at[n] != (uint8_t)end)
		n++;
	text = fuzz_calloc(n + 1, 1);
	if (n > 0)
		memcpy(text, in->at, n);
	in->at += n;
	in->left -= n;
	fuzz_byte(in);
	return text;
}
