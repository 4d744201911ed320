#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/duration.h"
#include "lib/log.h"
#include "lib/name.h"

#define VALUE_MAX 65536 /* of a _FILE */

enum type { TEXT, LIST, WORDS, BOOL, COUNT, DURATION, CHOICE, SCHEDULE };

struct option {
	const char *name;
	const char *title; /* of the group that begins with it */
	const char *other; /* read if name is not set */
	enum type type;
	size_t offset;        /* in struct config */
	const char *fallback; /* NULL: none */
	const char *shown;    /* default as told to people, if it is no fixed value */
	int64_t min, max;     /* COUNT, DURATION (in seconds) */
	const char *choices;  /* CHOICE: "a|b"; COUNT: a word that stands for -1 */
	const char *used_by;  /* Service, Backup, List, Restore, Verify, Prune, Health */
	bool secret;
	const char *(*check)(const char *value); /* what would be right, or NULL */
	const char *help;
};

#define AS_TEXT_OF(x) #x
#define AS_TEXT(x) AS_TEXT_OF(x)

/* A URL with a user in it, whose password would get into names and logs; without one it may be a name. */
static bool
is_connection_url(const char *name)
{
	return (strncmp(name, "postgres://", 11) == 0 || strncmp(name, "postgresql://", 13) == 0) &&
	       strchr(name, '@') != NULL;
}

static const char *
check_databases(const char *value)
{
	struct list names = { 0 };
	bool star, url = false;

	list_split(&names, value);
	star = list_has(&names, "*");
	for (size_t i = 0; i < names.n; i++)
		url = url || is_connection_url(names.item[i]);
	return names.n == 0        ? "a database name" :
	       star && names.n > 1 ? "`*` alone, or names" :
	       url ? "the name alone; the rest goes into PGHOST, PGPORT, PGUSER and PGPASSWORD" :
		     NULL;
}

static const char *
check_path(const char *value)
{
	return value[0] == '/' || value[0] == '.' || strchr(value, ':') == NULL ?
		   NULL :
		   "a path on this machine; for an rclone remote set DB_BACKUP_REMOTE";
}

/* rclone reads one line: what is behind it would not count, nor a '\r' at its end. */
static const char *
check_passphrase(const char *value)
{
	return strpbrk(value, "\r\n") == NULL && strlen(value) <= 4096 ?
		   NULL :
		   "one line of at most 4096 bytes";
}

/* report.c tells why rclone gets it as a folder and a file's name. */
static const char *
check_ping_url(const char *value)
{
	const char *host = strstr(value, "://"), *name = strrchr(value, '/');

	return (strncmp(value, "https://", 8) == 0 || strncmp(value, "http://", 7) == 0) &&
		       name > host + 3 && name[1] != '\0' && strchr(name, '%') == NULL &&
		       strpbrk(value, "?# \t\r\n") == NULL ?
		   NULL :
		   "https://HOST/PATH that ends in a plain name, without ?, % and #; another one can be "
		   "fetched by DB_BACKUP_HOOK, see docs/hooks.md";
}

static const char *
check_endpoint(const char *value)
{
	const char *host = strstr(value, "://");

	if (host != NULL && strncmp(value, "https://", 8) != 0 && strncmp(value, "http://", 7) != 0)
		return "https://HOST[:PORT] or http://HOST[:PORT]";
	host = host == NULL ? value : host + 3;
	return *host == '\0' || *host == '/' || strpbrk(host, " \t\r\n@?#") != NULL ?
		   "HOST[:PORT], with or without https://" :
		   NULL;
}

/* No segment that is empty, "." or ".." */
static bool
path_is_clean(const char *path)
{
	for (const char *p = path;; p++) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		for (size_t i = 0; i < n; i++)
			if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
				return false;
		p += n;
		if (*p == '\0')
			return true;
	}
}

static const char *
check_bucket(const char *value)
{
	char *path = text_copy(value);
	size_t n = strlen(path);

	if (n > 1 && path[n - 1] == '/')
		path[n - 1] = '\0';
	return strcspn(path, "/") >= 3 && path_is_clean(path) && strchr(path, ':') == NULL ?
		   NULL :
		   "BUCKET or BUCKET/PATH, of at least 3 characters, without \"//\", \"..\" and \":\"";
}

static bool
is_same_place(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);

	while (n > 0 && a[n - 1] == '/')
		n--;
	while (m > 0 && b[m - 1] == '/')
		m--;
	return n == m && memcmp(a, b, n) == 0;
}

static const char *
check_remotes(const char *value)
{
	struct list remotes = { 0 };

	list_split(&remotes, value);
	if (remotes.n > REMOTES_MAX)
		return "at most " AS_TEXT(REMOTES_MAX) " remotes";
	for (size_t i = 0; i < remotes.n; i++) {
		size_t n = strcspn(remotes.item[i], ":");

		if (remotes.item[i][n] != ':' || n == 0 || remotes.item[i][0] == '-' ||
		    strcspn(remotes.item[i], "/") < n)
			return "NAME:PATH with the name of an rclone remote; for a local directory set DB_BACKUP_DIR";
		if (memchr(remotes.item[i], ',', n) != NULL)
			return "NAME:PATH without options: the log would tell them; set RCLONE_CONFIG_NAME_OPTION";
		for (size_t k = 0; k < i; k++)
			if (is_same_place(remotes.item[i], remotes.item[k]))
				return "each remote once";
	}
	return NULL;
}

static const char *
check_compress(const char *value)
{
	static const char *const methods[] = { "none", "gzip", "lz4", "zstd" };
	int64_t level;

	if (text_number(value, 0, 9, &level) == 0)
		return NULL;
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		size_t n = strlen(methods[i]);

		if (strncmp(value, methods[i], n) == 0 &&
		    (value[n] == '\0' || (value[n] == ':' && value[n + 1] != '\0')))
			return NULL;
	}
	return "0 to 9, or none, gzip, lz4 or zstd with an optional :LEVEL";
}

/*
 * Options that would take the archive, its format or the connection out of our
 * hands. Whatever is no option and no option's value would be a database to
 * pg_dump, dumped under another's name; which long options have a value differs
 * between versions, so they must have it behind '='.
 */
static const char *
check_dump_options(const char *value)
{
	static const char *const refused[] = { "--file", "--format", "--jobs", "--dbname", "--help",
		"--version", "--password", "--compress", "--host", "--port", "--username" };
	/* without their '=' these would take the next word, whatever it is */
	static const char *const want_value[] = { "--encoding", "--exclude-extension",
		"--exclude-schema", "--exclude-table", "--exclude-table-and-children",
		"--exclude-table-data", "--exclude-table-data-and-children", "--extension",
		"--extra-float-digits", "--filter", "--include-foreign-data", "--lock-wait-timeout",
		"--restrict-key", "--role", "--rows-per-insert", "--schema", "--section",
		"--snapshot", "--superuser", "--sync-method", "--table", "--table-and-children" };
	static const char letters[] = "fFjdVWZ?hpU", with_value[] = "eEnNStTX";
	struct list words = { 0 };
	bool value_next = false;

	if (list_split_words(&words, value) == -1)
		return "quotes that are closed";
	for (size_t i = 0; i < words.n; i++) {
		const char *w = words.item[i];
		size_t n = strcspn(w, "=");

		if (value_next) {
			value_next = false;
			continue;
		}
		if (w[0] != '-' || strcmp(w, "-") == 0 || strcmp(w, "--") == 0)
			return "options of pg_dump only, values of long ones behind a \"=\": --schema=NAME";
		/* getopt_long takes any unique beginning of a long option */
		for (size_t k = 0; k < sizeof refused / sizeof refused[0]; k++)
			if (n > 2 && strncmp(w, refused[k], n) == 0)
				return "options that leave output, format, jobs, connection, database and compression to this "
				       "program (PGHOST, DB_NAME, DB_BACKUP_COMPRESS)";
		for (size_t k = 0; k < sizeof want_value / sizeof want_value[0]; k++)
			if (n > 2 && w[n] == '\0' && strncmp(w, want_value[k], n) == 0)
				return "the value of a long option behind a \"=\": --schema=NAME";
		for (const char *p = w + 1; w[1] != '-' && *p != '\0'; p++) {
			if (strchr(letters, *p) != NULL)
				return "options other than -f -F -j -d -h -p -U -V -W -Z and -?, which are this program's "
				       "(PGHOST, DB_NAME, DB_BACKUP_COMPRESS)";
			if (strchr(with_value, *p) != NULL) {
				value_next = p[1] == '\0';
				break;
			}
		}
	}
	return value_next ? "a value for each option that wants one" : NULL;
}

static const char *
check_prefix(const char *value)
{
	const char *slash = strrchr(value, '/');
	char *folder = slash == NULL ? NULL : text_format("%.*s", (int)(slash - value), value);

	if (folder != NULL && !path_is_clean(folder))
		return "a relative path without \"//\", \".\" and \"..\"";
	value = slash == NULL ? value : slash + 1;
	return name_label_valid(value) && strlen(value) <= 100 ?
		   NULL :
		   "printable text that does not begin with a dot, behind its last \"/\" at most 100 bytes";
}

#define AT(field) .offset = offsetof(struct config, field)
#define YEARS(n) ((n)*INT64_C(366) * 86400)

/* clang-format off: a table */
static const struct option options[] = {
	{ "DB_NAME", .title = "Connection", .other = "PGDATABASE", .type = LIST, AT(databases),
	    .shown = "required for backups", .used_by = "SBRP", .check = check_databases,
	    .help =
		"Database to back up; several with commas; `*` for every database that accepts connections, is no template and no scratch database of ours." },
	{ "DB_EXCLUDE", .type = LIST, AT(exclude), .used_by = "SBP",
	    .help = "Databases that `*` leaves out, with commas." },
	{ "PGHOST", .type = TEXT, AT(pg_host), .fallback = "localhost", .used_by = "SBRVP",
	    .help =
		"Server: host name, address, or directory of its socket. Other `PG*` variables and `~/.pgpass` work as usual." },
	{ "PGPORT", .type = TEXT, AT(pg_port), .fallback = "5432", .used_by = "SBRVP",
	    .help = "Port of the server." },
	{ "PGUSER", .type = TEXT, AT(pg_user), .fallback = "postgres", .used_by = "SBRVP",
	    .help = "User to connect as." },
	{ "PGPASSWORD", .type = TEXT, AT(pg_password), .used_by = "SBRVP", .secret = true,
	    .help = "Its password." },
	{ "DB_BACKUP_DIR", .title = "Destinations (at least one)", .type = TEXT, AT(directory),
	    .used_by = "SBLRVP", .check = check_path,
	    .help = "Local directory; created if missing." },
	{ "S3_ENDPOINT", .type = TEXT, AT(s3_endpoint), .used_by = "SBLRVP",
	    .check = check_endpoint,
	    .help = "S3 server, with or without `https://` (or `http://`)." },
	{ "S3_ACCESS_KEY", .type = TEXT, AT(s3_access_key), .used_by = "SBLRVP", .secret = true,
	    .help =
		"Access key; with the secret key left out only where `RCLONE_S3_ENV_AUTH=true` (instance roles)." },
	{ "S3_SECRET_KEY", .type = TEXT, AT(s3_secret_key), .used_by = "SBLRVP", .secret = true,
	    .help = "Secret key." },
	{ "S3_BACKUP_BUCKET", .type = TEXT, AT(s3_bucket), .used_by = "SBLRVP",
	    .check = check_bucket,
	    .help = "Bucket, which must exist; may carry a path: `bucket/some/path`." },
	{ "S3_REGION", .type = TEXT, AT(s3_region), .used_by = "SBLRVP",
	    .help = "Region, as rclone." },
	{ "S3_PROVIDER", .type = TEXT, AT(s3_provider),
	    .shown = "`AWS` for amazonaws.com, else `Other`", .used_by = "SBLRVP",
	    .help = "Provider, as rclone." },
	{ "DB_BACKUP_REMOTE", .type = LIST, AT(remotes), .used_by = "SBLRVP",
	    .check = check_remotes,
	    .help =
		"Any rclone remote, `name:path`, defined by `RCLONE_CONFIG_NAME_*` or a mounted `rclone.conf`; several with commas." },
	{ "DB_BACKUP_EXCLUDE_TABLES", .title = "What to dump", .type = LIST, AT(exclude_tables),
	    .used_by = "SB",
	    .help = "Patterns of tables left out, with commas (`pg_dump --exclude-table`)." },
	{ "DB_BACKUP_EXCLUDE_DATA", .type = LIST, AT(exclude_data), .used_by = "SB",
	    .help = "Patterns of tables whose rows are left out (`--exclude-table-data`)." },
	{ "DB_BACKUP_SCHEMA_ONLY", .type = BOOL, AT(schema_only), .fallback = "no", .used_by = "SB",
	    .help = "No rows at all." },
	{ "DB_BACKUP_GLOBALS", .type = BOOL, AT(globals), .fallback = "no", .used_by = "SBP",
	    .help = "Also roles and tablespaces (`pg_dumpall --globals-only`)." },
	{ "DB_BACKUP_COMPRESS", .type = TEXT, AT(compress),
	    .shown = "`zstd:3`; `1` (gzip) where pg_dump is older than 16", .used_by = "SB",
	    .check = check_compress,
	    .help = "Compression, as `pg_dump --compress`; a method needs pg_dump 16." },
	{ "PGDUMP_OPTIONS", .type = WORDS, AT(dump_options), .used_by = "SB",
	    .check = check_dump_options,
	    .help = "Further options of pg_dump, split like a shell would, without a shell." },
	{ "DB_BACKUP_PASSPHRASE", .type = TEXT, AT(passphrase), .used_by = "SBRV", .secret = true,
	    .check = check_passphrase,
	    .help =
		"Encrypts every backup at every destination (rclone crypt). Keep it elsewhere too: without it nothing can be restored." },
	{ "DB_BACKUP_INTERVAL", .title = "When and how many", .type = DURATION, AT(interval_s),
	    .fallback = "604800", .min = 1, .max = SCHEDULE_MAX_S, .used_by = "SH",
	    .help = "Time between backups." },
	{ "DB_BACKUP_SCHEDULE", .other = "SCHEDULE", .type = SCHEDULE, AT(schedule),
	    .used_by = "SH",
	    .help =
		"Five-field cron expression or `@hourly` `@daily` `@weekly` `@monthly` `@yearly` `@every DURATION`, in `TZ`; takes the place of the interval." },
	{ "DB_BACKUP_JITTER", .type = DURATION, AT(jitter_s), .fallback = "0", .max = YEARS(1),
	    .used_by = "SH",
	    .help = "Up to so much later, at random, so that a fleet does not start at once." },
	{ "DB_BACKUP_MAX_N", .type = COUNT, AT(raw.max_n), .fallback = "10", .max = 1000000,
	    .choices = "unlimited", .used_by = "SBP",
	    .help = "Newest backups kept; `unlimited` turns pruning off." },
	{ "DB_BACKUP_KEEP_DAYS", .type = COUNT, AT(raw.keep_days), .fallback = "0", .max = 36600,
	    .used_by = "SBP",
	    .help = "Days within which also every backup is kept, counted from the newest." },
	{ "DB_BACKUP_KEEP_DAILY", .type = COUNT, AT(raw.keep_daily), .fallback = "0", .max = 36600,
	    .used_by = "SBP",
	    .help = "Days of which also the newest backup is kept (days that have one)." },
	{ "DB_BACKUP_KEEP_WEEKLY", .type = COUNT, AT(raw.keep_weekly), .fallback = "0", .max = 5300,
	    .used_by = "SBP", .help = "ISO weeks of which also the newest is kept." },
	{ "DB_BACKUP_KEEP_MONTHLY", .type = COUNT, AT(raw.keep_monthly), .fallback = "0",
	    .max = 1200, .used_by = "SBP", .help = "Months of which also the newest is kept." },
	{ "DB_BACKUP_KEEP_YEARLY", .type = COUNT, AT(raw.keep_yearly), .fallback = "0", .max = 100,
	    .used_by = "SBP", .help = "Years of which also the newest is kept." },
	{ "DB_BACKUP_PREFIX", .type = TEXT, AT(raw.prefix), .fallback = "", .used_by = "SBLRVP",
	    .check = check_prefix,
	    .help = "Put before the database's name, with a dash; ends in `/` for a folder." },
	{ "DB_BACKUP_RETRIES", .type = COUNT, AT(retries), .fallback = "3", .max = 100,
	    .used_by = "SB",
	    .help = "Further tries of a failed run, 10 s, 1 min, then 5 min apart." },
	{ "DB_BACKUP_VERIFY", .type = CHOICE, AT(verify), .fallback = "no",
	    .choices = "no|read|restore", .used_by = "SB",
	    .help =
		"What is done after each backup and before pruning: `read` it to its end, or `restore` it into a scratch database. One that is bad is removed." },
	{ "DB_BACKUP_WAIT", .type = DURATION, AT(wait_s), .fallback = "60", .max = YEARS(1),
	    .used_by = "SBRVP", .help = "How long to wait for the server to accept connections." },
	{ "DB_BACKUP_STALL_TIMEOUT", .type = DURATION, AT(stall_s), .fallback = "1h",
	    .max = YEARS(1), .used_by = "SBLRVP",
	    .help =
		"A run in which no byte moves for so long is stopped and failed; `0` for never." },
	{ "DB_BACKUP_PING_URL", .title = "Telling the world", .type = TEXT, AT(ping_url),
	    .used_by = "SB", .secret = true, .check = check_ping_url,
	    .help =
		"Fetched at start (`/start`), success and failure (`/fail`), the healthchecks.io way." },
	{ "DB_BACKUP_HOOK", .type = TEXT, AT(hook), .used_by = "SB", .check = check_path,
	    .help =
		"Executable run with `start`, `success` or `failure` and `BACKUP_*` variables that describe the run; no shell." },
	{ "DB_BACKUP_METRICS_FILE", .type = TEXT, AT(metrics_file), .used_by = "SB",
	    .check = check_path,
	    .help = "File for Prometheus' text format, replaced after each run." },
	{ "DB_BACKUP_STATUS_FILE", .type = TEXT, AT(status_file),
	    .shown = "`/run/backup-service/status.json`, or in `TMPDIR`", .used_by = "SBH",
	    .check = check_path, .help = "What `backup-health` reads; each service has its own." },
	{ "DB_BACKUP_LOG", .type = CHOICE, AT(log), .fallback = "text", .choices = "text|json",
	    .used_by = "SBLRVPH", .help = "Log as text, or as `json`, one object a line." },
};
/* clang-format on */

#define END (options + sizeof options / sizeof options[0])

/* Smallest number of single-character edits between two words. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[64], n = strlen(b);

	if (n >= 64)
		return n;
	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t corner = row[0];

		row[0] = i + 1;
		for (size_t k = 1; k <= n; k++) {
			size_t change = corner + (a[i] != b[k - 1]);

			corner = row[k];
			row[k] = row[k] + 1 < row[k - 1] + 1 ? row[k] + 1 : row[k - 1] + 1;
			row[k] = change < row[k] ? change : row[k];
		}
	}
	return row[n];
}

/* True if all of part's characters occur in whole, in order: S3_BUCKET in S3_BACKUP_BUCKET. */
static bool
within(const char *part, const char *whole)
{
	for (; *whole != '\0' && *part != '\0'; whole++)
		part += *part == *whole;
	return *part == '\0';
}

static const struct option *
nearest(const char *name, size_t *away)
{
	const struct option *best = NULL;

	*away = 1000;
	for (const struct option *o = options; o < END; o++) {
		size_t d =
		    within(name, o->name) || within(o->name, name) ? 1 : distance(name, o->name);

		if (d < *away) {
			*away = d;
			best = o;
		}
	}
	return best;
}

static bool
is_known(const char *name)
{
	for (const struct option *o = options; o < END; o++) {
		size_t n = strlen(o->name);

		if (strncmp(name, o->name, n) == 0 &&
		    (name[n] == '\0' || strcmp(name + n, "_FILE") == 0))
			return true;
	}
	return false;
}

/*
 * Kubernetes tells of a Service called db-backup or db-backup-metrics in such variables
 * (X_SERVICE_HOST, X_SERVICE_PORT[_NAME], X_PORT=tcp://..., X_PORT_80_TCP...). A setting that somebody
 * believes in, DB_BACKUP_METRICS_PORT=9090, is none of them.
 */
static bool
is_injected(const char *name, const char *value)
{
	const char *host = strstr(name, "_SERVICE_HOST"), *service = strstr(name, "_SERVICE_PORT"),
		   *port = strstr(name, "_PORT");

	if (host != NULL && host[strlen("_SERVICE_HOST")] == '\0')
		return true;
	if (service != NULL && strchr("_", service[strlen("_SERVICE_PORT")]) != NULL)
		return true;
	if (port == NULL)
		return false;
	port += strlen("_PORT");
	return *port == '\0' ? strstr(value, "://") != NULL :
			       *port == '_' && port[1] >= '0' && port[1] <= '9';
}

extern char **environ;

static int
check_names(void)
{
	int mistakes = 0;

	for (char **e = environ; *e != NULL; e++) {
		bool own = strncmp(*e, "DB_BACKUP_", 10) == 0;
		size_t n = strcspn(*e, "=");
		char *name = text_format("%.*s", (int)n, *e);
		const struct option *near;
		size_t away;

		if ((own || strncmp(name, "S3_", 3) == 0) && !is_known(name) &&
		    !is_injected(name, *e + n)) {
			near = nearest(name, &away);
			if (own)
				log_error("%s: there is no such variable; did you mean %s?", name,
				    near->name);
			else if (away <= 2)
				log_warning("%s is not read; did you mean %s?", name, near->name);
			mistakes += own;
		}
		free(name);
	}
	return mistakes;
}

/* Behind the name that a POSIX zone begins with; NULL if it does not. */
static const char *
skip_zone_name(const char *zone)
{
	size_t n = 0;

	while ((zone[n] | 0x20) >= 'a' && (zone[n] | 0x20) <= 'z')
		n++;
	if (*zone == '<')
		return (zone = strchr(zone, '>')) != NULL ? zone + 1 : NULL;
	return n >= 3 ? zone + n : NULL;
}

/* CET-1 or CET-1CEST,M3.5.0,M10.5.0/3. That is no check of rules: who writes those means them. */
static bool
is_posix_zone(const char *zone)
{
	const char *p = skip_zone_name(zone);

	if (p == NULL)
		return false;
	p += *p == '+' || *p == '-';
	if (*p < '0' || *p > '9')
		return false;
	p += strspn(p, "0123456789:");
	/* without rules musl knows no summer time, and glibc has its own */
	return *p == '\0' || ((p = skip_zone_name(p)) != NULL && strchr(p, ',') != NULL);
}

static bool
is_zone_file(const char *folder, const char *zone)
{
	char *path = text_format("%s/%s", folder, zone);
	struct stat st;
	bool is = stat(path, &st) == 0 && S_ISREG(st.st_mode);

	free(path);
	return is;
}

/* libc silently takes a TZ that it does not know for UTC, and backups would be due at other hours. */
static int
check_zone(void)
{
	static const char *const folders[] = { "/usr/share/zoneinfo", "/share/zoneinfo",
		"/etc/zoneinfo" };
	static const char *const utc[] = { "UTC", "GMT", "Etc/UTC", "Etc/GMT" };
	const char *zone = getenv("TZ"), *own = getenv("TZDIR");
	bool known;

	if (zone == NULL || *zone == '\0')
		return 0;
	zone += *zone == ':';
	known = is_posix_zone(zone) || (*zone == '/' && is_zone_file("", zone)) ||
		(own != NULL && is_zone_file(own, zone));
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		known = known || is_zone_file(folders[i], zone);
	for (size_t i = 0; i < sizeof utc / sizeof utc[0]; i++)
		known = known || strcmp(zone, utc[i]) == 0;
	if (known)
		return 0;
	log_error(
	    "TZ: \"%.100s\" is no time zone known here; it takes one such as Europe/Berlin, with its file "
	    "in /usr/share/zoneinfo (package tzdata), or CET-1CEST,M3.5.0,M10.5.0/3",
	    zone);
	return 1;
}

static bool
ends_in(const char *name, size_t n, const char *end)
{
	size_t m = strlen(end);

	return n >= m && memcmp(name + n - m, end, m) == 0;
}

/* As rclone quotes it, where that differs; else NULL. */
static char *
quoted(const char *value)
{
	char *text = text_alloc(2 * strlen(value) + 1), *end = text;

	for (; *value != '\0'; *end++ = *value++)
		if (*value == '"' || *value == '\\')
			*end++ = '\\';
	*end = '\0';
	if (strchr(text, '\\') != NULL)
		return text;
	free(text);
	return NULL;
}

/* Secrets that pass through to the tools: rclone's debug log tells them. */
static void
hide_passed_secrets(void)
{
	/* what is before it may be the name of a remote: all of that says nothing */
	static const char *const ends[] = { "_PASS", "_PASSWORD", "_PASSWORD2", "_PASSPHRASE",
		"_SECRET", "_TOKEN", "_CREDENTIALS", "_KEY", "_KEY_ID", "_KEY_PEM", "_KEY_BASE64",
		"_SAS_URL" };

	for (char **e = environ; *e != NULL; e++) {
		size_t n = strcspn(*e, "=");

		if ((*e)[n] == '\0' || (*e)[n + 1] == '\0' || ends_in(*e, n, "_ASK_PASSWORD"))
			continue;
		if (strncmp(*e, "PGSSLPASSWORD=", 14) == 0)
			log_secret(*e + n + 1);
		if (strncmp(*e, "RCLONE_", 7) != 0 && strncmp(*e, "AWS_", 4) != 0)
			continue;
		for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
			if (ends_in(*e, n, ends[i])) {
				log_secret(*e + n + 1);
				log_secret(quoted(*e + n + 1));
			}
	}
}

/* Content of the file that name_FILE points to, less one newline at its end. NULL: reported. */
static char *
read_value_file(const char *name, const char *path)
{
	char *value = text_alloc(VALUE_MAX + 1);
	size_t n = 0;
	ssize_t got = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd != -1 && n <= VALUE_MAX && (got = read(fd, value + n, VALUE_MAX + 1 - n)) > 0)
		n += (size_t)got;
	if (fd == -1 || got == -1) {
		log_error("%s_FILE: cannot read %s: %s", name, path, strerror(errno));
	} else if (n > VALUE_MAX || memchr(value, '\0', n) != NULL) {
		log_error("%s_FILE: %s is no text of at most %d bytes", name, path, VALUE_MAX);
		got = -1;
	}
	if (fd != -1)
		close(fd);
	if (fd == -1 || got == -1) {
		free(value);
		return NULL;
	}
	if (n > 0 && value[n - 1] == '\n')
		n--;
	value[n] = '\0';
	return value;
}

/*
 * The value of one name, by itself or its _FILE. An empty one counts as unset,
 * but not the content of a secret's file: that got lost. -1: reported.
 */
static int
read_name(const char *name, bool secret, const char **value)
{
	char *file_name = text_format("%s_FILE", name);
	const char *path = getenv(file_name);

	*value = getenv(name);
	free(file_name);
	if (*value != NULL && **value == '\0')
		*value = NULL;
	if (path == NULL || *path == '\0')
		return 0;
	if (*value != NULL) {
		log_error("%s and %s_FILE are both set: set one of them", name, name);
		return -1;
	}
	if ((*value = read_value_file(name, path)) == NULL)
		return -1;
	if (**value == '\0' && secret) {
		log_error("%s_FILE: %s is empty", name, path);
		return -1;
	}
	if (**value == '\0')
		*value = NULL;
	return 0;
}

static int
parse_choice(const char *choices, const char *value)
{
	size_t n = strlen(value);

	for (int i = 0;; i++) {
		size_t m = strcspn(choices, "|");

		if (n == m && strncmp(choices, value, n) == 0)
			return i;
		if (choices[m] == '\0')
			return -1;
		choices += m + 1;
	}
}

static int
parse_bool(const char *value)
{
	static const char *const words[][2] = { { "no", "yes" }, { "false", "true" }, { "0", "1" },
		{ "off", "on" } };

	for (int i = 0; i < 8; i++)
		if (strcasecmp(value, words[i / 2][i % 2]) == 0)
			return i % 2;
	return -1;
}

/* Put the value where it belongs. NULL, or what would be right. */
static const char *
parse(const struct option *o, const char *value, struct config *c)
{
	static char right[256];
	void *at = (char *)c + o->offset;
	int64_t number = 0;
	long seconds = 0;
	int n = 0;

	switch (o->type) {
	case TEXT:
		*(const char **)at = value;
		return NULL;
	case LIST:
		list_split(at, value);
		return NULL;
	case WORDS:
		list_split_words(at, value);
		return NULL;
	case BOOL:
		n = parse_bool(value);
		*(bool *)at = n == 1;
		return n == -1 ? "yes or no" : NULL;
	case CHOICE:
		n = parse_choice(o->choices, value);
		*(int *)at = n;
		snprintf(right, sizeof right, "one of %s", o->choices);
		return n == -1 ? right : NULL;
	case COUNT:
		if (o->choices != NULL && strcmp(value, o->choices) == 0)
			number = -1;
		else if (text_number(value, o->min, o->max, &number) == -1) {
			snprintf(right, sizeof right, "a whole number from %lld to %lld%s%s",
			    (long long)o->min, (long long)o->max, o->choices != NULL ? ", or " : "",
			    o->choices != NULL ? o->choices : "");
			return right;
		}
		*(int64_t *)at = number;
		return NULL;
	case DURATION:
		if (duration_parse(value, &seconds) == -1 || seconds < o->min || seconds > o->max) {
			snprintf(right, sizeof right,
			    "seconds or a number with s, m, h, d or w, such as 90, 15m, 6h or 7d%s",
			    o->min > 0 ? ", and not 0" : "");
			return right;
		}
		*(int64_t *)at = seconds;
		return NULL;
	case SCHEDULE:
		c->schedule_text = value;
		return schedule_parse(at, value, right, sizeof right) == -1 ? right : NULL;
	}
	return NULL;
}

/* After a mistake something takes the value's place, so that it is not reported as missing too. */
static int
mistake(const struct option *o, struct config *c)
{
	void *at = (char *)c + o->offset;

	if (o->type == TEXT)
		*(const char **)at = "";
	else if (o->type == LIST)
		list_add(at, "");
	else if (o->type == COUNT)
		*(int64_t *)at = 1;
	return 1;
}

/* URLs, connection strings: what may carry a credential though none belongs there. */
static bool
may_hold_secret(const char *value)
{
	return strchr(value, '@') != NULL || strstr(value, "://") != NULL ||
	       strcasestr(value, "pass") != NULL ||
	       (strchr(value, ',') != NULL && strchr(value, '=') != NULL);
}

static int
read_option(const struct option *o, struct config *c)
{
	const char *value, *name = o->name, *right = NULL, *quote;
	bool hide;

	if (read_name(name, o->secret, &value) == -1)
		return mistake(o, c);
	if (value == NULL && o->other != NULL) {
		name = o->other;
		if (read_name(name, o->secret, &value) == -1)
			return mistake(o, c);
	}
	if (o->secret)
		log_secret(value);
	if (value == NULL)
		value = o->fallback;
	if (value == NULL)
		return 0;
	if (o->check != NULL && *value != '\0')
		right = o->check(value);
	if (right == NULL)
		right = parse(o, value, c);
	if (right == NULL)
		return 0;
	hide = o->secret || (may_hold_secret(value) && o->type != SCHEDULE);
	quote = hide ? "" : "\"";
	log_error("%s: %s%s%s%s%s", name, quote, hide ? "its value" : value, quote,
	    o->type == SCHEDULE ? ": " : " is not valid; it takes ", right);
	return mistake(o, c);
}

/* Each set of destinations is complete or absent. */
static int
check_destinations(const struct config *c, bool needed)
{
	const char *env_auth = getenv("RCLONE_S3_ENV_AUTH");
	bool keyless = env_auth != NULL && parse_bool(env_auth) == 1 && c->s3_access_key == NULL &&
		       c->s3_secret_key == NULL;
	const struct {
		const char *name, *value;
		bool wanted;
	} s3[] = {
		{ "S3_ENDPOINT", c->s3_endpoint, true },
		{ "S3_ACCESS_KEY", c->s3_access_key, !keyless },
		{ "S3_SECRET_KEY", c->s3_secret_key, !keyless },
		{ "S3_BACKUP_BUCKET", c->s3_bucket, true },
		{ "S3_REGION", c->s3_region, false },
		{ "S3_PROVIDER", c->s3_provider, false },
	};
	const char *set = NULL;
	int mistakes = 0;

	for (size_t i = 0; i < sizeof s3 / sizeof s3[0]; i++)
		if (s3[i].value != NULL)
			set = s3[i].name;
	for (size_t i = 0; set != NULL && i < sizeof s3 / sizeof s3[0]; i++)
		if (s3[i].wanted && s3[i].value == NULL) {
			log_error(
			    "%s is missing: %s is set, so S3_ENDPOINT, S3_ACCESS_KEY, S3_SECRET_KEY and "
			    "S3_BACKUP_BUCKET must be too",
			    s3[i].name, set);
			mistakes++;
		}
	if (needed && set == NULL && c->directory == NULL && c->remotes.n == 0) {
		log_error("no destination is set");
		log_hint(
		    "set DB_BACKUP_DIR to a directory, or S3_ENDPOINT, S3_ACCESS_KEY, S3_SECRET_KEY and "
		    "S3_BACKUP_BUCKET, or DB_BACKUP_REMOTE");
		mistakes++;
	}
	return mistakes;
}

/* Turn what was read into what it means. */
static int
derive(struct config *c, unsigned need)
{
	const char *slash = c->raw.prefix == NULL ? NULL : strrchr(c->raw.prefix, '/');
	struct list names = c->databases;
	int mistakes = 0;

	c->databases = (struct list){ 0 };
	for (size_t i = 0; i < names.n; i++)
		if (strcmp(names.item[i], "*") == 0)
			c->all_databases = true;
		else if (!list_has(&c->databases, names.item[i]))
			list_add(&c->databases, names.item[i]);
	if ((need & NEED_DATABASE) != 0 && names.n == 0) {
		log_error("DB_NAME is missing: set it to the database to back up");
		mistakes++;
	}
	list_free(&names);
	c->folder =
	    slash == NULL ? "" : text_format("%.*s", (int)(slash - c->raw.prefix), c->raw.prefix);
	c->label = slash != NULL ? slash + 1 : c->raw.prefix != NULL ? c->raw.prefix : "";
	c->keep = (struct retention_policy){
		.unlimited = c->raw.max_n == -1,
		.last = (int)c->raw.max_n,
		.keep_s = (long)(c->raw.keep_days * 86400),
		.daily = (int)c->raw.keep_daily,
		.weekly = (int)c->raw.keep_weekly,
		.monthly = (int)c->raw.keep_monthly,
		.yearly = (int)c->raw.keep_yearly,
	};
	if (c->raw.max_n == 0 &&
	    c->keep.keep_s + c->keep.daily + c->keep.weekly + c->keep.monthly + c->keep.yearly ==
		0) {
		log_error(
		    "DB_BACKUP_MAX_N: \"0\" keeps nothing; it is valid only with one of DB_BACKUP_KEEP_DAYS, "
		    "_KEEP_DAILY, _KEEP_WEEKLY, _KEEP_MONTHLY or _KEEP_YEARLY");
		mistakes++;
	}
	if (c->schedule_text == NULL)
		schedule_interval(&c->schedule, (long)c->interval_s);
	return mistakes + check_destinations(c, (need & NEED_DESTINATION) != 0);
}

int
config_read(struct config *c, unsigned need)
{
	const char *format;
	int mistakes = 0;

	*c = (struct config){ 0 };
	/* before anything is logged */
	format = getenv("DB_BACKUP_LOG");
	log_setup(format != NULL && strcmp(format, "json") == 0 ? LOG_JSON : LOG_TEXT);
	hide_passed_secrets();
	/* the secrets first: a mistake in another value must not show one */
	for (int secret = 1; secret >= 0; secret--)
		for (const struct option *o = options; o < END; o++)
			if (o->secret == secret)
				mistakes += read_option(o, c);
	mistakes += check_names();
	mistakes += check_zone();
	mistakes += derive(c, need);
	log_setup(c->log == LOG_JSON ? LOG_JSON : LOG_TEXT);
	return mistakes == 0 ? 0 : -1;
}

/* The default, "" for none. */
static const char *
default_of(const struct option *o)
{
	return o->shown != NULL ? o->shown : o->fallback != NULL ? o->fallback : "";
}

/* Without the back quotes. */
static void
print_plain(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] != '`')
			putchar(text[i]);
}

/* Words of text in lines of at most 78 columns, without the back quotes. */
static void
print_wrapped(const char *text)
{
	size_t column = 78;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		if (column + 1 + n > 76) {
			fputs(column == 78 ? "      " : "\n      ", stdout);
			column = 6;
		} else {
			putchar(' ');
			column++;
		}
		print_plain(text, n);
		column += n;
		text += n + (text[n] == ' ');
	}
	putchar('\n');
}

void
config_print_help(char command)
{
	printf("\nEnvironment (each also as NAME_FILE, a file that holds the value):\n");
	for (const struct option *o = options; o < END; o++) {
		if (strchr(o->used_by, command) == NULL)
			continue;
		printf("  %s", o->name);
		if (*default_of(o) != '\0') {
			fputs(" (", stdout);
			print_plain(default_of(o), strlen(default_of(o)));
			putchar(')');
		}
		putchar('\n');
		print_wrapped(o->help);
	}
}

void
config_print_markdown(void)
{
	static const char *const types[] = { "text", "list", "words", "yes or no", "number",
		"duration", "word", "text" };

	for (const struct option *o = options; o < END; o++) {
		const char *mark = o->shown == NULL && *default_of(o) != '\0' ? "`" : "";

		if (o->title != NULL)
			printf(
			    "\n## %s\n\n| variable | default | kind | meaning |\n| --- | --- | --- | --- |\n",
			    o->title);
		printf("| `%s`", o->name);
		if (o->other != NULL)
			printf(" (else `%s`)", o->other);
		printf(" | %s%s%s | %s%s | ", mark, default_of(o), mark, types[o->type],
		    o->secret ? ", secret" : "");
		for (const char *p = o->help; *p != '\0'; p++)
			printf(*p == '|' ? "\\%c" : "%c", *p);
		printf(" |\n");
	}
}
