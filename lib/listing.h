#ifndef LISTING_H
#define LISTING_H

#include <stddef.h>
#include <stdint.h>

/* What a folder holds, at a destination of any kind. */

struct object {
	char *name;
	int64_t size_bytes;
};

/* All zero is empty. */
struct listing {
	struct object *item;
	size_t n;
};

/* Append, with a copy of name. Without memory the program ends, as in text_alloc. */
void listing_add(struct listing *l, const char *name, int64_t size_bytes);

/* The first object of that name, or NULL. Valid until the listing changes. */
const struct object *listing_find(const struct listing *l, const char *name);

/* Free all; empty again. */
void listing_free(struct listing *l);

#endif
