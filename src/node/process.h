/*
 * process.h - what the kernel says of this process, for the console's metrics.
 *
 * Thread: any.
 */
#ifndef NODE_PROCESS_H
#define NODE_PROCESS_H

#include "doors/console/metrics.h"

void process_figures_get(struct process_figures *out);

#endif
