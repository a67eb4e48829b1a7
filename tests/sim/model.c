/* model.c - see model.h: topics, their logs, and every record that was ever sent. */
#include "model.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "model_exchange.h"
#include "model_group.h"
#include "model_keep.h"
#include "model_transact.h"
#include "model_txn.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

enum { ID_BYTES = 8, KEYS = 6, SMALL_BYTES_MAX = 200, LARGE_BYTES_MAX = 9000, HUGE_BYTES = 70000 };

struct model *model_new(struct world *w)
{
    struct model *m = mem_new(sizeof *m);

    m->world = w;
    model_begin_groups(m);
    model_begin_exchanges(m);
    model_begin_txns(m);
    return m;
}

static void free_batches(struct model *m)
{
    for (uint64_t id = 1; id <= m->last_id; id++)
        if (m->batches[id]->first_id + m->batches[id]->count - 1 == id) {
            free(m->batches[id]->sources);
            free(m->batches[id]);
        }
    free(m->batches);
    free(m->keys);
}

void model_free(struct model *m)
{
    model_free_transactions(m);
    free_batches(m);
    model_free_exchanges(m);
    model_free_groups(m);
    model_free_txns(m);
    for (size_t i = 0; i < m->topic_count; i++) {
        for (int p = 0; p < PARTITIONS_MAX; p++)
            free(m->topics[i]->logs[p].ids);
        free(m->topics[i]);
    }
    for (size_t i = 0; i < m->queue_count; i++) {
        for (int p = 0; p < PARTITIONS_MAX; p++)
            free(m->queues[i]->lanes[p].at);
        free(m->queues[i]);
    }
    free(m);
}

/* ---- topics ---- */

bool m_topic_is(const struct m_topic *t)
{
    return t->gone == 0;
}

struct m_topic *model_topic_at(struct model *m, size_t index)
{
    return index < m->topic_count ? m->topics[index] : NULL;
}

struct m_topic *model_topic(struct model *m, const char *name)
{
    for (size_t i = m->topic_count; i-- > 0;)
        if (m_topic_is(m->topics[i]) && strcmp(m->topics[i]->name, name) == 0)
            return m->topics[i];
    return NULL;
}

bool m_topic_has_uuid(const struct m_topic *t)
{
    static const struct uuid none;

    return memcmp(t->uuid.at, none.at, sizeof none.at) != 0;
}

struct m_topic *model_any_topic(struct model *m)
{
    struct m_topic *found = NULL;
    uint64_t        count = 0;

    for (size_t i = 0; i < m->topic_count; i++)
        if (m_topic_is(m->topics[i]) && draw_one_in(&m->world->draw, ++count))
            found = m->topics[i];
    return found;
}

struct m_topic *model_make_topic(struct model *m, const char *name, uint32_t partitions,
                                 const struct topic_policy *policy, uint64_t number)
{
    struct m_topic *t;

    if (m->topic_count == TOPICS_MAX)
        return NULL;
    t = mem_new(sizeof *t);
    snprintf(t->name, sizeof t->name, "%s", name);
    t->partition_count = partitions;
    t->before = *policy;
    m_topic_set_policy(t, policy);
    t->made = number;
    for (uint32_t p = 0; p < PARTITIONS_MAX; p++) {
        t->logs[p].topic = t;
        t->logs[p].partition = p;
    }
    m->topics[m->topic_count++] = t;
    return t;
}

void model_end_topic(struct model *m, struct m_topic *t, uint64_t number)
{
    t->gone = number;
    t->gone_turn = m->world->turn;
    for (size_t i = 0; i < m->queue_count; i++) {
        struct m_queue *q = m->queues[i];

        if (q->topic != t || !m_queue_is(q) || q->detached)
            continue;
        q->gone_turn = m->world->turn;
        if (strcmp(q->name, t->name) == 0)
            q->gone = number;
        else
            q->detached = number;
    }
    model_sweep_exchanges(m, number);
}

/* ---- batches ---- */

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x7fb5d329728ea185u;
    x = (x ^ x >> 27) * 0x81dadef4bc2dd44du;
    return x ^ x >> 33;
}

struct m_batch *model_new_batch(struct model *m, uint32_t count)
{
    struct m_batch *b = mem_new(sizeof *b);

    b->first_id = m->last_id + 1;
    b->count = count;
    b->made_ms = m->world->now_ms;
    b->delay_ms = -1;
    while (m->last_id + count >= m->id_cap) {
        m->id_cap = m->id_cap ? m->id_cap * 2 : 1024;
        m->batches = mem_resize(m->batches, m->id_cap * sizeof(struct m_batch *));
        m->keys = mem_resize(m->keys, m->id_cap);
    }
    for (uint32_t i = 0; i < count; i++) {
        m->batches[++m->last_id] = b;
        m->keys[m->last_id] = (uint8_t)draw_below(&m->world->draw, KEYS + 1);
    }
    return b;
}

struct m_batch *model_batch_of(struct model *m, uint64_t id)
{
    return id > 0 && id <= m->last_id ? m->batches[id] : NULL;
}

void m_batch_add_target(struct m_batch *b, struct m_topic *t, int32_t partition)
{
    if (b->target_count < TARGETS_MAX)
        b->targets[b->target_count++] = (struct m_target){ t, partition, -1, 0 };
}

static void note_ends(struct m_batch *b)
{
    for (uint32_t i = 0; i < b->target_count; i++) {
        struct m_target *t = &b->targets[i];

        if (t->partition >= 0 || t->topic->partition_count == 1)
            t->from = t->topic->logs[t->partition > 0 ? t->partition : 0].end;
    }
}

void model_sent(struct model *m, struct m_batch *b, uint64_t number)
{
    if (b->first_sent == 0) {
        note_ends(b);
        b->first_sent = number;
        b->first_ms = m->world->now_ms;
    }
    b->last_sent = number;
    b->last_ms = m->world->now_ms;
    b->outcome = PENDING;
}

void m_batch_may_wait(struct m_batch *b)
{
    b->last_sent = UINT64_MAX;
    b->last_ms = INT64_MAX / 2;
}

void model_waited(struct model *m, struct m_batch *b)
{
    b->last_sent = m->world->last_number;
    b->last_ms = m->world->now_ms;
}

unsigned model_key(struct model *m, uint64_t id)
{
    return id > 0 && id <= m->last_id ? m->keys[id] : 0;
}

struct bytes key_text(unsigned key)
{
    static const char *const texts[] = { NULL, "k1", "k2", "k3", "k4", "k5", "k6" };

    _Static_assert(COUNT(texts) == KEYS + 1, "a text for each key");
    return bytes_str(texts[key]);
}

bool model_is_tombstone(const struct model *m, uint64_t id)
{
    return m->world->plan.has[HAS_COMPACTION] && m->keys[id] != 0 && mix(id) % 5 == 0;
}

void model_give_keys(struct model *m, const struct m_batch *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (m->keys[b->first_id + i] == 0)
            m->keys[b->first_id + i] = 1;
}

/* ---- bytes of a record: M1 ---- */

static size_t value_bytes(const struct model *m, uint64_t id)
{
    uint64_t h = mix(id);

    if (m->world->plan.has[HAS_LARGE] && h % 16 == 0)
        return h % 512 == 0 ? HUGE_BYTES : ID_BYTES + (size_t)(h >> 20) % LARGE_BYTES_MAX;
    return ID_BYTES + (size_t)(h >> 20) % SMALL_BYTES_MAX;
}

static void fill_value(uint8_t *at, size_t len, uint64_t id)
{
    uint64_t h = mix(id + 1);

    put_u64(at, id);
    for (size_t i = ID_BYTES; i < len; i++)
        at[i] = (uint8_t)(h >> i % 7 * 8) ^ (uint8_t)i;
}

/* A tombstone has no value that could tell its id: a header does. */
static void add_tombstone(const struct model *m, struct batch_writer *w, uint64_t id,
                          int64_t timestamp_ms)
{
    uint8_t             text[ID_BYTES];
    const struct header header = { bytes_str("id"), bytes_of(text, sizeof text) };

    put_u64(text, id);
    batch_add(w, timestamp_ms, key_text(m->keys[id]), bytes_of(NULL, 0), &header, 1);
}

static void add_record(const struct model *m, struct batch_writer *w, uint64_t id,
                       int64_t timestamp_ms)
{
    size_t   len = value_bytes(m, id);
    uint8_t *value;

    if (model_is_tombstone(m, id)) {
        add_tombstone(m, w, id, timestamp_ms);
        return;
    }
    value = mem_new(len);
    fill_value(value, len, id);
    batch_add(w, timestamp_ms, key_text(m->keys[id]), bytes_of(value, len), NULL, 0);
    free(value);
}

struct slice model_encode(struct model *m, struct m_batch *b, int64_t timestamp_ms,
                          int64_t producer_id, int16_t epoch, int32_t sequence)
{
    enum { PRODUCER_AT = 43, CRC_AT = 17, ATTRIBUTES_AT = 21, CRC_FROM = 21 }; /* engine/batch.h */
    struct batch_writer w;
    struct buf          out;
    struct slice        s;

    buf_init(&out);
    batch_begin(&w, &out);
    for (uint32_t i = 0; i < b->count; i++)
        add_record(m, &w, b->first_id + i, timestamp_ms);
    batch_end(&w);
    if (producer_id >= 0) {
        put_u16(out.at + ATTRIBUTES_AT, b->txn ? BATCH_TRANSACTIONAL : 0);
        put_u64(out.at + PRODUCER_AT, (uint64_t)producer_id);
        put_u16(out.at + PRODUCER_AT + 8, (uint16_t)epoch);
        put_u32(out.at + PRODUCER_AT + 10, (uint32_t)sequence);
        put_u32(out.at + CRC_AT, crc32c(0, out.at + CRC_FROM, out.len - CRC_FROM));
    }
    b->bytes = (uint32_t)out.len;
    s = slice_copy(buf_view(&out));
    buf_fini(&out);
    return s;
}

static bool is_value(const struct model *m, uint64_t id, struct bytes value)
{
    uint8_t *want;
    bool     is_it;

    if (model_is_tombstone(m, id))
        return bytes_is_null(value);
    if (value.len != value_bytes(m, id))
        return false;
    want = mem_new(value.len);
    fill_value(want, value.len, id);
    is_it = memcmp(want, value.at, value.len) == 0;
    free(want);
    return is_it;
}

static uint64_t id_of(const struct record *r)
{
    struct bytes text = r->value;

    if (bytes_is_null(text) && r->header_count == 1)
        text = r->headers[0].value;
    return text.len >= ID_BYTES ? get_u64(text.at) : 0;
}

/* ---- where records lie ---- */

uint64_t m_log_id(const struct m_log *l, uint64_t offset)
{
    return offset < l->end ? l->ids[offset] : 0;
}

void m_log_make_room(struct m_log *l, uint64_t end)
{
    size_t old = l->cap;

    while (l->cap < end)
        l->cap = l->cap ? l->cap * 2 : 64;
    if (l->cap > old) {
        l->ids = mem_resize(l->ids, l->cap * sizeof *l->ids);
        memset(l->ids + old, 0, (l->cap - old) * sizeof *l->ids);
    }
    if (end > l->end)
        l->end = end;
}

static struct m_target *find_target(struct m_batch *b, const struct m_log *l)
{
    for (uint32_t i = 0; i < b->target_count; i++) {
        struct m_target *t = &b->targets[i];

        if (t->topic == l->topic && (t->partition < 0 || (uint32_t)t->partition == l->partition))
            return t;
    }
    return NULL;
}

void m_log_put(struct model *m, struct m_log *l, uint64_t offset, uint64_t id)
{
    uint64_t there = l->ids[offset];

    if (there != 0 && there != id)
        violation(m->world, "no offset has two values",
                  "%s/%u offset %llu: record %llu, and record %llu", l->topic->name, l->partition,
                  (unsigned long long)offset, (unsigned long long)there, (unsigned long long)id);
    l->ids[offset] = id;
}

/* Of two neighbours in a log the first one came first. */
static void check_neighbours(struct model *m, const struct m_log *l, const struct m_batch *b,
                             uint64_t base)
{
    const struct m_batch *before = base > 0 ? model_batch_of(m, l->ids[base - 1]) : NULL;
    const struct m_batch *after = model_batch_of(m, m_log_id(l, base + b->count));

    if ((before && before->first_sent > b->last_sent) ||
        (after && b->first_sent > after->last_sent))
        violation(m->world, "order per log", "%s/%u: record %llu at offset %llu",
                  l->topic->name, l->partition, (unsigned long long)b->first_id,
                  (unsigned long long)base);
}

void model_bind(struct model *m, struct m_batch *b, struct m_log *l, uint64_t base)
{
    struct m_target *t = find_target(b, l);

    if (!t)
        violation(m->world, "nothing is where it was not sent", "record %llu is in %s/%u",
                  (unsigned long long)b->first_id, l->topic->name, l->partition);
    if (t->base >= 0 && (uint64_t)t->base != base)
        violation(m->world, "a record lies at one offset",
                  "record %llu is in %s/%u at %lld and at %llu", (unsigned long long)b->first_id,
                  l->topic->name, l->partition, (long long)t->base, (unsigned long long)base);
    m_log_make_room(l, base + b->count);
    for (uint32_t i = 0; i < b->count; i++)
        m_log_put(m, l, base + i, b->first_id + i);
    if (t->base < 0)
        check_neighbours(m, l, b, base);
    t->partition = (int32_t)l->partition;
    t->base = (int64_t)base;
}

uint64_t model_see(struct model *m, struct m_log *l, uint64_t offset, const struct record *record)
{
    uint64_t        id = id_of(record);
    struct m_batch *b = model_batch_of(m, id);

    if (!b || !is_value(m, id, record->value) || !bytes_eq(record->key, key_text(m->keys[id])))
        violation(m->world, "nothing is there that was never sent",
                  "%s/%u offset %llu: %zu bytes that no one wrote", l->topic->name, l->partition,
                  (unsigned long long)offset, record->value.len);
    if (b->outcome == NEVER)
        violation(m->world, "what failed stays away", "%s/%u offset %llu: record %llu",
                  l->topic->name, l->partition, (unsigned long long)offset,
                  (unsigned long long)id);
    if (offset < id - b->first_id)
        violation(m->world, "batches are whole", "%s/%u offset %llu: record %llu", l->topic->name,
                  l->partition, (unsigned long long)offset, (unsigned long long)id);
    model_bind(m, b, l, offset - (id - b->first_id));
    return id;
}

uint64_t model_see_batch(struct model *m, struct m_log *l, const struct batch_ref *ref,
                         struct m_holes *holes)
{
    struct batch_reader reader;
    struct batch_head   head;
    struct record       record;
    enum err            err = batch_check(ref->bytes.bytes, &head);
    uint64_t            next = ref->base_offset;
    uint64_t            end;

    if (!err)
        err = batch_open(&reader, ref->bytes.bytes);
    if (err)
        violation(m->world, "what is read is whole", "%s/%u offset %llu: %s", l->topic->name,
                  l->partition, (unsigned long long)ref->base_offset, err_text(err));
    end = ref->base_offset + (uint64_t)head.last_offset_delta + 1;
    if (head.attributes & BATCH_CONTROL) {
        model_see_marker(m, l, ref, &head);
        batch_close(&reader);
        return end;
    }
    while (batch_next(&reader, &record, &err)) {
        uint64_t offset = ref->base_offset + (uint64_t)record.offset_delta;

        holes_add(holes, next, offset);
        model_see(m, l, offset, &record);
        next = offset + 1;
    }
    holes_add(holes, next, end);
    batch_close(&reader);
    return end;
}

/* In a place of which nobody ever knew what was there. */
static bool may_be_dropped(const struct m_target *t)
{
    for (uint32_t p = 0; p < t->topic->partition_count; p++) {
        const struct m_log *l = &t->topic->logs[p];

        if (t->partition >= 0 && (uint32_t)t->partition != p)
            continue;
        for (uint64_t offset = t->from; offset < l->end; offset++)
            if (l->ids[offset] == 0)
                return true;
    }
    return false;
}

/* A queue must still hold it: nobody can have taken it unseen. */
static bool is_needed(const struct model *m, const struct m_batch *b, const struct m_topic *t)
{
    if (m_topic_loses(t) || !m_batch_is_committed(b))
        return false;
    for (size_t i = 0; i < m->queue_count && !m->world->may_be_damaged; i++) {
        const struct m_queue *q = m->queues[i];

        if (q->topic == t && m_queue_is(q) && !q->detached && b->first_sent > q->made &&
            b->first_sent > q->purged && q->expiry_ms == 0)
            return true;
    }
    return false;
}

/* One change carries it to all of its targets. */
static void decide(struct model *m, struct m_batch *b)
{
    uint32_t there = 0;
    uint32_t away = 0;

    for (uint32_t i = 0; i < b->target_count; i++) {
        if (!m_topic_is(b->targets[i].topic))
            continue;
        if (b->targets[i].base >= 0)
            there++;
        else if (!may_be_dropped(&b->targets[i]) || is_needed(m, b, b->targets[i].topic))
            away++;
    }
    if (b->outcome == DONE && away > 0)
        violation(m->world, "acknowledged is there", "record %llu of %u is not in %s",
                  (unsigned long long)b->first_id, b->count, b->targets[0].topic->name);
    if (there > 0 && away > 0)
        violation(m->world, "a publish reaches all or none",
                  "record %llu is in %u topics and not in %u", (unsigned long long)b->first_id,
                  there, away);
    if (b->outcome == UNKNOWN && (there > 0 || away == b->target_count))
        b->outcome = there > 0 ? DONE : NEVER;
}

void model_decide_batches(struct model *m)
{
    for (uint64_t id = 1; id <= m->last_id; id += m->batches[id]->count)
        if (m->batches[id]->outcome == DONE || m->batches[id]->outcome == UNKNOWN)
            decide(m, m->batches[id]);
}
