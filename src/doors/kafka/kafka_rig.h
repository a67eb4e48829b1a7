/*
 * kafka_rig.h - the door over a real socket and the real engine on a simulated volume, for unit tests.
 *
 * One thread; a call runs at once, its answer comes through the loop's mailbox. Messages are in
 * the door's own layouts, whose bytes schema_test.c holds against the reference.
 */
#ifndef DOORS_KAFKA_KAFKA_RIG_H
#define DOORS_KAFKA_KAFKA_RIG_H

#include "base/crc32c.h"
#include "doors/kafka/kafka.h"
#include "doors/kafka/kafka_door.h"
#include "doors/kafka/request.h"
#include "engine/engine_rig.h"
#include "net/test_peer.h"

enum { PRODUCE = 0, FETCH = 1, LIST_OFFSETS = 2, METADATA = 3, COMMIT = 8, OFFSETS = 9,
       COORDINATOR = 10, JOIN = 11, LEAVE = 13, SYNC = 14, DESCRIBE_GROUPS = 15, LIST_GROUPS = 16,
       VERSIONS = 18, CREATE = 19, DELETE = 20, DELETE_RECORDS = 21, INIT = 22,
       DESCRIBE_CONFIGS = 32, ALTER_CONFIGS = 33, LOG_DIRS = 35, GROW = 37, DELETE_GROUPS = 42,
       ELECT = 43, INCREMENTAL_ALTER_CONFIGS = 44, REASSIGNMENTS = 46, OFFSET_DELETE = 47,
       CLUSTER = 60, CONFIG_RESOURCES = 74, TOPIC_PARTITIONS = 75 };

struct test {
    struct gate         gate; /* first */
    struct rig          rig;
    struct loop        *loop;
    struct door_server *door;
    uint16_t            port;
    uv_timer_t          tick;
    struct arena        arena;
    int32_t             correlation_id;
};

static inline void submit(struct gate *g, struct call *c)
{
    struct test *t = (struct test *)g;

    engine_begin(t->rig.engine, t->rig.now_ms);
    engine_submit(t->rig.engine, c);
    engine_end(t->rig.engine);
    rig_turn(&t->rig);
}

static inline void not_random(void *at, size_t len)
{
    memset(at, 'r', len);
}

static inline int set_up_env(void **state, const struct door_env *wanted)
{
    struct test    *t = mem_new(sizeof *t);
    struct door_env env = *wanted;

    rig_open(&t->rig);
    t->rig.rights = env.rights; /* the engine keeps them, the rig frees them */
    t->rig.limits = env.limits;
    if (env.rights || env.limits)
        rig_restart(&t->rig);
    t->gate.submit = submit;
    assert_int_equal(loop_new(&t->loop), ERR_OK);
    env.host = "127.0.0.1";
    env.cluster_id = "the-cluster";
    env.version = "test";
    env.data = "/";
    env.random = not_random;
    env.loop = t->loop;
    env.gate = &t->gate;
    assert_int_equal(kafka_door_open(&t->door, &env), ERR_OK);
    t->port = listener_port(((struct kafka_door *)t->door)->nodes[0].listener);
    peer_tick_start(t->loop, &t->tick);
    arena_init(&t->arena);
    *state = t;
    return 0;
}

static inline int set_up_login(void **state, bool needs_login, int64_t login_ms)
{
    return set_up_env(state, &(struct door_env){ .needs_login = needs_login, .login_ms = login_ms });
}

static inline int set_up_nodes(void **state, unsigned nodes)
{
    return set_up_env(state, &(struct door_env){ .kafka_nodes = nodes });
}

static inline int set_up(void **state)
{
    return set_up_nodes(state, 1);
}

static inline int tear_down(void **state)
{
    struct test *t = *state;

    t->door->close(t->door);
    peer_tick_stop(&t->tick);
    loop_stop(t->loop);
    loop_run(t->loop);
    while (mail_run(loop_mailbox(t->loop)) > 0)
        ;
    rig_close(&t->rig);
    while (mail_run(loop_mailbox(t->loop)) > 0)
        ;
    loop_free(t->loop);
    rights_free(t->rig.rights);
    limits_free(t->rig.limits);
    arena_fini(&t->arena);
    free(t);
    return 0;
}

/* ---- asking ---- */

static inline void send_request(struct test *t, int fd, int16_t key, int16_t version, const void *body)
{
    const struct kafka_api *api = kafka_api_find(key);
    struct wire_version     v = kafka_api_version(api, version);
    struct wire_out         out;

    wire_out_init(&out);
    buf_u32(&out.bytes, 0);
    buf_u16(&out.bytes, (uint16_t)key);
    buf_u16(&out.bytes, (uint16_t)version);
    buf_u32(&out.bytes, (uint32_t)++t->correlation_id);
    buf_u16(&out.bytes, 4);
    buf_str(&out.bytes, "test");
    if (v.is_flexible)
        buf_u8(&out.bytes, 0);
    wire_encode(api->request, v, body, &out);
    put_u32(out.bytes.at, (uint32_t)(out.bytes.len - 4));
    peer_send(t->loop, fd, out.bytes.at, out.bytes.len);
    wire_out_fini(&out);
}

/* The next frame, in the test's arena; its correlation id must be this one. */
static inline struct bytes receive(struct test *t, int fd, int32_t correlation_id)
{
    uint8_t  head[4];
    uint8_t *frame;
    uint32_t len;

    assert_int_equal(peer_recv(t->loop, fd, head, sizeof head), sizeof head);
    len = get_u32(head);
    frame = arena_new(&t->arena, len);
    assert_int_equal(peer_recv(t->loop, fd, frame, len), len);
    assert_int_equal((int32_t)get_u32(frame), correlation_id);
    return bytes_of(frame, len);
}

static inline void *receive_response(struct test *t, int fd, int16_t key, int16_t version,
                              int32_t correlation_id)
{
    const struct kafka_api *api = kafka_api_find(key);
    struct wire_version     v = kafka_api_version(api, version);
    struct rd               in = rd_of(receive(t, fd, correlation_id));
    void                   *body = arena_new(&t->arena, api->response->size);

    rd_u32(&in);
    if (v.is_flexible && key != VERSIONS)
        assert_int_equal(rd_u8(&in), 0);
    assert_true(wire_decode(api->response, v, &in, &t->arena, body));
    assert_int_equal(rd_left(&in), 0);
    return body;
}

static inline void *ask(struct test *t, int fd, int16_t key, int16_t version, const void *body)
{
    send_request(t, fd, key, version, body);
    return receive_response(t, fd, key, version, t->correlation_id);
}

static inline int connect_to(struct test *t)
{
    return peer_connect(AF_INET, t->port);
}

/* True when the broker hangs up without another byte. */
static inline bool is_hung_up(struct test *t, int fd)
{
    uint8_t byte;

    return peer_recv(t->loop, fd, &byte, 1) == 0;
}

/* Enough turns for anything that is on its way. */
static inline void settle(struct test *t)
{
    for (int i = 0; i < 5; i++)
        loop_turn(t->loop);
}

/* ---- topics, batches ---- */

static inline void create(struct test *t, int fd, const char *name, int32_t partitions)
{
    struct create_topics_request_topic   topic = { .name = bytes_str(name),
                                                   .num_partitions = partitions,
                                                   .replication_factor = 1 };
    struct create_topics_request         q = { .topics = { 1, &topic } };
    const struct create_topics_response *a = ask(t, fd, CREATE, 5, &q);

    assert_int_equal(a->topics.at[0].error_code, KAFKA_NONE);
}

/* A stored batch as clients send it; free(at). */
static inline struct bytes batch(struct test *t, int records)
{
    struct slice s = rig_batch(records, t->rig.now_ms, "k");
    struct bytes b = bytes_of(mem_copy(s.bytes.at, s.bytes.len), s.bytes.len);

    slice_drop(&s);
    return b;
}

static inline void seal(struct bytes b)
{
    put_u32((uint8_t *)(uintptr_t)b.at + 17, crc32c(0, b.at + 21, b.len - 21));
}

static inline const struct produce_response_partition *produce_acks(struct test *t, int fd, int16_t version,
                                                             const char *topic, struct bytes records,
                                                             int16_t acks)
{
    struct produce_request_partition partition = { .index = 0, .records = records };
    struct produce_request_topic     entry = { .name = bytes_str(topic),
                                               .partitions = { 1, &partition } };
    struct produce_request           q = { .acks = acks, .topics = { 1, &entry } };
    const struct produce_response   *a;

    if (acks == 0) {
        send_request(t, fd, PRODUCE, version, &q);
        return NULL;
    }
    a = ask(t, fd, PRODUCE, version, &q);
    assert_int_equal(a->topics.count, 1);
    assert_int_equal(a->topics.at[0].partitions.count, 1);
    return &a->topics.at[0].partitions.at[0];
}

static inline const struct produce_response_partition *produce(struct test *t, int fd, int16_t version,
                                                        const char *topic, struct bytes records)
{
    return produce_acks(t, fd, version, topic, records, -1);
}

static inline struct fetch_request *fetch_of(struct test *t, const char *topic, int64_t offset,
                                      int32_t wait_ms)
{
    struct fetch_request           *q = arena_struct(&t->arena, struct fetch_request);
    struct fetch_request_topic     *entry = arena_struct(&t->arena, struct fetch_request_topic);
    struct fetch_request_partition *p = arena_struct(&t->arena, struct fetch_request_partition);

    *p = (struct fetch_request_partition){ .current_leader_epoch = -1,
                                           .fetch_offset = offset,
                                           .partition_max_bytes = 1 << 20 };
    *entry = (struct fetch_request_topic){ .name = bytes_str(topic), .partitions = { 1, p } };
    *q = (struct fetch_request){ .replica_id = -1,
                                 .max_wait_ms = wait_ms,
                                 .min_bytes = 1,
                                 .max_bytes = 1 << 20,
                                 .session_epoch = -1,
                                 .topics = { 1, entry },
                                 .rack_id = bytes_str("") };
    return q;
}

/* What a version 4 response says of its one partition. */
struct fetched {
    int16_t      code;
    int64_t      high_watermark;
    struct bytes records;
};

static inline struct fetched read_fetched(struct bytes frame)
{
    struct fetched f;
    struct rd      in = rd_of(frame);

    rd_bytes(&in, 4 + 4 + 4);        /* correlation id, throttle time, one topic */
    rd_bytes(&in, rd_u16(&in));      /* its name */
    rd_bytes(&in, 4 + 4);            /* one partition, its index */
    f.code = (int16_t)rd_u16(&in);
    f.high_watermark = (int64_t)rd_u64(&in);
    assert_int_equal(rd_u64(&in), (uint64_t)f.high_watermark);
    assert_int_equal((int32_t)rd_u32(&in), -1); /* aborted transactions: null */
    f.records = rd_bytes(&in, rd_u32(&in));
    assert_false(in.failed);
    assert_int_equal(rd_left(&in), 0);
    return f;
}

static inline struct fetched fetch(struct test *t, int fd, const char *topic, int64_t offset)
{
    send_request(t, fd, FETCH, 4, fetch_of(t, topic, offset, 0));
    return read_fetched(receive(t, fd, t->correlation_id));
}

#endif
