/*
 * group_policy.c - see group_policy_calls.h.
 *
 * Changes (docs/journal.md):
 *   GROUP_POLICY   ns, group, native (null: the policy is the default again, and nothing follows),
 *                  number count, numbers in the order of `numbers`, dead letter topic
 *
 *   GP1  A group has an object only while its policy is not the default one.
 *   GP2  The order of the numbers never changes; a new one is put at the end. Missing ones are at their defaults.
 *
 * Thread: the shard's.
 */
#include "engine/group_policy.h"
#include "engine/engine_int.h"
#include "engine/group_int.h"
#include "engine/queue_int.h"

#include <stdlib.h>

const struct group_policy group_policy_default = {
    .consumer_session_ms = 45000,
    .consumer_heartbeat_ms = 5000,
    .share_session_ms = 45000,
    .share_heartbeat_ms = 5000,
    .lock_ms = 30000,
    .locks_max = 2000,
    .delivery_limit = 5,
    .start = OFFSET_LATEST,
    .takes_renewals = 1,
    .copies_record = 1,
};

/* GP2 */
static const size_t numbers[] = {
    offsetof(struct group_policy, consumer_session_ms),
    offsetof(struct group_policy, consumer_heartbeat_ms),
    offsetof(struct group_policy, share_session_ms),
    offsetof(struct group_policy, share_heartbeat_ms),
    offsetof(struct group_policy, lock_ms),
    offsetof(struct group_policy, locks_max),
    offsetof(struct group_policy, delivery_limit),
    offsetof(struct group_policy, start),
    offsetof(struct group_policy, committed_only),
    offsetof(struct group_policy, takes_renewals),
    offsetof(struct group_policy, release_delay_ms),
    offsetof(struct group_policy, release_delay_max_ms),
    offsetof(struct group_policy, copies_record),
};

struct told {
    struct row          row;
    struct name_key     key;
    struct group_policy policy; /* its bytes are owned */
    struct bytes        native; /* owned */
};

static struct told *find(struct engine *e, struct bytes ns, struct bytes group)
{
    return map_get(&e->group_policies, name_key_of(&e->scratch, ns, group));
}

const struct group_policy *group_policy_of(struct engine *e, struct bytes ns, struct bytes group)
{
    const struct told *t = find(e, ns, group);

    return t ? &t->policy : &group_policy_default;
}

static void told_free(struct engine *e, struct told *t)
{
    row_remove(e, &t->row);
    bytes_replace(&t->policy.dead_letter_topic, (struct bytes){ 0 });
    bytes_replace(&t->native, (struct bytes){ 0 });
    name_key_fini(&t->key);
    free(t);
}

void group_policy_fini(struct engine *e)
{
    struct told *t;
    size_t       at = 0;

    while ((t = map_next(&e->group_policies, &at)) != NULL)
        told_free(e, t);
    map_fini(&e->group_policies);
}

/* ---- the change ---- */

static void encode(struct buf *head, struct bytes ns, struct bytes group, const struct group_policy *p,
                   struct bytes native)
{
    change_put_bytes(head, ns);
    change_put_bytes(head, group);
    change_put_bytes(head, native);
    if (bytes_is_null(native))
        return;
    buf_uvarint(head, COUNT(numbers));
    for (size_t i = 0; i < COUNT(numbers); i++) {
        int64_t n;

        memcpy(&n, (const char *)p + numbers[i], sizeof n);
        buf_varint(head, n);
    }
    change_put_bytes(head, p->dead_letter_topic);
}

/* Its bytes borrow from the head. */
static struct group_policy decode(struct rd *head)
{
    struct group_policy p = group_policy_default;
    uint64_t            count = rd_uvarint64(head);

    if (count > COUNT(numbers))
        rd_fail(head);
    for (uint64_t i = 0; i < count && !head->failed; i++) {
        int64_t n = rd_varint64(head);

        memcpy((char *)&p + numbers[i], &n, sizeof n);
    }
    p.dead_letter_topic = change_get_bytes(head);
    return p;
}

static void forget(struct engine *e, struct bytes ns, struct bytes group)
{
    struct told *t = map_remove(&e->group_policies, name_key_of(&e->scratch, ns, group));

    if (t)
        told_free(e, t);
}

static struct told *get(struct engine *e, struct bytes ns, struct bytes group)
{
    struct told *t = find(e, ns, group);

    if (t)
        return t;
    t = mem_new(sizeof *t);
    row_init(&t->row, ROW_GROUP_POLICY);
    name_key_init(&t->key, ns, group);
    map_put(&e->group_policies, t->key.whole, t);
    return t;
}

enum err group_policy_apply(struct engine *e, struct rd *head, struct bytes payload, uint64_t position)
{
    struct bytes        ns = change_get_bytes(head);
    struct bytes        group = change_get_bytes(head);
    struct bytes        native = change_get_bytes(head);
    struct group_policy policy;
    struct told        *t;
    struct bytes        topic;

    (void)payload;
    (void)position;
    if (!head->failed && bytes_is_null(native)) {
        forget(e, ns, group);
        return ERR_OK;
    }
    policy = decode(head);
    if (head->failed)
        return ERR_CORRUPT;
    t = get(e, ns, group);
    row_touch(e, &t->row);
    topic = t->policy.dead_letter_topic;
    bytes_replace(&topic, policy.dead_letter_topic);
    t->policy = policy;
    t->policy.dead_letter_topic = topic;
    bytes_replace(&t->native, native);
    return ERR_OK;
}

static const struct told *told_of(const struct row *row)
{
    return CONTAINER(row, struct told, row);
}

void group_policy_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    change_put_bytes(out, told_of(row)->key.ns);
    change_put_bytes(out, told_of(row)->key.name);
}

void group_policy_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    const struct told *t = told_of(row);

    (void)e;
    encode(out, t->key.ns, t->key.name, &t->policy, t->native);
}

/* ---- calls ---- */

static void show(struct group_policy_get_call *c, const struct told *t, struct group_policy_view *out)
{
    out->policy = t ? t->policy : group_policy_default;
    out->policy.dead_letter_topic = call_bytes(c, out->policy.dead_letter_topic);
    out->native = t ? call_bytes(c, t->native) : (struct bytes){ 0 };
}

static int by_name(const void *a, const void *b)
{
    return bytes_cmp(((const struct group_policy_view *)a)->group, ((const struct group_policy_view *)b)->group);
}

static void show_all(struct engine *e, struct group_policy_get_call *c)
{
    const struct told *t;
    size_t             at = 0;

    c->item_count = 0;
    c->items = arena_array(&c->call.arena, e->group_policies.count, sizeof *c->items);
    while ((t = map_next(&e->group_policies, &at)) != NULL) {
        if (!bytes_eq(t->key.ns, c->ns))
            continue;
        c->items[c->item_count].group = call_bytes(c, t->key.name);
        show(c, t, &c->items[c->item_count++]);
    }
    if (c->item_count > 1)
        qsort(c->items, c->item_count, sizeof *c->items, by_name);
}

void group_policy_on_get(struct engine *e, struct call *call)
{
    struct group_policy_get_call *c = (struct group_policy_get_call *)call;

    if (c->all)
        show_all(e, c);
    for (size_t i = 0; !c->all && i < c->item_count; i++)
        show(c, find(e, c->ns, c->items[i].group), &c->items[i]);
    engine_answer(e, call, ERR_OK);
}

static bool is_as_before(const struct told *t, struct bytes before)
{
    if (!t || bytes_is_null(before))
        return !t && bytes_is_null(before);
    return bytes_eq(t->native, before);
}

static enum err check(struct engine *e, const struct group_policy_set_call *c)
{
    const struct told *t = find(e, c->ns, c->group);

    if (c->group.len == 0 || c->group.len > GROUP_NAME_BYTES_MAX)
        return ERR_BAD_NAME;
    if (!is_as_before(t, c->native_before))
        return ERR_IN_USE;
    return !t && !bytes_is_null(c->native) && e->group_policies.count >= GROUP_POLICIES_MAX ? ERR_LIMIT : ERR_OK;
}

void group_policy_on_set(struct engine *e, struct call *call)
{
    struct group_policy_set_call *c = (struct group_policy_set_call *)call;
    enum err                      err = check(e, c);
    struct buf                    head;

    if (!err) {
        buf_init(&head);
        encode(&head, c->ns, c->group, &c->policy, c->native);
        queue_commit(e, CHANGE_GROUP_POLICY, &head, group_policy_apply);
    }
    engine_answer(e, call, err);
}
