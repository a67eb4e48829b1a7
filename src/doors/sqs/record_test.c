/* record_test.c - R1 and R2: what SQS writes comes back bit for bit, what others write comes back
 * legal. */
#include "doors/sqs/ids.h"
#include "doors/sqs/legal.h"
#include "doors/sqs/record.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct place here = { { { 1, 2, 3 } }, 4, 5, { (const uint8_t *)"000000000000", 12 } };

struct fixture {
    struct arena        arena;
    struct buf          batch;
    struct batch_reader reader;
    struct record       record;
    struct message      message;
    bool                is_open;
};

static void end(struct fixture *f)
{
    if (f->is_open)
        batch_close(&f->reader);
    buf_fini(&f->batch);
    arena_fini(&f->arena);
}

static void read_back(struct fixture *f, struct sqs_message *out)
{
    struct batch_head head;

    assert_int_equal(batch_check(buf_view(&f->batch), &head), ERR_OK);
    assert_int_equal(batch_open(&f->reader, buf_view(&f->batch)), ERR_OK);
    f->is_open = true;
    assert_true(batch_next(&f->reader, &f->record, NULL));
    message_of(&f->record, &f->message);
    record_read(&f->arena, &f->message, &here, out);
    assert_true(legal_text(out->body));
    assert_true(out->attribute_count <= SQS_ATTRIBUTES_MAX);
    for (size_t i = 0; i < out->attribute_count; i++)
        assert_true(legal_attribute_name(out->attributes[i].name));
}

static void start(struct fixture *f, struct batch_writer *w)
{
    *f = (struct fixture){ 0 };
    arena_init(&f->arena);
    buf_init(&f->batch);
    batch_begin(w, &f->batch);
}

static void what_sqs_writes_comes_back(void **state)
{
    struct sqs_message in = {
        .id = { { 9, 8, 7 } },
        .body = bytes_str("h\xc3\xa9llo \xf0\x9f\x90\xa6"),
        .group_id = bytes_str("g-1"),
        .sender = bytes_str("123456789012"),
        .trace = bytes_str("Root=1"),
        .history = { bytes_str("arn:aws:sqs:us-east-1:000000000000:q"), 3, 1000, 900 },
        .attribute_count = 3,
        .attributes = { { bytes_str("b"), bytes_str("Binary.png"), bytes_of("\0\xff", 2) },
                        { bytes_str("a"), bytes_str("Number.int"), bytes_str("42") },
                        { bytes_str("c"), bytes_str("String"), bytes_str("x") } }
    };
    struct sqs_message  out;
    struct batch_writer w;
    struct fixture      f;

    (void)state;
    start(&f, &w);
    record_write(&w, 1000, &in);
    batch_end(&w);
    read_back(&f, &out);
    assert_memory_equal(out.id.at, in.id.at, 16);
    assert_true(bytes_eq(out.body, in.body) && bytes_eq(out.group_id, in.group_id));
    assert_true(bytes_eq(out.sender, in.sender) && bytes_eq(out.trace, in.trace));
    assert_true(bytes_eq(out.history.source_arn, in.history.source_arn));
    assert_int_equal(out.history.receives, 3);
    assert_int_equal(out.history.first_receive_ms, 1000);
    assert_int_equal(out.history.sent_ms, 900);
    assert_int_equal(out.attribute_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(bytes_eq(out.attributes[i].name, in.attributes[i].name));
        assert_true(bytes_eq(out.attributes[i].type, in.attributes[i].type));
        assert_true(bytes_eq(out.attributes[i].value, in.attributes[i].value));
    }
    end(&f);
}

static void other_doors_read_it_naturally(void **state)
{
    struct sqs_message  in = { .body = bytes_str("hi"), .attribute_count = 1 };
    struct sqs_message  out;
    struct batch_writer w;
    struct fixture      f;

    (void)state;
    in.attributes[0] =
        (struct sqs_attribute){ bytes_str("n"), bytes_str("Number"), bytes_str("1") };
    start(&f, &w);
    record_write(&w, 1000, &in);
    batch_end(&w);
    read_back(&f, &out);
    assert_true(bytes_is_null(f.message.key) && bytes_is_null(out.group_id));
    assert_int_equal(f.message.origin, DOOR_SQS);
    assert_int_equal(f.message.header_count, 1);
    assert_true(bytes_eq_str(f.message.headers[0].name, "n"));
    assert_true(bytes_eq_str(f.message.value, "hi"));
    end(&f);
}

static void foreign(struct fixture *f, struct bytes key, struct bytes value,
                    const struct header *headers, size_t count, struct sqs_message *out)
{
    struct batch_writer w;

    start(f, &w);
    batch_add(&w, 1000, key, value, headers, count);
    batch_end(&w);
    read_back(f, out);
}

static void a_kafka_record_becomes_a_message(void **state)
{
    const struct header headers[] = { { bytes_str("color"), bytes_str("blue") },
                                      { bytes_str("raw"), bytes_of("\xff\0", 2) } };
    struct uuid         id = ids_of_place(&here.topic, here.partition, here.offset);
    struct sqs_message  out;
    struct fixture      f;

    (void)state;
    foreign(&f, bytes_str("order-7"), bytes_str("{}"), headers, 2, &out);
    assert_memory_equal(out.id.at, id.at, 16);
    assert_true(bytes_eq_str(out.body, "{}") && bytes_eq_str(out.group_id, "order-7"));
    assert_true(bytes_eq_str(out.sender, "000000000000"));
    assert_int_equal(out.attribute_count, 2);
    assert_true(bytes_eq_str(out.attributes[0].type, "String") &&
                bytes_eq_str(out.attributes[0].value, "blue"));
    assert_true(bytes_eq_str(out.attributes[1].type, "Binary"));
    end(&f);
}

static void bytes_that_are_no_text_come_in_base64(void **state)
{
    struct sqs_message out;
    struct fixture     f;

    (void)state;
    foreign(&f, bytes_str("a key"), bytes_of("\0\1\2", 3), NULL, 0, &out);
    assert_true(bytes_eq_str(out.body, "AAEC"));
    assert_true(bytes_is_null(out.group_id));
    assert_int_equal(out.attribute_count, 1);
    assert_true(bytes_eq_str(out.attributes[0].name, "myna-encoding"));
    assert_true(bytes_eq_str(out.attributes[0].value, "base64"));
    end(&f);
    foreign(&f, bytes_of(NULL, 0), bytes_of(NULL, 0), NULL, 0, &out);
    assert_int_equal(out.body.len, 0);
    assert_int_equal(out.attribute_count, 0);
    end(&f);
}

static void headers_that_do_not_fit_are_packed(void **state)
{
    const struct header headers[] = {
        { bytes_str("a"), bytes_str("1") },      { bytes_str("a"), bytes_str("2") },
        { bytes_str("b c"), bytes_str("3") },    { bytes_str("aws.x"), bytes_of("\xff", 1) },
        { bytes_str("empty"), bytes_str("") },   { bytes_str("null"), bytes_of(NULL, 0) },
        { bytes_of("\xfe", 1), bytes_str("4") }, { bytes_str("myna-headers"), bytes_str("5") },
    };
    struct sqs_message out;
    struct fixture     f;

    (void)state;
    foreign(&f, bytes_of(NULL, 0), bytes_str("x"), headers, COUNT(headers), &out);
    assert_int_equal(out.attribute_count, 2);
    assert_true(bytes_eq_str(out.attributes[0].value, "1"));
    assert_true(bytes_eq_str(out.attributes[1].name, "myna-headers"));
    assert_true(bytes_eq_str(
        out.attributes[1].value,
        "[[\"a\",\"2\"],[\"b c\",\"3\"],[\"aws.x\",{\"base64\":\"/w==\"}],[\"empty\",\"\"],"
        "[\"null\",null],[{\"base64\":\"/g==\"},\"4\"],[\"myna-headers\",\"5\"]]"));
    end(&f);
}

static void there_are_never_more_than_ten_attributes(void **state)
{
    static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k" };
    struct header            headers[11];
    struct sqs_message       out;
    struct fixture           f;

    (void)state;
    for (size_t i = 0; i < 11; i++)
        headers[i] = (struct header){ bytes_str(names[i]), bytes_str("v") };
    foreign(&f, bytes_of(NULL, 0), bytes_str("x"), headers, 10, &out);
    assert_int_equal(out.attribute_count, 10);
    assert_true(bytes_eq_str(out.attributes[9].name, "j"));
    end(&f);
    foreign(&f, bytes_of(NULL, 0), bytes_str("x"), headers, 11, &out);
    assert_int_equal(out.attribute_count, 10);
    assert_true(bytes_eq_str(out.attributes[9].name, "myna-headers"));
    assert_true(bytes_eq_str(out.attributes[9].value, "[[\"j\",\"v\"],[\"k\",\"v\"]]"));
    end(&f);
    foreign(&f, bytes_of(NULL, 0), bytes_str("\x01"), headers, 10, &out);
    assert_int_equal(out.attribute_count, 10);
    assert_true(bytes_eq_str(out.attributes[0].name, "myna-encoding"));
    assert_true(bytes_eq_str(out.attributes[9].value, "[[\"i\",\"v\"],[\"j\",\"v\"]]"));
    end(&f);
}

static void a_forged_native_part_is_not_believed(void **state)
{
    static const char *const natives[] = { "",
                                           "\x01",
                                           "\x02",
                                           ("\x01\x01\x03" "abc"),
                                           "\x01\x04\x06String",
                                           "\x01\x01\x7f",
                                           "\x01\x05\x02xx" };
    struct sqs_message       out;
    struct fixture           f;

    (void)state;
    for (size_t i = 0; i < COUNT(natives); i++) {
        const struct header h = { bytes_str("myna-sqs"), bytes_str(natives[i]) };

        foreign(&f, bytes_of(NULL, 0), bytes_str("x"), &h, 1, &out);
        assert_int_equal(out.attribute_count, 0);
        assert_true(bytes_eq_str(out.sender, "000000000000"));
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_sqs_writes_comes_back),
        cmocka_unit_test(other_doors_read_it_naturally),
        cmocka_unit_test(a_kafka_record_becomes_a_message),
        cmocka_unit_test(bytes_that_are_no_text_come_in_base64),
        cmocka_unit_test(headers_that_do_not_fit_are_packed),
        cmocka_unit_test(there_are_never_more_than_ten_attributes),
        cmocka_unit_test(a_forged_native_part_is_not_believed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
