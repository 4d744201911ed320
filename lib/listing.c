#include "listing.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

void
listing_add(struct listing *l, const char *name, int64_t size_bytes)
{
	l->item = text_room(l->item, l->n, sizeof *l->item);
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
