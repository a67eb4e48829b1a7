/*
 * log.c - one partition: the index of its stored batches.
 *
 * An entry per batch, in offset order, in one array that forgets at the front and grows at the end:
 *
 *     at:  | forgotten ... | first -> entries (count) | room |
 *
 *   L1  Entries are contiguous: each base_offset is the one before plus its count; the last one ends at log.end.
 *   L2  The first durable_count entries are on disk and end at log.durable.
 *
 * Thread: the shard's.
 */
#include "engine/log_int.h"

#include <assert.h>
#include <stdlib.h>

enum { ENTRIES_FIRST = 8 };

struct log *log_new(uint64_t id, struct topic *topic, uint32_t partition)
{
    struct log *l = mem_new(sizeof *l);

    l->id = id;
    l->topic = topic;
    l->partition = partition;
    list_init(&l->readers);
    list_init(&l->fresh);
    row_init(&l->row, ROW_LOG);
    list_init(&l->chunks);
    idmap_init(&l->producers);
    return l;
}

void log_free(struct engine *e, struct log *l)
{
    assert(list_empty(&l->readers));
    list_remove(&l->fresh);
    row_remove(e, &l->row);
    log_chunks_fini(e, l);
    producer_log_fini(e, l);
    free(l->entries.at);
    free(l);
}

static void make_room(struct log_entries *es)
{
    if (es->first + es->count < es->cap)
        return;
    if (es->first > es->cap / 2) {
        memmove(es->at, es->at + es->first, es->count * sizeof *es->at);
        es->first = 0;
        return;
    }
    es->cap = es->cap ? es->cap * 2 : ENTRIES_FIRST;
    es->at = mem_resize(es->at, es->cap * sizeof *es->at);
}

void log_push(struct log *l, const struct log_entry *entry)
{
    assert(entry->base_offset == l->end); /* L1 */
    make_room(&l->entries);
    l->entries.at[l->entries.first + l->entries.count++] = *entry;
    l->end += entry->count;
    l->bytes += entry->batch_len;
}

const struct log_entry *log_find(const struct log *l, uint64_t offset)
{
    const struct log_entry *at = l->entries.at + l->entries.first;
    size_t                  low = 0;
    size_t                  high = l->entries.count;

    if (high == 0 || offset >= l->end)
        return NULL;
    if (offset >= at[high - 1].base_offset) /* the tail is what consumers want most */
        return &at[high - 1];
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (at[middle].base_offset + at[middle].count <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return &at[low];
}

uint64_t log_durable(const struct engine *e, struct log *l)
{
    uint64_t on_disk = journal_durable(e->journal);

    while (l->durable_count < l->entries.count) {
        const struct log_entry *entry = &l->entries.at[l->entries.first + l->durable_count];

        if (entry->position + entry->batch_len > on_disk)
            break;
        l->durable_count++;
        l->durable = entry->base_offset + entry->count;
    }
    return l->durable;
}

void log_trim(struct engine *e, struct log *l, uint64_t offset)
{
    struct log_entries *es = &l->entries;

    row_touch(e, &l->row);
    log_chunks_on_trim(e, l, offset);
    while (es->count > 0 && es->at[es->first].base_offset + es->at[es->first].count <= offset) {
        l->bytes -= es->at[es->first].batch_len;
        es->first++;
        es->count--;
        if (l->durable_count > 0)
            l->durable_count--;
    }
    if (offset > l->start)
        l->start = offset < l->end ? offset : l->end;
    if (l->start > l->durable)
        l->durable = l->start;
    if (es->count == 0)
        es->first = 0;
}
