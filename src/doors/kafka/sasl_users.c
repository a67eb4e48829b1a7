/*
 * sasl_users.c - DescribeUserScramCredentials and AlterUserScramCredentials (KIP-554): the users' SCRAM keys.
 *
 * The client salts the password; what arrives is good enough to log in with, so it should travel over TLS. We keep
 * only what verifies it. All that a request says about one user is one change; with the last credential of a user
 * without tags the user himself goes.
 *
 * As in RabbitMQ, and other than in Kafka, users belong to every door, so only administrators may look after them
 * (sasl_is_administrator).
 *
 * Thread: the loop's.
 */
#include "base/map.h"
#include "doors/kafka/authorize.h"
#include "doors/kafka/kafka_conn.h"
#include "doors/kafka/request.h"
#include "doors/kafka/sasl.h"
#include "doors/password.h"

enum {
    ITERATIONS_MIN = 4096, /* Kafka's */
    ITERATIONS_MAX = 16384,
    ITEMS_MAX = 4096, /* of a request; more is no sane client's */
};

/* The protocol's number of a mechanism. */
static const struct {
    int8_t               number;
    enum credential_kind kind;
} numbers[] = { { 1, CREDENTIAL_SCRAM_SHA_256 }, { 2, CREDENTIAL_SCRAM_SHA_512 } };

static bool find_kind(int8_t number, enum credential_kind *out)
{
    for (size_t i = 0; i < COUNT(numbers); i++) {
        *out = numbers[i].kind;
        if (numbers[i].number == number)
            return true;
    }
    return false;
}

static bool is_allowed(const struct kafka_request *r)
{
    if (kafka_conn_env(r->conn)->rights) /* describing was asked for before: authorize.c */
        return kafka_may(r, ACL_ALTER, ACL_CLUSTER, bytes_str(ACL_CLUSTER_NAME));
    return sasl_is_administrator(kafka_conn_sasl(r->conn));
}

#define NOT_ALLOWED "Only administrators may look after users."

/* ---- describing ---- */

struct description {
    size_t                  count;
    struct users_get_call **calls; /* one for each user asked about, or one for all */
};

/* No result of those who have no SCRAM credential, if they were not asked about. */
static void describe_user(struct kafka_request *r, const struct user_view *u,
                          struct describe_scram_response_result *out)
{
    out->user = u->name;
    out->credential_infos.at = kafka_array(r, COUNT(numbers), sizeof *out->credential_infos.at);
    for (size_t i = 0; i < COUNT(numbers); i++) {
        const struct credential *c = &u->credentials[numbers[i].kind];

        if (!bytes_is_null(c->stored))
            out->credential_infos.at[out->credential_infos.count++] =
                (struct describe_scram_response_info){ numbers[i].number, (int32_t)c->iterations };
    }
}

static void not_found(struct describe_scram_response_result *out)
{
    out->error_code = KAFKA_RESOURCE_NOT_FOUND;
    out->error_message = bytes_str("Attempt to describe a user credential that does not exist");
}

static void describe_all(struct kafka_request *r, const struct users_get_call *c,
                         struct describe_scram_response *a)
{
    a->results.at = kafka_array(r, c->count, sizeof *a->results.at);
    for (size_t i = 0; i < c->count; i++) {
        struct describe_scram_response_result *out = &a->results.at[a->results.count];

        describe_user(r, &c->users[i], out);
        a->results.count += out->credential_infos.count > 0;
    }
}

static void describe_each(struct kafka_request *r, const struct description *d,
                          struct describe_scram_response *a)
{
    a->results.count = d->count;
    a->results.at = kafka_array(r, d->count, sizeof *a->results.at);
    for (size_t i = 0; i < d->count; i++) {
        struct describe_scram_response_result *out = &a->results.at[i];

        out->user = d->calls[i]->name;
        if (d->calls[i]->count > 0)
            describe_user(r, d->calls[i]->users, out);
        if (out->credential_infos.count == 0)
            not_found(out);
    }
}

static void on_described(struct kafka_request *r)
{
    const struct describe_scram_request *q = r->body;
    const struct description            *d = r->state;
    struct describe_scram_response       a = { 0 };

    if (q->users.count > 0)
        describe_each(r, d, &a);
    else
        describe_all(r, d->calls[0], &a);
    kafka_answer(r, &a);
}

void kafka_on_describe_scram(struct kafka_request *r)
{
    const struct describe_scram_request *q = r->body;
    struct describe_scram_response       a = { .error_code = KAFKA_CLUSTER_AUTHORIZATION_FAILED,
                                               .error_message = bytes_str(NOT_ALLOWED) };
    struct description                  *d = arena_new(&r->arena, sizeof *d);
    size_t                               count = q->users.count ? q->users.count : 1;

    if (count > ITEMS_MAX) {
        kafka_hang_up(r);
        return;
    }
    if (!is_allowed(r)) {
        kafka_answer(r, &a);
        return;
    }
    d->count = q->users.count;
    d->calls = kafka_array(r, count, sizeof(struct users_get_call *));
    r->state = d;
    r->on_calls_done = on_described;
    for (size_t i = 0; i < count; i++) {
        d->calls[i] = kafka_call(r, sizeof **d->calls, CALL_USERS_GET);
        d->calls[i]->name = q->users.count ? q->users.at[i].name : bytes_of(NULL, 0);
        kafka_submit(r, d->calls[i]);
    }
}

/* ---- altering ---- */

/* What a request says about one user. */
struct alteration {
    struct bytes           name;
    int16_t                error;
    const char            *message;
    bool                   sets[CREDENTIAL_KIND_COUNT];
    bool                   deletes[CREDENTIAL_KIND_COUNT];
    struct credential      credentials[CREDENTIAL_KIND_COUNT];
    struct password_keys   keys[CREDENTIAL_KIND_COUNT];
    struct users_get_call *known;
    struct call           *call; /* that does it */
};

struct alterations {
    struct map         by_name;
    size_t             count;
    struct alteration *at;
};

static void refuse(struct alteration *t, int16_t error, const char *message)
{
    if (t->error)
        return;
    t->error = error;
    t->message = message;
}

static struct alteration *of_user(struct alterations *all, struct bytes name)
{
    struct alteration *t = map_get(&all->by_name, name);

    if (t)
        return t;
    t = &all->at[all->count++];
    t->name = name;
    map_put(&all->by_name, name, t);
    if (name.len == 0 || name.len > USER_NAME_BYTES_MAX)
        refuse(t, KAFKA_UNACCEPTABLE_CREDENTIAL, "Username must not be empty");
    return t;
}

/* Which of his credentials; false: it was refused. */
static bool take_kind(struct alteration *t, int8_t number, enum credential_kind *kind)
{
    if (!find_kind(number, kind))
        refuse(t, KAFKA_UNSUPPORTED_SASL_MECHANISM, "Unknown SCRAM mechanism");
    else if (t->sets[*kind])
        refuse(t, KAFKA_DUPLICATE_RESOURCE, "A user credential cannot be altered twice in the same request");
    if (t->error)
        return false;
    t->sets[*kind] = true;
    return true;
}

static void add_deletion(struct alterations *all, const struct alter_scram_request_deletion *d)
{
    struct alteration   *t = of_user(all, d->name);
    enum credential_kind kind;

    if (take_kind(t, d->mechanism, &kind))
        t->deletes[kind] = true;
}

static void add_upsertion(struct alterations *all, const struct alter_scram_request_upsertion *u)
{
    struct alteration   *t = of_user(all, u->name);
    enum credential_kind kind;

    if (!take_kind(t, u->mechanism, &kind))
        return;
    if (u->iterations < ITERATIONS_MIN)
        refuse(t, KAFKA_UNACCEPTABLE_CREDENTIAL, "Too few iterations");
    else if (u->iterations > ITERATIONS_MAX)
        refuse(t, KAFKA_UNACCEPTABLE_CREDENTIAL, "Too many iterations");
    else if (u->salt.len == 0 || u->salt.len > USER_SALT_BYTES_MAX ||
             u->salted_password.len != password_hash_bytes(kind))
        refuse(t, KAFKA_UNACCEPTABLE_CREDENTIAL, "The salt or the salted password has a wrong length");
    if (t->error)
        return;
    password_keys_of_salted(kind, u->salted_password, &t->keys[kind]);
    t->credentials[kind] = (struct credential){ (uint32_t)u->iterations, u->salt,
                                                bytes_of(t->keys[kind].stored, t->keys[kind].len),
                                                bytes_of(t->keys[kind].server, t->keys[kind].len) };
}

static void on_altered(struct kafka_request *r)
{
    struct alterations         *all = r->state;
    struct alter_scram_response a = { .results = { all->count, NULL } };

    a.results.at = kafka_array(r, all->count, sizeof *a.results.at);
    for (size_t i = 0; i < all->count; i++) {
        struct alteration *t = &all->at[i];

        if (t->call && t->call->err)
            refuse(t, kafka_error(t->call->err), err_text(t->call->err));
        a.results.at[i] = (struct alter_scram_response_result){ t->name, t->error, bytes_str(t->message) };
    }
    kafka_answer(r, &a);
}

/* Has he anything left after it? */
static bool stays(const struct alteration *t, const struct user_view *u)
{
    bool has = !u || u->tags.len > 0;

    for (size_t i = 0; i < CREDENTIAL_KIND_COUNT; i++)
        has |= t->sets[i] ? !t->deletes[i] : u && !bytes_is_null(u->credentials[i].stored);
    return has;
}

static void submit_alteration(struct kafka_request *r, struct alteration *t, bool stays_there)
{
    struct user_delete_call *d;
    struct user_put_call    *p;

    if (!stays_there) {
        d = kafka_call(r, sizeof *d, CALL_USER_DELETE);
        d->name = t->name;
        t->call = &d->call;
    } else {
        p = kafka_call(r, sizeof *p, CALL_USER_PUT);
        p->name = t->name;
        memcpy(p->sets, t->sets, sizeof p->sets);
        memcpy(p->credentials, t->credentials, sizeof p->credentials);
        t->call = &p->call;
    }
    kafka_submit(r, t->call);
}

/* Deleting what is not there is refused. */
static void check_deletions(struct alteration *t, const struct user_view *u)
{
    for (size_t k = 0; k < CREDENTIAL_KIND_COUNT; k++)
        if (t->deletes[k] && (!u || bytes_is_null(u->credentials[k].stored)))
            refuse(t, KAFKA_RESOURCE_NOT_FOUND, "Attempt to delete a user credential that does not exist");
}

static void on_known(struct kafka_request *r)
{
    struct alterations *all = r->state;
    bool                is_any = false;

    r->on_calls_done = on_altered;
    for (size_t i = 0; i < all->count; i++) {
        struct alteration      *t = &all->at[i];
        const struct user_view *u = t->known && t->known->count > 0 ? t->known->users : NULL;

        check_deletions(t, u);
        if (!t->error)
            submit_alteration(r, t, stays(t, u));
        is_any |= !t->error;
    }
    if (!is_any)
        on_altered(r);
}

static void on_free(struct kafka_request *r)
{
    map_fini(&((struct alterations *)r->state)->by_name);
}

static size_t count_of(const struct alter_scram_request *q)
{
    return q->deletions.count + q->upsertions.count;
}

static void read_alterations(struct kafka_request *r, struct alterations *all)
{
    const struct alter_scram_request *q = r->body;

    map_init(&all->by_name);
    r->state = all;
    r->on_free = on_free;
    all->at = kafka_array(r, count_of(q), sizeof *all->at);
    for (size_t i = 0; i < q->deletions.count; i++)
        add_deletion(all, &q->deletions.at[i]);
    for (size_t i = 0; i < q->upsertions.count; i++)
        add_upsertion(all, &q->upsertions.at[i]);
}

void kafka_on_alter_scram(struct kafka_request *r)
{
    struct alterations *all = arena_new(&r->arena, sizeof *all);
    bool                is_any = false;

    if (count_of(r->body) > ITEMS_MAX) {
        kafka_hang_up(r);
        return;
    }
    read_alterations(r, all);
    for (size_t i = 0; i < all->count && !is_allowed(r); i++)
        refuse(&all->at[i], KAFKA_CLUSTER_AUTHORIZATION_FAILED, NOT_ALLOWED);
    r->on_calls_done = on_known;
    for (size_t i = 0; i < all->count; i++) {
        struct alteration *t = &all->at[i];

        if (t->error)
            continue;
        t->known = kafka_call(r, sizeof *t->known, CALL_USERS_GET);
        t->known->name = t->name;
        is_any = true;
        kafka_submit(r, t->known);
    }
    if (!is_any)
        on_altered(r);
}
