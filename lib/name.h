/*
 * The names of backups, built and parsed:
 *
 *	[LABEL-]DATABASE-YYYYMMDDTHHMMSSZ.pg-dump[.bin]
 *	[LABEL-]globals-YYYYMMDDTHHMMSSZ.sql[.bin]
 *
 * The time is UTC; .bin marks the encrypted. LABEL is what stands behind the
 * last '/' of DB_BACKUP_PREFIX; what stands before it is a folder and not seen
 * here. DATABASE has every byte as %XX (upper-case hex) that is not one of
 * A-Z a-z 0-9 _ . - or part of visible UTF-8 text, and a leading dot; so a name
 * stays in its folder, on one line, and comes back from rclone unchanged.
 *
 * For one label, a name stands for one set of values and the other way round.
 * Not so between labels: label "a" with database "b-x" builds the same names as
 * label "a-b" with database "x", and no label with database "a-b-x" too. Who
 * uses several labels in one folder has to see to that; a folder for each
 * ("a/") is safe.
 */
#ifndef NAME_H
#define NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define NAME_MAX_BYTES 255             /* of any file name, the hidden one too */
#define NAME_SIZE (NAME_MAX_BYTES + 1) /* of a buffer that holds any */
#define NAME_DATABASE_SIZE 128         /* stock PostgreSQL needs 64 */
#define NAME_TIME_MAX 253402300799LL   /* the end of the year 9999, the last that a name can tell */

enum name_kind { NAME_DUMP, NAME_GLOBALS };

struct name {
	enum name_kind kind;
	bool encrypted;
	time_t time;
	char database[NAME_DATABASE_SIZE]; /* as PostgreSQL knows it; not for globals */
};

/*
 * Whether names can be built with this label: "", or UTF-8 text of the kind
 * above or any printable ASCII but '/', not beginning with a dot (that would
 * hide what is published). A label is written as it is, without %XX.
 */
bool name_label_valid(const char *label);

/*
 * Write the file name for n to out, which has size bytes; NAME_SIZE is always
 * enough. -1, and out is "", if label is not valid, the database's name is
 * empty, the time is outside the years 1970 to 9999, or the name, or the hidden
 * one that goes with it, would be too long. All names that stock PostgreSQL
 * allows fit with a label of up to 27 bytes.
 */
int name_build(char *out, size_t size, const char *label, const struct name *n);

/*
 * Take a file name (no folder) apart into n; of globals the database is "". 0 only
 * if building it again from n and label gives the very same bytes; else -1, and n
 * is as before.
 */
int name_parse(struct name *n, const char *label, const char *file);

/*
 * Whether file is one that name_build gives for this label and database, of any
 * time, encrypted or not. database NULL asks for the globals; a database that is
 * itself called "globals" is another thing. The test of ownership: what does not
 * pass is not ours to delete.
 */
bool name_belongs(const char *file, const char *label, const char *database);

/*
 * The hidden name, ".FILE.partial" (with the .bin of an encrypted one behind
 * it), that a file has while it is being written, and back. NAME_SIZE is enough for
 * out. -1, and out is "", if the result would be too long, or the input is no file
 * name, or for name_unhide no hidden one. Whose it is name_unhide does not tell: ask
 * name_belongs about the result before deleting anything.
 */
int name_hide(char *out, size_t size, const char *file);
int name_unhide(char *out, size_t size, const char *hidden);

#endif
