/*
 * txn_offsets.c - offsets that a transaction will commit: kept aside until it does (txn.h T8).
 *
 *     slot (group, topic, partition) --< offset >-- transaction
 *
 *   TO1  A transaction has at most one offset in a slot, the latest; a slot has at least one.
 *   TO2  They go with their topic and their group, as committed ones do.
 *
 * TXN_OFFSETS: n number | name16 group | items as in OFFSETS_COMMITTED (group_offsets.c).
 */
#include "engine/group_int.h"
#include "engine/txn.h"

#include <assert.h>
#include <stdlib.h>

enum { CHANGE_BYTES_MAX = 32 * 1024 };

/* How much is pending for a group. */
struct txn_group {
    struct name_key key;
    size_t          count; /* of slots */
};

struct offset_slot {
    struct bytes      key; /* owned */
    struct txn_group *group;
    struct bytes      topic; /* in key */
    uint32_t          partition;
    struct list       offsets;
};

struct txn_offset {
    struct row           row;
    struct txn          *txn;
    struct offset_slot  *slot;
    struct list          in_txn;
    struct list          in_slot;
    struct group_offset  value; /* owned */
};

/* ---- slots ---- */

static struct bytes slot_key(struct buf *b, struct bytes ns, struct bytes group, struct bytes topic,
                             uint32_t partition)
{
    buf_clear(b);
    change_put_bytes(b, ns);
    change_put_bytes(b, group);
    buf_u32(b, partition);
    change_put_bytes(b, topic);
    return buf_view(b);
}

static struct txn_group *group_of(struct engine *e, struct bytes ns, struct bytes name)
{
    struct txn_group *g = map_get(&e->txns.groups, name_key_of(&e->scratch, ns, name));

    if (!g) {
        g = mem_new(sizeof *g);
        name_key_init(&g->key, ns, name);
        map_put(&e->txns.groups, g->key.whole, g);
    }
    return g;
}

static struct offset_slot *slot_of(struct engine *e, struct bytes ns, struct bytes group,
                                   struct bytes topic, uint32_t partition)
{
    struct bytes        key = slot_key(&e->scratch, ns, group, topic, partition);
    struct offset_slot *s = map_get(&e->txns.slots, key);

    if (s)
        return s;
    s = mem_new(sizeof *s);
    list_init(&s->offsets);
    s->key = bytes_of(mem_copy(key.at, key.len), key.len);
    s->topic = bytes_of(s->key.at + key.len - topic.len, topic.len);
    s->partition = partition;
    s->group = group_of(e, ns, group);
    s->group->count++;
    map_put(&e->txns.slots, s->key, s);
    return s;
}

static void slot_free(struct engine *e, struct offset_slot *s)
{
    map_remove(&e->txns.slots, s->key);
    if (--s->group->count == 0) {
        map_remove(&e->txns.groups, s->group->key.whole);
        name_key_fini(&s->group->key);
        free(s->group);
    }
    free((void *)(uintptr_t)s->key.at);
    free(s);
}

bool txn_offset_is_pending(struct engine *e, struct bytes ns, struct bytes group,
                           struct bytes topic, uint32_t partition)
{
    if (e->txns.slots.count == 0)
        return false;
    return map_get(&e->txns.slots, slot_key(&e->scratch, ns, group, topic, partition)) != NULL;
}

bool txn_group_has_pending(struct engine *e, struct bytes ns, struct bytes group)
{
    return map_get(&e->txns.groups, name_key_of(&e->scratch, ns, group)) != NULL;
}

void txn_offsets_fini(struct engine *e)
{
    assert(e->txns.slots.count == 0); /* they went with their transactions */
    map_fini(&e->txns.slots);
    map_fini(&e->txns.groups);
}

/* ---- offsets ---- */

static void offset_free(struct txn_offset *o)
{
    struct engine *e = o->txn->engine;

    row_remove(e, &o->row);
    list_remove(&o->in_txn);
    list_remove(&o->in_slot);
    if (list_empty(&o->slot->offsets))
        slot_free(e, o->slot);
    o->txn->offset_count--;
    bytes_replace(&o->value.metadata, (struct bytes){ 0 });
    free(o);
}

static struct txn_offset *of_txn(struct list *node)
{
    return CONTAINER(node, struct txn_offset, in_txn);
}

void txn_offsets_drop(struct txn *t)
{
    while (!list_empty(&t->offsets))
        offset_free(of_txn(t->offsets.next));
}

/* Those for which it is true go. */
static void drop_if(struct engine *e, bool (*is_gone)(const struct txn_offset *o, const void *ctx), const void *ctx)
{
    struct txn *txn;
    size_t      at = 0;

    while (e->txns.slots.count > 0 && (txn = idmap_next(&e->txns.numbers, &at)) != NULL) {
        struct list *n = txn->offsets.next;

        while (n != &txn->offsets) {
            struct txn_offset *o = of_txn(n);

            n = n->next;
            if (is_gone(o, ctx))
                offset_free(o);
        }
    }
}

static bool is_of_topic(const struct txn_offset *o, const void *ctx)
{
    const struct topic *t = ctx;

    return bytes_eq(o->slot->topic, t->key.name) && bytes_eq(o->slot->group->key.ns, t->key.ns);
}

void txn_offsets_on_topic_deleted(struct engine *e, struct topic *t)
{
    drop_if(e, is_of_topic, t);
}

static bool is_of_group(const struct txn_offset *o, const void *ctx)
{
    return o->slot->group == ctx;
}

void txn_offsets_on_group_deleted(struct engine *e, struct bytes ns, struct bytes group)
{
    const struct txn_group *g = map_get(&e->txns.groups, name_key_of(&e->scratch, ns, group));

    if (g) /* it goes with the last of them, and so does no other */
        drop_if(e, is_of_group, g);
}

static struct txn_offset *offset_new(struct txn *t, struct offset_slot *s)
{
    struct txn_offset *o = mem_new(sizeof *o);

    row_init(&o->row, ROW_TXN_OFFSET);
    o->txn = t;
    o->slot = s;
    list_push(&t->offsets, &o->in_txn);
    list_push(&s->offsets, &o->in_slot);
    t->offset_count++;
    return o;
}

/* TO1 */
static struct txn_offset *offset_in(struct txn *t, struct offset_slot *s)
{
    for (struct list *n = s->offsets.next; n != &s->offsets; n = n->next) {
        struct txn_offset *o = CONTAINER(n, struct txn_offset, in_slot);

        if (o->txn == t)
            return o;
    }
    return offset_new(t, s);
}

static void take_item(struct txn *t, struct bytes group, const struct group_offset *item)
{
    struct txn_offset *o = offset_in(
        t, slot_of(t->engine, t->key.ns, group, item->topic, item->partition));
    struct bytes metadata = o->value.metadata;

    row_touch(t->engine, &o->row);
    o->value = *item;
    o->value.topic = o->slot->topic;
    o->value.metadata = metadata;
    bytes_replace(&o->value.metadata, item->metadata);
}

enum err txn_offsets_apply(struct engine *e, struct rd *head, struct bytes payload,
                           uint64_t position)
{
    struct txn         *t = idmap_get(&e->txns.numbers, rd_uvarint64(head));
    uint16_t            len = rd_u16(head);
    struct bytes        group = rd_bytes(head, len);
    struct group_offset item = { 0 };

    (void)payload;
    (void)position;
    if (head->failed || !t)
        return ERR_CORRUPT;
    while (rd_left(head) > 0)
        if (group_offset_read(head, &item))
            take_item(t, group, &item);
    return head->failed ? ERR_CORRUPT : ERR_OK;
}

/* ---- commit ---- */

static struct offset_item item_of(const struct txn_offset *o)
{
    return (struct offset_item){
        .name = o->slot->topic,
        .partition = o->slot->partition,
        .offset = o->value.offset,
        .leader_epoch = o->value.leader_epoch,
        .metadata = o->value.metadata,
    };
}

/* Those of one group that follow one another, from node on; returns the node behind. */
static struct list *commit_run(struct txn *t, struct list *node)
{
    const struct txn_group    *g = of_txn(node)->slot->group;
    struct offsets_commit_call c = { .ns = g->key.ns, .group = g->key.name };

    c.items = mem_new(t->offset_count * sizeof *c.items);
    for (; node != &t->offsets && of_txn(node)->slot->group == g; node = node->next)
        c.items[c.item_count++] = item_of(of_txn(node));
    group_commit_items(t->engine, &c);
    free(c.items);
    return node;
}

void txn_offsets_commit(struct txn *t)
{
    for (struct list *n = t->offsets.next; n != &t->offsets;)
        n = commit_run(t, n);
}

/* ---- CALL_TXN_OFFSETS ---- */

static void begin_change(struct buf *head, const struct txn *t, struct bytes group)
{
    buf_uvarint(head, t->number);
    buf_u16(head, (uint16_t)group.len);
    buf_bytes(head, group);
}

static void journal_items(struct engine *e, struct buf *head)
{
    struct rd whole = rd_of(buf_view(head));
    enum err  err;

    engine_change(e, CHANGE_TXN_OFFSETS, head, (struct slice){ 0 });
    err = txn_offsets_apply(e, &whole, (struct bytes){ 0 }, 0);
    assert(!err);
    (void)err;
    buf_clear(head);
}

static void take_items(struct txn *t, struct offsets_commit_call *c)
{
    struct buf head;

    buf_init(&head);
    for (size_t i = 0; i < c->item_count; i++) {
        const struct offset_item *item = &c->items[i];

        if (item->err)
            continue;
        if (head.len == 0)
            begin_change(&head, t, c->group);
        group_offset_write(&head, &(struct group_offset){ item->name, item->partition, item->offset,
                                                          item->leader_epoch, item->metadata });
        if (head.len > CHANGE_BYTES_MAX)
            journal_items(t->engine, &head);
    }
    if (head.len > 0)
        journal_items(t->engine, &head);
    buf_fini(&head);
}

/* Whether the group is part of the transaction, from now on if the client says so. */
static enum err check_group(struct txn *t, const struct txn_offsets_call *a)
{
    const struct txn_parts parts = { .group = a->commit.group, .bumps = a->bumps };

    if (t->state == TXN_ONGOING && txn_has_group(t, a->commit.group))
        return ERR_OK;
    return a->bumps ? txn_add(t, &parts) : ERR_NOT_IN_TXN;
}

static enum err check_txn(struct txn *t, const struct txn_offsets_call *a)
{
    if (!t || t->producer != a->producer_id)
        return ERR_UNKNOWN_PRODUCER;
    if (t->epoch != a->producer_epoch)
        return ERR_FENCED_PRODUCER;
    return t->offset_count + a->commit.item_count > TXN_OFFSETS_MAX ? ERR_LIMIT : ERR_OK;
}

void txn_on_offsets(struct engine *e, struct call *c)
{
    struct txn_offsets_call *a = (struct txn_offsets_call *)c;
    struct txn              *t = txn_find(e, a->commit.ns, a->id);
    enum err                 err = check_txn(t, a);

    if (!err)
        err = group_check_txn_commit(e, &a->commit);
    if (!err)
        err = check_group(t, a);
    if (!err)
        take_items(t, &a->commit);
    engine_answer(e, c, err);
}

/* ---- rows ---- */

static const struct txn_offset *offset_of(const struct row *row)
{
    return CONTAINER(row, struct txn_offset, row);
}

void txn_offset_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    const struct txn_offset *o = offset_of(row);

    (void)e;
    buf_u64(out, o->txn->number);
    buf_bytes(out, o->slot->key);
}

void txn_offset_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    const struct txn_offset *o = offset_of(row);

    (void)e;
    begin_change(out, o->txn, o->slot->group->key.name);
    group_offset_write(out, &o->value);
}
