/*
 * groups.c - FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup: the engine's group calls
 * in Kafka's words.
 *
 * Groups and transactional ids are spread over the nodes there are on paper (nodes.h).
 *
 * Thread: the loop's.
 */
#include "doors/kafka/kafka_conn.h"
#include "doors/kafka/nodes.h"
#include "doors/kafka/request.h"
#include "engine/group_calls.h"

enum { KEY_GROUP = 0, KEY_TRANSACTION = 1, KEY_SHARE = 2, SHARE_SINCE = 6, NO_NODE = -1, NO_GENERATION = -1 };

/* ---- FindCoordinator ---- */

/* "group:topic id:partition" */
static bool is_share_key(const struct kafka_request *r, int8_t key_type, struct bytes key)
{
    size_t colons = 0;

    for (size_t i = 0; i < key.len; i++)
        colons += key.at[i] == ':';
    return key_type == KEY_SHARE && r->version.number >= SHARE_SINCE && colons >= 2;
}

static void fill_coordinator(struct kafka_request *r, int8_t key_type, struct bytes key,
                             struct find_coordinator_response_coordinator *c)
{
    if (key_type == KEY_GROUP || key_type == KEY_TRANSACTION || is_share_key(r, key_type, key)) {
        c->node_id = kafka_coordinator(r, key);
        c->host = bytes_str(kafka_node_host(r, c->node_id));
        c->port = kafka_node_port(r, c->node_id);
        return;
    }
    c->node_id = NO_NODE;
    c->port = NO_NODE;
    c->error_code = KAFKA_INVALID_REQUEST;
    c->error_message = bytes_str("unknown kind of coordinator");
}

static void answer_one_coordinator(struct kafka_request *r)
{
    const struct find_coordinator_request       *q = r->body;
    struct find_coordinator_response_coordinator c = { 0 };
    struct find_coordinator_response             a = { 0 };

    fill_coordinator(r, q->key_type, q->key, &c);
    a.error_code = c.error_code;
    a.error_message = c.error_message;
    a.node_id = c.node_id;
    a.host = c.host;
    a.port = c.port;
    kafka_answer(r, &a);
}

void kafka_on_find_coordinator(struct kafka_request *r)
{
    const struct find_coordinator_request *q = r->body;
    struct find_coordinator_response       a = { 0 };

    if (r->version.number < 4) {
        answer_one_coordinator(r);
        return;
    }
    a.coordinators.count = q->coordinator_keys.count;
    a.coordinators.at = kafka_array(r, a.coordinators.count, sizeof *a.coordinators.at);
    for (size_t i = 0; i < a.coordinators.count; i++) {
        a.coordinators.at[i].key = q->coordinator_keys.at[i];
        fill_coordinator(r, q->key_type, q->coordinator_keys.at[i], &a.coordinators.at[i]);
    }
    kafka_answer(r, &a);
}

/* ---- JoinGroup ---- */

static void fill_members(struct kafka_request *r, const struct group_join_call *c,
                         struct join_group_response *a)
{
    a->members.count = c->member_count;
    a->members.at = kafka_array(r, c->member_count, sizeof *a->members.at);
    for (size_t i = 0; i < c->member_count; i++) {
        a->members.at[i] = (struct join_group_response_member){
            .member_id = c->members[i].member_id,
            .group_instance_id = c->members[i].instance_id,
            .metadata = c->members[i].metadata,
        };
    }
}

static void on_joined(struct kafka_request *r)
{
    const struct group_join_call *c = r->state;
    struct join_group_response    a = {
           .error_code = kafka_group_error(c->call.err),
           .generation_id = NO_GENERATION,
           .member_id = c->member_id,
    };

    if (!c->call.err) {
        a.generation_id = c->generation;
        a.protocol_type = c->protocol_type;
        a.protocol_name = c->protocol;
        a.leader = c->leader;
        a.skip_assignment = c->skip_assignment;
        fill_members(r, c, &a);
    }
    kafka_answer(r, &a);
}

static void take_protocols(struct kafka_request *r, const struct join_group_request *q,
                           struct group_join_call *c)
{
    c->protocol_count = q->protocols.count;
    c->protocols = kafka_array(r, q->protocols.count, sizeof *c->protocols);
    for (size_t i = 0; i < q->protocols.count; i++)
        c->protocols[i] = (struct group_protocol){ q->protocols.at[i].name,
                                                   q->protocols.at[i].metadata };
}

void kafka_on_join_group(struct kafka_request *r)
{
    const struct join_group_request *q = r->body;
    struct group_join_call          *c = kafka_call(r, sizeof *c, CALL_GROUP_JOIN);

    c->ns = kafka_ns();
    c->group = q->group_id;
    c->client_id = r->client_id;
    c->client_host = bytes_str(kafka_conn_client_host(r->conn));
    c->member_id = q->member_id;
    c->instance_id = q->group_instance_id;
    c->needs_known_id = r->version.number >= 4;
    c->can_skip_assignment = r->version.number >= 9;
    c->session_ms = q->session_timeout_ms;
    c->rebalance_ms = r->version.number >= 1 ? q->rebalance_timeout_ms : q->session_timeout_ms;
    c->protocol_type = q->protocol_type;
    c->call.relaxed = true; /* membership is not kept across restarts */
    take_protocols(r, q, c);
    r->state = c;
    r->on_calls_done = on_joined;
    kafka_submit(r, c);
}

/* ---- SyncGroup ---- */

static void on_synced(struct kafka_request *r)
{
    const struct group_sync_call *c = r->state;
    struct sync_group_response    a = { .error_code = kafka_group_error(c->call.err) };

    if (!c->call.err) {
        a.protocol_type = c->protocol_type;
        a.protocol_name = c->protocol;
        a.assignment = c->assignment;
    }
    kafka_answer(r, &a);
}

static void take_assignments(struct kafka_request *r, const struct sync_group_request *q,
                             struct group_sync_call *c)
{
    c->assignment_count = q->assignments.count;
    c->assignments = kafka_array(r, q->assignments.count, sizeof *c->assignments);
    for (size_t i = 0; i < q->assignments.count; i++)
        c->assignments[i] = (struct group_assignment){ q->assignments.at[i].member_id,
                                                       q->assignments.at[i].assignment };
}

void kafka_on_sync_group(struct kafka_request *r)
{
    const struct sync_group_request *q = r->body;
    struct group_sync_call          *c = kafka_call(r, sizeof *c, CALL_GROUP_SYNC);

    r->state = c;
    if (r->version.number >= 5 &&
        (bytes_is_null(q->protocol_type) || bytes_is_null(q->protocol_name))) {
        c->call.err = ERR_MIXED_PROTOCOLS; /* KIP-559: must be said from here on */
        on_synced(r);
        return;
    }
    c->ns = kafka_ns();
    c->group = q->group_id;
    c->generation = q->generation_id;
    c->member_id = q->member_id;
    c->instance_id = q->group_instance_id;
    c->protocol_type = q->protocol_type;
    c->protocol = q->protocol_name;
    c->call.relaxed = true;
    take_assignments(r, q, c);
    r->on_calls_done = on_synced;
    kafka_submit(r, c);
}

/* ---- Heartbeat ---- */

static void on_heartbeat_taken(struct kafka_request *r)
{
    const struct group_heartbeat_call *c = r->state;
    struct heartbeat_response          a = { .error_code = kafka_group_error(c->call.err) };

    kafka_answer(r, &a);
}

void kafka_on_heartbeat(struct kafka_request *r)
{
    const struct heartbeat_request *q = r->body;
    struct group_heartbeat_call    *c = kafka_call(r, sizeof *c, CALL_GROUP_HEARTBEAT);

    c->ns = kafka_ns();
    c->group = q->group_id;
    c->generation = q->generation_id;
    c->member_id = q->member_id;
    c->instance_id = q->group_instance_id;
    c->call.relaxed = true;
    r->state = c;
    r->on_calls_done = on_heartbeat_taken;
    kafka_submit(r, c);
}

/* ---- LeaveGroup ---- */

static void on_left(struct kafka_request *r)
{
    const struct group_leave_call *c = r->state;
    struct leave_group_response    a = { .error_code = kafka_group_error(c->call.err) };

    if (r->version.number < 3) {
        if (!c->call.err)
            a.error_code = kafka_group_error(c->items[0].err);
        kafka_answer(r, &a);
        return;
    }
    a.members.count = c->call.err ? 0 : c->item_count;
    a.members.at = kafka_array(r, c->item_count, sizeof *a.members.at);
    for (size_t i = 0; i < a.members.count; i++) {
        a.members.at[i] = (struct leave_group_response_member){
            .member_id = c->items[i].member_id,
            .group_instance_id = c->items[i].instance_id,
            .error_code = kafka_group_error(c->items[i].err),
        };
    }
    kafka_answer(r, &a);
}

void kafka_on_leave_group(struct kafka_request *r)
{
    const struct leave_group_request *q = r->body;
    struct group_leave_call          *c = kafka_call(r, sizeof *c, CALL_GROUP_LEAVE);

    c->ns = kafka_ns();
    c->group = q->group_id;
    c->item_count = r->version.number < 3 ? 1 : q->members.count;
    c->items = kafka_array(r, c->item_count, sizeof *c->items);
    if (r->version.number < 3)
        c->items[0].member_id = q->member_id;
    for (size_t i = 0; i < q->members.count; i++) {
        c->items[i].member_id = q->members.at[i].member_id;
        c->items[i].instance_id = q->members.at[i].group_instance_id;
    }
    c->call.relaxed = true;
    r->state = c;
    r->on_calls_done = on_left;
    kafka_submit(r, c);
}
