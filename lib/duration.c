/* duration.c - lengths of time as people write them */

#include <string.h>

#include "duration.h"

int
duration_parse(const char *text, long *seconds)
{
	static const char units[] = "smhdw";
	static const long unit_s[] = { 1, 60, 3600, 86400, 604800 };
	const char *unit;
	long n = 0;

	if (*text < '0' || *text > '9')
		return -1;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (__builtin_mul_overflow(n, 10L, &n) ||
		    __builtin_add_overflow(n, (long)(*text - '0'), &n))
			return -1;
	}
	if (*text != '\0') {
		unit = strchr(units, *text);
		if (unit == NULL || text[1] != '\0' ||
		    __builtin_mul_overflow(n, unit_s[unit - units], &n))
			return -1;
	}
	*seconds = n;
	return 0;
}
