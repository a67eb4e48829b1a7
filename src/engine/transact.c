/*
 * transact.c - CALL_TRANSACT: calls that take effect together; see transact_calls.h.
 *
 * All is checked, then all is done. It is one call, so recovery sees it whole or not at all (call.h C6).
 * No state of a transaction outlives its turn, so there is nothing to recover or to time out.
 *
 * Thread: the shard's.
 */
#include "engine/transact.h"
#include "engine/engine_int.h"

static const struct part {
    transact_check_fn   *check; /* NULL: cannot be part of a transaction */
    transact_perform_fn *perform;
    transact_bytes_fn   *bytes; /* may be NULL */
    transact_end_fn     *end;   /* likewise */
} parts[CALL_KIND_COUNT] = {
    [CALL_PUBLISH] = { exchange_check_publish, exchange_perform_publish, exchange_publish_bytes, exchange_end_publish },
    [CALL_APPEND] = { append_check, append_perform, append_bytes, append_end },
    [CALL_SETTLE] = { queue_check_settle, queue_perform_settle, NULL, queue_end_settle },
    [CALL_OFFSETS_COMMIT] = { group_check_commit, group_perform_commit, NULL, NULL },
};

static const struct part *part_of(const struct call *c)
{
    return &parts[c->kind];
}

/* T2 */
static enum err check(struct engine *e, struct transact_call *a)
{
    uint64_t bytes = 0;

    for (a->failed = 0; a->failed < a->count; a->failed++) {
        struct call       *c = a->calls[a->failed];
        const struct part *p = part_of(c);

        c->err = p->check ? p->check(e, c) : ERR_BAD_ARGUMENT;
        bytes += p->bytes ? p->bytes(c) : 0;
        if (!c->err && bytes > TRANSACT_BYTES_MAX)
            c->err = ERR_TOO_BIG;
        if (c->err)
            return c->err;
    }
    return ERR_OK;
}

/* T1 */
static void perform(struct engine *e, struct transact_call *a)
{
    for (int phase = TRANSACT_TAKE; phase <= TRANSACT_GIVE_BACK; phase++)
        for (size_t i = 0; i < a->count; i++)
            part_of(a->calls[i])->perform(e, a->calls[i], (enum transact_phase)phase);
}

void transact_on_transact(struct engine *e, struct call *c)
{
    struct transact_call *a = (struct transact_call *)c;
    enum err              err = check(e, a);

    if (!err)
        perform(e, a);
    for (size_t i = 0; i < a->count; i++)
        if (part_of(a->calls[i])->end)
            part_of(a->calls[i])->end(e, a->calls[i]);
    engine_answer(e, c, err);
}
