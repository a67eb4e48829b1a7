/*
 * topic.c - topics: named sets of logs.
 *
 * Changes (docs/journal.md):
 *   TOPIC_CREATED  ns, name, uuid (16 bytes), policy, is_private, created_ms, partition count, id of the first log
 *                  (the others follow without a gap), door count, native of each
 *   TOPIC_DELETED  uuid
 *   TOPIC_NATIVE   uuid, door, native
 *   TOPIC_POLICY   uuid, policy
 * policy is retention, flags (1 time of append, 2 stamps append, 4 compacted), retention_ms, retention_bytes,
 * delete_retention_ms, min_compaction_lag_ms, max_compaction_lag_ms, segment_ms, segment_bytes, dirty_ratio
 *
 * Thread: the shard's.
 */
#include "engine/log_int.h"
#include "engine/retention.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct topic *topic_find(struct engine *e, struct bytes ns, struct bytes name)
{
    return map_get(&e->topics, name_key_of(&e->scratch, ns, name));
}

struct topic *topic_find_uuid(struct engine *e, const struct uuid *uuid)
{
    return map_get(&e->topics_uuid, bytes_of(uuid->at, sizeof uuid->at));
}

struct topic *topic_find_either(struct engine *e, struct bytes ns, struct bytes name, const struct uuid *uuid)
{
    struct topic *t;

    if (!bytes_is_null(name))
        return topic_find(e, ns, name);
    t = topic_find_uuid(e, uuid);
    return t && bytes_eq(t->key.ns, ns) ? t : NULL;
}

static struct uuid rd_uuid(struct rd *r)
{
    struct uuid  uuid = { 0 };
    struct bytes b = rd_bytes(r, sizeof uuid.at);

    if (b.at)
        memcpy(uuid.at, b.at, sizeof uuid.at);
    return uuid;
}

static void put_uuid(struct buf *b, const struct uuid *uuid)
{
    buf_add(b, uuid->at, sizeof uuid->at);
}

/* Version 4, variant 1 (RFC 4122). */
static struct uuid new_uuid(struct engine *e)
{
    struct uuid uuid;

    put_u64(uuid.at, engine_random(e));
    put_u64(uuid.at + 8, engine_random(e));
    uuid.at[6] = (uint8_t)((uuid.at[6] & 0x0f) | 0x40);
    uuid.at[8] = (uint8_t)((uuid.at[8] & 0x3f) | 0x80);
    return uuid;
}

/* ---- policy ---- */

const struct topic_policy topic_policy_default = {
    .retention_ms = 7 * 24 * 3600 * 1000ll,
    .delete_retention_ms = 24 * 3600 * 1000ll,
    .segment_ms = 7 * 24 * 3600 * 1000ll,
    .segment_bytes = 1ll << 30,
    .batch_bytes_max = 1024 * 1024 + 12,
    .future_ms_max = 3600 * 1000,
    .dirty_ratio = DIRTY_RATIO_ONE / 2,
};

/* The members that are numbers, in their order on disk; none may be negative. */
static const size_t policy_numbers[] = {
    offsetof(struct topic_policy, retention_ms),
    offsetof(struct topic_policy, retention_bytes),
    offsetof(struct topic_policy, delete_retention_ms),
    offsetof(struct topic_policy, min_compaction_lag_ms),
    offsetof(struct topic_policy, max_compaction_lag_ms),
    offsetof(struct topic_policy, segment_ms),
    offsetof(struct topic_policy, segment_bytes),
    offsetof(struct topic_policy, batch_bytes_max),
    offsetof(struct topic_policy, future_ms_max),
    offsetof(struct topic_policy, past_ms_max),
};

static int64_t *number_of(const struct topic_policy *p, size_t i)
{
    return (int64_t *)((uintptr_t)p + policy_numbers[i]);
}

bool topic_policy_is_valid(const struct topic_policy *p)
{
    for (size_t i = 0; i < COUNT(policy_numbers); i++)
        if (*number_of(p, i) < 0)
            return false;
    return p->retention <= RETAIN_BOTH &&
           p->codec <= (p->recodes ? CODEC_ZSTD : CODEC_NONE) &&
           p->time_basis <= TIME_OF_APPEND &&
           p->dirty_ratio <= DIRTY_RATIO_ONE;
}

enum { /* on disk */
    POLICY_TIME_OF_APPEND = 1,
    POLICY_STAMPS_APPEND = 2,
    POLICY_COMPACTED = 4,
    POLICY_RECODES = 8,
    POLICY_CODEC_SHIFT = 4,
};

static void put_policy(struct buf *head, const struct topic_policy *p)
{
    buf_uvarint(head, p->retention);
    buf_uvarint(head, (p->time_basis == TIME_OF_APPEND ? POLICY_TIME_OF_APPEND : 0u) |
                          (p->stamps_append ? POLICY_STAMPS_APPEND : 0u) |
                          (p->is_compacted ? POLICY_COMPACTED : 0u) |
                          (p->recodes ? POLICY_RECODES : 0u) | p->codec << POLICY_CODEC_SHIFT);
    for (size_t i = 0; i < COUNT(policy_numbers); i++)
        buf_uvarint(head, (uint64_t)*number_of(p, i));
    buf_uvarint(head, p->dirty_ratio);
}

static struct topic_policy get_policy(struct rd *head)
{
    struct topic_policy p = { .retention = (enum retention)rd_uvarint32(head) };
    uint32_t            flags = rd_uvarint32(head);

    p.time_basis = flags & POLICY_TIME_OF_APPEND ? TIME_OF_APPEND : TIME_OF_RECORDS;
    p.stamps_append = flags & POLICY_STAMPS_APPEND;
    p.is_compacted = flags & POLICY_COMPACTED;
    p.recodes = flags & POLICY_RECODES;
    p.codec = flags >> POLICY_CODEC_SHIFT;
    for (size_t i = 0; i < COUNT(policy_numbers); i++)
        *number_of(&p, i) = (int64_t)rd_uvarint64(head);
    p.dirty_ratio = rd_uvarint32(head);
    if (!topic_policy_is_valid(&p))
        rd_fail(head);
    return p;
}

/* ---- changes ---- */

struct created {
    struct bytes        ns, name;
    struct uuid         uuid;
    struct topic_policy policy;
    uint64_t            is_private;
    int64_t             created_ms;
    struct bytes        native[DOOR_COUNT];
};

/* The ids of the logs of a topic: a run for its creation and one for each time it grew. */
struct log_run {
    uint64_t first, count;
};

static void encode_created(struct buf *head, const struct created *c)
{
    change_put_bytes(head, c->ns);
    change_put_bytes(head, c->name);
    put_uuid(head, &c->uuid);
    put_policy(head, &c->policy);
    buf_uvarint(head, c->is_private);
    buf_varint(head, c->created_ms);
    buf_uvarint(head, DOOR_COUNT);
    for (int d = 0; d < DOOR_COUNT; d++)
        change_put_bytes(head, c->native[d]);
}

static void put_run(struct buf *head, uint64_t first, uint64_t count)
{
    buf_uvarint(head, first);
    buf_uvarint(head, count);
}

static void put_runs(struct buf *head, const struct topic *t)
{
    uint32_t begin = 0;

    for (uint32_t i = 1; i <= t->log_count; i++) {
        if (i < t->log_count && t->logs[i]->id == t->logs[i - 1]->id + 1)
            continue;
        put_run(head, t->logs[begin]->id, i - begin);
        begin = i;
    }
}

static struct log_run get_run(struct rd *r)
{
    struct log_run run;

    run.first = rd_uvarint64(r);
    run.count = rd_uvarint64(r);
    return run;
}

static struct created decode_created(struct rd *r)
{
    struct created c = { 0 };
    uint64_t       doors;

    c.ns = change_get_bytes(r);
    c.name = change_get_bytes(r);
    c.uuid = rd_uuid(r);
    c.policy = get_policy(r);
    c.is_private = rd_uvarint64(r);
    c.created_ms = rd_varint64(r);
    doors = rd_uvarint64(r);
    if (doors > DOOR_COUNT)
        rd_fail(r);
    for (uint64_t d = 0; d < doors && !r->failed; d++)
        c.native[d] = change_get_bytes(r);
    return c;
}

static void replace_native(struct topic *t, uint64_t door, struct bytes native)
{
    free((void *)(uintptr_t)t->native[door].at);
    t->native[door] = native;
    if (native.at)
        t->native[door].at = mem_copy(native.at, native.len);
}

static void add_logs(struct engine *e, struct topic *t, const struct log_run *run)
{
    uint32_t from = t->log_count;

    t->log_count += (uint32_t)run->count;
    t->logs = mem_resize(t->logs, t->log_count * sizeof(struct log *));
    for (uint32_t i = from; i < t->log_count; i++) {
        uint64_t id = run->first + i - from;

        t->logs[i] = log_new(id, t, i);
        idmap_put(&e->logs, id, t->logs[i]);
    }
    if (run->first + run->count - 1 > e->last_id)
        e->last_id = run->first + run->count - 1;
}

/* Whether a topic that has so many logs may have these, too: no id that is in use. */
static bool may_add(struct engine *e, uint64_t have, const struct log_run *run)
{
    if (run->count == 0 || run->count > TOPIC_PARTITIONS_MAX - have ||
        run->first > UINT64_MAX - run->count)
        return false;
    for (uint64_t i = 0; i < run->count; i++)
        if (idmap_get(&e->logs, run->first + i))
            return false;
    return true;
}

/* The runs to the end of the head. */
static enum err add_runs(struct engine *e, struct topic *t, struct rd *head)
{
    do {
        struct log_run run = get_run(head);

        if (head->failed || !may_add(e, t->log_count, &run))
            return ERR_CORRUPT;
        add_logs(e, t, &run);
    } while (rd_left(head) > 0);
    return ERR_OK;
}

enum err topic_apply_created(struct engine *e, struct rd *head, struct bytes payload,
                             uint64_t position)
{
    struct created c = decode_created(head);
    struct topic  *t;

    (void)payload;
    (void)position;
    if (head->failed || topic_find(e, c.ns, c.name) || topic_find_uuid(e, &c.uuid))
        return ERR_CORRUPT;
    t = mem_new(sizeof *t);
    row_init(&t->row, ROW_TOPIC);
    name_key_init(&t->key, c.ns, c.name);
    t->uuid = c.uuid;
    t->policy = c.policy;
    t->is_private = c.is_private != 0;
    t->created_ms = c.created_ms;
    t->engine = e;
    list_init(&t->queues);
    map_put(&e->topics, t->key.whole, t);
    map_put(&e->topics_uuid, bytes_of(t->uuid.at, sizeof t->uuid.at), t);
    if (bytes_eq_str(c.ns, NAMESPACE_DEFAULT))
        rights_name_topic(e->rights, &t->uuid, c.name);
    for (uint64_t d = 0; d < DOOR_COUNT; d++)
        replace_native(t, d, c.native[d]);
    row_touch(e, &t->row);
    e->topic_changes++;
    return add_runs(e, t, head);
}

enum err topic_apply_grown(struct engine *e, struct rd *head, struct bytes payload,
                           uint64_t position)
{
    struct uuid    uuid = rd_uuid(head);
    struct log_run run = get_run(head);
    struct topic  *t = topic_find_uuid(e, &uuid);

    (void)payload;
    (void)position;
    if (head->failed || !t || !may_add(e, t->log_count, &run))
        return ERR_CORRUPT;
    row_touch(e, &t->row);
    add_logs(e, t, &run);
    queue_on_topic_grown(t);
    e->topic_changes++;
    return ERR_OK;
}

static void free_topic(struct engine *e, struct topic *t)
{
    row_remove(e, &t->row);
    for (uint32_t i = 0; i < t->log_count; i++)
        log_free(e, t->logs[i]);
    free(t->logs);
    for (int d = 0; d < DOOR_COUNT; d++)
        free((void *)(uintptr_t)t->native[d].at);
    name_key_fini(&t->key);
    free(t);
}

enum err topic_apply_deleted(struct engine *e, struct rd *head, struct bytes payload,
                             uint64_t position)
{
    struct uuid   uuid = rd_uuid(head);
    struct topic *t = topic_find_uuid(e, &uuid);

    (void)payload;
    (void)position;
    if (!t)
        return ERR_CORRUPT;
    queue_detach_all(e, t);
    group_on_topic_deleted(e, t);
    e->topic_changes++;
    map_remove(&e->topics, t->key.whole);
    map_remove(&e->topics_uuid, bytes_of(uuid.at, sizeof uuid.at));
    rights_forget_topic(e->rights, &uuid);
    for (uint32_t i = 0; i < t->log_count; i++)
        idmap_remove(&e->logs, t->logs[i]->id);
    free_topic(e, t);
    return ERR_OK;
}

enum err topic_apply_native(struct engine *e, struct rd *head, struct bytes payload,
                            uint64_t position)
{
    struct uuid   uuid = rd_uuid(head);
    uint64_t      door = rd_uvarint64(head);
    struct bytes  native = change_get_bytes(head);
    struct topic *t = topic_find_uuid(e, &uuid);

    (void)payload;
    (void)position;
    if (head->failed || !t || door >= DOOR_COUNT)
        return ERR_CORRUPT;
    row_touch(e, &t->row);
    replace_native(t, door, native);
    return ERR_OK;
}

enum err topic_apply_policy(struct engine *e, struct rd *head, struct bytes payload,
                            uint64_t position)
{
    struct uuid         uuid = rd_uuid(head);
    struct topic_policy policy = get_policy(head);
    struct topic       *t = topic_find_uuid(e, &uuid);

    (void)payload;
    (void)position;
    if (head->failed || !t)
        return ERR_CORRUPT;
    row_touch(e, &t->row);
    t->policy = policy;
    return ERR_OK;
}

/* Journals a change without payload and applies it (E2). */
static void commit(struct engine *e, enum change kind, struct buf *head, change_apply_fn *apply)
{
    struct rd r = rd_of(buf_view(head));
    enum err  err;

    engine_change(e, kind, head, (struct slice){ 0 });
    err = apply(e, &r, bytes_of(NULL, 0), 0);
    assert(err == ERR_OK);
    (void)err;
    buf_fini(head);
}

static void set_native(struct engine *e, struct topic *t, enum door door, struct bytes native)
{
    struct buf head;

    buf_init(&head);
    put_uuid(&head, &t->uuid);
    buf_uvarint(&head, door);
    change_put_bytes(&head, native);
    commit(e, CHANGE_TOPIC_NATIVE, &head, topic_apply_native);
}

static void set_policy(struct engine *e, struct topic *t, const struct topic_policy *policy)
{
    struct buf head;

    queue_note_starts(e, t);
    buf_init(&head);
    put_uuid(&head, &t->uuid);
    put_policy(&head, policy);
    commit(e, CHANGE_TOPIC_POLICY, &head, topic_apply_policy);
    retention_on_policy(e, t);
    compactor_on_policy(e, t);
}

static void grow(struct engine *e, struct topic *t, uint32_t partition_count)
{
    struct buf head;

    buf_init(&head);
    put_uuid(&head, &t->uuid);
    put_run(&head, e->last_id + 1, partition_count - t->log_count);
    commit(e, CHANGE_TOPIC_GROWN, &head, topic_apply_grown);
    compactor_on_policy(e, t);
}

struct topic *topic_create(struct engine *e, struct bytes ns, struct bytes name,
                           uint32_t partitions, const struct topic_policy *policy, bool is_private,
                           enum door door, struct bytes native)
{
    struct created c = { ns,         name,      new_uuid(e), *policy,
                         is_private, e->now_ms, { { 0 } } };
    struct buf     head;
    struct topic  *t;

    c.native[door] = native;
    buf_init(&head);
    encode_created(&head, &c);
    put_run(&head, e->last_id + 1, partitions);
    commit(e, CHANGE_TOPIC_CREATED, &head, topic_apply_created);
    t = topic_find(e, ns, name);
    compactor_on_policy(e, t);
    return t;
}

void topic_delete(struct engine *e, struct topic *t)
{
    struct buf head;

    queue_on_topic_deleted(e, t);
    for (uint32_t i = 0; i < t->log_count; i++)
        read_abandon(e, t->logs[i]);
    buf_init(&head);
    put_uuid(&head, &t->uuid);
    commit(e, CHANGE_TOPIC_DELETED, &head, topic_apply_deleted);
}

/* ---- checkpoint ---- */

static const struct topic *topic_of(const struct row *row)
{
    return CONTAINER(row, struct topic, row);
}

void topic_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    buf_u64(out, topic_of(row)->logs[0]->id);
}

void topic_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    const struct topic *t = topic_of(row);
    struct created      c = { t->key.ns,     t->key.name,   t->uuid, t->policy,
                              t->is_private, t->created_ms, { { 0 } } };

    (void)e;
    memcpy(c.native, t->native, sizeof c.native);
    encode_created(out, &c);
    put_runs(out, t);
}

void topic_row_define(struct engine *e, const struct row *row, struct row_definition *out)
{
    static const char *const kept[] = {
        [RETAIN_TIME] = "",
        [RETAIN_UNTIL_SETTLED] = ", kept until settled",
        [RETAIN_BOTH] = ", kept at least until settled",
    };
    const struct topic        *t = topic_of(row);
    const struct topic_policy *p = &t->policy;
    int                        len;

    (void)e;
    out->ns = t->key.ns;
    out->name = t->key.name;
    len = snprintf(out->text, sizeof out->text, "%u partitions%s%s%s", t->log_count,
                   kept[p->retention], p->is_compacted ? ", compacted" : "",
                   t->is_private ? ", private" : "");
    if (p->retention_ms > 0)
        len += snprintf(out->text + len, sizeof out->text - (size_t)len, ", for %lld ms",
                        (long long)p->retention_ms);
    if (p->retention_bytes > 0)
        snprintf(out->text + len, sizeof out->text - (size_t)len, ", up to %lld bytes",
                 (long long)p->retention_bytes);
}

void topic_fini(struct engine *e)
{
    size_t        at = 0;
    struct topic *t;

    while ((t = map_next(&e->topics, &at)) != NULL)
        free_topic(e, t);
    map_fini(&e->topics);
    map_fini(&e->topics_uuid);
    idmap_fini(&e->logs);
}

/* ---- calls ---- */

/* Direct reply-to of AMQP: whoever was told the name may answer, by any door; nobody else finds it. */
static bool is_reply(const struct topic *t)
{
    return bytes_starts(t->key.name, "amq.rabbitmq.reply-to.");
}

static void view_of(struct call *c, const struct topic *t, struct topic_view *v)
{
    *v = (struct topic_view){
        .ns = call_bytes(c, t->key.ns),
        .name = call_bytes(c, t->key.name),
        .uuid = t->uuid,
        .partition_count = t->log_count,
        .policy = t->policy,
        .is_private = t->is_private && !is_reply(t),
        .created_ms = t->created_ms,
    };
    for (int d = 0; d < DOOR_COUNT; d++)
        v->native[d] = call_bytes(c, t->native[d]);
}

void topic_on_create(struct engine *e, struct call *c)
{
    struct topic_create_call *a = (struct topic_create_call *)c;
    struct topic             *t = topic_find(e, a->ns, a->name);
    enum err                  err = ERR_OK;

    if (a->name.len == 0 || a->name.len > TOPIC_NAME_BYTES_MAX)
        err = ERR_BAD_NAME;
    else if (a->partition_count == 0 || a->partition_count > TOPIC_PARTITIONS_MAX ||
             !topic_policy_is_valid(&a->policy))
        err = ERR_BAD_ARGUMENT;
    else if (t)
        err = ERR_EXISTS;
    else if (!a->is_check_only)
        t = topic_create(e, a->ns, a->name, a->partition_count, &a->policy, false, a->door,
                         a->native);
    if (t)
        view_of(c, t, &a->view);
    engine_answer(e, c, err);
}

static enum err check_alter(const struct topic *t, const struct topic_alter_call *a)
{
    if (!t)
        return ERR_NO_TOPIC;
    if (a->set_policy && !topic_policy_is_valid(&a->policy))
        return ERR_BAD_ARGUMENT;
    if (a->partition_count > 0 &&
        (a->partition_count <= t->log_count || a->partition_count > TOPIC_PARTITIONS_MAX))
        return ERR_BAD_ARGUMENT;
    if (a->expects_native && !bytes_eq(t->native[a->door], a->native_before))
        return ERR_IN_USE;
    return ERR_OK;
}

void topic_on_alter(struct engine *e, struct call *c)
{
    struct topic_alter_call *a = (struct topic_alter_call *)c;
    struct topic            *t = topic_find_either(e, a->ns, a->name, &a->uuid);
    enum err                 err = check_alter(t, a);
    bool                     is_done = !err && !a->is_check_only;

    if (is_done && a->set_policy)
        set_policy(e, t, &a->policy);
    if (is_done && a->set_native)
        set_native(e, t, a->door, a->native);
    if (is_done && a->partition_count > 0)
        grow(e, t, a->partition_count);
    if (!err)
        view_of(c, t, &a->view);
    engine_answer(e, c, err);
}

void topic_on_delete(struct engine *e, struct call *c)
{
    struct topic_delete_call *a = (struct topic_delete_call *)c;
    struct topic             *t = topic_find_either(e, a->ns, a->name, &a->uuid);

    if (t)
        topic_delete(e, t);
    engine_answer(e, c, t ? ERR_OK : ERR_NO_TOPIC);
}

static int by_name(const void *a, const void *b)
{
    const struct topic_get_item *x = a;
    const struct topic_get_item *y = b;

    return bytes_cmp(x->view.name, y->view.name);
}

static void get_all(struct engine *e, struct topic_get_call *a)
{
    size_t        at = 0;
    struct topic *t;

    a->items = arena_array(&a->call.arena, e->topics.count, sizeof *a->items);
    a->item_count = 0;
    while ((t = map_next(&e->topics, &at)) != NULL) {
        struct topic_get_item *item = &a->items[a->item_count];

        if (t->is_private || !bytes_eq(t->key.ns, a->ns))
            continue;
        view_of(&a->call, t, &item->view);
        item->name = item->view.name;
        item->uuid = t->uuid;
        a->item_count++;
    }
    if (a->item_count > 1)
        qsort(a->items, a->item_count, sizeof *a->items, by_name);
}

static void get_one(struct engine *e, struct topic_get_call *a, struct topic_get_item *item)
{
    struct topic *t = topic_find_either(e, a->ns, item->name, &item->uuid);

    if (!t && a->auto_create && item->name.len > 0 && item->name.len <= TOPIC_NAME_BYTES_MAX)
        t = topic_create(e, a->ns, item->name, a->partition_count, &topic_policy_default, false,
                         DOOR_KAFKA, bytes_of(NULL, 0));
    item->err = t ? ERR_OK : ERR_NO_TOPIC;
    if (t)
        view_of(&a->call, t, &item->view);
}

void topic_on_get(struct engine *e, struct call *c)
{
    struct topic_get_call *a = (struct topic_get_call *)c;

    if (a->partition_count == 0)
        a->partition_count = 1;
    if (a->all)
        get_all(e, a);
    else
        for (size_t i = 0; i < a->item_count; i++)
            get_one(e, a, &a->items[i]);
    engine_answer(e, c, ERR_OK);
}

static void size_of_topic(struct call *c, const struct topic *t, struct topic_size_item *item)
{
    view_of(c, t, &item->view);
    item->bytes = arena_array(&c->arena, t->log_count, sizeof *item->bytes);
    for (uint32_t i = 0; i < t->log_count; i++)
        item->bytes[i] = t->logs[i]->bytes;
}

void topic_on_sizes(struct engine *e, struct call *c)
{
    struct topic_sizes_call *a = (struct topic_sizes_call *)c;
    const struct topic      *t;
    size_t                   at = 0;

    a->items = arena_array(&c->arena, e->topics.count, sizeof *a->items);
    a->item_count = 0;
    while ((t = map_next(&e->topics, &at)) != NULL) {
        if (!t->is_private && bytes_eq(t->key.ns, a->ns))
            size_of_topic(c, t, &a->items[a->item_count++]);
    }
    engine_answer(e, c, ERR_OK);
}

/* ---- picking a partition ---- */

/* MurmurHash2, seed 0x9747b28c: Kafka's default partitioner, so that keys land where its clients would put them. */
static uint32_t murmur2(struct bytes b)
{
    const uint32_t m = 0x5bd1e995;
    uint32_t       h = 0x9747b28cu ^ (uint32_t)b.len;
    const uint8_t *p = b.at;
    size_t         n = b.len;

    for (; n >= 4; p += 4, n -= 4) {
        uint32_t k;

        memcpy(&k, p, 4);
        k *= m;
        k ^= k >> 24;
        h = h * m ^ k * m;
    }
    for (size_t i = n; i > 0; i--)
        h ^= (uint32_t)p[i - 1] << 8 * (i - 1);
    if (n > 0)
        h *= m;
    h ^= h >> 13;
    h *= m;
    return h ^ h >> 15;
}

uint32_t topic_pick(struct topic *t, struct bytes key)
{
    if (t->log_count == 1)
        return 0;
    if (bytes_is_null(key))
        return t->next_partition++ % t->log_count;
    return (murmur2(key) & 0x7fffffff) % t->log_count;
}
