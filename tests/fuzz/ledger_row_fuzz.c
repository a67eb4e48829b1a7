/*
 * ledger_row_fuzz.c - rows of a queue's chunks that say anything: refused, or what they say can be
 * worked with, and is said the same way again.
 *
 * Input: where the cursor is, as an octet, and which chunk; then the row.
 */
#include "base/buf.h"
#include "engine/ledger_int.h"

#include <assert.h>

enum { LANE_END = 3 * CHUNK_OFFSETS - 17 };

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void release(void *ctx, struct held *h)
{
    (void)ctx;
    if (h->state == HELD_LEASED)
        held_release(h, 0, true);
    else
        held_wake(h);
}

static void ignore(void *ctx, struct held *h)
{
    (void)ctx;
    (void)h;
}

static bool restore(struct ledger *g, uint64_t next, uint64_t chunk, struct bytes row)
{
    struct rd r = rd_of(row);

    ledger_begin(g, 0, next, LANE_END);
    return ledger_restore(&g->lanes[0], chunk, &r);
}

static void encode(const struct ledger *g, uint64_t chunk, struct buf *out)
{
    const struct chunk *c = chunk_find(&g->lanes[0], chunk);

    assert(c);
    chunk_encode(c, out);
}

/* All of it comes due, is leased and is settled. */
static void work(struct ledger *g)
{
    struct lease_terms terms = { .is_bound = true };
    struct lane       *l;
    uint64_t           offset;

    ledger_run_due(g, INT64_MAX - 1, UINT64_MAX, release, NULL);
    while (ledger_peek(g, &l, &offset))
        assert(ledger_lease(l, offset, &terms));
    assert(g->ready_count == 0);
    ledger_purge(g, FATE_PURGED, true, ignore, NULL);
    assert(g->leased_count == 0 && g->delayed_count == 0 && lane_floor(&g->lanes[0]) == LANE_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct held_pool pool;
    struct ledger    one, two;
    struct buf       first, second;
    uint64_t         next, chunk;

    if (len < 2)
        return 0;
    next = (uint64_t)at[0] * LANE_END / UINT8_MAX;
    chunk = at[1] % 4;
    held_pool_init(&pool, NULL);
    ledger_init(&one, &pool, 1);
    ledger_init(&two, &pool, 1);
    buf_init(&first);
    buf_init(&second);
    if (restore(&one, next, chunk, bytes_of(at + 2, len - 2))) {
        encode(&one, chunk, &first);
        assert(restore(&two, next, chunk, buf_view(&first)));
        encode(&two, chunk, &second);
        assert(bytes_eq(buf_view(&first), buf_view(&second)));
        work(&one);
        work(&two);
    }
    buf_fini(&first);
    buf_fini(&second);
    ledger_fini(&one);
    ledger_fini(&two);
    held_pool_fini(&pool);
    return 0;
}
