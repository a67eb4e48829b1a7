/*
 * unacked.h - the deliveries of one channel that the client has not settled, by delivery tag.
 *
 *   U1  Tags are added in rising order, so the entries are sorted and the oldest is first.
 *   U2  Settled entries are squeezed out when they are more than half, so memory follows the
 *       number of unsettled ones and not the distance between the oldest and the newest: one
 *       message held for a day costs one entry.
 *
 * Finding a tag is one look when nothing was squeezed out between it and the first (the usual
 * case), else a binary search.
 *
 * Thread: the loop's.
 */
#ifndef DOORS_AMQP_UNACKED_H
#define DOORS_AMQP_UNACKED_H

#include "engine/queue_calls.h"

struct unacked_entry {
    uint64_t     tag;
    struct lease lease;
    bool         is_live;
};

struct unacked {
    struct unacked_entry *at;
    size_t                first; /* at[first] is live unless empty */
    size_t                end;
    size_t                cap;
    size_t                live;
};

void unacked_fini(struct unacked *u);
void unacked_add(struct unacked *u, uint64_t tag, struct lease lease);

/* For what was taken and is to be outstanding again: any number of these, then the sort. */
void unacked_add_back(struct unacked *u, uint64_t tag, struct lease lease);
void unacked_sort(struct unacked *u);

typedef void unacked_fn(void *ctx, uint64_t tag, struct lease lease);
/*
 * Takes out the tag or, with multiple, all up to it, oldest first. Tag 0 with multiple is all
 * there are. False, with nothing taken, when the tag is not among them (RabbitMQ wants it there
 * even with multiple).
 */
bool unacked_take(struct unacked *u, uint64_t tag, bool multiple, unacked_fn *fn, void *ctx);

#endif
