/*
 * audit.h - a look at everything through ordinary calls, compared with the model: after each
 * recovery, and when all is quiet. It decides what a crash left in doubt.
 *
 * Thread: the simulator's only one.
 */
#ifndef SIM_AUDIT_H
#define SIM_AUDIT_H

#include "world.h"

extern const struct client_kind auditor_kind;

/* False: the process died meanwhile, or something was damaged (world.may_be_damaged) and said so. */
bool audit_run(struct client *auditor);
/* The part of it that is about exchanges and bindings. */
bool audit_exchanges(struct client *auditor);
/* And about transactions: after all logs were seen. */
bool audit_txns(struct client *auditor);
/* When only time goes on: what is past its limits goes, what can be compacted is. */
void audit_keep(struct client *auditor);
/* And, after a restart, that the segments of before hold what is still there, and not much else. */
void audit_space(struct client *auditor);
/* With no faults any more: every waiting call ends, every lease runs out, every queue is emptied,
 * and every message that had to come has come. */
void audit_drain(struct client *auditor);

#endif
