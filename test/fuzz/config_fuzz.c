/*
 * config.c: a whole environment. Each line of the input is one variable: a byte
 * that chooses its name, then its value; or, after a '=', a line as it is.
 */
#include "../../config.c"
#include "fuzz.h"

#include <stdarg.h>

static int errors;

void
log_setup(enum log_format f)
{
	MUST(f == LOG_TEXT || f == LOG_JSON);
}

void
log_secret(const char *value)
{
	MUST(value == NULL || *value != '\0');
}

void
log_line(enum log_level level, const char *format, ...)
{
	static char line[8192];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof line, format, ap); /* reads all its strings */
	va_end(ap);
	errors += level == LOG_ERROR;
}

static void
check_path_clean(const char *folder)
{
	MUST(*folder != '/' && strstr(folder, "//") == NULL && strcmp(folder, "..") != 0 && strncmp(folder, "../", 3) != 0);
	MUST(strstr(folder, "/../") == NULL && strstr(folder, "/./") == NULL);
}

/* What all other code takes for granted of a configuration without mistakes. */
static void
check_config(const struct config *c, unsigned need)
{
	char name[NAME_SIZE];
	struct name n = { .database = "x", .time = 1000000000 };

	MUST((need & NEED_DATABASE) == 0 || c->all_databases || c->databases.n > 0);
	MUST(!c->all_databases || c->databases.n == 0);
	for (size_t i = 0; i < c->databases.n; i++)
		MUST(*c->databases.item[i] != '\0');
	MUST((need & NEED_DESTINATION) == 0 || c->directory != NULL || c->s3_bucket != NULL || c->remotes.n > 0);
	MUST((c->s3_bucket == NULL) == (c->s3_endpoint == NULL));
	MUST((c->s3_access_key == NULL) == (c->s3_secret_key == NULL));
	MUST(c->s3_bucket == NULL || c->s3_access_key != NULL || getenv("RCLONE_S3_ENV_AUTH") != NULL);
	if (c->s3_bucket != NULL)
		check_path_clean(c->s3_bucket);
	for (size_t i = 0; i < c->remotes.n; i++)
		MUST(strchr(c->remotes.item[i], ':') > c->remotes.item[i]);
	check_path_clean(c->folder);
	MUST(name_label_valid(c->label));
	MUST(strlen(c->label) > 100 || name_build(name, sizeof name, c->label, &n) == 0);
	MUST(schedule_next(&c->schedule, 1000000000) > 1000000000);
	MUST(c->interval_s > 0 && c->jitter_s >= 0 && c->wait_s >= 0 && c->stall_s >= 0 && c->retries >= 0);
	MUST(c->keep.unlimited || c->keep.last + c->keep.keep_s + c->keep.daily + c->keep.weekly + c->keep.monthly +
	    c->keep.yearly > 0);
	MUST(c->verify >= VERIFY_NO && c->verify <= VERIFY_RESTORE);
	MUST(c->passphrase == NULL || *c->passphrase != '\0');
}

static const char *
option_name(uint8_t choice)
{
	choice %= 45;
	return choice < END - options ? options[choice].name : "SCHEDULE";
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned need = fuzz_byte(&in) & 3;
	struct list env = { 0 };
	struct config c;
	int rc;

	while (in.left > 0 && env.n < 40) {
		uint8_t choice = fuzz_byte(&in);
		char *value = fuzz_text(&in, '\n');

		if (choice == '=' && strstr(value, "_FILE=/dev") == NULL)
			list_add(&env, value);
		else if (choice != '=')
			list_addf(&env, "%s=%s", option_name(choice), value);
	}
	list_addf(&env, "FUZZ=1");
	environ = env.item;
	errors = 0;
	rc = config_read(&c, need);
	MUST((rc == 0) == (errors == 0));
	if (rc == 0)
		check_config(&c, need);
	fuzz_reset();
	return 0;
}
