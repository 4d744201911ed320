#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>

#include "destination.h"

/*
 * Whether backups can be kept at a destination, found out by keeping something
 * there: a small file goes the way of a backup (encrypted, hidden and moved,
 * its size read back), is read, and deleted.
 */

#define PROBE_NAME "backup-service-probe" /* no backup's: never listed as one, restored or pruned */

struct probe {
	bool stored;  /* else why, hint */
	bool read;    /* what was read back is what was written; else why, hint */
	bool deleted; /* or never there; else PROBE_NAME (.bin, if encrypted) stays: delete_why */
	char why[1024], delete_why[768];
	const char *hint;
};

/*
 * Fill p, whatever was in it before. With encrypt, after remote_encrypt. A local
 * directory has to exist; a file in the clear there is not read back. d->remote is quiet
 * from then on; d->why and d->hint change. p->hint is not to be freed, and may be that of d.
 */
void probe_destination(struct probe *p, struct destination *d, bool encrypt);

#endif
