#include "choose.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "exit.h"
#include "lib/log.h"
#include "lib/process.h"
#include "list.h"

#define SHOWN_MAX 20
#define NARROW 78

bool
choose_can_ask(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

int
choose_ask(const char *question, char *out, size_t size)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	size_t n = 0;

	fprintf(stderr, "%s", question);
	fflush(stderr);
	while (process_stopping() == 0) {
		char c;
		ssize_t got;

		if (process_poll(&pfd, 1, -1) == 0)
			continue;
		got = read(STDIN_FILENO, &c, 1);
		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		if (c == '\n') {
			out[n] = '\0';
			return 0;
		}
		if (n < size - 1)
			out[n++] = c;
	}
	fprintf(stderr, "\n");
	return -1;
}

int
choose_destinations(struct choice *ch, const struct config *c, const struct arguments *a)
{
	struct destination *from;
	struct stat st;

	destinations_init(&ch->d, c);
	if (a->from == NULL) {
		if (ch->d.n > 0)
			return 0;
		log_error(
		    "there is nowhere to look for backups: set DB_BACKUP_DIR or another destination, or give --from DIRECTORY");
		return EXIT_USAGE;
	}
	from = destinations_find(&ch->d, a->from);
	if (from != NULL) {
		ch->d.item[0] = *from;
	} else if (stat(a->from, &st) == 0 && S_ISDIR(st.st_mode)) {
		struct config plain = *c;

		plain.directory = a->from;
		plain.folder = "";
		plain.s3_bucket = NULL;
		plain.remotes.n = 0;
		destinations_init(&ch->d, &plain);
	} else {
		log_error(
		    "--from: \"%s\" is neither a destination that is configured here nor a directory",
		    a->from);
		return EXIT_USAGE;
	}
	ch->d.n = 1;
	return 0;
}

void
choose_archive(struct choice *ch, const struct backup *b)
{
	ch->archive = (struct archive){ .at = &ch->d.item[b->destination],
		.file = b->file,
		.size_bytes = b->size_bytes,
		.encrypted = b->encrypted,
		.is_sql = b->globals };
	snprintf(ch->database, sizeof ch->database, "%s", b->database);
	ch->time = b->time;
}

static int
read_catalog(struct choice *ch, const struct config *c)
{
	ch->listed = catalog_read(&ch->cat, &ch->d, c->label) == 0;
	return process_stopping() != 0 ? EXIT_SIGNAL + process_stopping() : 0;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* Files that are not named as ours are found by their full name too. */
static int
choose_named(struct choice *ch, const struct config *c, const char *name)
{
	for (size_t i = 0; i < ch->cat.n; i++)
		if (strcmp(ch->cat.item[i].file, name) == 0) {
			choose_archive(ch, &ch->cat.item[i]);
			return 0;
		}
	for (size_t i = 0; i < ch->d.n; i++) {
		const struct object *o = listing_find(&ch->cat.foreign[i], name);

		if (o == NULL)
			continue;
		ch->archive = (struct archive){ .at = &ch->d.item[i],
			.file = o->name,
			.size_bytes = o->size_bytes,
			.encrypted = ends_with(name, ".bin"),
			.is_sql = ends_with(name, ".sql") || ends_with(name, ".sql.bin") };
		return 0;
	}
	log_error("there is no backup \"%s\"%s", name,
	    ch->listed ? "" : " where backups could be listed");
	if (access(name, R_OK) == 0)
		log_hint("for the file that is here write ./%s", name);
	else
		log_hint("list-backups --all shows all names%s",
		    *c->folder != '\0' ? "; only the folder of DB_BACKUP_PREFIX is looked into" :
					 "");
	return EXIT_FAILED;
}

/* A file of one's own, by a path with a slash. */
static int
choose_file(struct choice *ch, const struct config *c, const struct arguments *a, const char *path)
{
	struct name n;
	struct stat st;
	bool there = stat(path, &st) == 0;

	if (!there || !S_ISREG(st.st_mode) || access(path, R_OK) == -1) {
		log_error("cannot read %s: %s", path,
		    there && !S_ISREG(st.st_mode) ? "it is no file" : strerror(errno));
		if (!there)
			log_hint(
			    "backups at a destination are named without a folder, as list-backups shows them");
		return EXIT_FAILED;
	}
	ch->archive = (struct archive){ .file = path,
		.size_bytes = st.st_size,
		.encrypted = ends_with(path, ".bin"),
		.is_sql = ends_with(path, ".sql") };
	if (name_parse(&n, c->label, strrchr(path, '/') + 1) == 0) {
		snprintf(ch->database, sizeof ch->database, "%s", n.database);
		ch->time = n.time;
	}
	if (a->db == NULL || strcmp(a->db, ch->database) == 0)
		return 0;
	if (*ch->database != '\0')
		log_error("--db: that file is a backup of \"%s\"", ch->database);
	else
		log_error("--db chooses among the backups of a destination");
	log_hint("leave it out; restore-db --to NAME says which database to restore into");
	return EXIT_USAGE;
}

/* "2026-11-22T09:23:45Z", without Z in TZ, or the end of a day. -1 if it is no time. */
static int
parse_time(const char *text, time_t *t)
{
	static const char day_only[] = "%Y-%m-%d";
	static const char *const formats[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M",
		"%Y%m%d %H%M%S", day_only };
	const char *zone = ends_with(text, " UTC") ? " UTC" : ends_with(text, "Z") ? "Z" : "";
	char plain[32];

	snprintf(plain, sizeof plain, "%.*s", (int)(strlen(text) - strlen(zone)), text);
	if (strchr(plain, 'T') != NULL)
		*strchr(plain, 'T') = ' ';
	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
		struct tm tm = { 0 };
		const char *end = strptime(plain, formats[i], &tm);
		int day = tm.tm_mday;

		if (end == NULL || *end != '\0')
			continue;
		if (formats[i] == day_only) {
			tm.tm_hour = 23;
			tm.tm_min = tm.tm_sec = 59;
		}
		tm.tm_isdst = -1;
		*t = *zone != '\0' ? timegm(&tm) : mktime(&tm);
		return tm.tm_mday == day ? 0 : -1; /* there is no 31st of February */
	}
	return -1;
}

/* The database whose backups are meant: --db, DB_NAME, or the only one there is. NULL: reported. */
static const char *
choose_database(struct choice *ch, const struct config *c, const struct arguments *a)
{
	struct list found = { 0 };
	char names[512] = "";
	size_t n = 0;

	if (a->db != NULL)
		return a->db;
	if (c->databases.n == 1)
		return c->databases.item[0];
	catalog_databases(&ch->cat, &found);
	if (found.n == 1)
		return found.item[0];
	for (size_t i = 0; i < found.n && n < sizeof names; i++)
		n += (size_t)snprintf(
		    names + n, sizeof names - n, "%s\"%s\"", i > 0 ? ", " : "", found.item[i]);
	if (found.n == 0)
		log_error(
		    "no backups were found%s", ch->listed ? "" : " where backups could be listed");
	else
		log_error("which database? say --db NAME; there are backups of %s", names);
	return NULL;
}

static int
choose_by_time(struct choice *ch, const struct config *c, const struct arguments *a)
{
	const struct backup *newest = NULL, *b = NULL;
	const char *database;
	time_t limit = catalog_not_after();
	char stamp[64];

	if (a->at != NULL && parse_time(a->at, &limit) == -1) {
		log_error(
		    "--at: \"%s\" is no time; it takes 2026-11-22T09:23:45Z, 2026-11-22 09:23 (in TZ) or 2026-11-22",
		    a->at);
		return EXIT_USAGE;
	}
	if (a->at != NULL) {
		list_time(stamp, sizeof stamp, limit);
		log_info("--at means %s", stamp);
	}
	if ((database = choose_database(ch, c, a)) == NULL)
		return ch->cat.n > 0 ? EXIT_USAGE : EXIT_FAILED;
	for (size_t i = ch->cat.n; i-- > 0;)
		if (backup_is_of(&ch->cat.item[i], database)) {
			newest = &ch->cat.item[i];
			b = newest->time <= limit ? newest : b;
		}
	if (a->at == NULL && newest != NULL && newest->time > limit) {
		log_warning("%s is dated ahead of this machine's clock: it is %s", newest->file,
		    b == NULL ? "taken, as there is no other" : "not taken");
		if (b != NULL)
			log_hint(
			    "to restore it, name it; and see whether the clock is right, there or here");
		else
			b = newest;
	}
	if (b != NULL) {
		if (!ch->listed)
			log_warning(
			    "not all destinations could be listed; there may be a newer backup");
		choose_archive(ch, b);
		return 0;
	}
	log_error("there is no backup of \"%s\"%s%s%s", database,
	    a->at != NULL ? " that is not after " : "", a->at != NULL ? a->at : "",
	    ch->listed ? "" : " where backups could be listed");
	log_hint("list-backups shows what there is");
	return EXIT_FAILED;
}

static bool
is_narrow(void)
{
	struct winsize w;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 && w.ws_col < NARROW;
}

/*
 * The numbered list; of[k] is the index in the catalog of number k + 1. Returns
 * how many. Globals are not in it: they are no database to choose.
 */
static size_t
print_choices(const struct choice *ch, const char *database, size_t *of)
{
	bool *done = text_alloc(ch->cat.n + 1), narrow = is_narrow();
	size_t n = 0, more = 0;

	for (size_t i = 0; i < ch->cat.n; i++) {
		const struct backup *b = &ch->cat.item[i];
		char stamp[64], age[64], size[32], where[512], name[NAME_SIZE * 4] = "";

		if (done[i] || b->globals || (database != NULL && !backup_is_of(b, database)))
			continue;
		list_places(&ch->cat, i, &ch->d, done, where, sizeof where);
		if (n == SHOWN_MAX) {
			more++;
			continue;
		}
		of[n++] = i;
		if (database == NULL)
			text_escape(name, sizeof name, b->database, false);
		list_time(stamp, sizeof stamp, b->time);
		list_age(age, sizeof age, b->time);
		text_size(size, sizeof size, b->size_bytes);
		if (narrow)
			fprintf(stderr, "%3zu) %s%s%s\n     %s, %s\n     %s%s\n", n, stamp,
			    *name ? "\n     " : "", name, age, size, where,
			    b->encrypted ? ", encrypted" : "");
		else
			fprintf(stderr, "%3zu) %s  %-19s  %8s  %s%s%s%s\n", n, stamp, age, size,
			    name, *name ? "  " : "", where, b->encrypted ? ", encrypted" : "");
	}
	if (more > 0)
		fprintf(stderr,
		    "     and %zu older ones:%slist-backups shows all,%s--at TIME or a name chooses\n",
		    more, narrow ? "\n     " : " ", narrow ? "\n     " : " ");
	free(done);
	return n;
}

static int
choose_on_terminal(struct choice *ch, const struct config *c, const struct arguments *a)
{
	const char *database = a->db != NULL       ? a->db :
			       c->databases.n == 1 ? c->databases.item[0] :
						     NULL;
	size_t of[SHOWN_MAX], n = print_choices(ch, database, of), likely = 0;
	char question[64], answer[64];
	int64_t number;

	if (n == 0) {
		log_error("no backups%s%s%s were found", database != NULL ? " of \"" : "",
		    database != NULL ? database : "", database != NULL ? "\"" : "");
		return EXIT_FAILED;
	}
	/* not what a wrong clock dated ahead */
	while (likely + 1 < n && ch->cat.item[of[likely]].time > catalog_not_after())
		likely++;
	snprintf(question, sizeof question, "Which one? [%zu] ", likely + 1);
	for (;;) {
		if (choose_ask(question, answer, sizeof answer) == -1) {
			fprintf(stderr, "Nothing was changed.\n");
			return process_stopping() != 0 ? EXIT_SIGNAL + process_stopping() :
							 EXIT_FAILED;
		}
		if (*answer == '\0')
			snprintf(answer, sizeof answer, "%zu", likely + 1);
		if (text_number(answer, 1, (int64_t)n, &number) == 0)
			break;
		fprintf(stderr, "Enter a number from 1 to %zu, or press Ctrl-C to leave.\n", n);
	}
	choose_archive(ch, &ch->cat.item[of[number - 1]]);
	return 0;
}

int
choose_backup(struct choice *ch, const struct config *c, const struct arguments *a)
{
	const char *name = a->names.n > 0 ? a->names.item[0] : NULL;
	int rc;

	if (a->names.n > 1 || (a->names.n + (a->at != NULL) + a->latest) > 1) {
		log_error("name one backup, or --latest, or --at TIME");
		return EXIT_USAGE;
	}
	if (name != NULL && strchr(name, '/') != NULL && a->from == NULL)
		return choose_file(ch, c, a, name);
	if (name == NULL && a->at == NULL && !a->latest && !choose_can_ask()) {
		log_error("which backup? name it, or say --latest or --at TIME");
		log_hint(
		    "list-backups shows what there is; on a terminal restore-db lists them and asks");
		return EXIT_USAGE;
	}
	if ((rc = choose_destinations(ch, c, a)) != 0 || (rc = read_catalog(ch, c)) != 0)
		return rc;
	rc = name != NULL               ? choose_named(ch, c, name) :
	     a->at != NULL || a->latest ? choose_by_time(ch, c, a) :
					  choose_on_terminal(ch, c, a);
	return destinations_status(&ch->d, rc);
}
