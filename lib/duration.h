#ifndef DURATION_H
#define DURATION_H

/*
 * Read a length of time: digits, then nothing or one of s, m, h, d, w (weeks):
 * 90, 15m, 6h, 7d, 2w. No sign, blank, fraction or second unit; the whole text
 * must be used. 0 is a duration; whether it makes sense is for the caller.
 * Returns 0 with *seconds set, or -1 with *seconds as it was, also where the
 * result does not fit into a long.
 */
int duration_parse(const char *text, long *seconds);

#endif
