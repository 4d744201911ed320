#ifndef SERVICE_H
#define SERVICE_H

#include "arguments.h"
#include "config.h"

/*
 * From now on lack of memory does not end the program: it starts itself again
 * after a pause. First of all, before anything is allocated.
 */
void service_survive(void);

/*
 * The long-running command: back up when it is due, until asked to end.
 * Returns an exit status: 0 if it was asleep then, or its run still succeeded.
 */
int service_run(const struct config *c, const struct arguments *a);

#endif
