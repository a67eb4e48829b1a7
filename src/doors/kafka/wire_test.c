/* wire_test.c - the rules of the decoder and the encoder (wire.h), on small layouts of its own. */
#include "doors/kafka/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LAST = WIRE_NEVER, NEVER = WIRE_NEVER };

struct leaf {
    struct bytes name;
};
struct tree {
    bool         flag;
    struct bytes text; /* nullable since 1 */
    struct {
        size_t       count;
        struct leaf *at;
    } leaves; /* nullable since 1 */
    struct wire_i32s    numbers;
    struct wire_strings words;
    int64_t             late; /* since 1 */
    struct wire_i8s     small; /* this and the next since 3 */
    struct leaf        *fruit; /* nullable */
};

static const struct wire_field leaf_fields[] = {
    { "name", WIRE_STRING, 0, LAST, NEVER, offsetof(struct leaf, name), NULL },
};
static const struct wire_layout leaf_layout = { "leaf", sizeof(struct leaf), COUNT(leaf_fields),
                                                leaf_fields };
static const struct wire_field  tree_fields[] = {
     { "flag", WIRE_BOOL, 0, LAST, NEVER, offsetof(struct tree, flag), NULL },
     { "text", WIRE_STRING, 0, LAST, 1, offsetof(struct tree, text), NULL },
     { "leaves", WIRE_ARRAY, 0, LAST, 1, offsetof(struct tree, leaves), &leaf_layout },
     { "numbers", WIRE_I32S, 0, LAST, NEVER, offsetof(struct tree, numbers), NULL },
     { "words", WIRE_STRINGS, 0, LAST, NEVER, offsetof(struct tree, words), NULL },
     { "late", WIRE_I64, 1, LAST, NEVER, offsetof(struct tree, late), NULL },
     { "small", WIRE_I8S, 3, LAST, NEVER, offsetof(struct tree, small), NULL },
     { "fruit", WIRE_STRUCT, 3, LAST, 3, offsetof(struct tree, fruit), &leaf_layout },
};
static const struct wire_layout tree_layout = { "tree", sizeof(struct tree), COUNT(tree_fields),
                                                tree_fields };

static const struct wire_version old = { 0, false };
static const struct wire_version newer = { 1, false };
static const struct wire_version flexible = { 2, true };
static const struct wire_version newest = { 3, true };

static bool decode(struct arena *arena, struct wire_version v, const void *at, size_t len,
                   struct tree *out)
{
    struct rd in = rd_of(bytes_of(at, len));

    return wire_decode(&tree_layout, v, &in, arena, out) && rd_left(&in) == 0;
}

#define DECODE(arena, v, literal, out) decode((arena), (v), (literal), sizeof(literal) - 1, (out))

static void plain_and_flexible_say_the_same(void **state)
{
    static const char plain[] = "\1" "\0\2hi" "\0\0\0\1\0\1x" "\0\0\0\2\0\0\0\7\377\377\377\377"
                                "\0\0\0\1\0\0" "\0\0\0\0\0\0\0\11";
    static const char compact[] = "\1" "\3hi" "\2\2x\0" "\3\0\0\0\7\377\377\377\377" "\2\1"
                                  "\0\0\0\0\0\0\0\11" "\0";
    struct arena arena;
    struct tree  t;

    (void)state;
    arena_init(&arena);
    for (int i = 0; i < 2; i++) {
        assert_true(i == 0 ? DECODE(&arena, newer, plain, &t) : DECODE(&arena, flexible, compact, &t));
        assert_true(t.flag);
        assert_true(bytes_eq_str(t.text, "hi"));
        assert_int_equal(t.leaves.count, 1);
        assert_true(bytes_eq_str(t.leaves.at[0].name, "x"));
        assert_int_equal(t.numbers.count, 2);
        assert_int_equal(t.numbers.at[1], -1);
        assert_int_equal(t.words.count, 1);
        assert_int_equal(t.words.at[0].len, 0);
        assert_int_equal(t.late, 9);
    }
    arena_fini(&arena);
}

static void null_is_told_from_empty_where_it_is_allowed(void **state)
{
    static const char nulls[] = "\0" "\377\377" "\377\377\377\377" "\0\0\0\0" "\0\0\0\0"
                                "\0\0\0\0\0\0\0\0";
    static const char empties[] = "\0" "\0\0" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0\0\0\0\0";
    struct arena arena;
    struct tree  t;

    (void)state;
    arena_init(&arena);
    assert_true(DECODE(&arena, newer, nulls, &t));
    assert_true(bytes_is_null(t.text));
    assert_null(t.leaves.at);
    assert_true(DECODE(&arena, newer, empties, &t));
    assert_false(bytes_is_null(t.text));
    assert_non_null(t.leaves.at);
    assert_false(decode(&arena, old, nulls, sizeof nulls - 9, &t)); /* version 0 has no nulls */
    assert_true(decode(&arena, old, empties, sizeof empties - 9, &t));
    assert_false(DECODE(&arena, flexible, "\0\0\0\0\1\0\0\0\0\0\0\0\0\0", &t)); /* numbers null */
    arena_fini(&arena);
}

/* A struct that may be null has a byte before it (KIP-848). */
static void a_struct_may_be_null(void **state)
{
    static const char with[] = "\0\0\0\1\1" "\0\0\0\0\0\0\0\0" "\3\7\377" "\1\2x\0" "\0";
    static const char without[] = "\0\0\0\1\1" "\0\0\0\0\0\0\0\0" "\1" "\377" "\0";
    struct arena      arena;
    struct wire_out   out;
    struct tree       t;

    (void)state;
    arena_init(&arena);
    assert_true(DECODE(&arena, newest, without, &t));
    assert_null(t.fruit);
    assert_false(decode(&arena, newest, with, sizeof with - 3, &t));
    assert_true(DECODE(&arena, newest, with, &t));
    assert_true(bytes_eq_str(t.fruit->name, "x"));
    assert_int_equal(t.small.count, 2);
    assert_int_equal(t.small.at[1], -1);
    wire_out_init(&out);
    wire_encode(&tree_layout, newest, &t, &out);
    assert_int_equal(out.bytes.len, sizeof with - 1);
    assert_memory_equal(out.bytes.at, with, out.bytes.len);
    wire_out_fini(&out);
    arena_fini(&arena);
}

static void a_version_without_a_field_leaves_it_zero(void **state)
{
    static const char bytes[] = "\0" "\0\0" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0";
    struct arena      arena;
    struct tree       t = { .late = 5 };

    (void)state;
    arena_init(&arena);
    assert_true(DECODE(&arena, old, bytes, &t));
    assert_int_equal(t.late, 0);
    arena_fini(&arena);
}

static void unknown_tags_are_skipped(void **state)
{
    static const char tagged[] = "\0\1\1\1\1\0\0\0\0\0\0\0\0" "\2" "\5\3abc" "\200\1\0";
    static const char lying[] = "\0\1\1\1\1\0\0\0\0\0\0\0\0" "\1" "\5\4abc";
    struct arena      arena;
    struct tree       t;

    (void)state;
    arena_init(&arena);
    assert_true(DECODE(&arena, flexible, tagged, &t));
    assert_false(DECODE(&arena, flexible, lying, &t));
    arena_fini(&arena);
}

static void lying_lengths_fail_before_anything_is_taken(void **state)
{
    struct arena arena;
    struct tree  t;

    (void)state;
    arena_init(&arena);
    assert_false(DECODE(&arena, newer, "\0" "\0\5hi", &t));
    assert_false(DECODE(&arena, newer, "\0" "\200\0hi", &t));
    assert_false(DECODE(&arena, newer, "\0" "\0\0" "\177\377\377\377", &t));
    assert_false(DECODE(&arena, newer, "\0" "\0\0" "\200\0\0\0", &t));
    assert_false(DECODE(&arena, flexible, "\0" "\377\377\377\377\17", &t));
    assert_false(DECODE(&arena, flexible, "\0" "\377\377\377\377\377\377", &t));
    arena_fini(&arena);
}

static void arrays_of_one_message_are_bounded(void **state)
{
    const size_t count = WIRE_DECODED_BYTES_MAX / sizeof(struct leaf) + 1;
    struct arena arena;
    struct buf   b;
    struct tree  t;

    (void)state;
    arena_init(&arena);
    buf_init(&b);
    buf_add(&b, "\0\0\0", 3);
    buf_u32(&b, (uint32_t)count);
    memset(buf_grow(&b, 2 * count + 16), 0, 2 * count + 16);
    assert_false(decode(&arena, newer, b.at, b.len, &t));
    put_u32(b.at + 3, (uint32_t)count - 1);
    assert_true(decode(&arena, newer, b.at, b.len - 2, &t));
    assert_int_equal(t.leaves.count, count - 1);
    buf_fini(&b);
    arena_fini(&arena);
}

static void strings_have_their_own_limit_in_flexible_versions_too(void **state)
{
    struct arena arena;
    struct buf   b;
    struct tree  t;

    (void)state;
    arena_init(&arena);
    for (int over = 0; over < 2; over++) {
        size_t len = INT16_MAX + (size_t)over;

        buf_init(&b);
        buf_u8(&b, 0);
        buf_uvarint(&b, len + 1);
        memset(buf_grow(&b, len), 'a', len);
        buf_add(&b, "\1\1\1\0\0\0\0\0\0\0\0\0", 12);
        assert_int_equal(decode(&arena, flexible, b.at, b.len, &t), !over);
        buf_fini(&b);
    }
    arena_fini(&arena);
}

static void null_is_written_as_empty_where_it_is_not_allowed(void **state)
{
    static const char want[] = "\0" "\0\0" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0";
    struct tree       t = { 0 };
    struct wire_out   out;

    (void)state;
    wire_out_init(&out);
    wire_encode(&tree_layout, old, &t, &out);
    assert_int_equal(out.bytes.len, sizeof want - 1);
    assert_memory_equal(out.bytes.at, want, sizeof want - 1);
    wire_out_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_flexible_say_the_same),
        cmocka_unit_test(null_is_told_from_empty_where_it_is_allowed),
        cmocka_unit_test(a_struct_may_be_null),
        cmocka_unit_test(a_version_without_a_field_leaves_it_zero),
        cmocka_unit_test(unknown_tags_are_skipped),
        cmocka_unit_test(lying_lengths_fail_before_anything_is_taken),
        cmocka_unit_test(arrays_of_one_message_are_bounded),
        cmocka_unit_test(strings_have_their_own_limit_in_flexible_versions_too),
        cmocka_unit_test(null_is_written_as_empty_where_it_is_not_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
