/*
 * stage.c - the appends of one turn, gathered by log before they are journalled.
 *
 * One connection pipelines, many send at once: what comes for one log in one turn is often large
 * even when no single batch is. When it is, it goes straight to the log's segment, written once, and
 * the journal has only where it lies. When it is not, each batch goes into the journal.
 *
 *     CALL_APPEND -> staged --anything else is submitted, or the turn ends--> journal
 *                                                                        `--> segment + journal
 *
 *   A1  What is staged has its offsets, and its producer's state counts it; everything else about it
 *       comes when it is journalled, in the same turn and before any other call is looked at.
 *   A2  Answers wait for that, too, in the order of the calls.
 *
 * Changes (docs/journal.md):
 *   EXTENT_APPENDED  log id, base, append_ms, segment, place in it, u32 crc, batches, each { bytes,
 *                    offsets, max timestamp, delay_ms + 1, producer id + 1, its epoch, its first
 *                    sequence (0 without producer), flags (1 transactional) }; the batches are a part
 *                    in the segment's blob
 *
 * Thread: the shard's.
 */
#include "base/crc32c.h"
#include "engine/log_int.h"

#include <assert.h>
#include <stdlib.h>

enum { FLAG_TRANSACTIONAL = 1 }; /* on disk */

/* One staged batch; in the arena of the stage. */
struct staged {
    struct list        in_log;
    struct append_part part;
    int64_t            delay_ms;
};

/* What is staged of one log; likewise. */
struct log_stage {
    struct log *log;
    struct list in_stage; /* engine.stage.logs */
    struct list batches;
    uint64_t    bytes, end;
};

void stage_init(struct stage *s)
{
    list_init(&s->logs);
    list_init(&s->calls);
    arena_init(&s->arena);
}

static uint64_t stage_end(const struct log *l)
{
    return l->stage ? l->stage->end : l->end;
}

static struct log_stage *make_stage(struct engine *e, struct log *l)
{
    if (!l->stage) {
        l->stage = arena_struct(&e->stage.arena, struct log_stage);
        l->stage->log = l;
        list_init(&l->stage->batches);
        list_init(&l->stage->in_stage);
        list_push(&e->stage.logs, &l->stage->in_stage);
    }
    return l->stage;
}

uint64_t stage_append(struct engine *e, struct log *l, struct slice batch,
                      const struct batch_head *head, int64_t delay_ms)
{
    uint64_t          base = stage_end(l);
    struct log_stage *all = make_stage(e, l);
    struct staged    *s = arena_struct(&e->stage.arena, struct staged);

    *s = (struct staged){ .part = { batch, *head }, .delay_ms = delay_ms };
    list_push(&all->batches, &s->in_log);
    all->end = base + (uint64_t)head->record_count;
    all->bytes += batch.bytes.len;
    if (head->producer_id >= 0)
        producer_note(e, l, head, base, e->now_ms);
    return base;
}

void stage_answer(struct engine *e, struct call *c)
{
    list_push(&e->stage.calls, &c->parked);
}

/* ---- straight to the segment ---- */

/* What becomes one extent: n batches from first on. */
struct run {
    struct extent  x;
    struct staged *first;
    struct list   *past; /* node behind the last */
};

static struct staged *staged_of(struct list *node)
{
    return CONTAINER(node, struct staged, in_log);
}

/* As many batches as an extent may have, in order; patched, and summed up. */
static struct run take_run(struct engine *e, struct log *l, struct list *from)
{
    struct run   r = { .first = staged_of(from), .past = from };
    struct list *n = from;

    r.x = (struct extent){ .base = l->end,
                           .end = l->end,
                           .max_timestamp_ms = INT64_MIN,
                           .append_ms = e->now_ms };
    do {
        struct staged *s = staged_of(n);
        size_t         len = s->part.batch.bytes.len;

        batch_patch((uint8_t *)(uintptr_t)s->part.batch.bytes.at, r.x.end, 0);
        r.x.crc = crc32c(r.x.crc, s->part.batch.bytes.at, len);
        r.x.end += (uint64_t)s->part.head.record_count;
        r.x.bytes += (uint32_t)len;
        r.x.batches++;
        if (s->part.head.max_timestamp_ms > r.x.max_timestamp_ms)
            r.x.max_timestamp_ms = s->part.head.max_timestamp_ms;
        n = n->next;
    } while (n != &l->stage->batches && r.x.bytes + staged_of(n)->part.batch.bytes.len <= EXTENT_BYTES_MAX);
    r.past = n;
    return r;
}

static void put_batch(struct buf *head, const struct staged *s)
{
    buf_uvarint(head, s->part.batch.bytes.len);
    buf_uvarint(head, (uint64_t)s->part.head.record_count);
    buf_varint(head, s->part.head.max_timestamp_ms);
    buf_uvarint(head, (uint64_t)(s->delay_ms + 1));
    buf_uvarint(head, (uint64_t)(s->part.head.producer_id + 1));
    buf_uvarint(head, s->part.head.producer_id < 0 ? 0 : (uint16_t)s->part.head.producer_epoch);
    buf_uvarint(head, s->part.head.producer_id < 0 ? 0 : (uint32_t)s->part.head.base_sequence);
    buf_uvarint(head, s->part.head.attributes & BATCH_TRANSACTIONAL ? FLAG_TRANSACTIONAL : 0);
}

/* The bytes for the blob: header, batches, and zeros to where the next extent begins. */
static void add_part(struct engine *e, const struct log *l, const struct run *r)
{
    static const uint8_t zeros[EXTENT_ALIGN];
    struct extent_head   head = { l->id,      r->x.base, r->x.end,
                                  r->x.batches, r->x.bytes, r->x.crc,
                                  r->x.max_timestamp_ms, r->x.append_ms };
    size_t               count = r->x.batches + 2;
    struct slice        *slices = mem_new(count * sizeof *slices);
    struct block        *b = block_new(EXTENT_HEADER_BYTES);
    size_t               n = 0;

    extent_head_encode(b->at, &head);
    slices[n++] = slice_of(b, b->at, EXTENT_HEADER_BYTES);
    for (struct list *at = &r->first->in_log; at != r->past; at = at->next)
        slices[n++] = staged_of(at)->part.batch;
    slices[n++] = slice_of(NULL, zeros, extent_align(r->x.bytes) - r->x.bytes);
    journal_add_part(e->journal, r->x.segment->blob, r->x.at, slices, n);
    block_drop(b);
    free(slices);
}

static void add_change(struct engine *e, const struct log *l, const struct run *r)
{
    struct buf head;

    buf_init(&head);
    buf_uvarint(&head, l->id);
    buf_uvarint(&head, r->x.base);
    buf_varint(&head, r->x.append_ms);
    buf_uvarint(&head, r->x.segment->id.number);
    buf_uvarint(&head, r->x.at);
    buf_u32(&head, r->x.crc);
    buf_uvarint(&head, r->x.batches);
    for (struct list *at = &r->first->in_log; at != r->past; at = at->next)
        put_batch(&head, staged_of(at));
    engine_change(e, CHANGE_EXTENT_APPENDED, &head, (struct slice){ 0 });
    buf_fini(&head);
}

static struct load *load_of(struct engine *e, const struct log *l, const struct run *r)
{
    struct slice bytes = blob_view(r->x.segment->blob, r->x.at + EXTENT_HEADER_BYTES, r->x.bytes);
    struct load *load = load_add(e, l, &r->x, bytes);
    uint64_t     base = r->x.base;
    uint64_t     position = 0;
    size_t       i = 0;

    for (struct list *at = &r->first->in_log; at != r->past; at = at->next) {
        const struct staged *s = staged_of(at);

        load->entries[i++] = (struct log_entry){
            base, position, s->part.head.max_timestamp_ms, r->x.append_ms,
            (uint32_t)s->part.batch.bytes.len, (uint32_t)s->part.head.record_count,
        };
        base += (uint64_t)s->part.head.record_count;
        position += s->part.batch.bytes.len;
    }
    load->position = journal_end(e->journal);
    return load;
}

static void append_extent(struct engine *e, struct log *l, struct run *r)
{
    r->x.at = room_give(e, r->x.segment, r->x.bytes);
    add_part(e, l, r);
    add_change(e, l, r);
    r->x.load = load_of(e, l, r);
    log_push_extent(e, l, &r->x);
    for (uint32_t i = 0; i < r->x.load->count; i++) {
        const struct log_entry *entry = &r->x.load->entries[i];

        append_note(e, l, entry, r->first->delay_ms);
        r->first = staged_of(r->first->in_log.next);
    }
}

/* Headers and fillings of the extents that so many bytes could become. */
static uint64_t room_for(uint64_t bytes)
{
    return bytes + (2 * bytes / EXTENT_BYTES_MAX + 2) * (EXTENT_HEADER_BYTES + EXTENT_ALIGN);
}

static bool append_to_segment(struct engine *e, struct log *l)
{
    struct segment *s;
    struct list    *n;

    if (l->stage->bytes < e->options.direct_bytes_min)
        return false;
    s = room_get(e, l, room_for(l->stage->bytes));
    if (!s)
        return false;
    for (n = l->stage->batches.next; n != &l->stage->batches;) {
        struct run r = take_run(e, l, n);

        r.x.segment = s;
        append_extent(e, l, &r);
        n = r.past;
    }
    for (n = l->stage->batches.next; n != &l->stage->batches; n = n->next)
        slice_drop(&staged_of(n)->part.batch);
    return true;
}

/* ---- into the journal ---- */

/* From this one on; returns how many follow one another that make a run. */
static uint32_t gather_run(const struct log *l, struct list *n, const struct append_part **parts)
{
    const struct staged *first = staged_of(n);
    uint32_t             count = 0;

    while (n != &l->stage->batches && count < APPEND_RUN_BATCHES_MAX) {
        const struct staged *s = staged_of(n);

        if (s->delay_ms != first->delay_ms || !append_is_for_run(&s->part.batch, &s->part.head))
            break;
        parts[count++] = &s->part;
        n = n->next;
    }
    return count;
}

static void append_to_journal(struct engine *e, struct log *l)
{
    const struct append_part *parts[APPEND_RUN_BATCHES_MAX];

    for (struct list *n = l->stage->batches.next; n != &l->stage->batches;) {
        struct staged *s = staged_of(n);
        uint32_t       count = gather_run(l, n, parts);

        if (count > 1) {
            append_run(e, l, s->delay_ms, parts, count);
        } else {
            struct append_target target = { .log = l, .delay_ms = s->delay_ms };

            append_batch(e, s->part.batch, &s->part.head, &target, 1);
            count = 1;
        }
        for (; count > 0; count--)
            n = n->next;
    }
}

void stage_flush(struct engine *e)
{
    struct list *n;

    while ((n = list_pop(&e->stage.logs)) != NULL) {
        struct log *l = CONTAINER(n, struct log_stage, in_stage)->log;

        if (!append_to_segment(e, l))
            append_to_journal(e, l);
        assert(l->end == l->stage->end); /* A1 */
        l->stage = NULL;
    }
    while ((n = list_pop(&e->stage.calls)) != NULL)
        engine_answer(e, CONTAINER(n, struct call, parked), ERR_OK);
    arena_fini(&e->stage.arena);
}

void stage_abandon(struct engine *e)
{
    struct list *n;

    while ((n = list_pop(&e->stage.logs)) != NULL) {
        struct log *l = CONTAINER(n, struct log_stage, in_stage)->log;

        for (n = l->stage->batches.next; n != &l->stage->batches; n = n->next)
            slice_drop(&staged_of(n)->part.batch);
        l->stage = NULL;
    }
    while ((n = list_pop(&e->stage.calls)) != NULL)
        engine_answer(e, CONTAINER(n, struct call, parked), ERR_SHUTDOWN);
    arena_fini(&e->stage.arena);
}

/* ---- replay ---- */

struct appended {
    struct extent     x;
    struct log_entry  entry; /* of the batch read last */
    struct batch_head head;
    int64_t           delay_ms;
};

static bool get_batch(struct rd *head, struct appended *a)
{
    uint64_t len = rd_uvarint64(head);
    uint64_t count = rd_uvarint64(head);

    a->entry = (struct log_entry){ .base_offset = a->x.end,
                                   .append_ms = a->x.append_ms,
                                   .max_timestamp_ms = rd_varint64(head),
                                   .batch_len = (uint32_t)len,
                                   .count = (uint32_t)count };
    a->delay_ms = (int64_t)rd_uvarint64(head) - 1;
    a->head = (struct batch_head){ .producer_id = (int64_t)rd_uvarint64(head) - 1,
                                   .last_offset_delta = (int32_t)(count - 1) };
    a->head.producer_epoch = (int16_t)rd_uvarint64(head);
    a->head.base_sequence = (int32_t)rd_uvarint64(head);
    a->head.attributes = rd_uvarint64(head) & FLAG_TRANSACTIONAL ? BATCH_TRANSACTIONAL : 0;
    if (head->failed || len < BATCH_HEADER_BYTES || len > BATCH_BYTES_MAX - a->x.bytes ||
        count == 0 || count > INT32_MAX || count > INT64_MAX - a->x.end ||
        !producer_is_sound(&a->head))
        return false;
    a->x.end += count;
    a->x.bytes += (uint32_t)len;
    if (a->entry.max_timestamp_ms > a->x.max_timestamp_ms)
        a->x.max_timestamp_ms = a->entry.max_timestamp_ms;
    return true;
}

/* The extent first, as it was appended; then its batches again, for queues and producers. */
enum err stage_apply_appended(struct engine *e, struct rd *head, struct bytes payload,
                              uint64_t position)
{
    struct log     *l = idmap_get(&e->logs, rd_uvarint64(head));
    uint64_t        base = rd_uvarint64(head);
    int64_t         append_ms = rd_varint64(head);
    struct segment *segment = room_find(e, rd_uvarint64(head));
    uint64_t        at = rd_uvarint64(head);
    uint32_t        crc = rd_u32(head);
    uint64_t        batches = rd_uvarint64(head);
    struct appended a = { .x = { .base = base,
                                 .end = base,
                                 .segment = segment,
                                 .max_timestamp_ms = INT64_MIN,
                                 .append_ms = append_ms,
                                 .at = (uint32_t)at,
                                 .batches = (uint32_t)batches,
                                 .crc = crc } };
    struct rd       again = *head;

    (void)payload;
    (void)position;
    if (head->failed || !l || !segment || l->end != base || batches == 0 ||
        at < SEGMENT_HEADER_BYTES || at > UINT32_MAX || batches > rd_left(head))
        return ERR_CORRUPT;
    for (uint64_t i = 0; i < batches; i++)
        if (!get_batch(head, &a))
            return ERR_CORRUPT;
    log_push_extent(e, l, &a.x);
    a.x.end = base;
    a.x.bytes = 0;
    for (uint64_t i = 0; i < batches; i++) {
        bool is_read = get_batch(&again, &a);

        assert(is_read);
        (void)is_read;
        if (a.head.producer_id >= 0)
            producer_note(e, l, &a.head, a.entry.base_offset, append_ms);
        append_note(e, l, &a.entry, a.delay_ms);
    }
    return ERR_OK;
}
