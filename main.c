#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "arguments.h"
#include "backup.h"
#include "config.h"
#include "health.h"
#include "lib/log.h"
#include "lib/process.h"
#include "list.h"
#include "look.h"
#include "prune.h"
#include "restore.h"
#include "service.h"
#include "verify.h"
#include "version.h"

static const struct command {
	const char *name;
	char letter; /* of the command, here and in config.c */
	const char *synopsis, *text;
	unsigned need;
	int (*run)(const struct config *c, const struct arguments *a);
	/* clang-format off: a table */
} commands[] = {
	{ "backup-service", 'S', "backup-service",
	    "Back up whenever it is due, until told to stop: SIGTERM or SIGINT end it, SIGHUP or SIGUSR1 make a\n"
	    "backup now. Asleep it holds nothing; what the destinations hold is all it knows.\n",
	    NEED_DATABASE | NEED_DESTINATION, service_run },
	{ "backup-db", 'B', "backup-db [--dry-run] [DATABASE...]",
	    "Back up the databases of DB_NAME, or those named here, once, to every destination.\n"
	    "Prints the names that it published, one a line.\n",
	    NEED_DATABASE | NEED_DESTINATION, backup_run },
	{ "backup-health", 'H', "backup-health [--prometheus]",
	    "Tell whether backup-service lives and every backup it is to make is young enough.\n",
	    0, health_run },
	{ "list-backups", 'L', "list-backups [--json] [--db NAME] [--from WHERE] [--all]",
	    "List every backup found at every destination, newest first.\n", NEED_DESTINATION,
	    list_run },
	{ "restore-db", 'R',
	    "restore-db [BACKUP | --latest | --at TIME] [--db NAME] [--from WHERE] [--to NAME] [--clean]\n"
	    "       [--schema-only | --data-only] [--table NAME] [--schema NAME] [--jobs N] [--no-owner]\n"
	    "       [--no-tablespaces] [--globals] [--dry-run] [--yes]",
	    "Restore one backup: by its name, the newest, the newest at a time, or a file (./some.pg-dump).\n"
	    "On a terminal with none of these it lists what there is and asks. It refuses a target that\n"
	    "has tables, unless --clean or for a part (--table, --schema, --data-only); a failure changes\n"
	    "nothing.\n",
	    0, restore_run },
	{ "verify-backup", 'V',
	    "verify-backup [BACKUP] [--all] [--restore] [--db NAME] [--from WHERE]",
	    "Prove that backups can be read to their end, or restored: the newest of each database at each\n"
	    "destination, the one named here, or all.\n",
	    0, verify_run },
	{ "prune-backups", 'P', "prune-backups [--dry-run] [--db NAME]",
	    "Apply retention now: tell for each backup whether it stays, by which rule, and delete the rest.\n",
	    NEED_DATABASE | NEED_DESTINATION, prune_run },
	/* the service's own */
	{ "backup-service-look", 'K', "backup-service-look",
	    "What the destinations hold, for backup-service.\n", NEED_DATABASE | NEED_DESTINATION,
	    look_run },
};
/* clang-format on */

enum kind { FLAG, VALUE, VALUES };

#define AT(field) offsetof(struct arguments, field)

/* clang-format off: a table */
static const struct {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *used_by; /* letters of commands */
	const char *help;
} options[] = {
	{ "all", FLAG, AT(all), "LV",
	    "list: also files that are no backups; verify: every backup" },
	{ "at", VALUE, AT(at), "R",
	    "the newest backup not after this time: 2026-11-22T09:23:45Z, or a date" },
	{ "clean", FLAG, AT(clean), "R", "replace the target: what is in it is dropped" },
	{ "create", FLAG, AT(create), "R", "create the target if it is missing (it always is)" },
	{ "data-only", FLAG, AT(data_only), "R", "rows only" },
	{ "db", VALUE, AT(db), "LRVP", "the database whose backups are meant" },
	{ "dry-run", FLAG, AT(dry_run), "BRP",
	    "only say what would be done, or what stands in its way" },
	{ "from", VALUE, AT(from), "LRV",
	    "the destination: local, cloud, remote, the name of a remote, or (restore, verify) a directory" },
	{ "globals", FLAG, AT(globals), "R",
	    "restore roles and tablespaces; those that exist are kept" },
	{ "jobs", VALUE, AT(jobs), "R", "restore with so many connections, after a download" },
	{ "json", FLAG, AT(json), "L", "for programs" },
	{ "latest", FLAG, AT(latest), "R", "the newest backup" },
	{ "no-owner", FLAG, AT(no_owner), "R", "leave ownership to the user that restores" },
	{ "no-tablespaces", FLAG, AT(no_tablespaces), "R", "put all into the default tablespace" },
	{ "older-than", VALUE, AT(older_than), "B",
	    "leave out what has a backup since then (seconds since 1970); for the service" },
	{ "prometheus", FLAG, AT(prometheus), "H", "print metrics" },
	{ "restore", FLAG, AT(restore), "V",
	    "restore into a scratch database, count what is there, and drop it" },
	{ "schema", VALUES, AT(schemas), "R", "only this schema; can be repeated" },
	{ "schema-only", FLAG, AT(schema_only), "R", "no rows" },
	{ "table", VALUES, AT(tables), "R", "only this table; can be repeated" },
	{ "to", VALUE, AT(to), "R",
	    "the database to restore into; default: the one that was backed up" },
	{ "yes", FLAG, AT(yes), "R", "do not ask" },
};
/* clang-format on */

#define OPTIONS (sizeof options / sizeof options[0])

static const struct command *
find_command(const char *name)
{
	const char *slash = strrchr(name, '/');

	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].name, slash == NULL ? name : slash + 1) == 0)
			return &commands[i];
	return NULL;
}

static void
print_help(const struct command *c)
{
	printf("Usage: %s\n\n%s\nOptions:\n", c->synopsis, c->text);
	for (size_t i = 0; i < OPTIONS; i++)
		if (strchr(options[i].used_by, c->letter) != NULL)
			printf("  --%-14s %s\n", options[i].name, options[i].help);
	printf("  --help           this text\n  --version        the version\n");
	config_print_help(c->letter);
	printf(
	    "\nExit status: 0 done, 1 failed, 2 usage or configuration, 3 another run holds the lock,\n"
	    "126 or 127 a tool cannot be executed or found, 128+n stopped by signal n.\n");
}

/* Fills a. -1 to go on, else an exit status. */
static int
parse(const struct command *command, int argc, char **argv, struct arguments *a)
{
	struct option known[OPTIONS + 4] = {
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'v' },
		{ "print-configuration", no_argument, NULL, 'c' }, /* for `make docs` */
	};
	size_t n = 3;
	int code;

	for (size_t i = 0; i < OPTIONS; i++)
		if (strchr(options[i].used_by, command->letter) != NULL)
			known[n++] = (struct option){ options[i].name,
				options[i].kind == FLAG ? no_argument : required_argument, NULL,
				256 + (int)i };
	while ((code = getopt_long(argc, argv, "", known, NULL)) != -1) {
		char *at = (char *)a + (code >= 256 ? options[code - 256].offset : 0);

		if (code == 'h')
			print_help(command);
		else if (code == 'v')
			printf("%s %s\n", command->name, VERSION);
		else if (code == 'c')
			config_print_markdown();
		else if (code < 256)
			fprintf(stderr, "Try '%s --help'.\n", command->name);
		else if (options[code - 256].kind == FLAG)
			*(bool *)at = true;
		else if (options[code - 256].kind == VALUE)
			*(const char **)at = optarg;
		else
			list_add((struct list *)at, optarg);
		if (code < 256)
			return code == '?' ? EXIT_USAGE : EXIT_DONE;
	}
	for (; optind < argc; optind++)
		if (!list_has(&a->names, argv[optind]))
			list_add(&a->names, argv[optind]);
	return -1;
}

static int
run(const struct command *command, int argc, char **argv)
{
	unsigned need = command->need;
	struct arguments *a;
	struct config *c;
	int status;

	if (command->letter == 'S')
		service_survive();
	a = text_alloc(sizeof *a);
	c = text_alloc(sizeof *c);
	if ((status = parse(command, argc, argv, a)) != -1)
		return status;
	if ((command->letter == 'B' && a->names.n > 0) || (command->letter == 'P' && a->db != NULL))
		need &= ~(unsigned)NEED_DATABASE;
	if (config_read(c, need) == -1)
		return EXIT_USAGE;
	if (process_setup(command->letter == 'S') == -1) {
		log_error("cannot set up signals: %s", strerror(errno));
		return EXIT_FAILED;
	}
	return command->run(c, a);
}

int
main(int argc, char **argv)
{
	const struct command *command;

	process_become(argc, argv);
	umask(077); /* what we write holds whole databases */
	tzset();
	command = argc > 0 ? find_command(argv[0]) : NULL;
	if (argc > 1 && find_command(argv[1]) != NULL) {
		command = find_command(argv[1]);
		argc--;
		argv++;
	}
	exit(run(command != NULL ? command : &commands[0], argc, argv));
}
