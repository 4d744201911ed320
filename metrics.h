#ifndef METRICS_H
#define METRICS_H

#include <stdio.h>

#include "status.h"

/*
 * Print the status in Prometheus' text format. What is not known has no line. Whether it
 * could be written, ferror(3) tells.
 */
void metrics_print(FILE *f, const struct status *s);

#endif
