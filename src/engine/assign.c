/*
 * assign.c - the assignors; see assign.h.
 *
 * All partitions of all topics are numbered in one row, topic after topic (`seat`). An assignor
 * fills in the owner of each seat, and what each member has is read from that at the end.
 *
 * uniform keeps what a member had as far as its share goes, gives the rest to those who have the
 * fewest, and, when members read different topics, evens out what is left: topics with the fewest
 * alternatives first, until a round moves nothing.
 */
#include "engine/assign.h"

#include "base/mem.h"

#include <stdlib.h>

enum { NOBODY = -1, BALANCE_ROUNDS = 16 };

struct seat_of { /* the way from an id to its seat */
    uint64_t id;
    size_t   seat;
};

struct table {
    const struct assign_input *in;
    size_t          seat_count;
    size_t         *first;  /* by topic: its first seat; one more behind the last */
    uint64_t       *ids;    /* by seat */
    int32_t        *owner;  /* by seat: index of a member */
    uint32_t       *topic;  /* by seat */
    struct seat_of *seats;  /* in order of ids */
    size_t         *load;   /* by member: seats it has */
    size_t         *subscribed_first; /* by topic, as first: where its subscribers begin */
    uint32_t       *subscribed;       /* indexes of members, topic after topic, ascending */
};

static int compare_seats(const void *a, const void *b)
{
    const struct seat_of *x = a;
    const struct seat_of *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

static void list_subscribers(struct table *t)
{
    const struct assign_input *in = t->in;
    size_t                    *at = mem_new((in->topic_count + 1) * sizeof *at);

    t->subscribed_first = mem_new((in->topic_count + 1) * sizeof *t->subscribed_first);
    for (size_t m = 0; m < in->member_count; m++) {
        for (size_t i = 0; i < in->members[m].topic_count; i++)
            t->subscribed_first[in->members[m].topics[i] + 1]++;
    }
    for (size_t k = 0; k < in->topic_count; k++)
        at[k + 1] = t->subscribed_first[k + 1] += t->subscribed_first[k];
    t->subscribed = mem_new((t->subscribed_first[in->topic_count] + 1) * sizeof *t->subscribed);
    for (size_t m = 0; m < in->member_count; m++) {
        for (size_t i = 0; i < in->members[m].topic_count; i++)
            t->subscribed[at[in->members[m].topics[i]]++] = (uint32_t)m;
    }
    free(at);
}

static void table_init(struct table *t, const struct assign_input *in)
{
    *t = (struct table){ .in = in };
    t->first = mem_new((in->topic_count + 1) * sizeof *t->first);
    for (size_t k = 0; k < in->topic_count; k++)
        t->first[k + 1] = t->first[k] + in->topics[k].count;
    t->seat_count = t->first[in->topic_count];
    t->ids = mem_new((t->seat_count + 1) * sizeof *t->ids);
    t->owner = mem_new((t->seat_count + 1) * sizeof *t->owner);
    t->topic = mem_new((t->seat_count + 1) * sizeof *t->topic);
    t->seats = mem_new((t->seat_count + 1) * sizeof *t->seats);
    t->load = mem_new((in->member_count + 1) * sizeof *t->load);
    for (size_t k = 0, seat = 0; k < in->topic_count; k++) {
        for (size_t i = 0; i < in->topics[k].count; i++, seat++) {
            t->ids[seat] = in->topics[k].parts[i];
            t->owner[seat] = NOBODY;
            t->topic[seat] = (uint32_t)k;
            t->seats[seat] = (struct seat_of){ t->ids[seat], seat };
        }
    }
    qsort(t->seats, t->seat_count, sizeof *t->seats, compare_seats);
    list_subscribers(t);
}

/* What each member has, from the owners. */
static void table_end(struct table *t, struct assign_input *in)
{
    uint64_t **at = mem_new((in->member_count + 1) * sizeof *at);

    for (size_t m = 0; m < in->member_count; m++) {
        in->members[m].after = (struct parts){ 0 };
        if (t->load[m] > 0)
            at[m] = in->members[m].after.at = mem_new(t->load[m] * sizeof **at);
    }
    for (size_t i = 0; i < t->seat_count; i++) {
        size_t seat = t->seats[i].seat;

        if (t->owner[seat] != NOBODY) {
            struct parts *after = &in->members[t->owner[seat]].after;

            at[t->owner[seat]][after->count++] = t->ids[seat];
        }
    }
    free(at);
    free(t->first);
    free(t->ids);
    free(t->owner);
    free(t->topic);
    free(t->seats);
    free(t->load);
    free(t->subscribed_first);
    free(t->subscribed);
}

static void give(struct table *t, size_t seat, size_t member)
{
    if (t->owner[seat] != NOBODY)
        t->load[t->owner[seat]]--;
    t->owner[seat] = (int32_t)member;
    t->load[member]++;
}

static bool reads(const struct assign_member *m, uint32_t topic)
{
    size_t low = 0;
    size_t high = m->topic_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (m->topics[middle] < topic)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m->topic_count && m->topics[low] == topic;
}

/* Of what a member had, so many partitions that it may still have. */
static void keep_before(struct table *t, size_t member, size_t quota)
{
    const struct assign_member *m = &t->in->members[member];

    for (size_t i = 0; m->before && i < m->before->count && quota > 0; i++) {
        const struct seat_of  key = { m->before->at[i], 0 };
        const struct seat_of *s = bsearch(&key, t->seats, t->seat_count, sizeof key, compare_seats);

        if (s && t->owner[s->seat] == NOBODY && reads(m, t->topic[s->seat])) {
            give(t, s->seat, member);
            quota--;
        }
    }
}

/* ---- uniform, all members read the same ---- */

static bool all_read_the_same(const struct assign_input *in)
{
    const struct assign_member *first = &in->members[0];

    for (size_t m = 1; m < in->member_count; m++) {
        const struct assign_member *o = &in->members[m];

        if (o->topic_count != first->topic_count ||
            (o->topic_count > 0 &&
             memcmp(o->topics, first->topics, o->topic_count * sizeof *o->topics) != 0))
            return false;
    }
    return true;
}

/* The least anybody gets, and one more for as many as that leaves over: first for those who have
 * more already. */
static size_t *share_out(const struct table *t, size_t wanted)
{
    size_t  member_count = t->in->member_count;
    size_t  least = wanted / member_count;
    size_t  over = wanted % member_count;
    size_t *quota = mem_new(member_count * sizeof *quota);

    for (size_t m = 0; m < member_count; m++) {
        const struct parts *before = t->in->members[m].before;

        quota[m] = least;
        if (over > 0 && before && before->count > least) {
            quota[m]++;
            over--;
        }
    }
    for (size_t m = 0; m < member_count && over > 0; m++) {
        if (quota[m] == least) {
            quota[m]++;
            over--;
        }
    }
    return quota;
}

static void assign_alike(struct table *t)
{
    const struct assign_member *first = &t->in->members[0];
    size_t                      wanted = 0;
    size_t                      member = 0;
    size_t                     *quota;

    for (size_t i = 0; i < first->topic_count; i++)
        wanted += t->in->topics[first->topics[i]].count;
    quota = share_out(t, wanted);
    for (size_t m = 0; m < t->in->member_count; m++)
        keep_before(t, m, quota[m]);
    for (size_t seat = 0; seat < t->seat_count; seat++) {
        if (t->owner[seat] != NOBODY || !reads(first, t->topic[seat]))
            continue;
        while (t->load[member] >= quota[member])
            member++;
        give(t, seat, member);
    }
    free(quota);
}

/* ---- uniform, members read different topics ---- */

struct ranked {
    uint32_t topic;
    size_t   parts, subscribers;
};

/* Most partitions to a subscriber first, then the fewest subscribers. */
static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    size_t               left = x->parts * y->subscribers;
    size_t               right = y->parts * x->subscribers;

    if (left != right)
        return left > right ? -1 : 1;
    if (x->subscribers != y->subscribers)
        return x->subscribers < y->subscribers ? -1 : 1;
    return (x->topic > y->topic) - (x->topic < y->topic);
}

static struct ranked *rank_topics(const struct table *t, size_t *count)
{
    struct ranked *ranked = mem_new((t->in->topic_count + 1) * sizeof *ranked);

    *count = 0;
    for (size_t k = 0; k < t->in->topic_count; k++) {
        size_t subscribers = t->subscribed_first[k + 1] - t->subscribed_first[k];

        if (subscribers > 0)
            ranked[(*count)++] = (struct ranked){ (uint32_t)k, t->in->topics[k].count, subscribers };
    }
    qsort(ranked, *count, sizeof *ranked, compare_ranked);
    return ranked;
}

static uint32_t least_loaded(const struct table *t, uint32_t topic)
{
    const uint32_t *at = t->subscribed + t->subscribed_first[topic];
    const uint32_t *end = t->subscribed + t->subscribed_first[topic + 1];
    uint32_t        best = *at;

    for (; at < end; at++) {
        if (t->load[*at] < t->load[best])
            best = *at;
    }
    return best;
}

/* The seats of one topic, those of each owner one behind the other. */
struct held {
    size_t *seats;
    size_t *end;   /* by member: behind its last */
    size_t *begin; /* by member */
};

static void held_init(struct held *h, const struct table *t, uint32_t topic)
{
    size_t member_count = t->in->member_count;
    size_t from = t->first[topic];
    size_t to = t->first[topic + 1];

    h->seats = mem_new((to - from + 1) * sizeof *h->seats);
    h->begin = mem_new((member_count + 1) * sizeof *h->begin);
    h->end = mem_new((member_count + 1) * sizeof *h->end);
    for (size_t seat = from; seat < to; seat++)
        h->begin[t->owner[seat] + 1]++;
    for (size_t m = 0; m < member_count; m++)
        h->begin[m + 1] += h->begin[m];
    memcpy(h->end, h->begin, member_count * sizeof *h->end);
    for (size_t seat = from; seat < to; seat++)
        h->seats[h->end[t->owner[seat]]++] = seat;
}

static void held_fini(struct held *h)
{
    free(h->seats);
    free(h->begin);
    free(h->end);
}

/* The subscriber with most that still has one of this topic to give. */
static int32_t most_loaded(const struct table *t, const struct held *h, uint32_t topic)
{
    int32_t best = NOBODY;

    for (size_t i = t->subscribed_first[topic]; i < t->subscribed_first[topic + 1]; i++) {
        uint32_t m = t->subscribed[i];

        if (h->end[m] > h->begin[m] && (best == NOBODY || t->load[m] > t->load[best]))
            best = (int32_t)m;
    }
    return best;
}

static bool balance_topic(struct table *t, uint32_t topic)
{
    bool        has_moved = false;
    struct held h;

    held_init(&h, t, topic);
    for (;;) {
        int32_t  from = most_loaded(t, &h, topic);
        uint32_t to = least_loaded(t, topic);

        if (from == NOBODY || t->load[from] <= t->load[to] + 1)
            break;
        give(t, h.seats[--h.end[from]], to);
        has_moved = true;
    }
    held_fini(&h);
    return has_moved;
}

static void assign_unlike(struct table *t)
{
    size_t         count;
    struct ranked *ranked = rank_topics(t, &count);
    bool           has_moved = true;

    for (size_t m = 0; m < t->in->member_count; m++)
        keep_before(t, m, SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        uint32_t topic = ranked[i].topic;

        for (size_t seat = t->first[topic]; seat < t->first[topic + 1]; seat++) {
            if (t->owner[seat] == NOBODY)
                give(t, seat, least_loaded(t, topic));
        }
    }
    for (int round = 0; round < BALANCE_ROUNDS && has_moved; round++) {
        has_moved = false;
        for (size_t i = 0; i < count; i++) {
            if (balance_topic(t, ranked[i].topic))
                has_moved = true;
        }
    }
    free(ranked);
}

void assign_uniform(struct assign_input *in)
{
    struct table t;

    if (in->member_count == 0)
        return;
    table_init(&t, in);
    if (all_read_the_same(in))
        assign_alike(&t);
    else
        assign_unlike(&t);
    table_end(&t, in);
}

/* ---- range ---- */

struct in_order {
    const struct assign_member *member;
    size_t                      index;
};

static int compare_in_order(const void *a, const void *b)
{
    const struct assign_member *x = ((const struct in_order *)a)->member;
    const struct assign_member *y = ((const struct in_order *)b)->member;
    bool                        x_is_static = !bytes_is_null(x->instance_id);
    bool                        y_is_static = !bytes_is_null(y->instance_id);

    if (x_is_static != y_is_static)
        return x_is_static ? -1 : 1;
    return x_is_static ? bytes_cmp(x->instance_id, y->instance_id) : bytes_cmp(x->id, y->id);
}

/* The next run of a topic; the first ones are longer by one when it does not come out even. */
static void give_run(struct table *t, uint32_t topic, size_t *taken, size_t *runs, size_t member)
{
    size_t subscribers = t->subscribed_first[topic + 1] - t->subscribed_first[topic];
    size_t all = t->in->topics[topic].count;
    size_t length = all / subscribers + (*runs < all % subscribers);

    for (size_t i = 0; i < length; i++)
        give(t, t->first[topic] + (*taken)++, member);
    (*runs)++;
}

void assign_range(struct assign_input *in)
{
    struct table     t;
    struct in_order *order = mem_new((in->member_count + 1) * sizeof *order);
    size_t          *taken = mem_new((in->topic_count + 1) * sizeof *taken);
    size_t          *runs = mem_new((in->topic_count + 1) * sizeof *runs);

    table_init(&t, in);
    for (size_t m = 0; m < in->member_count; m++)
        order[m] = (struct in_order){ &in->members[m], m };
    qsort(order, in->member_count, sizeof *order, compare_in_order);
    for (size_t m = 0; m < in->member_count; m++) {
        for (size_t i = 0; i < order[m].member->topic_count; i++) {
            uint32_t topic = order[m].member->topics[i];

            give_run(&t, topic, &taken[topic], &runs[topic], order[m].index);
        }
    }
    table_end(&t, in);
    free(order);
    free(taken);
    free(runs);
}

assign_fn *assign_find(struct bytes name)
{
    if (bytes_is_null(name) || bytes_eq_str(name, "uniform"))
        return assign_uniform;
    return bytes_eq_str(name, "range") ? assign_range : NULL;
}
