/* model_copy.c - see model_copy.h. */
#include "model_copy.h"
#include "base/mem.h"
#include "model_group.h"
#include "world.h"

#include <stdlib.h>

bool model_is_source(struct model *m, uint64_t id)
{
    const struct m_batch *b = model_batch_of(m, id);

    return b && m_batch_is_committed(b);
}

void model_note_copies(struct m_batch *b, const uint64_t *sources)
{
    b->sources = mem_copy(sources, b->count * sizeof *sources);
}

void model_copy_look(struct model *m)
{
    m->txns->is_forgotten |= m->world->now_ms - m->txns->copied_ms >= GROUP_FORGET_MS;
}

void model_copy_touch(struct model *m, int64_t ms)
{
    model_copy_look(m);
    m->txns->copied_ms = ms;
}

/* How often it is in the target; *last is where its source lies, of the copies so far. */
static void count_copy(struct model *m, uint8_t *copies, uint64_t id, uint64_t *last)
{
    const struct m_batch *b = model_batch_of(m, id);
    uint64_t              source;
    uint64_t              at;

    if (!b || !b->sources || !m_batch_is_committed(b))
        return;
    source = b->sources[id - b->first_id];
    at = (uint64_t)model_batch_of(m, source)->targets[0].base + (source - model_batch_of(m, source)->first_id);
    if (copies[source]++ > 0)
        violation(m->world, "a copy is made exactly once", "of record %llu there is another one: %llu",
                  (unsigned long long)source, (unsigned long long)id);
    if (at < *last)
        violation(m->world, "copies are in the order of what they are copies of",
                  "record %llu is one of offset %llu, and %llu came before", (unsigned long long)id,
                  (unsigned long long)at, (unsigned long long)*last);
    *last = at;
}

static void check_source(const struct model *m, const uint8_t *copies, uint64_t id, uint64_t offset,
                         uint64_t position)
{
    if (offset < position && copies[id] == 0)
        violation(m->world, "a copy is made exactly once",
                  "offset %llu was passed, of record %llu there is none", (unsigned long long)offset,
                  (unsigned long long)id);
    if (offset >= position && copies[id] > 0)
        violation(m->world, "a transaction happens whole or not at all",
                  "record %llu was copied, its offset %llu is not committed: %llu is",
                  (unsigned long long)id, (unsigned long long)offset, (unsigned long long)position);
}

void model_check_copies(struct model *m, uint64_t position)
{
    const struct m_log *from = &model_topic(m, COPY_SOURCE)->logs[0];
    const struct m_log *to = &model_topic(m, COPY_TARGET)->logs[0];
    uint8_t            *copies = mem_new(m->last_id + 1);
    uint64_t            last = 0;

    model_copy_look(m);
    for (uint64_t offset = 0; offset < to->end && !m->txns->is_forgotten; offset++)
        count_copy(m, copies, to->ids[offset], &last);
    for (uint64_t offset = 0; offset < from->end && !m->txns->is_forgotten; offset++)
        if (model_is_source(m, from->ids[offset]))
            check_source(m, copies, from->ids[offset], offset, position);
    free(copies);
}
