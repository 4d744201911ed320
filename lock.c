#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/folder.h"

#define DIRECTORY "/run/backup-service"

int
lock_directory(char *path, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	struct stat st;

	snprintf(path, size, DIRECTORY);
	if (folder_make(path) == 0 && access(path, W_OK) == 0)
		return 0;
	/* by user: in a shared directory nobody must find another one's files in the way */
	snprintf(path, size, "%s/backup-service-%d", tmp != NULL && *tmp != '\0' ? tmp : "/tmp",
	    (int)getuid());
	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno != EEXIST || lstat(path, &st) == -1)
		return -1;
	/* made by somebody else: they could hold our locks for ever */
	errno = EPERM;
	return S_ISDIR(st.st_mode) && st.st_uid == getuid() ? 0 : -1;
}

int
lock_open(const char *path)
{
	/* not O_CREAT first: in a sticky directory the kernel refuses that for another user's file */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd == -1 && errno == ENOENT &&
	    (fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644)) != -1)
		fchmod(fd, 0644); /* whatever the umask */
	return fd;
}

/* FNV-1a, over the text and its end. */
static uint64_t
hash(uint64_t h, const char *text)
{
	for (const char *p = text == NULL ? "" : text;; p++) {
		h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
		if (*p == '\0')
			return h;
	}
}

int
lock_take(const struct config *c, const char *database)
{
	uint64_t h = hash(UINT64_C(14695981039346656037), database);
	char directory[PATH_MAX], path[PATH_MAX + 64];
	int fd, e;

	h = hash(h, database == NULL ? "globals" : "database");
	h = hash(hash(h, c->pg_host), c->pg_port);
	h = hash(hash(hash(h, c->directory), c->s3_endpoint), c->s3_bucket);
	h = hash(hash(h, c->folder), c->label);
	for (size_t i = 0; i < c->remotes.n; i++)
		h = hash(h, c->remotes.item[i]);
	if (lock_directory(directory, sizeof directory) == -1)
		return -1;
	snprintf(path, sizeof path, "%s/%016llx.lock", directory, (unsigned long long)h);
	fd = lock_open(path);
	if (fd == -1 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	e = errno;
	close(fd);
	errno = e;
	return -1;
}
