/* confirms.c - see confirms.h. */
#include "doors/amqp/confirms.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

enum { UNANSWERED, ACKED, NACKED, TOLD };
enum { RING_FIRST = 64 };

void confirms_fini(struct confirms *c)
{
    free(c->ring);
    free(c->early);
    *c = (struct confirms){ 0 };
}

static uint8_t *state_of(struct confirms *c, uint64_t sequence)
{
    return &c->ring[sequence & (c->cap - 1)];
}

static void grow(struct confirms *c)
{
    struct confirms bigger = *c;

    bigger.cap = c->cap ? 2 * c->cap : RING_FIRST;
    bigger.ring = mem_new(bigger.cap);
    for (uint64_t s = c->lowest; c->cap && s < c->last; s++)
        *state_of(&bigger, s) = *state_of(c, s);
    free(c->ring);
    *c = bigger;
}

uint64_t confirms_add(struct confirms *c)
{
    if (c->last == 0)
        c->lowest = c->open = 1;
    c->last++;
    if (c->last - c->lowest >= c->cap)
        grow(c);
    *state_of(c, c->last) = UNANSWERED;
    return c->last;
}

static void note_early(struct confirms *c, uint64_t sequence)
{
    if (c->early_count == c->early_cap) {
        c->early_cap = c->early_cap ? 2 * c->early_cap : RING_FIRST;
        c->early = mem_resize(c->early, c->early_cap * sizeof *c->early);
    }
    c->early[c->early_count++] = sequence;
}

void confirms_answer(struct confirms *c, uint64_t sequence, bool is_ack)
{
    assert(sequence >= c->open && sequence <= c->last);
    assert(*state_of(c, sequence) == UNANSWERED);
    *state_of(c, sequence) = is_ack ? ACKED : NACKED;
    if (sequence != c->open) {
        note_early(c, sequence);
        return;
    }
    do
        c->open++;
    while (c->open <= c->last && *state_of(c, c->open) != UNANSWERED);
}

bool confirms_news(const struct confirms *c)
{
    return c->open > c->lowest || c->early_count > 0;
}

/* The run: one ack for each stretch of it without a nack. */
static void tell_run(struct confirms *c, confirms_tell_fn *tell, void *ctx)
{
    size_t   news = 0; /* acks in the stretch not told yet */
    uint64_t s;

    for (s = c->lowest; s < c->open; s++) {
        uint8_t state = *state_of(c, s);

        if (state == NACKED) {
            if (news > 0)
                tell(ctx, s - 1, news > 1, true);
            news = 0;
            tell(ctx, s, false, false);
        } else if (state == ACKED) {
            news++;
        } else if (news > 0) {
            tell(ctx, s - 1, news > 1, true);
            news = 0;
        }
    }
    if (news > 0)
        tell(ctx, s - 1, news > 1, true);
    c->lowest = s;
}

/* Those answered out of order, one by one. */
static void tell_early(struct confirms *c, confirms_tell_fn *tell, void *ctx)
{
    for (size_t i = 0; i < c->early_count; i++) {
        uint64_t s = c->early[i];

        if (s < c->lowest)
            continue;
        tell(ctx, s, false, *state_of(c, s) == ACKED);
        *state_of(c, s) = TOLD;
    }
    c->early_count = 0;
}

void confirms_tell(struct confirms *c, confirms_tell_fn *tell, void *ctx)
{
    tell_run(c, tell, ctx);
    tell_early(c, tell, ctx);
}
