/*
 * acls.c - DescribeAcls, CreateAcls and DeleteAcls.
 *
 * An ACL that is there already is created with success. Where nobody looks at ACLs (door_env.rights is NULL) they
 * cannot be looked after either: the client would believe in them. Who may do this is asked before (authorize.c).
 *
 * Thread: the loop's.
 */
#include "doors/kafka/kafka_conn.h"
#include "doors/kafka/request.h"
#include "engine/acl_calls.h"

#define NO_RIGHTS "No Authorizer is configured."

static bool has_rights(const struct kafka_request *r)
{
    return kafka_conn_env(r->conn)->rights != NULL;
}

/* ---- DescribeAcls ---- */

static bool is_same_resource(const struct acl *a, const struct acl *b)
{
    return a->resource == b->resource && a->pattern == b->pattern && bytes_eq(a->name, b->name);
}

/* Those of one resource follow one another. */
static void fill_resources(struct kafka_request *r, const struct acl_filter *f,
                           struct describe_acls_response *a)
{
    struct describe_acls_response_acl *acls = kafka_array(r, f->count, sizeof *acls);

    a->resources.at = kafka_array(r, f->count, sizeof *a->resources.at);
    for (size_t i = 0; i < f->count; i++) {
        const struct acl                       *from = &f->found[i];
        struct describe_acls_response_resource *to;

        if (i == 0 || !is_same_resource(from, from - 1)) {
            to = &a->resources.at[a->resources.count++];
            to->resource_type = (int8_t)from->resource;
            to->resource_name = from->name;
            to->pattern_type = (int8_t)from->pattern;
            to->acls.at = acls + i;
        }
        a->resources.at[a->resources.count - 1].acls.count++;
        acls[i] = (struct describe_acls_response_acl){ from->principal, from->host, (int8_t)from->operation,
                                                       (int8_t)from->permission };
    }
}

static void on_described(struct kafka_request *r)
{
    const struct acls_call       *c = r->state;
    struct describe_acls_response a = { .error_code = kafka_error(c->filters->err) };

    if (c->filters->err)
        a.error_message = bytes_str("The filter has an unknown type, pattern, operation or permission.");
    fill_resources(r, c->filters, &a);
    kafka_answer(r, &a);
}

static struct acls_call *filter_call(struct kafka_request *r, size_t count)
{
    struct acls_call *c = kafka_call(r, sizeof *c, CALL_ACLS_FILTER);

    c->count = count;
    c->filters = kafka_array(r, count, sizeof *c->filters);
    r->state = c;
    return c;
}

void kafka_on_describe_acls(struct kafka_request *r)
{
    const struct describe_acls_request *q = r->body;
    struct describe_acls_response       a = { .error_code = KAFKA_SECURITY_DISABLED,
                                              .error_message = bytes_str(NO_RIGHTS) };
    struct acls_call                   *c;

    if (!has_rights(r)) {
        kafka_answer(r, &a);
        return;
    }
    c = filter_call(r, 1);
    c->filters->acl = (struct acl){ (uint8_t)q->resource_type, (uint8_t)q->pattern_type,
                                    (uint8_t)q->operation,     (uint8_t)q->permission_type,
                                    q->resource_name,          q->principal,
                                    q->host };
    r->on_calls_done = on_described;
    kafka_submit(r, c);
}

/* ---- CreateAcls ---- */

static struct create_acls_response *begin_creation(struct kafka_request *r)
{
    const struct create_acls_request *q = r->body;
    struct create_acls_response      *a = arena_struct(&r->arena, struct create_acls_response);

    a->results.count = q->creations.count;
    a->results.at = kafka_array(r, q->creations.count, sizeof *a->results.at);
    return a;
}

static void refuse(struct create_acls_response_result *to, int16_t code, const char *text)
{
    to->error_code = code;
    to->error_message = bytes_str(text);
}

/* What Kafka knows of principals: "Type:name". */
static bool is_principal(struct bytes b)
{
    const uint8_t *colon = b.len > 0 ? memchr(b.at, ':', b.len) : NULL;

    return colon && colon > b.at && bytes_is_utf8(b);
}

static const char *why_not(const struct create_acls_request_creation *q)
{
    if (q->resource_type == ACL_CLUSTER && !bytes_eq_str(q->resource_name, ACL_CLUSTER_NAME))
        return "The only valid name for the CLUSTER resource is kafka-cluster";
    if (q->resource_name.len == 0)
        return "Invalid empty resource name";
    return is_principal(q->principal) ? NULL : "A principal is a type, a colon and a name, as in User:ann";
}

struct creation {
    struct create_acls_response *response;
    struct acls_create_call     *call;
    size_t                      *targets; /* of the call's items */
};

static void on_created(struct kafka_request *r)
{
    const struct creation *s = r->state;

    for (size_t i = 0; i < s->call->count; i++) {
        enum err err = s->call->items[i].err;

        if (err)
            refuse(&s->response->results.at[s->targets[i]],
                   err == ERR_LIMIT ? KAFKA_POLICY_VIOLATION : KAFKA_INVALID_REQUEST, err_text(err));
    }
    kafka_answer(r, s->response);
}

static void submit_creations(struct kafka_request *r)
{
    const struct create_acls_request *q = r->body;
    struct creation                  *s = arena_struct(&r->arena, struct creation);

    s->response = begin_creation(r);
    s->call = kafka_call(r, sizeof *s->call, CALL_ACLS_CREATE);
    s->call->items = kafka_array(r, q->creations.count, sizeof *s->call->items);
    s->targets = kafka_array(r, q->creations.count, sizeof *s->targets);
    for (size_t i = 0; i < q->creations.count; i++) {
        const struct create_acls_request_creation *from = &q->creations.at[i];
        const char                                *why = why_not(from);

        if (why) {
            refuse(&s->response->results.at[i], KAFKA_INVALID_REQUEST, why);
            continue;
        }
        s->targets[s->call->count] = i;
        s->call->items[s->call->count++].acl =
            (struct acl){ (uint8_t)from->resource_type, (uint8_t)from->pattern_type,
                          (uint8_t)from->operation,     (uint8_t)from->permission_type,
                          from->resource_name,          from->principal,
                          from->host };
    }
    r->state = s;
    r->on_calls_done = on_created;
    kafka_submit(r, s->call);
}

void kafka_on_create_acls(struct kafka_request *r)
{
    struct create_acls_response *a;

    if (has_rights(r)) {
        submit_creations(r);
        return;
    }
    a = begin_creation(r);
    for (size_t i = 0; i < a->results.count; i++)
        refuse(&a->results.at[i], KAFKA_SECURITY_DISABLED, NO_RIGHTS);
    kafka_answer(r, a);
}

/* ---- DeleteAcls ---- */

static void fill_matches(struct kafka_request *r, const struct acl_filter *f,
                         struct delete_acls_response_result *to)
{
    to->error_code = kafka_error(f->err);
    if (f->err)
        to->error_message = bytes_str("The filter has an unknown type, pattern, operation or permission.");
    to->matching_acls.count = f->count;
    to->matching_acls.at = kafka_array(r, f->count, sizeof *to->matching_acls.at);
    for (size_t i = 0; i < f->count; i++)
        to->matching_acls.at[i] = (struct delete_acls_response_acl){
            .resource_type = (int8_t)f->found[i].resource,
            .resource_name = f->found[i].name,
            .pattern_type = (int8_t)f->found[i].pattern,
            .principal = f->found[i].principal,
            .host = f->found[i].host,
            .operation = (int8_t)f->found[i].operation,
            .permission_type = (int8_t)f->found[i].permission,
        };
}

static void on_deleted(struct kafka_request *r)
{
    const struct acls_call     *c = r->state;
    struct delete_acls_response a = { .filter_results = { .count = c->count } };

    a.filter_results.at = kafka_array(r, c->count, sizeof *a.filter_results.at);
    for (size_t i = 0; i < c->count; i++)
        fill_matches(r, &c->filters[i], &a.filter_results.at[i]);
    kafka_answer(r, &a);
}

static void refuse_deletion(struct kafka_request *r)
{
    const struct delete_acls_request *q = r->body;
    struct delete_acls_response       a = { .filter_results = { .count = q->filters.count } };

    a.filter_results.at = kafka_array(r, q->filters.count, sizeof *a.filter_results.at);
    for (size_t i = 0; i < q->filters.count; i++) {
        a.filter_results.at[i].error_code = KAFKA_SECURITY_DISABLED;
        a.filter_results.at[i].error_message = bytes_str(NO_RIGHTS);
    }
    kafka_answer(r, &a);
}

void kafka_on_delete_acls(struct kafka_request *r)
{
    const struct delete_acls_request *q = r->body;
    struct acls_call                 *c;

    if (!has_rights(r)) {
        refuse_deletion(r);
        return;
    }
    c = filter_call(r, q->filters.count);
    c->deletes = true;
    for (size_t i = 0; i < c->count; i++) {
        const struct delete_acls_request_filter *from = &q->filters.at[i];

        c->filters[i].acl = (struct acl){ (uint8_t)from->resource_type, (uint8_t)from->pattern_type,
                                          (uint8_t)from->operation,     (uint8_t)from->permission_type,
                                          from->resource_name,          from->principal,
                                          from->host };
    }
    r->on_calls_done = on_deleted;
    kafka_submit(r, c);
}
