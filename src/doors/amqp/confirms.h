/*
 * confirms.h - publisher confirms of one channel: which publishes are answered, and the fewest
 * frames that say so.
 *
 * Sequence numbers count publishes from confirm.select on. Answers come in any order (a transient
 * message does not wait for the disk that a persistent one before it waits for). At the end of a
 * turn the news is told:
 *
 *   C1  A tag is told once, as ack or as nack, after its basic.return.
 *   C2  An ack with `multiple` covers no tag that is unanswered or whose nack is not told yet.
 *   C3  Memory is one octet per publish between the oldest unanswered one and the newest.
 *
 * Thread: the loop's.
 */
#ifndef DOORS_AMQP_CONFIRMS_H
#define DOORS_AMQP_CONFIRMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct confirms {
    uint64_t  last;   /* newest sequence number given out */
    uint64_t  lowest; /* all below are told */
    uint64_t  open;   /* the oldest unanswered one: lowest up to here can be told together */
    uint8_t  *ring;  /* state of lowest.. */
    size_t    cap;   /* power of two, or 0 */
    uint64_t *early; /* answered this turn ahead of an unanswered one */
    size_t    early_count, early_cap;
};

void confirms_fini(struct confirms *c);
/* The next publish's number. */
uint64_t confirms_add(struct confirms *c);
void confirms_answer(struct confirms *c, uint64_t sequence, bool is_ack);
/* Whether there is something to tell. */
bool confirms_news(const struct confirms *c);

typedef void confirms_tell_fn(void *ctx, uint64_t tag, bool multiple, bool is_ack);
void confirms_tell(struct confirms *c, confirms_tell_fn *tell, void *ctx);

#endif
