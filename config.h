#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/retention.h"
#include "lib/schedule.h"
#include "lib/text.h"

/* The environment, read once and const from then on. */

enum verify { VERIFY_NO, VERIFY_READ, VERIFY_RESTORE };

#define REMOTES_MAX 14

struct config {
	/* connection; NULL where nothing is set */
	struct list databases; /* in order, without double ones; empty if all */
	bool all_databases;    /* DB_NAME=* */
	struct list exclude;
	const char *pg_host, *pg_port, *pg_user, *pg_password;

	/* destinations */
	const char *directory;                                               /* NULL: none */
	const char *s3_endpoint, *s3_access_key, *s3_secret_key, *s3_bucket; /* bucket NULL: none */
	const char *s3_region, *s3_provider;
	struct list remotes; /* "NAME:path" */

	/* what to dump */
	struct list exclude_tables, exclude_data, dump_options;
	bool schema_only, globals;
	const char *compress;   /* NULL: by pg_dump's version */
	const char *passphrase; /* NULL: no encryption */

	/* when and how many */
	struct schedule schedule;  /* of DB_BACKUP_SCHEDULE or the interval */
	const char *schedule_text; /* NULL: the interval */
	int64_t interval_s, jitter_s;
	struct retention_policy keep;
	const char *folder; /* of DB_BACKUP_PREFIX: up to its last '/', without it; "" */
	const char *label;  /* what is behind; "" */
	int64_t retries;
	int verify; /* enum verify */
	int64_t wait_s, stall_s;

	/* telling the world */
	const char *ping_url, *hook, *metrics_file, *status_file;
	int log; /* enum log_format */

	/* as read; the fields above are what they mean */
	struct {
		const char *prefix;
		int64_t max_n, keep_days, keep_daily, keep_weekly, keep_monthly, keep_yearly;
	} raw;
};

enum config_need { NEED_DATABASE = 1, NEED_DESTINATION = 2 };

/*
 * Read and check all variables; reports every mistake, one error line each.
 * need is a set of enum config_need. Registers secrets with log.h first and sets
 * the format of the log. 0, or -1 if anything is wrong. Strings live for ever.
 */
int config_read(struct config *c, unsigned need);

/* The variables that a command reads, with defaults, for --help; see config.c for the letters. */
void config_print_help(char command);

/* The tables of docs/configuration.md. */
void config_print_markdown(void);

#endif
