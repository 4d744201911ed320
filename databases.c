#include "databases.h"

enum pg_result
databases_wanted(const struct config *c, struct pg *pg, struct list *out)
{
	static const char *const maintenance[] = { "postgres", "template1" };
	enum pg_result result = PG_FATAL;
	struct list found = { 0 };

	for (size_t i = 0; i < c->databases.n; i++)
		list_add(out, c->databases.item[i]);
	if (!c->all_databases)
		return PG_OK;
	/* the second only where the server has no such first one, or does not let us in there */
	for (size_t i = 0; i < 2 && (result == PG_FATAL || result == PG_FAILED); i++) {
		struct pg_server server;

		result = pg_connect(pg, maintenance[i], c->wait_s * 1000, &server);
		if (result == PG_OK && pg_databases(pg, maintenance[i], &found) == -1)
			result = PG_FAILED;
	}
	for (size_t i = 0; i < found.n; i++)
		if (!list_has(&c->exclude, found.item[i]))
			list_add(out, found.item[i]);
	list_free(&found);
	return result;
}
