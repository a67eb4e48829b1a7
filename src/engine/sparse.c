/* sparse.c - see sparse.h. */
#include "engine/sparse.h"

void sparse_begin(struct sparse *s)
{
    s->entry = NULL;
    s->is_open = false;
}

static void close_batch(struct sparse *s)
{
    if (!s->is_open)
        return;
    batch_close(&s->reader);
    slice_drop(&s->batch);
    s->is_open = false;
}

static void open_batch(struct sparse *s, struct engine *e, const struct log_at *at)
{
    close_batch(s);
    if (log_view(e, at, &s->batch) != ERR_OK)
        return;
    s->is_open = batch_open(&s->reader, s->batch.bytes) == ERR_OK;
    s->delta = -1;
    if (!s->is_open)
        slice_drop(&s->batch);
}

/* What was appended straight to a segment, or lies in the journal, is dense. */
static bool is_sparse(struct engine *e, const struct log_at *at)
{
    struct batch_head head;
    struct slice      batch;
    bool              less;

    if (!at->load || !at->load->is_sparse || log_view(e, at, &batch) != ERR_OK)
        return false;
    less = batch_head(batch.bytes, &head) == ERR_OK && (uint32_t)head.record_count < at->entry->count;
    slice_drop(&batch);
    return less;
}

/* Reads on to the first record at delta or behind it. */
static void read_to(struct sparse *s, int32_t delta)
{
    struct record record;

    while (s->delta < delta)
        s->delta = batch_next(&s->reader, &record, NULL) ? record.offset_delta : INT32_MAX;
}

uint64_t sparse_next(struct sparse *s, struct engine *e, const struct log_at *at, uint64_t offset)
{
    uint64_t base = at->entry->base_offset;
    int32_t  delta = (int32_t)(offset - base);

    if (s->entry != at->entry) {
        close_batch(s);
        s->entry = at->entry;
        s->is_sparse = is_sparse(e, at);
    }
    if (!s->is_sparse)
        return offset;
    if (!s->is_open || s->delta > delta)
        open_batch(s, e, at);
    if (!s->is_open)
        return offset;
    read_to(s, delta);
    return s->delta == INT32_MAX ? base + at->entry->count : base + (uint64_t)s->delta;
}

void sparse_end(struct sparse *s)
{
    close_batch(s);
    s->entry = NULL;
}
