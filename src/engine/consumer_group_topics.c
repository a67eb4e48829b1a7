/*
 * consumer_group_topics.c - which topics the members of a group read: names and patterns become
 * topics that exist.
 *
 * Members of one group mostly send the same pattern: it is compiled and matched once for neighbours that do.
 *
 * Thread: the shard's.
 */
#include "engine/assign.h"
#include "engine/consumer_group.h"
#include "engine/pattern.h"

#include <stdlib.h>

#define HASH_START UINT64_C(14695981039346656037) /* FNV-1a: it is kept on disk */
#define HASH_PRIME UINT64_C(1099511628211)

struct found {
    size_t         count, cap;
    struct topic **at;
};

static void add_topic(struct found *f, struct topic *t)
{
    if (f->count == f->cap) {
        f->cap = f->cap ? 2 * f->cap : 16;
        f->at = mem_resize(f->at, f->cap * sizeof *f->at);
    }
    f->at[f->count++] = t;
}

static void add_topics(struct found *f, const struct found *more)
{
    for (size_t i = 0; i < more->count; i++)
        add_topic(f, more->at[i]);
}

/* By the id of their first log: the order in which they were made. */
static int compare_topics(const void *a, const void *b)
{
    const struct topic *const *x = a;
    const struct topic *const *y = b;

    return ((*x)->logs[0]->id > (*y)->logs[0]->id) - ((*x)->logs[0]->id < (*y)->logs[0]->id);
}

static void sort_topics(struct found *f)
{
    size_t kept = 0;

    if (f->count > 0)
        qsort(f->at, f->count, sizeof(struct topic *), compare_topics);
    for (size_t i = 0; i < f->count; i++) {
        if (kept == 0 || f->at[kept - 1] != f->at[i])
            f->at[kept++] = f->at[i];
    }
    f->count = kept;
}

static void match_topics(struct engine *e, struct bytes ns, struct bytes text, struct found *f)
{
    struct pattern *p;
    struct topic   *t;
    size_t          at = 0;

    if (pattern_new(&p, text))
        return; /* it was valid when it came: the library has changed */
    while ((t = map_next(&e->topics, &at)) != NULL) {
        if (!t->is_private && bytes_eq(t->key.ns, ns) && pattern_fits(p, t->key.name))
            add_topic(f, t);
    }
    pattern_free(p);
}

static bool has_pattern(const struct consumer_state *m)
{
    return m->pattern.len > 0;
}

/* The topics of a member; what a pattern fits is the same as for the one before when the pattern is. */
static void find_topics(struct engine *e, struct bytes ns, const struct consumer_state *m,
                        const struct consumer_state *last, const struct found *last_fits, struct found *fits,
                        struct found *all)
{
    if (last && has_pattern(m) && bytes_eq(last->pattern, m->pattern))
        add_topics(fits, last_fits);
    else if (has_pattern(m))
        match_topics(e, ns, m->pattern, fits);
    add_topics(all, fits);
    for (size_t i = 0; i < m->name_count; i++) {
        struct topic *t = topic_find(e, ns, m->names[i]);

        if (t && !t->is_private)
            add_topic(all, t);
    }
    sort_topics(all);
}

static uint64_t hash_bytes(uint64_t hash, const void *at, size_t count)
{
    const uint8_t *b = at;

    for (size_t i = 0; i < count; i++)
        hash = (hash ^ b[i]) * HASH_PRIME;
    return hash;
}

static uint64_t hash_topics(const struct found *f)
{
    uint64_t hash = HASH_START;

    for (size_t i = 0; i < f->count; i++) {
        const uint32_t count = f->at[i]->log_count;
        const uint8_t  octets[] = { (uint8_t)(count >> 24), (uint8_t)(count >> 16), (uint8_t)(count >> 8),
                                    (uint8_t)count };

        hash = hash_bytes(hash, f->at[i]->uuid.at, sizeof f->at[i]->uuid.at);
        hash = hash_bytes(hash, octets, sizeof octets);
    }
    return hash;
}

static uint32_t index_of(const struct subscriptions *s, const struct topic *t)
{
    struct topic *const *at = bsearch(&t, s->topics, s->topic_count, sizeof(struct topic *), compare_topics);

    return (uint32_t)(at - s->topics);
}

void subscriptions_init(struct subscriptions *s, struct engine *e, struct bytes ns,
                        const struct consumer_state *const *members, size_t count)
{
    struct found *fits = mem_new((count + 1) * sizeof *fits);
    struct found *all = mem_new((count + 1) * sizeof *all);
    struct found  whole = { 0 };

    *s = (struct subscriptions){ .member_count = count };
    arena_init(&s->arena);
    for (size_t i = 0; i < count; i++) {
        find_topics(e, ns, members[i], i > 0 ? members[i - 1] : NULL, i > 0 ? &fits[i - 1] : NULL, &fits[i],
                    &all[i]);
        add_topics(&whole, &all[i]);
        if (i % 16 == 15)
            sort_topics(&whole); /* as long as the topics there are, not as all the subscriptions */
    }
    sort_topics(&whole);
    s->hash = hash_topics(&whole);
    s->topic_count = whole.count;
    s->topics = arena_array(&s->arena, whole.count + 1, sizeof(struct topic *));
    for (size_t k = 0; k < whole.count; k++)
        s->topics[k] = whole.at[k];
    s->members = arena_array(&s->arena, count + 1, sizeof *s->members);
    for (size_t i = 0; i < count; i++) {
        s->members[i].topic_count = all[i].count;
        s->members[i].topics = arena_array(&s->arena, all[i].count + 1, sizeof *s->members[i].topics);
        for (size_t k = 0; k < all[i].count; k++)
            s->members[i].topics[k] = index_of(s, all[i].at[k]);
        free(fits[i].at);
        free(all[i].at);
    }
    free(whole.at);
    free(fits);
    free(all);
}

void subscriptions_fini(struct subscriptions *s)
{
    arena_fini(&s->arena);
}

bool consumer_reads_topic(const struct consumer_group *c, struct bytes topic)
{
    for (const struct list *n = c->members.next; n != &c->members; n = n->next) {
        const struct consumer_state *s = &CONTAINER(n, struct consumer_member, in_group)->is;
        struct pattern              *p;
        bool                         fits = false;

        for (size_t i = 0; i < s->name_count && !fits; i++)
            fits = bytes_eq(s->names[i], topic);
        if (!fits && has_pattern(s) && !pattern_new(&p, s->pattern)) {
            fits = pattern_fits(p, topic);
            pattern_free(p);
        }
        if (fits)
            return true;
    }
    return false;
}
