#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "name.h"

#define NOREPLACE 1 /* RENAME_NOREPLACE of renameat2(2), which musl has only since 1.2.6 */

static int
path_join(char *out, const char *directory, const char *name)
{
	if (snprintf(out, PATH_MAX, "%s/%s", directory, name) < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

static int
path_hidden(char *out, const char *directory, const char *name)
{
	char hidden[NAME_SIZE];

	if (name_hide(hidden, sizeof hidden, name) == 0)
		return path_join(out, directory, hidden);
	errno = ENAMETOOLONG;
	return -1;
}

int
folder_make(const char *directory)
{
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof path, "%s", directory) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (char *p = path + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		/* not mkdir first: it may be EROFS or EACCES for one that exists */
		if (stat(path, &st) == -1 && mkdir(path, 0777) == -1 && errno != EEXIST)
			return -1;
		*p = c;
		if (c == '\0')
			return 0;
	}
}

int
folder_list(const char *directory, struct listing *out)
{
	DIR *dir = opendir(directory);
	struct dirent *e;
	struct stat st;

	if (dir == NULL)
		return -1;
	while (errno = 0, (e = readdir(dir)) != NULL) {
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			if (S_ISREG(st.st_mode))
				listing_add(out, e->d_name, st.st_size);
		} else if (errno != ENOENT) {
			break; /* one that is there and cannot be looked at: then the list is not whole */
		}
	}
	if (errno != 0) {
		int saved = errno;

		closedir(dir);
		errno = saved;
		return -1;
	}
	return closedir(dir);
}

int64_t
folder_size(const char *directory, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	if (path_join(path, directory, name) == -1 || stat(path, &st) == -1)
		return -1;
	if (S_ISREG(st.st_mode))
		return st.st_size;
	errno = ENOENT;
	return -1;
}

int
folder_create(const char *directory, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (path_hidden(path, directory, name) == -1)
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1)
		return -1;
	/* where files cannot be locked, only the lock of the run protects this one */
	flock(fd, LOCK_EX);
	if (fstat(fd, &st) == 0 && st.st_nlink > 0)
		return fd;
	close(fd); /* swept between open and flock */
	errno = EAGAIN;
	return -1;
}

static int
sync_path(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC), rc, saved;

	if (fd == -1)
		return -1;
	rc = fsync(fd);
	saved = errno;
	close(fd);
	errno = saved;
	/* some network file systems cannot sync a directory */
	return rc == -1 && (flags & O_DIRECTORY) != 0 && saved == EINVAL ? 0 : rc;
}

int
folder_publish(const char *directory, const char *name)
{
	char hidden[PATH_MAX], final[PATH_MAX];
	int rc;

	if (path_hidden(hidden, directory, name) == -1 || path_join(final, directory, name) == -1 ||
	    sync_path(hidden, O_RDONLY) == -1)
		return -1;
	rc = (int)syscall(SYS_renameat2, AT_FDCWD, hidden, AT_FDCWD, final, NOREPLACE);
	if (rc == -1 && (errno == EINVAL || errno == ENOSYS)) {
		/* a file system that cannot promise it: names hold the second and a lock is held */
		if (access(final, F_OK) == 0) {
			errno = EEXIST;
			return -1;
		}
		rc = rename(hidden, final);
	}
	if (rc == 0 && sync_path(directory, O_RDONLY | O_DIRECTORY) == -1) {
		int saved = errno;

		unlink(final);
		errno = saved;
		return -1;
	}
	return rc;
}

void
folder_discard(const char *directory, const char *name)
{
	char path[PATH_MAX];

	if (path_hidden(path, directory, name) == 0)
		unlink(path);
}

int
folder_delete(const char *directory, const char *name)
{
	char path[PATH_MAX];

	if (path_join(path, directory, name) == -1)
		return -1;
	return unlink(path) == 0 || errno == ENOENT ? 0 : -1;
}

/* True if the hidden file was left behind, and is gone now. */
static bool
sweep_one(const char *directory, const char *hidden)
{
	char path[PATH_MAX];
	bool swept = false;
	int fd;

	if (path_join(path, directory, hidden) == -1 ||
	    (fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) == -1)
		return false;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		swept = unlink(path) == 0;
	close(fd);
	return swept;
}

int
folder_sweep(const char *directory, bool (*mine)(void *arg, const char *name), void *arg)
{
	struct listing found = { 0 };
	int n = 0;

	if (folder_list(directory, &found) == -1)
		return 0;
	for (size_t i = 0; i < found.n; i++) {
		char name[NAME_SIZE];

		if (name_unhide(name, sizeof name, found.item[i].name) == 0 && mine(arg, name))
			n += sweep_one(directory, found.item[i].name);
	}
	listing_free(&found);
	return n;
}
