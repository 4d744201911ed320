#include "metrics.h"

#include "lib/text.h"

enum { SUCCESS, SIZE, DURATION, NEXT_DUE, FAILURES, KEPT, METRICS };

static const char *const metrics[METRICS][2] = {
	[SUCCESS] = { "last_success_timestamp_seconds",
	    "Time in the name of the newest good backup; 0 if there is none." },
	[SIZE] = { "last_size_bytes", "Size of the newest good backup, as it is stored." },
	[DURATION] = { "last_duration_seconds", "How long the newest good backup took." },
	[NEXT_DUE] = { "next_due_timestamp_seconds", "When the next backup is due." },
	[FAILURES] = { "consecutive_failures", "Failed runs since the newest good backup." },
	[KEPT] = { "kept_backups", "Backups that are there." },
};

/* A label's value: backslash, quote and newline are escaped, and what is no UTF-8. */
static void
print_escaped(FILE *f, const char *text)
{
	while (*text != '\0') {
		uint32_t c;
		size_t n = text_utf8(text, &c);

		if (n == 0)
			fprintf(f, "\\\\x%02x", (unsigned char)*text);
		else if (*text == '\n')
			fputs("\\n", f);
		else
			fprintf(
			    f, "%s%.*s", *text == '\\' || *text == '"' ? "\\" : "", (int)n, text);
		text += n == 0 ? 1 : n;
	}
}

void
metrics_print(FILE *f, const struct status *s)
{
	for (size_t m = 0; m < METRICS; m++) {
		fprintf(f, "# HELP db_backup_%s %s\n# TYPE db_backup_%s gauge\n", metrics[m][0],
		    metrics[m][1], metrics[m][0]);
		for (size_t i = 0; i < s->n; i++) {
			const struct status_item *item = &s->item[i];
			const int64_t values[METRICS] = {
				[SUCCESS] = item->success,
				[SIZE] = item->size_bytes,
				[DURATION] = item->duration_ms,
				[NEXT_DUE] = s->next_due > 0 ? s->next_due : -1,
				[FAILURES] = item->failures,
				[KEPT] = item->kept,
			};

			if (values[m] < 0)
				continue;
			/* globals: a database could be called that too */
			fprintf(f, "db_backup_%s{kind=\"%s\",database=\"", metrics[m][0],
			    *item->database == '\0' ? "globals" : "dump");
			print_escaped(f, item->database);
			fputs("\",destination=\"", f);
			print_escaped(f, item->destination);
			if (m == DURATION)
				fprintf(f, "\"} %lld.%03lld\n", (long long)(values[m] / 1000),
				    (long long)(values[m] % 1000));
			else
				fprintf(f, "\"} %lld\n", (long long)values[m]);
		}
	}
}
