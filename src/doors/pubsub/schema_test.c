/* schema_test.c - what protobuf-c alone would let through. */
#include "doors/pubsub/schema.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PUBLISH (&google__pubsub__v1__publish_request__descriptor)

static enum ps_decode_result decode(const ProtobufCMessageDescriptor *type, const char *at, size_t len)
{
    struct arena          a;
    ProtobufCMessage     *m;
    enum ps_decode_result result;

    arena_init(&a);
    result = ps_decode(&a, type, bytes_of(at, len), &m);
    assert_true((result == PS_DECODED) == (m != NULL));
    arena_fini(&a);
    return result;
}

static void reads_a_message(void **state)
{
    static const char   wire[] = "\x0a\x01t\x12\x0c\x0a\x01x\x12\x07\x0a\x01k\x12\x02v\0";
    struct arena        a;
    ProtobufCMessage   *decoded;
    PB(PublishRequest) *m;

    (void)state;
    arena_init(&a);
    assert_int_equal(ps_decode(&a, PUBLISH, bytes_of(wire, sizeof wire - 1), &decoded), PS_DECODED);
    m = (PB(PublishRequest) *)(void *)decoded;
    assert_string_equal(m->topic, "t");
    assert_int_equal(m->n_messages, 1);
    assert_int_equal(m->messages[0]->n_attributes, 1);
    assert_int_equal(m->messages[0]->attributes[0]->value.len, 2); /* a zero in an attribute is kept */
    arena_fini(&a);
    assert_int_equal(decode(PUBLISH, NULL, 0), PS_DECODED);
}

static void refuses_malformed_bytes(void **state)
{
    (void)state;
    assert_int_equal(decode(PUBLISH, "\x0a", 1), PS_MALFORMED);
    assert_int_equal(decode(PUBLISH, "\x0a\x05t", 3), PS_MALFORMED);
    assert_int_equal(decode(PUBLISH, "\x02\x01t", 3), PS_MALFORMED);     /* field 0 */
    assert_int_equal(decode(PUBLISH, "\x1b\x1c", 2), PS_MALFORMED);      /* a group */
    assert_int_equal(decode(PUBLISH, "\x08\x01", 2), PS_MALFORMED);      /* a number where a text belongs */
    assert_int_equal(decode(PUBLISH, "\x12\x02\x0a\x05", 4), PS_MALFORMED); /* inside a part */
    assert_int_equal(decode(PUBLISH, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11), PS_MALFORMED);
}

static void refuses_texts_that_are_not_utf8(void **state)
{
    (void)state;
    assert_int_equal(decode(PUBLISH, "\x0a\x01\xff", 3), PS_NOT_UTF8);
    assert_int_equal(decode(PUBLISH, "\x0a\x02t\0", 4), PS_NOT_UTF8);
    assert_int_equal(decode(PUBLISH, "\x12\x03\x1a\x01\x80", 5), PS_NOT_UTF8); /* message_id, one level down */
}

static void bounds_what_tiny_parts_become(void **state)
{
    struct buf wire;
    size_t     i;

    (void)state;
    buf_init(&wire);
    for (i = 0; i < 2 * 1000 * 1000; i++)
        buf_add(&wire, "\x12\x00", 2);
    assert_int_equal(decode(PUBLISH, (char *)wire.at, wire.len), PS_TOO_MANY_PARTS);
    assert_int_equal(decode(PUBLISH, (char *)wire.at, 2000), PS_DECODED);
    buf_fini(&wire);
}

static void encodes_what_it_decodes(void **state)
{
    struct arena         a;
    struct buf           out;
    PB(PublishResponse) *m;
    struct slice         s;
    char                *ids[] = { (char[]){ "12" }, (char[]){ "13" } };

    (void)state;
    arena_init(&a);
    buf_init(&out);
    m = ps_message_new(&a, &google__pubsub__v1__publish_response__descriptor);
    m->n_message_ids = 2;
    m->message_ids = ids;
    ps_encode(&out, &m->base);
    assert_true(bytes_eq(buf_view(&out), bytes_of("\x0a\x02" "12\x0a\x02" "13", 8)));
    ps_encode_field(&out, 1, &m->base);
    assert_true(bytes_eq(bytes_of(out.at + 8, out.len - 8), bytes_of("\x0a\x08\x0a\x02" "12\x0a\x02" "13", 10)));
    s = ps_slice_take(&out);
    assert_int_equal(s.bytes.len, 18);
    assert_null(out.at);
    slice_drop(&s);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_message),
        cmocka_unit_test(refuses_malformed_bytes),
        cmocka_unit_test(refuses_texts_that_are_not_utf8),
        cmocka_unit_test(bounds_what_tiny_parts_become),
        cmocka_unit_test(encodes_what_it_decodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
