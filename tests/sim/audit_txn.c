/* audit_txn.c - see audit.h: logs as readers of what is committed see them. */
#include "audit.h"
#include "model_copy.h"

#include <stdlib.h>

enum { READ_BYTES = 1 << 20 };

static const struct request_kind plain = { 0 };

static void *new_read(struct client *c, const struct m_log *l, uint64_t offset)
{
    struct request   *r = request_new(c, &plain, sizeof *r, CALL_READ, sizeof(struct read_call));
    struct read_call *a = (struct read_call *)r->call;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->committed_only = true;
    a->bytes_max = READ_BYTES;
    a->item_count = 1;
    a->items = arena_struct(&a->call.arena, struct read_item);
    a->items->name = bytes_str(l->topic->name);
    a->items->partition = l->partition;
    a->items->offset = offset;
    a->items->bytes_max = READ_BYTES;
    return r;
}

static void check_stable(const struct world *w, const struct m_log *l, const struct read_item *item)
{
    if (item->stable > item->high_watermark || item->stable < item->log_start)
        violation(w, "what is stable lies within the log", "%s/%u: %llu, of %llu to %llu",
                  l->topic->name, l->partition, (unsigned long long)item->stable,
                  (unsigned long long)item->log_start, (unsigned long long)item->high_watermark);
    if (w->is_drained && item->stable != item->high_watermark)
        violation(w, "a transaction that nobody ends is aborted in time",
                  "%s/%u is stable to %llu, and ends at %llu", l->topic->name, l->partition,
                  (unsigned long long)item->stable, (unsigned long long)item->high_watermark);
}

/* From *next on; *end is where it is stable. */
static bool read_some(struct client *c, struct m_log *l, uint64_t *next, uint64_t *end)
{
    struct request         *r = new_read(c, l, *next);
    struct m_holes          holes = { 0 };
    const struct read_item *item;
    bool                    is_read;

    if (!request_ask(r))
        return false;
    item = &((struct read_call *)r->call)->items[0];
    is_read = !item->err;
    if (item->err == ERR_OUT_OF_RANGE && item->log_start > *next) {
        *next = item->log_start; /* it goes on losing */
        *end = item->stable;
    } else if (item->err == ERR_CORRUPT && c->world->may_be_damaged) {
        c->world->is_damaged = true;
        request_free(r);
        return false;
    } else if (!is_read) {
        violation(c->world, "what is committed can be read", "%s/%u from %llu: %s", l->topic->name,
                  l->partition, (unsigned long long)*next, err_text(item->err));
    }
    if (is_read) {
        check_stable(c->world, l, item);
        *next = model_see_committed(c->world->model, l, item, &holes);
        *end = item->batch_count > 0 ? item->stable : *next;
    }
    free(holes.at); /* audit.c has asked about them */
    request_free(r);
    return true;
}

static bool check_log(struct client *c, struct m_log *l)
{
    uint64_t next = l->start;
    uint64_t end;

    do {
        if (!read_some(c, l, &next, &end))
            return false;
    } while (next < end);
    return true;
}

static bool check_copies(struct client *c)
{
    struct request          *r = request_new(c, &plain, sizeof *r, CALL_OFFSETS_GET,
                                             sizeof(struct offsets_get_call));
    struct offsets_get_call *a = (struct offsets_get_call *)r->call;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->group = bytes_str(COPY_GROUP);
    a->item_count = 1;
    a->items = arena_struct(&a->call.arena, struct offset_item);
    a->items->name = bytes_str(COPY_SOURCE);
    if (!request_ask(r))
        return false;
    if (a->call.err || a->items->err)
        violation(c->world, "everybody can look at offsets", "%s, %s", err_text(a->call.err),
                  err_text(a->items->err));
    if (!c->world->may_be_damaged)
        model_check_copies(c->world->model, a->items->offset < 0 ? 0 : (uint64_t)a->items->offset);
    request_free(r);
    return true;
}

bool audit_txns(struct client *c)
{
    struct m_topic *t;

    for (size_t i = 0; (t = model_topic_at(c->world->model, i)) != NULL; i++)
        for (uint32_t p = 0; m_topic_is(t) && p < t->partition_count; p++)
            if (t->logs[p].has_txns && !check_log(c, &t->logs[p]))
                return false;
    return !c->world->plan.has[HAS_COPIES] || check_copies(c);
}
