/*
 * schema_test.c - golden bytes of every API at both ends of its range.
 *
 * The bytes were written once by the reference client's own serializer from messages whose fields
 * all differ (strings end in their number, integers count up from a base of their size). Each must
 * be read to its end and written again as it was, and no beginning of it may be taken for the
 * whole.
 */
#include "doors/kafka/apis.h"
#include "doors/kafka/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct golden {
    const char *api;
    bool        is_request;
    int16_t     version;
    const char *hex;
} goldens[] = {
    { "Produce", true, 3,
      "00075472616e732d3103ea000186a30000000200064e616d652d3600000002000186a900000013303132"
      "3334353637383961626364656658595a000186abffffffff00074e616d652d313300000002000186b000"
      "0000133031323334353637383961626364656658595a000186b2ffffffff" },
    { "Produce", true, 13,
      "085472616e732d3103ea000186a303060708090a0b0c0d0e0f10111213141503000186a9143031323334"
      "353637383961626364656658595a00000186ab0000000d0e0f101112131415161718191a1b1c03000186"
      "b0143031323334353637383961626364656658595a00000186b200000000" },
    { "Produce", false, 3,
      "0000000200064e616d652d3300000002000186a603ef00000002540be40800000002540be409000186ab"
      "03f400000002540be40d00000002540be40e00074e616d652d313600000002000186b303fc0000000254"
      "0be41500000002540be416000186b8040100000002540be41a00000002540be41b000186bc" },
    { "Produce", false, 13,
      "03030405060708090a0b0c0d0e0f10111203000186a603ef00000002540be40800000002540be4090000"
      "0002540be40a03000186ad0942617463682d313400000186b00942617463682d313700094572726f722d"
      "313800000186b403fd00000002540be41600000002540be41700000002540be41803000186bb09426174"
      "63682d323800000186be0942617463682d333100094572726f722d3332000022232425262728292a2b2c"
      "2d2e2f303103000186c5040e00000002540be42700000002540be42800000002540be42903000186cc09"
      "42617463682d343500000186cf0942617463682d343800094572726f722d343900000186d3041c000000"
      "02540be43500000002540be43600000002540be43703000186da0942617463682d353900000186dd0942"
      "617463682d363200094572726f722d36330000000186e000" },
    { "Fetch", true, 4,
      "000186a1000186a2000186a3000186a406000000020007546f7069632d3800000002000186ab00000002"
      "540be40c000186ad000186af00000002540be410000186b10008546f7069632d313900000002000186b6"
      "00000002540be417000186b8000186ba00000002540be41b000186bc" },
    { "Fetch", true, 18,
      "000186a1000186a2000186a305000186a5000186a603090a0b0c0d0e0f10111213141516171803000186"
      "ac000186ad00000002540be40e000186af00000002540be410000186b100000186b3000186b400000002"
      "540be415000186b600000002540be417000186b800001a1b1c1d1e1f2021222324252627282903000186"
      "bd000186be00000002540be41f000186c000000002540be421000186c200000186c4000186c500000002"
      "540be426000186c700000002540be428000186c90000032c2d2e2f303132333435363738393a3b030001"
      "86ce000186cf003132333435363738393a3b3c3d3e3f4003000186d3000186d400095261636b492d3533"
      "00" },
    { "ListOffsets", true, 1,
      "000186a10000000200064e616d652d3400000002000186a700000002540be408000186aa00000002540b"
      "e40b00074e616d652d313300000002000186b000000002540be411000186b300000002540be414" },
    { "ListOffsets", true, 11,
      "000186a10303074e616d652d3503000186a8000186a900000002540be40a00000186ac000186ad000000"
      "02540be40e0000084e616d652d313603000186b3000186b400000002540be41500000186b7000186b800"
      "000002540be4190000000186ba00" },
    { "ListOffsets", false, 1,
      "0000000200064e616d652d3300000002000186a603ef00000002540be40800000002540be409000186ab"
      "03f400000002540be40d00000002540be40e00074e616d652d313600000002000186b303fc0000000254"
      "0be41500000002540be416000186b8040100000002540be41a00000002540be41b" },
    { "ListOffsets", false, 11,
      "000186a103074e616d652d3403000186a703f000000002540be40900000002540be40a000186ab000001"
      "86ad03f600000002540be40f00000002540be410000186b10000084e616d652d313903000186b603ff00"
      "000002540be41800000002540be419000186ba00000186bc040500000002540be41e00000002540be41f"
      "000186c0000000" },
    { "Metadata", true, 0,
      "0000000200064e616d652d3300064e616d652d35" },
    { "Metadata", true, 13,
      "03030405060708090a0b0c0d0e0f101112074e616d652d3400060708090a0b0c0d0e0f10111213141507"
      "4e616d652d3700000100" },
    { "Metadata", false, 0,
      "00000002000186a30006486f73742d34000186a5000186a70006486f73742d38000186a90000000203f4"
      "00074e616d652d31330000000203f8000186b1000186b200000002000186b4000186b500000002000186"
      "b7000186b80402000186bb000186bc00000002000186be000186bf00000002000186c1000186c2040c00"
      "074e616d652d3337000000020410000186c9000186ca00000002000186cc000186cd00000002000186cf"
      "000186d0041a000186d3000186d400000002000186d6000186d700000002000186d9000186da" },
    { "Metadata", false, 13,
      "000186a103000186a407486f73742d35000186a6075261636b2d3700000186a908486f73742d31300001"
      "86ab085261636b2d31320009436c7573742d3133000186ae0303f9084e616d652d313813141516171819"
      "1a1b1c1d1e1f202122000303ff000186b8000186b9000186ba03000186bc000186bd03000186bf000186"
      "c003000186c2000186c300040d000186c6000186c7000186c803000186ca000186cb03000186cd000186"
      "ce03000186d0000186d100000186d200041c084e616d652d3533363738393a3b3c3d3e3f404142434445"
      "01030422000186db000186dc000186dd03000186df000186e003000186e2000186e303000186e5000186"
      "e6000430000186e9000186ea000186eb03000186ed000186ee03000186f0000186f103000186f3000186"
      "f400000186f500043e00" },
    { "OffsetCommit", true, 2,
      "000747726f75702d31000186a200074d656d62652d3300000002540be4040000000200064e616d652d37"
      "00000002000186aa00000002540be40b0008436f6d6d692d3132000186ae00000002540be40f0008436f"
      "6d6d692d313600074e616d652d313800000002000186b500000002540be4160008436f6d6d692d323300"
      "0186b900000002540be41a0008436f6d6d692d3237" },
    { "OffsetCommit", true, 10,
      "0847726f75702d31000186a2084d656d62652d330847726f75702d34030708090a0b0c0d0e0f10111213"
      "14151603000186aa00000002540be40b000186ac09436f6d6d692d313300000186af00000002540be410"
      "000186b109436f6d6d692d313800001415161718191a1b1c1d1e1f2021222303000186b700000002540b"
      "e418000186b909436f6d6d692d323600000186bc00000002540be41d000186be09436f6d6d692d333100"
      "0000" },
    { "OffsetCommit", false, 2,
      "0000000200064e616d652d3300000002000186a603ef000186a903f200074e616d652d31320000000200"
      "0186af03f8000186b203fb" },
    { "OffsetCommit", false, 10,
      "000186a1030405060708090a0b0c0d0e0f1011121303000186a703f000000186aa03f300000d0e0f1011"
      "12131415161718191a1b1c03000186b003f900000186b303fc000000" },
    { "OffsetFetch", true, 1,
      "000747726f75702d310000000200064e616d652d3400000002000186a6000186a700064e616d652d3900"
      "000002000186ab000186ac" },
    { "OffsetFetch", true, 10,
      "030847726f75702d33084d656d62652d34000186a50308090a0b0c0d0e0f101112131415161703000186"
      "aa000186ab000d0e0f101112131415161718191a1b1c03000186af000186b000000947726f75702d3138"
      "094d656d62652d3139000186b4031718191a1b1c1d1e1f2021222324252603000186b9000186ba001c1d"
      "1e1f202122232425262728292a2b03000186be000186bf00000000" },
    { "OffsetFetch", false, 1,
      "0000000200064e616d652d3300000002000186a600000002540be40700074d657461642d3803f1000186"
      "ab00000002540be40c00084d657461642d313303f600074e616d652d313600000002000186b300000002"
      "540be41400084d657461642d323103fe000186b800000002540be41900084d657461642d32360403" },
    { "OffsetFetch", false, 10,
      "000186a1030847726f75702d34030708090a0b0c0d0e0f1011121314151603000186aa00000002540be4"
      "0b000186ac094d657461642d313303f600000186b000000002540be411000186b2094d657461642d3139"
      "03fc0000161718191a1b1c1d1e1f20212223242503000186b900000002540be41a000186bb094d657461"
      "642d3238040500000186bf00000002540be420000186c1094d657461642d3334040b0000040c00094772"
      "6f75702d333803292a2b2c2d2e2f30313233343536373803000186cc00000002540be42d000186ce094d"
      "657461642d3437041800000186d200000002540be433000186d4094d657461642d3533041e000038393a"
      "3b3c3d3e3f404142434445464703000186db00000002540be43c000186dd094d657461642d3632042700"
      "000186e100000002540be442000186e3094d657461642d3638042d0000042e0000" },
    { "FindCoordinator", true, 0,
      "00054b65792d31" },
    { "FindCoordinator", true, 6,
      "020308436f6f72642d3308436f6f72642d3400" },
    { "FindCoordinator", false, 0,
      "03e9000186a20006486f73742d33000186a4" },
    { "FindCoordinator", false, 6,
      "000186a103064b65792d34000186a507486f73742d36000186a703f0084572726f722d3900074b65792d"
      "3131000186ac08486f73742d3133000186ae03f7094572726f722d31360000" },
    { "JoinGroup", true, 0,
      "000747726f75702d31000186a200074d656d62652d33000750726f746f2d340000000200064e616d652d"
      "370000000662797465733800074e616d652d31300000000762797465733131" },
    { "JoinGroup", true, 9,
      "0847726f75702d31000186a2000186a3084d656d62652d340847726f75702d350850726f746f2d360307"
      "4e616d652d39086279746573313000084e616d652d313208627974657331330009526561736f2d313400" },
    { "JoinGroup", false, 0,
      "03e9000186a2000750726f746f2d3300074c656164652d3400074d656d62652d350000000200074d656d"
      "62652d380000000662797465733900084d656d62652d31310000000762797465733132" },
    { "JoinGroup", false, 9,
      "000186a103ea000186a30850726f746f2d340850726f746f2d35084c656164652d3601084d656d62652d"
      "3803094d656d62652d31310947726f75702d3132086279746573313300094d656d62652d31350947726f"
      "75702d313608627974657331370000" },
    { "Heartbeat", true, 0,
      "000747726f75702d31000186a200074d656d62652d33" },
    { "Heartbeat", true, 4,
      "0847726f75702d31000186a2084d656d62652d330847726f75702d3400" },
    { "Heartbeat", false, 0,
      "03e9" },
    { "Heartbeat", false, 4,
      "000186a103ea00" },
    { "LeaveGroup", true, 0,
      "000747726f75702d3100074d656d62652d32" },
    { "LeaveGroup", true, 5,
      "0847726f75702d3103084d656d62652d340847726f75702d3508526561736f2d3600084d656d62652d38"
      "0847726f75702d3909526561736f2d31300000" },
    { "LeaveGroup", false, 0,
      "03e9" },
    { "LeaveGroup", false, 5,
      "000186a103ea03084d656d62652d350847726f75702d3603ef00084d656d62652d390947726f75702d31"
      "3003f30000" },
    { "SyncGroup", true, 0,
      "000747726f75702d31000186a200074d656d62652d330000000200074d656d62652d3600000006627974"
      "65733700074d656d62652d390000000762797465733130" },
    { "SyncGroup", true, 5,
      "0847726f75702d31000186a2084d656d62652d330847726f75702d340850726f746f2d350850726f746f"
      "2d3603084d656d62652d39086279746573313000094d656d62652d313208627974657331330000" },
    { "SyncGroup", false, 0,
      "03e900000006627974657332" },
    { "SyncGroup", false, 5,
      "000186a103ea0850726f746f2d330850726f746f2d340762797465733500" },
    { "ApiVersions", true, 0,
      "" },
    { "ApiVersions", true, 4,
      "08436c69656e2d3108436c69656e2d3200" },
    { "ApiVersions", false, 0,
      "03e90000000203ec03ed03ee03f003f103f2" },
    { "ApiVersions", false, 4,
      "03e90303ec03ed03ee0003f003f103f200000186ab00" },
    { "CreateTopics", true, 2,
      "0000000200064e616d652d33000186a403ed00000002000186a800000002000186aa000186ab000186ad"
      "00000002000186af000186b00000000200074e616d652d3139000856616c75652d323000074e616d652d"
      "3232000856616c75652d323300074e616d652d3235000186ba040300000002000186be00000002000186"
      "c0000186c1000186c300000002000186c5000186c60000000200074e616d652d3431000856616c75652d"
      "343200074e616d652d3434000856616c75652d3435000186ce01" },
    { "CreateTopics", true, 7,
      "03074e616d652d33000186a403ed03000186a803000186aa000186ab00000186ad03000186af000186b0"
      "0003084e616d652d31390956616c75652d323000084e616d652d32320956616c75652d32330000084e61"
      "6d652d3235000186ba040303000186be03000186c0000186c100000186c303000186c5000186c6000308"
      "4e616d652d34310956616c75652d343200084e616d652d34340956616c75652d34350000000186ce0100" },
    { "CreateTopics", false, 2,
      "000186a10000000200064e616d652d3403ed00074572726f722d3600064e616d652d3803f10008457272"
      "6f722d3130" },
    { "CreateTopics", false, 7,
      "000186a103074e616d652d3405060708090a0b0c0d0e0f101112131403ee084572726f722d37000186a8"
      "03f103084e616d652d31320956616c75652d313300100000084e616d652d31380956616c75652d313900"
      "16000000084e616d652d3234191a1b1c1d1e1f2021222324252627280402094572726f722d3237000186"
      "bc040503084e616d652d33320956616c75652d333300240000084e616d652d33380956616c75652d3339"
      "002a00000000" },
    { "DeleteTopics", true, 1,
      "000000020007546f7069632d320007546f7069632d33000186a4" },
    { "DeleteTopics", true, 6,
      "03074e616d652d330405060708090a0b0c0d0e0f1011121300074e616d652d360708090a0b0c0d0e0f10"
      "11121314151600000186a800" },
    { "DeleteTopics", false, 1,
      "000186a10000000200064e616d652d3403ed00064e616d652d3703f0" },
    { "DeleteTopics", false, 6,
      "000186a103074e616d652d3405060708090a0b0c0d0e0f101112131403ee084572726f722d3700074e61"
      "6d652d390a0b0c0d0e0f1011121314151617181903f3094572726f722d31320000" },
    { "InitProducerId", true, 0,
      "00075472616e732d31000186a2" },
    { "InitProducerId", true, 5,
      "085472616e732d31000186a200000002540be40303ec00" },
    { "InitProducerId", false, 0,
      "000186a103ea00000002540be40303ec" },
    { "InitProducerId", false, 5,
      "000186a103ea00000002540be40303ec00" },
    { "OffsetForLeaderEpoch", true, 2,
      "000000020007546f7069632d3300000002000186a6000186a7000186a8000186aa000186ab000186ac00"
      "08546f7069632d313400000002000186b1000186b2000186b3000186b5000186b6000186b7" },
    { "OffsetForLeaderEpoch", true, 4,
      "000186a10308546f7069632d3403000186a7000186a8000186a900000186ab000186ac000186ad000009"
      "546f7069632d313503000186b2000186b3000186b400000186b6000186b7000186b8000000" },
    { "OffsetForLeaderEpoch", false, 2,
      "000186a1000000020007546f7069632d340000000203ef000186a8000186a900000002540be40a03f400"
      "0186ad000186ae00000002540be40f0008546f7069632d31370000000203fc000186b5000186b6000000"
      "02540be4170401000186ba000186bb00000002540be41c" },
    { "OffsetForLeaderEpoch", false, 4,
      "000186a10308546f7069632d340303ef000186a8000186a900000002540be40a0003f4000186ad000186"
      "ae00000002540be40f000009546f7069632d31370303fc000186b5000186b600000002540be417000401"
      "000186ba000186bb00000002540be41c000000" },
    { "DescribeCluster", true, 0,
      "0100" },
    { "DescribeCluster", true, 2,
      "01030100" },
    { "DescribeCluster", false, 0,
      "000186a103ea084572726f722d3308436c7573742d34000186a503000186a807486f73742d39000186aa"
      "085261636b2d313100000186ad08486f73742d3134000186af085261636b2d313600000186b100" },
    { "DescribeCluster", false, 2,
      "000186a103ea084572726f722d330508436c7573742d35000186a603000186a908486f73742d31300001"
      "86ab085261636b2d31320100000186af08486f73742d3136000186b1085261636b2d31380100000186b4"
      "00" },
};

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

/* The response of Fetch is only ever written: below. */
static void both_ends_of_every_range_have_goldens(void **state)
{
    (void)state;
    for (size_t i = 0; i < kafka_api_count; i++) {
        const struct kafka_api *api = &kafka_apis[i];

        find_golden(api->name, true, api->min);
        find_golden(api->name, true, api->max);
        if (strcmp(api->name, "Fetch") != 0) {
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
        cmocka_unit_test(advertised_ranges_are_those_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
