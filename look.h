#ifndef LOOK_H
#define LOOK_H

#include "arguments.h"
#include "config.h"

/*
 * Look into the destinations for the service, in a process of its own: so a
 * long listing, or no memory for it, is nothing that the service itself has to
 * survive. Prints one line, see struct look; makes the status file anew from
 * what there is; with a word of any kind in a->names it first logs what is
 * going to be done. Returns an exit status.
 */
int look_run(const struct config *c, const struct arguments *a);

/* One backup each is wanted of every database (and the globals) at every destination. */
struct look {
	/*
	 * time of the oldest of the newest of each, without those dated ahead of the clock;
	 * 0: none was seen
	 */
	int64_t oldest;
	/* the same with those: tells whether anything changed since another look */
	int64_t any_oldest;
	int64_t missing; /* so many have none yet */
	/* destinations that could not be listed, and the server, if it is to tell its databases */
	int64_t unknown;
};

/* The line: the four numbers in that order. */
#define LOOK_PRINT "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n"
#define LOOK_SCAN "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64

#endif
