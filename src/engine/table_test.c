/* table_test.c - every type, nesting, malformed tables, equality across widths. */
#include "base/buf.h"
#include "engine/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void put_name(struct buf *b, const char *name)
{
    buf_u8(b, (uint8_t)strlen(name));
    buf_str(b, name);
}

static void put_long(struct buf *b, char type, const void *at, size_t n)
{
    buf_u8(b, (uint8_t)type);
    buf_u32(b, (uint32_t)n);
    buf_add(b, at, n);
}

static struct table_value value_of(const char *encoded, size_t len)
{
    struct table_reader r = table_open(bytes_of(encoded, len));
    struct table_value  v;

    assert_true(table_next_element(&r, &v));
    assert_int_equal(rd_left(&r.rd), 0);
    return v;
}

#define VALUE(text) value_of(text, sizeof(text) - 1)

static void reads_every_type(void **state)
{
    (void)state;
    assert_int_equal(VALUE("t\1").integer, 1);
    assert_int_equal(VALUE("b\xff").integer, -1);
    assert_int_equal(VALUE("B\xff").integer, 255);
    assert_int_equal(VALUE("s\xff\xfe").integer, -2);
    assert_int_equal(VALUE("u\xff\xfe").integer, 65534);
    assert_int_equal(VALUE("I\xff\xff\xff\xfd").integer, -3);
    assert_int_equal(VALUE("i\xff\xff\xff\xfd").integer, 4294967293);
    assert_int_equal(VALUE("l\xff\xff\xff\xff\xff\xff\xff\xfc").integer, -4);
    assert_int_equal(VALUE("L\0\0\0\0\0\0\1\0").integer, 256);
    assert_int_equal(VALUE("T\0\0\0\0\0\0\2\0").integer, 512);
    assert_true(VALUE("f\x3f\xc0\0\0").real > 1.49);
    assert_true(VALUE("d\xbf\xf8\0\0\0\0\0\0").real < -1.49);
    assert_int_equal(VALUE("D\2\xff\xff\xff\xff").integer, -1);
    assert_int_equal(VALUE("D\2\xff\xff\xff\xff").scale, 2);
    assert_true(bytes_eq_str(VALUE("S\0\0\0\2hi").bytes, "hi"));
    assert_true(bytes_eq_str(VALUE("x\0\0\0\2ho").bytes, "ho"));
    assert_int_equal(VALUE("V").type, 'V');
    assert_int_equal(VALUE("A\0\0\0\2t\1").bytes.len, 2);
}

static void walks_and_finds(void **state)
{
    struct buf          b;
    struct table_reader r;
    struct table_value  v;
    struct bytes        name;

    (void)state;
    buf_init(&b);
    put_name(&b, "first");
    put_long(&b, 'S', "one", 3);
    put_name(&b, "second");
    buf_str(&b, "b\7");
    put_name(&b, "first"); /* repeated names stay */
    buf_str(&b, "V");
    r = table_open(buf_view(&b));
    assert_true(table_next(&r, &name, &v));
    assert_true(bytes_eq_str(name, "first"));
    assert_true(table_next(&r, &name, &v));
    assert_true(table_next(&r, &name, &v));
    assert_int_equal(v.type, 'V');
    assert_false(table_next(&r, &name, &v));
    assert_false(r.rd.failed);
    assert_true(table_find(buf_view(&b), "first", &v));
    assert_int_equal(v.type, 'S');
    assert_true(table_find(buf_view(&b), "second", &v));
    assert_false(table_find(buf_view(&b), "third", &v));
    assert_true(table_is_valid(buf_view(&b)));
    for (size_t cut = 1; cut < b.len; cut++) /* whole only at the ends of fields */
        assert_int_equal(table_is_valid(bytes_of(b.at, cut)), cut == 14 || cut == 23);
    buf_fini(&b);
}

static void null_and_empty_are_valid(void **state)
{
    (void)state;
    assert_true(table_is_valid(bytes_of(NULL, 0)));
    assert_true(table_is_valid(bytes_of("", 0)));
    assert_false(table_is_valid(bytes_str("\1a\x55"))); /* 'U' is no type */
    assert_false(table_is_valid(bytes_str("\1a\xf0")));
}

/* A table that holds a table that holds ... `depth` levels in all. */
static void nest(struct buf *b, size_t depth)
{
    struct buf inner;

    buf_clear(b);
    for (size_t i = 1; i < depth; i++) {
        buf_init(&inner);
        put_name(&inner, "k");
        put_long(&inner, 'F', b->at, b->len);
        buf_fini(b);
        *b = inner;
    }
}

static void depth_is_bounded(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b);
    nest(&b, TABLE_DEPTH_MAX);
    assert_true(table_is_valid(buf_view(&b)));
    nest(&b, TABLE_DEPTH_MAX + 1);
    assert_false(table_is_valid(buf_view(&b)));
    buf_fini(&b);
}

static bool eq(struct table_value a, struct table_value b)
{
    assert_int_equal(table_value_eq(&a, &b), table_value_eq(&b, &a));
    return table_value_eq(&a, &b);
}

static void equality_is_by_kind_and_value(void **state)
{
    (void)state;
    assert_true(eq(VALUE("b\5"), VALUE("l\0\0\0\0\0\0\0\5")));
    assert_true(eq(VALUE("b\xff"), VALUE("I\xff\xff\xff\xff")));
    assert_false(eq(VALUE("b\5"), VALUE("b\6")));
    assert_false(eq(VALUE("b\1"), VALUE("t\1")));
    assert_false(eq(VALUE("S\0\0\0\1a"), VALUE("x\0\0\0\1a")));
    assert_true(eq(VALUE("f\x3f\xc0\0\0"), VALUE("d\x3f\xf8\0\0\0\0\0\0")));
    assert_false(eq(VALUE("T\0\0\0\0\0\0\0\5"), VALUE("l\0\0\0\0\0\0\0\5")));
    assert_false(eq(VALUE("D\1\0\0\0\5"), VALUE("D\2\0\0\0\5")));
    assert_true(eq(VALUE("S\0\0\0\0"), VALUE("S\0\0\0\0")));
    assert_true(eq(VALUE("V"), VALUE("V")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(walks_and_finds),
        cmocka_unit_test(null_and_empty_are_valid),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(equality_is_by_kind_and_value),
    };

    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
