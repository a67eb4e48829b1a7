/* outbox.c - see outbox.h. A ring of entries in order of position. */
#include "engine/outbox.h"
#include "store/journal.h"

#include <assert.h>
#include <stdlib.h>

enum { RING_FIRST = 256, HOMES_MAX = 64 };

struct outgoing {
    uint64_t            position;
    struct mailbox     *home;
    struct mail        *mail;
    struct message_ref *refs;
    size_t              ref_count;
};

/* Mails of one home, gathered so that its lock is taken once. */
struct bundle {
    struct mailbox *home;
    struct mail    *first;
    struct mail    *last;
};

struct outbox {
    struct journal  *journal;
    struct outgoing *ring;
    size_t           cap; /* power of two */
    size_t           first;
    size_t           count;
    struct bundle    bundles[HOMES_MAX];
    size_t           bundle_count;
};

struct outbox *outbox_new(struct journal *j)
{
    struct outbox *o = mem_new(sizeof *o);

    o->journal = j;
    o->cap = RING_FIRST;
    o->ring = mem_new(o->cap * sizeof *o->ring);
    return o;
}

void outbox_free(struct outbox *o)
{
    if (!o)
        return;
    free(o->ring);
    free(o);
}

bool outbox_is_empty(const struct outbox *o)
{
    return o->count == 0;
}

static void grow(struct outbox *o)
{
    struct outgoing *ring = mem_new(2 * o->cap * sizeof *ring);

    for (size_t i = 0; i < o->count; i++)
        ring[i] = o->ring[(o->first + i) & (o->cap - 1)];
    free(o->ring);
    o->ring = ring;
    o->first = 0;
    o->cap *= 2;
}

void outbox_put(struct outbox *o, uint64_t position, struct mailbox *home, struct mail *mail,
                struct message_ref *refs, size_t ref_count)
{
    if (o->count == o->cap)
        grow(o);
    o->ring[(o->first + o->count++) & (o->cap - 1)] =
        (struct outgoing){ position, home, mail, refs, ref_count };
}

uint64_t outbox_pinned(const struct outbox *o)
{
    uint64_t lowest = MESSAGE_ATTACHED;

    for (size_t i = 0; i < o->count; i++) {
        const struct outgoing *out = &o->ring[(o->first + i) & (o->cap - 1)];

        for (size_t k = 0; k < out->ref_count; k++)
            if (out->refs[k].position < lowest)
                lowest = out->refs[k].position;
    }
    return lowest;
}

/* O3 */
static void fill(struct outbox *o, struct message_ref *refs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct message_ref *r = &refs[i];

        if (r->position == MESSAGE_ATTACHED)
            continue;
        if (i > 0 && r->position == refs[i - 1].position) {
            r->batch = slice_hold(refs[i - 1].batch);
        } else {
            enum err err = journal_view(o->journal, r->position, r->batch_len, &r->batch);

            assert(err == ERR_OK); /* O4 */
            (void)err;
        }
    }
}

static void post_bundles(struct outbox *o)
{
    for (size_t i = 0; i < o->bundle_count; i++)
        mail_post_chain(o->bundles[i].home, o->bundles[i].first, o->bundles[i].last);
    o->bundle_count = 0;
}

static void bundle(struct outbox *o, struct mailbox *home, struct mail *mail)
{
    size_t i = 0;

    while (i < o->bundle_count && o->bundles[i].home != home)
        i++;
    if (i == HOMES_MAX) {
        post_bundles(o);
        i = 0;
    }
    if (i == o->bundle_count) {
        o->bundles[o->bundle_count++] = (struct bundle){ home, mail, mail };
        return;
    }
    o->bundles[i].last->next = mail;
    o->bundles[i].last = mail;
}

/* The oldest one leaves. */
static void send_first(struct outbox *o)
{
    const struct outgoing *out = &o->ring[o->first];

    bundle(o, out->home, out->mail);
    o->first = (o->first + 1) & (o->cap - 1);
    o->count--;
}

void outbox_abandon(struct outbox *o)
{
    while (o->count > 0)
        send_first(o);
    post_bundles(o);
}

void outbox_release(struct outbox *o)
{
    uint64_t durable = journal_durable(o->journal);

    while (o->count > 0 && o->ring[o->first].position <= durable) {
        struct outgoing *out = &o->ring[o->first];

        fill(o, out->refs, out->ref_count);
        send_first(o);
    }
    post_bundles(o);
}
