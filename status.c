#include "status.h"

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
#include "lib/json.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/process.h"
#include "lock.h"
#include "metrics.h"

#define GUARD_WAIT_MS 3000
#define ITEMS "\"backups\":["

/* The status file, or what lies beside it under the same name and a suffix. */
static char *
path_of(const struct config *c, const char *suffix)
{
	char directory[PATH_MAX];

	if (c->status_file != NULL)
		return text_format("%s%s", c->status_file, suffix);
	lock_directory(directory, sizeof directory);
	return text_format("%s/status.json%s", directory, suffix);
}

static int
open_lock(const struct config *c, const char *suffix)
{
	char *path = path_of(c, suffix), *slash = strrchr(path, '/');
	int fd, e;

	if (slash != NULL && slash > path) {
		*slash = '\0';
		folder_make(path);
		*slash = '/';
	}
	fd = lock_open(path);
	e = errno;
	free(path);
	errno = e;
	return fd;
}

/* To read only; a device or a FIFO does not hold us up. */
static int
open_to_read(const struct config *c, const char *suffix)
{
	char *path = path_of(c, suffix);
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW), e = errno;

	free(path);
	errno = e;
	return fd;
}

static void
read_item(void *arg, const char *object)
{
	char database[NAME_DATABASE_SIZE], destination[256], error[4096];
	struct status_item *item;
	int64_t wanted = 0;

	if (json_string(object, "database", database, sizeof database) == -1 ||
	    json_string(object, "destination", destination, sizeof destination) == -1)
		return;
	item = status_item(arg, database, destination);
	json_number(object, "wanted", &wanted);
	item->wanted = wanted != 0;
	json_number(object, "success", &item->success);
	if (item->success < 0 || item->success > NAME_TIME_MAX)
		item->success = 0;
	json_number(object, "size_bytes", &item->size_bytes);
	json_number(object, "duration_ms", &item->duration_ms);
	json_number(object, "kept", &item->kept);
	json_number(object, "failures", &item->failures);
	json_number(object, "failed", &item->failed);
	json_number(object, "unverified", &item->unverified);
	if (json_string(object, "error", error, sizeof error) == 0)
		status_set(&item->error, error);
}

/* All of a regular file of sane size, NUL-terminated, or NULL with errno. */
static char *
read_file(const struct config *c)
{
	int fd = open_to_read(c, ""), e = 0;
	struct stat st;
	char *text = NULL;
	ssize_t n = -1;

	if (fd == -1)
		return NULL;
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size > 64 << 20) {
		e = EINVAL;
	} else {
		text = text_alloc((size_t)st.st_size + 1);
		n = read(fd, text, (size_t)st.st_size);
		e = errno;
	}
	close(fd);
	if (n == -1) {
		free(text);
		errno = e;
		return NULL;
	}
	text[n] = '\0';
	return text;
}

int
status_read(const struct config *c, struct status *s)
{
	struct json_array *array;
	char *text, string[1024];
	const char *items;
	int64_t working = 0;

	*s = (struct status){ .schedule = text_copy(""), .zone = text_copy("") };
	if ((text = read_file(c)) == NULL)
		return errno == ENOENT ? 0 : -1;
	json_number(text, "pid", &s->pid);
	json_number(text, "started", &s->started);
	json_number(text, "next_due", &s->next_due);
	json_number(text, "working", &working);
	s->working = working != 0;
	if (json_string(text, "schedule", string, sizeof string) == 0)
		status_set(&s->schedule, string);
	if (json_string(text, "zone", string, sizeof string) == 0)
		status_set(&s->zone, string);
	json_number(text, "interval_s", &s->interval_s);
	json_number(text, "jitter_s", &s->jitter_s);
	/* inside a string its quotes would be escaped */
	if ((items = strstr(text, ITEMS)) != NULL) {
		array = text_alloc(sizeof *array);
		items += strlen(ITEMS) - 1;
		json_feed(array, items, strlen(items), read_item, s);
		free(array);
	}
	free(text);
	return 0;
}

struct status_item *
status_item(struct status *s, const char *database, const char *destination)
{
	struct status_item *item;

	if (database == NULL)
		database = "";
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->item[i].database, database) == 0 &&
		    strcmp(s->item[i].destination, destination) == 0)
			return &s->item[i];
	s->item = text_room(s->item, s->n, sizeof *s->item);
	item = &s->item[s->n++];
	*item = (struct status_item){ .database = text_copy(database),
		.destination = text_copy(destination),
		.error = text_copy(""),
		.size_bytes = -1,
		.duration_ms = -1,
		.kept = -1 };
	return item;
}

void
status_set(char **string, const char *text)
{
	free(*string);
	*string = text_copy(text);
}

bool
status_unverified(const struct config *c, const struct status_item *item, int64_t when)
{
	return c->verify != VERIFY_NO && item->unverified != 0 && when >= item->unverified;
}

static void
free_item(struct status_item *item)
{
	free(item->database);
	free(item->destination);
	free(item->error);
}

void
status_drop_unwanted(struct status *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->item[i].wanted)
			s->item[n++] = s->item[i];
		else
			free_item(&s->item[i]);
	s->n = n;
}

/* Unlike text_escape: what is no UTF-8 comes back as it was, or it would be another database. */
static void
print_string(FILE *f, const char *text)
{
	for (; *text != '\0'; text++)
		fprintf(f,
		    *text == '"' || *text == '\\' || (unsigned char)*text < 0x20 ? "\\u%04x" : "%c",
		    *text);
}

static void
print(FILE *f, const struct status *s)
{
	fprintf(f,
	    "{\"pid\":%lld,\"started\":%lld,\"next_due\":%lld,\"working\":%d,\n"
	    "\"interval_s\":%lld,\"jitter_s\":%lld,\"schedule\":\"",
	    (long long)s->pid, (long long)s->started, (long long)s->next_due, s->working,
	    (long long)s->interval_s, (long long)s->jitter_s);
	print_string(f, s->schedule);
	fputs("\",\"zone\":\"", f);
	print_string(f, s->zone);
	fputs("\",\n" ITEMS, f);
	for (size_t i = 0; i < s->n; i++) {
		const struct status_item *item = &s->item[i];

		fprintf(f, "%s\n{\"database\":\"", i > 0 ? "," : "");
		print_string(f, item->database);
		fputs("\",\"destination\":\"", f);
		print_string(f, item->destination);
		fprintf(f,
		    "\",\"wanted\":%d,\"success\":%lld,\"size_bytes\":%lld,\"duration_ms\":%lld,"
		    "\"kept\":%lld,\"failures\":%lld,\"failed\":%lld,\"unverified\":%lld,"
		    "\"error\":\"",
		    item->wanted, (long long)item->success, (long long)item->size_bytes,
		    (long long)item->duration_ms, (long long)item->kept, (long long)item->failures,
		    (long long)item->failed, (long long)item->unverified);
		print_string(f, item->error);
		fputs("\"}", f);
	}
	fprintf(f, "\n]}\n");
}

/* Write beside, then rename: whoever reads sees the old file or the new one. */
static void
replace(const char *path, mode_t mode, void (*write_to)(FILE *f, const struct status *s),
    const struct status *s)
{
	char *beside = text_format("%s.tmp", path);
	struct stat old;
	FILE *f = NULL;
	bool ok = false;
	int fd, e;

	/* made by us: in a directory for everybody it must not be a link to what is another's */
	unlink(beside);
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd != -1)
		f = fdopen(fd, "w");
	e = errno;

	if (f != NULL) {
		write_to(f, s);
		/* made by a service that is another user: it could not replace ours */
		if (geteuid() == 0 && lstat(path, &old) == 0 &&
		    fchown(fd, old.st_uid, old.st_gid) == -1)
			log_warning("cannot leave %s to its owner: %s", path, strerror(errno));
		ok = fchmod(fd, mode) == 0 && fflush(f) == 0 && ferror(f) == 0;
		e = errno;
		fclose(f);
	} else if (fd != -1) {
		close(fd);
	}
	if (ok && rename(beside, path) == -1) {
		e = errno;
		ok = false;
	}
	if (!ok) {
		log_warning("cannot write %s: %s", path, strerror(e));
		unlink(beside);
	}
	free(beside);
}

void
status_update(const struct config *c, void (*change)(struct status *s, void *arg), void *arg)
{
	int64_t deadline = process_clock_ms() + GUARD_WAIT_MS;
	int fd = open_lock(c, ".lock");
	char *path = path_of(c, "");
	struct status s;

	if (fd == -1)
		log_warning("cannot write %s: %s", path, strerror(errno));
	/* who holds it for long is stopped or hung: then better write unguarded than not at all */
	while (fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == -1 && process_clock_ms() < deadline)
		process_poll(NULL, 0, process_clock_ms() + 20);
	status_read(c, &s);
	change(&s, arg);
	if (fd != -1)
		replace(path, 0644, print, &s);
	if (c->metrics_file != NULL)
		replace(c->metrics_file, 0644, metrics_print, &s);
	status_free(&s);
	free(path);
	if (fd != -1)
		close(fd);
}

void
status_free(struct status *s)
{
	for (size_t i = 0; i < s->n; i++)
		free_item(&s->item[i]);
	free(s->item);
	free(s->schedule);
	free(s->zone);
	*s = (struct status){ 0 };
}

int
status_claim(const struct config *c)
{
	int fd = open_lock(c, ".service"), e;

	if (fd == -1 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	e = errno;
	close(fd);
	errno = e;
	return -1;
}

bool
status_service_lives(const struct config *c)
{
	int fd = open_to_read(c, ".service");
	bool lives = fd != -1 && flock(fd, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK;

	if (fd != -1)
		close(fd);
	return lives;
}
