#include "list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup.h"
#include "lib/log.h"
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
list_places(const struct catalog *cat, size_t i, const struct destinations *d, bool *done, char *out, size_t size)
{
	const struct backup *first = &cat->item[i];
	size_t n = 0;

	out[0] = '\0';
	for (; i < cat->n && cat->item[i].name.time == first->name.time; i++) {
		const struct backup *b = &cat->item[i];

		if (strcmp(b->file, first->file) != 0 || b->size_bytes != first->size_bytes)
			continue;
		done[i] = true;
		if (n < size)
			n += (size_t)snprintf(out + n, size - n, "%s%s", n > 0 ? ", " : "", d->item[b->destination].name);
	}
}

static void
print_json_text(const char *key, const char *value)
{
	char escaped[NAME_SIZE * 8];

	text_escape(escaped, sizeof escaped, value, true);
	printf("\"%s\":\"%s\"", key, escaped);
}

/* One object for each file at each destination. */
static void
print_json(const struct catalog *cat, const struct destinations *d, const bool *shown, bool all)
{
	const char *comma = "";
	char stamp[32];
	struct tm tm;

	printf("[");
	for (size_t i = 0; i < cat->n; i++) {
		const struct backup *b = &cat->item[i];

		if (!shown[i])
			continue;
		gmtime_r(&b->name.time, &tm);
		strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &tm);
		printf("%s\n{", comma);
		print_json_text("name", b->file);
		printf(",\"kind\":\"%s\",", b->name.kind == NAME_DUMP ? "dump" : "globals");
		if (b->name.kind == NAME_DUMP)
			print_json_text("database", b->name.database);
		else
			printf("\"database\":null");
		printf(",\"time\":\"%s\",\"size_bytes\":%lld,\"encrypted\":%s,", stamp, (long long)b->size_bytes,
		    b->name.encrypted ? "true" : "false");
		print_json_text("destination", d->item[b->destination].name);
		printf("}");
		comma = ",";
	}
	for (size_t i = 0; all && i < d->n; i++)
		for (size_t k = 0; k < cat->foreign[i].n; k++) {
			printf("%s\n{", comma);
			print_json_text("name", cat->foreign[i].item[k].name);
			printf(",\"kind\":\"other\",\"size_bytes\":%lld,", (long long)cat->foreign[i].item[k].size_bytes);
			print_json_text("destination", d->item[i].name);
			printf("}");
			comma = ",";
		}
	printf("\n]\n");
}

/* Columns of a character that is no ASCII are counted as one. */
static int
width(const char *text)
{
	int n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void
print_row(const char *const *cell, const int *wide, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%s%*s", cell[i], i + 1 < n ? wide[i] - width(cell[i]) + 2 : 0, "");
	putchar('\n');
}

#define COLUMNS 7

static void
print_table(const struct catalog *cat, const struct destinations *d, const bool *shown)
{
	static const char *const title[COLUMNS] = { "DATABASE", "TIME", "AGE", "SIZE", "WHERE", "ENCRYPTED", "NAME" };
	bool *done = text_alloc(cat->n + 1);
	int wide[COLUMNS] = { 0 };
	bool any = false;

	for (size_t i = 0; i < cat->n; i++)
		any = any || shown[i];
	/* first for the widths, then to print */
	for (int pass = 0; pass < 2 && any; pass++) {
		if (pass == 1)
			print_row(title, wide, COLUMNS);
		for (size_t i = 0; i < COLUMNS && pass == 0; i++)
			wide[i] = width(title[i]);
		memcpy(done, shown, cat->n);
		for (size_t i = 0; i < cat->n; i++)
			done[i] = !shown[i];
		for (size_t i = 0; i < cat->n; i++) {
			const struct backup *b = &cat->item[i];
			char database[NAME_SIZE * 4], stamp[64], age[64], size[32], where[512], file[NAME_SIZE * 4];
			const char *const cell[COLUMNS] = { database, stamp, age, size, where,
				b->name.encrypted ? "yes" : "no", file };

			if (done[i])
				continue;
			list_places(cat, i, d, done, where, sizeof where);
			text_escape(database, sizeof database, b->name.kind == NAME_GLOBALS ? "(globals)" : b->name.database, false);
			text_escape(file, sizeof file, b->file, false);
			list_time(stamp, sizeof stamp, b->name.time);
			list_age(age, sizeof age, b->name.time);
			text_size(size, sizeof size, b->size_bytes);
			for (size_t k = 0; k < COLUMNS && pass == 0; k++)
				wide[k] = width(cell[k]) > wide[k] ? width(cell[k]) : wide[k];
			if (pass == 1)
				print_row(cell, wide, COLUMNS);
		}
	}
	free(done);
}

/* Totals and what is not shown, a line for each destination. */
static void
print_totals(const struct catalog *cat, const struct destinations *d, const bool *shown, bool all)
{
	for (size_t i = 0; i < d->n; i++) {
		int64_t bytes = 0, foreign = 0;
		size_t n = 0;
		char size[32];

		if (cat->failed[i])
			continue;
		for (size_t k = 0; k < cat->n; k++)
			if (shown[k] && cat->item[k].destination == i) {
				bytes += cat->item[k].size_bytes;
				n++;
			}
		for (size_t k = 0; k < cat->foreign[i].n; k++) {
			char name[NAME_SIZE * 4];

			foreign += cat->foreign[i].item[k].size_bytes;
			text_escape(name, sizeof name, cat->foreign[i].item[k].name, false);
			if (all)
				printf("other file at %s: %s, %s\n", d->item[i].name,
				    text_size(size, sizeof size, cat->foreign[i].item[k].size_bytes), name);
		}
		printf("%s: %zu %s, %s", d->item[i].name, n, n == 1 ? "backup" : "backups", text_size(size, sizeof size, bytes));
		if (cat->foreign[i].n > 0)
			printf("; %zu other %s, %s%s", cat->foreign[i].n, cat->foreign[i].n == 1 ? "file" : "files",
			    text_size(size, sizeof size, foreign), all ? "" : " (--all shows them)");
		putchar('\n');
	}
}

int
list_run(const struct config *c, const struct arguments *a)
{
	struct destinations *d = text_alloc(sizeof *d);
	struct catalog *cat = text_alloc(sizeof *cat);
	struct destination *from;
	bool *shown;
	int rc;

	if (a->names.n > 0) {
		log_error("list-backups takes no name; --db NAME names a database, --from WHERE a destination");
		return EXIT_USAGE;
	}
	if (destinations_init(d, c) == -1)
		return EXIT_USAGE;
	if (a->from != NULL) {
		if ((from = destinations_find(d, a->from)) == NULL) {
			log_error("--from: there is no destination \"%s\" here", a->from);
			return EXIT_USAGE;
		}
		d->item[0] = *from;
		d->n = 1;
	}
	rc = catalog_read(cat, d, c->label, false);
	if (process_stopping() != 0)
		return EXIT_SIGNAL + process_stopping();
	shown = text_alloc(cat->n + 1);
	for (size_t i = 0; i < cat->n; i++)
		shown[i] = a->db == NULL || backup_is_of(&cat->item[i], a->db);
	if (a->json) {
		print_json(cat, d, shown, a->all);
	} else {
		print_table(cat, d, shown);
		print_totals(cat, d, shown, a->all);
	}
	return rc == 0 && fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}
