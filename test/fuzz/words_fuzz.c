/*
 * PGDUMP_OPTIONS: splitting into words, and what is accepted. The oracle is
 * getopt_long(3) with pg_dump's own tables: an accepted value must never give
 * pg_dump a database, a file, a format or anything else that is ours.
 */
#define option config_option /* getopt.h has one too */
#include "../../config.c"
#undef option

#include <getopt.h>

#include "fuzz.h"

#define NONE(name) { name, no_argument, NULL, 1 }
#define VALUE(name) { name, required_argument, NULL, 1 }
#define OURS 2

#define COMMON \
	{ "file", required_argument, NULL, OURS }, { "format", required_argument, NULL, OURS }, \
	{ "jobs", required_argument, NULL, OURS }, { "dbname", required_argument, NULL, OURS }, \
	{ "help", no_argument, NULL, OURS }, { "version", no_argument, NULL, OURS }, \
	{ "password", no_argument, NULL, OURS }, { "compress", required_argument, NULL, OURS }, \
	{ "host", required_argument, NULL, OURS }, { "port", required_argument, NULL, OURS }, \
	{ "username", required_argument, NULL, OURS }, \
	NONE("data-only"), NONE("blobs"), NONE("no-blobs"), NONE("clean"), NONE("create"), NONE("no-owner"), \
	NONE("schema-only"), NONE("no-privileges"), NONE("no-acl"), NONE("no-password"), NONE("verbose"), \
	NONE("no-reconnect"), NONE("attribute-inserts"), NONE("binary-upgrade"), NONE("column-inserts"), \
	NONE("disable-dollar-quoting"), NONE("disable-triggers"), NONE("enable-row-security"), NONE("if-exists"), \
	NONE("inserts"), NONE("load-via-partition-root"), NONE("quote-all-identifiers"), \
	NONE("serializable-deferrable"), NONE("strict-names"), NONE("use-set-session-authorization"), \
	NONE("no-comments"), NONE("no-publications"), NONE("no-security-labels"), NONE("no-subscriptions"), \
	NONE("no-sync"), NONE("no-table-access-method"), NONE("no-tablespaces"), NONE("no-toast-compression"), \
	NONE("no-unlogged-table-data"), NONE("on-conflict-do-nothing"), \
	VALUE("extension"), VALUE("encoding"), VALUE("schema"), VALUE("exclude-schema"), VALUE("superuser"), \
	VALUE("table"), VALUE("exclude-table"), VALUE("exclude-table-data"), VALUE("extra-float-digits"), \
	VALUE("include-foreign-data"), VALUE("lock-wait-timeout"), VALUE("role"), VALUE("section"), \
	VALUE("snapshot"), VALUE("rows-per-insert"), VALUE("restrict-key")

static const struct option v15[] = { COMMON, { NULL, 0, NULL, 0 } };
static const struct option v18[] = { COMMON, NONE("large-objects"), NONE("no-large-objects"), NONE("statistics"),
	NONE("statistics-only"), NONE("sequence-data"), NONE("no-data"), NONE("no-schema"), NONE("no-statistics"),
	NONE("no-policies"), NONE("with-statistics"), VALUE("exclude-extension"), VALUE("filter"), VALUE("table-and-children"),
	VALUE("exclude-table-and-children"), VALUE("exclude-table-data-and-children"), VALUE("sync-method"),
	{ NULL, 0, NULL, 0 } };

/* What pg_dump would do with them. */
static void
dump_with(const struct list *words, const struct option *options)
{
	char **argv = text_alloc((words->n + 2) * sizeof *argv);
	int argc = 0, code;

	argv[argc++] = (char *)(uintptr_t)"pg_dump";
	for (size_t i = 0; i < words->n; i++)
		argv[argc++] = words->item[i];
	optind = 0;
	opterr = 0;
	while ((code = getopt_long(argc, argv, "abBcCd:e:E:f:F:h:j:n:N:Op:RsS:t:T:U:vwWxX:Z:V", options, NULL)) != -1) {
		if (code == '?')
			return; /* it fails, and says so */
		MUST(code != OURS && strchr("dfFhjpUVWZ", code) == NULL);
	}
	MUST(optind == argc);
}

/* Words in quotes come back as they were. */
static void
check_quoting(const struct list *words)
{
	struct list again = { 0 };
	size_t n = 1;
	char *text, *at;

	for (size_t i = 0; i < words->n; i++)
		n += strlen(words->item[i]) * 4 + 3;
	at = text = text_alloc(n);
	for (size_t i = 0; i < words->n; i++) {
		*at++ = '\'';
		for (const char *p = words->item[i]; *p != '\0'; p++)
			at = *p == '\'' ? stpcpy(at, "'\\''") : (*at = *p, at + 1);
		at = stpcpy(at, "' ");
	}
	MUST(list_split_words(&again, text) == 0 && again.n == words->n);
	for (size_t i = 0; i < words->n; i++)
		MUST(strcmp(again.item[i], words->item[i]) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	char *text = fuzz_text(&in, '\0');
	struct list words = { 0 };
	int rc = list_split_words(&words, text);
	const char *wrong = check_dump_options(text);

	MUST(rc == 0 || wrong != NULL);
	if (rc == 0)
		check_quoting(&words);
	if (wrong == NULL) {
		dump_with(&words, v15);
		dump_with(&words, v18);
	}
	fuzz_reset();
	return 0;
}
