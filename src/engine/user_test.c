/* user_test.c - users through the real engine, and all of them after a crash and in a checkpoint. */
#include "engine/user_calls.h"
#include "engine/engine_rig.h"

#include <openssl/sha.h>

static enum err end(struct rig *r, void *call)
{
    enum err err;

    assert_true(rig_call(r, call));
    err = r->last->err;
    call_free(call);
    return err;
}

static struct user_put_call *putting(struct rig *r, const char *name, enum user_put_mode mode)
{
    struct user_put_call *c = RIG_NEW(r, user_put_call, CALL_USER_PUT);

    c->name = bytes_str(name);
    c->mode = mode;
    return c;
}

static struct user_put_call *with(struct user_put_call *c, enum credential_kind kind, const char *stored)
{
    c->sets[kind] = true;
    if (stored)
        c->credentials[kind] = (struct credential){ 4096, bytes_str("salt"), bytes_str(stored),
                                                    bytes_str("server") };
    return c;
}

static enum err delete(struct rig *r, const char *name)
{
    struct user_delete_call *c = RIG_NEW(r, user_delete_call, CALL_USER_DELETE);

    c->name = bytes_str(name);
    return end(r, c);
}

/* To be freed. */
static struct users_get_call *get(struct rig *r, const char *name)
{
    struct users_get_call *c = RIG_NEW(r, users_get_call, CALL_USERS_GET);

    c->name = bytes_str(name);
    assert_true(rig_call(r, c));
    return c;
}

static void assert_users(struct rig *r, size_t count, const char *const names[])
{
    struct users_get_call *c = get(r, NULL);

    assert_int_equal(c->call.err, ERR_OK);
    assert_int_equal(c->count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(bytes_eq_str(c->users[i].name, names[i]));
    call_free(c);
}

static void assert_stored(struct rig *r, const char *name, enum credential_kind kind, const char *stored)
{
    struct users_get_call *c = get(r, name);

    assert_int_equal(c->call.err, ERR_OK);
    assert_int_equal(c->count, 1);
    assert_true(bytes_eq_str(c->users[0].credentials[kind].stored, stored ? stored : ""));
    assert_int_equal(bytes_is_null(c->users[0].credentials[kind].stored), !stored);
    if (stored) {
        assert_int_equal(c->users[0].credentials[kind].iterations, 4096);
        assert_true(bytes_eq_str(c->users[0].credentials[kind].salt, "salt"));
        assert_true(bytes_eq_str(c->users[0].credentials[kind].server, "server"));
    }
    call_free(c);
}

static void users_survive(void **state)
{
    static const char *const names[] = { "anna", "bert", "guest" };
    struct rig               r;

    (void)state;
    rig_open(&r);
    assert_int_equal(end(&r, with(putting(&r, "bert", USER_PUT_NEW), CREDENTIAL_SCRAM_SHA_256, "b")), ERR_OK);
    assert_int_equal(end(&r, with(putting(&r, "anna", USER_PUT_NEW), CREDENTIAL_SCRAM_SHA_512, "a")), ERR_OK);
    for (int i = 0; i < 3; i++) { /* as made, from the journal or a checkpoint, from a checkpoint of a checkpoint */
        assert_users(&r, 3, names);
        assert_stored(&r, "anna", CREDENTIAL_SCRAM_SHA_512, "a");
        assert_stored(&r, "anna", CREDENTIAL_SCRAM_SHA_256, NULL);
        assert_stored(&r, "bert", CREDENTIAL_SCRAM_SHA_256, "b");
        rig_restart(&r);
    }
    assert_int_equal(delete(&r, "anna"), ERR_OK);
    assert_int_equal(delete(&r, "anna"), ERR_NO_USER);
    rig_restart(&r);
    assert_users(&r, 2, names + 1);
    rig_close(&r);
}

static void a_change_leaves_the_rest(void **state)
{
    struct user_put_call  *tags;
    struct users_get_call *c;
    struct rig             r;

    (void)state;
    rig_open(&r);
    assert_int_equal(end(&r, with(putting(&r, "u", USER_PUT_ANY), CREDENTIAL_SCRAM_SHA_256, "one")), ERR_OK);
    tags = putting(&r, "u", USER_PUT_KNOWN);
    tags->tags = bytes_str("monitoring");
    assert_int_equal(end(&r, tags), ERR_OK);
    assert_int_equal(end(&r, with(putting(&r, "u", USER_PUT_KNOWN), CREDENTIAL_SCRAM_SHA_512, "two")), ERR_OK);
    assert_stored(&r, "u", CREDENTIAL_SCRAM_SHA_256, "one");
    assert_int_equal(end(&r, with(putting(&r, "u", USER_PUT_KNOWN), CREDENTIAL_SCRAM_SHA_256, NULL)), ERR_OK);
    rig_restart(&r);
    assert_stored(&r, "u", CREDENTIAL_SCRAM_SHA_256, NULL);
    assert_stored(&r, "u", CREDENTIAL_SCRAM_SHA_512, "two");
    c = get(&r, "u");
    assert_true(bytes_eq_str(c->users[0].tags, "monitoring"));
    call_free(c);
    rig_close(&r);
}

static void what_is_refused(void **state)
{
    struct user_put_call *c;
    struct rig            r;
    char                  name[USER_NAME_BYTES_MAX + 2];

    (void)state;
    rig_open(&r);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    assert_int_equal(end(&r, putting(&r, "", USER_PUT_ANY)), ERR_BAD_NAME);
    assert_int_equal(end(&r, putting(&r, "\xff", USER_PUT_ANY)), ERR_BAD_NAME);
    assert_int_equal(end(&r, putting(&r, name, USER_PUT_ANY)), ERR_BAD_NAME);
    assert_int_equal(end(&r, putting(&r, name + 1, USER_PUT_ANY)), ERR_OK);
    assert_int_equal(end(&r, putting(&r, "guest", USER_PUT_NEW)), ERR_EXISTS);
    assert_int_equal(end(&r, putting(&r, "nobody", USER_PUT_KNOWN)), ERR_NO_USER);
    c = putting(&r, "u", USER_PUT_ANY);
    c->tags = bytes_str(name);
    assert_int_equal(end(&r, c), ERR_BAD_ARGUMENT);
    assert_int_equal(end(&r, with(putting(&r, "u", USER_PUT_ANY), CREDENTIAL_SCRAM_SHA_256, name)),
                     ERR_BAD_ARGUMENT);
    c = with(putting(&r, "u", USER_PUT_ANY), CREDENTIAL_SCRAM_SHA_256, "k");
    c->credentials[CREDENTIAL_SCRAM_SHA_256].iterations = USER_ITERATIONS_MAX + 1;
    assert_int_equal(end(&r, c), ERR_BAD_ARGUMENT);
    rig_close(&r);
}

/* U2. */
static void guest_is_there_until_deleted(void **state)
{
    struct rig             r;
    struct users_get_call *c;
    uint8_t                hash[SHA256_DIGEST_LENGTH];

    (void)state;
    rig_open(&r);
    c = get(&r, "guest");
    SHA256((const unsigned char *)"mynaguest", 9, hash);
    assert_true(bytes_eq(c->users[0].credentials[CREDENTIAL_RABBIT_SHA_256].stored, bytes_of(hash, sizeof hash)));
    assert_true(bytes_eq_str(c->users[0].credentials[CREDENTIAL_RABBIT_SHA_256].salt, "myna"));
    call_free(c);
    assert_int_equal(delete(&r, "guest"), ERR_OK);
    assert_int_equal(delete(&r, "guest"), ERR_NO_USER);
    for (int i = 0; i < 3; i++) {
        assert_users(&r, 0, NULL);
        rig_restart(&r);
    }
    assert_int_equal(end(&r, with(putting(&r, "guest", USER_PUT_NEW), CREDENTIAL_SCRAM_SHA_256, "new")), ERR_OK);
    rig_restart(&r);
    assert_stored(&r, "guest", CREDENTIAL_SCRAM_SHA_256, "new");
    assert_stored(&r, "guest", CREDENTIAL_RABBIT_SHA_256, NULL);
    rig_close(&r);
}

/* Dumps are shown to others. */
static void keys_are_never_described(void **state)
{
    struct buf head, text;

    (void)state;
    buf_init(&head);
    buf_init(&text);
    change_put_bytes(&head, bytes_str("u"));
    buf_uvarint(&head, 0);
    change_put_bytes(&head, bytes_of(NULL, 0));
    buf_uvarint(&head, 1);
    buf_uvarint(&head, CREDENTIAL_SCRAM_SHA_256);
    buf_uvarint(&head, 4096);
    change_put_bytes(&head, bytes_str("salt"));
    change_put_bytes(&head, bytes_str("secret"));
    change_put_bytes(&head, bytes_str("secret"));
    assert_int_equal(describe_change(&text, CHANGE_USER_SET, buf_view(&head)), ERR_OK);
    buf_u8(&text, 0);
    assert_null(strstr((const char *)text.at, "secret"));
    assert_non_null(strstr((const char *)text.at, "iterations=4096"));
    buf_fini(&head);
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_survive),
        cmocka_unit_test(a_change_leaves_the_rest),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(guest_is_there_until_deleted),
        cmocka_unit_test(keys_are_never_described),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
