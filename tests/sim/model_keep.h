/*
 * model_keep.h - what a log may lose, and what it must keep. Records go by age and size, when no
 * queue needs them, by request, and when a later record of their key takes their place.
 *
 * A policy that was replaced may have been in force until the call that did it, and a crash may undo
 * that call. So what counts is what the most careless mixture of all policies that a topic ever had
 * would allow. What a worse one must have taken is not looked at here, but at the end, when time
 * goes on and nothing else does (audit_keep).
 *
 *   G1  Time and bytes only move in one direction: what may be gone once may be gone for ever. So it
 *       does no harm when the model looks later than the engine.
 *   G2  A hole can be judged only when what lies behind it is known, too: a later record of the same
 *       key may be there. Whoever reads gathers holes first.
 *
 * Thread: the simulator's only one.
 */
#ifndef SIM_MODEL_KEEP_H
#define SIM_MODEL_KEEP_H

#include "model.h"

/* It is the policy from now on. */
void m_topic_set_policy(struct m_topic *t, const struct topic_policy *p);
bool m_topic_is_policy(const struct topic_policy *a, const struct topic_policy *b);
/* It never kept anything for a queue: what may be gone does not depend on those. */
bool m_topic_is_timed(const struct m_topic *t);
/* Its records may go, now or then, whatever queues need. */
bool m_topic_loses(const struct m_topic *t);
/* A compacted topic, as it is now, does not take the batch: a record of it has no key. */
bool m_topic_refuses(struct model *m, const struct m_topic *t, const struct m_batch *b);

/* The log may have lost the record by now, whatever queues need. */
bool m_log_may_lose(struct model *m, const struct m_log *l, uint64_t offset);

/* Offsets that were not there. */
struct m_holes {
    size_t count, cap;
    struct m_hole {
        uint64_t from, end;
    } *at;
};

void holes_add(struct m_holes *h, uint64_t from, uint64_t end);
/* G2; and forgets them. */
void model_check_holes(struct model *m, struct m_log *l, struct m_holes *h);
/* What lies below is gone for good. */
void model_saw_start(struct model *m, struct m_log *l, uint64_t start);
/* The whole log was seen, with holes: what was not in it is not there. */
void model_saw_all(struct model *m, struct m_log *l, uint64_t start, uint64_t end,
                   struct m_holes *h);

#endif
