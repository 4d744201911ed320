#ifndef LISTING_H
#define LISTING_H

#include <stddef.h>
#include <stdint.h>

/* What a folder holds, at a destination of any kind. */

struct object {
	char *name;
	int64_t size_bytes;
};

struct listing {
	struct object *item;
	size_t n, room;
};

/* Append a copy. */
void listing_add(struct listing *l, const char *name, int64_t size_bytes);

/* The object of that name, or NULL. */
const struct object *listing_find(const struct listing *l, const char *name);

/* Free all; empty again. */
void listing_free(struct listing *l);

#endif
