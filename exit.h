#ifndef EXIT_H
#define EXIT_H

/* What the commands exit with. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_LOCKED = 3,
	/* 126: a tool cannot be executed; 127: it is not found; see process_missing */
	EXIT_SIGNAL = 128,
};

#endif
