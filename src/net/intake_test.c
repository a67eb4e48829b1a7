/*
 * intake_test.c - many connections share one pool; their frames arrive in pieces of random sizes, in random
 * turns, and slices of them are kept for a while. Whatever the order, each stream must come out as it went in,
 * and a kept slice must not change.
 */
#include "net/intake.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

enum { STREAMS = 6, KEPT_MAX = 40, HEAD_BYTES = 8, ROUNDS = 3000 };

static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static uint8_t expected(uint32_t frame, size_t i)
{
    return (uint8_t)((frame * 2654435761u >> 11) + i * 31 + (i >> 8));
}

/* A stream writes frames (length, number, bytes) and the same struct reads them back. */
struct stream {
    struct intake in;
    uint32_t      frame; /* being written */
    size_t        size;
    size_t        at; /* of HEAD_BYTES + size */
    uint32_t      read_count;
};

struct kept {
    struct slice slice;
    uint32_t     frame;
};

struct world {
    struct pool   pool;
    struct stream streams[STREAMS];
    struct kept   kept[KEPT_MAX];
    uint64_t      seed;
    size_t        moved; /* bytes */
};

static size_t draw_size(uint64_t *seed)
{
    switch (draw(seed) % 16) {
    case 0:
        return draw(seed) % 300000;
    case 1:
        return draw(seed) % 70000;
    case 2:
        return draw(seed) % 500 ? draw(seed) % 20000 : INTAKE_TRUST_BYTES + draw(seed) % 3000000;
    default:
        return draw(seed) % 600;
    }
}

static uint8_t next_byte(struct stream *s, uint64_t *seed)
{
    uint8_t head[HEAD_BYTES];
    uint8_t byte;

    put_u32(head, (uint32_t)s->size);
    put_u32(head + 4, s->frame);
    byte = s->at < HEAD_BYTES ? head[s->at] : expected(s->frame, s->at - HEAD_BYTES);
    if (++s->at == HEAD_BYTES + s->size) {
        s->at = 0;
        s->frame++;
        s->size = draw_size(seed);
    }
    return byte;
}

static void check_frame(struct bytes b, uint32_t frame)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.at[i] != expected(frame, i))
            fail_msg("frame %u differs at byte %zu of %zu", frame, i, b.len);
}

static void release(struct kept *k)
{
    check_frame(k->slice.bytes, k->frame);
    slice_drop(&k->slice);
}

static void keep(struct world *w, struct slice s, uint32_t frame)
{
    struct kept *k = &w->kept[draw(&w->seed) % KEPT_MAX];

    release(k);
    *k = (struct kept){ slice_hold(s), frame };
}

/* As a door does it: whole frames are used up, the length of an unfinished one becomes the wish. */
static void read_frames(struct world *w, struct stream *s)
{
    struct slice in = intake_view(&s->in);
    size_t       used = 0;

    s->in.want = 0;
    while (in.bytes.len - used >= HEAD_BYTES) {
        size_t size = get_u32(in.bytes.at + used);

        if (in.bytes.len - used < HEAD_BYTES + size) {
            s->in.want = HEAD_BYTES + size;
            break;
        }
        assert_int_equal(get_u32(in.bytes.at + used + 4), s->read_count);
        check_frame(bytes_of(in.bytes.at + used + HEAD_BYTES, size), s->read_count);
        if (draw(&w->seed) % 4 == 0)
            keep(w, slice_of(in.block, in.bytes.at + used + HEAD_BYTES, size), s->read_count);
        used += HEAD_BYTES + size;
        s->read_count++;
    }
    intake_used(&s->in, used);
}

static void receive(struct world *w, struct stream *s)
{
    size_t   room, n;
    uint8_t *at = intake_room(&s->in, &w->pool, &room);

    assert_true(room > 0);
    n = draw(&w->seed) % 3 ? draw(&w->seed) % 3000 : draw(&w->seed) % 200000;
    n = n < room ? n : room;
    for (size_t i = 0; i < n; i++)
        at[i] = next_byte(s, &w->seed);
    if (n == 0)
        return;
    w->moved += n;
    intake_filled(&s->in, &w->pool, n);
    if (intake_pending(&s->in) >= s->in.want)
        read_frames(w, s);
}

static void streams_come_out_as_they_went_in(void **state)
{
    struct world *w = mem_new(sizeof *w);

    (void)state;
    w->seed = 88172645463325252u;
    for (int i = 0; i < ROUNDS; i++) {
        struct stream *s = &w->streams[draw(&w->seed) % STREAMS];

        for (uint64_t n = draw(&w->seed) % 4; n > 0; n--)
            receive(w, s);
        intake_rest(&s->in);
    }
    for (int i = 0; i < STREAMS; i++) {
        assert_true(w->streams[i].read_count > 100);
        intake_fini(&w->streams[i].in);
    }
    for (int i = 0; i < KEPT_MAX; i++)
        release(&w->kept[i]);
    pool_fini(&w->pool);
    free(w);
}

/* What is promised and what is there: a block of the promised size only up to INTAKE_TRUST_BYTES. */
static void memory_follows_the_bytes_not_the_wish(void **state)
{
    static const size_t wishes[] = { 100, POOL_BLOCK_BYTES, 500000, INTAKE_TRUST_BYTES, 2000000000 };
    struct pool         pool = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(wishes); i++) {
        struct intake in = { 0 };
        size_t        room;

        *intake_room(&in, &pool, &room) = 'x';
        intake_filled(&in, &pool, 1);
        in.want = wishes[i];
        intake_rest(&in);
        intake_room(&in, &pool, &room);
        assert_true(room <= INTAKE_TRUST_BYTES);
        if (wishes[i] <= INTAKE_TRUST_BYTES)
            assert_true(room >= wishes[i] - 1);
        intake_fini(&in);
    }
    pool_fini(&pool);
}

static void nothing_pending_owns_nothing(void **state)
{
    struct intake in = { 0 };
    struct pool   pool = { 0 };
    uint8_t      *first, *again;
    size_t        room;

    (void)state;
    first = intake_room(&in, &pool, &room);
    intake_filled(&in, &pool, 1000);
    intake_used(&in, 1000);
    assert_null(in.block);
    again = intake_room(&in, &pool, &room);
    assert_ptr_equal(first, again); /* nobody kept anything: the block starts over */
    pool_fini(&pool);
}

/* The rest of a frame that waits keeps its few bytes, not the 64 KiB they came in. */
static void a_small_rest_moves_to_a_small_block(void **state)
{
    struct intake in = { 0 };
    struct pool   pool = { 0 };
    size_t        room;

    (void)state;
    intake_room(&in, &pool, &room);
    intake_filled(&in, &pool, 1000);
    intake_used(&in, 990);
    intake_rest(&in);
    assert_int_equal(intake_pending(&in), 10);
    assert_true(in.block->cap <= 100);
    intake_fini(&in);
    pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_come_out_as_they_went_in),
        cmocka_unit_test(memory_follows_the_bytes_not_the_wish),
        cmocka_unit_test(nothing_pending_owns_nothing),
        cmocka_unit_test(a_small_rest_moves_to_a_small_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
