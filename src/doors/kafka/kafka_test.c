/*
 * kafka_test.c - the door over a real socket and the real engine on a simulated volume (kafka_rig.h).
 */
#include "doors/kafka/kafka_rig.h"
#include "engine/exchange_calls.h"

/* ---- versions ---- */

static void api_versions_lists_what_is_taken(void **state)
{
    struct test                        *t = *state;
    int                                 fd = connect_to(t);
    struct api_versions_request         q = { bytes_str("a-client"), bytes_str("1.0") };
    const struct api_versions_response *a;

    for (int16_t version = 0; version <= 4; version++) {
        a = ask(t, fd, VERSIONS, version, &q);
        assert_int_equal(a->error_code, KAFKA_NONE);
        assert_int_equal(a->api_keys.count, kafka_api_count);
        assert_int_equal(a->api_keys.at[0].api_key, PRODUCE);
        assert_int_equal(a->api_keys.at[0].min_version, 0);
        assert_int_equal(a->api_keys.at[0].max_version, 13);
    }
    q.client_software_name = bytes_str("not a name");
    a = ask(t, fd, VERSIONS, 3, &q);
    assert_int_equal(a->error_code, KAFKA_INVALID_REQUEST);
    close(fd);
}

static void an_unknown_version_of_api_versions_is_answered_in_the_oldest(void **state)
{
    static const uint8_t                ask_99[] = { 0, 0, 0, 10, 0, 18, 0, 99, 0, 0, 0, 1, 0, 0 };
    struct test                        *t = *state;
    int                                 fd = connect_to(t);
    const struct api_versions_response *a;

    peer_send(t->loop, fd, ask_99, sizeof ask_99);
    a = receive_response(t, fd, VERSIONS, 0, 1);
    assert_int_equal(a->error_code, KAFKA_UNSUPPORTED_VERSION);
    assert_int_equal(a->api_keys.count, 1);
    assert_int_equal(a->api_keys.at[0].api_key, VERSIONS);
    assert_int_equal(a->api_keys.at[0].max_version, 4);
    t->correlation_id = 1;
    ask(t, fd, VERSIONS, 0, &(struct api_versions_request){ 0 });
    close(fd);
}

static void bad_frames_end_the_connection(void **state)
{
    static const struct {
        uint8_t bytes[16];
        size_t  len;
    } rows[] = {
        { "\x7f\xff\xff\xff\0\x12\0\0\0\0\0\1", 12 },      /* a length over the limit */
        { "\xff\xff\xff\xff", 4 },                         /* a negative one */
        { "\0\0\0\7", 4 },                                 /* no room for a header */
        { "\0\0\0\x0a\0\x04\0\0\0\0\0\1\0\0", 14 },        /* an API we do not speak */
        { "\0\0\0\x0a\0\x03\0\x0e\0\0\0\1\0\0", 14 },      /* a version too new */
        { "\0\0\0\x0a\0\0\0\2\0\0\0\1\0\0", 14 },          /* advertised, not taken */
        { "\0\0\0\x0a\0\x03\0\1\0\0\0\1\0\5", 14 },        /* the client id is not there */
        { "\0\0\0\x0a\0\x03\0\1\0\0\0\1\xff\xfe", 14 },    /* its length cannot be */
        { "\0\0\0\x0c\0\x03\0\1\0\0\0\1\0\0\x7f\xff", 16 }, /* the body is not there */
        { "GET / HTTP/1.1\r\n", 16 },
    };
    struct test *t = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        int fd = connect_to(t);

        peer_send(t->loop, fd, rows[i].bytes, rows[i].len);
        assert_true(is_hung_up(t, fd));
        close(fd);
    }
}

static void what_came_before_a_bad_frame_is_answered(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    send_request(t, fd, VERSIONS, 0, &(struct api_versions_request){ 0 });
    peer_send(t->loop, fd, "\0\0\0\7", 4);
    receive_response(t, fd, VERSIONS, 0, t->correlation_id);
    assert_true(is_hung_up(t, fd));
    close(fd);
}

/* ---- topics ---- */

static const struct metadata_response *metadata(struct test *t, int fd, int16_t version,
                                                const char *name, bool creates)
{
    struct metadata_request_topic topic = { .name = bytes_str(name) };
    struct metadata_request       q = { .topics = { 1, &topic }, .allow_auto_topic_creation = creates };

    return ask(t, fd, METADATA, version, &q);
}

static void metadata_names_the_address_that_was_reached(void **state)
{
    struct test                    *t = *state;
    int                             fd = connect_to(t);
    struct metadata_request         none = { .topics = { 0, NULL } };
    const struct metadata_response *a;

    create(t, fd, "orders", 3);
    a = ask(t, fd, METADATA, 9, &none);
    assert_int_equal(a->brokers.count, 1);
    assert_true(bytes_eq_str(a->brokers.at[0].host, "127.0.0.1"));
    assert_int_equal(a->brokers.at[0].port, t->port);
    assert_int_equal(a->controller_id, a->brokers.at[0].node_id);
    assert_true(bytes_eq_str(a->cluster_id, "the-cluster"));
    assert_int_equal(a->topics.count, 1);
    assert_int_equal(a->topics.at[0].partitions.count, 3);
    assert_int_equal(a->topics.at[0].partitions.at[2].leader_epoch, 0);
    assert_int_equal(a->topics.at[0].partitions.at[2].isr_nodes.at[0], a->controller_id);
    close(fd);
}

static void no_topics_means_all_only_in_the_oldest_version(void **state)
{
    static struct metadata_request_topic nothing;
    struct test                         *t = *state;
    int                                  fd = connect_to(t);
    struct metadata_request              empty = { .topics = { 0, &nothing } };
    const struct metadata_response      *a;

    create(t, fd, "orders", 1);
    a = ask(t, fd, METADATA, 0, &empty);
    assert_int_equal(a->topics.count, 1);
    a = ask(t, fd, METADATA, 1, &empty);
    assert_int_equal(a->topics.count, 0);
    close(fd);
}

static void asking_creates_unless_told_not_to(void **state)
{
    struct test                    *t = *state;
    int                             fd = connect_to(t);
    const struct metadata_response *a;

    a = metadata(t, fd, 4, "new", false);
    assert_int_equal(a->topics.at[0].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    a = metadata(t, fd, 4, "not a name", true);
    assert_int_equal(a->topics.at[0].error_code, KAFKA_INVALID_TOPIC_EXCEPTION);
    a = metadata(t, fd, 4, "new", true);
    assert_int_equal(a->topics.at[0].error_code, KAFKA_NONE);
    assert_int_equal(a->topics.at[0].partitions.count, 1);
    a = metadata(t, fd, 0, "newer", false);
    assert_int_equal(a->topics.at[0].error_code, KAFKA_NONE);
    close(fd);
}

static void topics_are_found_by_id(void **state)
{
    struct test                    *t = *state;
    int                             fd = connect_to(t);
    struct metadata_request_topic   topics[2] = { 0 };
    struct metadata_request         q = { .topics = { 2, topics } };
    const struct metadata_response *a;

    create(t, fd, "orders", 1);
    topics[0].topic_id = metadata(t, fd, 10, "orders", false)->topics.at[0].topic_id;
    topics[1].topic_id.at[3] = 9;
    a = ask(t, fd, METADATA, 12, &q);
    assert_true(bytes_eq_str(a->topics.at[0].name, "orders"));
    assert_int_equal(a->topics.at[1].error_code, KAFKA_UNKNOWN_TOPIC_ID);
    assert_true(bytes_is_null(a->topics.at[1].name));
    close(fd);
}

static void a_topic_named_twice_is_answered_once(void **state)
{
    struct metadata_request_topic   topics[] = { { .name = bytes_str("a") },
                                                 { .name = bytes_str("b") },
                                                 { .name = bytes_str("a") } };
    struct metadata_request         q = { .topics = { 3, topics } };
    struct test                    *t = *state;
    int                             fd = connect_to(t);
    const struct metadata_response *a = ask(t, fd, METADATA, 0, &q);

    assert_int_equal(a->topics.count, 2);
    assert_true(bytes_eq_str(a->topics.at[0].name, "a"));
    assert_true(bytes_eq_str(a->topics.at[1].name, "b"));
    close(fd);
}

static int16_t create_code(struct test *t, int fd, struct create_topics_request_topic topic)
{
    struct create_topics_request         q = { .topics = { 1, &topic } };
    const struct create_topics_response *a = ask(t, fd, CREATE, 7, &q);

    return a->topics.at[0].error_code;
}

static void bad_topics_are_refused(void **state)
{
    struct create_topics_request_config config = { bytes_str("no.such"), bytes_str("1") };
    const struct {
        struct create_topics_request_topic topic;
        int16_t                            code;
    } rows[] = {
        { { .name = bytes_str("a b"), .num_partitions = 1, .replication_factor = 1 },
          KAFKA_INVALID_TOPIC_EXCEPTION },
        { { .name = bytes_str("a"), .num_partitions = 0, .replication_factor = 1 },
          KAFKA_INVALID_PARTITIONS },
        { { .name = bytes_str("a"), .num_partitions = 10001, .replication_factor = 1 },
          KAFKA_INVALID_PARTITIONS },
        { { .name = bytes_str("a"), .num_partitions = 1, .replication_factor = 3 },
          KAFKA_INVALID_REPLICATION_FACTOR },
        { { .name = bytes_str("a"), .num_partitions = 1, .replication_factor = 1,
            .configs = { 1, &config } },
          KAFKA_INVALID_CONFIG },
        { { .name = bytes_str("a"), .num_partitions = -1, .replication_factor = -1 }, KAFKA_NONE },
        { { .name = bytes_str("a"), .num_partitions = 1, .replication_factor = 1 },
          KAFKA_TOPIC_ALREADY_EXISTS },
    };
    struct test *t = *state;
    int          fd = connect_to(t);

    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(create_code(t, fd, rows[i].topic), rows[i].code);
    close(fd);
}

static void deleted_topics_are_gone_at_once(void **state)
{
    struct test                        *t = *state;
    int                                 fd = connect_to(t);
    struct bytes                        name = bytes_str("orders");
    struct delete_topics_request_topic  by_id = { 0 };
    struct delete_topics_request        q = { .topics = { 1, &by_id }, .topic_names = { 1, &name } };
    const struct delete_topics_response *a;

    create(t, fd, "orders", 1);
    a = ask(t, fd, DELETE, 1, &q);
    assert_int_equal(a->topics.at[0].error_code, KAFKA_NONE);
    a = ask(t, fd, DELETE, 5, &q);
    assert_int_equal(a->topics.at[0].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    create(t, fd, "orders", 1);
    by_id.topic_id = metadata(t, fd, 10, "orders", false)->topics.at[0].topic_id;
    a = ask(t, fd, DELETE, 6, &q);
    assert_int_equal(a->topics.at[0].error_code, KAFKA_NONE);
    assert_true(bytes_eq_str(a->topics.at[0].name, "orders"));
    a = ask(t, fd, DELETE, 6, &q);
    assert_int_equal(a->topics.at[0].error_code, KAFKA_UNKNOWN_TOPIC_ID);
    close(fd);
}

/* ---- produce ---- */

static void batches_come_back_as_they_were(void **state)
{
    struct test                             *t = *state;
    int                                      fd = connect_to(t);
    struct bytes                             one = batch(t, 3);
    const struct produce_response_partition *p;
    struct fetched                           f;

    create(t, fd, "orders", 1);
    p = produce(t, fd, 3, "orders", one);
    assert_int_equal(p->error_code, KAFKA_NONE);
    assert_int_equal(p->base_offset, 0);
    p = produce(t, fd, 12, "orders", one);
    assert_int_equal(p->base_offset, 3);
    assert_int_equal(p->log_append_time_ms, -1);
    assert_int_equal(p->log_start_offset, 0);
    f = fetch(t, fd, "orders", 4); /* inside the second batch: all of it */
    assert_int_equal(f.code, KAFKA_NONE);
    assert_int_equal(f.high_watermark, 6);
    assert_int_equal(f.records.len, one.len);
    assert_int_equal(get_u64(f.records.at), 3);
    assert_memory_equal(f.records.at + 16, one.at + 16, one.len - 16);
    f = fetch(t, fd, "orders", 0);
    assert_int_equal(f.records.len, 2 * one.len);
    f = fetch(t, fd, "orders", 7);
    assert_int_equal(f.code, KAFKA_OFFSET_OUT_OF_RANGE);
    free((void *)(uintptr_t)one.at);
    close(fd);
}

static void bad_batches_are_refused(void **state)
{
    static const struct {
        size_t  at; /* one byte of the batch that is wrong */
        uint8_t value;
        bool    is_sealed; /* with the right CRC */
        int16_t version;
        int16_t code;
    } rows[] = {
        { 70, 0x55, false, 3, KAFKA_CORRUPT_MESSAGE },
        { 16, 1, true, 3, KAFKA_INVALID_RECORD },  /* magic */
        { 11, 0xff, true, 3, KAFKA_INVALID_RECORD }, /* length */
        { 7, 1, true, 3, KAFKA_INVALID_RECORD },   /* base offset */
        { 60, 4, true, 3, KAFKA_INVALID_RECORD },  /* count */
        { 22, 0x20, true, 3, KAFKA_INVALID_RECORD }, /* control */
        { 22, 0x10, true, 3, KAFKA_INVALID_RECORD }, /* transactional, but nobody's */
        { 22, 0x04, true, 6, KAFKA_UNSUPPORTED_COMPRESSION_TYPE }, /* zstd */
        { 22, 0x05, true, 9, KAFKA_UNSUPPORTED_COMPRESSION_TYPE },
        { 36, 0xff, true, 9, KAFKA_INVALID_TIMESTAMP },
    };
    struct test *t = *state;
    int          fd = connect_to(t);

    create(t, fd, "orders", 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes b = batch(t, 3);

        ((uint8_t *)(uintptr_t)b.at)[rows[i].at] = rows[i].value;
        if (rows[i].is_sealed)
            seal(b);
        assert_int_equal(produce(t, fd, rows[i].version, "orders", b)->error_code, rows[i].code);
        free((void *)(uintptr_t)b.at);
    }
    assert_int_equal(produce(t, fd, 3, "orders", (struct bytes){ 0 })->error_code,
                     KAFKA_INVALID_RECORD);
    assert_int_equal(fetch(t, fd, "orders", 0).high_watermark, 0);
    close(fd);
}

static void a_batch_may_have_a_mebibyte(void **state)
{
    struct test        *t = *state;
    int                 fd = connect_to(t);
    uint8_t            *value = mem_new(1048588);
    struct buf          b;
    struct batch_writer w;

    create(t, fd, "orders", 1);
    for (int over = 0; over < 2; over++) {
        size_t value_len = 1048588 - 61 - 11 + (size_t)over;

        buf_init(&b);
        batch_begin(&w, &b);
        batch_add(&w, 1, (struct bytes){ 0 }, bytes_of(value, value_len), NULL, 0);
        batch_end(&w);
        assert_int_equal(b.len, 1048588 + over);
        assert_int_equal(produce(t, fd, 9, "orders", buf_view(&b))->error_code,
                         over ? KAFKA_MESSAGE_TOO_LARGE : KAFKA_NONE);
        buf_fini(&b);
    }
    free(value);
    close(fd);
}

static void unknown_places_and_acks_are_refused(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);
    struct bytes b = batch(t, 1);

    assert_int_equal(produce(t, fd, 3, "nowhere", b)->error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(produce(t, fd, 13, "by zero id", b)->error_code, KAFKA_UNKNOWN_TOPIC_ID);
    create(t, fd, "orders", 1);
    assert_int_equal(produce_acks(t, fd, 3, "orders", b, 2)->error_code, KAFKA_INVALID_REQUIRED_ACKS);
    assert_int_equal(produce_acks(t, fd, 3, "orders", b, 1)->error_code, KAFKA_NONE);
    free((void *)(uintptr_t)b.at);
    close(fd);
}

static void acks_0_is_never_answered(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);
    struct bytes b = batch(t, 1);

    create(t, fd, "orders", 1);
    produce_acks(t, fd, 3, "orders", b, 0);
    assert_int_equal(produce(t, fd, 3, "orders", b)->base_offset, 1); /* the next answer is its own */
    produce_acks(t, fd, 3, "nowhere", b, 0);
    assert_true(is_hung_up(t, fd));
    free((void *)(uintptr_t)b.at);
    close(fd);
}

static void repeated_batches_are_answered_with_the_first_offset(void **state)
{
    struct test                           *t = *state;
    int                                    fd = connect_to(t);
    struct init_producer_id_request        q = { .producer_id = -1, .producer_epoch = -1 };
    const struct init_producer_id_response *id = ask(t, fd, INIT, 4, &q);
    struct bytes                           b = batch(t, 2);
    uint8_t                               *at = (uint8_t *)(uintptr_t)b.at;

    assert_int_equal(id->error_code, KAFKA_NONE);
    create(t, fd, "orders", 1);
    put_u64(at + 43, (uint64_t)id->producer_id);
    put_u16(at + 51, (uint16_t)id->producer_epoch);
    put_u32(at + 53, 0);
    seal(b);
    assert_int_equal(produce(t, fd, 9, "orders", b)->base_offset, 0);
    assert_int_equal(produce(t, fd, 9, "orders", b)->base_offset, 0);
    put_u32(at + 53, 3); /* 2 is next */
    seal(b);
    assert_int_equal(produce(t, fd, 9, "orders", b)->error_code, KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    put_u32(at + 53, 2);
    seal(b);
    assert_int_equal(produce(t, fd, 9, "orders", b)->base_offset, 2);
    free(at);
    close(fd);
}

static struct init_producer_id_response init_txn(struct test *t, int fd, const char *id,
                                                 int32_t timeout_ms)
{
    struct init_producer_id_request q = { .transactional_id = bytes_str(id),
                                          .transaction_timeout_ms = timeout_ms,
                                          .producer_id = -1,
                                          .producer_epoch = -1 };

    return *(const struct init_producer_id_response *)ask(t, fd, INIT, 5, &q);
}

static void transactional_ids_are_given_producers(void **state)
{
    struct test                     *t = *state;
    int                              fd = connect_to(t);
    struct init_producer_id_response first;
    struct init_producer_id_response again;

    assert_int_equal(init_txn(t, fd, "", 1000).error_code, KAFKA_INVALID_REQUEST);
    assert_int_equal(init_txn(t, fd, "tx", 15 * 60 * 1000 + 1).error_code,
                     KAFKA_INVALID_TRANSACTION_TIMEOUT);
    assert_int_equal(init_txn(t, fd, "tx", 0).producer_id, -1);
    first = init_txn(t, fd, "tx", 15 * 60 * 1000);
    assert_int_equal(first.error_code, KAFKA_NONE);
    assert_int_equal(first.producer_epoch, 0);
    again = init_txn(t, fd, "tx", 1000);
    assert_int_equal(again.producer_id, first.producer_id);
    assert_int_equal(again.producer_epoch, 1);
    close(fd);
}

/* ---- fetch ---- */

static bool has_bytes(int fd)
{
    uint8_t byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1;
}

static void a_parked_fetch_holds_up_what_came_after_it(void **state)
{
    struct test *t = *state;
    int          reader = connect_to(t);
    int          writer = connect_to(t);
    struct bytes b = batch(t, 1);
    int32_t      fetch_id;

    create(t, writer, "orders", 1);
    send_request(t, reader, FETCH, 4, fetch_of(t, "orders", 0, 60000));
    fetch_id = t->correlation_id;
    send_request(t, reader, VERSIONS, 0, &(struct api_versions_request){ 0 });
    settle(t);
    assert_false(has_bytes(reader));
    produce(t, writer, 3, "orders", b);
    assert_int_equal(read_fetched(receive(t, reader, fetch_id)).records.len, b.len);
    receive_response(t, reader, VERSIONS, 0, fetch_id + 1);
    free((void *)(uintptr_t)b.at);
    close(reader);
    close(writer);
}

static void a_fetch_ends_empty_when_its_time_is_up(void **state)
{
    struct test   *t = *state;
    int            fd = connect_to(t);
    struct fetched f;

    create(t, fd, "orders", 1);
    send_request(t, fd, FETCH, 4, fetch_of(t, "orders", 0, 500));
    settle(t);
    rig_advance(&t->rig, 499);
    settle(t);
    assert_false(has_bytes(fd));
    rig_advance(&t->rig, 1);
    f = read_fetched(receive(t, fd, t->correlation_id));
    assert_int_equal(f.code, KAFKA_NONE);
    assert_int_equal(f.records.len, 0);
    close(fd);
}

static void an_error_ends_the_wait(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    send_request(t, fd, FETCH, 4, fetch_of(t, "nowhere", 0, 60000));
    assert_int_equal(read_fetched(receive(t, fd, t->correlation_id)).code,
                     KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    create(t, fd, "orders", 1);
    send_request(t, fd, FETCH, 4, fetch_of(t, "orders", -1, 60000));
    assert_int_equal(read_fetched(receive(t, fd, t->correlation_id)).code,
                     KAFKA_OFFSET_OUT_OF_RANGE);
    close(fd);
}

static void a_connection_that_goes_takes_its_fetch_along(void **state)
{
    struct test *t = *state;
    int          gone = connect_to(t);
    int          fd = connect_to(t);

    create(t, fd, "orders", 1);
    send_request(t, gone, FETCH, 4, fetch_of(t, "orders", 0, 60000));
    settle(t);
    assert_false(list_empty(&t->rig.engine->reads));
    close(gone);
    settle(t);
    assert_true(list_empty(&t->rig.engine->reads));
    close(fd);
}

static void bind_queue(struct test *t, const char *name)
{
    struct queue_declare_call *d = RIG_NEW(&t->rig, queue_declare_call, CALL_QUEUE_DECLARE);
    struct bind_call          *b = RIG_NEW(&t->rig, bind_call, CALL_BIND);

    d->ns = b->ns = kafka_ns();
    d->name = b->destination = bytes_str(name);
    d->is_durable = true;
    d->door = DOOR_AMQP;
    d->native = bytes_of("", 0);
    assert_true(rig_call(&t->rig, d));
    assert_int_equal(d->call.err, ERR_OK);
    b->source = bytes_str("amq.fanout");
    b->key = b->arguments = bytes_of("", 0);
    assert_true(rig_call(&t->rig, b));
    assert_int_equal(b->call.err, ERR_OK);
    call_free(d);
    call_free(b);
}

static void publish_to_all(struct test *t)
{
    struct publish_call *p = RIG_NEW(&t->rig, publish_call, CALL_PUBLISH);

    p->ns = kafka_ns();
    p->exchange = bytes_str("amq.fanout");
    p->key = bytes_of("", 0);
    p->batch = rig_batch(1, t->rig.now_ms, NULL);
    assert_true(rig_call(&t->rig, p));
    assert_int_equal(p->routed, 2);
    call_free(p);
}

/* One stored batch in two logs, at different offsets: each reader sees its own. */
static void a_shared_batch_shows_the_offset_of_the_log_it_is_read_from(void **state)
{
    struct test   *t = *state;
    int            fd = connect_to(t);
    struct bytes   b = batch(t, 5);
    struct fetched one, two;

    bind_queue(t, "q1");
    bind_queue(t, "q2");
    produce(t, fd, 3, "q2", b);
    publish_to_all(t);
    one = fetch(t, fd, "q1", 0);
    two = fetch(t, fd, "q2", 5);
    assert_int_equal(one.high_watermark, 1);
    assert_int_equal(two.high_watermark, 6);
    assert_int_equal(get_u64(one.records.at), 0);
    assert_int_equal(get_u64(two.records.at), 5);
    assert_int_equal(one.records.len, two.records.len);
    assert_memory_equal(one.records.at + 16, two.records.at + 16, one.records.len - 16);
    free((void *)(uintptr_t)b.at);
    close(fd);
}

/* ---- offsets, groups ---- */

static const struct list_offsets_response_partition *list_offset(struct test *t, int fd,
                                                                 int16_t version, int64_t timestamp)
{
    struct list_offsets_request_partition p = { .current_leader_epoch = -1, .timestamp = timestamp };
    struct list_offsets_request_topic     topic = { .name = bytes_str("orders"),
                                                    .partitions = { 1, &p } };
    struct list_offsets_request           q = { .replica_id = -1, .topics = { 1, &topic } };
    const struct list_offsets_response   *a = ask(t, fd, LIST_OFFSETS, version, &q);

    return &a->topics.at[0].partitions.at[0];
}

static void offsets_are_found_by_time(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);
    struct bytes b = batch(t, 3); /* one millisecond apart */
    int64_t      now_ms = t->rig.now_ms;

    create(t, fd, "orders", 1);
    produce(t, fd, 3, "orders", b);
    assert_int_equal(list_offset(t, fd, 1, -1)->offset, 3);
    assert_int_equal(list_offset(t, fd, 1, -2)->offset, 0);
    assert_int_equal(list_offset(t, fd, 11, now_ms + 1)->offset, 1);
    assert_int_equal(list_offset(t, fd, 11, now_ms + 1)->timestamp, now_ms + 1);
    assert_int_equal(list_offset(t, fd, 11, now_ms + 3)->offset, -1);
    assert_int_equal(list_offset(t, fd, 7, -3)->offset, 2);
    assert_int_equal(list_offset(t, fd, 6, -3)->error_code, KAFKA_UNSUPPORTED_VERSION);
    assert_int_equal(list_offset(t, fd, 8, -4)->offset, 0);
    assert_int_equal(list_offset(t, fd, 9, -5)->offset, -1);
    assert_int_equal(list_offset(t, fd, 9, -5)->error_code, KAFKA_NONE);
    free((void *)(uintptr_t)b.at);
    close(fd);
}

static int16_t commit(struct test *t, int fd, int16_t version, int32_t generation)
{
    struct offset_commit_request_partition p = { .committed_offset = 7,
                                                 .committed_leader_epoch = 0,
                                                 .committed_metadata = bytes_str("note") };
    struct offset_commit_request_topic     topic = { .name = bytes_str("orders"),
                                                     .partitions = { 1, &p } };
    struct offset_commit_request           q = { .group_id = bytes_str("g"),
                                                 .generation_id = generation,
                                                 .member_id = bytes_str(generation < 0 ? "" : "m"),
                                                 .topics = { 1, &topic } };
    const struct offset_commit_response   *a = ask(t, fd, COMMIT, version, &q);

    return a->topics.at[0].partitions.at[0].error_code;
}

static void commits_are_fetched_one_group_or_many(void **state)
{
    int32_t                                partitions[] = { 0, 1 };
    struct offset_fetch_request_topic      topic = { .name = bytes_str("orders"),
                                                     .partition_indexes = { 2, partitions } };
    struct offset_fetch_request_group      groups[] = {
             { .group_id = bytes_str("g"), .topics = { 1, &topic } },
             { .group_id = bytes_str("g") }, /* all */
             { .group_id = bytes_str("other"), .topics = { 1, &topic } },
    };
    struct offset_fetch_request            q = { .group_id = bytes_str("g"),
                                                 .topics = { 1, &topic },
                                                 .groups = { 3, groups } };
    struct test                           *t = *state;
    int                                    fd = connect_to(t);
    const struct offset_fetch_response    *a;
    const struct offset_fetch_response_partition *p;

    create(t, fd, "orders", 2);
    assert_int_equal(commit(t, fd, 8, 3), KAFKA_ILLEGAL_GENERATION);
    assert_int_equal(commit(t, fd, 9, 3), KAFKA_GROUP_ID_NOT_FOUND);
    assert_int_equal(commit(t, fd, 2, -1), KAFKA_NONE);
    a = ask(t, fd, OFFSETS, 1, &q);
    p = a->topics.at[0].partitions.at;
    assert_int_equal(p[0].committed_offset, 7);
    assert_true(bytes_eq_str(p[0].metadata, "note"));
    assert_int_equal(p[1].committed_offset, -1);
    assert_int_equal(p[1].error_code, KAFKA_NONE);
    assert_true(bytes_eq_str(p[1].metadata, ""));
    a = ask(t, fd, OFFSETS, 9, &q);
    assert_int_equal(a->groups.count, 3);
    assert_int_equal(a->groups.at[0].topics.at[0].partitions.count, 2);
    assert_int_equal(a->groups.at[1].topics.at[0].partitions.count, 1);
    assert_int_equal(a->groups.at[1].topics.at[0].partitions.at[0].committed_offset, 7);
    assert_int_equal(a->groups.at[2].topics.at[0].partitions.at[0].committed_offset, -1);
    close(fd);
}

static void a_join_is_answered_in_the_words_of_its_version(void **state)
{
    struct join_group_request_protocol range = { bytes_str("range"), bytes_str("m") };
    struct join_group_request          q = { .group_id = bytes_str("g"),
                                             .session_timeout_ms = 10000,
                                             .rebalance_timeout_ms = 10000,
                                             .member_id = bytes_str(""),
                                             .protocol_type = bytes_str("consumer"),
                                             .protocols = { 1, &range } };
    struct leave_group_request         leave = { .group_id = bytes_str("g") };
    struct test                       *t = *state;
    int                                fd = connect_to(t);
    const struct join_group_response  *a = ask(t, fd, JOIN, 9, &q);
    const struct leave_group_response *left;

    assert_int_equal(a->error_code, KAFKA_MEMBER_ID_REQUIRED);
    assert_true(bytes_starts(a->member_id, "test-"));
    assert_int_equal(a->generation_id, -1);
    q.member_id = a->member_id;
    send_request(t, fd, JOIN, 9, &q);
    settle(t);
    rig_advance(&t->rig, 50);
    a = receive_response(t, fd, JOIN, 9, t->correlation_id);
    assert_int_equal(a->error_code, KAFKA_NONE);
    assert_int_equal(a->members.count, 1);
    leave.member_id = a->member_id;
    left = ask(t, fd, LEAVE, 2, &leave);
    assert_int_equal(left->error_code, KAFKA_NONE);
    left = ask(t, fd, LEAVE, 2, &leave);
    assert_int_equal(left->error_code, KAFKA_UNKNOWN_MEMBER_ID);
    close(fd);
}

/* ---- many at once ---- */

static void pipelined_requests_are_answered_in_order(void **state)
{
    enum { ROUNDS = 300 }; /* more than may be under way at once */
    struct test *t = *state;
    int          fd = connect_to(t);
    struct bytes b = batch(t, 1);
    int32_t      first;

    create(t, fd, "orders", 1);
    first = t->correlation_id + 1;
    for (int i = 0; i < ROUNDS; i++) {
        struct produce_request_partition partition = { .index = 0, .records = b };
        struct produce_request_topic     topic = { .name = bytes_str("orders"),
                                                   .partitions = { 1, &partition } };
        struct produce_request           q = { .acks = -1, .topics = { 1, &topic } };

        send_request(t, fd, PRODUCE, 3, &q);
        send_request(t, fd, VERSIONS, 0, &(struct api_versions_request){ 0 });
    }
    for (int i = 0; i < ROUNDS; i++) {
        const struct produce_response *a = receive_response(t, fd, PRODUCE, 3, first + 2 * i);

        assert_int_equal(a->topics.at[0].partitions.at[0].base_offset, i);
        receive_response(t, fd, VERSIONS, 0, first + 2 * i + 1);
    }
    free((void *)(uintptr_t)b.at);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(api_versions_lists_what_is_taken),
        TEST(an_unknown_version_of_api_versions_is_answered_in_the_oldest),
        TEST(bad_frames_end_the_connection),
        TEST(what_came_before_a_bad_frame_is_answered),
        TEST(metadata_names_the_address_that_was_reached),
        TEST(no_topics_means_all_only_in_the_oldest_version),
        TEST(asking_creates_unless_told_not_to),
        TEST(topics_are_found_by_id),
        TEST(a_topic_named_twice_is_answered_once),
        TEST(bad_topics_are_refused),
        TEST(deleted_topics_are_gone_at_once),
        TEST(batches_come_back_as_they_were),
        TEST(bad_batches_are_refused),
        TEST(a_batch_may_have_a_mebibyte),
        TEST(unknown_places_and_acks_are_refused),
        TEST(acks_0_is_never_answered),
        TEST(repeated_batches_are_answered_with_the_first_offset),
        TEST(transactional_ids_are_given_producers),
        TEST(a_parked_fetch_holds_up_what_came_after_it),
        TEST(a_fetch_ends_empty_when_its_time_is_up),
        TEST(an_error_ends_the_wait),
        TEST(a_connection_that_goes_takes_its_fetch_along),
        TEST(a_shared_batch_shows_the_offset_of_the_log_it_is_read_from),
        TEST(offsets_are_found_by_time),
        TEST(commits_are_fetched_one_group_or_many),
        TEST(a_join_is_answered_in_the_words_of_its_version),
        TEST(pipelined_requests_are_answered_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
