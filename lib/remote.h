#ifndef REMOTE_H
#define REMOTE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "listing.h"
#include "process.h"
#include "text.h"

/*
 * One folder that rclone reaches: every rclone command line, environment and
 * output that we read, but for the ping of report.c. What rclone really does in each case was measured with
 * 1.60.1 and 1.75.2; docs/architecture.md has the facts that shaped this file.
 *
 * Names are plain file names in the folder. Where nothing else is said, 0 is success;
 * after a failure why tells the reason.
 */

struct remote {
	char *path;         /* "NAME:bucket/folder"; a '/' at its end only behind ':' or alone */
	struct list env;    /* all that rclone gets */
	int64_t max_parts;  /* of one multipart upload */
	bool own_part_size; /* the user's RCLONE_S3_CHUNK_SIZE decides */
	int64_t limit_ms;   /* for each call but uploads, downloads and remote_fetch; 15 min */
	bool hides;         /* uploads go to the hidden name and are moved; see remote_probe */
	bool probed;
	/* rclone cannot stream to it: it collects an upload in TMPDIR, before encryption */
	bool spools;
	char *crypt;   /* the obscured passphrase, if uploads are encrypted; else NULL */
	char why[768]; /* the reason of the last failure, to be quoted */
	int missing;   /* after a call to its end: 126 or 127 if rclone cannot be started, else 0 */
};

struct remote_s3 {
	const char *endpoint, *access_key, *secret_key, *bucket; /* keys NULL: others */
	const char *region, *provider; /* NULL: none, and by the endpoint; as rclone */
};

/* rclone's version, "1.75.2", as `rclone version` states it. -1: out tells why it cannot be run. */
int remote_version(char *out, size_t size);

/*
 * The remote for S3, whose path is "s3backup:BUCKET". The keys reach rclone in
 * AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the only way that neither
 * command lines nor its debug log show; without keys they are left to rclone.
 * RCLONE_* variables of our own environment are passed on and win over the defaults
 * (docs/configuration.md lists them); of RCLONE_CRYPT_* only the salt, PASSWORD2,
 * reaches uploads and downloads. Otherwise as remote_init.
 */
void remote_init_s3(struct remote *r, const struct remote_s3 *s3, const char *folder);

/*
 * Any other, "NAME:path", that RCLONE_CONFIG_NAME_* or rclone.conf defines, or a local
 * directory; folder is put behind it, "" for none. r is overwritten, whatever was in it
 * before; the strings are copied, and stay until the program ends. rclone is not asked.
 */
void remote_init(struct remote *r, const char *path, const char *folder);

/*
 * Ask rclone once whether this backend can rename. If so an upload shows
 * under its name while it runs (a folder, sftp, webdav ...), unlike in object
 * stores, and so has to go to a hidden name first. Sets hides and spools, from
 * `rclone backend features`. -1 if rclone fails; the next call asks again.
 */
int remote_probe(struct remote *r);

/*
 * From now on encrypt uploads (rclone crypt, names with .bin) and decrypt
 * downloads of such names. The passphrase reaches rclone by standard input and
 * environment only. -1 if rclone fails; then nothing is uploaded at all.
 */
int remote_encrypt(struct remote *r, const char *passphrase);

/* What size_bytes become when encrypted: rclone.org/crypt, "File encryption". */
int64_t remote_encrypted_size(int64_t size_bytes);

/*
 * Add all objects of the folder, hidden ones too, to out. -1: no telling what is there;
 * out is then empty. A folder not made yet is empty, a bucket that is missing an error.
 */
int remote_list(struct remote *r, struct listing *out);

/*
 * Size of one object in bytes, as stored; -1 if it is not there, -2 (why) if that cannot be
 * told.
 */
int64_t remote_size(struct remote *r, const char *name);

/*
 * Delete objects, in one process, also when asked to end; absent ones are no error. -1 if
 * any is left, or that cannot be told.
 */
int remote_delete(struct remote *r, const struct list *names);

/*
 * Start an upload of unknown length to name (after remote_probe). upper_bound
 * in bytes, an estimate, chooses the part size. Returns our end of a socket pair,
 * not blocking and the caller's; rclone's standard input is the other end, and it
 * inherits ours too: closing ours or dying never shows it end of file, so never
 * publishes. Only shutdown(fd, SHUT_WR) does.
 * With encrypt, after remote_encrypt; name ends in .bin then.
 * p is the caller's, as for process_start; -1 with errno if it cannot be started.
 * Afterwards remote_publish, and remote_size; or remote_discard.
 */
int remote_upload(
    struct remote *r, struct process *p, const char *name, int64_t upper_bound, bool encrypt);

/*
 * Start a download; with decrypt, after remote_encrypt, of a name in .bin. Returns the
 * read end of rclone's output, which is the caller's, as is p. What comes is good only
 * if rclone exits with 0 and its length is the expected one: a broken connection may
 * look like a short file. -1 with errno.
 */
int remote_download(struct remote *r, struct process *p, const char *name, bool decrypt);

/*
 * Download into a new file in a local directory that nothing else writes into, with several
 * streams; decrypt as above. Given up when nothing was written there for stall_ms (0: never),
 * or when asked to end. Its size is for the caller to check. -1: why.
 */
int remote_fetch(struct remote *r, const char *name, bool decrypt, const char *directory,
    const char *file, int64_t stall_ms);

/* The size in bytes that remote_encrypted_size makes size_bytes of, or -1 if there is none. */
int64_t remote_decrypted_size(int64_t size_bytes);

/*
 * After rclone ended well: give the upload its name, where it was hidden. -1: why; it may have
 * it all the same.
 */
int remote_publish(struct remote *r, const char *name);

/*
 * After a failed upload: remove whatever it left under the name it was uploaded to, and, if
 * remote_publish was called, under its final one. -1 if that cannot be told.
 */
int remote_discard(struct remote *r, const char *name, bool published);

/*
 * Abort the multipart uploads in S3 that began more than age_s seconds before
 * now and for whose file name mine(arg, name) is true: what was killed leaves
 * them behind, invisible and paid for. mine must be false for the name of an
 * object that exists (rclone would take the cleanup to mean its whole folder).
 * Returns how many; -1 if that is not allowed or supported. 0 for other backends.
 */
int remote_abort_uploads(
    struct remote *r, long age_s, time_t now, bool (*mine)(void *arg, const char *name), void *arg);

/*
 * Part size in MiB, and how many at once, for an upload of about upper_bound bytes, of
 * which at least 4 GiB are assumed, in max_parts parts: the smallest that will do, 5 to
 * 5120 MiB, and 4 at once, or fewer (1 at least) where they would take more than 96 MiB.
 */
void remote_part_size(int64_t upper_bound, int64_t max_parts, int *part_mib, int *concurrency);

#endif
