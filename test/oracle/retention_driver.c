/*
 * Lets another program ask lib/retention.c. A case a line on stdin:
 *
 *	TZ NOW UNLIMITED LAST KEEP_S DAILY WEEKLY MONTHLY YEARLY N TIME...
 *
 * and its answer a line on stdout, TIME=REASON for each item, "-" for none.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/retention.h"

static void
answer(const struct retention_item *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%s%lld=%s", i > 0 ? " " : "", (long long)b[i].time,
		    b[i].kept_by != NULL ? b[i].kept_by : "-");
	putchar('\n');
}

/* 1 after a case, 0 at the end of the input, -1 if it is none. */
static int
one_case(void)
{
	struct retention_policy p;
	struct retention_item *b;
	char zone[64];
	long long now, t;
	int unlimited;
	size_t n;

	if (scanf("%63s", zone) != 1)
		return 0;
	if (scanf("%lld %d %d %ld %d %d %d %d %zu", &now, &unlimited, &p.last, &p.keep_s,
	    &p.daily, &p.weekly, &p.monthly, &p.yearly, &n) != 9 || n > 1000000)
		return -1;
	p.unlimited = unlimited != 0;
	b = calloc(n + 1, sizeof(*b));
	if (b == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (scanf("%lld", &t) != 1) {
			free(b);
			return -1;
		}
		b[i].time = (time_t)t;
		b[i].kept_by = "left-over";	/* must not matter */
	}
	setenv("TZ", zone, 1);
	tzset();
	retention_apply(&p, (time_t)now, b, n);
	answer(b, n);
	free(b);
	return 1;
}

int
main(void)
{
	int rc;

	do
		rc = one_case();
	while (rc == 1);
	if (rc == -1)
		fputs("retention_driver: not a case\n", stderr);
	return rc == 0 && fflush(stdout) == 0 ? 0 : 1;
}
