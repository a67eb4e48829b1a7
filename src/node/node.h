/*
 * node.h - one running broker: its volume, its worker, its loop, its doors, from start to stop.
 *
 *     main thread: open everything, print the banner, wait for SIGTERM or SIGINT, stop, free
 *     loop thread: connections and doors          worker thread: the engine          volume's
 *     thread: commits
 *
 * Thread: the main one.
 */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "node/options.h"

/* Runs until a signal. Returns the exit status: 0 after a clean stop, 1 when it could not start
 * (one sentence was printed). */
int node_run(const struct options *o, const char *version);

#endif
