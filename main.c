#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backup.h"
#include "config.h"
#include "lib/log.h"
#include "lib/process.h"
#include "version.h"

/* Everything that a command was told on its command line. */
struct arguments {
	struct list names;
};

struct command {
	const char *name;
	char letter;          /* in the table of config.c */
	const char *synopsis, *text;
	unsigned need;
	int (*run)(const struct config *c, const struct list *names);
};

static const struct command commands[] = {
	{ "backup-db", 'B', "backup-db [DATABASE...]",
	    "Back up the databases of DB_NAME, or those named here, once, to every destination.\n"
	    "Prints the names that it published, one a line.\n",
	    NEED_DATABASE | NEED_DESTINATION, backup_run },
};

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
	printf("Usage: %s\n\n%s\nOptions:\n  --help     this text\n  --version  the version\n", c->synopsis, c->text);
	config_print_help(c->letter);
	printf("\nExit status: 0 done, 1 failed, 2 usage or configuration, 3 another run holds the lock,\n"
	    "126 or 127 a tool cannot be executed or found, 128+n stopped by signal n.\n");
}

static int
run(const struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ "print-configuration", no_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	struct list names = { 0 };
	struct config *c;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'h':
			print_help(command);
			return EXIT_DONE;
		case 'v':
			printf("%s %s\n", command->name, VERSION);
			return EXIT_DONE;
		case 'p':
			config_print_markdown();
			return EXIT_DONE;
		default:
			fprintf(stderr, "Try '%s --help'.\n", command->name);
			return EXIT_USAGE;
		}
	for (; optind < argc; optind++)
		list_add(&names, argv[optind]);
	c = text_alloc(sizeof *c);
	if (config_read(c, names.n > 0 ? command->need & ~(unsigned)NEED_DATABASE : command->need) == -1)
		return EXIT_USAGE;
	if (process_setup(command->letter == 'S') == -1) {
		log_error("cannot set up signals: %s", strerror(errno));
		return EXIT_FAILED;
	}
	return command->run(c, &names);
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
