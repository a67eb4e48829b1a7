/*
 * append.c - the one way records come in: a batch, one change, one or many logs. What comes by
 * CALL_APPEND goes by way of the stage (stage.c), which may write large amounts to a segment instead.
 *
 * Changes (docs/journal.md):
 *   APPENDED    append_ms, target count, each { log id, base offset, delay_ms + 1 };
 *               payload: the batch as it is stored
 *
 *   APPENDED_RUN  append_ms, log id, base offset of the first, delay_ms + 1, batch count; payload:
 *               the batches, one after the other, without producers
 *
 *   A1  A batch is stored once, however many logs it goes to; its baseOffset field is that of the
 *       first target.
 *   A2  The base offset of a target is the end of its log at that moment: offsets have no gaps and
 *       no second value.
 *
 * Thread: the shard's.
 */
#include "engine/log_int.h"
#include "engine/recode.h"
#include "engine/transact.h"
#include "engine/retention.h"
#include "engine/txn.h"

#include <assert.h>

/* While a transaction is open only those of share groups hear of it at once. */
static void tell_queues(struct engine *e, struct log *l, const struct log_entry *entry,
                        int64_t delay_ms, bool only_shared)
{
    struct topic *t = l->topic;

    for (struct list *n = t->queues.next; n != &t->queues; n = n->next) {
        struct queue *q = queue_in_topic(n);
        int64_t       delay = delay_ms >= 0 ? delay_ms : queue_delay_ms(q);

        if (only_shared && !queue_is_shared(q))
            continue;
        queue_on_append(e, q, l, entry->base_offset, entry->count,
                        delay > 0 ? entry->append_ms + delay : 0);
    }
}

void append_note(struct engine *e, struct log *l, const struct log_entry *entry, int64_t delay_ms)
{
    tell_queues(e, l, entry, delay_ms, txn_log_is_open(l));
    if (txn_log_is_open(l))
        txn_log_note(e, l, entry, delay_ms);
    read_on_append(e, l);
    retention_arm(e, l);
    compactor_on_append(e, l);
}

static void push(struct engine *e, struct log *l, const struct log_entry *entry, int64_t delay_ms)
{
    log_push(e, l, entry);
    append_note(e, l, entry, delay_ms);
}

/* Its producer hears of it before the log has it. False: it is a control batch of another kind. */
static bool note_producer(struct engine *e, struct log *l, const struct batch_head *head,
                          struct bytes batch, int64_t append_ms)
{
    bool is_commit;

    if (!(head->attributes & BATCH_CONTROL)) {
        if (head->producer_id >= 0)
            producer_note(e, l, head, l->end, append_ms);
        return true;
    }
    if (!batch_read_marker(batch, &is_commit))
        return false;
    producer_note_marker(e, l, head, is_commit, l->end, append_ms);
    return true;
}

enum err append_apply_appended(struct engine *e, struct rd *head, struct bytes payload,
                               uint64_t position)
{
    struct batch_head batch;
    int64_t           append_ms = rd_varint64(head);
    uint64_t          count = rd_uvarint64(head);

    if (batch_head_dense(payload, &batch) != ERR_OK || !producer_is_sound(&batch))
        return ERR_CORRUPT;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t    id = rd_uvarint64(head);
        uint64_t    base = rd_uvarint64(head);
        int64_t     delay_ms = (int64_t)rd_uvarint64(head) - 1;
        struct log *l = idmap_get(&e->logs, id);

        if (head->failed || !l || l->end != base)
            return ERR_CORRUPT;
        if (!note_producer(e, l, &batch, payload, append_ms))
            return ERR_CORRUPT;
        push(e, l,
             &(struct log_entry){ base, position, batch.max_timestamp_ms, append_ms,
                                  (uint32_t)payload.len, (uint32_t)batch.record_count },
             delay_ms);
    }
    return ERR_OK;
}

void append_batch(struct engine *e, struct slice batch, const struct batch_head *head,
                  struct append_target *targets, size_t count)
{
    struct buf b;
    uint64_t   position;

    assert(count > 0);
    batch_patch((uint8_t *)(uintptr_t)batch.bytes.at, targets[0].log->end, 0); /* A1 */
    buf_init(&b);
    buf_varint(&b, e->now_ms);
    buf_uvarint(&b, count);
    for (size_t i = 0; i < count; i++) {
        targets[i].base_offset = targets[i].log->end;
        buf_uvarint(&b, targets[i].log->id);
        buf_uvarint(&b, targets[i].base_offset);
        buf_uvarint(&b, (uint64_t)(targets[i].delay_ms + 1));
    }
    position = engine_change(e, CHANGE_APPENDED, &b, batch);
    for (size_t i = 0; i < count; i++)
        push(e, targets[i].log,
             &(struct log_entry){ targets[i].base_offset, position, head->max_timestamp_ms,
                                  e->now_ms, (uint32_t)batch.bytes.len,
                                  (uint32_t)head->record_count },
             targets[i].delay_ms);
    buf_fini(&b);
    block_drop(batch.block);
}

/* ---- several small batches ---- */

bool append_is_for_run(const struct slice *batch, const struct batch_head *head)
{
    return batch->bytes.len <= APPEND_RUN_BATCH_BYTES_MAX && head->producer_id < 0;
}

static void push_run(struct engine *e, struct log *l, const struct log_entry *entries,
                     uint32_t count, int64_t delay_ms)
{
    const struct log_entry *last = &entries[count - 1];
    struct log_entry        all = entries[0]; /* as far as others look at it */

    all.count = (uint32_t)(last->base_offset + last->count - all.base_offset);
    log_push_run(e, l, entries, count);
    append_note(e, l, &all, delay_ms);
}

/* One block for all, each with its base offset. Their places in it become the entries' positions. */
static struct slice join(struct engine *e, uint64_t base, const struct append_part **parts,
                         uint32_t count, struct log_entry *entries)
{
    struct block *b;
    size_t        bytes = 0;

    for (uint32_t i = 0; i < count; i++)
        bytes += parts[i]->batch.bytes.len;
    b = block_new(bytes);
    bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct bytes from = parts[i]->batch.bytes;
        uint32_t           records = (uint32_t)parts[i]->head.record_count;

        memcpy(b->at + bytes, from.at, from.len);
        batch_patch(b->at + bytes, base, 0);
        entries[i] = (struct log_entry){ base, bytes, parts[i]->head.max_timestamp_ms, e->now_ms,
                                         (uint32_t)from.len, records };
        block_drop(parts[i]->batch.block);
        base += records;
        bytes += from.len;
    }
    return slice_of(b, b->at, bytes);
}

void append_run(struct engine *e, struct log *l, int64_t delay_ms, const struct append_part **parts,
                uint32_t count)
{
    struct log_entry entries[APPEND_RUN_BATCHES_MAX];
    struct slice     all = join(e, l->end, parts, count, entries);
    struct buf       head;
    uint64_t         position;

    buf_init(&head);
    buf_varint(&head, e->now_ms);
    buf_uvarint(&head, l->id);
    buf_uvarint(&head, l->end);
    buf_uvarint(&head, (uint64_t)(delay_ms + 1));
    buf_uvarint(&head, count);
    position = engine_change(e, CHANGE_APPENDED_RUN, &head, all);
    for (uint32_t i = 0; i < count; i++)
        entries[i].position += position;
    push_run(e, l, entries, count, delay_ms);
    buf_fini(&head);
    block_drop(all.block);
}

/* The batch that comes first in what is left of the payload. */
static bool get_entry(struct bytes *left, struct log_entry *x)
{
    struct batch_head head;
    size_t            len;

    if (batch_first(*left, &head, &len) != ERR_OK || head.producer_id >= 0 ||
        head.record_count != head.last_offset_delta + 1ll || !producer_is_sound(&head))
        return false;
    x->max_timestamp_ms = head.max_timestamp_ms;
    x->batch_len = (uint32_t)len;
    x->count = (uint32_t)head.record_count;
    *left = bytes_of(left->at + len, left->len - len);
    return true;
}

enum err append_apply_run(struct engine *e, struct rd *head, struct bytes payload,
                          uint64_t position)
{
    struct log_entry entries[APPEND_RUN_BATCHES_MAX];
    int64_t          append_ms = rd_varint64(head);
    struct log      *l = idmap_get(&e->logs, rd_uvarint64(head));
    uint64_t         base = rd_uvarint64(head);
    int64_t          delay_ms = (int64_t)rd_uvarint64(head) - 1;
    uint64_t         count = rd_uvarint64(head);
    struct bytes     left = payload;

    if (head->failed || !l || l->end != base || count == 0 || count > APPEND_RUN_BATCHES_MAX)
        return ERR_CORRUPT;
    for (uint64_t i = 0; i < count; i++) {
        entries[i] = (struct log_entry){ .base_offset = base,
                                         .position = position + (uint64_t)(left.at - payload.at),
                                         .append_ms = append_ms };
        if (!get_entry(&left, &entries[i]))
            return ERR_CORRUPT;
        base += entries[i].count;
    }
    if (left.len > 0)
        return ERR_CORRUPT;
    push_run(e, l, entries, (uint32_t)count, delay_ms);
    return ERR_OK;
}

/* ---- CALL_APPEND ---- */

static enum err find_topic(struct engine *e, const struct append_call *a,
                           const struct append_item *item, struct topic **out)
{
    struct queue *q;

    if (a->to_queue) {
        q = queue_find(e, a->ns, item->name);
        *out = q ? queue_own_topic(q) : NULL;
        if (!q)
            return ERR_NO_QUEUE;
        return *out ? ERR_OK : ERR_ACCESS;
    }
    *out = topic_find_either(e, a->ns, item->name, &item->uuid);
    if (!*out && a->auto_create && item->name.len > 0 && item->name.len <= TOPIC_NAME_BYTES_MAX)
        *out = topic_create(e, a->ns, item->name, 1, &topic_policy_default, false, DOOR_KAFKA,
                            bytes_of(NULL, 0));
    return *out ? ERR_OK : ERR_NO_TOPIC;
}

/* T2 of txn.h. With its first batch in the log it must be part of the transaction, or becomes so. */
static enum err check_txn(struct engine *e, const struct append_call *a, const struct log *l,
                          const struct batch_head *head)
{
    const struct producer_state *p = idmap_get(&l->producers, (uint64_t)head->producer_id);
    const struct txn_parts       parts = { .log_count = 1, .logs = &l->id, .bumps = a->txn_bumps };
    struct txn                  *t;

    if (p && p->open && p->epoch == head->producer_epoch)
        return ERR_OK;
    t = txn_find(e, a->ns, a->txn);
    if (!t || t->producer != head->producer_id)
        return ERR_UNKNOWN_PRODUCER;
    if (t->epoch != head->producer_epoch)
        return ERR_FENCED_PRODUCER;
    if (t->state == TXN_ONGOING && txn_has_log(t, l->id))
        return ERR_OK;
    if (!a->txn_bumps)
        return ERR_NOT_IN_TXN;
    return !p && head->base_sequence != 0 ? ERR_BAD_SEQUENCE : txn_add(t, &parts);
}

static int64_t limit_of(int64_t limit, int64_t normal)
{
    return limit > 0 ? limit : normal;
}

/* The header says what the latest timestamp is; the earliest is looked for where it matters. Records without
 * one (-1) are taken. */
static enum err check_times(const struct topic_policy *p, const struct batch_head *head,
                            struct append_item *item, int64_t now_ms)
{
    int64_t  future_ms = limit_of(p->future_ms_max, topic_policy_default.future_ms_max);
    int64_t  oldest;
    enum err err;

    item->latest_ms = future_ms < INT64_MAX - now_ms ? now_ms + future_ms : INT64_MAX;
    item->earliest_ms = p->past_ms_max > 0 && p->past_ms_max < now_ms ? now_ms - p->past_ms_max : 0;
    if (head->max_timestamp_ms > item->latest_ms)
        return ERR_BAD_TIMESTAMP;
    if (item->earliest_ms == 0)
        return ERR_OK;
    err = batch_oldest_ms(item->batch.bytes, &oldest);
    if (err)
        return err;
    return oldest >= 0 && oldest < item->earliest_ms ? ERR_BAD_TIMESTAMP : ERR_OK;
}

static enum err check_limits(const struct topic_policy *p, const struct batch_head *head,
                             struct append_item *item, int64_t now_ms)
{
    int64_t bytes_max = limit_of(p->batch_bytes_max, topic_policy_default.batch_bytes_max);

    if ((int64_t)item->batch.bytes.len > bytes_max)
        return ERR_TOO_BIG;
    return p->stamps_append ? ERR_OK : check_times(p, head, item, now_ms);
}

/* What other doors say in reserved headers stays as it is. */
static enum err recode(const struct topic_policy *p, struct append_item *item, struct batch_head *head)
{
    int64_t  bytes_max = limit_of(p->batch_bytes_max, topic_policy_default.batch_bytes_max);
    enum err err;

    if (!p->recodes || !item->obeys_limits || head->attributes & BATCH_NATIVE ||
        (head->attributes & BATCH_CODEC_MASK) == p->codec)
        return ERR_OK;
    err = recode_batch(&item->batch, head, p->codec);
    return !err && (int64_t)item->batch.bytes.len > bytes_max ? ERR_TOO_BIG : err;
}

/* Whether the batch repeats one that is there; else stages it. */
static enum err append_to_log(struct engine *e, const struct append_call *a, struct log *l,
                              struct append_item *item)
{
    struct batch_head     head;
    struct producer_batch first;
    enum err              err = batch_head_dense(item->batch.bytes, &head);

    if (!err && item->obeys_limits)
        err = check_limits(&l->topic->policy, &head, item, e->now_ms);
    if (!err && l->topic->policy.is_compacted)
        err = batch_check_keys(item->batch.bytes);
    if (err)
        return err;
    item->append_time |= l->topic->policy.stamps_append;
    if (head.attributes & BATCH_CONTROL)
        return ERR_BAD_RECORD;
    err = producer_check(l, &head, &first);
    if (err == ERR_EXISTS) {
        item->is_duplicate = true;
        item->base_offset = first.base_offset;
        item->append_ms = first.append_ms;
        return ERR_OK;
    }
    if (!err)
        err = recode(&l->topic->policy, item, &head);
    if (!err && head.attributes & BATCH_TRANSACTIONAL)
        err = check_txn(e, a, l, &head);
    if (err)
        return err;
    if (item->append_time) {
        batch_set_append_time((uint8_t *)(uintptr_t)item->batch.bytes.at, item->batch.bytes.len,
                              e->now_ms);
        head.max_timestamp_ms = e->now_ms;
    }
    item->base_offset = stage_append(e, l, item->batch, &head, item->delay_ms);
    item->batch = (struct slice){ 0 };
    item->append_ms = e->now_ms;
    return ERR_OK;
}

static enum err append_item(struct engine *e, const struct append_call *a, struct append_item *item)
{
    struct topic *t;
    enum err      err = find_topic(e, a, item, &t);

    if (err)
        return err;
    if (journal_is_full(e->journal))
        return ERR_NO_SPACE;
    if (item->partition < 0)
        item->partition = (int32_t)topic_pick(t, item->key);
    if ((uint32_t)item->partition >= t->log_count)
        return ERR_NO_PARTITION;
    item->log_start = t->logs[item->partition]->start;
    return append_to_log(e, a, t->logs[item->partition], item);
}

static void append_items(struct engine *e, struct append_call *a)
{
    for (size_t i = 0; i < a->item_count; i++)
        a->items[i].err = append_item(e, a, &a->items[i]);
}

void append_on_append(struct engine *e, struct call *c)
{
    append_items(e, (struct append_call *)c);
    append_end(e, c);
    stage_answer(e, c);
}

/* ---- as part of a transaction ---- */

static bool is_creatable(const struct append_call *a, const struct append_item *item)
{
    return a->auto_create && !a->to_queue && item->name.len > 0 &&
           item->name.len <= TOPIC_NAME_BYTES_MAX;
}

/* Whether append_item will do it. The topic it would make is made later. */
static enum err check_item(struct engine *e, const struct append_call *a, struct append_item *item)
{
    const struct append_call made = { .ns = a->ns, .to_queue = a->to_queue };
    struct batch_head        head;
    struct topic            *t;
    enum err                 err = find_topic(e, &made, item, &t);

    if (err && !(err == ERR_NO_TOPIC && is_creatable(a, item)))
        return err;
    if (journal_is_full(e->journal))
        return ERR_NO_SPACE;
    if (item->partition >= (int32_t)(t ? t->log_count : 1))
        return ERR_NO_PARTITION;
    err = batch_head_dense(item->batch.bytes, &head);
    if (!err && head.producer_id >= 0)
        err = ERR_BAD_ARGUMENT;
    return !err && t && t->policy.is_compacted ? batch_check_keys(item->batch.bytes) : err;
}

enum err append_check(struct engine *e, struct call *c)
{
    struct append_call *a = (struct append_call *)c;

    for (size_t i = 0; i < a->item_count; i++) {
        a->items[i].err = check_item(e, a, &a->items[i]);
        if (a->items[i].err)
            return a->items[i].err;
    }
    return ERR_OK;
}

void append_perform(struct engine *e, struct call *c, enum transact_phase phase)
{
    if (phase != TRANSACT_TAKE)
        return;
    append_items(e, (struct append_call *)c);
    stage_flush(e);
}

uint64_t append_bytes(const struct call *c)
{
    const struct append_call *a = (const struct append_call *)c;
    uint64_t                  bytes = 0;

    for (size_t i = 0; i < a->item_count; i++)
        bytes += a->items[i].batch.bytes.len;
    return bytes;
}

/* Nothing is left to drop of what was appended. */
void append_end(struct engine *e, struct call *c)
{
    struct append_call *a = (struct append_call *)c;

    (void)e;
    for (size_t i = 0; i < a->item_count; i++)
        slice_drop(&a->items[i].batch);
}
