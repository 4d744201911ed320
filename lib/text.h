#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Small helpers for text and numbers that people read. */

/* A growing list of strings; all zero is empty. item[n] is NULL. */
struct list {
	char **item;
	size_t n;
};

/* Append a copy of s. Without memory the program ends, as in text_alloc. */
void list_add(struct list *l, const char *s);

/* The same with printf. */
void list_addf(struct list *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Append copies of words, up to a NULL; list_words: of those that it names. */
void list_add_all(struct list *l, const char *const *words);
#define list_words(l, ...) list_add_all(l, (const char *const[]){ __VA_ARGS__, NULL })

/* True if s is in the list. */
bool list_has(const struct list *l, const char *s);

/* The items with separator between them; the caller's to free. "" if there are none. */
char *text_join(const struct list *l, const char *separator);

/* Free all; the list is empty again. */
void list_free(struct list *l);

/* Split at commas and append; blanks around items go, "\," is a comma, empty items are left out. */
void list_split(struct list *l, const char *text);

/*
 * Split into words like a shell and append: blanks, '...', "..." and backslash,
 * nothing else is special. 0, or -1 if a quote is not closed; the words are
 * appended all the same.
 */
int list_split_words(struct list *l, const char *text);

/*
 * Copy text with what could forge lines or move a terminal's cursor escaped. out
 * has size bytes, 1 at least, and always ends in a NUL; cut before the first
 * character that does not fit whole (6 bytes for each of text suffice).
 *
 *			for people	json
 *	newline		\n		\u000a
 *	tab		as it is	\u0009
 *	other C0, DEL	\xNN		\u00NN
 *	C1 (U+0080-9F)	\u00NN		\u00NN
 *	bytes not UTF-8	\xNN		\ufffd
 *	" and \		as they are	\" and \\
 *
 * So for people it cannot be undone.
 */
void text_escape(char *out, size_t size, const char *text, bool json);

/* The same, whole, in memory of its own: the caller's to free. */
char *text_escaped(const char *text, bool json);

/*
 * Length in bytes of the UTF-8 character at s, 1 to 4, and *character; 0, with
 * *character as it was, if it is none (surrogates and overlong forms are not). The
 * NUL at the end is one, of length 1.
 */
size_t text_utf8(const char *s, uint32_t *character);

/* "2026-11-22T09:23:45Z", of seconds since 1970. 32 bytes are enough. Returns out. */
char *text_stamp(char *out, size_t size, int64_t t);

/* "143.9 MB": decimal units (1000), "999 B" below. 32 bytes are enough. Returns out. */
const char *text_size(char *out, size_t size, int64_t bytes);

/* Of milliseconds: "12.3 s", "4 min 5 s", "6 d 23 h". 32 bytes are enough. Returns out. */
const char *text_duration(char *out, size_t size, int64_t ms);

/*
 * Whole number within [min, max], of digits only: no sign, no blank. 0, or -1, with
 * *value as it was, if text is anything else.
 */
int text_number(const char *text, int64_t min, int64_t max, int64_t *value);

/* From now on call f, which does not return, where the program would end for lack of memory. */
void text_on_no_memory(void (*f)(void));

/*
 * Memory, all zero, the caller's to free. Never NULL: without memory the program says
 * so and is killed, by SIGKILL; process 1, which cannot be, exits with 1 (see
 * text_on_no_memory).
 */
void *text_alloc(size_t size);

/*
 * Room for one more element in an array of n, each of size bytes: array itself, or its copy
 * with twice the room, and array is freed. NULL is an array without elements. Only for
 * arrays that grow by this alone, one element at a time.
 */
void *text_room(void *array, size_t n, size_t size);

/* A copy, and printf into memory of its own; both the caller's to free, never NULL. */
char *text_copy(const char *s);
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
