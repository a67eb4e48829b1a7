/* recall.c - see recall.h. */
#include "engine/recall.h"
#include "base/diag.h"
#include "engine/load_int.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
    RUN_BYTES = 1 << 20, /* of batches that are loaded together; a larger one comes alone */
    RUN_BATCHES = 1024,
    GAP_BYTES = 512,     /* between two in the journal, read along */
    PLACES_FIRST = 8,
};

/* What is known of the cold batches of one log; there is one while something is. */
struct recalls {
    struct place {
        uint64_t     base; /* the load's */
        struct load *load; /* in memory, or on its way; has each offset from its base to its end */
    } *at;                 /* in order, and apart */
    uint32_t     count, cap;
    struct idmap damaged; /* base offset -> the log */
};

static struct recalls *make_recalls(struct log *l)
{
    if (!l->recalls) {
        l->recalls = mem_new(sizeof *l->recalls);
        idmap_init(&l->recalls->damaged);
    }
    return l->recalls;
}

void recall_fini(struct log *l)
{
    if (!l->recalls)
        return;
    idmap_fini(&l->recalls->damaged);
    free(l->recalls->at);
    free(l->recalls);
    l->recalls = NULL;
}

static void drop_empty(struct log *l)
{
    if (l->recalls && l->recalls->count == 0 && l->recalls->damaged.count == 0)
        recall_fini(l);
}

size_t recall_damaged_count(const struct log *l)
{
    return l->recalls ? l->recalls->damaged.count : 0;
}

static bool is_damaged(const struct log *l, const struct log_entry *entry)
{
    return recall_damaged_count(l) > 0 && idmap_get(&l->recalls->damaged, entry->base_offset);
}

/* Index of the first load that begins behind offset; their count when there is none. */
static uint32_t place_behind(const struct recalls *r, uint64_t offset)
{
    uint32_t low = 0;
    uint32_t high = r->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (r->at[middle].base <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct load *load_of(const struct log *l, const struct log_entry *entry)
{
    uint32_t i = l->recalls ? place_behind(l->recalls, entry->base_offset) : 0;

    return i > 0 && entry->base_offset < l->recalls->at[i - 1].load->end ? l->recalls->at[i - 1].load
                                                                         : NULL;
}

/* Where the first load behind the entry begins. */
static uint64_t loaded_behind(const struct log *l, const struct log_entry *entry)
{
    uint32_t i = l->recalls ? place_behind(l->recalls, entry->base_offset) : 0;

    return l->recalls && i < l->recalls->count ? l->recalls->at[i].base : UINT64_MAX;
}

static void add_load(struct log *l, struct load *load)
{
    struct recalls *r = make_recalls(l);
    uint32_t        i = place_behind(r, load->base);

    if (r->count == r->cap) {
        r->cap = r->cap ? r->cap * 2 : PLACES_FIRST;
        r->at = mem_resize(r->at, r->cap * sizeof *r->at);
    }
    memmove(&r->at[i + 1], &r->at[i], (r->count - i) * sizeof *r->at);
    r->at[i] = (struct place){ load->base, load };
    r->count++;
}

static void remove_load(struct log *l, const struct load *load)
{
    struct recalls *r = l->recalls;
    uint32_t        i = place_behind(r, load->base);

    assert(i > 0 && r->at[i - 1].load == load);
    memmove(&r->at[i - 1], &r->at[i], (r->count - i) * sizeof *r->at);
    r->count--;
    drop_empty(l);
}

bool recall_is_hot(const struct engine *e, const struct log_entry *entry)
{
    return entry->position >= e->claimed &&
           entry->position + e->options.hot_bytes >= journal_durable(e->journal);
}

static uint64_t end_of(const struct log_entry *entry)
{
    return entry->base_offset + entry->count;
}

/* ---- the reader thread ---- */

/* Batches that are read at once: those from `first` on that lie close together. Their end in the
 * journal is *end. */
static uint32_t take_group(const struct load *load, uint32_t first, uint64_t *end)
{
    uint32_t n = 0;

    do {
        const struct log_entry *entry = &load->entries[first + n++];

        *end = entry->position + entry->batch_len;
    } while (first + n < load->count && load->entries[first + n].position >= *end &&
             load->entries[first + n].position - *end <= GAP_BYTES);
    return n;
}

static uint64_t bytes_of_groups(const struct load *load)
{
    uint64_t bytes = 0;
    uint64_t end;

    for (uint32_t i = 0, n; i < load->count; i += n) {
        n = take_group(load, i, &end);
        bytes += end - load->entries[i].position;
    }
    return bytes;
}

/* ERR_OK for those that were read: some of them may be unreadable, or lie in the next file. */
static void read_group(struct shard *shard, const struct load *load, uint32_t first, uint32_t n,
                       uint64_t end, uint8_t *out, bool *is_read)
{
    uint64_t start = load->entries[first].position;
    bool     all = shard_load(shard, start, (size_t)(end - start), out) == ERR_OK;

    for (uint32_t i = first; i < first + n; i++) {
        const struct log_entry *entry = &load->entries[i];

        is_read[i] = all || (n > 1 && shard_load(shard, entry->position, entry->batch_len,
                                                 out + (entry->position - start)) == ERR_OK);
    }
}

/* C2. A batch_len of 0 marks one that is not what it must be. */
static void check(struct load *load, struct bytes all, uint32_t i, uint64_t place, bool is_read)
{
    struct log_entry *entry = &load->entries[i];
    struct batch_head head;

    entry->position = place; /* in the load from now on */
    if (!is_read || batch_check(bytes_of(all.at + place, entry->batch_len), &head) != ERR_OK ||
        (uint32_t)head.last_offset_delta + 1 != entry->count)
        entry->batch_len = 0;
}

static void run_recall(struct work *w)
{
    struct reading *r = CONTAINER(w, struct reading, work);
    struct load    *load = r->load;
    struct block   *b = block_new((size_t)bytes_of_groups(load));
    bool           *is_read = mem_new(load->count * sizeof *is_read);
    uint64_t        place = 0;
    uint64_t        end;

    for (uint32_t i = 0, n; i < load->count; i += n) {
        uint64_t start = load->entries[i].position;

        n = take_group(load, i, &end);
        read_group(r->shard, load, i, n, end, b->at + place, is_read);
        for (uint32_t k = i; k < i + n; k++)
            check(load, bytes_of(b->at, b->cap), k, place + load->entries[k].position - start, is_read[k]);
        place += end - start;
    }
    load->bytes = slice_of(b, b->at, b->cap);
    free(is_read);
}

/* ---- the engine's thread again ---- */

/* C3; trimmed or moved meanwhile is fine. */
static void note_damaged(struct log *l, uint64_t base)
{
    size_t                  at = log_entry_index(l, base);
    const struct log_entry *entry = &log_entries(l)[at];
    const struct name_key  *k = &l->topic->key;

    if (at == l->entries.count || entry->base_offset != base)
        return;
    idmap_put(&make_recalls(l)->damaged, base, l);
    diag(DIAG_ERROR,
         "topic %.*s, partition %" PRIu32 ": offsets %" PRIu64 " to %" PRIu64
         " cannot be read (journal, position %" PRIu64 ")",
         (int)k->name.len, (const char *)k->name.at, l->partition, entry->base_offset,
         end_of(entry) - 1, entry->position);
}

static void settle(struct engine *e, struct reading *r)
{
    struct load *load = r->load;
    struct log  *l = idmap_get(&e->logs, load->log);

    if (!l) {
        load_free(load);
        return;
    }
    load->reading = NULL;
    for (uint32_t i = 0; i < load->count; i++)
        if (load->entries[i].batch_len == 0)
            note_damaged(l, load->entries[i].base_offset);
    load_keep(e, load);
}

/* How many from entry i of the log on are loaded together. */
static uint32_t take_run(const struct engine *e, const struct log *l, size_t i)
{
    const struct log_entry *at = log_entries(l) + i;
    size_t                  most = l->entries.count - i;
    uint64_t                past = loaded_behind(l, at);
    uint64_t                bytes = at->batch_len;
    uint32_t                n = 1;

    while (n < most && n < RUN_BATCHES && at[n].base_offset == end_of(&at[n - 1]) &&
           at[n].base_offset < past && bytes + at[n].batch_len <= RUN_BYTES &&
           !recall_is_hot(e, &at[n]) && !is_damaged(l, &at[n]))
        bytes += at[n++].batch_len;
    return n;
}

static struct reading *begin(struct engine *e, struct log *l, const struct log_entry *entry)
{
    size_t          i = (size_t)(entry - log_entries(l));
    uint32_t        n = take_run(e, l, i);
    struct load    *load = load_new(l->id, entry->base_offset, end_of(&entry[n - 1]), n);
    struct reading *r = load_reading_new(e, run_recall, settle);

    load->is_recalled = true;
    load->reading = r;
    r->load = load;
    memcpy(load->entries, entry, n * sizeof *entry);
    add_load(l, load);
    shard_work(e->shard, WORK_READ, &r->work);
    return r;
}

struct reading *recall_want(struct engine *e, struct log *l, const struct log_entry *entry)
{
    const struct load *load = load_of(l, entry);

    return load ? load->reading : begin(e, l, entry);
}

uint64_t recall_ahead(struct engine *e, struct log *l, const struct log_entry *entry)
{
    const struct load *load = load_of(l, entry);

    if (!load && !recall_is_hot(e, entry) && !is_damaged(l, entry))
        load = begin(e, l, entry)->load;
    return load ? load->end : end_of(entry);
}

static const struct log_entry *entry_in(const struct load *load, uint64_t offset)
{
    uint32_t low = 0;
    uint32_t high = load->count - 1;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (end_of(&load->entries[middle]) <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return &load->entries[low];
}

enum log_answer recall_find(const struct log *l, const struct log_entry *entry, struct log_at *at)
{
    struct load *load;

    if (is_damaged(l, entry))
        return LOG_BAD;
    load = load_of(l, entry);
    if (!load || load->reading)
        return LOG_COLD;
    *at = (struct log_at){ entry_in(load, entry->base_offset), load };
    return LOG_FOUND;
}

void recall_drop(struct engine *e, struct load *load)
{
    struct log *l = idmap_get(&e->logs, load->log);

    if (l && !load->is_behind)
        remove_load(l, load);
}

void recall_on_trim(struct engine *e, struct log *l)
{
    while (l->recalls && l->recalls->count > 0 && l->recalls->at[0].load->end <= l->start &&
           !l->recalls->at[0].load->reading) {
        struct load *load = l->recalls->at[0].load;

        remove_load(l, load);
        load->is_behind = true;
        load_retire(e, load);
    }
}

void recall_forget(struct log *l, const struct log_entry *entry)
{
    if (recall_damaged_count(l) == 0)
        return;
    idmap_remove(&l->recalls->damaged, entry->base_offset);
    drop_empty(l);
}
