#include "listing.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

void
listing_add(struct listing *l, const char *name, int64_t size_bytes)
{
	if (l->n == l->room) {
		size_t room = l->room == 0 ? 64 : l->room * 2;
		struct object *item = text_alloc(room * sizeof *item);

		if (l->n > 0)
			memcpy(item, l->item, l->n * sizeof *item);
		free(l->item);
		l->item = item;
		l->room = room;
	}
	l->item[l->n++] = (struct object){ text_copy(name), size_bytes };
}

const struct object *
listing_find(const struct listing *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->item[i].name, name) == 0)
			return &l->item[i];
	return NULL;
}

void
listing_free(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->item[i].name);
	free(l->item);
	*l = (struct listing){ 0 };
}
