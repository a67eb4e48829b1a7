/*
 * registrar.c - see clients.h: makes, changes and deletes users, one thing at a time, so that a
 * crash leaves one of them in doubt at most. Each change gives a user tags of its own, so what is
 * seen tells which one it was; one credential changes along, in one piece with them.
 */
#include "clients.h"
#include "engine/user_calls.h"

#include <stdio.h>

enum { USERS = 3, NO_USER = -1, TEXT_BYTES = 24 };

static const char *const names[USERS] = { USER_GUEST, "ann", "bob" };

struct registrar {
    struct client client;
    int64_t       last;         /* number of a change */
    int64_t       is[USERS];    /* the change that made it what it is; 0: as it was born; NO_USER */
    int64_t       other[USERS]; /* or that, after a crash; as `is`: no doubt */
};

struct registering {
    struct request request;
    int            user;
    int64_t        change; /* or NO_USER */
    enum err       want;
};

static struct registrar *me_of(const struct registering *x)
{
    return (struct registrar *)x->request.client;
}

static struct bytes text_of(int64_t change, char text[TEXT_BYTES])
{
    snprintf(text, TEXT_BYTES, "change-%lld", (long long)change);
    return bytes_str(text);
}

static enum credential_kind kind_of(int64_t change)
{
    return (enum credential_kind)(change % CREDENTIAL_KIND_COUNT);
}

/* ---- changes ---- */

static void on_answer(struct request *r)
{
    struct registering *x = (struct registering *)r;
    struct registrar   *me = me_of(x);

    TRACE(r->client->world, "registrar: user %s, change %lld: %s", names[x->user],
          (long long)x->change, err_name(r->call->err));
    if (r->call->err != x->want)
        violation(r->client->world, "definitions are as they were made", "user %s: %s, not %s",
                  names[x->user], err_text(r->call->err), err_text(x->want));
    if (!x->want)
        me->is[x->user] = me->other[x->user] = x->change;
}

static void on_lost(struct request *r)
{
    struct registering *x = (struct registering *)r;

    if (r->number > 0 && !x->want)
        me_of(x)->other[x->user] = x->change;
}

static void *new_change(struct registrar *me, enum call_kind call, size_t size, int user)
{
    static const struct request_kind kind = { .on_answer = on_answer, .on_lost = on_lost };
    struct registering              *x = request_new(&me->client, &kind, sizeof *x, call, size);

    x->user = user;
    x->change = NO_USER;
    return x;
}

static void put(struct registrar *me, int user)
{
    struct registering   *x = new_change(me, CALL_USER_PUT, sizeof(struct user_put_call), user);
    struct user_put_call *a = (struct user_put_call *)x->request.call;
    bool                  is_there = me->is[user] != NO_USER;
    struct credential    *c;
    char                  text[TEXT_BYTES];

    x->change = ++me->last;
    a->mode = (enum user_put_mode)draw_below(&me->client.world->draw, 3);
    if (a->mode == USER_PUT_NEW && is_there)
        x->want = ERR_EXISTS;
    else if (a->mode == USER_PUT_KNOWN && !is_there)
        x->want = ERR_NO_USER;
    a->name = bytes_str(names[user]);
    a->tags = call_bytes(a, text_of(x->change, text));
    a->sets[kind_of(x->change)] = true;
    c = &a->credentials[kind_of(x->change)];
    c->iterations = 4096;
    c->salt = a->tags;
    c->stored = a->tags;
    c->server = a->tags;
    request_send(x);
}

static void delete(struct registrar *me, int user)
{
    struct registering      *x = new_change(me, CALL_USER_DELETE, sizeof(struct user_delete_call),
                                            user);
    struct user_delete_call *a = (struct user_delete_call *)x->request.call;

    x->want = me->is[user] == NO_USER ? ERR_NO_USER : ERR_OK;
    a->name = bytes_str(names[user]);
    request_send(x);
}

/* ---- looks ---- */

static bool is_change(const struct user_view *v, int64_t change)
{
    char         text[TEXT_BYTES];
    struct bytes want = text_of(change, text);

    if (change <= 0)
        return change == 0 && !bytes_starts(v->tags, "change-");
    return bytes_eq(v->tags, want) && bytes_eq(v->credentials[kind_of(change)].salt, want) &&
           bytes_eq(v->credentials[kind_of(change)].stored, want);
}

static void check(struct registrar *me, int user, const struct user_view *v)
{
    int64_t is = me->is[user];
    int64_t other = me->other[user];

    if (v ? is_change(v, is) : is == NO_USER)
        other = is;
    else if (v ? is_change(v, other) : other == NO_USER)
        is = other;
    else
        violation(me->client.world, "definitions are as they were made",
                  "user %s is '%.*s'; change %lld or %lld", names[user],
                  v ? (int)v->tags.len : 0, v ? (const char *)v->tags.at : "", (long long)is,
                  (long long)other);
    me->is[user] = is;
    me->other[user] = other;
}

static const struct user_view *find(const struct users_get_call *a, int user)
{
    for (size_t i = 0; i < a->count; i++)
        if (bytes_eq_str(a->users[i].name, names[user]))
            return &a->users[i];
    return NULL;
}

bool registrar_look(struct client *c)
{
    static const struct request_kind plain = { 0 };
    struct registrar      *me = (struct registrar *)c;
    struct request        *r = request_new(c, &plain, sizeof *r, CALL_USERS_GET,
                                           sizeof(struct users_get_call));
    struct users_get_call *a = (struct users_get_call *)r->call;

    if (!request_ask(r))
        return false;
    for (int i = 0; i < USERS; i++)
        check(me, i, find(a, i));
    request_free(r);
    return true;
}

static void step(struct client *c)
{
    struct registrar *me = (struct registrar *)c;
    struct draw      *d = &c->world->draw;
    int               user = (int)draw_below(d, USERS);

    if (c->out > 0 || c->world->is_short || !draw_one_in(d, 3))
        return;
    if (draw_one_in(d, 3))
        delete(me, user);
    else
        put(me, user);
}

static void begin(struct client *c)
{
    struct registrar *me = (struct registrar *)c;

    for (int i = 1; i < USERS; i++)
        me->is[i] = me->other[i] = NO_USER;
}

const struct client_kind registrar_kind = {
    .name = "registrar",
    .size = sizeof(struct registrar),
    .begin = begin,
    .step = step,
};
