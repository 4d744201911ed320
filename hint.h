#ifndef HINT_H
#define HINT_H

/*
 * What people can do about an error, from what a tool said. For people only:
 * no decision of this program depends on such text. NULL if nothing is known.
 */
const char *hint_for(const char *said);
const char *hint_for_errno(int e);

#endif
