#ifndef CHECKLIST_H
#define CHECKLIST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Findings for people, on standard output: a title, and below it a line for
 * each item, with what was found and, if need be, what to do about it. Names and
 * texts are printed escaped and without secrets.
 */

enum finding { FINDING_OK, FINDING_NOTE, FINDING_PROBLEM, FINDING_NONE /* no word before it */ };

/* Starts all zero. */
struct checklist {
	struct finding_row *row; /* of the section under way */
	size_t rows;
	const char *title;
	size_t notes, problems; /* of all sections */
};

/* Print the section under way, if it has items, and begin one. NULL: only print. title is kept. */
void checklist_section(struct checklist *l, const char *title);

/*
 * Add an item to the section. name and text (cut at 4 KiB) are copied; hint, which may be NULL,
 * is kept until the section is printed.
 */
void checklist_add(struct checklist *l, enum finding finding, const char *name, const char *hint,
    const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
