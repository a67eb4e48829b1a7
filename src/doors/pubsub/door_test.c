/* door_test.c - calls and streams from the socket to the simulated disk and back; rpc.h P1-P4, stream.c S1-S5. */
#include "doors/pubsub/door_rig.h"

#define PUBLISHER "/google.pubsub.v1.Publisher/"
#define SUBSCRIBER "/google.pubsub.v1.Subscriber/"
#define TOPIC "projects/default/topics/orders"
#define SUBSCRIPTION "projects/default/subscriptions/billing"

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* Expects this status of a unary call. */
static void expect(struct site *s, const char *path, const ProtobufCMessage *request, const char *status)
{
    struct talk x;

    talk_unary(&x, s, path, request);
    assert_string_equal(x.status, status);
    talk_fini(&x);
}

static void make_topic_and_subscription(struct site *s)
{
    PB(Topic)        t = GOOGLE__PUBSUB__V1__TOPIC__INIT;
    PB(Subscription) u = GOOGLE__PUBSUB__V1__SUBSCRIPTION__INIT;

    t.name = text_of(TOPIC);
    u.name = text_of(SUBSCRIPTION);
    u.topic = text_of(TOPIC);
    expect(s, PUBLISHER "CreateTopic", &t.base, "0");
    expect(s, SUBSCRIBER "CreateSubscription", &u.base, "0");
}

static void publish(struct site *s, const char *body, size_t count)
{
    PB(PublishRequest) p = GOOGLE__PUBSUB__V1__PUBLISH_REQUEST__INIT;
    PB(PubsubMessage)  m = GOOGLE__PUBSUB__V1__PUBSUB_MESSAGE__INIT;
    PB(PubsubMessage) *messages[1000];
    size_t i;

    m.data = ps_binary(bytes_str(body));
    for (i = 0; i < count; i++)
        messages[i] = &m;
    p.topic = text_of(TOPIC);
    p.messages = messages;
    p.n_messages = count;
    expect(s, PUBLISHER "Publish", &p.base, "0");
}

static void begin_pull(struct talk *x, struct site *s, const char *timeout)
{
    PB(PullRequest) p = GOOGLE__PUBSUB__V1__PULL_REQUEST__INIT;

    *x = (struct talk){ 0 };
    p.subscription = text_of(SUBSCRIPTION);
    p.max_messages = 10;
    talk_add(x, &p.base);
    talk_begin(x, s, SUBSCRIBER "Pull", timeout ? "grpc-timeout" : NULL, timeout);
}

/* Pulls now; returns how many came, the first one's ack id in ack_id when not NULL. */
static size_t pull_now(struct site *s, char ack_id[100])
{
    PB(PullRequest) p = GOOGLE__PUBSUB__V1__PULL_REQUEST__INIT;
    const PB(PullResponse) *got;
    struct talk x;
    struct arena    a;
    size_t          n;

    p.subscription = text_of(SUBSCRIPTION);
    p.max_messages = 1000;
    p.return_immediately = true;
    talk_unary(&x, s, SUBSCRIBER "Pull", &p.base);
    assert_string_equal(x.status, "0");
    arena_init(&a);
    got = talk_message(&x, &a, 0, &google__pubsub__v1__pull_response__descriptor);
    n = got->n_received_messages;
    if (n > 0 && ack_id)
        snprintf(ack_id, 100, "%s", got->received_messages[0]->ack_id);
    arena_fini(&a);
    talk_fini(&x);
    return n;
}

static void acknowledge(struct site *s, char *ack_id)
{
    PB(AcknowledgeRequest) m = GOOGLE__PUBSUB__V1__ACKNOWLEDGE_REQUEST__INIT;

    m.subscription = text_of(SUBSCRIPTION);
    m.ack_ids = &ack_id;
    m.n_ack_ids = 1;
    expect(s, SUBSCRIBER "Acknowledge", &m.base, "0");
}

/* ---- unary ---- */

static void a_message_goes_through(void **state)
{
    struct site s;
    char        ack_id[100];

    (void)state;
    site_open(&s);
    make_topic_and_subscription(&s);
    publish(&s, "hello", 1);
    assert_int_equal(pull_now(&s, ack_id), 1);
    assert_int_equal(pull_now(&s, NULL), 0);
    rig_advance(&s.rig, 10001); /* the default ack deadline has passed */
    assert_int_equal(pull_now(&s, ack_id), 1);
    acknowledge(&s, ack_id);
    rig_advance(&s.rig, 600000);
    assert_int_equal(pull_now(&s, NULL), 0);
    site_close(&s);
}

/* UpdateTopic of one field; the answer's labels and retention in seconds (-1: none). */
static void update_topic(struct site *s, const PB(Topic) *t, const char *field, size_t *labels,
                         int64_t *retention)
{
    PB(UpdateTopicRequest) m = GOOGLE__PUBSUB__V1__UPDATE_TOPIC_REQUEST__INIT;
    PB(FieldMask)          mask = GOOGLE__PUBSUB__V1__FIELD_MASK__INIT;
    char                  *path = text_of(field);
    const PB(Topic)       *got;
    struct arena           a;
    struct talk            x;

    mask.paths = &path;
    mask.n_paths = 1;
    m.topic = (PB(Topic) *)(uintptr_t)t;
    m.update_mask = &mask;
    talk_unary(&x, s, PUBLISHER "UpdateTopic", &m.base);
    assert_string_equal(x.status, "0");
    arena_init(&a);
    got = talk_message(&x, &a, 0, &google__pubsub__v1__topic__descriptor);
    assert_string_equal(got->name, TOPIC);
    *labels = got->n_labels;
    *retention = got->message_retention_duration ? got->message_retention_duration->seconds : -1;
    arena_fini(&a);
    talk_fini(&x);
}

static const struct topic_policy *policy_of(struct site *s)
{
    return &topic_find(s->rig.engine, bytes_str("default"), bytes_str("orders"))->policy;
}

static void a_topic_is_updated(void **state)
{
    PB(Topic)    t = GOOGLE__PUBSUB__V1__TOPIC__INIT;
    PB(Duration) day = GOOGLE__PUBSUB__V1__DURATION__INIT;
    PB(Label)    label = GOOGLE__PUBSUB__V1__LABEL__INIT;
    PB(Label)   *labels[] = { &label };
    struct site  s;
    size_t       count;
    int64_t      seconds;

    (void)state;
    site_open(&s);
    make_topic_and_subscription(&s);
    assert_int_equal(policy_of(&s)->retention, RETAIN_BOTH);
    assert_int_equal(policy_of(&s)->retention_ms, topic_policy_default.retention_ms);
    t.name = text_of(TOPIC);
    label.key = text_of("team");
    label.value = text_of("blue");
    t.labels = labels;
    t.n_labels = 1;
    day.seconds = 24 * 3600;
    t.message_retention_duration = &day;
    update_topic(&s, &t, "labels", &count, &seconds);
    assert_true(count == 1 && seconds == -1);
    assert_int_equal(policy_of(&s)->retention_ms, topic_policy_default.retention_ms);
    t.n_labels = 0;
    update_topic(&s, &t, "message_retention_duration", &count, &seconds);
    assert_true(count == 1 && seconds == 24 * 3600);
    assert_int_equal(policy_of(&s)->retention_ms, 24 * 3600 * 1000);
    t.message_retention_duration = NULL;
    update_topic(&s, &t, "message_retention_duration", &count, &seconds);
    assert_int_equal(policy_of(&s)->retention_ms, topic_policy_default.retention_ms);
    site_close(&s);
}

static void a_wrong_update_changes_nothing(void **state)
{
    PB(UpdateTopicRequest) m = GOOGLE__PUBSUB__V1__UPDATE_TOPIC_REQUEST__INIT;
    PB(Topic)              t = GOOGLE__PUBSUB__V1__TOPIC__INIT;
    PB(Duration)           short_time = GOOGLE__PUBSUB__V1__DURATION__INIT;
    PB(FieldMask)          mask = GOOGLE__PUBSUB__V1__FIELD_MASK__INIT;
    char                  *path = text_of("message_retention_duration");
    struct site            s;

    (void)state;
    site_open(&s);
    make_topic_and_subscription(&s);
    expect(&s, PUBLISHER "UpdateTopic", &m.base, "3"); /* no topic */
    m.topic = &t;
    t.name = text_of(TOPIC);
    expect(&s, PUBLISHER "UpdateTopic", &m.base, "3"); /* no mask */
    m.update_mask = &mask;
    mask.paths = &path;
    mask.n_paths = 1;
    short_time.seconds = 599;
    t.message_retention_duration = &short_time;
    expect(&s, PUBLISHER "UpdateTopic", &m.base, "3");
    assert_int_equal(policy_of(&s)->retention_ms, topic_policy_default.retention_ms);
    path = text_of("name");
    expect(&s, PUBLISHER "UpdateTopic", &m.base, "3");
    path = text_of("labels");
    t.name = text_of("projects/default/topics/other");
    t.message_retention_duration = NULL;
    expect(&s, PUBLISHER "UpdateTopic", &m.base, "5");
    site_close(&s);
}

static void broken_calls_get_their_status(void **state)
{
    static const struct {
        const char *path, *header, *value, *upload;
        size_t      len;
        const char *status;
    } rows[] = {
        { PUBLISHER "Nothing", NULL, NULL, "\0\0\0\0\0", 5, "12" },
        { PUBLISHER "GetTopic", "grpc-encoding", "br", "\0\0\0\0\0", 5, "12" },
        { PUBLISHER "GetTopic", "grpc-timeout", "soon", "\0\0\0\0\0", 5, "13" },
        { PUBLISHER "GetTopic", NULL, NULL, "", 0, "13" },                             /* no message */
        { PUBLISHER "GetTopic", NULL, NULL, "\0\0\0\0\0\0\0\0\0\0", 10, "13" },        /* two */
        { PUBLISHER "GetTopic", NULL, NULL, "\0\0\0\0\5abc", 8, "13" },                /* it ends inside */
        { PUBLISHER "GetTopic", NULL, NULL, "\0\0\0\0\3\xff\xff\xff", 8, "3" },        /* no protobuf */
        { PUBLISHER "GetTopic", NULL, NULL, "\0\0\0\0\3\x0a\x01\xff", 8, "3" },        /* no UTF-8 */
        { PUBLISHER "GetTopic", NULL, NULL, "\0\xff\xff\xff\xff", 5, "8" },            /* too long */
        { PUBLISHER "GetTopic", NULL, NULL, "\1\0\0\0\0", 5, "13" },                   /* compressed how? */
        { PUBLISHER "GetTopic", NULL, NULL, "\0\0\0\0\0", 5, "3" },                    /* no name */
        { SUBSCRIBER "StreamingPull", NULL, NULL, "\0\0\0\0\2\x28\x0a", 7, "3" },      /* no subscription */
    };
    struct site s;
    size_t      i;

    (void)state;
    site_open(&s);
    for (i = 0; i < COUNT(rows); i++) {
        struct talk x = { 0 };

        buf_add(&x.upload, rows[i].upload, rows[i].len);
        talk_begin(&x, &s, rows[i].path, rows[i].header, rows[i].value);
        site_until(&s, &x.is_closed);
        assert_string_equal(x.http_status, "200");
        assert_string_equal(x.status, rows[i].status);
        talk_fini(&x);
    }
    site_close(&s);
}

static void a_pull_waits_for_a_message(void **state)
{
    struct site     s;
    struct talk x;

    (void)state;
    site_open(&s);
    make_topic_and_subscription(&s);
    begin_pull(&x, &s, NULL);
    site_until_calls(&s, CALL_LEASE, 1);
    assert_false(x.is_closed);
    publish(&s, "late", 1);
    site_until(&s, &x.is_closed);
    assert_string_equal(x.status, "0");
    assert_true(x.body.len > GRPC_PREFIX_BYTES);
    talk_fini(&x);
    site_close(&s);
}

static void a_pull_ends_empty_before_its_deadline(void **state)
{
    struct site     s;
    struct talk x;

    (void)state;
    site_open(&s);
    make_topic_and_subscription(&s);
    begin_pull(&x, &s, "20S");
    site_until_calls(&s, CALL_LEASE, 1);
    rig_advance(&s.rig, 19000);
    site_steps(&s, 10);
    assert_false(x.is_closed);
    rig_advance(&s.rig, 501);
    site_until(&s, &x.is_closed);
    assert_string_equal(x.status, "0");
    assert_int_equal(x.body.len, GRPC_PREFIX_BYTES);
    talk_fini(&x);
    site_close(&s);
}

/* P4: what would have been leased for a client that has gone goes to the next one. */
static void a_cancelled_pull_takes_nothing(void **state)
{
    struct site     s;
    struct talk x;

    (void)state;
    site_open(&s);
    make_topic_and_subscription(&s);
    begin_pull(&x, &s, NULL);
    site_until_calls(&s, CALL_LEASE, 1);
    talk_cancel(&x);
    site_until_calls(&s, CALL_CANCEL, 1);
    publish(&s, "hello", 1);
    assert_int_equal(pull_now(&s, NULL), 1);
    talk_fini(&x);
    site_close(&s);
}

static void a_client_that_leaves_takes_nothing_along(void **state)
{
    struct site     s;
    struct talk x;

    (void)state;
    site_open(&s);
    make_topic_and_subscription(&s);
    begin_pull(&x, &s, NULL);
    site_until_calls(&s, CALL_LEASE, 1);
    talk_fini(&x);
    site_disconnect(&s);
    site_connect(&s);
    site_until_calls(&s, CALL_CANCEL, 1);
    publish(&s, "hello", 1);
    assert_int_equal(pull_now(&s, NULL), 1);
    site_close(&s);
}

/* ---- streams ---- */

static void begin_stream(struct talk *x, struct site *s, int64_t messages_max)
{
    PB(StreamingPullRequest) m = GOOGLE__PUBSUB__V1__STREAMING_PULL_REQUEST__INIT;

    *x = (struct talk){ .is_open = true };
    m.subscription = text_of(SUBSCRIPTION);
    m.stream_ack_deadline_seconds = 10;
    m.max_outstanding_messages = messages_max;
    m.protocol_version = 1;
    talk_add(x, &m.base);
    talk_begin(x, s, SUBSCRIBER "StreamingPull", NULL, NULL);
}

static void until_count(struct site *s, const struct talk *x, size_t responses)
{
    int64_t limit = peer_clock_ms() + PEER_LIMIT_MS;

    while (talk_count(x) < responses) {
        assert_true(peer_clock_ms() < limit);
        site_step(s);
    }
}

/* Messages in all responses; the last one's ack id. */
static size_t messages_in(const struct talk *x, char ack_id[100])
{
    struct arena a;
    size_t       i, n = 0;

    arena_init(&a);
    for (i = 0; i < talk_count(x); i++) {
        const PB(StreamingPullResponse) *m =
            talk_message(x, &a, i, &google__pubsub__v1__streaming_pull_response__descriptor);

        n += m->n_received_messages;
        if (m->n_received_messages > 0) {
            assert_non_null(m->subscription_properties);
            snprintf(ack_id, 100, "%s", m->received_messages[m->n_received_messages - 1]->ack_id);
        }
    }
    arena_fini(&a);
    return n;
}

/* S1, S5; an acknowledgement on the stream makes room for the next message. */
static void a_stream_delivers_within_its_limit(void **state)
{
    PB(StreamingPullRequest) ack = GOOGLE__PUBSUB__V1__STREAMING_PULL_REQUEST__INIT;
    struct site     s;
    struct talk x;
    char            id[100];
    char           *ack_id = id;

    (void)state;
    site_open(&s);
    make_topic_and_subscription(&s);
    begin_stream(&x, &s, 1);
    site_until_calls(&s, CALL_SUBSCRIBE, 1);
    site_steps(&s, 10);
    assert_int_equal(x.header_blocks, 1);
    publish(&s, "hello", 3);
    until_count(&s, &x, 1);
    site_steps(&s, 10);
    assert_int_equal(messages_in(&x, id), 1);
    ack.ack_ids = &ack_id;
    ack.n_ack_ids = 1;
    talk_add(&x, &ack.base);
    until_count(&s, &x, 2);
    site_steps(&s, 10);
    assert_int_equal(messages_in(&x, id), 2);
    talk_half_close(&x);
    site_until(&s, &x.is_closed);
    assert_string_equal(x.status, "0");
    talk_fini(&x);
    site_close(&s);
}

/* S2, S3: what the client got stays leased until its deadline, what it never got is there at once. */
static void leases_outlive_their_stream(void **state)
{
    struct site     s;
    struct talk x;
    char            id[100];

    (void)state;
    site_open(&s);
    make_topic_and_subscription(&s);
    begin_stream(&x, &s, 1);
    publish(&s, "hello", 2);
    until_count(&s, &x, 1);
    talk_cancel(&x);
    site_until_calls(&s, CALL_SESSION_CLOSE, 1);
    assert_int_equal(pull_now(&s, NULL), 1);
    messages_in(&x, id);
    acknowledge(&s, id);
    rig_advance(&s.rig, 10001);
    assert_int_equal(pull_now(&s, id), 1);
    talk_fini(&x);
    site_close(&s);
}

static void a_keep_alive_is_answered(void **state)
{
    PB(StreamingPullRequest) ping = GOOGLE__PUBSUB__V1__STREAMING_PULL_REQUEST__INIT;
    struct site     s;
    struct talk x;

    (void)state;
    site_open(&s);
    make_topic_and_subscription(&s);
    begin_stream(&x, &s, 0);
    talk_add(&x, &ping.base);
    until_count(&s, &x, 1);
    assert_int_equal(x.body.len, GRPC_PREFIX_BYTES);
    talk_cancel(&x);
    site_until(&s, &x.is_closed);
    talk_fini(&x);
    site_close(&s);
}

static void expect_stream_end(struct site *s, const PB(StreamingPullRequest) *later, const char *status)
{
    struct talk x;

    begin_stream(&x, s, 0);
    talk_add(&x, &later->base);
    site_until(s, &x.is_closed);
    assert_string_equal(x.status, status);
    talk_fini(&x);
}

static void wrong_later_requests_end_a_stream(void **state)
{
    PB(StreamingPullRequest) m = GOOGLE__PUBSUB__V1__STREAMING_PULL_REQUEST__INIT;
    struct site s;
    char       *ack_id = text_of("nonsense");
    int32_t     seconds = 10;

    (void)state;
    site_open(&s);
    make_topic_and_subscription(&s);
    m.max_outstanding_messages = 5;
    expect_stream_end(&s, &m, "3");
    m.max_outstanding_messages = 0;
    m.stream_ack_deadline_seconds = 601;
    expect_stream_end(&s, &m, "3");
    m.stream_ack_deadline_seconds = 0;
    m.ack_ids = &ack_id;
    m.n_ack_ids = 1;
    expect_stream_end(&s, &m, "3");
    m.n_ack_ids = 0;
    m.modify_deadline_seconds = &seconds;
    m.n_modify_deadline_seconds = 1;
    expect_stream_end(&s, &m, "3");
    site_close(&s);
}

static void a_stream_ends_with_its_subscription(void **state)
{
    PB(DeleteSubscriptionRequest) m = GOOGLE__PUBSUB__V1__DELETE_SUBSCRIPTION_REQUEST__INIT;
    struct site     s;
    struct talk x;

    (void)state;
    site_open(&s);
    make_topic_and_subscription(&s);
    begin_stream(&x, &s, 0);
    site_until_calls(&s, CALL_SUBSCRIBE, 1);
    m.subscription = text_of(SUBSCRIPTION);
    expect(&s, SUBSCRIBER "DeleteSubscription", &m.base, "0");
    site_until(&s, &x.is_closed);
    assert_string_equal(x.status, "5");
    talk_fini(&x);
    begin_stream(&x, &s, 0);
    talk_half_close(&x);
    site_until(&s, &x.is_closed);
    assert_string_equal(x.status, "5");
    talk_fini(&x);
    site_close(&s);
}

static void a_closing_door_says_unavailable(void **state)
{
    struct site     s;
    struct talk stream, pull;

    (void)state;
    site_open(&s);
    make_topic_and_subscription(&s);
    begin_stream(&stream, &s, 0);
    begin_pull(&pull, &s, NULL);
    site_until_calls(&s, CALL_SUBSCRIBE, 1);
    site_until_calls(&s, CALL_LEASE, 1);
    site_close_door(&s);
    site_until(&s, &stream.is_closed);
    assert_string_equal(stream.status, "14");
    site_until(&s, &pull.is_closed);
    assert_string_equal(pull.status, "14");
    talk_fini(&stream);
    talk_fini(&pull);
    site_close(&s);
}

/* S4: a client that does not read holds a bounded number of bytes here; when it reads again all comes. */
static void a_slow_client_is_waited_for(void **state)
{
    enum { MESSAGES = 600, BYTES = 20000 };
    static char     body[BYTES + 1];
    struct site     s;
    struct talk x;
    char            id[100];
    int64_t         limit = peer_clock_ms() + PEER_LIMIT_MS;

    (void)state;
    memset(body, 'x', BYTES);
    site_open(&s);
    make_topic_and_subscription(&s);
    publish(&s, body, MESSAGES / 2);
    publish(&s, body, MESSAGES / 2);
    s.is_reading = false;
    begin_stream(&x, &s, 0);
    site_until_calls(&s, CALL_SUBSCRIBE, 1);
    site_steps(&s, 200);
    s.is_reading = true;
    assert_true(s.calls[CALL_CREDIT] < 10); /* each gives back about 1 MB of the 12 */
    while (x.body.len < (size_t)MESSAGES * BYTES) {
        assert_true(peer_clock_ms() < limit);
        site_step(&s);
    }
    while (messages_in(&x, id) < MESSAGES) { /* the last of those bytes may be half a frame's */
        assert_true(peer_clock_ms() < limit);
        site_step(&s);
    }
    assert_int_equal(messages_in(&x, id), MESSAGES);
    talk_cancel(&x);
    site_until(&s, &x.is_closed);
    talk_fini(&x);
    site_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_goes_through),
        cmocka_unit_test(a_topic_is_updated),
        cmocka_unit_test(a_wrong_update_changes_nothing),
        cmocka_unit_test(broken_calls_get_their_status),
        cmocka_unit_test(a_pull_waits_for_a_message),
        cmocka_unit_test(a_pull_ends_empty_before_its_deadline),
        cmocka_unit_test(a_cancelled_pull_takes_nothing),
        cmocka_unit_test(a_client_that_leaves_takes_nothing_along),
        cmocka_unit_test(a_stream_delivers_within_its_limit),
        cmocka_unit_test(leases_outlive_their_stream),
        cmocka_unit_test(a_keep_alive_is_answered),
        cmocka_unit_test(wrong_later_requests_end_a_stream),
        cmocka_unit_test(a_stream_ends_with_its_subscription),
        cmocka_unit_test(a_closing_door_says_unavailable),
        cmocka_unit_test(a_slow_client_is_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
