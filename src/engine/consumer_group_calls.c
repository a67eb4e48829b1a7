/*
 * consumer_group_calls.c - heartbeats, by which members of the consumer protocol join, stay and leave;
 * and the description of such groups. The machine is in consumer_group.c.
 *
 * Thread: the shard's.
 */
#include "engine/assign.h"
#include "engine/consumer_group.h"
#include "engine/group_policy.h"
#include "engine/pattern.h"

#include <stdio.h>

/* ---- what a heartbeat says ---- */

static enum err check_request(const struct consumer_heartbeat_call *h)
{
    size_t          total = h->pattern.len;
    struct pattern *p;
    enum err        err = ERR_OK;

    if (h->group.len == 0 || h->group.len > GROUP_NAME_BYTES_MAX)
        return ERR_BAD_NAME;
    if (!assign_find(h->assignor))
        return ERR_NO_ASSIGNOR;
    for (size_t i = 0; i < h->name_count; i++)
        total += h->names[i].len;
    if (total > GROUP_MEMBER_BYTES_MAX || h->name_count > GROUP_MEMBER_BYTES_MAX / 8)
        return ERR_TOO_BIG;
    if (h->pattern.len > 0) {
        err = pattern_new(&p, h->pattern);
        if (!err)
            pattern_free(p);
    }
    return err;
}

/* What the member says it has; partitions that are no more it does not. */
static void find_owned(struct engine *e, struct consumer_heartbeat_call *h, struct parts *out)
{
    size_t    count = 0;
    size_t    found = 0;
    uint64_t *ids;

    for (size_t i = 0; i < h->owned_count; i++)
        count += h->owned[i].count;
    ids = arena_array(&h->call.arena, count + 1, sizeof *ids);
    for (size_t i = 0; i < h->owned_count; i++) {
        const struct topic_parts *o = &h->owned[i];
        const struct topic       *t = topic_find_uuid(e, &o->uuid);

        for (size_t k = 0; t && k < o->count; k++) {
            if (o->partitions[k] >= 0 && (uint32_t)o->partitions[k] < t->log_count)
                ids[found++] = t->logs[o->partitions[k]]->id;
        }
    }
    parts_from(out, ids, found);
}

/* ---- which group, which member ---- */

static enum err find_group(struct engine *e, const struct consumer_heartbeat_call *h, struct consumer_group **out)
{
    struct group *g = group_find(e, h->ns, h->group);

    if ((!g || !g->consumer) && h->epoch != MEMBER_EPOCH_JOIN)
        return ERR_NO_GROUP;
    if (!g && share_group_is_known(e, h->ns, h->group))
        return ERR_NO_GROUP; /* as any of another protocol */
    if (!g)
        g = group_new(e, h->ns, h->group);
    if (g->consumer) {
        *out = g->consumer;
    } else if (g->member_count > 0) {
        *out = consumer_group_upgrade(g);
    } else {
        group_forget_pending(g);
        group_put_state(g, true, 0, 0, 0, bytes_str(GROUP_PROTOCOL_CONSUMER));
        *out = g->consumer;
    }
    return *out ? ERR_OK : ERR_NO_GROUP;
}

/* CG2 */
static enum err check_epoch(const struct consumer_state *s, int32_t epoch, const struct parts *owned)
{
    if (epoch == MEMBER_EPOCH_JOIN || epoch == s->epoch)
        return ERR_OK;
    if (epoch > s->epoch || epoch != s->previous_epoch || !owned || !parts_within(owned, &s->assigned))
        return ERR_FENCED_MEMBER;
    return ERR_OK;
}

static void make_id(struct engine *e, struct consumer_heartbeat_call *h)
{
    uint64_t high = engine_random(e);
    uint64_t low = engine_random(e);
    char    *text = arena_new(&h->call.arena, 40);

    snprintf(text, 40, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(high >> 32), (unsigned)(high >> 16 & 0xffff),
             (unsigned)(high & 0xffff), (unsigned)(low >> 48), (unsigned long long)(low & 0xffffffffffff));
    h->member_id = bytes_str(text);
}

static enum err begin_new(struct consumer_group *c, const struct consumer_heartbeat_call *h, struct member_draft *d)
{
    if (c->by_id.count >= GROUP_MEMBERS_MAX)
        return ERR_LIMIT;
    draft_begin(d, NULL);
    d->to.id = h->member_id;
    d->to.client_id = d->to.client_host = bytes_of("", 0);
    return ERR_OK;
}

/* CG6: only of one that is away, or speaks the classic protocol, is the place free. */
static enum err begin_instead(const struct consumer_member *m, const struct consumer_heartbeat_call *h,
                              struct member_draft *d)
{
    if (!m->is.is_classic && m->is.epoch != MEMBER_EPOCH_AWAY)
        return ERR_UNRELEASED_INSTANCE;
    draft_begin(d, m);
    draft_take_place(d, m, h->member_id);
    return ERR_OK;
}

static enum err begin_dynamic(struct consumer_group *c, const struct consumer_heartbeat_call *h,
                              const struct parts *owned, struct member_draft *d)
{
    struct consumer_member *m = consumer_member_find(c, h->member_id);

    if (!m)
        return h->epoch == MEMBER_EPOCH_JOIN ? begin_new(c, h, d) : ERR_UNKNOWN_MEMBER;
    draft_begin(d, m);
    return check_epoch(&m->is, h->epoch, owned);
}

static enum err begin_static(struct consumer_group *c, const struct consumer_heartbeat_call *h,
                             const struct parts *owned, struct member_draft *d)
{
    struct consumer_member *m = consumer_static_member(c, h->instance_id);
    enum err                err;

    if (h->epoch == MEMBER_EPOCH_JOIN && !m)
        return begin_dynamic(c, h, owned, d);
    if (h->epoch == MEMBER_EPOCH_JOIN && !bytes_eq(m->is.id, h->member_id))
        return begin_instead(m, h, d);
    if (!m)
        return ERR_UNKNOWN_MEMBER;
    if (!bytes_eq(m->is.id, h->member_id))
        return ERR_FENCED_INSTANCE;
    err = check_epoch(&m->is, h->epoch, owned);
    draft_begin(d, m);
    if (m->is.epoch == MEMBER_EPOCH_AWAY)
        d->to.epoch = d->to.previous_epoch = MEMBER_EPOCH_JOIN;
    return err;
}

/* ---- a heartbeat ---- */

static void take_text(struct bytes *to, struct bytes from)
{
    if (!bytes_is_null(from))
        *to = from.len > 0 ? from : (struct bytes){ 0 };
}

static bool has_name(const struct bytes *names, size_t count, struct bytes name)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_eq(names[i], name))
            return true;
    }
    return false;
}

/* In another order they are the same; mostly they come in the same. */
static bool same_names(const struct bytes *a, size_t a_count, const struct bytes *b, size_t b_count)
{
    bool is_same = a_count == b_count;

    for (size_t i = 0; is_same && i < a_count; i++)
        is_same = bytes_eq(a[i], b[i]) || has_name(b, b_count, a[i]);
    return is_same;
}

/* True: it subscribes to something else than before. */
static bool take_request(struct consumer_state *s, const struct consumer_heartbeat_call *h)
{
    struct bytes old_pattern = s->pattern;
    bool         is_same = true;

    take_text(&s->instance_id, h->instance_id);
    take_text(&s->rack, h->rack);
    take_text(&s->assignor, h->assignor);
    take_text(&s->pattern, h->pattern);
    s->client_id = bytes_is_null(h->client_id) ? bytes_of("", 0) : h->client_id;
    s->client_host = bytes_is_null(h->client_host) ? bytes_of("", 0) : h->client_host;
    if (h->rebalance_ms >= 0)
        s->rebalance_ms = h->rebalance_ms;
    if (h->has_names) {
        is_same = same_names(s->names, s->name_count, h->names, h->name_count);
        if (!is_same || s->name_count == 0) {
            s->names = h->names;
            s->name_count = h->name_count;
        }
    }
    s->is_classic = false;
    s->session_ms = 0;
    s->protocol_count = 0;
    return !is_same || !bytes_eq(old_pattern, s->pattern);
}

static void answer_member(struct engine *e, struct consumer_heartbeat_call *h, const struct consumer_member *m,
                          bool shows_assignment)
{
    h->member_id = call_bytes(h, m->is.id);
    h->epoch = m->is.epoch;
    h->heartbeat_ms = (int32_t)group_policy_of(e, h->ns, h->group)->consumer_heartbeat_ms;
    h->has_assignment = shows_assignment;
    if (shows_assignment)
        h->assigned = parts_by_topic(e, &h->call.arena, &m->is.assigned, &h->assigned_count);
}

static void carry_out(struct engine *e, struct consumer_heartbeat_call *h, struct consumer_group *c,
                      struct member_draft *d, const struct parts *owned)
{
    const struct consumer_member *was = consumer_member_find(c, bytes_is_null(d->replaces) ? d->to.id : d->replaces);
    bool is_full = h->epoch == MEMBER_EPOCH_JOIN || (h->rebalance_ms >= 0 && h->has_names && h->has_owned);
    bool has_changed = take_request(&d->to, h) || !was;

    consumer_group_retarget(c, d, has_changed);
    draft_reconcile(c, d, owned);
    if (!is_full && was && !parts_eq(&was->is.assigned, &d->to.assigned))
        is_full = true;
    was = draft_commit(c, d);
    consumer_member_alive((struct consumer_member *)(uintptr_t)was);
    answer_member(e, h, was, is_full);
}

static enum err beat(struct engine *e, struct consumer_heartbeat_call *h)
{
    struct consumer_group *c = NULL;
    struct member_draft    d = { 0 };
    struct parts           owned = { 0 };
    enum err               err;

    journal_begin_group(e->journal);
    err = find_group(e, h, &c);
    if (!err) {
        find_owned(e, h, &owned);
        if (h->member_id.len == 0)
            make_id(e, h);
        err = bytes_is_null(h->instance_id) ? begin_dynamic(c, h, h->has_owned ? &owned : NULL, &d)
                                            : begin_static(c, h, h->has_owned ? &owned : NULL, &d);
        if (!err)
            carry_out(e, h, c, &d, h->has_owned ? &owned : NULL);
    }
    journal_end_group(e->journal);
    draft_end(&d);
    parts_fini(&owned);
    return err;
}

/* ---- leaving ---- */

static void go_away(struct consumer_group *c, const struct consumer_member *m)
{
    struct member_draft d;

    draft_begin(&d, m);
    d.to.epoch = MEMBER_EPOCH_AWAY;
    parts_fini(&d.to.revoking);
    draft_commit(c, &d);
    draft_end(&d);
}

static enum err leave(struct engine *e, struct consumer_heartbeat_call *h)
{
    struct group           *g = group_find(e, h->ns, h->group);
    bool                    is_static = !bytes_is_null(h->instance_id);
    struct consumer_member *m;

    if (!g || !g->consumer)
        return ERR_NO_GROUP;
    m = is_static ? consumer_static_member(g->consumer, h->instance_id)
                  : consumer_member_find(g->consumer, h->member_id);
    if (!m)
        return ERR_UNKNOWN_MEMBER;
    if (!bytes_eq(m->is.id, h->member_id))
        return ERR_FENCED_INSTANCE;
    if (is_static && h->epoch == MEMBER_EPOCH_AWAY)
        go_away(g->consumer, m);
    else
        consumer_group_fence(g->consumer, m->is.id);
    return ERR_OK;
}

void consumer_group_on_heartbeat(struct engine *e, struct call *call)
{
    struct consumer_heartbeat_call *h = (struct consumer_heartbeat_call *)call;
    enum err                        err = check_request(h);

    if (!err)
        err = h->epoch < 0 ? leave(e, h) : beat(e, h);
    engine_answer(e, call, err);
}

/* ---- offsets ---- */

enum err consumer_group_check_epoch(const struct consumer_group *c, struct bytes member_id, int32_t epoch,
                                    bool tells_epoch)
{
    struct consumer_member *m = consumer_member_find(c, member_id);

    if (!m)
        return ERR_UNKNOWN_MEMBER;
    if (m->is.is_classic)
        return epoch == m->is.epoch ? ERR_OK : ERR_ILLEGAL_GENERATION;
    return tells_epoch && epoch == m->is.epoch ? ERR_OK : ERR_STALE_MEMBER;
}

/* ---- description ---- */

static struct bytes shown(void *call, struct bytes b)
{
    return bytes_is_null(b) ? b : call_bytes(call, b);
}

static void describe_member(struct engine *e, struct consumer_describe_call *d, const struct consumer_state *s,
                            struct consumer_description *out)
{
    out->member_id = shown(d, s->id);
    out->instance_id = shown(d, s->instance_id);
    out->rack = shown(d, s->rack);
    out->client_id = shown(d, s->client_id);
    out->client_host = shown(d, s->client_host);
    out->pattern = shown(d, s->pattern);
    out->epoch = s->epoch;
    out->is_classic = s->is_classic;
    out->name_count = s->name_count;
    out->names = arena_array(&d->call.arena, s->name_count + 1, sizeof *out->names);
    for (size_t i = 0; i < s->name_count; i++)
        out->names[i] = shown(d, s->names[i]);
    out->assigned = parts_by_topic(e, &d->call.arena, &s->assigned, &out->assigned_count);
    out->target = parts_by_topic(e, &d->call.arena, &s->target, &out->target_count);
}

static void describe_group(struct engine *e, struct consumer_describe_call *d, const struct consumer_group *c,
                           struct consumer_group_description *out)
{
    out->state = consumer_group_state(c);
    out->epoch = c->epoch;
    out->target_epoch = c->target_epoch;
    out->assignor = consumer_group_assignor(c);
    out->members = arena_array(&d->call.arena, c->by_id.count + 1, sizeof *out->members);
    for (const struct list *n = c->members.next; n != &c->members; n = n->next)
        describe_member(e, d, &CONTAINER(n, struct consumer_member, in_group)->is,
                        &out->members[out->member_count++]);
}

void consumer_group_on_describe(struct engine *e, struct call *call)
{
    struct consumer_describe_call *d = (struct consumer_describe_call *)call;

    for (size_t i = 0; i < d->item_count; i++) {
        const struct group *g = group_find(e, d->ns, d->items[i].group);

        if (!g || !g->consumer)
            d->items[i].err = g ? ERR_UNKNOWN_TYPE : ERR_NO_GROUP;
        else
            describe_group(e, d, g->consumer, &d->items[i]);
    }
    engine_answer(e, call, ERR_OK);
}
