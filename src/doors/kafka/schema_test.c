/*
 * schema_test.c - golden bytes of every API at both ends of its range.
 *
 * The bytes (schema_goldens.h) are the reference client's. Each must be read to its end and written
 * again as it was, and no beginning of it may be taken for the whole.
 */
#include "doors/kafka/apis.h"
#include "doors/kafka/schema.h"
#include "doors/kafka/schema_goldens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint8_t *from_hex(const char *hex, size_t *len)
{
    uint8_t *b = malloc(strlen(hex) / 2 + 1);

    for (*len = 0; hex[2 * *len]; (*len)++) {
        unsigned byte;

        assert_int_equal(sscanf(hex + 2 * *len, "%2x", &byte), 1);
        b[*len] = (uint8_t)byte;
    }
    return b;
}

static const struct kafka_api *find_api(const char *name)
{
    for (size_t i = 0; i < kafka_api_count; i++) {
        if (strcmp(kafka_apis[i].name, name) == 0)
            return &kafka_apis[i];
    }
    fail_msg("no API %s", name);
    return NULL;
}

static const struct golden *find_golden(const char *api, bool is_request, int16_t version)
{
    for (size_t i = 0; i < COUNT(goldens); i++) {
        const struct golden *g = &goldens[i];

        if (strcmp(g->api, api) == 0 && g->is_request == is_request && g->version == version)
            return g;
    }
    fail_msg("no golden bytes of %s %d", api, version);
    return NULL;
}

/* A decoded golden; everything lives in the arena but the bytes. */
struct decoded {
    uint8_t     *bytes;
    size_t       len;
    struct arena arena;
    void        *body;
};

static void decode(struct decoded *d, const struct golden *g)
{
    const struct kafka_api   *api = find_api(g->api);
    const struct wire_layout *layout = g->is_request ? api->request : api->response;
    struct rd                 in;

    arena_init(&d->arena);
    d->bytes = from_hex(g->hex, &d->len);
    d->body = arena_new(&d->arena, layout->size + 1);
    in = rd_of(bytes_of(d->bytes, d->len));
    if (!wire_decode(layout, kafka_api_version(api, g->version), &in, &d->arena, d->body))
        fail_msg("%s %d was not read", g->api, g->version);
    assert_int_equal(rd_left(&in), 0);
}

static void decoded_fini(struct decoded *d)
{
    arena_fini(&d->arena);
    free(d->bytes);
}

static void every_golden_is_read_and_written_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(goldens); i++) {
        const struct golden    *g = &goldens[i];
        const struct kafka_api *api = find_api(g->api);
        struct decoded          d;
        struct wire_out         out;

        decode(&d, g);
        wire_out_init(&out);
        wire_encode(g->is_request ? api->request : api->response,
                    kafka_api_version(api, g->version), d.body, &out);
        assert_int_equal(out.bytes.len, d.len);
        if (d.len > 0)
            assert_memory_equal(out.bytes.at, d.bytes, d.len);
        wire_out_fini(&out);
        decoded_fini(&d);
    }
}

static void no_beginning_is_taken_for_the_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(goldens); i++) {
        const struct golden      *g = &goldens[i];
        const struct kafka_api   *api = find_api(g->api);
        const struct wire_layout *layout = g->is_request ? api->request : api->response;
        struct decoded            d;

        decode(&d, g);
        for (size_t len = 0; len < d.len; len++) {
            struct rd in = rd_of(bytes_of(d.bytes, len));

            assert_false(wire_decode(layout, kafka_api_version(api, g->version), &in, &d.arena,
                                     d.body));
        }
        decoded_fini(&d);
    }
}

/* The responses of Fetch and ShareFetch are only ever written: below. */
static void both_ends_of_every_range_have_goldens(void **state)
{
    (void)state;
    for (size_t i = 0; i < kafka_api_count; i++) {
        const struct kafka_api *api = &kafka_apis[i];

        find_golden(api->name, true, api->min);
        find_golden(api->name, true, api->max);
        if (strcmp(api->name, "Fetch") != 0 && strcmp(api->name, "ShareFetch") != 0) {
            find_golden(api->name, false, api->min);
            find_golden(api->name, false, api->max);
        }
    }
}

static void fields_are_where_they_belong(void **state)
{
    struct decoded                    d;
    const struct produce_request     *produce;
    const struct join_group_request  *join;
    const struct metadata_response   *metadata;

    (void)state;
    decode(&d, find_golden("Produce", true, 3));
    produce = d.body;
    assert_true(bytes_eq_str(produce->transactional_id, "Trans-1"));
    assert_int_equal(produce->acks, 1002);
    assert_int_equal(produce->timeout_ms, 100003);
    assert_int_equal(produce->topics.count, 2);
    assert_true(bytes_eq_str(produce->topics.at[1].name, "Name-13"));
    assert_int_equal(produce->topics.at[0].partitions.at[1].index, 100011);
    assert_true(bytes_eq_str(produce->topics.at[0].partitions.at[0].records, "0123456789abcdefXYZ"));
    assert_true(bytes_is_null(produce->topics.at[0].partitions.at[1].records));
    decoded_fini(&d);
    decode(&d, find_golden("JoinGroup", true, 9));
    join = d.body;
    assert_true(bytes_eq_str(join->group_id, "Group-1"));
    assert_int_equal(join->session_timeout_ms, 100002);
    assert_int_equal(join->rebalance_timeout_ms, 100003);
    assert_true(bytes_eq_str(join->member_id, "Membe-4"));
    assert_true(bytes_eq_str(join->group_instance_id, "Group-5"));
    assert_true(bytes_eq_str(join->protocol_type, "Proto-6"));
    assert_true(bytes_eq_str(join->protocols.at[1].name, "Name-12"));
    assert_true(bytes_eq_str(join->protocols.at[1].metadata, "bytes13"));
    decoded_fini(&d);
    decode(&d, find_golden("Metadata", false, 0));
    metadata = d.body;
    assert_int_equal(metadata->brokers.count, 2);
    assert_int_equal(metadata->topics.at[0].partitions.at[0].replica_nodes.count, 2);
    assert_true(bytes_is_null(metadata->cluster_id)); /* not in this version */
    decoded_fini(&d);
}

/* Two slices are written where the records belong, without being copied. */
static void fetched_records_are_cut_in(void **state)
{
    static const struct {
        int16_t     version;
        const char *hex;
    } rows[] = {
        { 4, "000000000000000100066f7264657273000000010000000300000000000000000009"
             "000000000000000900000001000000000000000700000000000000080000001330313233343536373839"
             "61626364656658595a" },
        { 18, "00000000000000000000020102030405060708090a0b0c0d0e0f10020000000300000000000000000009"
              "0000000000000009000000000000000102000000000000000700000000000000080"
              "0ffffffff143031323334353637383961626364656658595a000000" },
    };
    struct slice slices[] = { { NULL, bytes_str("0123456789abcdef") }, { NULL, bytes_str("XYZ") } };
    struct fetch_aborted_transaction aborted = { .producer_id = 7, .first_offset = 8 };
    struct fetch_response_partition  partition = { .index = 3,
                                                   .high_watermark = 9,
                                                   .last_stable_offset = 9,
                                                   .log_start_offset = 1,
                                                   .aborted_transactions = { 1, &aborted },
                                                   .preferred_read_replica = -1,
                                                   .records = { 2, slices } };
    struct fetch_response_topic topic = { .name = bytes_str("orders"),
                                          .topic_id = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
                                                          14, 15, 16 } },
                                          .partitions = { 1, &partition } };
    struct fetch_response       a = { .topics = { 1, &topic } };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct wire_out out;
        struct buf      whole;
        size_t          len;
        uint8_t        *want = from_hex(rows[i].hex, &len);

        wire_out_init(&out);
        wire_encode(&layout_fetch_response, kafka_api_version(find_api("Fetch"), rows[i].version), &a,
                    &out);
        assert_int_equal(out.cut_count, 2);
        assert_int_equal(out.cut_bytes, 19);
        assert_ptr_equal(out.cuts[0].slice.bytes.at, slices[0].bytes.at);
        buf_init(&whole);
        buf_add(&whole, out.bytes.at, out.cuts[0].at);
        buf_bytes(&whole, out.cuts[0].slice.bytes);
        buf_bytes(&whole, out.cuts[1].slice.bytes);
        buf_add(&whole, out.bytes.at + out.cuts[1].at, out.bytes.len - out.cuts[1].at);
        assert_int_equal(whole.len, len);
        assert_memory_equal(whole.at, want, len);
        buf_fini(&whole);
        wire_out_fini(&out);
        free(want);
    }
}

/* The same of a share group's; the bytes are the reference client's, of both versions. */
static void locked_records_are_cut_in(void **state)
{
    static const char hex[] =
        "000000000007026500007530020102030405060708090a0b0c0d0e0f1002000000030001000002026100000004"
        "0000000500143031323334353637383961626364656658595a0200000000000000080000000000000009000200"
        "00000100";
    struct slice                          slice = { NULL, bytes_str("0123456789abcdefXYZ") };
    struct share_leader                   leader = { 4, 5 };
    struct share_acquired                 acquired = { 8, 9, 2 };
    struct share_fetch_response_partition partition = { .partition_index = 3,
                                                        .error_code = 1,
                                                        .acknowledge_error_code = 2,
                                                        .acknowledge_error_message = bytes_str("a"),
                                                        .current_leader = &leader,
                                                        .records = { 1, &slice },
                                                        .acquired_records = { 1, &acquired } };
    struct share_fetch_response_topic topic = { .topic_id = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
                                                                16 } },
                                                .partitions = { 1, &partition } };
    struct share_node           none;
    struct share_fetch_response a = { .error_code = 7,
                                      .error_message = bytes_str("e"),
                                      .acquisition_lock_timeout_ms = 30000,
                                      .responses = { 1, &topic },
                                      .node_endpoints = { 0, &none } };

    (void)state;
    for (int16_t version = 1; version <= 2; version++) {
        struct wire_out out;
        struct buf      whole;
        size_t          len;
        uint8_t        *want = from_hex(hex, &len);

        wire_out_init(&out);
        wire_encode(&layout_share_fetch_response, kafka_api_version(find_api("ShareFetch"), version), &a, &out);
        assert_int_equal(out.cut_count, 1);
        buf_init(&whole);
        buf_add(&whole, out.bytes.at, out.cuts[0].at);
        buf_bytes(&whole, out.cuts[0].slice.bytes);
        buf_add(&whole, out.bytes.at + out.cuts[0].at, out.bytes.len - out.cuts[0].at);
        assert_int_equal(whole.len, len);
        assert_memory_equal(whole.at, want, len);
        buf_fini(&whole);
        wire_out_fini(&out);
        free(want);
    }
}

/* Ours to keep: no version that we do not take lies inside a range that we advertise, but for
 * Produce's (KAFKA-18659). */
static void advertised_ranges_are_those_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < kafka_api_count; i++) {
        const struct kafka_api *api = &kafka_apis[i];

        assert_true(api->key == 0 || api->advertised_min == api->min);
        assert_true(api->min <= api->max);
        assert_ptr_equal(kafka_api_find(api->key), api);
    }
    assert_int_equal(find_api("Produce")->advertised_min, 0);
    assert_int_equal(find_api("Produce")->min, 3);
    assert_null(kafka_api_find(4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_golden_is_read_and_written_as_it_was),
        cmocka_unit_test(no_beginning_is_taken_for_the_whole),
        cmocka_unit_test(both_ends_of_every_range_have_goldens),
        cmocka_unit_test(fields_are_where_they_belong),
        cmocka_unit_test(fetched_records_are_cut_in),
        cmocka_unit_test(locked_records_are_cut_in),
        cmocka_unit_test(advertised_ranges_are_those_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
