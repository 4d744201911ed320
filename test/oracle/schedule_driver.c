/*
 * Lets another program ask lib/schedule.c. A question a line on stdin:
 *
 *	ZONE<TAB>EXPRESSION<TAB>INSTANT
 *
 * and its answer a line on stdout: the next due instant, a tab, and the UTC
 * offset in force at INSTANT, by which the asker sees whether both use the same
 * zone data; or "error: " and the message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../lib/schedule.h"

static void
answer(const char *expression, time_t instant)
{
	struct schedule s;
	struct tm tm;
	char err[256];

	if (schedule_parse(&s, expression, err, sizeof(err)) == -1) {
		printf("error: %s\n", err);
		return;
	}
	localtime_r(&instant, &tm);
	printf("%lld\t%ld\n", (long long)schedule_next(&s, instant), tm.tm_gmtoff);
}

int
main(void)
{
	char line[512], zone[64] = "";
	char *expression, *instant;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		expression = strchr(line, '\t');
		instant = expression != NULL ? strchr(expression + 1, '\t') : NULL;
		if (instant == NULL || expression - line >= (long)sizeof(zone)) {
			fputs("schedule_driver: not a question\n", stderr);
			return 1;
		}
		*expression++ = '\0';
		*instant++ = '\0';
		if (strcmp(zone, line) != 0) {
			memcpy(zone, line, strlen(line) + 1);
			(void)setenv("TZ", zone, 1);
			tzset();
		}
		answer(expression, (time_t)strtoll(instant, NULL, 10));
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
