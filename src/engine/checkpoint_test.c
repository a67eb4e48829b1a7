/*
 * checkpoint_test.c - checkpoints stand for the state at their position, exactly, although they are
 * gathered while the state changes.
 *
 * Two engines run the same random program and fail at the same moments. One is never without a
 * checkpoint under way and recovers from checkpoint and journal, the other has none and recovers
 * from the journal alone: they must know the same. (Queues here are not ordered: how far those have
 * looked ahead is not in the journal.)
 */
#include "engine/queue_rig.h"
#include "engine/txn.h"
#include "base/crc32c.h"
#include "engine/describe.h"
#include "store/catalogue.h"

enum {
    STEPS = 700,
    NAMES = 5,
    QUEUE_TOPICS = 3, /* of them have one log: whose turn it is is not durable */
    LEASED_MAX = 16,
    SEEDS = 20,
};

/* ---- one engine ---- */

struct side {
    struct rig         rig;
    struct message_ref leased[LEASED_MAX];
    size_t             leased_count;
};

static struct bytes ns_of(void)
{
    return bytes_str(NAMESPACE_DEFAULT);
}

/* A name like "q3" in the call's arena. */
static struct bytes name_of(void *call, char what, uint32_t number)
{
    char text[16];

    snprintf(text, sizeof text, "%c%u", what, number);
    return call_bytes(call, bytes_str(text));
}

static void create_topic(struct side *s, uint32_t a, uint32_t b)
{
    struct topic_create_call *c = RIG_CALL(&s->rig, topic_create_call, TOPIC_CREATE);

    c->ns = ns_of();
    c->name = name_of(c, 't', a);
    c->partition_count = a < QUEUE_TOPICS ? 1 : 3;
    c->policy = topic_policy_default;
    c->door = DOOR_KAFKA;
    c->native = b % 2 ? bytes_str("native") : bytes_of(NULL, 0);
    rig_end(&s->rig, c);
}

static void alter_topic(struct side *s, uint32_t a, uint32_t b)
{
    struct topic_alter_call *c = RIG_CALL(&s->rig, topic_alter_call, TOPIC_ALTER);

    c->ns = ns_of();
    c->name = name_of(c, 't', a);
    c->set_policy = true;
    c->policy = topic_policy_default;
    c->policy.retention_ms += b;
    c->set_native = b % 2;
    c->door = DOOR_PUBSUB;
    c->native = name_of(c, 'n', b);
    rig_end(&s->rig, c);
}

static void delete_topic(struct side *s, uint32_t a, uint32_t b)
{
    struct topic_delete_call *c = RIG_CALL(&s->rig, topic_delete_call, TOPIC_DELETE);

    if (b % 4) { /* rarely */
        call_free(c);
        return;
    }
    c->ns = ns_of();
    c->name = name_of(c, 't', a);
    rig_end(&s->rig, c);
}

static struct queue_declare_call *declaration(struct side *s, uint32_t a, uint32_t b)
{
    struct queue_declare_call *c = rig_declaration(&s->rig, "");

    c->name = name_of(c, 'q', a);
    c->topic = name_of(c, 't', b % QUEUE_TOPICS);
    c->policy.delay_ms = b % 3 ? 0 : 500;
    return c;
}

static void declare_queue(struct side *s, uint32_t a, uint32_t b)
{
    rig_end(&s->rig, declaration(s, a, b));
}

static void declare_exclusive(struct side *s, uint32_t a, uint32_t b)
{
    struct queue_declare_call *c = declaration(s, a, b);

    c->is_exclusive = true;
    rig_end(&s->rig, c);
}

static void alter_queue(struct side *s, uint32_t a, uint32_t b)
{
    struct queue_alter_call *c = RIG_CALL(&s->rig, queue_alter_call, QUEUE_ALTER);

    c->call.session = RIG_SESSION;
    c->ns = ns_of();
    c->name = name_of(c, 'q', a);
    c->policy.lease_ms = b;
    c->door = DOOR_SQS;
    c->native = name_of(c, 'n', b);
    rig_end(&s->rig, c);
}

static void delete_queue(struct side *s, uint32_t a, uint32_t b)
{
    char name[8];

    snprintf(name, sizeof name, "q%u", a);
    if (b % 4 == 0)
        rig_delete(&s->rig, name);
}

static void purge_queue(struct side *s, uint32_t a, uint32_t b)
{
    struct queue_purge_call *c = RIG_CALL(&s->rig, queue_purge_call, QUEUE_PURGE);

    c->call.session = RIG_SESSION;
    c->ns = ns_of();
    c->name = name_of(c, 'q', a);
    c->leased_too = b % 2;
    rig_end(&s->rig, c);
}

static void declare_exchange(struct side *s, uint32_t a, uint32_t b)
{
    static const char *const      types[] = { "direct", "fanout", "topic", "headers" };
    struct exchange_declare_call *c = RIG_CALL(&s->rig, exchange_declare_call, EXCHANGE_DECLARE);

    c->ns = ns_of();
    c->name = name_of(c, 'x', a);
    c->type = bytes_str(types[b % 3]);
    c->is_durable = b % 5 != 0;
    c->is_auto_delete = b % 7 == 0;
    rig_end(&s->rig, c);
}

static void delete_exchange(struct side *s, uint32_t a, uint32_t b)
{
    struct exchange_delete_call *c = RIG_CALL(&s->rig, exchange_delete_call, EXCHANGE_DELETE);

    (void)b;
    c->ns = ns_of();
    c->name = name_of(c, 'x', a);
    rig_end(&s->rig, c);
}

static void change_binding(struct side *s, enum call_kind kind, uint32_t a, uint32_t b)
{
    struct bind_call *c = (struct bind_call *)call_new(sizeof *c, kind, &s->rig.home, rig_done,
                                                       &s->rig);

    c->call.session = RIG_SESSION;
    c->ns = ns_of();
    c->source = name_of(c, 'x', a);
    c->to_exchange = b % 4 == 0;
    c->destination = name_of(c, c->to_exchange ? 'x' : 'q', b / 4 % NAMES);
    c->key = name_of(c, 'k', b % 6);
    rig_end(&s->rig, c);
}

static void bind(struct side *s, uint32_t a, uint32_t b)
{
    change_binding(s, CALL_BIND, a, b);
}

static void unbind(struct side *s, uint32_t a, uint32_t b)
{
    change_binding(s, CALL_UNBIND, a, b);
}

/* A batch of producer b whose sequences begin again: a new epoch each time. */
static void set_producer(struct slice batch, uint32_t producer, uint64_t epoch)
{
    uint8_t *at = (uint8_t *)(uintptr_t)batch.bytes.at;

    put_u64(at + 43, producer);
    put_u16(at + 51, (uint16_t)epoch);
    put_u32(at + 53, 0);
    put_u32(at + 17, crc32c(0, at + 21, batch.bytes.len - 21));
}

static void append(struct side *s, uint32_t a, uint32_t b)
{
    struct append_call *c = RIG_CALL(&s->rig, append_call, APPEND);

    c->ns = ns_of();
    c->item_count = 1;
    c->items = arena_array(&c->call.arena, 1, sizeof *c->items);
    c->items[0].name = name_of(c, 't', a);
    c->items[0].partition = a < QUEUE_TOPICS ? 0 : (int32_t)(b % 3);
    c->items[0].batch = rig_batch("key", "value", 1 + (int)(b % 7));
    if (b % 2)
        set_producer(c->items[0].batch, b % 4, (uint64_t)s->rig.answered % INT16_MAX);
    rig_end(&s->rig, c);
}

static void make_producer(struct side *s, uint32_t a, uint32_t b)
{
    (void)a;
    (void)b;
    rig_end(&s->rig, RIG_CALL(&s->rig, producer_init_call, PRODUCER_INIT));
}

/* ---- transactions ---- */

enum { TXN_TIMEOUT_MS = 20000 };

static void begin_id(struct side *s, uint32_t a, uint32_t b)
{
    struct txn_init_call *c = RIG_CALL(&s->rig, txn_init_call, TXN_INIT);

    (void)b;
    c->ns = ns_of();
    c->id = name_of(c, 'x', a % 3);
    c->timeout_ms = TXN_TIMEOUT_MS + (int32_t)(a % 3); /* no two at once: their order is not kept */
    c->producer_id = -1;
    rig_end(&s->rig, c);
}

/* Who has the id, or somebody whom nobody knows. */
static struct txn none = { .producer = 1000000 };
static const struct txn *holder(struct side *s, uint32_t a)
{
    char              id[8];
    const struct txn *t;

    snprintf(id, sizeof id, "x%u", a % 3);
    t = txn_find(s->rig.engine, ns_of(), bytes_str(id));
    return t ? t : &none;
}

static void write_in(struct side *s, uint32_t a, uint32_t b)
{
    struct append_call *c = RIG_CALL(&s->rig, append_call, APPEND);
    const struct txn   *t = holder(s, a);
    uint8_t            *at;

    c->ns = ns_of();
    c->txn = name_of(c, 'x', a % 3);
    c->txn_bumps = true;
    c->item_count = 1;
    c->items = arena_array(&c->call.arena, 1, sizeof *c->items);
    c->items[0].name = name_of(c, 't', b % QUEUE_TOPICS);
    c->items[0].batch = rig_batch("key", "value", 1 + (int)(b % 3));
    at = (uint8_t *)(uintptr_t)c->items[0].batch.bytes.at;
    put_u16(at + 21, BATCH_TRANSACTIONAL);
    set_producer(c->items[0].batch, (uint32_t)t->producer, (uint64_t)t->epoch);
    rig_end(&s->rig, c);
}

static void offsets_in(struct side *s, uint32_t a, uint32_t b)
{
    struct txn_offsets_call *c = RIG_CALL(&s->rig, txn_offsets_call, TXN_OFFSETS);
    const struct txn        *t = holder(s, a);
    struct offset_item       item = { .name = name_of(c, 't', b % 4), .offset = b };

    c->commit.ns = ns_of();
    c->commit.group = name_of(c, 'g', b % 3);
    c->commit.generation = -1;
    c->commit.item_count = 1;
    c->commit.items = &item;
    c->id = name_of(c, 'x', a % 3);
    c->producer_id = t->producer;
    c->producer_epoch = t->epoch;
    c->bumps = true;
    rig_end(&s->rig, c);
}

static void end_txn(struct side *s, uint32_t a, uint32_t b)
{
    struct txn_end_call *c = RIG_CALL(&s->rig, txn_end_call, TXN_END);
    const struct txn    *t = holder(s, a);

    c->ns = ns_of();
    c->id = name_of(c, 'x', a % 3);
    c->producer_id = t->producer;
    c->producer_epoch = t->epoch;
    c->is_commit = b % 3 != 0;
    c->bumps = b % 2;
    rig_end(&s->rig, c);
}

static void commit_offset(struct side *s, uint32_t a, uint32_t b)
{
    struct offsets_commit_call *c = RIG_CALL(&s->rig, offsets_commit_call, OFFSETS_COMMIT);
    struct offset_item          item = { .name = name_of(c, 't', a), .offset = b };

    c->ns = ns_of();
    c->group = name_of(c, 'g', b % 3);
    c->generation = -1;
    item.partition = b % 3;
    item.metadata = b % 2 ? bytes_str("note") : bytes_of(NULL, 0);
    c->item_count = 1;
    c->items = &item;
    rig_end(&s->rig, c);
}

static void lease(struct side *s, uint32_t a, uint32_t b)
{
    char name[8];

    snprintf(name, sizeof name, "q%u", a);
    if (!rig_queue(&s->rig, name) || s->leased_count + 4 > LEASED_MAX)
        return;
    s->leased_count += rig_lease(&s->rig, name, 1 + b % 4, b % 3 ? 200 + b % 1000 : 0,
                                 s->leased + s->leased_count);
}

static void settle(struct side *s, uint32_t a, uint32_t b)
{
    static const enum settle_action actions[] = { SETTLE_ACK, SETTLE_ACK, SETTLE_REJECT,
                                                  SETTLE_RELEASE, SETTLE_EXTEND };
    size_t i = s->leased_count ? a % s->leased_count : 0;

    if (s->leased_count == 0)
        return;
    rig_settle(&s->rig, &s->leased[i].lease, actions[b % COUNT(actions)], b % 700);
    s->leased[i] = s->leased[--s->leased_count];
}

static void close_session(struct side *s, uint32_t a, uint32_t b)
{
    if ((a + b) % 8 == 0)
        rig_close_session(&s->rig);
}

static void pass_time(struct side *s, uint32_t a, uint32_t b)
{
    rig_advance(&s->rig, b % 50 ? a * 100 : 8 * 24 * 3600 * 1000ll); /* groups are forgotten */
}

static void idle(struct side *s, uint32_t a, uint32_t b)
{
    (void)b;
    for (uint32_t i = 0; i < a * 2; i++)
        rig_turn(&s->rig);
}

static void fail_power(struct side *s, uint32_t a, uint32_t b)
{
    (void)a;
    if (b % 3 == 0)
        rig_fail_power(&s->rig);
}

typedef void step_fn(struct side *s, uint32_t a, uint32_t b);

static step_fn *const steps[] = {
    create_topic, alter_topic,   delete_topic,  declare_queue, declare_queue, declare_exclusive,
    alter_queue,  delete_queue,  purge_queue,   declare_exchange, delete_exchange, bind, bind,
    bind,         unbind,        append,        append,        append,        append,
    append,       make_producer, commit_offset, lease,         lease,         lease,
    settle,       settle,        close_session, pass_time,     idle,          fail_power,
    begin_id,     write_in,      write_in,      offsets_in,    end_txn,
};

/* ---- what it knows, as text ---- */

struct knowledge {
    char  *lines[20000];
    size_t count;
};

static void know(struct knowledge *k, const char *text, size_t len)
{
    assert_true(k->count < COUNT(k->lines));
    k->lines[k->count] = malloc(len + 1);
    memcpy(k->lines[k->count], text, len);
    k->lines[k->count++][len] = 0;
}

/* Where a batch lies depends on how the releases of a recovery are grouped. */
static void forget_positions(char *text)
{
    char *at;

    while ((at = strstr(text, " position=")) != NULL) {
        size_t len = 1 + strcspn(at + 1, " }");

        memmove(at, at + len, strlen(at + len) + 1);
    }
}

enum { LOGS_MAX = 1000 };
static uint64_t starts[LOGS_MAX]; /* of the logs, whose rows come first */

static void know_start(const char *text)
{
    unsigned long log;
    unsigned long start;

    if (sscanf(text, "LOG_STATE log=%lu start=%lu", &log, &start) == 2) {
        assert_true(log < LOGS_MAX);
        starts[log] = start;
    }
}

/* A row may still have what lies below the start of its log (log_row.c LR2). */
static void forget_trimmed(char *text)
{
    unsigned long log;
    unsigned long base;
    char         *at = strstr(text, " entries=");

    if (!at || sscanf(text, "LOG_ENTRIES log=%lu", &log) != 1)
        return;
    memmove(at, at + 1 + strcspn(at + 1, " "), strlen(at + 1 + strcspn(at + 1, " ")) + 1);
    while (sscanf(at, " [ base=%lu", &base) == 1 && base < starts[log])
        memmove(at, strchr(at, ']') + 1, strlen(strchr(at, ']') + 1) + 1);
}

/* Items are lines of their own, with what they belong to: how rows are cut does not matter. */
static void know_items(struct knowledge *k, const char *text)
{
    const char *item = strchr(text, '{');
    size_t      own = item ? (size_t)(item - text) : strlen(text);
    char        line[4096];

    if (item && strstr(text, " first="))
        own = (size_t)(strstr(text, " first=") - text);
    if (!item)
        know(k, text, own);
    for (; item; item = strchr(item + 1, '{')) {
        int len = snprintf(line, sizeof line, "%.*s %.*s", (int)own, text,
                           (int)strcspn(item, "}"), item);

        know(k, line, (size_t)len);
    }
}

static enum err on_row(void *ctx, uint8_t kind, struct bytes head)
{
    struct buf text;

    buf_init(&text);
    buf_str(&text, describe_kind(kind));
    assert_int_equal(describe_change(&text, kind, head), ERR_OK);
    buf_u8(&text, 0);
    forget_positions((char *)text.at);
    know_start((const char *)text.at);
    forget_trimmed((char *)text.at);
    know_items(ctx, (const char *)text.at);
    buf_fini(&text);
    return ERR_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* After an orderly end the catalogue has all. */
static void learn(struct rig *r, struct knowledge *k)
{
    struct catalogue *c;
    uint64_t          position;

    rig_fail_power(r);
    rig_close_engine(r);
    assert_int_equal(volume_file_open(&r->volume, r->disk, false), ERR_OK);
    assert_int_equal(shard_claim(&r->shard, r->volume, 0, &r->completions), ERR_OK);
    assert_int_equal(catalogue_open(&c, r->shard), ERR_OK);
    assert_int_equal(catalogue_load(c, on_row, k, &position), ERR_OK);
    catalogue_close(c);
    shard_release(r->shard);
    volume_close(r->volume);
    qsort(k->lines, k->count, sizeof *k->lines, by_text);
    disk_sim_free(r->disk);
    mailbox_fini(&r->completions);
    mailbox_fini(&r->home);
}

static void compare(struct knowledge *a, struct knowledge *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++)
        assert_string_equal(a->lines[i], b->lines[i]);
    assert_int_equal(a->count, b->count);
    assert_true(a->count > 20);
    for (size_t i = 0; i < a->count; i++) {
        free(a->lines[i]);
        free(b->lines[i]);
    }
}

static void run(uint32_t seed)
{
    static struct side      sides[2];
    static struct knowledge knows[2];

    for (int i = 0; i < 2; i++) {
        sides[i] = (struct side){ 0 };
        knows[i].count = 0;
        rig_open_with(&sides[i].rig, i == 0 ? 1 + seed % 9 : SIZE_MAX);
    }
    for (int n = 0; n < STEPS; n++) {
        uint32_t draw[3];

        for (int i = 0; i < 3; i++) {
            seed = seed * 1664525 + 1013904223;
            draw[i] = seed >> 12;
        }
        for (int i = 0; i < 2; i++)
            steps[draw[0] % COUNT(steps)](&sides[i], draw[1] % NAMES, draw[2] % 1000);
    }
    for (int i = 0; i < 2; i++)
        learn(&sides[i].rig, &knows[i]);
    compare(&knows[0], &knows[1]);
}

static void checkpoint_and_journal_are_the_journal(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= SEEDS; seed++)
        run(seed);
}

/* ---- how much work ---- */

static size_t length(const struct list *l)
{
    size_t n = 0;

    for (const struct list *at = l->next; at != l; at = at->next)
        n++;
    return n;
}

static void bind_many(struct rig *r, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        struct bind_call *c = RIG_CALL(r, bind_call, BIND);

        c->call.session = RIG_SESSION;
        c->ns = ns_of();
        c->source = bytes_str("amq.direct");
        c->destination = bytes_str("q");
        c->key = name_of(c, 'k', (uint32_t)i);
        rig_submit(r, c);
        rig_turn(r);
        assert_int_equal(c->call.err, ERR_OK);
        call_free(c);
    }
}

/* What a turn writes does not grow with what there is, nor with what has changed. */
static void a_turn_writes_few_rows(void **state)
{
    struct rig r;
    size_t     left;
    int        turns = 0;

    (void)state;
    rig_open_with(&r, 1000);
    rig_declare(&r, "q");
    bind_many(&r, 0, 990);
    assert_true(list_empty(&r.engine->rows.pending));
    while (list_empty(&r.engine->rows.pending))
        bind_many(&r, 1000 + turns++, 1);
    left = length(&r.engine->rows.pending);
    assert_in_range(left, 990, 1010);
    for (turns = 0; engine_next_ms(r.engine) == r.now_ms; turns++) {
        size_t before = left;

        rig_turn_unsynced(&r);
        left = length(&r.engine->rows.pending);
        assert_in_range(before - left, 0, 2);
    }
    assert_in_range(turns, 495, 505);
    assert_int_equal(left, 0);
    rig_close(&r);
}

static void a_checkpoint_writes_what_changed(void **state)
{
    struct rig r;

    (void)state;
    rig_open_with(&r, 5);
    rig_declare(&r, "q");
    bind_many(&r, 0, 100);
    while (!list_empty(&r.engine->rows.pending))
        rig_turn(&r);
    for (int i = 0; i < 20; i++) {
        bind_many(&r, 200 + i, 1);
        assert_in_range(length(&r.engine->rows.pending), 0, 7);
    }
    rig_close(&r);
}

/* A checkpoint that finds no space loses nothing, and the next one has everything. */
static void after_a_failure_comes_a_full_one(void **state)
{
    struct rig r;
    int        bound = 0;

    (void)state;
    rig_open_with(&r, 40);
    rig_declare(&r, "q");
    bind_many(&r, 0, 38);
    rig_crash(&r); /* a first one that is whole */
    bind_many(&r, 100, 40);
    disk_sim_set_space(r.disk, disk_sim_used(r.disk));
    while (engine_next_ms(r.engine) == r.now_ms) /* through the next one, which cannot be written */
        rig_turn_unsynced(&r);
    disk_sim_set_space(r.disk, UINT64_MAX);
    while (list_empty(&r.engine->rows.pending))
        bind_many(&r, 200 + bound++, 1);
    assert_in_range(length(&r.engine->rows.pending), 38 + 40 + bound - 5, 38 + 40 + bound + 10);
    bind_many(&r, 300, 60);
    rig_crash(&r);
    assert_int_equal(length(&rig_queue(&r, "q")->bindings), 38 + 40 + bound + 60);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoint_and_journal_are_the_journal),
        cmocka_unit_test(a_turn_writes_few_rows),
        cmocka_unit_test(a_checkpoint_writes_what_changed),
        cmocka_unit_test(after_a_failure_comes_a_full_one),
    };

    return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
