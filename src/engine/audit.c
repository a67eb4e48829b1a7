/* audit.c - see audit.h. */
#include "engine/audit.h"
#include "engine/engine_int.h"

#include <inttypes.h>
#include <stdio.h>

enum { READ_BYTES = 4 << 20 };

/* One log on its way from start to end. */
struct reading {
    struct audit     *audit;
    struct engine    *engine;
    const struct log *log;
    struct mailbox    home;
    uint64_t          offset;
    bool              is_answered;
};

static void wake(void *ctx)
{
    (void)ctx;
}

static void find(const struct reading *r, const char *what)
{
    struct bytes ns = r->log->topic->key.ns;
    struct bytes name = r->log->topic->key.name;
    char         line[768];

    snprintf(line, sizeof line, "log %.*s/%.*s partition %u offset %" PRIu64 ": %s", (int)ns.len,
             (const char *)ns.at, (int)name.len, (const char *)name.at, r->log->partition,
             r->offset, what);
    r->audit->finding(r->audit->ctx, line);
}

static void on_done(struct call *c)
{
    ((struct reading *)c->ctx)->is_answered = true;
}

/* False: the rest of the log cannot be told from this answer. */
static bool look_at_batch(struct reading *r, const struct batch_ref *ref)
{
    struct batch_head head;

    if (batch_check(ref->bytes.bytes, &head) != ERR_OK) {
        find(r, "a stored batch is damaged");
        return false;
    }
    if (ref->base_offset + (uint64_t)head.last_offset_delta < r->offset) {
        find(r, "a stored batch lies out of order");
        return false;
    }
    r->offset = ref->base_offset + (uint64_t)head.last_offset_delta + 1;
    r->audit->batches++;
    r->audit->records += (uint64_t)head.record_count;
    r->audit->bytes += ref->bytes.bytes.len;
    return true;
}

/* Its last records may be gone while the offsets behind them stay: settled everywhere, or
 * compacted. */
static bool may_end_early(const struct topic *t)
{
    return t->policy.retention != RETAIN_TIME || t->policy.is_compacted;
}

static bool look_at_answer(struct reading *r, struct read_item *item)
{
    uint64_t before = r->offset;
    bool     goes_on = item->err == ERR_OK;

    if (item->err)
        find(r, err_text(item->err));
    for (size_t i = 0; i < item->batch_count; i++) {
        goes_on = goes_on && look_at_batch(r, &item->batches[i]);
        slice_drop(&item->batches[i].bytes);
    }
    if (goes_on && r->offset == before) {
        if (!may_end_early(r->log->topic))
            find(r, "what should be here cannot be read");
        return false;
    }
    return goes_on;
}

/* One answer further; false at the end, or where it cannot go on. */
static bool read_some(struct reading *r)
{
    struct read_call *c = call_new(sizeof *c, CALL_READ, &r->home, on_done, r);
    bool              goes_on = false;

    c->ns = call_bytes(c, r->log->topic->key.ns);
    c->item_count = 1;
    c->items = arena_array(&c->call.arena, 1, sizeof *c->items);
    c->items[0].uuid = r->log->topic->uuid;
    c->items[0].partition = r->log->partition;
    c->items[0].offset = r->offset;
    c->items[0].bytes_max = READ_BYTES;
    c->bytes_max = READ_BYTES;
    r->is_answered = false;
    engine_submit(r->engine, &c->call);
    r->audit->pump(r->audit->ctx);
    mail_run(&r->home);
    if (!r->is_answered) {
        find(r, "a read is never answered");
        return false; /* the call stays the engine's */
    }
    goes_on = look_at_answer(r, &c->items[0]);
    call_free(c);
    return goes_on && r->offset < r->log->durable;
}

void engine_audit(struct engine *e, struct audit *a)
{
    struct log *l;
    size_t      at = 0;

    while ((l = idmap_next(&e->logs, &at)) != NULL) {
        struct reading r = { .audit = a, .engine = e, .log = l, .offset = l->start };

        mailbox_init(&r.home, wake, NULL);
        log_durable(e, l);
        a->logs++;
        while (r.offset < l->durable && read_some(&r))
            ;
        mailbox_fini(&r.home);
    }
}
