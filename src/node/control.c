/*
 * control.c - see control.h. The verbs are rabbitmqctl's.
 *
 *     line --parse--> verb's row --> engine call --> answer, hang up
 *
 * A session lives until its connection is gone and its call is answered.
 */
#include "node/control.h"
#include "base/buf.h"
#include "base/diag.h"
#include "doors/password.h"
#include "net/conn.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

enum { SALT_BYTES = 18 };

struct control {
    struct loop     *loop;
    struct gate     *gate;
    struct listener *listener;
    void (*random)(void *at, size_t len);
};

struct session {
    struct control    *control;
    struct conn       *conn; /* NULL: gone */
    const struct verb *verb; /* of the call that is out; NULL: none */
};

struct verb {
    const char *name;
    /* A call, or NULL and why not. */
    struct call *(*make)(struct session *s, const json_t *command, const char **why);
    /* What the answer says beside ok; may be NULL. */
    void (*tell)(struct call *call, json_t *answer);
};

/* ---- answers ---- */

static void send_line(struct session *s, json_t *answer)
{
    char *text = json_dumps(answer, JSON_COMPACT);

    if (s->conn && text) {
        conn_send_copy(s->conn, bytes_str(text));
        conn_send_copy(s->conn, bytes_str("\n"));
        conn_close(s->conn);
    }
    free(text);
    json_decref(answer);
}

static void send_error(struct session *s, const char *why)
{
    send_line(s, json_pack("{s:s}", "error", why));
}

static void free_when_done(struct session *s)
{
    if (!s->conn && !s->verb)
        free(s);
}

static void on_done(struct call *call)
{
    struct session    *s = call->ctx;
    const struct verb *verb = s->verb;
    json_t            *answer;

    s->verb = NULL;
    if (call->err) {
        send_error(s, err_text(call->err));
    } else {
        answer = json_pack("{s:b}", "ok", 1);
        if (verb->tell)
            verb->tell(call, answer);
        send_line(s, answer);
    }
    call_free(call);
    free_when_done(s);
}

/* ---- users ---- */

static void *new_call(struct session *s, size_t size, enum call_kind kind)
{
    return call_new(size, kind, loop_mailbox(s->control->loop), on_done, s);
}

static struct bytes text_of(const json_t *command, const char *key)
{
    return bytes_str(json_string_value(json_object_get(command, key)));
}

/* Credentials for both kinds of SCRAM, each with a salt of its own, and nothing else: what was there is of another
 * password. */
static void set_password(struct session *s, struct user_put_call *c, struct bytes password)
{
    for (size_t i = 0; i < CREDENTIAL_KIND_COUNT; i++) {
        enum credential_kind kind = (enum credential_kind)i;
        struct credential   *to = &c->credentials[i];
        struct password_keys keys;
        uint8_t              salt[SALT_BYTES];

        c->sets[i] = true;
        if (!password_is_scram(kind))
            continue;
        s->control->random(salt, sizeof salt);
        to->iterations = PASSWORD_ITERATIONS;
        to->salt = call_bytes(c, bytes_of(salt, sizeof salt));
        password_keys(kind, password, to, &keys);
        to->stored = call_bytes(c, bytes_of(keys.stored, keys.len));
        to->server = call_bytes(c, bytes_of(keys.server, keys.len));
        OPENSSL_cleanse(&keys, sizeof keys);
    }
}

static struct call *make_with_password(struct session *s, const json_t *command, enum user_put_mode mode,
                                       const char **why)
{
    struct bytes          password = text_of(command, "password");
    struct user_put_call *c;

    if (password.len == 0 || password.len > PASSWORD_BYTES_MAX) {
        *why = "a password has 1 to 1024 bytes";
        return NULL;
    }
    c = new_call(s, sizeof *c, CALL_USER_PUT);
    c->name = call_bytes(c, text_of(command, "name"));
    c->mode = mode;
    set_password(s, c, password);
    return &c->call;
}

static struct call *make_add(struct session *s, const json_t *command, const char **why)
{
    return make_with_password(s, command, USER_PUT_NEW, why);
}

static struct call *make_change_password(struct session *s, const json_t *command, const char **why)
{
    return make_with_password(s, command, USER_PUT_KNOWN, why);
}

static struct call *make_tags(struct session *s, const json_t *command, const char **why)
{
    struct bytes          tags = text_of(command, "tags");
    struct user_put_call *c;

    if (bytes_is_null(tags)) {
        *why = "no tags were given";
        return NULL;
    }
    c = new_call(s, sizeof *c, CALL_USER_PUT);
    c->name = call_bytes(c, text_of(command, "name"));
    c->mode = USER_PUT_KNOWN;
    c->tags = call_bytes(c, tags);
    return &c->call;
}

static struct call *make_delete(struct session *s, const json_t *command, const char **why)
{
    struct user_delete_call *c = new_call(s, sizeof *c, CALL_USER_DELETE);

    (void)why;
    c->name = call_bytes(c, text_of(command, "name"));
    return &c->call;
}

static struct call *make_list(struct session *s, const json_t *command, const char **why)
{
    struct users_get_call *c = new_call(s, sizeof *c, CALL_USERS_GET);

    (void)command;
    (void)why;
    return &c->call;
}

static void tell_list(struct call *call, json_t *answer)
{
    const struct users_get_call *c = CONTAINER(call, struct users_get_call, call);
    json_t                      *users = json_array();

    for (size_t i = 0; i < c->count; i++)
        json_array_append_new(users, json_pack("{s:s%, s:s%}", "name", c->users[i].name.at, c->users[i].name.len,
                                               "tags", c->users[i].tags.at ? (const char *)c->users[i].tags.at : "",
                                               c->users[i].tags.len));
    json_object_set_new(answer, "users", users);
}

static const struct verb verbs[] = {
    { "add_user", make_add, NULL },
    { "change_password", make_change_password, NULL },
    { "set_user_tags", make_tags, NULL },
    { "delete_user", make_delete, NULL },
    { "list_users", make_list, tell_list },
};

/* ---- connections ---- */

static void run(struct session *s, const json_t *command)
{
    const char  *name = json_string_value(json_object_get(command, "verb"));
    const char  *why = "unknown verb";
    struct call *call = NULL;

    for (size_t i = 0; name && i < COUNT(verbs) && !s->verb; i++)
        if (strcmp(name, verbs[i].name) == 0)
            s->verb = &verbs[i];
    if (s->verb)
        call = s->verb->make(s, command, &why);
    if (call) {
        gate_submit(s->control->gate, call);
        return;
    }
    s->verb = NULL;
    send_error(s, why);
}

static size_t on_received(void *self, struct slice in)
{
    struct session *s = self;
    const uint8_t  *end = memchr(in.bytes.at, '\n', in.bytes.len);
    json_t         *command;

    if (!end && in.bytes.len < CONTROL_BYTES_MAX)
        return 0;
    command = end ? json_loadb((const char *)in.bytes.at, (size_t)(end - in.bytes.at), JSON_REJECT_DUPLICATES, NULL)
                  : NULL;
    conn_pause(s->conn);
    if (json_is_object(command))
        run(s, command);
    else
        send_error(s, "a command is a line with a JSON object");
    json_decref(command);
    return in.bytes.len;
}

static void *on_opened(struct conn *conn, void *ctx)
{
    struct session *s = mem_new(sizeof *s);

    s->control = ctx;
    s->conn = conn;
    return s;
}

static void on_closed(void *self)
{
    struct session *s = self;

    s->conn = NULL;
    free_when_done(s);
}

static const struct conn_ops ops = { .opened = on_opened, .received = on_received, .closed = on_closed };

/* ---- the life of the socket ---- */

struct control *control_open(struct loop *l, struct gate *gate, const char *data,
                             void (*random)(void *at, size_t len))
{
    struct control *c = mem_new(sizeof *c);
    struct buf      path;
    enum err        err;

    *c = (struct control){ .loop = l, .gate = gate, .random = random };
    buf_init(&path);
    buf_printf(&path, "%s/" CONTROL_FILE, data);
    buf_u8(&path, 0);
    err = listener_open_path(&c->listener, l, (const char *)path.at, &ops, c);
    buf_fini(&path);
    if (err == ERR_OK)
        return c;
    diag(DIAG_WARN, "commands cannot reach this broker: the socket %s/" CONTROL_FILE " cannot be made: %s", data,
         err_text(err));
    free(c);
    return NULL;
}

void control_close(struct control *c)
{
    if (!c || !c->listener)
        return;
    listener_close(c->listener);
    c->listener = NULL;
}

void control_free(struct control *c)
{
    control_close(c);
    free(c);
}
