#include "databases.h"

int
databases_wanted(const struct config *c, struct pg *pg, struct list *out)
{
	static const char *const maintenance[] = { "postgres", "template1" };
	struct list found = { 0 };
	int rc = -1;

	for (size_t i = 0; i < c->databases.n; i++)
		list_add(out, c->databases.item[i]);
	if (!c->all_databases)
		return 0;
	for (size_t i = 0; i < 2 && rc == -1; i++) {
		struct pg_server server;

		if (pg_connect(pg, maintenance[i], c->wait_s * 1000, &server) == PG_OK)
			rc = pg_databases(pg, maintenance[i], &found);
	}
	for (size_t i = 0; i < found.n; i++)
		if (!list_has(&c->exclude, found.item[i]))
			list_add(out, found.item[i]);
	list_free(&found);
	return rc;
}
