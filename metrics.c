#include "metrics.h"

static int64_t
success(const struct status *s, const struct status_item *item)
{
	(void)s;
	return item->success;
}

static int64_t
size(const struct status *s, const struct status_item *item)
{
	(void)s;
	return item->size_bytes;
}

static int64_t
duration_ms(const struct status *s, const struct status_item *item)
{
	(void)s;
	return item->duration_ms;
}

static int64_t
next_due(const struct status *s, const struct status_item *item)
{
	(void)item;
	return s->next_due > 0 ? s->next_due : -1;
}

static int64_t
failures(const struct status *s, const struct status_item *item)
{
	(void)s;
	return item->failures;
}

static int64_t
kept(const struct status *s, const struct status_item *item)
{
	(void)s;
	return item->kept;
}

static const struct {
	const char *name, *help;
	int64_t (*value)(const struct status *s, const struct status_item *item);
	bool is_ms;
} metrics[] = {
	{ "last_success_timestamp_seconds",
	    "Time in the name of the newest good backup; 0 if there is none.", success, false },
	{ "last_size_bytes", "Size of the newest good backup, as it is stored.", size, false },
	{ "last_duration_seconds", "How long the newest good backup took.", duration_ms, true },
	{ "next_due_timestamp_seconds", "When the next backup is due.", next_due, false },
	{ "consecutive_failures", "Failed runs since the newest good backup.", failures, false },
	{ "kept_backups", "Backups that are there.", kept, false },
};

/* A label's value: backslash, quote and newline are escaped. */
static void
print_escaped(FILE *f, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n') {
			fputs("\\n", f);
			continue;
		}
		if (*text == '\\' || *text == '"')
			putc('\\', f);
		putc(*text, f);
	}
}

void
metrics_print(FILE *f, const struct status *s)
{
	for (size_t m = 0; m < sizeof metrics / sizeof metrics[0]; m++) {
		fprintf(f, "# HELP db_backup_%s %s\n# TYPE db_backup_%s gauge\n", metrics[m].name,
		    metrics[m].help, metrics[m].name);
		for (size_t i = 0; i < s->n; i++) {
			const struct status_item *item = &s->item[i];
			int64_t value = metrics[m].value(s, item);

			if (value < 0)
				continue;
			/* globals: a database could be called that too */
			fprintf(f, "db_backup_%s{kind=\"%s\",database=\"", metrics[m].name,
			    *item->database == '\0' ? "globals" : "dump");
			print_escaped(f, item->database);
			fputs("\",destination=\"", f);
			print_escaped(f, item->destination);
			if (metrics[m].is_ms)
				fprintf(f, "\"} %lld.%03lld\n", (long long)(value / 1000),
				    (long long)(value % 1000));
			else
				fprintf(f, "\"} %lld\n", (long long)value);
		}
	}
}
