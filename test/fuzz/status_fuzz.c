/* status.c: a status file that anything may have written; ours comes back as it was. */
#include <unistd.h>

#include "../../status.c"
#include "fuzz.h"

static char path[64];

static void
write_file(const void *data, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	MUST(fd != -1 && write(fd, data, n) == (ssize_t)n);
	close(fd);
}

static void
end(void)
{
	unlink(path);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	snprintf(path, sizeof path, "/dev/shm/status-fuzz.%d", (int)getpid());
	atexit(end);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c = { .status_file = path };
	struct status s, again;
	char *text = NULL;
	size_t n = 0;
	FILE *f;

	write_file(data, size);
	MUST(status_read(&c, &s) == 0);
	for (size_t i = 0; i < s.n; i++)
		MUST(status_item(&s, s.item[i].database, s.item[i].destination) == &s.item[i]);
	f = open_memstream(&text, &n);
	print(f, &s);
	fclose(f);
	write_file(text, n);
	MUST(status_read(&c, &again) == 0);
	MUST(again.pid == s.pid && again.started == s.started && again.next_due == s.next_due && again.working == s.working);
	MUST(again.n <= s.n);
	for (size_t i = 0; i < s.n && again.n == s.n; i++) {
		const struct status_item *a = &s.item[i], *b = &again.item[i];

		MUST(a->wanted == b->wanted && a->success == b->success && a->size_bytes == b->size_bytes &&
		    a->duration_ms == b->duration_ms && a->kept == b->kept && a->failures == b->failures && a->failed == b->failed);
	}
	status_free(&s);
	status_free(&again);
	(free)(text); /* of libc, not counted */
	fuzz_reset();
	return 0;
}
