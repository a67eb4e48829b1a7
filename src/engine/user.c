/*
 * user.c - users: the one store of principals behind every door.
 *
 * Changes (docs/journal.md):
 *   USER_SET      name, flags (1 gone), tags, credentials: kind, iterations, salt, stored key, server key
 *   USER_DELETED  name
 *
 *   U1  USER_SET says all of a user, so a change of one thing is the whole user again.
 *   U2  guest is there without any change that says so; once somebody changes him he is like the others. When he is
 *       deleted his object stays and says that he is gone, or the next start would bring him back.
 *   U3  No two changes are needed for one answer: a crash never leaves half a user.
 *
 * Thread: the shard's.
 */
#include "engine/user_calls.h"
#include "engine/group_int.h"
#include "engine/queue_int.h"

#include <stdio.h>
#include <stdlib.h>

enum { FLAG_GONE = 1 };

struct user {
    struct row        row; /* unborn while it is guest as he was born (U2) */
    struct bytes      name, tags; /* owned */
    bool              is_gone;
    struct credential credentials[CREDENTIAL_KIND_COUNT]; /* their bytes are owned */
};

/* ---- objects ---- */

static struct user *add_user(struct engine *e, struct bytes name)
{
    struct user *u = mem_new(sizeof *u);

    row_init(&u->row, ROW_USER);
    bytes_replace(&u->name, name);
    map_put(&e->users, u->name, u);
    return u;
}

static struct user *find(struct engine *e, struct bytes name)
{
    struct user *u = map_get(&e->users, name);

    return u && !u->is_gone ? u : NULL;
}

static void set_credential(struct credential *to, const struct credential *from)
{
    to->iterations = from->iterations;
    bytes_replace(&to->salt, from->salt);
    bytes_replace(&to->stored, from->stored);
    bytes_replace(&to->server, from->server);
}

static void clear(struct user *u)
{
    static const struct credential none;

    bytes_replace(&u->tags, none.salt);
    for (size_t i = 0; i < CREDENTIAL_KIND_COUNT; i++)
        set_credential(&u->credentials[i], &none);
}

static void free_user(struct engine *e, struct user *u)
{
    row_remove(e, &u->row);
    clear(u);
    bytes_replace(&u->name, bytes_of(NULL, 0));
    free(u);
}

/* U2. The salt of a password that everybody knows need not be a secret, nor random; and its hash, of
 * "mynaguest", need not be computed: the first use of libcrypto costs 3 MB of memory, and most
 * brokers never need it. */
void user_init(struct engine *e)
{
    static const char    salt[] = "myna";
    static const uint8_t hash[] = {
        0x15, 0x0f, 0xec, 0x1d, 0xa2, 0x86, 0x15, 0xcd, 0xa4, 0x53, 0xea,
        0x9d, 0x2e, 0x6e, 0x78, 0xeb, 0xce, 0x90, 0xb2, 0x5f, 0x41, 0x4a,
        0x87, 0x0a, 0x89, 0x76, 0x98, 0x2e, 0xf0, 0x55, 0x72, 0x66,
    };
    struct user *guest;

    map_init(&e->users);
    guest = add_user(e, bytes_str(USER_GUEST));
    bytes_replace(&guest->tags, bytes_str("administrator"));
    set_credential(&guest->credentials[CREDENTIAL_RABBIT_SHA_256],
                   &(struct credential){ .salt = bytes_str(salt), .stored = bytes_of(hash, sizeof hash) });
}

void user_fini(struct engine *e)
{
    struct user *u;
    size_t       at = 0;

    while ((u = map_next(&e->users, &at)) != NULL)
        free_user(e, u);
    map_fini(&e->users);
}

/* ---- changes ---- */

static void put_credential(struct buf *head, uint64_t kind, const struct credential *c)
{
    buf_uvarint(head, kind);
    buf_uvarint(head, c->iterations);
    change_put_bytes(head, c->salt);
    change_put_bytes(head, c->stored);
    change_put_bytes(head, c->server);
}

static void put_set(struct buf *head, const struct user *u)
{
    uint64_t count = 0;

    for (size_t i = 0; i < CREDENTIAL_KIND_COUNT; i++)
        count += !bytes_is_null(u->credentials[i].stored);
    change_put_bytes(head, u->name);
    buf_uvarint(head, u->is_gone ? FLAG_GONE : 0);
    change_put_bytes(head, u->tags);
    buf_uvarint(head, count);
    for (size_t i = 0; i < CREDENTIAL_KIND_COUNT; i++)
        if (!bytes_is_null(u->credentials[i].stored))
            put_credential(head, i, &u->credentials[i]);
}

/* Borrows from the head. */
static void get_credential(struct rd *head, struct user *out)
{
    uint64_t          kind = rd_uvarint64(head);
    struct credential c = { .iterations = (uint32_t)rd_uvarint64(head) };

    c.salt = change_get_bytes(head);
    c.stored = change_get_bytes(head);
    c.server = change_get_bytes(head);
    if (kind >= CREDENTIAL_KIND_COUNT || bytes_is_null(c.stored))
        rd_fail(head);
    else
        out->credentials[kind] = c;
}

enum err user_apply_set(struct engine *e, struct rd *head, struct bytes payload, uint64_t position)
{
    struct user  said = { .name = change_get_bytes(head) };
    uint64_t     flags = rd_uvarint64(head);
    uint64_t     count;
    struct user *u;

    (void)payload;
    (void)position;
    said.tags = change_get_bytes(head);
    count = rd_uvarint64(head);
    for (uint64_t i = 0; i < count && !head->failed; i++)
        get_credential(head, &said);
    if (head->failed)
        return ERR_CORRUPT;
    u = map_get(&e->users, said.name);
    if (!u)
        u = add_user(e, said.name);
    row_touch(e, &u->row);
    u->is_gone = flags & FLAG_GONE;
    bytes_replace(&u->tags, said.tags);
    for (size_t i = 0; i < CREDENTIAL_KIND_COUNT; i++)
        set_credential(&u->credentials[i], &said.credentials[i]);
    return ERR_OK;
}

enum err user_apply_deleted(struct engine *e, struct rd *head, struct bytes payload,
                            uint64_t position)
{
    struct bytes name = change_get_bytes(head);
    struct user *u = head->failed ? NULL : find(e, name);

    (void)payload;
    (void)position;
    if (!u)
        return ERR_CORRUPT;
    if (bytes_eq_str(name, USER_GUEST)) {
        row_touch(e, &u->row);
        clear(u);
        u->is_gone = true; /* U2 */
        return ERR_OK;
    }
    map_remove(&e->users, u->name);
    free_user(e, u);
    return ERR_OK;
}

/* ---- checkpoints ---- */

static const struct user *user_of(const struct row *row)
{
    return CONTAINER(row, struct user, row);
}

void user_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    change_put_bytes(out, user_of(row)->name);
}

void user_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    put_set(out, user_of(row));
}

void user_row_define(struct engine *e, const struct row *row, struct row_definition *out)
{
    const struct user *u = user_of(row);

    (void)e;
    out->name = u->name;
    snprintf(out->text, sizeof out->text, "%s%.*s", u->is_gone ? "deleted" : "",
             (int)u->tags.len, (const char *)u->tags.at);
}

/* ---- calls ---- */

static bool is_sound(const struct credential *c)
{
    return c->iterations <= USER_ITERATIONS_MAX && c->salt.len <= USER_SALT_BYTES_MAX &&
           c->stored.len <= USER_KEY_BYTES_MAX && c->server.len <= USER_KEY_BYTES_MAX;
}

static enum err check(struct engine *e, const struct user_put_call *a)
{
    const struct user *u = find(e, a->name);

    if (a->name.len == 0 || a->name.len > USER_NAME_BYTES_MAX || !bytes_is_utf8(a->name))
        return ERR_BAD_NAME;
    if (a->mode == USER_PUT_NEW && u)
        return ERR_EXISTS;
    if (a->mode == USER_PUT_KNOWN && !u)
        return ERR_NO_USER;
    if (!u && e->users.count >= USER_COUNT_MAX)
        return ERR_LIMIT;
    if (a->tags.len > USER_TAGS_BYTES_MAX)
        return ERR_BAD_ARGUMENT;
    for (size_t i = 0; i < CREDENTIAL_KIND_COUNT; i++)
        if (a->sets[i] && !is_sound(&a->credentials[i]))
            return ERR_BAD_ARGUMENT;
    return ERR_OK;
}

void user_on_put(struct engine *e, struct call *c)
{
    const struct user_put_call *a = (const struct user_put_call *)c;
    const struct user          *u = find(e, a->name);
    struct user                 wanted = { .name = a->name };
    enum err                    err = check(e, a);
    struct buf                  head;

    if (err) {
        engine_answer(e, c, err);
        return;
    }
    wanted.tags = bytes_is_null(a->tags) && u ? u->tags : a->tags;
    for (size_t i = 0; i < CREDENTIAL_KIND_COUNT; i++) {
        if (a->sets[i])
            wanted.credentials[i] = a->credentials[i];
        else if (u)
            wanted.credentials[i] = u->credentials[i];
    }
    buf_init(&head);
    put_set(&head, &wanted);
    queue_commit(e, CHANGE_USER_SET, &head, user_apply_set);
    engine_answer(e, c, ERR_OK);
}

void user_on_delete(struct engine *e, struct call *c)
{
    const struct user_delete_call *a = (const struct user_delete_call *)c;
    enum err                       err = find(e, a->name) ? ERR_OK : ERR_NO_USER;
    struct buf                     head;

    if (!err) {
        buf_init(&head);
        change_put_bytes(&head, a->name);
        queue_commit(e, CHANGE_USER_DELETED, &head, user_apply_deleted);
    }
    engine_answer(e, c, err);
}

static void view_of(struct call *c, const struct user *u, struct user_view *v)
{
    v->name = call_bytes(c, u->name);
    v->tags = call_bytes(c, u->tags);
    for (size_t i = 0; i < CREDENTIAL_KIND_COUNT; i++) {
        const struct credential *from = &u->credentials[i];

        v->credentials[i] =
            (struct credential){ from->iterations, call_bytes(c, from->salt),
                                 call_bytes(c, from->stored), call_bytes(c, from->server) };
    }
}

static int by_name(const void *a, const void *b)
{
    return bytes_cmp(((const struct user_view *)a)->name, ((const struct user_view *)b)->name);
}

static void view_all(struct engine *e, struct users_get_call *a)
{
    struct user *u;
    size_t       at = 0;

    a->users = arena_array(&a->call.arena, e->users.count, sizeof *a->users);
    while ((u = map_next(&e->users, &at)) != NULL)
        if (!u->is_gone)
            view_of(&a->call, u, &a->users[a->count++]);
    qsort(a->users, a->count, sizeof *a->users, by_name);
}

void user_on_get(struct engine *e, struct call *c)
{
    struct users_get_call *a = (struct users_get_call *)c;
    const struct user     *u = bytes_is_null(a->name) ? NULL : find(e, a->name);

    a->count = 0;
    if (bytes_is_null(a->name)) {
        view_all(e, a);
    } else if (u) {
        a->count = 1;
        a->users = arena_new(&c->arena, sizeof *a->users);
        view_of(c, u, a->users);
    }
    engine_answer(e, c, bytes_is_null(a->name) || u ? ERR_OK : ERR_NO_USER);
}
