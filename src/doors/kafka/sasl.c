/* sasl.c - see sasl.h. */
#include "doors/kafka/sasl.h"
#include "base/diag.h"
#include "doors/kafka/kafka_conn.h"
#include "doors/kafka/kafka_door.h"
#include "doors/kafka/request.h"
#include "doors/kafka/scram.h"
#include "doors/password.h"
#include "doors/token.h"
#include "engine/rights.h"

#include <stdlib.h>

enum sasl_state { NOBODY, CHOSEN, CHALLENGED, KNOWN, FAILED };

struct mechanism {
    const char          *name;
    enum credential_kind kind; /* SCRAM */
    void (*on_token)(struct sasl *s, struct kafka_request *r, struct bytes token);
};

struct sasl {
    struct kafka_conn      *conn;
    enum sasl_state         state;
    const struct mechanism *mechanism;
    struct scram           *scram;
    struct bytes            user; /* owned; who logged in last */
    const struct mechanism *by;   /* how */
    struct rights_asker     asker; /* its principal is owned */
    bool                    is_local;
    bool                    is_administrator;
    bool                    is_raw; /* tokens come without requests */
    int64_t                 ends_ms; /* of the login, on the loop's clock; 0: never */
    int64_t                 token_ms; /* how long the token is good that he came with; 0: he came with none */
    struct kafka_request   *pending; /* SA2: not answered yet */
    struct timer            delay; /* SA3, and SA1's time before somebody is known */
    const char             *why;   /* of the failure that waits */
};

static struct timers *timers_of(const struct sasl *s)
{
    return loop_timers(kafka_conn_env(s->conn)->loop);
}

static int64_t now_of(const struct sasl *s)
{
    return loop_now_ms(kafka_conn_env(s->conn)->loop);
}

/* ---- answers ---- */

/* Without a request around it a token is answered by a token; an error has no words. */
static void answer(struct sasl *s, struct kafka_request *r, const struct sasl_authenticate_response *a)
{
    bool is_raw = s->is_raw;

    s->pending = NULL;
    if (s->state == KNOWN)
        s->is_raw = false;
    if (!is_raw) {
        kafka_answer(r, a);
        return;
    }
    if (a->error_code == KAFKA_NONE) {
        buf_u32(&r->answer.bytes, (uint32_t)a->auth_bytes.len);
        buf_bytes(&r->answer.bytes, a->auth_bytes);
    }
    kafka_answer_nothing(r);
}

static void answer_failed(struct sasl *s)
{
    struct sasl_authenticate_response a = { .error_code = KAFKA_SASL_AUTHENTICATION_FAILED,
                                            .error_message = bytes_str(s->why),
                                            .auth_bytes = bytes_str("") };

    kafka_conn_stop(s->conn);
    answer(s, s->pending, &a);
}

static void on_delay(struct timer *t, int64_t now_ms)
{
    struct sasl *s = CONTAINER(t, struct sasl, delay);

    (void)now_ms;
    if (s->state == FAILED)
        answer_failed(s);
    else
        kafka_conn_stop(s->conn); /* SA1: nobody has logged in in time */
}

/* SA3. */
static void fail(struct sasl *s, const char *why)
{
    diag(DIAG_INFO, "kafka-login-failed mechanism=%s", s->mechanism->name);
    s->state = FAILED;
    s->why = why;
    if (kafka_conn_is_gone(s->conn))
        answer_failed(s);
    else
        timer_start(timers_of(s), &s->delay, now_of(s) + SASL_FAILED_MS);
}

/* SA4: of the same user, by the same means. */
static bool is_another(const struct sasl *s, struct bytes user)
{
    return s->by && (s->by != s->mechanism || !bytes_eq(s->user, user));
}

/* As long as the option says, and as his token is good. 0: for ever. */
static int64_t lasts_of(const struct sasl *s)
{
    int64_t ms = kafka_conn_env(s->conn)->login_ms;

    return s->token_ms > 0 && (ms <= 0 || s->token_ms < ms) ? s->token_ms : ms;
}

/* Is this principal in the option's list, "User:a;User:b"? */
static bool is_listed(const char *list, struct bytes principal)
{
    const char *at = list ? list : "";

    while (*at) {
        size_t len = strcspn(at, ";");

        if (bytes_eq(bytes_of(at, len), principal))
            return true;
        at += len + (at[len] == ';');
    }
    return false;
}

static void set_asker(struct sasl *s, struct bytes principal)
{
    const struct door_env *env = kafka_conn_env(s->conn);

    free((void *)(uintptr_t)s->asker.principal.at);
    s->asker = (struct rights_asker){
        .principal = bytes_of(mem_copy(principal.at, principal.len), principal.len),
        .host = bytes_str(kafka_conn_client_host(s->conn) + 1), /* without its slash */
        .is_super = s->is_administrator || is_listed(env->super_users, principal),
        .everyone_if_no_acls = env->everyone_if_no_acls,
    };
}

static void set_principal(struct sasl *s, struct bytes name)
{
    struct buf principal;

    buf_init(&principal);
    buf_str(&principal, "User:");
    buf_bytes(&principal, name);
    set_asker(s, buf_view(&principal));
    buf_fini(&principal);
}

static void set_user(struct sasl *s, struct bytes name)
{
    free((void *)(uintptr_t)s->user.at);
    s->user = bytes_of(mem_copy(name.at, name.len), name.len);
    set_principal(s, name);
}

/* It is he. last: what his mechanism says to that. */
static void let_in(struct sasl *s, const struct user_view *u, struct bytes last)
{
    int64_t                           lasts_ms = lasts_of(s);
    struct sasl_authenticate_response a = { .error_message = bytes_of(NULL, 0),
                                            .auth_bytes = last,
                                            .session_lifetime_ms = lasts_ms };

    if (is_another(s, u->name)) {
        fail(s, "Cannot change principals during re-authentication");
        return;
    }
    timer_stop(timers_of(s), &s->delay);
    s->by = s->mechanism;
    s->is_administrator = user_has_tag(u, "administrator");
    set_user(s, u->name);
    s->ends_ms = lasts_ms > 0 ? now_of(s) + lasts_ms : 0;
    s->state = KNOWN;
    answer(s, s->pending, &a);
}

/* ---- looking a user up ---- */

struct look_up {
    struct sasl           *sasl;
    struct users_get_call *call;
    struct bytes           password; /* PLAIN */
    struct loop_job        job;      /* likewise */
    bool                   is_it;
};

static void look_up(struct sasl *s, struct kafka_request *r, struct bytes name, struct bytes password,
                    void (*then)(struct kafka_request *r))
{
    struct look_up        *l = arena_new(&r->arena, sizeof *l);
    struct users_get_call *c = kafka_call(r, sizeof *c, CALL_USERS_GET);

    *l = (struct look_up){ .sasl = s, .call = c, .password = password };
    c->name = call_bytes(c, name);
    r->state = l;
    r->on_calls_done = then;
    kafka_submit(r, c);
}

/* NULL: there is no such user, or not from there (SA5). */
static const struct user_view *found(const struct look_up *l)
{
    const struct users_get_call *c = l->call;

    if (c->call.err || c->count == 0)
        return NULL;
    return bytes_eq_str(c->users[0].name, USER_GUEST) && !l->sasl->is_local ? NULL : &c->users[0];
}

/* ---- PLAIN (RFC 4616) ---- */

/* A password takes a millisecond, so it is looked at elsewhere. The request waits and holds what is needed. */
static void check_password(struct loop_job *j)
{
    struct look_up *l = CONTAINER(j, struct look_up, job);

    l->is_it = password_matches(found(l), l->password);
}

static void on_checked(struct loop_job *j)
{
    struct look_up *l = CONTAINER(j, struct look_up, job);

    if (l->is_it)
        let_in(l->sasl, found(l), bytes_str(""));
    else
        fail(l->sasl, "Authentication failed: Invalid username or password");
}

static void on_plain_user(struct kafka_request *r)
{
    struct look_up *l = r->state;

    l->job.run = check_password;
    l->job.done = on_checked;
    loop_offload(kafka_conn_env(l->sasl->conn)->loop, &l->job);
}

static struct bytes up_to_nul(struct rd *in)
{
    const uint8_t *nul = rd_left(in) > 0 ? memchr(in->at, 0, rd_left(in)) : NULL;
    struct bytes   b = rd_bytes(in, nul ? (size_t)(nul - in->at) : rd_left(in));

    rd_u8(in);
    return b;
}

static void on_plain(struct sasl *s, struct kafka_request *r, struct bytes token)
{
    struct rd    in = rd_of(token);
    struct bytes acts_for = up_to_nul(&in);
    struct bytes user = up_to_nul(&in);
    struct bytes password = bytes_of(in.at, rd_left(&in));

    if (in.failed || user.len == 0 || user.len > USER_NAME_BYTES_MAX || password.len == 0 ||
        password.len > PASSWORD_BYTES_MAX || memchr(password.at, 0, password.len))
        fail(s, "Authentication failed: Invalid SASL/PLAIN response");
    else if (acts_for.len > 0 && !bytes_eq(acts_for, user))
        fail(s, "Authentication failed: Client requested an authorization id that is different from username");
    else
        look_up(s, r, user, password, on_plain_user);
}

/* ---- SCRAM ---- */

#define SCRAM_REFUSED                                                                              \
    "Authentication failed during authentication due to invalid credentials with SASL mechanism "  \
    "SCRAM-SHA-"

static void refuse_scram(struct sasl *s)
{
    fail(s, s->mechanism->kind == CREDENTIAL_SCRAM_SHA_512 ? SCRAM_REFUSED "512" : SCRAM_REFUSED "256");
}

static const uint8_t *secret_of(struct kafka_door *d)
{
    if (!d->has_secret)
        d->env.random(d->secret, sizeof d->secret);
    d->has_secret = true;
    return d->secret;
}

static void on_scram_user(struct kafka_request *r)
{
    struct look_up                   *l = r->state;
    struct sasl                      *s = l->sasl;
    const struct user_view           *u = found(l);
    const struct credential          *c = u ? &u->credentials[s->mechanism->kind] : NULL;
    uint8_t                           random[SCRAM_NONCE_BYTES];
    struct sasl_authenticate_response a = { .error_message = bytes_of(NULL, 0) };

    kafka_conn_env(s->conn)->random(random, sizeof random);
    a.auth_bytes = scram_challenge(s->scram, c, secret_of(kafka_conn_door(s->conn)), random);
    s->state = CHALLENGED;
    answer(s, r, &a);
}

/* The user is looked up once more: his tags, and whether he still is one. */
static void on_scram_proven(struct kafka_request *r)
{
    struct look_up         *l = r->state;
    const struct user_view *u = found(l);

    if (u)
        let_in(l->sasl, u, l->password);
    else
        refuse_scram(l->sasl);
}

static void on_scram_final(struct sasl *s, struct kafka_request *r, struct bytes token)
{
    struct buf last;

    buf_init(&last);
    if (scram_read_final(s->scram, token, &last))
        look_up(s, r, s->scram->name, arena_bytes(&r->arena, buf_view(&last)), on_scram_proven);
    else
        refuse_scram(s);
    buf_fini(&last);
}

static void on_scram(struct sasl *s, struct kafka_request *r, struct bytes token)
{
    if (s->state == CHALLENGED) {
        on_scram_final(s, r, token);
        return;
    }
    scram_free(s->scram);
    s->scram = scram_new(s->mechanism->kind);
    if (scram_read_first(s->scram, token))
        look_up(s, r, s->scram->name, bytes_of(NULL, 0), on_scram_user);
    else
        fail(s, "Authentication failed: Invalid SASL/SCRAM message");
}

/* ---- OAUTHBEARER (RFC 7628) ---- */

/* n,[a=name],^Aauth=Bearer TOKEN^A[key=value^A]^A; what else is said is passed over. Null: malformed. */
static struct bytes read_bearer(struct bytes message)
{
    static const char start[] = "auth=Bearer ";
    struct bytes      token = bytes_of(NULL, 0);
    struct rd         in = rd_of(message);
    const uint8_t    *mark = message.len > 0 ? memchr(message.at, 1, message.len) : NULL;

    if (!mark || message.len < 4 || message.at[0] != 'n' || message.at[1] != ',' || mark[-1] != ',' ||
        message.at[message.len - 1] != 1)
        return token;
    rd_bytes(&in, (size_t)(mark - message.at) + 1);
    while ((mark = rd_left(&in) > 0 ? memchr(in.at, 1, rd_left(&in)) : NULL) != NULL) {
        struct bytes pair = rd_bytes(&in, (size_t)(mark - in.at));

        rd_u8(&in);
        if (bytes_starts(pair, start) && bytes_is_null(token))
            token = bytes_of(pair.at + sizeof start - 1, pair.len - (sizeof start - 1));
    }
    return token;
}

/* Whoever a token names need not be a user here; if he is one, he has the user's tags. */
static void on_bearer_user(struct kafka_request *r)
{
    struct look_up         *l = r->state;
    const struct user_view *u = found(l);
    const struct user_view  stranger = { .name = l->call->name };

    let_in(l->sasl, u ? u : &stranger, bytes_str(""));
}

/* A bad token is told in JSON; when the client has said that it heard, the login fails. */
static void on_bad_token(struct sasl *s, struct kafka_request *r)
{
    struct sasl_authenticate_response a = { .error_message = bytes_of(NULL, 0),
                                            .auth_bytes = bytes_str("{\"status\":\"invalid_token\"}") };

    s->state = CHALLENGED;
    answer(s, r, &a);
}

static void on_bearer(struct sasl *s, struct kafka_request *r, struct bytes message)
{
    const struct door_env *env = kafka_conn_env(s->conn);
    int64_t                now_ms = kafka_conn_wall_ms(s->conn);
    struct bytes           text = read_bearer(message);
    struct token           token;
    const char            *why;

    if (s->state == CHALLENGED || bytes_is_null(text)) {
        fail(s, "Authentication failed: Invalid OAUTHBEARER token");
        return;
    }
    why = token_verify(*env->token_keys, env->token_rules, text, now_ms, &r->arena, &token);
    if (!why && token.subject.len > USER_NAME_BYTES_MAX)
        why = "invalid_token: its subject is too long";
    if (why) {
        diag(DIAG_INFO, "kafka-token-refused why=\"%s\"", why);
        on_bad_token(s, r);
        return;
    }
    s->token_ms = token.ends_ms > now_ms ? token.ends_ms - now_ms : 1;
    look_up(s, r, token.subject, bytes_of(NULL, 0), on_bearer_user);
}

/* ---- the two APIs ---- */

static const struct mechanism mechanisms[] = {
    { "SCRAM-SHA-512", CREDENTIAL_SCRAM_SHA_512, on_scram },
    { "SCRAM-SHA-256", CREDENTIAL_SCRAM_SHA_256, on_scram },
    { "PLAIN", CREDENTIAL_KIND_COUNT, on_plain },
    { "OAUTHBEARER", CREDENTIAL_KIND_COUNT, on_bearer },
};

/* The last needs keys. */
static size_t mechanism_count(const struct sasl *s)
{
    return kafka_conn_env(s->conn)->token_keys ? COUNT(mechanisms) : COUNT(mechanisms) - 1;
}

static const struct mechanism *find(const struct sasl *s, struct bytes name)
{
    for (size_t i = 0; i < mechanism_count(s); i++)
        if (bytes_eq_str(name, mechanisms[i].name))
            return &mechanisms[i];
    return NULL;
}

void kafka_on_sasl_handshake(struct kafka_request *r)
{
    const struct sasl_handshake_request *q = r->body;
    struct sasl                         *s = kafka_conn_sasl(r->conn);
    const struct mechanism              *m = find(s, q->mechanism);
    struct bytes                         names[COUNT(mechanisms)];
    struct sasl_handshake_response       a = { .error_code = m ? KAFKA_NONE
                                                               : KAFKA_UNSUPPORTED_SASL_MECHANISM,
                                               .mechanisms = { mechanism_count(s), names } };

    for (size_t i = 0; i < COUNT(names); i++)
        names[i] = bytes_str(mechanisms[i].name);
    if (m) {
        s->mechanism = m;
        s->state = CHOSEN;
        s->is_raw = r->version.number == 0;
    } else if (s->state == NOBODY && kafka_conn_env(s->conn)->needs_login) {
        kafka_conn_stop(s->conn);
    }
    kafka_answer(r, &a);
}

void kafka_on_sasl_authenticate(struct kafka_request *r)
{
    const struct sasl_authenticate_request *q = r->body;
    struct sasl                            *s = kafka_conn_sasl(r->conn);

    s->pending = r;
    s->mechanism->on_token(s, r, q->auth_bytes);
}

/* ---- the connection's questions ---- */

bool sasl_allows(const struct sasl *s, int16_t api_key)
{
    bool is_over = s->ends_ms > 0 && now_of(s) >= s->ends_ms;

    switch (s->state) {
    case NOBODY:
    case KNOWN:
        if (api_key == KAFKA_API_VERSIONS || api_key == KAFKA_SASL_HANDSHAKE)
            return true;
        if (api_key == KAFKA_SASL_AUTHENTICATE)
            return false;
        return s->state == KNOWN ? !is_over : !kafka_conn_env(s->conn)->needs_login;
    case CHOSEN:
    case CHALLENGED:
        return api_key == KAFKA_SASL_AUTHENTICATE;
    case FAILED:
        return false;
    }
    return false;
}

bool sasl_is_busy(const struct sasl *s)
{
    return s->pending != NULL;
}

bool sasl_wants_token(const struct sasl *s)
{
    return s->is_raw && (s->state == CHOSEN || s->state == CHALLENGED);
}

uint32_t sasl_request_bytes_max(const struct sasl *s, uint32_t more)
{
    bool is_known = s->by || !kafka_conn_env(s->conn)->needs_login;

    return is_known && s->state != CHOSEN && s->state != CHALLENGED ? more : SASL_REQUEST_BYTES_MAX;
}

bool sasl_is_administrator(const struct sasl *s)
{
    return s->by ? s->is_administrator : s->is_local && !kafka_conn_env(s->conn)->needs_login;
}

const struct rights_asker *sasl_asker(const struct sasl *s)
{
    return &s->asker;
}

/* ---- the life of a login ---- */

struct sasl *sasl_new(struct kafka_conn *c, bool is_local, struct bytes certificate)
{
    struct sasl *s = mem_new(sizeof *s);

    s->conn = c;
    s->is_local = is_local;
    s->delay.fire = on_delay;
    set_principal(s, bytes_is_null(certificate) ? bytes_str("ANONYMOUS") : certificate);
    if (kafka_conn_env(c)->needs_login)
        timer_start(timers_of(s), &s->delay, now_of(s) + SASL_LOGIN_MS);
    return s;
}

void sasl_abandon(struct sasl *s)
{
    timer_stop(timers_of(s), &s->delay);
    if (s->state == FAILED && s->pending)
        answer_failed(s);
}

void sasl_free(struct sasl *s)
{
    timer_stop(timers_of(s), &s->delay);
    scram_free(s->scram);
    free((void *)(uintptr_t)s->user.at);
    free((void *)(uintptr_t)s->asker.principal.at);
    free(s);
}
