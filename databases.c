#include "databases.h"

enum pg_result
databases_wanted(const struct config *c, struct pg *pg, struct list *out)
{
	struct list found = { 0 };
	struct pg_server server;
	enum pg_result result;
	const char *via;

	for (size_t i = 0; i < c->databases.n; i++)
		list_add(out, c->databases.item[i]);
	if (!c->all_databases)
		return PG_OK;
	result = pg_connect_aside(pg, NULL, c->wait_s * 1000, &via, &server);
	if (result == PG_OK && pg_databases(pg, via, &found) == -1)
		result = PG_FAILED;
	for (size_t i = 0; i < found.n; i++)
		if (!list_has(&c->exclude, found.item[i]))
			list_add(out, found.item[i]);
	list_free(&found);
	return result;
}
