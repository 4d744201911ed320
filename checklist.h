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

struct checklist {
	struct finding_row *row; /* of the section under way */
	size_t rows;
	const char *title;
	size_t notes, problems; /* of all sections */
};

/* Print the section under way, if any, and begin one. NULL: only print. */
void checklist_section(struct checklist *l, const char *title);

/* Add an item to the section; hint may be NULL. */
void checklist_add(struct checklist *l, enum finding finding, const char *name, const char *hint,
    const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
