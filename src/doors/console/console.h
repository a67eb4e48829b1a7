/*
 * console.h - the console's door: HTTP pages for whoever watches a node.
 *
 *     GET /health/live   200 as long as the loop turns
 *     GET /health/ready  200 {"status":"ready"}; 503 {"status":"recovering","percent":41} until then
 *     GET /metrics       what the engine counts, and the process, for Prometheus (text format 0.0.4)
 *
 * It opens before there is an engine, so that a long recovery can be watched, and is connected to it
 * when that is over.
 *
 * Thread: the loop's.
 */
#ifndef DOORS_CONSOLE_CONSOLE_H
#define DOORS_CONSOLE_CONSOLE_H

#include "base/err.h"
#include "net/door.h"

struct process_figures;

/* What the node knows and the engine does not. */
struct console_source {
    unsigned (*percent)(void *ctx); /* of the recovery, 0 to 100 */
    void (*process)(void *ctx, struct process_figures *out); /* metrics.h */
    void *ctx;
};

/* env->gate is NULL yet. Errors as listener_open. */
MUST_CHECK enum err console_open(struct door_server **out, const struct door_env *env,
                                 const struct console_source *source);
/* From now on it is ready. */
void console_connect(struct door_server *s, struct gate *gate);

#endif
