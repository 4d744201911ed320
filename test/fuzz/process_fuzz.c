/* lib/process.c: what tools write to their standard error, in any pieces. */
#include "../../lib/process.c"
#include "fuzz.h"

static size_t logged;

void
log_tool(const char *tool, const char *line)
{
	MUST(strcmp(tool, "rclone") == 0 && *line != '\0' && strchr(line, '\n') == NULL && strlen(line) < 512);
	logged += strlen(line);
}

void log_line(enum log_level level, const char *format, ...) { (void)level; (void)format; }

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t mode = fuzz_byte(&in);
	size_t first = fuzz_byte(&in) * 8U;
	struct process p = { .name = "rclone", .pid = 1, .running = true, .quiet = mode & 1, .phrase = "password retrieved from file" };
	int fd[2];

	if (in.left > 60000)
		return 0;
	first = first < in.left ? first : in.left;
	MUST(pipe2(fd, O_CLOEXEC | O_NONBLOCK) == 0);
	p.err = fd[0];
	logged = 0;
	MUST(write(fd[1], in.at, first) == (ssize_t)first);
	read_stderr(&p);
	MUST(p.err != -1 && p.line_n < sizeof p.line);
	MUST(write(fd[1], in.at + first, in.left - first) == (ssize_t)(in.left - first));
	read_stderr(&p);
	close(fd[1]);
	read_stderr(&p);
	MUST(p.err == -1 && p.line_n == 0);
	MUST(strlen(p.said) < sizeof p.said && strchr(p.said, '\n') == NULL);
	MUST(logged <= in.left && (logged == 0 || !(mode & 1)));
	MUST(*p.said != '\0' || logged == 0 || strspn((const char *)(uintptr_t)": ", " :") > 0);
	MUST(!p.phrase_seen || memmem(in.at, in.left, "password", 8) != NULL || memchr(in.at, 0, in.left) != NULL);
	fuzz_reset();
	return 0;
}
