#include "catalog.h"

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/name.h"

/* Room for n more, and no more: with ten thousand backups this is most of our memory. */
static void
make_room(struct catalog *cat, size_t n)
{
	struct backup *item = text_alloc((cat->n + n + 1) * sizeof *item);

	if (cat->n > 0)
		memcpy(item, cat->item, cat->n * sizeof *item);
	free(cat->item);
	cat->item = item;
}

static int
newest_first(const void *a, const void *b)
{
	const struct backup *x = a, *y = b;
	int by_name;

	if (x->time != y->time)
		return x->time > y->time ? -1 : 1;
	by_name = strcmp(x->file, y->file);
	return by_name != 0 ? by_name :
			      (x->destination > y->destination) - (x->destination < y->destination);
}

static int
by_object_name(const void *a, const void *b)
{
	return strcmp(((const struct object *)a)->name, ((const struct object *)b)->name);
}

/* The one copy of a database's name that all its backups share. */
static const char *
shared_name(struct list *names, const char *database)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->item[i], database) == 0)
			return names->item[i];
	list_add(names, database);
	return names->item[names->n - 1];
}

int
catalog_read_one(struct catalog *cat, struct destinations *d, size_t i, const char *label)
{
	struct listing found = { 0 };
	struct name name;

	if (destination_list(&d->item[i], &found) == -1) {
		cat->failed[i] = true;
		return -1;
	}
	make_room(cat, found.n);
	for (size_t k = 0; k < found.n; k++) {
		struct object *o = &found.item[k];

		if (o->name[0] == '.') {
			listing_add(&cat->hidden[i], o->name, o->size_bytes);
		} else if (name_parse(&name, label, o->name) == 0) {
			cat->item[cat->n++] =
			    (struct backup){ name.kind == NAME_GLOBALS, name.encrypted, name.time,
				    shared_name(&cat->databases, name.database), o->name,
				    o->size_bytes, i };
			o->name = NULL; /* it is the catalog's now */
		} else {
			listing_add(&cat->foreign[i], o->name, o->size_bytes);
		}
	}
	listing_free(&found);
	if (cat->foreign[i].n > 0)
		qsort(cat->foreign[i].item, cat->foreign[i].n, sizeof *cat->foreign[i].item,
		    by_object_name);
	if (cat->n > 0)
		qsort(cat->item, cat->n, sizeof *cat->item, newest_first);
	return 0;
}

int
catalog_read(struct catalog *cat, struct destinations *d, const char *label)
{
	int rc = 0;

	for (size_t i = 0; i < d->n; i++) {
		if (catalog_read_one(cat, d, i, label) == 0)
			continue;
		rc = -1;
		if (process_stopping() != 0)
			continue;
		log_error("cannot list %s: %s", d->item[i].name, d->item[i].why);
		if (d->item[i].hint != NULL)
			log_hint("%s", d->item[i].hint);
	}
	return rc;
}

bool
backup_is_of(const struct backup *b, const char *database)
{
	return database == NULL ? b->globals : !b->globals && strcmp(b->database, database) == 0;
}

const struct backup *
catalog_newest(
    const struct catalog *cat, size_t destination, const char *database, time_t not_after)
{
	for (size_t i = 0; i < cat->n; i++)
		if (cat->item[i].destination == destination && cat->item[i].time <= not_after &&
		    backup_is_of(&cat->item[i], database))
			return &cat->item[i];
	return NULL;
}

time_t
catalog_not_after(void)
{
	return time(NULL) + 3600;
}

int64_t
catalog_newest_size(const struct catalog *cat, const char *database)
{
	for (size_t i = 0; i < cat->n; i++)
		if (backup_is_of(&cat->item[i], database))
			return cat->item[i].size_bytes;
	return 0;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
catalog_databases(const struct catalog *cat, struct list *out)
{
	for (size_t i = 0; i < cat->databases.n; i++)
		if (*cat->databases.item[i] != '\0') /* the globals have none */
			list_add(out, cat->databases.item[i]);
	if (out->n > 0)
		qsort(out->item, out->n, sizeof *out->item, by_text);
}

void
catalog_free(struct catalog *cat)
{
	for (size_t i = 0; i < cat->n; i++)
		free(cat->item[i].file);
	free(cat->item);
	list_free(&cat->databases);
	for (size_t i = 0; i < DESTINATIONS_MAX; i++) {
		listing_free(&cat->foreign[i]);
		listing_free(&cat->hidden[i]);
	}
	*cat = (struct catalog){ 0 };
}
