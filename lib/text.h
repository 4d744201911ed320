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

/* Append a copy of s. Without memory the program cannot go on: it ends. */
void list_add(struct list *l, const char *s);

/* The same with printf. */
void list_addf(struct list *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* True if s is in the list. */
bool list_has(const struct list *l, const char *s);

/* Free all; the list is empty again. */
void list_free(struct list *l);

/* Split at commas; blanks around items go, "\," is a comma, empty items are left out. */
void list_split(struct list *l, const char *text);

/*
 * Split into words like a shell: blanks, '...', "..." and backslash, nothing
 * else is special. 0, or -1 if a quote is not closed.
 */
int list_split_words(struct list *l, const char *text);

/*
 * Copy text with control characters escaped, as in JSON strings if json, else
 * as \xNN. Bytes that are not UTF-8 become \xNN, or U+FFFD in JSON. Cut where
 * it does not fit.
 */
void text_escape(char *out, size_t size, const char *text, bool json);

/* Length of the UTF-8 character at s, 1 to 4, and *character; or 0 if it is none. */
size_t text_utf8(const char *s, uint32_t *character);

/* "143.9 MB": decimal units. Returns out. */
const char *text_size(char *out, size_t size, int64_t bytes);

/* "12.3 s", "4 min 5 s", "6 d 23 h". Returns out. */
const char *text_duration(char *out, size_t size, int64_t ms);

/* Whole number within [min, max]. 0, or -1 if text is anything else. */
int text_number(const char *text, int64_t min, int64_t max, int64_t *value);

/* Call f, which does not return, where the program would end without memory. */
void text_on_no_memory(void (*f)(void));

/* Memory, or the end of the program with a line that says so. */
void *text_alloc(size_t size);
char *text_copy(const char *s);
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
