/*
 * share_assign.c - Kafka's assignor "simple", the one of share groups: a partition may have several members.
 *
 *   AS3  Each partition of a topic has a member, and each subscriber of the topic a partition. Each partition has
 *        at most
 *        as many members as it takes for that; the parts of any two members of a topic differ by one at most, unless a
 *        member has all that is left already.
 *   AS4  What a member has it keeps as far as that allows.
 *
 * Thread: any.
 */
#include "engine/share_int.h"

#include <stdlib.h>

/* One topic, and those who read it. */
struct sharing {
    struct assign_input       *in;
    const struct assign_topic *topic;
    size_t                     count;   /* of members */
    size_t                    *members; /* indexes into the input's */
    size_t                    *quotas;  /* how many more each of them gets */
    size_t                    *wanted;  /* of each partition: how many more members */
    bool                      *has;     /* member x partition */
};

static bool reads(const struct assign_member *m, uint32_t topic)
{
    for (size_t i = 0; i < m->topic_count; i++)
        if (m->topics[i] == topic)
            return true;
    return false;
}

static bool *has(const struct sharing *s, size_t member, size_t part)
{
    return &s->has[member * s->topic->count + part];
}

static void give(struct sharing *s, size_t member, size_t part)
{
    *has(s, member, part) = true;
    s->quotas[member]--;
    s->wanted[part]--;
}

static size_t count_kept(const struct sharing *s, size_t member)
{
    const struct parts *before = s->in->members[s->members[member]].before;
    size_t              n = 0;

    for (size_t i = 0; before && i < s->topic->count; i++)
        n += parts_have(before, s->topic->parts[i]);
    return n;
}

/* The larger parts go to those who have one already, then to whoever comes first. */
static void set_quotas(struct sharing *s, size_t each, size_t larger)
{
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < s->count; i++) {
            bool is_large = larger > 0 && (pass == 1 || count_kept(s, i) > each);

            if (pass == 0)
                s->quotas[i] = each;
            if (is_large && s->quotas[i] == each) {
                s->quotas[i]++;
                larger--;
            }
        }
}

/* AS4 */
static void keep(struct sharing *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct parts *before = s->in->members[s->members[i]].before;

        for (size_t k = 0; before && k < s->topic->count && s->quotas[i] > 0; k++)
            if (s->wanted[k] > 0 && parts_have(before, s->topic->parts[k]))
                give(s, i, k);
    }
}

/* Who gets this partition: the one with the most to get. s->count: nobody. */
static size_t neediest(const struct sharing *s, size_t part)
{
    size_t best = s->count;

    for (size_t i = 0; i < s->count; i++)
        if (s->quotas[i] > 0 && !*has(s, i, part) && (best == s->count || s->quotas[i] > s->quotas[best]))
            best = i;
    return best;
}

/* First those that nobody has, then a second member for each, and so on. */
static void fill(struct sharing *s, size_t sharers)
{
    for (size_t missing = sharers; missing > 0; missing--)
        for (size_t k = 0; k < s->topic->count; k++) {
            size_t who = s->wanted[k] >= missing ? neediest(s, k) : s->count;

            if (who < s->count)
                give(s, who, k);
        }
}

static void note(struct sharing *s)
{
    for (size_t i = 0; i < s->count; i++) {
        struct parts  found = { 0 };
        uint64_t     *ids = mem_new((s->topic->count + 1) * sizeof *ids);
        size_t        n = 0;
        struct parts *after = &s->in->members[s->members[i]].after;

        for (size_t k = 0; k < s->topic->count; k++)
            if (*has(s, i, k))
                ids[n++] = s->topic->parts[k];
        parts_from(&found, ids, n);
        parts_either(after, after, &found);
        parts_fini(&found);
        free(ids);
    }
}

static void share_topic(struct sharing *s)
{
    size_t parts = s->topic->count;
    size_t sharers = (s->count + parts - 1) / parts;
    size_t slots = parts * sharers;

    s->quotas = mem_new(s->count * sizeof *s->quotas);
    s->wanted = mem_new(parts * sizeof *s->wanted);
    s->has = mem_new(s->count * parts * sizeof *s->has);
    for (size_t k = 0; k < parts; k++)
        s->wanted[k] = sharers;
    set_quotas(s, slots / s->count, slots % s->count);
    keep(s);
    fill(s, sharers);
    note(s);
    free(s->quotas);
    free(s->wanted);
    free(s->has);
}

void assign_simple(struct assign_input *in)
{
    struct sharing s = { .in = in, .members = mem_new((in->member_count + 1) * sizeof *s.members) };

    for (size_t i = 0; i < in->topic_count; i++) {
        s.topic = &in->topics[i];
        s.count = 0;
        for (size_t k = 0; k < in->member_count; k++)
            if (reads(&in->members[k], (uint32_t)i))
                s.members[s.count++] = k;
        if (s.count > 0 && s.topic->count > 0)
            share_topic(&s);
    }
    free(s.members);
}
