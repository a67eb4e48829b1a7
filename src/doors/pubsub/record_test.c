/* record_test.c - what Pub/Sub wrote comes back exactly; what others wrote comes by rules V1 to V4. */
#include "doors/pubsub/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct shown {
    struct buf         batch;
    struct arena       arena;
    struct batch_reader reader;
    struct message     message;
    PB(PubsubMessage)  out;
};

static void show(struct shown *s)
{
    struct record r;

    arena_init(&s->arena);
    assert_int_equal(batch_open(&s->reader, buf_view(&s->batch)), ERR_OK);
    assert_true(batch_next(&s->reader, &r, NULL));
    message_of(&r, &s->message);
    google__pubsub__v1__pubsub_message__init(&s->out);
    ps_record_show(&s->message, &s->arena, &s->out);
}

static void show_foreign(struct shown *s, struct bytes key, const struct header *headers, size_t count)
{
    struct batch_writer w;

    buf_init(&s->batch);
    batch_begin(&w, &s->batch);
    batch_add(&w, 1, key, bytes_str("body"), headers, count);
    batch_end(&w);
    show(s);
}

static void end(struct shown *s)
{
    batch_close(&s->reader);
    arena_fini(&s->arena);
    buf_fini(&s->batch);
}

static const PB(Attribute) *find(const struct shown *s, const char *key)
{
    size_t i;

    for (i = 0; i < s->out.n_attributes; i++)
        if (bytes_eq_str(ps_bytes(s->out.attributes[i]->key), key))
            return s->out.attributes[i];
    return NULL;
}

static void expect(const struct shown *s, const char *key, const char *value)
{
    const PB(Attribute) *a = find(s, key);

    assert_non_null(a);
    assert_true(bytes_eq_str(ps_bytes(a->value), value));
}

static void write_own(struct shown *s, const char *key, const char *const pairs[][2], size_t count)
{
    PB(PubsubMessage)   m = GOOGLE__PUBSUB__V1__PUBSUB_MESSAGE__INIT;
    PB(Attribute)       attributes[8];
    PB(Attribute)      *at[8];
    struct batch_writer w;
    size_t              i;

    for (i = 0; i < count; i++) {
        google__pubsub__v1__attribute__init(&attributes[i]);
        attributes[i].key = ps_binary(bytes_str(pairs[i][0]));
        attributes[i].value = ps_binary(bytes_str(pairs[i][1]));
        at[i] = &attributes[i];
    }
    m.data = ps_binary(bytes_str("body"));
    m.ordering_key = ps_binary(bytes_str(key));
    m.attributes = at;
    m.n_attributes = count;
    buf_init(&s->batch);
    batch_begin(&w, &s->batch);
    ps_record_add(&w, 1000, &m);
    batch_end(&w);
    show(s);
}

static void own_messages_come_back_exactly(void **state)
{
    static const char *const pairs[][2] = {
        { "color", "red" }, { "empty", "" }, { "myna-amqp", "not a native part" }, { "color", "blue" },
    };
    struct shown s;

    (void)state;
    write_own(&s, "key-1", pairs, COUNT(pairs));
    assert_true(bytes_eq_str(ps_bytes(s.out.data), "body"));
    assert_true(bytes_eq_str(ps_bytes(s.out.ordering_key), "key-1"));
    assert_int_equal(s.out.n_attributes, 3);
    expect(&s, "color", "blue");
    expect(&s, "empty", "");
    expect(&s, "myna-amqp", "not a native part");
    end(&s);
}

static void other_doors_see_key_value_and_headers(void **state)
{
    static const char *const pairs[][2] = { { "color", "red" }, { "myna-sqs", "x" } };
    struct shown             s;

    (void)state;
    write_own(&s, "", pairs, COUNT(pairs));
    assert_int_equal(s.message.origin, DOOR_PUBSUB);
    assert_true(bytes_is_null(s.message.key));
    assert_true(bytes_eq_str(s.message.value, "body"));
    assert_int_equal(s.message.header_count, 1);
    assert_true(bytes_eq_str(s.message.headers[0].name, "color"));
    end(&s);
}

static void foreign_headers_become_attributes(void **state)
{
    const struct header headers[] = {
        { bytes_str("a"), bytes_str("first") },
        { bytes_str("raw"), bytes_of("\xff\x00", 2) },
        { bytes_str("null"), bytes_of(NULL, 0) },
        { bytes_str("a"), bytes_str("last") },
        { bytes_str("raw2"), bytes_of("\x80", 1) },
    };
    struct shown s;

    (void)state;
    show_foreign(&s, bytes_str("k"), headers, COUNT(headers));
    assert_true(bytes_eq_str(ps_bytes(s.out.ordering_key), "k"));
    assert_int_equal(s.out.n_attributes, 5);
    expect(&s, "a", "last");
    expect(&s, "raw", "/wA=");
    expect(&s, "raw2", "gA==");
    expect(&s, "null", "");
    expect(&s, "myna-base64", "raw,raw2");
    end(&s);
}

static void foreign_keys_that_are_not_text_are_shown_in_base64(void **state)
{
    struct shown s;

    (void)state;
    show_foreign(&s, bytes_of("\xff\xfe", 2), NULL, 0);
    assert_int_equal(s.out.ordering_key.len, 0);
    expect(&s, "myna-key", "//4=");
    end(&s);
    show_foreign(&s, bytes_of(NULL, 0), NULL, 0);
    assert_int_equal(s.out.ordering_key.len, 0);
    assert_int_equal(s.out.n_attributes, 0);
    end(&s);
}

static void limits_hold_and_what_is_left_out_is_counted(void **state)
{
    struct header headers[120];
    char          names[120][8];
    char          huge[2000];
    struct shown  s;
    size_t        i;

    (void)state;
    memset(huge, 'x', sizeof huge);
    for (i = 0; i < COUNT(headers); i++) {
        snprintf(names[i], sizeof names[i], "h%zu", i);
        headers[i] = (struct header){ bytes_str(names[i]), bytes_str("v") };
    }
    headers[0].value = bytes_of(huge, PS_ATTRIBUTE_VALUE_BYTES_MAX + 1);
    headers[1].name = bytes_of(huge, PS_ATTRIBUTE_KEY_BYTES_MAX + 1);
    headers[2].name = bytes_str("");
    headers[3].name = bytes_str("\xff");
    headers[4].value = bytes_of(huge, PS_ATTRIBUTE_VALUE_BYTES_MAX);
    show_foreign(&s, bytes_str("k"), headers, COUNT(headers));
    assert_true(s.out.n_attributes <= PS_ATTRIBUTES_MAX);
    assert_non_null(find(&s, "h4"));
    assert_non_null(find(&s, "h100"));
    assert_null(find(&s, "h101"));
    expect(&s, "myna-left-out", "23"); /* 120, less 4 that do not fit, less 97 with room */
    end(&s);
}

static void a_forged_native_part_is_not_believed(void **state)
{
    const struct header headers[] = {
        { bytes_str("myna-pubsub"), bytes_of("\x01\x7f", 2) },
        { bytes_str("bad"), bytes_of("\xff", 1) },
    };
    struct shown s;

    (void)state;
    show_foreign(&s, bytes_str("k"), headers, COUNT(headers));
    expect(&s, "bad", "/w==");
    end(&s);
    show_foreign(&s, bytes_str("k"), headers, 1);
    assert_int_equal(s.out.n_attributes, 0);
    end(&s);
}

static void message_ids_are_offsets(void **state)
{
    (void)state;
    assert_int_equal(ps_message_id(0, 41), 41);
    assert_int_not_equal(ps_message_id(1, 41), ps_message_id(0, 41));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_messages_come_back_exactly),
        cmocka_unit_test(other_doors_see_key_value_and_headers),
        cmocka_unit_test(foreign_headers_become_attributes),
        cmocka_unit_test(foreign_keys_that_are_not_text_are_shown_in_base64),
        cmocka_unit_test(limits_hold_and_what_is_left_out_is_counted),
        cmocka_unit_test(a_forged_native_part_is_not_believed),
        cmocka_unit_test(message_ids_are_offsets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
