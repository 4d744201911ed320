#include "destination.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit.h"
#include "hint.h"
#include "lib/folder.h"
#include "lib/log.h"

#define CALL_LIMIT_MS (15 * 60 * 1000)

static struct destination *
add(struct destinations *d, const char *name)
{
	struct destination *item = &d->item[d->n++];

	*item = (struct destination){ .name = text_copy(name) };
	return item;
}

/* What --from and people call destinations that are no remote of that name. */
static bool
is_reserved(const char *name)
{
	return strcmp(name, "local") == 0 || strcmp(name, "cloud") == 0 ||
	       strcmp(name, "remote") == 0;
}

void
destinations_init(struct destinations *d, const struct config *c)
{
	d->n = 0;
	if (c->directory != NULL) {
		struct destination *local = add(d, "local");

		local->directory = *c->folder == '\0' ?
				       c->directory :
				       text_format("%s/%s", c->directory, c->folder);
		remote_init(&local->remote, local->directory, "");
		local->remote.hides = local->remote.probed = true;
	}
	if (c->s3_bucket != NULL)
		remote_init_s3(&add(d, "cloud")->remote,
		    &(struct remote_s3){ c->s3_endpoint, c->s3_access_key, c->s3_secret_key,
			c->s3_bucket, c->s3_region, c->s3_provider },
		    c->folder);
	for (size_t i = 0; i < c->remotes.n; i++) {
		char *name =
		    text_format("%.*s", (int)strcspn(c->remotes.item[i], ":"), c->remotes.item[i]);

		/* two paths of one remote, or one called as ours are: then only the whole tells */
		remote_init(&add(d, destinations_find(d, name) == NULL && !is_reserved(name) ?
					name :
					c->remotes.item[i])
				 ->remote,
		    c->remotes.item[i], c->folder);
		free(name);
	}
	for (size_t i = 0; i < d->n && c->stall_s > 0 && c->stall_s * 1000 < CALL_LIMIT_MS; i++)
		d->item[i].remote.limit_ms = c->stall_s * 1000;
}

int
destinations_encrypt(struct destinations *d, const char *passphrase)
{
	struct remote *first = &d->item[0].remote;

	if (passphrase != NULL && remote_encrypt(first, passphrase) == -1)
		return -1;
	for (size_t i = 1; i < d->n; i++)
		d->item[i].remote.crypt = first->crypt;
	return 0;
}

int
destinations_status(const struct destinations *d, int status)
{
	for (size_t i = 0; i < d->n && status == EXIT_FAILED; i++)
		if (d->item[i].remote.missing != 0)
			status = d->item[i].remote.missing;
	return status;
}

struct destination *
destinations_find(struct destinations *d, const char *from)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->item[i].name, from) == 0)
			return &d->item[i];
	for (size_t i = 0; i < d->n && strcmp(from, "remote") == 0; i++)
		if (d->item[i].directory == NULL && strcmp(d->item[i].name, "cloud") != 0)
			return &d->item[i];
	return NULL;
}

void
destination_failed(struct destination *d, const char *what, int e)
{
	static char owner[PATH_MAX + 128];

	snprintf(d->why, sizeof d->why, "%s %s: %s", what, d->directory, strerror(e));
	d->hint = hint_for_errno(e);
	if (e == EACCES || e == EPERM) {
		snprintf(owner, sizeof owner,
		    "make it writable for the user that this runs as: chown %d:%d %s",
		    (int)geteuid(), (int)getegid(), d->directory);
		d->hint = owner;
	}
}

void
destination_failed_remote(struct destination *d)
{
	snprintf(d->why, sizeof d->why, "%s", d->remote.why);
	d->hint = hint_for(d->remote.why);
}

int
destination_list(struct destination *d, struct listing *out)
{
	if (d->directory == NULL) {
		if (remote_list(&d->remote, out) == 0)
			return 0;
		destination_failed_remote(d);
		return -1;
	}
	if (folder_list(d->directory, out) == 0 || errno == ENOENT)
		return 0;
	destination_failed(d, "cannot list", errno);
	listing_free(out);
	return -1;
}

int64_t
destination_size(struct destination *d, const char *name)
{
	int64_t size;

	if (d->directory == NULL) {
		size = remote_size(&d->remote, name);
		if (size == -2)
			destination_failed_remote(d);
		return size;
	}
	size = folder_size(d->directory, name);
	if (size == -1 && errno != ENOENT) {
		destination_failed(d, "cannot look into", errno);
		return -2;
	}
	return size;
}

int
destination_delete(struct destination *d, const struct list *names)
{
	int rc = 0;

	if (d->directory == NULL) {
		rc = remote_delete(&d->remote, names);
		if (rc == -1)
			destination_failed_remote(d);
		return rc;
	}
	for (size_t i = 0; i < names->n; i++)
		if (folder_delete(d->directory, names->item[i]) == -1) {
			destination_failed(d, "cannot delete from", errno);
			rc = -1;
		}
	return rc;
}
