#include "list.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "exit.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/process.h"

const char *
list_time(char *out, size_t size, time_t t)
{
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, size, "%Y-%m-%d %H:%M:%S UTC", &tm);
	return out;
}

const char *
list_age(char *out, size_t size, time_t t)
{
	int64_t s = (int64_t)time(NULL) - t;
	char text[40];

	text_duration(text, sizeof text, (s < 0 ? -s : s) * 1000);
	snprintf(out, size, s < 0 ? "in %s" : "%s ago", text);
	return out;
}

void
list_places(const struct catalog *cat, size_t i, const struct destinations *d, bool *done,
    char *out, size_t size)
{
	const struct backup *first = &cat->item[i];
	size_t n = 0;

	out[0] = '\0';
	for (; i < cat->n && cat->item[i].time == first->time; i++) {
		const struct backup *b = &cat->item[i];

		if (strcmp(b->file, first->file) != 0 || b->size_bytes != first->size_bytes)
			continue;
		done[i] = true;
		if (n < size)
			n += (size_t)snprintf(out + n, size - n, "%s%s", n > 0 ? ", " : "",
			    d->item[b->destination].name);
	}
}

int
list_end(int status)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	log_error("cannot write to standard output: %s", strerror(errno));
	return EXIT_FAILED;
}

/* A member of an object, and what stands behind it; null where value is NULL. */
static void
print_text(const char *key, const char *value, const char *end)
{
	char *escaped = text_escaped(value != NULL ? value : "null", true);
	const char *quote = value != NULL ? "\"" : "";

	printf("\"%s\":%s%s%s%s", key, quote, escaped, quote, end);
	free(escaped);
}

/* known: it is a backup; else another file, of which only name, size and place are told. */
static void
print_object(const struct backup *b, bool known, bool first, const struct destinations *d)
{
	char stamp[32];
	struct tm tm;

	gmtime_r(&b->time, &tm);
	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &tm);
	printf("%s\n{", first ? "" : ",");
	print_text("name", b->file, ",");
	print_text("kind", !known ? "other" : b->globals ? "globals" : "dump", ",");
	print_text("database", known && !b->globals ? b->database : NULL, ",");
	print_text("time", known ? stamp : NULL, ",");
	printf("\"size_bytes\":%lld,\"encrypted\":%s,", (long long)b->size_bytes,
	    known ? (b->encrypted ? "true" : "false") : "null");
	print_text("destination", d->item[b->destination].name, "}");
}

/* One object for each file at each destination. */
static void
print_json(const struct catalog *cat, const struct destinations *d, const bool *shown, bool all)
{
	bool first = true;

	printf("[");
	for (size_t i = 0; i < cat->n; i++) {
		if (shown[i])
			print_object(&cat->item[i], true, first, d);
		first = first && !shown[i];
	}
	for (size_t i = 0; all && i < d->n; i++)
		for (size_t k = 0; k < cat->foreign[i].n; k++, first = false) {
			const struct object *o = &cat->foreign[i].item[k];
			const struct backup other = {
				.file = o->name, .size_bytes = o->size_bytes, .destination = i
			};

			print_object(&other, false, first, d);
		}
	printf("\n]\n");
}

/* Columns that a terminal takes for it; list_run has set a locale that knows UTF-8. */
static int
width(const char *text)
{
	mbstate_t state = { 0 };
	int n = 0;

	while (*text != '\0') {
		wchar_t c;
		size_t length = mbrtowc(&c, text, strlen(text), &state);
		int columns = 1;

		if (length == (size_t)-1 || length == (size_t)-2) {
			state = (mbstate_t){ 0 };
			length = 1;
		} else {
			columns = wcwidth(c);
		}
		n += columns < 0 ? 1 : columns;
		text += length;
	}
	return n;
}

enum { DATABASE, TIME, AGE, SIZE, WHERE, ENCRYPTED, NAME, COLUMNS };

/* Once for all rows to find the widths, then once more to print them. */
static void
put_row(const char *const *cell, int *wide, bool print)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		int columns = width(cell[i]), fill = wide[i] - columns;

		if (!print && fill < 0)
			wide[i] = columns;
		else if (print && i == SIZE) /* to the right */
			printf("%*s%s  ", fill, "", cell[i]);
		else if (print)
			printf("%s%*s", cell[i], i == NAME ? 0 : fill + 2, "");
	}
	if (print)
		putchar('\n');
}

static void
print_table(const struct catalog *cat, const struct destinations *d, const bool *shown)
{
	static const char *const title[COLUMNS] = { "DATABASE", "TIME (UTC)", "AGE", "SIZE",
		"WHERE", "ENCRYPTED", "NAME" };
	bool *done = text_alloc(cat->n + 1);
	int wide[COLUMNS] = { 0 };

	for (int pass = 0; pass < 2; pass++) {
		put_row(title, wide, pass == 1);
		for (size_t i = 0; i < cat->n; i++)
			done[i] = !shown[i];
		for (size_t i = 0; i < cat->n; i++) {
			const struct backup *b = &cat->item[i];
			char database[NAME_SIZE * 4], stamp[64], age[64], size[32], where[512],
			    file[NAME_SIZE * 4];
			const char *const cell[COLUMNS] = { database, stamp, age, size, where,
				b->encrypted ? "yes" : "no", file };

			if (done[i])
				continue;
			list_places(cat, i, d, done, where, sizeof where);
			text_escape(database, sizeof database,
			    b->globals ? "(globals)" : b->database, false);
			text_escape(file, sizeof file, b->file, false);
			list_time(stamp, sizeof stamp, b->time);
			stamp[strlen("YYYY-MM-DD HH:MM:SS")] = '\0'; /* the title says UTC */
			list_age(age, sizeof age, b->time);
			text_size(size, sizeof size, b->size_bytes);
			put_row(cell, wide, pass == 1);
		}
	}
	putchar('\n');
	free(done);
}

/* Totals, a line for each destination, and what else is there. */
static void
print_totals(const struct catalog *cat, const struct destinations *d, const bool *shown,
    const struct arguments *a)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct listing *foreign = &cat->foreign[i];
		int64_t bytes = 0, foreign_bytes = 0;
		char size[32], text[32], *escaped;
		size_t n = 0;

		if (cat->failed[i]) {
			printf("%s: cannot be listed\n", d->item[i].name);
			continue;
		}
		for (size_t k = 0; k < cat->n; k++)
			if (shown[k] && cat->item[k].destination == i) {
				bytes += cat->item[k].size_bytes;
				n++;
			}
		if (n == 0)
			printf("%s: no backups", d->item[i].name);
		else
			printf("%s: %zu %s", d->item[i].name, n, n == 1 ? "backup" : "backups");
		if (a->db != NULL) {
			escaped = text_escaped(a->db, false);
			printf(" of \"%s\"", escaped);
			free(escaped);
		}
		if (n == 0)
			printf(" found");
		else
			printf(", %s", text_size(size, sizeof size, bytes));
		for (size_t k = 0; k < foreign->n; k++)
			foreign_bytes += foreign->item[k].size_bytes;
		if (foreign->n > 0)
			printf("; %zu other %s, %s%s", foreign->n,
			    foreign->n == 1 ? "file" : "files",
			    text_size(size, sizeof size, foreign_bytes),
			    a->all          ? ":" :
			    foreign->n == 1 ? " (--all shows it)" :
					      " (--all shows them)");
		putchar('\n');
		for (size_t k = 0; k < foreign->n && a->all; k++) {
			escaped = text_escaped(foreign->item[k].name, false);
			printf("  %8s  %s\n",
			    text_size(text, sizeof text, foreign->item[k].size_bytes), escaped);
			free(escaped);
		}
	}
}

int
list_run(const struct config *c, const struct arguments *a)
{
	struct destinations *d = text_alloc(sizeof *d);
	struct catalog *cat = text_alloc(sizeof *cat);
	struct destination *from;
	bool *shown, any = false;
	int status = EXIT_DONE;

	if (a->names.n > 0) {
		log_error(
		    "list-backups takes no name; --db NAME names a database, --from WHERE a destination");
		return EXIT_USAGE;
	}
	destinations_init(d, c);
	if (a->from != NULL) {
		if ((from = destinations_find(d, a->from)) == NULL) {
			log_error("--from: there is no destination \"%s\" here", a->from);
			return EXIT_USAGE;
		}
		d->item[0] = *from;
		d->n = 1;
	}
	setlocale(LC_CTYPE, "C.UTF-8");
	if (catalog_read(cat, d, c->label) == -1)
		status = EXIT_FAILED;
	if (process_stopping() != 0)
		return EXIT_SIGNAL + process_stopping();
	shown = text_alloc(cat->n + 1);
	for (size_t i = 0; i < cat->n; i++) {
		shown[i] = a->db == NULL || backup_is_of(&cat->item[i], a->db);
		any = any || shown[i];
	}
	if (a->json) {
		print_json(cat, d, shown, a->all);
	} else {
		if (any)
			print_table(cat, d, shown);
		print_totals(cat, d, shown, a);
	}
	return list_end(destinations_status(d, status));
}
