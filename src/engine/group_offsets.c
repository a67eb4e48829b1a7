/*
 * group_offsets.c - the offsets that consumer groups commit: the part of a group that survives.
 *
 *   GO1  A commit is journalled before it is applied and answered when it is on disk. Unknown
 *        topics and partitions are refused one by one; the rest of the commit counts.
 *   GO2  Offsets go with their topic (topic_apply_deleted calls group_on_topic_deleted), so a new
 *        topic of the same name starts without any.
 *   GO3  An offset is taken away by an item that says OFFSET_NONE; a topic of which a group has none
 *        left is forgotten.
 *   GO4  Offsets of a group without members are forgotten RETENTION_MS after its last commit or
 *        after it became empty. A restart begins the wait anew.
 *
 * OFFSETS_COMMITTED: name16 ns | name16 group | items to the end: name16 topic (empty: as the item
 * before) | partition u32 | offset i64 | leader epoch i32 | metadata length u16 (65535: null),
 * bytes. GROUP_DELETED: name16 ns | name16 group. name16 is a length u16 and bytes. To change one,
 * follow docs/journal.md.
 *
 * Thread: the shard's.
 */
#include "engine/consumer_group.h"
#include "engine/transact.h"
#include "engine/txn.h"

#include <assert.h>
#include <stdlib.h>

#define RETENTION_MS (7 * 24 * 60 * 60 * INT64_C(1000))

enum { METADATA_NULL = 0xffff, CHANGE_BYTES_MAX = 32 * 1024 };

#define OFFSET_NONE INT64_MIN

struct committed {
    int64_t      offset; /* OFFSET_NONE: none. Any other is kept as it is: kafkajs commits -2 for "the earliest" */
    int32_t      leader_epoch;
    struct bytes metadata; /* owned; null: none */
};

struct group_topic {
    struct row        row;
    struct group     *group;
    struct bytes      name; /* owned */
    uint32_t          count;
    struct committed *at; /* by partition */
};

/* ---- memory ---- */

static struct group_topic *topic_of(struct group *g, struct bytes name)
{
    struct group_topic *t = map_get(&g->offsets, name);

    if (!t) {
        t = mem_new(sizeof *t);
        row_init(&t->row, ROW_OFFSETS);
        t->group = g;
        bytes_replace(&t->name, name);
        map_put(&g->offsets, t->name, t);
    }
    return t;
}

static struct committed *slot_of(struct group_topic *t, uint32_t partition)
{
    if (partition >= t->count) {
        t->at = mem_resize(t->at, (partition + 1) * sizeof *t->at);
        for (uint32_t i = t->count; i <= partition; i++)
            t->at[i] = (struct committed){ .offset = OFFSET_NONE, .leader_epoch = -1 };
        t->count = partition + 1;
    }
    return &t->at[partition];
}

static void topic_offsets_free(struct group_topic *t)
{
    row_remove(t->group->engine, &t->row);
    for (uint32_t i = 0; i < t->count; i++)
        bytes_replace(&t->at[i].metadata, (struct bytes){ 0 });
    bytes_replace(&t->name, (struct bytes){ 0 });
    free(t->at);
    free(t);
}

void group_offsets_fini(struct group *g)
{
    struct group_topic *t;
    size_t              at = 0;

    while ((t = map_next(&g->offsets, &at)) != NULL)
        topic_offsets_free(t);
    map_fini(&g->offsets);
}

void group_on_topic_deleted(struct engine *e, struct topic *t)
{
    struct group *g;
    size_t        at = 0;

    txn_offsets_on_topic_deleted(e, t);
    while ((g = map_next(&e->groups, &at)) != NULL) {
        struct group_topic *gone = NULL;

        if (bytes_eq(g->key.ns, t->key.ns))
            gone = map_remove(&g->offsets, t->key.name);
        if (gone)
            topic_offsets_free(gone);
    }
}

/* ---- changes ---- */

static struct bytes read_name16(struct rd *r)
{
    uint16_t len = rd_u16(r);

    return rd_bytes(r, len);
}

static void write_name16(struct buf *b, struct bytes name)
{
    buf_u16(b, (uint16_t)name.len);
    buf_bytes(b, name);
}

static void write_group(struct buf *b, struct bytes ns, struct bytes name)
{
    write_name16(b, ns);
    write_name16(b, name);
}

void group_offset_write(struct buf *head, const struct group_offset *o)
{
    write_name16(head, o->topic);
    buf_u32(head, o->partition);
    buf_u64(head, (uint64_t)o->offset);
    buf_u32(head, (uint32_t)o->leader_epoch);
    if (bytes_is_null(o->metadata))
        buf_u16(head, METADATA_NULL);
    else
        write_name16(head, o->metadata);
}

/* An item of OFFSET_NONE: there is none any more. */
static void forget_item(struct group *g, struct bytes topic, uint32_t partition)
{
    struct group_topic *t = map_get(&g->offsets, topic);

    if (!t || partition >= t->count)
        return;
    row_touch(g->engine, &t->row);
    bytes_replace(&t->at[partition].metadata, (struct bytes){ 0 });
    t->at[partition] = (struct committed){ .offset = OFFSET_NONE, .leader_epoch = -1 };
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->at[i].offset != OFFSET_NONE)
            return;
    }
    map_remove(&g->offsets, t->name);
    topic_offsets_free(t);
}

bool group_offset_read(struct rd *head, struct group_offset *o)
{
    struct bytes name = read_name16(head);
    uint16_t     len;

    o->partition = rd_u32(head);
    o->offset = (int64_t)rd_u64(head);
    o->leader_epoch = (int32_t)rd_u32(head);
    o->metadata = (struct bytes){ 0 };
    len = rd_u16(head);
    if (len != METADATA_NULL)
        o->metadata = rd_bytes(head, len);
    if (name.len > 0)
        o->topic = name;
    if (o->topic.len == 0 || o->partition >= TOPIC_PARTITIONS_MAX)
        rd_fail(head);
    return !head->failed;
}

static void keep_item(struct group *g, const struct group_offset *o)
{
    struct group_topic *t = topic_of(g, o->topic);
    struct committed   *c;

    row_touch(g->engine, &t->row);
    c = slot_of(t, o->partition);
    c->offset = o->offset;
    c->leader_epoch = o->leader_epoch;
    bytes_replace(&c->metadata, o->metadata);
}

static void take_item(struct group *g, const struct group_offset *o)
{
    if (o->offset == OFFSET_NONE)
        forget_item(g, o->topic, o->partition);
    else
        keep_item(g, o);
}

enum err group_apply_committed(struct engine *e, struct rd *head, struct bytes payload,
                               uint64_t position)
{
    struct bytes        ns = read_name16(head);
    struct bytes        name = read_name16(head);
    struct group_offset item = { 0 };
    struct group       *g;

    (void)payload;
    (void)position;
    if (head->failed)
        return ERR_CORRUPT;
    g = group_find(e, ns, name);
    if (!g)
        g = group_new(e, ns, name);
    while (rd_left(head) > 0)
        if (group_offset_read(head, &item))
            take_item(g, &item);
    group_touch(g);
    return head->failed ? ERR_CORRUPT : ERR_OK;
}

enum err group_apply_deleted(struct engine *e, struct rd *head, struct bytes payload,
                             uint64_t position)
{
    struct bytes  ns = read_name16(head);
    struct bytes  name = read_name16(head);
    struct group *g = head->failed ? NULL : group_find(e, ns, name);

    (void)payload;
    (void)position;
    if (!head->failed)
        txn_offsets_on_group_deleted(e, ns, name);
    if (g)
        group_free(g);
    return head->failed ? ERR_CORRUPT : ERR_OK;
}

/* ---- expiry ---- */

void group_delete(struct group *g)
{
    struct buf head;

    if (g->offsets.count > 0 || row_is_born(&g->row) ||
        txn_group_has_pending(g->engine, g->key.ns, g->key.name)) { /* else there is nothing of it on disk */
        buf_init(&head);
        write_group(&head, g->key.ns, g->key.name);
        engine_change(g->engine, CHANGE_GROUP_DELETED, &head, (struct slice){ 0 });
        buf_fini(&head);
        txn_offsets_on_group_deleted(g->engine, g->key.ns, g->key.name);
    }
    group_free(g);
}

void group_on_expiry(struct timer *t, int64_t now_ms)
{
    struct group *g = CONTAINER(t, struct group, expiry_timer);

    (void)now_ms;
    if (!group_is_empty(g))
        return; /* becoming empty starts the wait again */
    if (g->pending_count > 0 || txn_group_has_pending(g->engine, g->key.ns, g->key.name))
        group_touch(g);
    else
        group_delete(g);
}

void group_touch(struct group *g)
{
    struct engine *e = g->engine;
    int64_t        wait_ms = g->offsets.count > 0 ? RETENTION_MS : GROUP_IDLE_MS;

    timer_start(&e->timers, &g->expiry_timer, e->now_ms + wait_ms);
}

/* ---- commit ---- */

/* Finds the topic of an item and fills in the half of its name the client did not give. */
static struct topic *find_topic(struct engine *e, struct bytes ns, struct call *c,
                                struct offset_item *item)
{
    struct topic *t = topic_find_either(e, ns, item->name, &item->uuid);

    if (t && bytes_is_null(item->name))
        item->name = call_bytes(c, t->key.name);
    if (t)
        item->uuid = t->uuid;
    return t;
}

static enum err check_item(struct engine *e, struct offsets_commit_call *o,
                           struct offset_item *item)
{
    struct topic *t = find_topic(e, o->ns, &o->call, item);

    if (!t)
        return ERR_NO_TOPIC;
    if (item->partition >= t->log_count)
        return ERR_NO_PARTITION;
    return item->metadata.len > GROUP_METADATA_BYTES_MAX ? ERR_TOO_BIG : ERR_OK;
}

static void journal_items(struct engine *e, struct buf *head)
{
    struct rd whole = rd_of(buf_view(head));
    enum err  err;

    engine_change(e, CHANGE_OFFSETS_COMMITTED, head, (struct slice){ 0 });
    err = group_apply_committed(e, &whole, (struct bytes){ 0 }, 0);
    assert(!err);
}

/* In changes of bounded size: each item stands for itself. */
void group_commit_items(struct engine *e, struct offsets_commit_call *o)
{
    struct bytes topic = { 0 };
    struct buf   head;

    buf_init(&head);
    for (size_t i = 0; i < o->item_count; i++) {
        struct offset_item *item = &o->items[i];

        item->err = check_item(e, o, item);
        if (item->err)
            continue;
        if (head.len > CHANGE_BYTES_MAX) {
            journal_items(e, &head);
            buf_clear(&head);
        }
        if (head.len == 0) {
            write_group(&head, o->ns, o->group);
            topic = (struct bytes){ 0 };
        }
        group_offset_write(&head, &(struct group_offset){
                                      bytes_eq(topic, item->name) ? (struct bytes){ 0 } : item->name,
                                      item->partition, item->offset, item->leader_epoch,
                                      item->metadata });
        topic = item->name;
    }
    if (head.len > 0)
        journal_items(e, &head);
    buf_fini(&head);
}

/* A commit from inside must come from a member of this generation; one from outside needs a
 * group without members. */
static enum err check_committer(struct group *g, const struct offsets_commit_call *o)
{
    bool           is_outside = o->generation < 0 && o->member_id.len == 0 &&
                      bytes_is_null(o->instance_id);
    bool           is_empty = !g || group_state(g) == GROUP_EMPTY;
    struct member *m = NULL;
    enum err       err;

    if (o->generation < 0 && is_empty)
        return ERR_OK;
    if (!g)
        return ERR_NO_GROUP;
    if (is_outside)
        return ERR_UNKNOWN_MEMBER;
    if (g->consumer)
        return consumer_group_check_epoch(g->consumer, o->member_id, o->generation, o->tells_epoch);
    err = group_check_member(g, o->member_id, o->instance_id, &m);
    if (err)
        return err;
    if (o->generation != g->generation)
        return ERR_ILLEGAL_GENERATION;
    if (g->state == GROUP_COMPLETING)
        return ERR_REBALANCING; /* it has joined this generation and has no assignment in it yet */
    timer_start(&g->engine->timers, &m->session, g->engine->now_ms + m->session_ms);
    return ERR_OK;
}

static enum err check_commit(struct engine *e, const struct offsets_commit_call *o)
{
    if (o->group.len > GROUP_NAME_BYTES_MAX)
        return ERR_BAD_NAME;
    if (share_group_is_known(e, o->ns, o->group))
        return ERR_NO_GROUP; /* it keeps no such offsets */
    return check_committer(group_find(e, o->ns, o->group), o);
}

void group_on_offsets_commit(struct engine *e, struct call *c)
{
    struct offsets_commit_call *o = (struct offsets_commit_call *)c;
    enum err                    err = check_commit(e, o);

    if (!err)
        group_commit_items(e, o);
    engine_answer(e, c, err);
}

/* ---- delete ---- */

void group_forget_offset(struct group *g, struct bytes topic, uint32_t partition)
{
    const struct group_offset none = { topic, partition, OFFSET_NONE, -1, { 0 } };
    const struct group_topic *t = map_get(&g->offsets, topic);
    struct buf                head;

    if (!t || partition >= t->count || t->at[partition].offset == OFFSET_NONE)
        return;
    buf_init(&head);
    write_group(&head, g->key.ns, g->key.name);
    group_offset_write(&head, &none);
    journal_items(g->engine, &head);
    buf_fini(&head);
}

/* ---- as part of a transaction ---- */

enum err group_check_commit(struct engine *e, struct call *c)
{
    struct offsets_commit_call *o = (struct offsets_commit_call *)c;
    enum err                    err = check_commit(e, o);

    for (size_t i = 0; !err && i < o->item_count; i++)
        err = o->items[i].err = check_item(e, o, &o->items[i]);
    return err;
}

void group_perform_commit(struct engine *e, struct call *c, enum transact_phase phase)
{
    if (phase == TRANSACT_TAKE)
        group_commit_items(e, (struct offsets_commit_call *)c);
}

/* ---- as part of a Kafka transaction, of many turns ---- */

/* Clients that know of no members send none, whoever is in the group; and a group that still waits for
 * its assignments takes offsets from before. */
enum err group_check_txn_commit(struct engine *e, struct offsets_commit_call *o)
{
    struct group *g;
    enum err      err = ERR_OK;

    if (o->group.len == 0 || o->group.len > GROUP_NAME_BYTES_MAX)
        return ERR_BAD_NAME;
    g = group_find(e, o->ns, o->group);
    o->tells_epoch = true; /* whatever its version */
    if (o->generation >= 0 || o->member_id.len > 0)
        err = check_committer(g, o);
    if (err == ERR_STALE_MEMBER)
        return ERR_ILLEGAL_GENERATION; /* clients of transactions know no other word for it */
    if (err && err != ERR_REBALANCING)
        return err;
    for (size_t i = 0; i < o->item_count; i++)
        o->items[i].err = check_item(e, o, &o->items[i]);
    return ERR_OK;
}

/* ---- get ---- */

static void show_committed(struct engine *e, struct offsets_get_call *o, struct offset_item *item,
                           const struct committed *c)
{
    bool is_there = c && c->offset != OFFSET_NONE;

    if (o->stable_only && txn_offset_is_pending(e, o->ns, o->group, item->name, item->partition)) {
        item->err = ERR_UNSTABLE_OFFSET;
        is_there = false;
    }
    item->offset = is_there ? c->offset : -1;
    item->leader_epoch = is_there ? c->leader_epoch : -1;
    if (is_there)
        item->metadata = call_bytes(o, c->metadata);
}

static void get_items(struct engine *e, struct group *g, struct offsets_get_call *o)
{
    for (size_t i = 0; i < o->item_count; i++) {
        struct offset_item       *item = &o->items[i];
        bool                      is_by_uuid = bytes_is_null(item->name);
        const struct topic       *t = find_topic(e, o->ns, &o->call, item);
        const struct group_topic *offsets = NULL;

        item->err = !t && is_by_uuid ? ERR_NO_TOPIC : ERR_OK;
        if (t && g)
            offsets = map_get(&g->offsets, item->name);
        show_committed(e, o, item,
                       offsets && item->partition < offsets->count ? &offsets->at[item->partition]
                                                                   : NULL);
    }
}

static size_t count_committed(const struct group *g)
{
    const struct group_topic *t;
    size_t                    at = 0;
    size_t                    count = 0;

    while ((t = map_next(&g->offsets, &at)) != NULL) {
        for (uint32_t i = 0; i < t->count; i++)
            count += t->at[i].offset != OFFSET_NONE;
    }
    return count;
}

static void get_all(struct engine *e, struct group *g, struct offsets_get_call *o)
{
    const struct group_topic *t;
    size_t                    at = 0;

    o->item_count = 0;
    o->items = arena_array(&o->call.arena, g ? count_committed(g) : 0, sizeof *o->items);
    while (g && (t = map_next(&g->offsets, &at)) != NULL) {
        struct bytes name = call_bytes(o, t->name);

        for (uint32_t i = 0; i < t->count; i++) {
            struct offset_item *item = &o->items[o->item_count];

            if (t->at[i].offset == OFFSET_NONE)
                continue;
            *item = (struct offset_item){ .name = name, .partition = i };
            find_topic(e, o->ns, &o->call, item);
            show_committed(e, o, item, &t->at[i]);
            o->item_count++;
        }
    }
}

/* Only groups of the consumer protocol ask who it is, and only those who say so. */
static enum err check_reader(const struct group *g, const struct offsets_get_call *o)
{
    if (!g || !g->consumer || (bytes_is_null(o->member_id) && o->member_epoch < 0))
        return ERR_OK;
    return consumer_group_check_epoch(g->consumer, o->member_id, o->member_epoch, true);
}

void group_on_offsets_get(struct engine *e, struct call *c)
{
    struct offsets_get_call *o = (struct offsets_get_call *)c;
    struct group            *g = group_find(e, o->ns, o->group);
    enum err                 err = check_reader(g, o);

    if (!err && o->all)
        get_all(e, g, o);
    else if (!err)
        get_items(e, g, o);
    engine_answer(e, c, err);
}

/* ---- checkpoint ---- */

static const struct group_topic *group_topic_of(const struct row *row)
{
    return CONTAINER(row, struct group_topic, row);
}

void offsets_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    const struct group_topic *t = group_topic_of(row);

    (void)e;
    write_group(out, t->group->key.ns, t->group->key.name);
    write_name16(out, t->name);
}

void offsets_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    const struct group_topic *t = group_topic_of(row);
    struct bytes              name = t->name;

    (void)e;
    write_group(out, t->group->key.ns, t->group->key.name);
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->at[i].offset == OFFSET_NONE)
            continue;
        group_offset_write(out, &(struct group_offset){ name, i, t->at[i].offset,
                                                        t->at[i].leader_epoch, t->at[i].metadata });
        name = (struct bytes){ 0 };
    }
}
