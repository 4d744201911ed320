#include "checklist.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/text.h"

#define NAME_WIDTH_MAX 32 /* a longer name pushes its own text out, not everyone's */

struct finding_row {
	enum finding finding;
	char *name, *text;
	const char *hint;
};

/* A copy fit to print. */
static char *
shown(const char *text)
{
	char *clean = text_copy(text), *escaped;

	log_redact(clean);
	escaped = text_alloc(strlen(clean) * 4 + 1);
	text_escape(escaped, strlen(clean) * 4 + 1, clean, false);
	free(clean);
	return escaped;
}

static int
width(const char *text)
{
	int n = 0;

	for (; *text != '\0'; n++) {
		uint32_t character;
		size_t length = text_utf8(text, &character);

		text += length > 0 ? length : 1;
	}
	return n;
}

void
checklist_add(struct checklist *l, enum finding finding, const char *name, const char *hint,
    const char *format, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	l->row = text_room(l->row, l->rows, sizeof *l->row);
	l->row[l->rows++] = (struct finding_row){ finding, shown(name), shown(text), hint };
	l->notes += finding == FINDING_NOTE;
	l->problems += finding == FINDING_PROBLEM;
}

void
checklist_section(struct checklist *l, const char *title)
{
	static const char *const words[] = { "ok", "note", "PROBLEM" };
	int wide = 7;

	for (size_t i = 0; i < l->rows; i++)
		if (width(l->row[i].name) > wide && width(l->row[i].name) <= NAME_WIDTH_MAX)
			wide = width(l->row[i].name);
	if (l->rows > 0)
		printf("%s\n", l->title);
	for (size_t i = 0; i < l->rows; i++) {
		struct finding_row *row = &l->row[i];
		int fill = wide - width(row->name);

		if (row->finding != FINDING_NONE)
			printf("  %-7s", words[row->finding]);
		printf("  %s%*s  %s\n", row->name, fill > 0 ? fill : 0, "", row->text);
		if (row->hint != NULL)
			printf("  %-7s  %*s  hint: %s\n", "", wide, "", row->hint);
		free(row->name);
		free(row->text);
	}
	fflush(stdout);
	free(l->row);
	l->row = NULL;
	l->rows = 0;
	l->title = title;
}
