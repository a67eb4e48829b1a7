/* limits.c - see limits.h. */
#include "engine/limits.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct quota {
    struct bytes key; /* owned */
    double       values[LIMIT_COUNT]; /* 0: not set */
};

struct window {
    double  sum;
    int64_t began_ms;
};

/* What was counted of one user, client id, both, or address. */
struct meter {
    struct bytes  key; /* owned */
    struct list   in_age;
    struct window windows[LIMITS_WINDOWS];
    size_t        count, current; /* windows that were ever begun; the one that is open */
    double        tokens;         /* LI2 */
    int64_t       tokens_ms;
};

struct limits {
    pthread_mutex_t lock;
    struct map      quotas;
    struct map      meters;
    struct list     by_age; /* used longest ago comes first */
    atomic_size_t   set[LIMIT_COUNT]; /* how many quotas set this limit */
    struct buf      key; /* scratch */
};

struct limits *limits_new(void)
{
    struct limits *l = mem_new(sizeof *l);

    if (pthread_mutex_init(&l->lock, NULL) != 0)
        mem_exhausted("a lock");
    map_init(&l->quotas);
    map_init(&l->meters);
    list_init(&l->by_age);
    buf_init(&l->key);
    return l;
}

static void free_quota(struct quota *q)
{
    free((void *)(uintptr_t)q->key.at);
    free(q);
}

static void free_meter(struct meter *m)
{
    list_remove(&m->in_age);
    free((void *)(uintptr_t)m->key.at);
    free(m);
}

void limits_free(struct limits *l)
{
    size_t        at = 0;
    struct quota *q;

    if (!l)
        return;
    while ((q = map_next(&l->quotas, &at)) != NULL)
        free_quota(q);
    while (!list_empty(&l->by_age))
        free_meter(CONTAINER(l->by_age.next, struct meter, in_age));
    map_fini(&l->quotas);
    map_fini(&l->meters);
    buf_fini(&l->key);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

bool limits_has(const struct limits *l, enum limit limit)
{
    return atomic_load_explicit(&l->set[limit], memory_order_relaxed) > 0;
}

/* ---- quotas ---- */

static struct bytes key_of(struct limits *l, const struct limit_entity *e)
{
    buf_clear(&l->key);
    for (size_t i = 0; i < LIMIT_PART_COUNT; i++) {
        buf_u8(&l->key, (uint8_t)e->presence[i]);
        if (e->presence[i] != LIMIT_NAMED)
            continue;
        buf_uvarint(&l->key, e->names[i].len);
        buf_bytes(&l->key, e->names[i]);
    }
    return buf_view(&l->key);
}

static bool is_nothing(const double values[LIMIT_COUNT])
{
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        if (values[i] > 0)
            return false;
    return true;
}

static void count_set(struct limits *l, const double values[LIMIT_COUNT], int by)
{
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        if (values[i] > 0)
            atomic_fetch_add_explicit(&l->set[i], (size_t)by, memory_order_relaxed);
}

void limits_set(struct limits *l, const struct limit_entity *entity, const double values[LIMIT_COUNT])
{
    struct quota *q;
    struct bytes  key;

    pthread_mutex_lock(&l->lock);
    key = key_of(l, entity);
    q = map_remove(&l->quotas, key);
    if (q) {
        count_set(l, q->values, -1);
        free_quota(q);
    }
    if (!is_nothing(values)) {
        q = mem_new(sizeof *q);
        q->key = bytes_of(mem_copy(key.at, key.len), key.len);
        memcpy(q->values, values, sizeof q->values);
        map_put(&l->quotas, q->key, q);
        count_set(l, values, 1);
    }
    pthread_mutex_unlock(&l->lock);
}

/* Kafka's order, and who is measured together. */
static const struct level {
    enum limit_presence user, client;
} levels[] = {
    { LIMIT_NAMED, LIMIT_NAMED },     { LIMIT_NAMED, LIMIT_DEFAULT },   { LIMIT_NAMED, LIMIT_ABSENT },
    { LIMIT_DEFAULT, LIMIT_NAMED },   { LIMIT_DEFAULT, LIMIT_DEFAULT }, { LIMIT_DEFAULT, LIMIT_ABSENT },
    { LIMIT_ABSENT, LIMIT_NAMED },    { LIMIT_ABSENT, LIMIT_DEFAULT },
};

static double value_of(struct limits *l, const struct limit_entity *e, enum limit limit)
{
    const struct quota *q = map_get(&l->quotas, key_of(l, e));

    return q ? q->values[limit] : 0;
}

/* 0: he has none. *measured: by whom it is counted. */
static double find_quota(struct limits *l, const struct limits_asker *who, enum limit limit,
                         struct limit_entity *measured)
{
    for (size_t i = 0; i < COUNT(levels); i++) {
        struct limit_entity e = { .presence = { levels[i].user, levels[i].client, LIMIT_ABSENT },
                                  .names = { who->user, who->client_id, { 0 } } };
        double              value = value_of(l, &e, limit);

        if (value <= 0)
            continue;
        for (size_t k = 0; k < LIMIT_PART_COUNT; k++)
            if (e.presence[k] == LIMIT_DEFAULT)
                e.presence[k] = LIMIT_NAMED;
        *measured = e;
        return value;
    }
    return 0;
}

/* ---- meters ---- */

static struct meter *meter_of(struct limits *l, const struct limit_entity *e, enum limit limit)
{
    struct bytes  key;
    struct meter *m;

    key_of(l, e);
    buf_u8(&l->key, (uint8_t)limit);
    key = buf_view(&l->key);
    m = map_get(&l->meters, key);
    if (!m) {
        if (l->meters.count >= LIMITS_METERS_MAX) { /* LI3 */
            m = CONTAINER(l->by_age.next, struct meter, in_age);
            map_remove(&l->meters, m->key);
            free_meter(m);
        }
        m = mem_new(sizeof *m);
        m->key = bytes_of(mem_copy(key.at, key.len), key.len);
        m->tokens_ms = INT64_MIN;
        list_init(&m->in_age);
        map_put(&l->meters, m->key, m);
    }
    list_remove(&m->in_age);
    list_push(&l->by_age, &m->in_age);
    return m;
}

static void add(struct meter *m, double amount, int64_t now_ms)
{
    struct window *w = &m->windows[m->current];

    if (m->count == 0 || now_ms - w->began_ms >= LIMITS_WINDOW_MS) {
        m->current = m->count == 0 ? 0 : (m->current + 1) % LIMITS_WINDOWS;
        m->count += m->count < LIMITS_WINDOWS;
        w = &m->windows[m->current];
        *w = (struct window){ 0, now_ms };
    }
    w->sum += amount;
}

/* LI1. The sum of what is not too old, and the milliseconds that it is spread over. */
static double sum_of(const struct meter *m, int64_t now_ms, int64_t *over_ms)
{
    int64_t oldest_ms = now_ms;
    int64_t windows;
    double  sum = 0;

    for (size_t i = 0; i < m->count; i++) {
        const struct window *w = &m->windows[i];

        if (now_ms - w->began_ms >= LIMITS_WINDOWS * LIMITS_WINDOW_MS)
            continue;
        sum += w->sum;
        oldest_ms = w->began_ms < oldest_ms ? w->began_ms : oldest_ms;
    }
    *over_ms = now_ms - oldest_ms;
    windows = *over_ms / LIMITS_WINDOW_MS;
    if (windows < LIMITS_WINDOWS - 1)
        *over_ms += (LIMITS_WINDOWS - 1 - windows) * LIMITS_WINDOW_MS;
    return sum;
}

static int64_t wait_of(const struct meter *m, double quota, int64_t now_ms)
{
    int64_t over_ms;
    double  sum = sum_of(m, now_ms, &over_ms);
    double  rate = sum * 1000 / (double)over_ms;
    double  wait_ms = (rate - quota) / quota * (double)over_ms;

    if (wait_ms <= 0)
        return 0;
    return wait_ms < INT32_MAX ? (int64_t)(wait_ms + 0.5) : INT32_MAX;
}

int64_t limits_count(struct limits *l, const struct limits_asker *who, enum limit limit, double amount,
                     int64_t now_ms)
{
    struct limit_entity measured;
    struct meter       *m;
    double              quota;
    int64_t             wait_ms = 0;

    if (!limits_has(l, limit))
        return 0;
    pthread_mutex_lock(&l->lock);
    quota = find_quota(l, who, limit, &measured);
    if (quota > 0) {
        m = meter_of(l, &measured, limit);
        add(m, amount, now_ms);
        wait_ms = wait_of(m, quota, now_ms);
    }
    pthread_mutex_unlock(&l->lock);
    return wait_ms;
}

static void refill(struct meter *m, double quota, int64_t now_ms)
{
    double full = quota * LIMITS_WINDOWS * LIMITS_WINDOW_MS / 1000;

    if (m->tokens_ms == INT64_MIN)
        m->tokens = full;
    else
        m->tokens += quota * (double)(now_ms - m->tokens_ms) / 1000;
    if (m->tokens > full)
        m->tokens = full;
    m->tokens_ms = now_ms;
}

bool limits_take(struct limits *l, const struct limits_asker *who, double amount, bool is_strict,
                 int64_t now_ms, int64_t *wait_ms)
{
    struct limit_entity measured;
    struct meter       *m;
    double              quota;
    bool                is_allowed = true;

    *wait_ms = 0;
    if (!limits_has(l, LIMIT_MUTATIONS))
        return true;
    pthread_mutex_lock(&l->lock);
    quota = find_quota(l, who, LIMIT_MUTATIONS, &measured);
    if (quota > 0) {
        m = meter_of(l, &measured, LIMIT_MUTATIONS);
        refill(m, quota, now_ms);
        is_allowed = !is_strict || m->tokens >= 0;
        if (is_allowed)
            m->tokens -= amount;
        if (m->tokens < 0)
            *wait_ms = (int64_t)(-m->tokens / quota * 1000 + 0.5);
    }
    pthread_mutex_unlock(&l->lock);
    return is_allowed;
}

int64_t limits_connect(struct limits *l, struct bytes address, int64_t now_ms)
{
    struct limit_entity e = { .presence = { LIMIT_ABSENT, LIMIT_ABSENT, LIMIT_NAMED },
                              .names = { { 0 }, { 0 }, address } };
    struct meter       *m;
    double              quota;
    int64_t             wait_ms = 0;

    if (!limits_has(l, LIMIT_CONNECTIONS))
        return 0;
    pthread_mutex_lock(&l->lock);
    quota = value_of(l, &e, LIMIT_CONNECTIONS);
    if (quota <= 0) {
        e.presence[LIMIT_OF_ADDRESS] = LIMIT_DEFAULT;
        quota = value_of(l, &e, LIMIT_CONNECTIONS);
        e.presence[LIMIT_OF_ADDRESS] = LIMIT_NAMED;
    }
    if (quota > 0) {
        m = meter_of(l, &e, LIMIT_CONNECTIONS);
        add(m, 1, now_ms);
        wait_ms = wait_of(m, quota, now_ms);
    }
    pthread_mutex_unlock(&l->lock);
    return wait_ms;
}
