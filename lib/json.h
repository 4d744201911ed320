#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Just as much JSON as rclone prints and our own status file holds: an array
 * of objects, read piece by piece, and the members of one object.
 */

#define JSON_OBJECT_MAX 16384

struct json_array {
	char object[JSON_OBJECT_MAX];
	size_t n;
	int depth; /* of braces and brackets inside the array */
	bool in_string, escaped;
	bool begun, ended; /* the array's own brackets were seen */
	bool broken;       /* not JSON of that kind, or an object too long */
};

/*
 * Take the next n bytes; calls member(arg, object) for each complete object, a
 * string that lives until it returns. Start with an array that is all zero;
 * after the last byte the array was complete if ended and not broken.
 */
void json_feed(struct json_array *a, const char *data, size_t n,
    void (*member)(void *arg, const char *object), void *arg);

/*
 * The string at key of the object itself, not of one in it, unescaped, as UTF-8. 0; -1 if there
 * is none, it does not fit or holds a NUL: out is then of no use.
 */
int json_string(const char *object, const char *key, char *out, size_t size);

/* The whole number at key, likewise. 0, or -1, and *out as it was, if there is none. */
int json_number(const char *object, const char *key, int64_t *out);

#endif
