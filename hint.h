#ifndef HINT_H
#define HINT_H

/*
 * What people can do about an error, from what a tool said, or from an errno.
 * For people only: nothing is decided by a hint, or by whether there is one (the
 * few places where a tool's words decide something are in docs/architecture.md).
 * Static text; hint_for is NULL if nothing is known, hint_for_errno never.
 */
const char *hint_for(const char *said);
const char *hint_for_errno(int e);

#endif
