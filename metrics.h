#ifndef METRICS_H
#define METRICS_H

#include <stdio.h>

#include "status.h"

/* The status in Prometheus' text format. What is not known has no line. */
void metrics_print(FILE *f, const struct status *s);

#endif
