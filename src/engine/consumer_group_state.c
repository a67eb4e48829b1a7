/*
 * consumer_group_state.c - what survives of groups and of members of the consumer protocol.
 *
 * GROUP_STATE: b ns | b group | n 1: consumer protocol | n epoch, of the classic protocol the generation | n target
 * epoch | n hash of the topics | b protocol type. GROUP_MEMBER: b ns | b group | the whole member, as written below.
 * GROUP_MEMBER_GONE: b ns | b group | b member id. To change one, follow docs/journal.md.
 *
 * Thread: the shard's.
 */
#include "engine/consumer_group.h"

#include <assert.h>
#include <stdlib.h>

enum { MEMBER_IS_CLASSIC = 1 };

/* ---- groups ---- */

static void write_group_name(struct buf *head, const struct group *g)
{
    change_put_bytes(head, g->key.ns);
    change_put_bytes(head, g->key.name);
}

static struct group *read_group(struct engine *e, struct rd *head, bool is_made)
{
    struct bytes  ns = change_get_bytes(head);
    struct bytes  name = change_get_bytes(head);
    struct group *g = head->failed ? NULL : group_find(e, ns, name);

    return g || head->failed || !is_made ? g : group_new(e, ns, name);
}

void group_put_state(struct group *g, bool is_consumer, int32_t epoch, int32_t target_epoch, uint64_t hash,
                     struct bytes protocol_type)
{
    struct buf head;
    struct rd  whole;
    enum err   err;

    buf_init(&head);
    write_group_name(&head, g);
    buf_uvarint(&head, is_consumer);
    buf_uvarint(&head, (uint32_t)epoch);
    buf_uvarint(&head, (uint32_t)target_epoch);
    buf_uvarint(&head, hash);
    change_put_bytes(&head, protocol_type);
    engine_change(g->engine, CHANGE_GROUP_STATE, &head, (struct slice){ 0 });
    whole = rd_of(buf_view(&head));
    err = group_apply_state(g->engine, &whole, (struct bytes){ 0 }, 0);
    assert(!err);
    buf_fini(&head);
}

enum err group_apply_state(struct engine *e, struct rd *head, struct bytes payload, uint64_t position)
{
    struct group *g = read_group(e, head, true);
    bool          is_consumer = rd_uvarint64(head) != 0;
    int32_t       epoch = (int32_t)rd_uvarint64(head);
    int32_t       target_epoch = (int32_t)rd_uvarint64(head);
    uint64_t      hash = rd_uvarint64(head);
    struct bytes  protocol_type = change_get_bytes(head);

    (void)payload;
    (void)position;
    if (head->failed || epoch < 0 || target_epoch < 0)
        return ERR_CORRUPT;
    row_touch(e, &g->row);
    bytes_replace(&g->protocol_type, protocol_type);
    if (!is_consumer) {
        if (g->consumer)
            consumer_group_free(g->consumer);
        g->generation = epoch;
    } else {
        struct consumer_group *c = g->consumer ? g->consumer : consumer_group_new(g);

        c->epoch = epoch;
        c->target_epoch = target_epoch;
        c->topics_hash = hash;
    }
    group_touch(g);
    return ERR_OK;
}

void group_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    write_group_name(out, CONTAINER(row, struct group, row));
}

void group_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    const struct group          *g = CONTAINER(row, struct group, row);
    const struct consumer_group *c = g->consumer;

    (void)e;
    write_group_name(out, g);
    buf_uvarint(out, c != NULL);
    buf_uvarint(out, (uint32_t)(c ? c->epoch : g->generation));
    buf_uvarint(out, c ? (uint32_t)c->target_epoch : 0);
    buf_uvarint(out, c ? c->topics_hash : 0);
    change_put_bytes(out, g->protocol_type);
}

/* ---- members ---- */

static void write_state(struct buf *head, const struct consumer_state *s)
{
    const struct bytes texts[] = { s->id, s->instance_id, s->rack, s->assignor, s->pattern, s->client_id,
                                   s->client_host };

    for (size_t i = 0; i < COUNT(texts); i++)
        change_put_bytes(head, texts[i]);
    buf_uvarint(head, s->name_count);
    for (size_t i = 0; i < s->name_count; i++)
        change_put_bytes(head, s->names[i]);
    buf_varint(head, s->rebalance_ms);
    buf_varint(head, s->epoch);
    buf_varint(head, s->previous_epoch);
    buf_uvarint(head, s->phase);
    buf_uvarint(head, s->is_classic ? MEMBER_IS_CLASSIC : 0);
    buf_varint(head, s->session_ms);
    buf_uvarint(head, s->protocol_count);
    for (size_t i = 0; i < s->protocol_count; i++) {
        change_put_bytes(head, s->protocols[i].name);
        change_put_bytes(head, s->protocols[i].metadata);
    }
    parts_write(head, &s->target);
    parts_write(head, &s->assigned);
    parts_write(head, &s->revoking);
}

bool consumer_state_eq(const struct consumer_state *a, const struct consumer_state *b)
{
    struct buf x;
    struct buf y;
    bool       is_same;

    buf_init(&x);
    buf_init(&y);
    write_state(&x, a);
    write_state(&y, b);
    is_same = bytes_eq(buf_view(&x), buf_view(&y));
    buf_fini(&x);
    buf_fini(&y);
    return is_same;
}

/* A count of things that take an octet each at least. */
static size_t read_count(struct rd *head)
{
    uint64_t count = rd_uvarint64(head);

    if (count > rd_left(head)) {
        rd_fail(head);
        return 0;
    }
    return (size_t)count;
}

static void read_state(struct rd *head, struct arena *a, struct consumer_state *s)
{
    struct bytes *texts[] = { &s->id, &s->instance_id, &s->rack, &s->assignor, &s->pattern, &s->client_id,
                              &s->client_host };

    for (size_t i = 0; i < COUNT(texts); i++)
        *texts[i] = arena_bytes(a, change_get_bytes(head));
    s->name_count = read_count(head);
    s->names = arena_array(a, s->name_count, sizeof *s->names);
    for (size_t i = 0; i < s->name_count; i++)
        s->names[i] = arena_bytes(a, change_get_bytes(head));
    s->rebalance_ms = (int32_t)rd_varint64(head);
    s->epoch = (int32_t)rd_varint64(head);
    s->previous_epoch = (int32_t)rd_varint64(head);
    s->phase = (enum member_phase)rd_uvarint64(head);
    s->is_classic = (rd_uvarint64(head) & MEMBER_IS_CLASSIC) != 0;
    s->session_ms = (int32_t)rd_varint64(head);
    s->protocol_count = read_count(head);
    s->protocols = arena_array(a, s->protocol_count, sizeof *s->protocols);
    for (size_t i = 0; i < s->protocol_count; i++) {
        s->protocols[i].name = arena_bytes(a, change_get_bytes(head));
        s->protocols[i].metadata = arena_bytes(a, change_get_bytes(head));
    }
    parts_read(head, &s->target);
    parts_read(head, &s->assigned);
    parts_read(head, &s->revoking);
    if (s->id.len == 0 || s->phase >= MEMBER_PHASE_COUNT)
        rd_fail(head);
}

static void free_parts(struct consumer_state *s)
{
    parts_fini(&s->target);
    parts_fini(&s->assigned);
    parts_fini(&s->revoking);
}

static void set_owner(struct consumer_member *m, const struct parts *p, bool is_owner)
{
    struct consumer_group *c = m->group;

    for (size_t i = 0; i < p->count; i++) {
        if (is_owner)
            idmap_put(&c->owners, p->at[i], m);
        else if (idmap_get(&c->owners, p->at[i]) == m)
            idmap_remove(&c->owners, p->at[i]);
    }
}

/* Takes over what `to` has; memory holds its bytes. */
static void become(struct consumer_member *m, const struct consumer_state *to, struct arena memory)
{
    struct consumer_group *c = m->group;

    set_owner(m, &m->is.assigned, false);
    set_owner(m, &m->is.revoking, false);
    if (m->is.id.at)
        map_remove(&c->by_id, m->is.id);
    free_parts(&m->is);
    arena_fini(&m->memory);
    m->is = *to;
    m->memory = memory;
    map_put(&c->by_id, m->is.id, m);
    set_owner(m, &m->is.assigned, true);
    set_owner(m, &m->is.revoking, true);
}

static struct consumer_member *member_made(struct consumer_group *c)
{
    struct consumer_member *m = mem_new(sizeof *m);

    row_init(&m->row, ROW_GROUP_MEMBER);
    m->group = c;
    arena_init(&m->memory);
    consumer_member_init_timers(m);
    list_push(&c->members, &m->in_group);
    return m;
}

void consumer_member_free(struct consumer_member *m)
{
    struct consumer_group *c = m->group;
    struct engine         *e = c->group->engine;

    row_remove(e, &m->row);
    timer_stop(&e->timers, &m->session);
    timer_stop(&e->timers, &m->rebalance);
    timer_stop(&e->timers, &m->rejoin);
    timer_stop(&e->timers, &m->sync);
    set_owner(m, &m->is.assigned, false);
    set_owner(m, &m->is.revoking, false);
    map_remove(&c->by_id, m->is.id);
    list_remove(&m->in_group);
    free_parts(&m->is);
    arena_fini(&m->memory);
    free(m);
}

void consumer_member_put(struct consumer_group *c, const struct consumer_state *s)
{
    struct engine *e = c->group->engine;
    struct buf     head;
    struct rd      whole;
    enum err       err;

    buf_init(&head);
    write_group_name(&head, c->group);
    write_state(&head, s);
    engine_change(e, CHANGE_GROUP_MEMBER, &head, (struct slice){ 0 });
    whole = rd_of(buf_view(&head));
    err = group_apply_member(e, &whole, (struct bytes){ 0 }, 0);
    assert(!err);
    buf_fini(&head);
}

enum err group_apply_member(struct engine *e, struct rd *head, struct bytes payload, uint64_t position)
{
    struct group          *g = read_group(e, head, false);
    struct consumer_state  to = { 0 };
    struct consumer_member *m;
    struct arena           memory;

    (void)payload;
    (void)position;
    arena_init(&memory);
    read_state(head, &memory, &to);
    if (head->failed || !g || !g->consumer) {
        free_parts(&to);
        arena_fini(&memory);
        return ERR_CORRUPT;
    }
    m = map_get(&g->consumer->by_id, to.id);
    if (m)
        row_touch(e, &m->row);
    else
        m = member_made(g->consumer);
    become(m, &to, memory);
    row_touch(e, &m->row); /* one that was just made is touched when it is whole */
    return ERR_OK;
}

void consumer_member_drop(struct consumer_group *c, struct bytes id)
{
    struct engine *e = c->group->engine;
    struct buf     head;
    struct rd      whole;
    enum err       err;

    buf_init(&head);
    write_group_name(&head, c->group);
    change_put_bytes(&head, id);
    engine_change(e, CHANGE_GROUP_MEMBER_GONE, &head, (struct slice){ 0 });
    whole = rd_of(buf_view(&head));
    err = group_apply_member_gone(e, &whole, (struct bytes){ 0 }, 0);
    assert(!err);
    buf_fini(&head);
}

enum err group_apply_member_gone(struct engine *e, struct rd *head, struct bytes payload, uint64_t position)
{
    struct group           *g = read_group(e, head, false);
    struct bytes            id = change_get_bytes(head);
    struct consumer_member *m = head->failed || !g || !g->consumer ? NULL : map_get(&g->consumer->by_id, id);

    (void)payload;
    (void)position;
    if (!m)
        return ERR_CORRUPT;
    consumer_member_free(m);
    return ERR_OK;
}

void group_member_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    const struct consumer_member *m = CONTAINER(row, struct consumer_member, row);

    (void)e;
    write_group_name(out, m->group->group);
    change_put_bytes(out, m->is.id);
}

void group_member_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    const struct consumer_member *m = CONTAINER(row, struct consumer_member, row);

    (void)e;
    write_group_name(out, m->group->group);
    write_state(out, &m->is);
}
