/*
 * audit_keep.c - see audit.h: what must go in the end. When time goes on and nothing else does, what is
 * older than its topic keeps is deleted, of each key in a compacted topic one value stays and no
 * tombstone, and the segments that held the rest are given back.
 *
 * Compacted topics get a policy first with which a pass is always worth it, and records at the end of
 * each log: the newest part of a log is never compacted.
 */
#include "audit.h"
#include "clients.h"
#include "model_keep.h"

#include <stdlib.h>

enum {
    KEEP_MS = 62000, /* longer than the longest retention (curator.c) */
    PASS_MS = 5000,  /* for some passes over all logs */
    TRIES_MAX = 12,
    STEP_MS_MAX = 4000,
    READ_BYTES = 1 << 20,
    KEYS_MAX = 16,
    HEADER_BYTES = 4096,   /* of a segment */
    SPACE_SLACK = 8 << 10, /* headers of extents, and what is just being rewritten */
};

static const struct request_kind plain = { 0 };

static void must(struct client *c, bool is_done)
{
    if (!is_done)
        violation(c->world, "without faults nothing fails", "the process died");
}

static bool is_looked_at(const struct m_topic *t)
{
    return m_topic_is(t) && !t->is_private;
}

/* ---- making compaction worth it ---- */

static void compact_eagerly(struct client *c, struct m_topic *t)
{
    struct request          *r = request_new(c, &plain, sizeof *r, CALL_TOPIC_ALTER,
                                             sizeof(struct topic_alter_call));
    struct topic_alter_call *a = (struct topic_alter_call *)r->call;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->name = bytes_str(t->name);
    a->set_policy = true;
    a->policy = t->policy;
    a->policy.delete_retention_ms = 0;
    a->policy.min_compaction_lag_ms = 0;
    a->policy.max_compaction_lag_ms = 1;
    a->policy.segment_ms = 1;
    a->policy.dirty_ratio = 0;
    t->before = t->policy;
    m_topic_set_policy(t, &a->policy);
    must(c, request_ask(r));
    if (r->call->err)
        violation(c->world, "definitions are as they were made", "alter topic %s: %s", t->name,
                  err_text(r->call->err));
    t->altered = r->number;
    request_free(r);
}

struct closing {
    struct request  request;
    struct m_batch *batch;
};

static void on_close(struct request *r)
{
    model_sent(r->client->world->model, ((struct closing *)r)->batch, r->number);
}

/* Returns the offset of the record. */
static uint64_t close_part(struct client *c, struct m_log *l)
{
    static const struct request_kind kind = { .on_submit = on_close };
    struct model       *m = c->world->model;
    struct closing     *x = request_new(c, &kind, sizeof *x, CALL_APPEND, sizeof(struct append_call));
    struct append_call *a = (struct append_call *)x->request.call;
    uint64_t            base;

    x->batch = model_new_batch(m, 1);
    m_batch_add_target(x->batch, l->topic, (int32_t)l->partition);
    model_give_keys(m, x->batch);
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->item_count = 1;
    a->items = arena_struct(&a->call.arena, struct append_item);
    *a->items = (struct append_item){ .name = bytes_str(l->topic->name),
                                      .partition = (int32_t)l->partition,
                                      .delay_ms = -1 };
    a->items->batch = model_encode(m, x->batch, c->world->now_ms, -1, 0, 0);
    must(c, request_ask(x));
    if (a->items->err)
        violation(c->world, "an append is answered as it should be", "to %s: %s", l->topic->name,
                  err_text(a->items->err));
    base = a->items->base_offset;
    x->batch->outcome = DONE;
    model_bind(m, x->batch, l, base);
    request_free(x);
    return base;
}

/* ---- what is left ---- */

struct keys {
    unsigned count[KEYS_MAX];
    uint64_t tombstone; /* offset + 1; 0: none */
};

static void count_batch(const struct model *m, const struct m_log *l, const struct batch_ref *ref,
                        uint64_t below, struct keys *k)
{
    struct batch_reader reader;
    struct record       record;

    if (batch_open(&reader, ref->bytes.bytes) != ERR_OK)
        return; /* the audit says so */
    while (!(reader.head.attributes & BATCH_CONTROL) && batch_next(&reader, &record, NULL)) {
        uint64_t offset = ref->base_offset + (uint64_t)record.offset_delta;
        uint64_t id = m_log_id(l, offset);

        if (offset < l->start || offset >= below || id == 0 || id > m->last_id)
            continue; /* a trim may have cut through a batch */
        TRACE(m->world, "%s/%u offset %llu of %llu: key %u is left", l->topic->name, l->partition,
              (unsigned long long)offset, (unsigned long long)below, m->keys[id]);
        k->count[m->keys[id]]++;
        if (bytes_is_null(record.value))
            k->tombstone = offset + 1;
    }
    batch_close(&reader);
}

static struct read_call *read_from(struct client *c, const struct m_log *l, uint64_t from)
{
    struct request   *r = request_new(c, &plain, sizeof *r, CALL_READ, sizeof(struct read_call));
    struct read_call *a = (struct read_call *)r->call;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->bytes_max = READ_BYTES;
    a->item_count = 1;
    a->items = arena_struct(&a->call.arena, struct read_item);
    a->items->name = bytes_str(l->topic->name);
    a->items->partition = l->partition;
    a->items->offset = from;
    a->items->bytes_max = READ_BYTES;
    must(c, request_ask(r));
    return a;
}

static uint64_t count_some(struct client *c, const struct m_log *l, uint64_t from, struct keys *k)
{
    struct read_call *a = read_from(c, l, from);
    uint64_t          next = from;

    for (size_t i = 0; i < a->items->batch_count; i++) {
        struct batch_head head;

        count_batch(c->world->model, l, &a->items->batches[i], l->closed, k);
        if (batch_head(a->items->batches[i].bytes.bytes, &head) == ERR_OK)
            next = a->items->batches[i].base_offset + (uint64_t)head.last_offset_delta + 1;
    }
    if (a->items->err == ERR_OUT_OF_RANGE)
        next = a->items->log_start;
    request_free(a->call.ctx);
    return next > from ? next : l->closed;
}

static bool is_compacted(struct client *c, const struct m_log *l)
{
    struct keys k = { 0 };
    unsigned    most = 0;

    for (uint64_t next = l->start; next < l->closed;)
        next = count_some(c, l, next, &k);
    for (unsigned key = 1; key < KEYS_MAX; key++)
        most = k.count[key] > most ? k.count[key] : most;
    return most <= 1 && k.tombstone == 0;
}

static bool all_compacted(struct client *c, const struct m_log **bad)
{
    struct m_topic *t;

    for (size_t i = 0; (t = model_topic_at(c->world->model, i)) != NULL; i++)
        for (uint32_t p = 0; is_looked_at(t) && t->policy.is_compacted && p < t->partition_count; p++) {
            *bad = &t->logs[p];
            if (!is_compacted(c, *bad))
                return false;
        }
    return true;
}

/* All of it is too old by now, and no queue has anything left. */
static void check_aged(struct client *c, const struct m_log *l)
{
    struct read_call *a = read_from(c, l, l->start);
    uint64_t          start = a->items->log_start;
    size_t            count;

    request_free(a->call.ctx);
    a = read_from(c, l, start);
    count = a->items->batch_count;
    request_free(a->call.ctx);
    if (count > 0)
        violation(c->world, "what is past its time goes in the end", "%s/%u has %zu batches from %llu on",
                  l->topic->name, l->partition, count, (unsigned long long)start);
}

/* ---- space ---- */

static uint64_t live_bytes(struct client *c)
{
    struct request          *r = request_new(c, &plain, sizeof *r, CALL_TOPIC_SIZES,
                                             sizeof(struct topic_sizes_call));
    struct topic_sizes_call *a = (struct topic_sizes_call *)r->call;
    uint64_t                 bytes = 0;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    must(c, request_ask(r));
    for (size_t i = 0; i < a->item_count; i++)
        for (uint32_t p = 0; p < a->items[i].view.partition_count; p++)
            bytes += a->items[i].bytes[p];
    request_free(r);
    return bytes;
}

/* But for their headers. */
static uint64_t segment_bytes(const struct world *w)
{
    char     path[DISK_PATH_MAX];
    uint64_t bytes;
    uint64_t sum = 0;

    for (size_t i = 0; disk_sim_file(w->disk, i, path, &bytes); i++)
        if (strstr(path, "segment/")) {
            TRACE(w, "%s has %llu bytes", path, (unsigned long long)bytes);
            sum += bytes > HEADER_BYTES ? bytes - HEADER_BYTES : 0;
        }
    return sum;
}

/* A segment with less than half of its bytes live is rewritten; those of an older life are filled no
 * more. */
static void check_space(struct client *c)
{
    uint64_t live = live_bytes(c);
    uint64_t used = segment_bytes(c->world);

    if (used > 4 * live + SPACE_SLACK)
        violation(c->world, "space is given back in the end", "segments have %llu bytes, %llu of them live",
                  (unsigned long long)used, (unsigned long long)live);
}

/* ---- all of it ---- */

typedef void each_fn(struct client *c, struct m_log *l);

/* From one timer to the next: a pass of the compactor is many steps, one millisecond apart. */
static void let_time_pass(struct client *c, int64_t ms)
{
    struct world *w = c->world;
    int64_t       end_ms = w->now_ms + ms;

    while (w->now_ms < end_ms) {
        int64_t due_ms = engine_next_ms(w->engine);

        if (due_ms <= w->now_ms)
            due_ms = w->now_ms + 1;
        world_advance(w, due_ms < w->now_ms + STEP_MS_MAX ? due_ms - w->now_ms : STEP_MS_MAX);
        must(c, world_settle(w));
    }
}

static void each_log(struct client *c, each_fn *visit)
{
    struct m_topic *t;

    for (size_t i = 0; (t = model_topic_at(c->world->model, i)) != NULL; i++)
        for (uint32_t p = 0; is_looked_at(t) && p < t->partition_count; p++)
            visit(c, &t->logs[p]);
}

static void prepare(struct client *c, struct m_log *l)
{
    if (!l->topic->policy.is_compacted)
        return;
    if (l->partition == 0)
        compact_eagerly(c, l->topic);
    l->closed = close_part(c, l);
}

/* What is moved out of the journal together is one part from then on, also with a record that was to
 * close it: then the next one does. */
static void close_again(struct client *c, struct m_log *l)
{
    if (l->topic->policy.is_compacted)
        close_part(c, l);
}

static void check_compaction(struct client *c)
{
    const struct m_log *bad = NULL;

    each_log(c, prepare);
    let_time_pass(c, PASS_MS);
    for (int i = 0; !all_compacted(c, &bad); i++) {
        if (i == TRIES_MAX)
            violation(c->world, "of each key one value stays in the end, and no tombstone", "%s/%u",
                      bad->topic->name, bad->partition);
        each_log(c, close_again);
        let_time_pass(c, PASS_MS);
    }
}

static void check(struct client *c, struct m_log *l)
{
    if (l->topic->policy.retention_ms > 0 && !l->topic->policy.is_compacted)
        check_aged(c, l);
}

void audit_keep(struct client *c)
{
    check_compaction(c);
    let_time_pass(c, KEEP_MS);
    each_log(c, check);
}

void audit_space(struct client *c)
{
    let_time_pass(c, PASS_MS);
    check_space(c);
}
