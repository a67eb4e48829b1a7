/*
 * pen.h - the right to write under a transactional id, and one transaction at a time: what Kafka's
 * transactional producer is inside its client.
 *
 *     pen_renew --> is_ready --pen_begin, pen_append, pen_offer...--> pen_end --> is_ready
 *          ^                        |  something was refused, or lost    |
 *          `------------------------+------------------------------------'
 *
 * Many of its calls may be under way at a time, the engine sees them in their order. Nothing is sent
 * while pen->out is not 0, but what belongs to one burst.
 *
 * Thread: the simulator's only one.
 */
#ifndef SIM_PEN_H
#define SIM_PEN_H

#include "model_txn.h"
#include "world.h"

enum { PEN_LINES = 6 };

/* A log it writes to: its next sequence number. */
struct pen_line {
    struct m_topic *topic;
    uint32_t        partition;
    int32_t         next;
    bool            is_added; /* to the transaction */
};

struct pen {
    struct client  *client;
    unsigned        id;
    bool            bumps; /* speaks the second version */
    int64_t         producer;
    int16_t         epoch;
    int32_t         timeout_ms;
    uint64_t        init;     /* number of the call that gave it these; 0: it has none */
    int64_t         word_ms;  /* of the last call that was answered well */
    struct m_txn   *txn;      /* open, or of unknown end; NULL: none */
    int64_t         begun_ms; /* at this time or later; 0: nothing of it was seen by the engine */
    unsigned        acked;    /* calls of it that were answered well */
    bool            is_spoiled; /* one was not, or nobody knows */
    bool            has_asked, asked_commit; /* its end was asked for, and not answered */
    unsigned        out;
    struct pen_line lines[PEN_LINES];
    size_t          line_count;
};

void pen_init(struct pen *p, struct client *c);
/* Everything of before is given up. */
void pen_renew(struct pen *p, unsigned id, bool bumps, int32_t timeout_ms);
bool pen_is_ready(const struct pen *p); /* it has an epoch, and no transaction */

void pen_begin(struct pen *p);
/* One more batch of it; false: no room for that. */
bool pen_append(struct pen *p, struct m_topic *t, uint32_t partition, struct m_batch *b);
/* item has name, partition, offset and the rest. With slots the model follows it (model_group.h). */
void pen_offer(struct pen *p, const char *group, const struct offset_item *item, unsigned model_group);
enum { PEN_NO_GROUP = INT32_MAX }; /* that the model knows */
void pen_end(struct pen *p, bool is_commit);
/* It hangs from now on; the pen can be renewed. */
void pen_forsake(struct pen *p);

#endif
