/*
 * authorize.c - see authorize.h.
 *
 *     request --rules, first to last--> refused as a whole: answered
 *                                   \-> elements taken out --> handler --> kafka_answer --> veils --> sent
 *                                          `----> r->refused ----------------^
 *
 * The rules are Kafka's (its KafkaApis and ControllerApis).
 */
#include "doors/kafka/authorize.h"
#include "doors/kafka/kafka_conn.h"
#include "doors/kafka/refusal.h"
#include "doors/kafka/resources.h"

#include <assert.h>

enum how {
    WHOLE, /* what one field names (none: the cluster), or each name in a list: refused altogether */
    EACH,  /* the elements of an array: those refused are answered in another */
    ALL,   /* likewise, but one spoils it for all */
    ASKED, /* by a function */
    FREE,  /* for everybody */
};

/* What is asked for. */
struct want {
    enum acl_resource  resource;
    enum acl_operation operation;
    int16_t            error;
    struct bytes       name;
};

typedef bool want_fn(const struct kafka_request *r, const void *element, struct want *w);

struct rule {
    int16_t            key;
    int16_t            since, until; /* versions */
    enum how           how;
    enum acl_resource  resource;
    enum acl_operation operation;
    const char        *names;   /* field of the request; WHOLE: NULL for the cluster. Null there asks for nothing */
    const char        *answers; /* EACH: field of the response. WHOLE: where its parts are refused, or NULL */
    enum acl_operation on_cluster; /* who may do that to the cluster needs no more; 0: none */
    want_fn           *want;       /* decides for each element, or (ASKED) for the request; NULL: as above */
};

enum { LAST = INT16_MAX };

static want_fn want_alter, want_alter_configs, want_coordinator, want_settings, want_new_settings, want_producer_id;

#define TOPICS(key, operation) { key, 0, LAST, EACH, ACL_TOPIC, operation, "topics", "topics", 0, NULL }
#define GROUP(key, operation)  { key, 0, LAST, WHOLE, ACL_GROUP, operation, "group_id", NULL, 0, NULL }
#define TXN(key)  { key, 0, LAST, WHOLE, ACL_TRANSACTIONAL_ID, ACL_WRITE, "transactional_id", NULL, 0, NULL }
#define CLUSTER(key, operation) { key, 0, LAST, WHOLE, ACL_CLUSTER, operation, NULL, NULL, 0, NULL }
#define EVERYBODY(key) { key, 0, LAST, FREE, 0, 0, NULL, NULL, 0, NULL }

/* In the order in which Kafka looks. */
static const struct rule rules[] = {
    /* key, since, until, how, resource, operation, names, answers, on cluster, want */
    { 0, 0, LAST, WHOLE, ACL_TRANSACTIONAL_ID, ACL_WRITE, "transactional_id", "topics", 0, NULL },
    TOPICS(0, ACL_WRITE), /* Produce */
    TOPICS(1, ACL_READ), /* Fetch */
    TOPICS(2, ACL_DESCRIBE), /* ListOffsets */
    EVERYBODY(3), /* Metadata: metadata.c looks at each topic */
    { 8, 0, LAST, WHOLE, ACL_GROUP, ACL_READ, "group_id", "topics", 0, NULL },
    TOPICS(8, ACL_READ), /* OffsetCommit */
    { 9, 0, 1, WHOLE, ACL_GROUP, ACL_DESCRIBE, "group_id", "topics", 0, NULL },
    { 9, 2, 7, WHOLE, ACL_GROUP, ACL_DESCRIBE, "group_id", NULL, 0, NULL },
    { 9, 8, LAST, EACH, ACL_GROUP, ACL_DESCRIBE, "groups", "groups", 0, NULL }, /* OffsetFetch; topics: its veil */
    { 10, 0, 3, ASKED, 0, 0, NULL, NULL, 0, want_coordinator },
    { 10, 4, LAST, EACH, 0, 0, "coordinator_keys", "coordinators", 0, want_coordinator }, /* FindCoordinator */
    GROUP(11, ACL_READ), /* JoinGroup */
    GROUP(12, ACL_READ), /* Heartbeat */
    GROUP(13, ACL_READ), /* LeaveGroup */
    GROUP(14, ACL_READ), /* SyncGroup */
    { 15, 0, LAST, EACH, ACL_GROUP, ACL_DESCRIBE, "groups", "groups", 0, NULL }, /* DescribeGroups */
    EVERYBODY(16), /* ListGroups: its veil */
    EVERYBODY(17), /* SaslHandshake */
    EVERYBODY(18), /* ApiVersions */
    { 19, 0, LAST, EACH, ACL_TOPIC, ACL_CREATE, "topics", "topics", ACL_CREATE, NULL }, /* CreateTopics */
    { 20, 0, 5, EACH, ACL_TOPIC, ACL_DELETE, "topic_names", "topics", ACL_DELETE, NULL },
    { 20, 6, LAST, EACH, ACL_TOPIC, ACL_DELETE, "topics", "topics", ACL_DELETE, NULL }, /* DeleteTopics */
    TOPICS(21, ACL_DELETE), /* DeleteRecords */
    TXN(22),
    { 22, 0, LAST, ASKED, 0, 0, NULL, NULL, 0, want_producer_id }, /* InitProducerId */
    { 23, 0, LAST, EACH, ACL_TOPIC, ACL_DESCRIBE, "topics", "topics", ACL_CLUSTER_ACTION, NULL },
    { 24, 0, 3, WHOLE, ACL_TRANSACTIONAL_ID, ACL_WRITE, "transactional_id", "topics", 0, NULL },
    { 24, 0, 3, ALL, ACL_TOPIC, ACL_WRITE, "topics", "topics", 0, NULL }, /* AddPartitionsToTxn */
    { 24, 4, LAST, WHOLE, ACL_CLUSTER, ACL_CLUSTER_ACTION, NULL, NULL, 0, NULL },
    TXN(25),
    GROUP(25, ACL_READ), /* AddOffsetsToTxn */
    TXN(26), /* EndTxn */
    { 28, 0, LAST, WHOLE, ACL_TRANSACTIONAL_ID, ACL_WRITE, "transactional_id", "topics", 0, NULL },
    { 28, 0, LAST, WHOLE, ACL_GROUP, ACL_READ, "group_id", "topics", 0, NULL },
    TOPICS(28, ACL_READ), /* TxnOffsetCommit */
    CLUSTER(29, ACL_DESCRIBE), /* DescribeAcls */
    { 30, 0, LAST, EACH, 0, 0, "creations", "results", 0, want_alter }, /* CreateAcls */
    { 31, 0, LAST, EACH, 0, 0, "filters", "filter_results", 0, want_alter }, /* DeleteAcls */
    { 32, 0, LAST, EACH, 0, 0, "resources", "results", 0, want_settings }, /* DescribeConfigs */
    { 33, 0, LAST, EACH, 0, 0, "resources", "responses", 0, want_new_settings }, /* AlterConfigs */
    CLUSTER(35, ACL_DESCRIBE), /* DescribeLogDirs */
    EVERYBODY(36), /* SaslAuthenticate */
    { 37, 0, LAST, EACH, ACL_TOPIC, ACL_ALTER, "topics", "results", 0, NULL }, /* CreatePartitions */
    { 42, 0, LAST, EACH, ACL_GROUP, ACL_DELETE, "groups_names", "results", 0, NULL }, /* DeleteGroups */
    CLUSTER(43, ACL_ALTER), /* ElectLeaders */
    { 44, 0, LAST, EACH, 0, 0, "resources", "responses", 0, want_new_settings }, /* IncrementalAlterConfigs */
    CLUSTER(45, ACL_ALTER), /* AlterPartitionReassignments */
    CLUSTER(46, ACL_DESCRIBE), /* ListPartitionReassignments */
    GROUP(47, ACL_DELETE),
    TOPICS(47, ACL_READ), /* OffsetDelete */
    CLUSTER(48, ACL_DESCRIBE_CONFIGS), /* DescribeClientQuotas */
    { 49, 0, LAST, EACH, 0, 0, "entries", "entries", 0, want_alter_configs }, /* AlterClientQuotas */
    CLUSTER(50, ACL_DESCRIBE), /* DescribeUserScramCredentials */
    { 51, 0, LAST, FREE, 0, 0, NULL, NULL, 0, NULL }, /* AlterUserScramCredentials: sasl_users.c, user by user */
    EVERYBODY(60), /* DescribeCluster */
    TOPICS(61, ACL_READ), /* DescribeProducers */
    { 65, 0, LAST, EACH, ACL_TRANSACTIONAL_ID, ACL_DESCRIBE, "transactional_ids", "transactions", 0, NULL },
    EVERYBODY(66), /* ListTransactions: its veil */
    GROUP(68, ACL_READ),
    { 68, 0, LAST, WHOLE, ACL_TOPIC, ACL_DESCRIBE, "subscribed_topic_names", NULL, 0, NULL },
    /* ConsumerGroupHeartbeat above, ConsumerGroupDescribe */
    { 69, 0, LAST, EACH, ACL_GROUP, ACL_DESCRIBE, "group_ids", "groups", 0, NULL },
    EVERYBODY(71), /* GetTelemetrySubscriptions */
    EVERYBODY(72), /* PushTelemetry */
    CLUSTER(74, ACL_DESCRIBE_CONFIGS), /* ListConfigResources */
    TOPICS(75, ACL_DESCRIBE), /* DescribeTopicPartitions */
    GROUP(76, ACL_READ),
    { 76, 0, LAST, WHOLE, ACL_TOPIC, ACL_DESCRIBE, "subscribed_topic_names", NULL, 0, NULL },
    /* ShareGroupHeartbeat above, ShareGroupDescribe */
    { 77, 0, LAST, EACH, ACL_GROUP, ACL_DESCRIBE, "group_ids", "groups", 0, NULL },
    GROUP(78, ACL_READ),
    { 78, 0, LAST, EACH, ACL_TOPIC, ACL_READ, "topics", "responses", 0, NULL }, /* ShareFetch */
    GROUP(79, ACL_READ),
    { 79, 0, LAST, EACH, ACL_TOPIC, ACL_READ, "topics", "responses", 0, NULL }, /* ShareAcknowledge */
    { 90, 0, LAST, EACH, ACL_GROUP, ACL_DESCRIBE, "groups", "groups", 0, NULL }, /* DescribeShareGroupOffsets */
    GROUP(91, ACL_READ),
    { 91, 0, LAST, EACH, ACL_TOPIC, ACL_READ, "topics", "responses", 0, NULL }, /* AlterShareGroupOffsets */
    GROUP(92, ACL_DELETE),
    { 92, 0, LAST, EACH, ACL_TOPIC, ACL_READ, "topics", "responses", 0, NULL }, /* DeleteShareGroupOffsets */
};

/* ---- asking ---- */

static const int16_t errors[ACL_RESOURCE_END] = {
    [ACL_TOPIC] = KAFKA_TOPIC_AUTHORIZATION_FAILED,
    [ACL_GROUP] = KAFKA_GROUP_AUTHORIZATION_FAILED,
    [ACL_CLUSTER] = KAFKA_CLUSTER_AUTHORIZATION_FAILED,
    [ACL_TRANSACTIONAL_ID] = KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
};

static struct rights *rights_of(const struct kafka_request *r)
{
    return kafka_conn_env(r->conn)->rights;
}

static uint16_t operations(const struct kafka_request *r, enum acl_resource resource, struct bytes name)
{
    return rights_operations(rights_of(r), kafka_conn_asker(r->conn), resource, name);
}

bool kafka_may(const struct kafka_request *r, enum acl_operation operation, enum acl_resource resource,
               struct bytes name)
{
    return !rights_of(r) || operations(r, resource, name) & 1u << operation;
}

static bool may_on_cluster(const struct kafka_request *r, enum acl_operation operation)
{
    return kafka_may(r, operation, ACL_CLUSTER, bytes_str(ACL_CLUSTER_NAME));
}

bool kafka_may_create_topic(const struct kafka_request *r, struct bytes name)
{
    return may_on_cluster(r, ACL_CREATE) || kafka_may(r, ACL_CREATE, ACL_TOPIC, name);
}

int32_t kafka_allowed(const struct kafka_request *r, int32_t wanted, enum acl_resource resource,
                      struct bytes name)
{
    return rights_of(r) ? wanted & operations(r, resource, name) : wanted;
}

int32_t kafka_allowed_cluster(const struct kafka_request *r, int32_t wanted)
{
    return may_on_cluster(r, ACL_DESCRIBE) ? kafka_allowed(r, wanted, ACL_CLUSTER, bytes_str(ACL_CLUSTER_NAME))
                                           : 0;
}

/* ---- what is wanted ---- */

static struct want to_cluster(enum acl_operation operation)
{
    return (struct want){ ACL_CLUSTER, operation, KAFKA_CLUSTER_AUTHORIZATION_FAILED,
                          bytes_str(ACL_CLUSTER_NAME) };
}

static bool want_alter(const struct kafka_request *r, const void *element, struct want *w)
{
    (void)r;
    (void)element;
    *w = to_cluster(ACL_ALTER);
    return true;
}

static bool want_alter_configs(const struct kafka_request *r, const void *element, struct want *w)
{
    (void)r;
    (void)element;
    *w = to_cluster(ACL_ALTER_CONFIGS);
    return true;
}

static bool want_coordinator(const struct kafka_request *r, const void *element, struct want *w)
{
    enum { OF_GROUP, OF_TXN, OF_SHARE };
    const struct find_coordinator_request *q = r->body;

    *w = to_cluster(ACL_CLUSTER_ACTION);
    if (q->key_type == OF_GROUP || q->key_type == OF_TXN) {
        w->resource = q->key_type == OF_GROUP ? ACL_GROUP : ACL_TRANSACTIONAL_ID;
        w->operation = ACL_DESCRIBE;
        w->error = errors[w->resource];
        w->name = element ? *(const struct bytes *)element : q->key;
    }
    return q->key_type >= OF_GROUP && q->key_type <= OF_SHARE; /* else it is refused for being unknown */
}

/* Of a broker, its loggers and clients' metrics: the cluster's. */
static struct want settings_of(int8_t type, struct bytes name, enum acl_operation operation)
{
    struct want w = to_cluster(operation);

    if (type == RESOURCE_TOPIC || type == RESOURCE_GROUP) {
        w.resource = type == RESOURCE_TOPIC ? ACL_TOPIC : ACL_GROUP;
        w.error = errors[w.resource];
        w.name = name;
    }
    return w;
}

static bool want_settings(const struct kafka_request *r, const void *element, struct want *w)
{
    const struct describe_configs_request_resource *q = element;

    (void)r;
    *w = settings_of(q->resource_type, q->resource_name, ACL_DESCRIBE_CONFIGS);
    return true;
}

static bool want_new_settings(const struct kafka_request *r, const void *element, struct want *w)
{
    const struct alter_configs_request_resource             *all = element;
    const struct incremental_alter_configs_request_resource *some = element;

    if (r->api->request == &layout_alter_configs_request)
        *w = settings_of(all->resource_type, all->resource_name, ACL_ALTER_CONFIGS);
    else
        *w = settings_of(some->resource_type, some->resource_name, ACL_ALTER_CONFIGS);
    return true;
}

/* Without a transactional id: whoever may write any topic may have a producer id, too. */
static bool want_producer_id(const struct kafka_request *r, const void *element, struct want *w)
{
    const struct init_producer_id_request *q = r->body;

    (void)element;
    *w = to_cluster(ACL_IDEMPOTENT_WRITE);
    return bytes_is_null(q->transactional_id) &&
           !rights_any(rights_of(r), kafka_conn_asker(r->conn), ACL_WRITE, ACL_TOPIC);
}

/* The name of an element, or of what its id means. False: there is nothing of this id. */
static bool name_of(struct kafka_request *r, const struct wire_field *names, const void *element,
                    struct bytes *out)
{
    const struct wire_field *name;
    const struct wire_field *id;
    struct uuid              uuid;
    struct buf               text;
    bool                     is_there;

    if (names->type == WIRE_STRINGS) {
        *out = *(const struct bytes *)element;
        return true;
    }
    id = wire_find(names->element, "topic_id");
    name = wire_name(names->element);
    *out = name ? wire_text(element, name) : (struct bytes){ 0 };
    if (!id || !bytes_is_null(*out) || r->version.number < id->since)
        return true;
    memcpy(&uuid, (const uint8_t *)element + id->offset, sizeof uuid);
    buf_init(&text);
    is_there = rights_topic_name(rights_of(r), &uuid, &text);
    *out = kafka_text(r, &text);
    return is_there;
}

/* ---- elements ---- */

/* Why one is refused; KAFKA_NONE: it is not. */
static int16_t refuses(struct kafka_request *r, const struct rule *rule, const struct wire_field *names,
                       const void *element)
{
    struct want w = { rule->resource, rule->operation, errors[rule->resource], { 0 } };

    if (rule->want) {
        if (!rule->want(r, element, &w))
            return KAFKA_NONE;
    } else if (!name_of(r, names, element, &w.name)) {
        return KAFKA_UNKNOWN_TOPIC_ID;
    }
    return kafka_may(r, w.operation, w.resource, w.name) ? KAFKA_NONE : w.error;
}

static void put_refused(struct kafka_request *r, const struct rule *rule, const struct wire_field *names,
                        const void *element, int16_t error)
{
    struct kafka_refused *f = r->refused;
    size_t                size;

    if (!f) {
        f = r->refused = arena_struct(&r->arena, struct kafka_refused);
        f->field = wire_find(r->api->response, rule->answers);
        f->at = kafka_array(r, wire_elements(r->body, names).count, f->field->element->size);
    }
    size = f->field->element->size;
    refuse_element(&r->arena, names, element, f->field, (uint8_t *)f->at + f->count++ * size, error);
}

/* A producer that wants no answer: all it can notice is that the connection ends. */
static bool wants_no_answer(const struct kafka_request *r)
{
    return r->api->request == &layout_produce_request && ((const struct produce_request *)r->body)->acks == 0;
}

/* Answers with what was refused, and with what is said of the request as a whole. */
static void answer_refused(struct kafka_request *r, const void *answer)
{
    if (wants_no_answer(r))
        kafka_hang_up(r);
    else
        kafka_answer(r, answer);
}

static void answer_elements(struct kafka_request *r)
{
    answer_refused(r, arena_new(&r->arena, r->api->response->size));
}

/* A Fetch that only says what is different: to leave_session. */
static bool is_in_session(const struct kafka_request *r)
{
    return r->api->request == &layout_fetch_request && ((const struct fetch_request *)r->body)->session_epoch > 0;
}

/* Takes those out that are refused; false: it took all and answered. */
static bool check_each(struct kafka_request *r, const struct rule *rule)
{
    const struct wire_field *names = wire_find(r->api->request, rule->names);
    struct wire_elements     all = wire_elements(r->body, names);
    size_t                   size = wire_element_size(names);
    size_t                   kept = 0;

    if (rule->on_cluster && may_on_cluster(r, rule->on_cluster))
        return true;
    for (size_t i = 0; i < all.count; i++) {
        uint8_t *element = (uint8_t *)all.at + i * size;
        int16_t  error = refuses(r, rule, names, element);

        if (error != KAFKA_NONE)
            put_refused(r, rule, names, element, error);
        else
            memmove((uint8_t *)all.at + kept++ * size, element, size);
    }
    if (kept == all.count)
        return true;
    wire_set_elements(r->body, names, (struct wire_elements){ kept, all.at });
    if (kept > 0 || is_in_session(r))
        return true;
    answer_elements(r);
    return false;
}

/* One that is refused: so are all, but the others only because of it. */
static bool check_all(struct kafka_request *r, const struct rule *rule)
{
    const struct wire_field *names = wire_find(r->api->request, rule->names);
    struct wire_elements     all = wire_elements(r->body, names);
    size_t                   size = wire_element_size(names);
    bool                     is_any = false;

    for (size_t i = 0; i < all.count; i++)
        is_any |= refuses(r, rule, names, (uint8_t *)all.at + i * size) != KAFKA_NONE;
    for (size_t i = 0; is_any && i < all.count; i++) {
        uint8_t *element = (uint8_t *)all.at + i * size;
        int16_t  error = refuses(r, rule, names, element);

        put_refused(r, rule, names, element, error ? error : KAFKA_OPERATION_NOT_ATTEMPTED);
    }
    if (is_any)
        answer_elements(r);
    return !is_any;
}

/* ---- whole requests ---- */

static void refuse_request(struct kafka_request *r, const struct rule *rule, int16_t error)
{
    void                    *answer = arena_new(&r->arena, r->api->response->size);
    const struct wire_field *from = rule->answers ? wire_find(r->api->request, rule->answers) : NULL;
    struct wire_elements     all = from ? wire_elements(r->body, from) : (struct wire_elements){ 0 };

    refuse_all(r->api->response, answer, error);
    for (size_t i = 0; i < all.count; i++)
        put_refused(r, rule, from, (uint8_t *)all.at + i * wire_element_size(from), error);
    answer_refused(r, answer);
}

static bool check_whole(struct kafka_request *r, const struct rule *rule)
{
    const struct wire_field *names = rule->names ? wire_find(r->api->request, rule->names) : NULL;
    struct bytes             name = names ? bytes_of(NULL, 0) : bytes_str(ACL_CLUSTER_NAME);
    struct wire_elements     all = { 1, &name };

    if (names && names->type == WIRE_STRINGS)
        all = wire_elements(r->body, names);
    else if (names)
        name = wire_text(r->body, names);
    for (size_t i = 0; i < all.count; i++) {
        struct bytes one = ((const struct bytes *)all.at)[i];

        if (bytes_is_null(one) || kafka_may(r, rule->operation, rule->resource, one))
            continue;
        refuse_request(r, rule, errors[rule->resource]);
        return false;
    }
    return true;
}

static bool check_asked(struct kafka_request *r, const struct rule *rule)
{
    struct want w;

    if (!rule->want(r, NULL, &w) || kafka_may(r, w.operation, w.resource, w.name))
        return true;
    refuse_request(r, rule, w.error);
    return false;
}

static bool check(struct kafka_request *r, const struct rule *rule)
{
    switch (rule->how) {
    case WHOLE:
        return check_whole(r, rule);
    case EACH:
        return check_each(r, rule);
    case ALL:
        return check_all(r, rule);
    case ASKED:
        return check_asked(r, rule);
    case FREE:
        return true;
    }
    return false;
}

/* A fetch session must not be without partitions that the client believes in: a new one is not begun, one that is
 * there is left, and the client asks for everything again (KIP-227). */
static bool leave_session(struct kafka_request *r)
{
    enum { NO_SESSION = 0, EPOCH_FINAL = -1 };
    struct fetch_request *q = r->body;
    struct fetch_response gone = { .error_code = KAFKA_FETCH_SESSION_ID_NOT_FOUND };

    if (q->session_epoch <= 0) {
        q->session_id = NO_SESSION;
        q->session_epoch = EPOCH_FINAL;
        return true;
    }
    r->refused = NULL;
    kafka_answer(r, &gone);
    return false;
}

bool kafka_authorize(struct kafka_request *r)
{
    if (!rights_of(r) || !r->body)
        return true;
    for (size_t i = 0; i < COUNT(rules); i++) {
        const struct rule *rule = &rules[i];

        if (rule->key == r->api->key && r->version.number >= rule->since && r->version.number <= rule->until &&
            !check(r, rule))
            return false;
    }
    return !r->refused || r->api->request != &layout_fetch_request || leave_session(r);
}

/* ---- veils: what answers do not show ---- */

typedef void veil_fn(struct kafka_request *r, void *answer);

/* Leaves out of an array what the name in each element forbids to describe. */
static void hide(struct kafka_request *r, void *answer, const char *array, const char *name,
                 enum acl_resource resource)
{
    const struct wire_field *f = wire_find(r->api->response, array);
    const struct wire_field *n = wire_find(f->element, name);
    struct wire_elements     all = wire_elements(answer, f);
    size_t                   size = f->element->size;
    size_t                   kept = 0;

    for (size_t i = 0; i < all.count; i++) {
        uint8_t *element = (uint8_t *)all.at + i * size;

        if (kafka_may(r, ACL_DESCRIBE, resource, wire_text(element, n)))
            memmove((uint8_t *)all.at + kept++ * size, element, size);
    }
    wire_set_elements(answer, f, (struct wire_elements){ kept, all.at });
}

static void veil_groups(struct kafka_request *r, void *answer)
{
    if (!may_on_cluster(r, ACL_DESCRIBE))
        hide(r, answer, "groups", "group_id", ACL_GROUP);
}

static void veil_transactions(struct kafka_request *r, void *answer)
{
    hide(r, answer, "transactions", "transactional_id", ACL_TRANSACTIONAL_ID);
}

/* What a described group may be told to do. */
static void veil_group_operations(struct kafka_request *r, void *answer)
{
    const struct wire_field *f = wire_find(r->api->response, "groups");
    const struct wire_field *n = wire_find(f->element, "group_id");
    const struct wire_field *o = wire_find(f->element, "authorized_operations");
    struct wire_elements     all = wire_elements(answer, f);

    for (size_t i = 0; i < all.count; i++) {
        uint8_t *element = (uint8_t *)all.at + i * f->element->size;
        int32_t  bits;

        memcpy(&bits, element + o->offset, sizeof bits);
        if (bits == INT32_MIN)
            continue;
        bits = kafka_allowed(r, bits, ACL_GROUP, wire_text(element, n));
        memcpy(element + o->offset, &bits, sizeof bits);
    }
}

static void veil_described_transactions(struct kafka_request *r, void *answer)
{
    struct describe_txns_response *a = answer;

    for (size_t i = 0; i < a->transactions.count; i++) {
        struct describe_txns_response_txn *t = &a->transactions.at[i];
        size_t                             kept = 0;

        for (size_t k = 0; k < t->topics.count; k++)
            if (kafka_may(r, ACL_DESCRIBE, ACL_TOPIC, t->topics.at[k].name))
                t->topics.at[kept++] = t->topics.at[k];
        t->topics.count = kept;
    }
}

/* Settings and numbers of a new topic are for whoever may describe its settings. */
static void veil_created(struct kafka_request *r, void *answer)
{
    struct create_topics_response *a = answer;

    for (size_t i = 0; i < a->topics.count; i++) {
        struct create_topics_response_topic *t = &a->topics.at[i];

        if (t->error_code != KAFKA_NONE || kafka_may(r, ACL_DESCRIBE_CONFIGS, ACL_TOPIC, t->name))
            continue;
        t->num_partitions = -1;
        t->replication_factor = -1;
        t->configs.count = 0;
    }
}

static bool may_by_id(struct kafka_request *r, enum acl_operation operation, const struct uuid *id)
{
    struct buf text;

    buf_init(&text);
    rights_topic_name(rights_of(r), id, &text);
    return kafka_may(r, operation, ACL_TOPIC, kafka_text(r, &text));
}

/* Partitions of a session are not named again, so rights that went meanwhile are found out here (AU3). */
static void veil_records(struct kafka_request *r, void *answer)
{
    struct fetch_response *a = answer;

    for (size_t i = 0; i < a->topics.count; i++) {
        struct fetch_response_topic *t = &a->topics.at[i];
        bool may = bytes_is_null(t->name) ? may_by_id(r, ACL_READ, &t->topic_id)
                                          : kafka_may(r, ACL_READ, ACL_TOPIC, t->name);

        for (size_t k = 0; !may && k < t->partitions.count; k++)
            t->partitions.at[k] = (struct fetch_response_partition){
                .index = t->partitions.at[k].index,
                .error_code = KAFKA_TOPIC_AUTHORIZATION_FAILED,
                .high_watermark = -1,
                .last_stable_offset = -1,
                .log_start_offset = -1,
                .preferred_read_replica = -1,
            };
    }
}

/* Were these topics named, or is it all there are? */
static bool names_topics(const struct kafka_request *r, struct bytes group)
{
    const struct offset_fetch_request *q = r->body;

    if (r->version.number < 8)
        return q->topics.at != NULL;
    for (size_t i = 0; i < q->groups.count; i++)
        if (bytes_eq(q->groups.at[i].group_id, group))
            return q->groups.at[i].topics.at != NULL;
    return false;
}

static bool may_see(struct kafka_request *r, const struct offset_fetch_response_topic *t)
{
    return bytes_is_null(t->name) ? may_by_id(r, ACL_DESCRIBE, &t->topic_id)
                                  : kafka_may(r, ACL_DESCRIBE, ACL_TOPIC, t->name);
}

/* Committed offsets of a topic that may not be described: refused when it was named, else left out. */
static size_t veil_offsets(struct kafka_request *r, bool is_named, size_t count,
                           struct offset_fetch_response_topic *topics)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        struct offset_fetch_response_topic *t = &topics[i];
        bool                                is_seen = may_see(r, t);

        for (size_t k = 0; !is_seen && k < t->partitions.count; k++)
            t->partitions.at[k] = (struct offset_fetch_response_partition){
                .index = t->partitions.at[k].index,
                .committed_offset = -1,
                .committed_leader_epoch = -1,
                .metadata = bytes_of("", 0),
                .error_code = KAFKA_TOPIC_AUTHORIZATION_FAILED,
            };
        if (is_seen || is_named)
            topics[kept++] = *t;
    }
    return kept;
}

static void veil_fetched_offsets(struct kafka_request *r, void *answer)
{
    struct offset_fetch_response *a = answer;

    if (r->version.number < 8)
        a->topics.count = veil_offsets(r, names_topics(r, bytes_of(NULL, 0)), a->topics.count, a->topics.at);
    for (size_t i = 0; r->version.number >= 8 && i < a->groups.count; i++) {
        struct offset_fetch_response_group *g = &a->groups.at[i];

        g->topics.count = veil_offsets(r, names_topics(r, g->group_id), g->topics.count, g->topics.at);
    }
}

/* ---- of groups of the newer kinds ---- */

static bool may_describe_all(struct kafka_request *r, const struct wire_strings *names)
{
    for (size_t i = 0; i < names->count; i++)
        if (!kafka_may(r, ACL_DESCRIBE, ACL_TOPIC, names->at[i]))
            return false;
    return true;
}

/* Of what a member is assigned; NULL: nothing. */
static bool may_describe_parts(struct kafka_request *r, const struct consumer_describe_assignment *a)
{
    for (size_t i = 0; a && i < a->topic_partitions.count; i++)
        if (!kafka_may(r, ACL_DESCRIBE, ACL_TOPIC, a->topic_partitions.at[i].topic_name))
            return false;
    return true;
}

static bool may_describe_shared(struct kafka_request *r, const struct share_describe_response_assignment *a)
{
    for (size_t i = 0; a && i < a->topic_partitions.count; i++)
        if (!kafka_may(r, ACL_DESCRIBE, ACL_TOPIC, a->topic_partitions.at[i].topic_name))
            return false;
    return true;
}

#define SPEAKS_OF_OTHERS "The group has described topic(s) that the client is not authorized to describe."

/* A group with topics that he may not describe is not described either. */
static void veil_consumer_groups(struct kafka_request *r, void *answer)
{
    struct consumer_describe_response *a = answer;

    veil_group_operations(r, answer);
    for (size_t i = 0; i < a->groups.count; i++) {
        struct consumer_describe_group *g = &a->groups.at[i];
        bool                            is_seen = true;

        for (size_t k = 0; k < g->members.count; k++)
            is_seen &= may_describe_all(r, &g->members.at[k].subscribed_topic_names) &&
                       may_describe_parts(r, g->members.at[k].assignment) &&
                       may_describe_parts(r, g->members.at[k].target_assignment);
        if (is_seen)
            continue;
        g->error_code = KAFKA_TOPIC_AUTHORIZATION_FAILED;
        g->error_message = bytes_str(SPEAKS_OF_OTHERS);
        g->members.count = 0;
    }
}

static void veil_share_groups(struct kafka_request *r, void *answer)
{
    struct share_describe_response *a = answer;

    veil_group_operations(r, answer);
    for (size_t i = 0; i < a->groups.count; i++) {
        struct share_describe_response_group *g = &a->groups.at[i];
        bool                                  is_seen = true;

        for (size_t k = 0; k < g->members.count; k++)
            is_seen &= may_describe_all(r, &g->members.at[k].subscribed_topic_names) &&
                       may_describe_shared(r, g->members.at[k].assignment);
        if (is_seen)
            continue;
        g->error_code = KAFKA_TOPIC_AUTHORIZATION_FAILED;
        g->error_message = bytes_str(SPEAKS_OF_OTHERS);
        g->members.count = 0;
    }
}

/* The engine remembers what a member fetches from: rights that went meanwhile are found out here (AU3). What was locked
 * for him stays so until its time is over. */
static void veil_shared_records(struct kafka_request *r, void *answer)
{
    struct share_fetch_response *a = answer;

    for (size_t i = 0; i < a->responses.count; i++) {
        struct share_fetch_response_topic *t = &a->responses.at[i];

        for (size_t k = 0; !may_by_id(r, ACL_READ, &t->topic_id) && k < t->partitions.count; k++)
            t->partitions.at[k] = (struct share_fetch_response_partition){
                .partition_index = t->partitions.at[k].partition_index,
                .error_code = KAFKA_TOPIC_AUTHORIZATION_FAILED,
                .current_leader = t->partitions.at[k].current_leader,
            };
    }
}

static bool names_shared_topics(const struct kafka_request *r, struct bytes group)
{
    const struct share_offsets_request *q = r->body;

    for (size_t i = 0; i < q->groups.count; i++)
        if (bytes_eq(q->groups.at[i].group_id, group))
            return q->groups.at[i].topics.at != NULL;
    return false;
}

static void veil_share_offsets_of(struct kafka_request *r, struct share_offsets_response_group *g)
{
    bool   is_named = names_shared_topics(r, g->group_id);
    size_t kept = 0;

    for (size_t i = 0; i < g->topics.count; i++) {
        struct share_offsets_response_topic *t = &g->topics.at[i];
        bool is_seen = kafka_may(r, ACL_DESCRIBE, ACL_TOPIC, t->topic_name);

        for (size_t k = 0; !is_seen && k < t->partitions.count; k++)
            t->partitions.at[k] = (struct share_offsets_response_partition){
                .partition_index = t->partitions.at[k].partition_index,
                .start_offset = -1,
                .lag = -1,
                .error_code = KAFKA_TOPIC_AUTHORIZATION_FAILED,
                .error_message = bytes_str("Topic authorization failed."),
            };
        if (!is_seen)
            memset(&t->topic_id, 0, sizeof t->topic_id);
        if (is_seen || is_named)
            g->topics.at[kept++] = *t;
    }
    g->topics.count = kept;
}

static void veil_share_offsets(struct kafka_request *r, void *answer)
{
    struct share_offsets_response *a = answer;

    for (size_t i = 0; i < a->groups.count; i++)
        veil_share_offsets_of(r, &a->groups.at[i]);
}

/* A pattern may have brought a member topics that are none of his business: he is not told which partitions of them. */
static void veil_assignment(struct kafka_request *r, void *answer)
{
    struct consumer_heartbeat_response   *a = answer;
    struct consumer_heartbeat_assignment *of = a->assignment;
    size_t                                kept = 0;

    for (size_t i = 0; of && i < of->topic_partitions.count; i++)
        if (may_by_id(r, ACL_DESCRIBE, &of->topic_partitions.at[i].topic_id))
            of->topic_partitions.at[kept++] = of->topic_partitions.at[i];
    if (of)
        of->topic_partitions.count = kept;
}

static const struct veil {
    int16_t  key;
    veil_fn *draw;
} veils[] = {
    { 1, veil_records },
    { 9, veil_fetched_offsets },
    { 15, veil_group_operations },
    { 16, veil_groups },
    { 19, veil_created },
    { 65, veil_described_transactions },
    { 66, veil_transactions },
    { 68, veil_assignment },
    { 69, veil_consumer_groups },
    { 77, veil_share_groups },
    { 78, veil_shared_records },
    { 90, veil_share_offsets },
};

static const struct veil *veil_of(const struct kafka_api *api)
{
    for (size_t i = 0; i < COUNT(veils); i++)
        if (veils[i].key == api->key)
            return &veils[i];
    return NULL;
}

/* What was refused comes after what was not. */
static void append_refused(struct kafka_request *r, void *answer)
{
    const struct kafka_refused *f = r->refused;
    size_t                      size = f->field->element->size;
    struct wire_elements        all = wire_elements(answer, f->field);
    uint8_t                    *at = kafka_array(r, all.count + f->count, size);

    if (all.count > 0)
        memcpy(at, all.at, all.count * size);
    memcpy(at + all.count * size, f->at, f->count * size);
    wire_set_elements(answer, f->field, (struct wire_elements){ all.count + f->count, at });
}

const void *kafka_authorize_answer(struct kafka_request *r, const void *response)
{
    const struct veil *veil = rights_of(r) && r->body ? veil_of(r->api) : NULL;
    void              *answer;

    if (!veil && !r->refused)
        return response;
    answer = arena_new(&r->arena, r->api->response->size);
    memcpy(answer, response, r->api->response->size);
    if (veil)
        veil->draw(r, answer);
    if (r->refused)
        append_refused(r, answer);
    return answer;
}

/* ---- the table as a whole ---- */

bool kafka_authorize_knows(const struct kafka_api *api)
{
    for (size_t i = 0; i < COUNT(rules); i++)
        if (rules[i].key == api->key)
            return true;
    return false;
}

static const char *check_rule(const struct rule *rule, const struct kafka_api *api)
{
    const struct wire_field *names = rule->names ? wire_find(api->request, rule->names) : NULL;
    const struct wire_field *answers = rule->answers ? wire_find(api->response, rule->answers) : NULL;

    if (rule->names && !names)
        return rule->names;
    if (rule->answers && (!answers || answers->type != WIRE_ARRAY))
        return rule->answers;
    if (names && names->type == WIRE_ARRAY && !rule->want && !wire_name(names->element) &&
        !wire_find(names->element, "topic_id"))
        return names->element->name;
    return NULL;
}

const char *kafka_authorize_check(void)
{
    for (size_t i = 0; i < COUNT(rules); i++) {
        const struct kafka_api *api = kafka_api_find(rules[i].key);
        const char             *missing = api ? check_rule(&rules[i], api) : NULL;

        if (missing)
            return missing;
    }
    return NULL;
}
