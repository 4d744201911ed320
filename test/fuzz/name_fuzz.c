/* lib/name.c: names of files taken apart, and names of databases put together. */
#include "../../lib/name.h"
#include "fuzz.h"

static const char *const labels[] = { "", "a", "a-b", "Ünï \\ x", "globals", "20260101T000000Z" };
#define LABELS (sizeof labels / sizeof labels[0])

/* Whatever lies in the bucket. */
static void
parse(const char *file, const char *label)
{
	struct name n = { .time = -7 };
	char again[NAME_SIZE], hidden[NAME_SIZE], back[NAME_SIZE];

	if (name_parse(&n, label, file) == -1) {
		MUST(n.time == -7 && !name_belongs(file, label, NULL) && !name_belongs(file, label, "a"));
	} else {
		MUST(name_build(again, sizeof again, label, &n) == 0 && strcmp(again, file) == 0);
		MUST(strchr(file, '/') == NULL && strlen(file) < NAME_SIZE && file[0] != '.');
		for (const char *p = file; *p != '\0'; p++)
			MUST((unsigned char)*p >= 0x20 && *p != 0x7f);
		if (n.kind == NAME_DUMP) {
			MUST(name_belongs(file, label, n.database) && !name_belongs(file, label, NULL));
			n.database[strlen(n.database) - 1] ^= 1;
			MUST(!name_belongs(file, label, n.database));
		} else {
			MUST(name_belongs(file, label, NULL) && !name_belongs(file, label, "globals"));
		}
		MUST(name_hide(hidden, sizeof hidden, file) == 0);
		MUST(hidden[0] == '.' && name_parse(&n, label, hidden) == -1);
		MUST(name_unhide(back, sizeof back, hidden) == 0 && strcmp(back, file) == 0);
	}
	if (name_unhide(back, sizeof back, file) == 0)
		MUST(name_hide(hidden, sizeof hidden, back) == 0 && strcmp(hidden, file) == 0);
	if (name_hide(hidden, sizeof hidden, file) == 0)
		MUST(name_unhide(back, sizeof back, hidden) == 0 && strcmp(back, file) == 0);
}

/* Whatever the server calls its databases, and the user sets as a prefix. */
static void
build(struct input *in, const char *label)
{
	struct name n = { .kind = fuzz_byte(in) % 2 ? NAME_GLOBALS : NAME_DUMP }, back;
	char file[NAME_SIZE], *database;

	n.encrypted = fuzz_byte(in) % 2;
	n.time = (time_t)fuzz_number(in, 5);
	database = fuzz_text(in, '\0');
	if (n.kind == NAME_DUMP)
		snprintf(n.database, sizeof n.database, "%s", database);
	if (name_build(file, sizeof file, label, &n) == -1) {
		MUST(*file == '\0');
		MUST(!name_label_valid(label) || (n.kind == NAME_DUMP && *database == '\0') || n.time > 253402300799 ||
		    strlen(label) + strlen(n.database) * 3 > 200);
		return;
	}
	MUST(name_parse(&back, label, file) == 0);
	MUST(back.kind == n.kind && back.encrypted == n.encrypted && back.time == n.time &&
	    strcmp(back.database, n.database) == 0);
	parse(file, label);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t choice = fuzz_byte(&in);
	const char *label = choice % 8 < LABELS ? labels[choice % 8] : fuzz_text(&in, '\0');

	if (choice & 64)
		build(&in, label);
	else
		parse(fuzz_text(&in, '\0'), label);
	fuzz_reset();
	return 0;
}
