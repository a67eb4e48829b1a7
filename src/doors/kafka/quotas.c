/*
 * quotas.c - DescribeClientQuotas and AlterClientQuotas (KIP-546).
 *
 * Thread: the loop's.
 */
#include "doors/kafka/request.h"
#include "engine/quota_calls.h"

#include <arpa/inet.h>
#include <math.h>

enum { MATCH_EXACT, MATCH_DEFAULT, MATCH_SPECIFIED };

static const char *const part_names[LIMIT_PART_COUNT] = { "user", "client-id", "ip" };

/* In Kafka numbers of bytes and connections are integers. */
static const struct limit_row {
    const char *name;
    double      max;
    bool        is_whole;
} limit_rows[] = {
    [LIMIT_PRODUCE] = { "producer_byte_rate", 9.2e18, true },
    [LIMIT_CONSUME] = { "consumer_byte_rate", 9.2e18, true },
    [LIMIT_REQUESTS] = { "request_percentage", 1e300, false },
    [LIMIT_MUTATIONS] = { "controller_mutation_rate", 1e300, false },
    [LIMIT_CONNECTIONS] = { "connection_creation_rate", INT32_MAX, true },
};
_Static_assert(COUNT(limit_rows) == LIMIT_COUNT, "a new limit needs a name");

/* LIMIT_PART_COUNT: there is no such part. */
static enum limit_part find_part(struct bytes name)
{
    unsigned i = 0;

    while (i < LIMIT_PART_COUNT && !bytes_eq_str(name, part_names[i]))
        i++;
    return (enum limit_part)i;
}

static enum limit find_limit(struct bytes name)
{
    unsigned i = 0;

    while (i < LIMIT_COUNT && !bytes_eq_str(name, limit_rows[i].name))
        i++;
    return (enum limit)i;
}

/* ---- DescribeClientQuotas ---- */

struct wanted {
    bool         is_said;
    int8_t       match;
    struct bytes name;
};

struct describe_state {
    struct wanted           wanted[LIMIT_PART_COUNT];
    struct quotas_get_call *call;
};

static void refuse_description(struct kafka_request *r, int16_t code, const char *why)
{
    struct describe_quotas_response a = { .error_code = code, .error_message = bytes_str(why) };

    kafka_answer(r, &a);
}

static bool is_match(const struct wanted *w, const struct limit_entity *e, enum limit_part part)
{
    if (!w->is_said)
        return true;
    switch (w->match) {
    case MATCH_EXACT:
        return e->presence[part] == LIMIT_NAMED && bytes_eq(e->names[part], w->name);
    case MATCH_DEFAULT:
        return e->presence[part] == LIMIT_DEFAULT;
    default:
        return e->presence[part] != LIMIT_ABSENT;
    }
}

static bool is_wanted(const struct kafka_request *r, const struct quota_view *v)
{
    const struct describe_quotas_request *q = r->body;
    const struct describe_state          *s = r->state;

    for (unsigned i = 0; i < LIMIT_PART_COUNT; i++) {
        if (!is_match(&s->wanted[i], &v->entity, (enum limit_part)i))
            return false;
        if (q->strict && !s->wanted[i].is_said && v->entity.presence[i] != LIMIT_ABSENT)
            return false;
    }
    return true;
}

static void fill_entry(struct kafka_request *r, const struct quota_view *v,
                       struct describe_quotas_response_entry *to)
{
    to->entity.at = kafka_array(r, LIMIT_PART_COUNT, sizeof *to->entity.at);
    to->values.at = kafka_array(r, LIMIT_COUNT, sizeof *to->values.at);
    for (size_t i = 0; i < LIMIT_PART_COUNT; i++)
        if (v->entity.presence[i] != LIMIT_ABSENT)
            to->entity.at[to->entity.count++] =
                (struct describe_quotas_response_entity){ bytes_str(part_names[i]), v->entity.names[i] };
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        struct describe_quotas_response_value *value = &to->values.at[to->values.count];

        if (v->values[i] <= 0)
            continue;
        value->key = bytes_str(limit_rows[i].name);
        memcpy(&value->value, &v->values[i], sizeof value->value);
        to->values.count++;
    }
}

static void on_described(struct kafka_request *r)
{
    const struct describe_state    *s = r->state;
    struct describe_quotas_response a = { .error_message = bytes_of(NULL, 0) };

    a.entries.at = kafka_array(r, s->call->count, sizeof *a.entries.at);
    for (size_t i = 0; i < s->call->count; i++)
        if (is_wanted(r, &s->call->quotas[i]))
            fill_entry(r, &s->call->quotas[i], &a.entries.at[a.entries.count++]);
    kafka_answer(r, &a);
}

/* NULL, or why not. */
static const char *take_component(struct describe_state *s, const struct describe_quotas_request_component *c)
{
    enum limit_part part = find_part(c->entity_type);
    struct wanted  *w = &s->wanted[part];

    if (w->is_said)
        return "Duplicate filter component entity type";
    if (c->match_type < MATCH_EXACT || c->match_type > MATCH_SPECIFIED)
        return "Unknown match type";
    if (bytes_is_null(c->match) == (c->match_type == MATCH_EXACT))
        return "An exact match, and only that, needs a name";
    *w = (struct wanted){ true, c->match_type, c->match };
    return NULL;
}

static bool take_components(struct kafka_request *r)
{
    const struct describe_quotas_request *q = r->body;
    struct describe_state                *s = r->state;
    const char                           *why = NULL;

    for (size_t i = 0; i < q->components.count && !why; i++) {
        if (find_part(q->components.at[i].entity_type) == LIMIT_PART_COUNT) {
            refuse_description(r, KAFKA_UNSUPPORTED_VERSION, "Custom entity types are not supported");
            return false;
        }
        why = take_component(s, &q->components.at[i]);
    }
    if (!why && s->wanted[LIMIT_OF_ADDRESS].is_said &&
        (s->wanted[LIMIT_OF_USER].is_said || s->wanted[LIMIT_OF_CLIENT].is_said))
        why = "Invalid entity filter component combination, IP filter component should not be used with user "
              "or clientId filter component.";
    if (why)
        refuse_description(r, KAFKA_INVALID_REQUEST, why);
    return !why;
}

void kafka_on_describe_quotas(struct kafka_request *r)
{
    struct describe_state *s = arena_struct(&r->arena, struct describe_state);

    r->state = s;
    if (!take_components(r))
        return;
    s->call = kafka_call(r, sizeof *s->call, CALL_QUOTAS_GET);
    r->on_calls_done = on_described;
    kafka_submit(r, s->call);
}

/* ---- AlterClientQuotas ---- */

struct alter_state {
    struct alter_quotas_response response;
    struct quotas_set_call      *call;
    size_t                      *targets; /* of the call's items */
};

static bool is_address(struct bytes name)
{
    char    text[INET6_ADDRSTRLEN];
    uint8_t binary[sizeof(struct in6_addr)];

    if (name.len == 0 || name.len >= sizeof text)
        return false;
    memcpy(text, name.at, name.len);
    text[name.len] = 0;
    return inet_pton(AF_INET, text, binary) == 1 || inet_pton(AF_INET6, text, binary) == 1;
}

/* NULL, or why not. */
static const char *take_entity(const struct alter_quotas_request_entry *from, struct limit_entity *e)
{
    for (size_t i = 0; i < from->entity.count; i++) {
        const struct alter_quotas_request_entity *q = &from->entity.at[i];
        enum limit_part                           part = find_part(q->entity_type);

        if (part == LIMIT_PART_COUNT)
            return "Unhandled client quota entity type";
        if (e->presence[part] != LIMIT_ABSENT)
            return "Invalid client quota entity, duplicate entity type";
        e->presence[part] = bytes_is_null(q->entity_name) ? LIMIT_DEFAULT : LIMIT_NAMED;
        e->names[part] = q->entity_name;
        if (e->presence[part] == LIMIT_NAMED && q->entity_name.len == 0)
            return "Empty entity name";
        if (part == LIMIT_OF_ADDRESS && e->presence[part] == LIMIT_NAMED && !is_address(q->entity_name))
            return "That is not a valid IP address";
    }
    return from->entity.count == 0 ? "Invalid empty client quota entity" : NULL;
}

static double to_whole(double value)
{
    return (double)(int64_t)(value + 0.5);
}

static const char *take_op(const struct alter_quotas_request_op *op, struct quota_item *item)
{
    enum limit limit = find_limit(op->key);
    double     value;

    if (limit == LIMIT_COUNT ||
        (limit == LIMIT_CONNECTIONS) != (item->entity.presence[LIMIT_OF_ADDRESS] != LIMIT_ABSENT))
        return "Invalid configuration key";
    item->sets[limit] = true;
    item->values[limit] = 0;
    if (op->remove)
        return NULL;
    memcpy(&value, &op->value, sizeof value);
    if (!isfinite(value) || value <= 0)
        return "A quota must be greater than 0";
    if (value > limit_rows[limit].max)
        return "Proposed value is too large";
    if (limit_rows[limit].is_whole && fabs(value - to_whole(value)) > 1e-6)
        return "This value cannot be a fraction";
    item->values[limit] = limit_rows[limit].is_whole ? to_whole(value) : value;
    return NULL;
}

static const char *take_entry(const struct alter_quotas_request_entry *from, struct quota_item *item)
{
    const char *why = take_entity(from, &item->entity);

    if (!why && item->entity.presence[LIMIT_OF_ADDRESS] != LIMIT_ABSENT && from->entity.count > 1)
        why = "Invalid quota entity combination, IP entity should not be used with user/client ID entity.";
    for (size_t i = 0; i < from->ops.count && !why; i++)
        why = take_op(&from->ops.at[i], item);
    return why;
}

static void copy_entity(struct kafka_request *r, const struct alter_quotas_request_entry *from,
                        struct alter_quotas_response_entry *to)
{
    to->entity.count = from->entity.count;
    to->entity.at = kafka_array(r, from->entity.count, sizeof *to->entity.at);
    for (size_t i = 0; i < from->entity.count; i++)
        to->entity.at[i] = (struct alter_quotas_response_entity){ from->entity.at[i].entity_type,
                                                                  from->entity.at[i].entity_name };
}

static void refuse_entry(struct alter_quotas_response_entry *to, int16_t code, const char *why)
{
    to->error_code = code;
    to->error_message = bytes_str(why);
}

static void on_altered(struct kafka_request *r)
{
    struct alter_state *s = r->state;

    for (size_t i = 0; i < s->call->count; i++) {
        enum err err = s->call->items[i].err;

        if (err)
            refuse_entry(&s->response.entries.at[s->targets[i]],
                         err == ERR_LIMIT ? KAFKA_POLICY_VIOLATION : KAFKA_INVALID_REQUEST, err_text(err));
    }
    kafka_answer(r, &s->response);
}

static void take_entries(struct kafka_request *r)
{
    const struct alter_quotas_request *q = r->body;
    struct alter_state                *s = r->state;

    for (size_t i = 0; i < q->entries.count; i++) {
        struct quota_item item = { 0 };
        const char       *why = take_entry(&q->entries.at[i], &item);

        copy_entity(r, &q->entries.at[i], &s->response.entries.at[i]);
        if (why) {
            refuse_entry(&s->response.entries.at[i], KAFKA_INVALID_REQUEST, why);
        } else if (!q->validate_only) {
            s->targets[s->call->count] = i;
            s->call->items[s->call->count++] = item;
        }
    }
}

void kafka_on_alter_quotas(struct kafka_request *r)
{
    const struct alter_quotas_request *q = r->body;
    struct alter_state                *s = arena_struct(&r->arena, struct alter_state);

    r->state = s;
    s->response.entries.count = q->entries.count;
    s->response.entries.at = kafka_array(r, q->entries.count, sizeof *s->response.entries.at);
    s->call = kafka_call(r, sizeof *s->call, CALL_QUOTAS_SET);
    s->call->items = kafka_array(r, q->entries.count, sizeof *s->call->items);
    s->targets = kafka_array(r, q->entries.count, sizeof *s->targets);
    take_entries(r);
    r->on_calls_done = on_altered;
    kafka_submit(r, s->call);
}
