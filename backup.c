#include "backup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "catalog.h"
#include "databases.h"
#include "destination.h"
#include "dryrun.h"
#include "dump.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/pg.h"
#include "list.h"
#include "lock.h"
#include "prune.h"
#include "report.h"
#include "status.h"
#include "verify.h"

struct run {
	const struct config *c;
	struct destinations d;
	/*
	 * What was there at the start. Decides which names are taken, what has a fresh
	 * backup (--older-than) and which hidden files killed runs left; gives estimates.
	 * Nothing of what cannot be listed: nothing is fresh there then, and nothing swept.
	 */
	struct catalog before;
	struct pg pg;
	int dump_major; /* of pg_dump */
	char dump_version[64];
	struct prune_scope good[DESTINATIONS_MAX]; /* what got a verified backup where */
	struct report_item *item;                  /* one for each database and destination */
	size_t items;
	int64_t older_than;      /* what has a backup since then is left out; 0: nothing is */
	struct status known;     /* what the status file said at the start, for older_than */
	bool every;              /* the databases are those that the server has */
	bool server_known;       /* it was asked in this run, and pg_dump can dump it */
	size_t wanted, complete; /* databases */
	struct list failed;      /* databases, as shown */
	int64_t bytes, started_ms;
	bool stop_told; /* an error line says that we were asked to stop */
	int status;
};

static void
note_status(struct run *r, int status)
{
	if (r->status == EXIT_DONE || (r->status == EXIT_LOCKED && status != EXIT_DONE))
		r->status = status;
}

/* "local, cloud": those with the given outcome, and with the same reason as first if it is not NULL. */
static void
join_names(const struct dump *b, enum outcome outcome, const char *why, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < b->d->n; i++)
		if (b->outcome[i] == outcome &&
		    (why == NULL || strcmp(why, b->failure[i].why) == 0) && n < size)
			n += (size_t)snprintf(
			    out + n, size - n, "%s%s", n > 0 ? ", " : "", b->d->item[i].name);
}

/* One line for each reason, with the destinations that share it. */
static void
report_failures(const struct dump *b, const char *what_next)
{
	char names[512];

	for (size_t i = 0; i < b->d->n; i++) {
		bool told = false;

		for (size_t k = 0; k < i; k++)
			told = told || (b->outcome[k] == WANTED &&
					   strcmp(b->failure[k].why, b->failure[i].why) == 0);
		if (b->outcome[i] != WANTED || told)
			continue;
		join_names(b, WANTED, b->failure[i].why, names, sizeof names);
		if (what_next != NULL) {
			log_warning("cannot back up %s to %s: %s; %s", b->shown, names,
			    b->failure[i].why, what_next);
			continue;
		}
		log_error("cannot back up %s to %s: %s; nothing stored there, nothing pruned",
		    b->shown, names, b->failure[i].why);
		if (b->failure[i].hint != NULL)
			log_hint("%s", b->failure[i].hint);
	}
}

/* A name that no destination has yet: two runs within a second get different ones. */
static int
choose_name(struct run *r, struct dump *b)
{
	struct name n = { .kind = b->database == NULL ? NAME_GLOBALS : NAME_DUMP,
		.encrypted = r->c->passphrase != NULL };

	snprintf(n.database, sizeof n.database, "%s", b->database == NULL ? "" : b->database);
	for (;;) {
		bool taken = false;

		n.time = time(NULL);
		if (name_build(b->name, sizeof b->name, r->c->label, &n) == -1)
			return -1;
		for (size_t i = 0; i < r->before.n; i++)
			taken = taken || strcmp(r->before.item[i].file, b->name) == 0;
		for (size_t i = 0; i < r->d.n; i++)
			taken = taken || (r->d.item[i].directory != NULL &&
					     destination_size(&r->d.item[i], b->name) >= 0);
		if (!taken || process_stopping() != 0)
			return 0;
		process_poll(NULL, 0, process_clock_ms() + 100);
	}
}

/* Only who may read pg_authid gets at passwords; the rest of the globals is open to everyone. */
static void
leave_out_passwords(struct run *r, struct dump *b, const char *via)
{
	char *rows;
	size_t n;

	if (list_has(&b->argv, "--no-role-passwords") ||
	    pg_query(&r->pg, via, DUMP_PASSWORDS_SQL, NULL, &rows, &n, true) == -1)
		return; /* pg_dumpall will tell */
	if (strcmp(rows, "f") == 0) {
		list_add(&b->argv, "--no-role-passwords");
		log_warning(
		    "the globals are backed up without the passwords of roles, which user \"%s\" may not read",
		    r->c->pg_user);
		log_hint(
		    "to have them, back up as a superuser, or let one GRANT SELECT ON pg_authid TO this user");
	}
	free(rows);
}

/* Is the server there, and can this pg_dump dump it? 0 if so; 1 if trying again may help; -1 if it cannot. */
static int
check_server(struct run *r, struct dump *b)
{
	const int64_t wait_ms = r->c->wait_s * 1000;
	const char *via = NULL;
	struct pg_server server = { 0 };
	enum pg_result result = b->database != NULL ?
				    pg_connect(&r->pg, b->database, wait_ms, &server) :
				    pg_connect_aside(&r->pg, NULL, wait_ms, &via, &server);
	char why[1024];

	switch (result) {
	case PG_OK:
		break;
	case PG_NO_TOOL:
		b->code = r->pg.missing;
		/* fallthrough */
	case PG_FATAL:
		if (r->pg.no_database && r->every)
			dump_fail_all(b,
			    "the server no longer has it: it was dropped after this run began",
			    "nothing to do if that was meant: its backups stay, and the next run will not look for it");
		else
			dump_fail_all(b, r->pg.why, r->pg.hint);
		return -1;
	case PG_AWAY:
	case PG_FAILED:
	case PG_STOPPED:
		dump_fail_all(b, r->pg.why, r->pg.hint);
		return 1;
	}
	if (server.version / 10000 > r->dump_major) {
		snprintf(why, sizeof why,
		    "the server is PostgreSQL %s, but pg_dump is %s, and cannot dump a newer server",
		    server.version_text, r->dump_version);
		dump_fail_all(b, why,
		    "install the PostgreSQL client of the server's major version, or use an image made "
		    "with PG_MAJOR set to it");
		return -1;
	}
	r->server_known = true;
	if (b->database == NULL) {
		leave_out_passwords(r, b, via);
		return 0;
	}
	if (b->expected_bytes == 0)
		b->expected_bytes = server.size_bytes / 4; /* compressed, by rule of thumb */
	if (2 * server.size_bytes > b->upper_bound &&
	    catalog_newest_size(&r->before, b->database) == 0)
		b->upper_bound = 2 * server.size_bytes;
	return 0;
}

/* Time until the next try. */
static int64_t
pause_ms(int64_t tries_done)
{
	static const int64_t pauses[] = { 10000, 60000, 300000 };

	return pauses[tries_done < 3 ? tries_done : 2];
}

static bool
is_complete(const struct dump *b)
{
	for (size_t i = 0; i < b->d->n; i++)
		if (b->outcome[i] == WANTED)
			return false;
	return true;
}

/* What the last try published. */
static void
report_success(const struct dump *b, const enum outcome *before, int64_t started_ms)
{
	struct dump news = *b;
	char names[512], size[32], took[32];
	bool local_before = false;

	for (size_t i = 0; i < b->d->n; i++) {
		local_before =
		    local_before || (before[i] == DONE && b->d->item[i].directory != NULL);
		if (before[i] != WANTED)
			news.outcome[i] = UNWANTED;
	}
	join_names(&news, DONE, NULL, names, sizeof names);
	if (*names == '\0')
		return;
	log_info("backed up %s to %s: %s in %s", b->shown, names,
	    text_size(size, sizeof size, b->size_bytes),
	    text_duration(took, sizeof took, process_clock_ms() - started_ms));
	if (*b->file != '\0' && local_before)
		return; /* the same file, uploaded by another try */
	printf("%s\n", b->name);
	fflush(stdout);
}

/* Until the next try is due, or we are asked to stop. */
static void
wait_for_retry(int64_t tries_done)
{
	for (int64_t end = process_clock_ms() + pause_ms(tries_done);
	     process_clock_ms() < end && process_stopping() == 0;)
		process_poll(NULL, 0, end);
}

/*
 * Does the server have to be asked first? Not if what is left is to upload the
 * local file. Nor, which saves a psql for each of many databases, if it was
 * asked for another one and an earlier backup tells the size: should pg_dump
 * fail then, the server is asked why.
 */
static bool
can_go_ahead(const struct run *r, const struct dump *b, int64_t tries)
{
	return *b->file != '\0' ||
	       (tries == 0 && r->server_known && b->database != NULL && b->expected_bytes > 0);
}

/* All tries. */
static void
try_until_done(struct run *r, struct dump *b)
{
	int64_t started_ms = process_clock_ms();
	char next[96], text[32];

	for (int64_t tries = 0;; tries++) {
		enum outcome before[DESTINATIONS_MAX];
		bool ahead = can_go_ahead(r, b, tries);
		int rc;

		memcpy(before, b->outcome, sizeof before);
		b->code = EXIT_FAILED;
		rc = ahead ? 0 : check_server(r, b);
		if (rc == 0 && *b->file == '\0' && choose_name(r, b) == -1) {
			dump_fail_all(b,
			    "no file name can be made of the database's name and DB_BACKUP_PREFIX",
			    "shorten DB_BACKUP_PREFIX");
			rc = -1;
		}
		if (process_stopping() != 0)
			return; /* its name may be taken */
		if (rc == 0)
			dump_try(b);
		if (ahead && b->dump_failed && b->code == EXIT_FAILED && process_stopping() == 0)
			rc = check_server(r, b);
		report_success(b, before, started_ms);
		if (is_complete(b) || process_stopping() != 0)
			return;
		if (rc == -1 || tries == r->c->retries || b->code != EXIT_FAILED) {
			report_failures(b, NULL);
			return;
		}
		snprintf(next, sizeof next, "trying again in %s (%lld of %lld)",
		    text_duration(text, sizeof text, pause_ms(tries)), (long long)tries + 1,
		    (long long)r->c->retries);
		report_failures(b, next);
		wait_for_retry(tries);
		if (process_stopping() != 0)
			return;
	}
}

/*
 * DB_BACKUP_VERIFY. A backup that is bad goes: it must neither be restored nor push good ones
 * out. One that could not be verified may be good, and stays; it does not count yet.
 */
static void
verify(struct run *r, struct dump *b)
{
	for (size_t i = 0; i < r->d.n && r->c->verify != VERIFY_NO; i++) {
		struct archive ar = { .at = &r->d.item[i],
			.file = b->stored[i].name,
			.size_bytes = b->stored[i].size_bytes,
			.encrypted = r->c->passphrase != NULL,
			.is_sql = b->database == NULL };
		struct list bad = { 0 };
		const char *next = "it stays, but does not count, nothing pruned";
		char summary[256];
		int rc;

		if (b->outcome[i] == DONE)
			b->outcome[i] = STORED;
		if (b->outcome[i] != STORED || process_stopping() != 0)
			continue;
		rc = verify_archive(
		    &ar, r->c, &r->pg, r->c->verify == VERIFY_RESTORE, summary, sizeof summary);
		if (rc == 0) {
			b->outcome[i] = DONE;
			log_info("verified %s at %s: %s", ar.file, r->d.item[i].name, summary);
		}
		if (rc == 0 || process_stopping() != 0)
			continue;
		b->outcome[i] = WANTED;
		snprintf(b->failure[i].why, sizeof b->failure[i].why, "%.1000s", ar.why);
		list_add(&bad, ar.file);
		if (rc == VERIFY_BAD)
			next = destination_delete(&r->d.item[i], &bad) == 0 ?
				   "it was removed, nothing pruned" :
				   "it could not be removed, nothing pruned";
		list_free(&bad);
		log_error("%s at %s failed its verification: %s; %s", ar.file, r->d.item[i].name,
		    ar.why, next);
		if (ar.hint != NULL)
			log_hint("%s", ar.hint);
		b->code = EXIT_FAILED;
	}
}

/* What became of it, for pruning and for the report. */
static void
record(struct run *r, const struct dump *b, int64_t started_ms)
{
	for (size_t i = 0; i < r->d.n; i++) {
		struct report_item *item;
		struct name n;

		if (b->outcome[i] == UNWANTED)
			continue;
		r->item = text_room(r->item, r->items, sizeof *r->item);
		item = &r->item[r->items++];
		*item = (struct report_item){ .database = b->database,
			.destination = r->d.item[i].name,
			.done = b->outcome[i] == DONE,
			.duration_ms = *b->name != '\0' ? process_clock_ms() - started_ms : -1,
			.kept = -1 };
		if (!item->done) {
			item->error =
			    text_copy(b->outcome[i] == STORED ? "stopped before it was verified" :
								b->failure[i].why);
			continue;
		}
		item->time =
		    name_parse(&n, r->c->label, b->stored[i].name) == 0 ? n.time : time(NULL);
		item->name = text_copy(b->stored[i].name);
		item->size_bytes = b->stored[i].size_bytes;
		if (b->database == NULL)
			r->good[i].globals = true;
		else
			list_add(&r->good[i].databases, b->database);
	}
}

/* What is stored from now on does not count before it is verified, even if we are killed. */
static void
doubt(struct status *s, void *arg)
{
	const struct dump *b = arg;

	for (size_t i = 0; i < b->d->n; i++) {
		struct status_item *item = status_item(s, b->database, b->d->item[i].name);

		if (b->outcome[i] == WANTED && item->unverified == 0)
			item->unverified = time(NULL);
	}
}

/* For a run that makes up what failed. False if nothing is left to do. */
static bool
leave_out_fresh(struct run *r, struct dump *b)
{
	bool left = false;
	time_t now = time(NULL);
	/* dates further ahead of the clock are not believed: service.c tells why */
	time_t not_after = now + schedule_longest_gap(&r->c->schedule, now) / 10;

	for (size_t i = 0; i < r->before.n && r->older_than != 0; i++) {
		const struct backup *old = &r->before.item[i];
		size_t at = old->destination;

		/* the newest decides */
		if (!backup_is_of(old, b->database) || old->time < r->older_than ||
		    old->time > not_after || b->outcome[at] != WANTED)
			continue;
		b->outcome[at] = UNWANTED;
		/* it counts once it passes, and no new dump is needed */
		if (status_unverified(
			r->c, status_item(&r->known, b->database, r->d.item[at].name), old->time)) {
			b->outcome[at] = DONE;
			b->stored[at].size_bytes = old->size_bytes;
			snprintf(b->stored[at].name, sizeof b->stored[at].name, "%s", old->file);
		}
	}
	for (size_t i = 0; i < r->d.n; i++)
		left = left || b->outcome[i] != UNWANTED;
	return left;
}

/*
 * Remove what killed runs left under hidden names at remotes. Our lock is held, so
 * no run of this machine writes them; and what was listed before is enough.
 */
static void
sweep_remotes(struct run *r, const struct dump *b)
{
	for (size_t i = 0; i < r->d.n; i++) {
		struct destination *d = &r->d.item[i];
		const struct listing *hidden = &r->before.hidden[i];
		struct list names = { 0 };
		char name[NAME_SIZE];

		for (size_t k = 0; k < hidden->n && d->directory == NULL && d->remote.hides; k++)
			if (name_unhide(name, sizeof name, hidden->item[k].name) == 0 &&
			    name_belongs(name, r->c->label, b->database))
				list_add(&names, hidden->item[k].name);
		if (names.n > 0 && destination_delete(d, &names) == -1)
			log_warning("cannot remove unfinished files of %s from %s: %s", b->shown,
			    d->name, d->why);
		else if (names.n > 0)
			log_info("removed %zu unfinished %s of %s from %s", names.n,
			    names.n == 1 ? "file" : "files", b->shown, d->name);
		list_free(&names);
	}
}

static void
count(struct run *r, const struct dump *b)
{
	r->bytes += b->size_bytes;
	if (!is_complete(b))
		list_add(&r->failed, b->shown);
	else if (b->database != NULL)
		r->complete++;
}

/* One line about a run of several databases. */
static void
summarize(const struct run *r)
{
	char size[32], took[32], which[600] = "";
	size_t n = 0, shown = r->failed.n > 5 ? 5 : r->failed.n;

	if (r->wanted < 2)
		return;
	for (size_t i = 0; i < shown && n < sizeof which; i++)
		n += (size_t)snprintf(which + n, sizeof which - n, "%s%s",
		    i == 0 ? "; failed: " : ", ", r->failed.item[i]);
	if (r->failed.n > shown && n < sizeof which)
		snprintf(which + n, sizeof which - n, " and %zu more", r->failed.n - shown);
	log_line(r->complete == r->wanted && r->failed.n == 0 ? LOG_INFO : LOG_WARNING,
	    "backed up %zu of %zu databases: %s in %s%s", r->complete, r->wanted,
	    text_size(size, sizeof size, r->bytes),
	    text_duration(took, sizeof took, process_clock_ms() - r->started_ms), which);
}

static void
back_up(struct run *r, const char *database)
{
	char *shown = database == NULL ? text_copy("globals") : text_format("\"%s\"", database);
	struct dump b = {
		.c = r->c, .d = &r->d, .pg = &r->pg, .database = database, .shown = shown
	};
	int64_t started_ms = process_clock_ms();
	char names[512];
	int lock;

	if (!leave_out_fresh(r, &b)) {
		r->wanted -= database != NULL;
		free(shown);
		return;
	}
	lock = lock_take(r->c, database);
	if (lock == -1 && errno == EWOULDBLOCK) {
		log_error("cannot back up %s: another run of it holds the lock", shown);
		note_status(r, EXIT_LOCKED);
	} else if (lock == -1) {
		log_error("cannot back up %s: cannot make its lock: %s", shown, strerror(errno));
		log_hint("make /run/backup-service or TMPDIR writable");
		note_status(r, EXIT_FAILED);
	}
	if (lock == -1) {
		count(r, &b);
		free(shown);
		return;
	}
	sweep_remotes(r, &b);
	dump_arguments(r->c, r->dump_major, database, &b.argv);
	b.expected_bytes = catalog_newest_size(&r->before, database);
	b.upper_bound = 2 * b.expected_bytes;
	if (!is_complete(&b)) {
		if (r->c->verify != VERIFY_NO)
			status_update(r->c, doubt, &b);
		try_until_done(r, &b);
	}
	verify(r, &b);
	if (process_stopping() != 0 && !is_complete(&b)) {
		join_names(&b, WANTED, NULL, names, sizeof names);
		log_error(
		    "stopped by signal %d (%s) before %s was backed up to %s; nothing stored there",
		    process_stopping(), strsignal(process_stopping()), shown, names);
		r->stop_told = true;
	} else if (!is_complete(&b)) {
		note_status(r, b.code);
	}
	record(r, &b, started_ms);
	count(r, &b);
	close(lock);
	list_free(&b.argv);
	free(shown);
}

/* pg_dump's version; also tells whether it is there at all. */
static int
check_tools(struct run *r)
{
	struct process p;

	r->dump_major =
	    pg_tool_version(&r->pg, &p, "pg_dump", r->dump_version, sizeof r->dump_version);
	if (r->dump_major != -1 && dump_compression(r->c, r->dump_major) != NULL)
		return 0;
	if (r->dump_major != -1) {
		log_error(
		    "DB_BACKUP_COMPRESS: pg_dump %s cannot do \"%s\", which needs 16 or newer; nothing stored",
		    r->dump_version, r->c->compress);
		log_hint("leave it unset, or set it to a level of gzip, 0 to 9");
		return EXIT_USAGE;
	}
	if (process_stopping() != 0)
		return EXIT_FAILED;
	log_error("cannot run pg_dump: %s; nothing stored", process_words(&p));
	log_hint("install the PostgreSQL client (pg_dump, psql), or correct PATH");
	return process_missing(&p) != 0 ? process_missing(&p) : EXIT_FAILED;
}

/* Passphrase set, nothing is ever stored in the clear: without it working there is no run. */
static int
set_up_encryption(struct run *r)
{
	if (destinations_encrypt(&r->d, r->c->passphrase) == 0)
		return 0;
	if (process_stopping() != 0)
		return EXIT_FAILED;
	log_error("cannot encrypt: %s; nothing stored", r->d.item[0].remote.why);
	log_hint(
	    "see whether \"echo x | rclone obscure -\" works here; without it nothing is backed up");
	return destinations_status(&r->d, EXIT_FAILED);
}

/* Databases of this run: named, configured, or all of the server. */
static int
choose_databases(struct run *r, const struct list *named, struct list *out)
{
	char pause[32];

	for (size_t i = 0; i < named->n; i++)
		list_add(out, named->item[i]);
	r->every = named->n == 0 && r->c->all_databases;
	for (int64_t tries = 0; named->n == 0; tries++) {
		enum pg_result result = databases_wanted(r->c, &r->pg, out);

		if (result == PG_OK)
			break;
		if (process_stopping() != 0)
			return EXIT_DONE; /* backup_run says so */
		if (tries == r->c->retries || (result != PG_AWAY && result != PG_FAILED)) {
			log_error("cannot tell the databases of the server: %s; nothing stored",
			    r->pg.why);
			if (r->pg.hint != NULL)
				log_hint("%s", r->pg.hint);
			return result == PG_NO_TOOL ? r->pg.missing : EXIT_FAILED;
		}
		log_warning(
		    "cannot tell the databases of the server: %s; trying again in %s (%lld of %lld)",
		    r->pg.why, text_duration(pause, sizeof pause, pause_ms(tries)),
		    (long long)tries + 1, (long long)r->c->retries);
		wait_for_retry(tries);
		if (process_stopping() != 0)
			return EXIT_DONE; /* backup_run says so */
	}
	r->wanted = out->n;
	if (out->n > 0 || r->c->globals)
		return EXIT_DONE;
	log_error("the server has no database to back up");
	log_hint(
	    "databases that are templates, allow no connections or stand in DB_EXCLUDE do not count");
	return EXIT_FAILED;
}

/* Prune where that is earned, and count what stays. */
static void
prune(struct run *r)
{
	for (size_t i = 0; i < r->d.n && process_stopping() == 0; i++) {
		if (r->good[i].databases.n + r->good[i].globals == 0)
			continue;
		prune_after_backup(r->c, &r->d, i, &r->good[i]);
		/* its items are in the order of its scope */
		for (size_t k = 0, n = 0; k < r->items && r->good[i].kept != NULL; k++)
			if (r->item[k].done && r->item[k].destination == r->d.item[i].name)
				r->item[k].kept = r->good[i].kept[n++];
		free(r->good[i].kept);
	}
}

int
backup_run(const struct config *c, const struct arguments *a)
{
	struct run *r = text_alloc(sizeof *r);
	struct report report = { c, &r->d, &a->names, process_clock_ms() };
	struct list databases = { 0 };
	int rc;

	if (a->dry_run)
		return dryrun_run(c, a);
	r->c = c;
	r->started_ms = process_clock_ms();
	if (a->older_than != NULL &&
	    text_number(a->older_than, 1, INT64_MAX, &r->older_than) == -1) {
		log_error("--older-than: \"%s\" is no time in seconds since 1970", a->older_than);
		return EXIT_USAGE;
	}
	pg_init(&r->pg, c->pg_host, c->pg_port, c->pg_user, c->pg_password);
	destinations_init(&r->d, c);
	if (r->older_than != 0)
		status_read(c, &r->known);
	if ((rc = check_tools(r)) == EXIT_USAGE)
		return rc; /* the service tells of it, as of other mistakes of the configuration */
	report_begin(&report);
	if (rc == 0 && (rc = set_up_encryption(r)) == 0 &&
	    (rc = choose_databases(r, &a->names, &databases)) == 0) {
		/* for names, sizes, what is fresh, what killed runs left; pruning lists again */
		for (size_t i = 0; i < r->d.n; i++)
			catalog_read_one(&r->before, &r->d, i, c->label);
		for (size_t i = 0; i < databases.n && process_stopping() == 0; i++)
			back_up(r, databases.item[i]);
		if (c->globals && a->names.n == 0 && process_stopping() == 0)
			back_up(r, NULL);
		prune(r);
		summarize(r);
	}
	if (process_stopping() != 0 && !r->stop_told)
		log_error("stopped by signal %d (%s) before %s", process_stopping(),
		    strsignal(process_stopping()),
		    r->items == 0 ? "anything was backed up; nothing stored" :
				    "all was done; what is stored stays");
	note_status(r, rc);
	note_status(r, list_end(EXIT_DONE)); /* the names that it printed */
	rc = process_stopping() != 0 ? EXIT_SIGNAL + process_stopping() : r->status;
	report_end(&report, r->item, r->items, rc);
	return rc;
}
