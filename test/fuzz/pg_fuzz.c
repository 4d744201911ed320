/* lib/pg.c: what pg_dump --version and psql answer, with tools that answer the input. */
#include "../../lib/pg.c"
#include "answer.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t mode = fuzz_byte(&in);
	struct pg pg = { 0 };
	struct pg_server server = { 0 };
	struct process p;
	struct list names = { 0 };
	char text[64] = "", *rows = NULL;
	size_t n = 0;
	int major;

	piece = 1 + fuzz_byte(&in);
	answer_rc = mode & 128 ? 1 + (mode & 64 ? 126 : 0) : 0;
	answer = in;
	switch (mode % 3) {
	case 0:
		major = pg_tool_version(&pg, &p, "pg_dump", text, mode & 8 ? sizeof text : 8);
		MUST(strchr(text, '\n') == NULL && strlen(text) < (mode & 8 ? sizeof text : 8));
		MUST(major == -1 || (major > 0 && answer_rc == 0));
		break;
	case 1:
		if (pg_databases(&pg, "postgres", &names) == 0)
			for (size_t i = 0; i < names.n; i++)
				MUST(*names.item[i] != '\0');
		else
			MUST(answer_rc != 0);
		if (pg_query(&pg, "x", "SELECT 1", NULL, &rows, &n, true) == 0)
			MUST(n == in.left && memcmp(rows, in.at, n) == 0 && rows[n] == '\0');
		break;
	default:
		if (pg_connect(&pg, "x", 0, &server) == PG_OK)
			MUST(strlen(server.version_text) < sizeof server.version_text);
		else
			MUST(*pg.why != '\0');
	}
	fuzz_reset();
	return 0;
}
