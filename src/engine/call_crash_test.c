/*
 * call_crash_test.c - the power fails while calls that change several things are written. After it all of a call is
 * there or nothing of it (call.h C6), however small the frames of the journal are.
 *
 * Heads are made larger than a sector, so that a torn bundle really falls apart between them.
 */
#include "engine/queue_rig.h"

enum {
    WIDE = 5000,
    LUCK_MAX = 64,
    NARROWED_STEP = 40,
    OPERATIONS_MAX = 64,
    PRIVATE_QUEUES = 30,
    RETENTION_MS = 77000,
};

static uint8_t wide[WIDE];

/* How much less than that each life has: frames begin at another place of their sectors. */
static size_t narrowed;

static struct bytes wide_bytes(void)
{
    memset(wide, 'w', sizeof wide);
    return bytes_of(wide, sizeof wide - narrowed);
}

/* What these calls change. */
struct sight {
    size_t topics, queues, logs;
    bool   has_policy, has_native; /* the new ones */
};

struct scenario {
    void (*prepare)(struct rig *r);
    void *(*call)(struct rig *r);
    struct sight before, after;
};

/* ---- a queue with a topic of its own ---- */

static void nothing(struct rig *r)
{
    (void)r;
}

static void *declare(struct rig *r)
{
    struct queue_declare_call *c = rig_declaration(r, "q");

    c->native = wide_bytes();
    return c;
}

static void declared(struct rig *r)
{
    assert_int_equal(rig_end(r, declare(r)), ERR_OK);
}

static void *delete(struct rig *r)
{
    struct queue_delete_call *c = RIG_CALL(r, queue_delete_call, QUEUE_DELETE);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str("q");
    return c;
}

/* ---- a topic that is altered in three ways ---- */

static void topic_made(struct rig *r)
{
    rig_create_topic(r, "t", 1, &topic_policy_default);
}

static void *alter(struct rig *r)
{
    struct topic_alter_call *c = RIG_CALL(r, topic_alter_call, TOPIC_ALTER);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str("t");
    c->set_policy = true;
    c->policy = topic_policy_default;
    c->policy.retention_ms = RETENTION_MS;
    c->set_native = true;
    c->door = DOOR_KAFKA;
    c->native = wide_bytes();
    c->partition_count = 3;
    return c;
}

/* ---- the end of a session ---- */

static void private_queues(struct rig *r)
{
    for (int i = 0; i < PRIVATE_QUEUES; i++) {
        char                       name[16];
        struct queue_declare_call *c;

        snprintf(name, sizeof name, "p%d", i);
        c = rig_declaration(r, name);
        c->is_exclusive = true;
        assert_int_equal(rig_end(r, c), ERR_OK);
    }
}

static void *close_session(struct rig *r)
{
    struct call *c = RIG_CALL(r, call, SESSION_CLOSE);

    c->session = RIG_SESSION;
    return c;
}

/* Queues of a session go with it, and with the process. */
static const struct scenario scenarios[] = {
    { nothing, declare, { 0 }, { .topics = 1, .queues = 1, .logs = 1 } },
    { declared, delete, { .topics = 1, .queues = 1, .logs = 1 }, { 0 } },
    { topic_made, alter, { .topics = 1, .logs = 1 },
      { .topics = 1, .logs = 3, .has_policy = true, .has_native = true } },
    { private_queues, close_session, { 0 }, { 0 } },
};

static struct sight look(struct rig *r)
{
    const struct topic *t = rig_topic(r, "t");

    return (struct sight){
        .topics = r->engine->topics.count,
        .queues = r->engine->queues.count,
        .logs = r->engine->logs.count,
        .has_policy = t && t->policy.retention_ms == RETENTION_MS,
        .has_native = t && t->native[DOOR_KAFKA].len == wide_bytes().len,
    };
}

static bool is_same(const struct sight *a, const struct sight *b)
{
    return a->topics == b->topics && a->queues == b->queues && a->logs == b->logs &&
           a->has_policy == b->has_policy && a->has_native == b->has_native;
}

/* In the middle of an operation of the disk; false: the call took fewer. */
static bool cut(const struct scenario *s, size_t luck, uint64_t operation)
{
    const struct engine_options options = { .journal_file_bytes = 1 << 20, .journal_frame_bytes = 1 };
    uint8_t                     drawn[LUCK_MAX];
    struct rig                  r;
    struct call                *c;
    struct sight                now;
    bool                        is_cut;

    narrowed = luck * NARROWED_STEP;
    rig_open_options(&r, &options);
    s->prepare(&r);
    disk_random(r.disk, drawn, luck);
    disk_sim_cut_after(r.disk, operation);
    c = s->call(&r);
    rig_submit(&r, c);
    while (volume_file_step(r.volume))
        ;
    is_cut = disk_sim_is_off(r.disk);
    rig_die(&r);
    call_free(c);
    now = look(&r);
    if (!is_same(&now, &s->before) && !is_same(&now, &s->after))
        fail_msg("scenario %d, luck %zu, operation %d: %zu topics, %zu queues, %zu logs, %d, %d",
                 (int)(s - scenarios), luck, (int)operation, now.topics, now.queues, now.logs,
                 now.has_policy, now.has_native);
    rig_close(&r);
    return is_cut;
}

static void a_call_is_whole_or_not_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(scenarios); i++)
        for (size_t luck = 0; luck < LUCK_MAX; luck++)
            for (uint64_t operation = 1; cut(&scenarios[i], luck, operation); operation++)
                assert_true(operation < OPERATIONS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_call_is_whole_or_not_there) };

    return cmocka_run_group_tests_name("call_crash", tests, NULL, NULL);
}
