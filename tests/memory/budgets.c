/*
 * budgets.c - what each of many things may take of memory: some thousands of them are made through the engine's calls,
 * and what is allocated then and was not before is shared among them.
 *
 * Counted are the bytes of the blocks that the broker's own code has allocated (the linker leads its calls through
 * here), with what the allocator puts in front of each: the same number on every machine. Not counted is what libraries
 * allocate, the catalogue's cache above all, which is bounded elsewhere. Everything that belongs to a thing counts: its
 * names, its places in maps, and those at their worst, because each count is just above one at which maps double.
 *
 * The budgets are those of docs/performance.md. Who needs more memory for a thing changes them there and here.
 */
#include "base/mem.h"
#include "engine/engine_int.h"
#include "store/disk_file.h"
#include "store/volume_file.h"

#include <ftw.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    WORST = 6145, /* 3/4 of 8192, and one */
    BLOCK_HEAD_BYTES = 8,
    CALLS_UNDER_WAY = 64,
    NOW_MS = 1000000,
    LEASE_MS = 3600 * 1000,
    MESSAGES_PER_BATCH = 256,
};

/* ---- counting ---- */

static int64_t allocated;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void  __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void  __wrap_free(void *p);

static int64_t taken_by(void *p)
{
    return p ? (int64_t)malloc_usable_size(p) + BLOCK_HEAD_BYTES : 0;
}

void *__wrap_malloc(size_t n)
{
    void *p = __real_malloc(n);

    allocated += taken_by(p);
    return p;
}

void *__wrap_calloc(size_t n, size_t size)
{
    void *p = __real_calloc(n, size);

    allocated += taken_by(p);
    return p;
}

void *__wrap_realloc(void *p, size_t n)
{
    int64_t before = taken_by(p);
    void   *q = __real_realloc(p, n);

    allocated += taken_by(q) - before;
    return q;
}

void __wrap_free(void *p)
{
    allocated -= taken_by(p);
    __real_free(p);
}

/* ---- an engine on a directory, all in this thread ---- */

struct bench {
    char           path[64];
    struct volume *volume;
    struct shard  *shard;
    struct engine *engine;
    struct mailbox completions, home;
    bool           is_in_turn;
    size_t         under_way; /* calls */
};

static struct bench bench;

static void wake(void *ctx)
{
    (void)ctx;
}

static void on_failed(void *ctx, enum err err, const char *what)
{
    (void)ctx;
    fail_msg("%s: %s", what, err_text(err));
}

static int open_bench(void **state)
{
    struct engine_options options = { .seed = 1, .on_failed = on_failed };
    struct disk          *disk;

    (void)state;
    mailbox_init(&bench.completions, wake, NULL);
    mailbox_init(&bench.home, wake, NULL);
    snprintf(bench.path, sizeof bench.path, "/tmp/myna-budgets-XXXXXX");
    assert_non_null(mkdtemp(bench.path));
    assert_int_equal(disk_file_open(&disk, bench.path), ERR_OK);
    assert_int_equal(volume_file_open(&bench.volume, disk, false), ERR_OK);
    assert_int_equal(shard_claim(&bench.shard, bench.volume, 0, &bench.completions), ERR_OK);
    assert_int_equal(engine_open(&bench.engine, bench.shard, &options, NOW_MS), ERR_OK);
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int close_bench(void **state)
{
    (void)state;
    engine_close(bench.engine);
    while (mail_run(&bench.completions) > 0 || mail_run(&bench.home) > 0)
        ;
    shard_release(bench.shard);
    volume_close(bench.volume);
    nftw(bench.path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

/* Until nothing is under way, nothing on its way to the disk, and no checkpoint gathered. */
static void settle(void)
{
    if (bench.is_in_turn)
        engine_end(bench.engine);
    bench.is_in_turn = false;
    do {
        while (volume_file_step(bench.volume))
            ;
        engine_begin(bench.engine, NOW_MS);
        mail_run(&bench.completions);
        engine_end(bench.engine);
        mail_run(&bench.home);
    } while (bench.under_way > 0 || !engine_is_idle(bench.engine) || engine_is_saving(bench.engine));
}

static void on_done(struct call *c)
{
    assert_int_equal(c->err, ERR_OK);
    bench.under_way--;
    call_free(c);
}

static void *new_call(size_t size, enum call_kind kind)
{
    return call_new(size, kind, &bench.home, on_done, NULL);
}

#define NEW(type, kind) ((struct type *)new_call(sizeof(struct type), CALL_##kind))

static void submit(void *call)
{
    if (!bench.is_in_turn)
        engine_begin(bench.engine, NOW_MS);
    bench.is_in_turn = true;
    engine_submit(bench.engine, call);
    if (++bench.under_way >= CALLS_UNDER_WAY)
        settle();
}

/* 20 characters, and those that come in no order of their own. */
static struct bytes name_of(void *call, const char *what, uint32_t number)
{
    char text[32];

    snprintf(text, sizeof text, "%-8.8s.of.%08u", what, number);
    return call_bytes(call, bytes_str(text));
}

/* ---- what is made ---- */

static void create_topic(const char *what, uint32_t number, uint32_t logs)
{
    struct topic_create_call *c = NEW(topic_create_call, TOPIC_CREATE);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = name_of(c, what, number);
    c->partition_count = logs;
    c->policy = topic_policy_default;
    submit(c);
}

static void make_topics(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        create_topic("topic", i, 1);
}

static void make_logs(uint32_t count)
{
    for (uint32_t i = 0; i < 8; i++)
        create_topic("wide", i, count / 8);
}

static void declare(const char *what, uint32_t number, int64_t delay_ms)
{
    struct queue_declare_call *c = NEW(queue_declare_call, QUEUE_DECLARE);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = name_of(c, what, number);
    c->is_durable = true;
    c->policy.delay_ms = delay_ms;
    submit(c);
}

static void make_topics_for_queues(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        create_topic("queue", i, 1);
}

/* Over topics that are there. */
static void make_queues(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct queue_declare_call *c = NEW(queue_declare_call, QUEUE_DECLARE);

        c->ns = bytes_str(NAMESPACE_DEFAULT);
        c->name = name_of(c, "queue", i);
        c->topic = name_of(c, "queue", i);
        c->is_durable = true;
        submit(c);
    }
}

static void make_exchanges(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct exchange_declare_call *c = NEW(exchange_declare_call, EXCHANGE_DECLARE);

        c->ns = bytes_str(NAMESPACE_DEFAULT);
        c->name = name_of(c, "exchange", i);
        c->type = bytes_str("topic");
        c->is_durable = true;
        submit(c);
    }
}

static void make_one_queue(uint32_t count)
{
    (void)count;
    declare("queue", 0, 0);
}

static void bind_keys(const char *exchange, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct bind_call *c = NEW(bind_call, BIND);

        c->ns = bytes_str(NAMESPACE_DEFAULT);
        c->source = bytes_str(exchange);
        c->destination = name_of(c, "queue", 0);
        c->key = name_of(c, "key", i);
        submit(c);
    }
}

static void bind_direct(uint32_t count)
{
    bind_keys("amq.direct", count);
}

static void bind_topic(uint32_t count)
{
    bind_keys("amq.topic", count);
}

static void commit_offset(uint32_t group, uint32_t partition)
{
    struct offsets_commit_call *c = NEW(offsets_commit_call, OFFSETS_COMMIT);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->group = name_of(c, "group", group);
    c->generation = -1;
    c->item_count = 1;
    c->items = arena_array(&c->call.arena, 1, sizeof *c->items);
    c->items->name = name_of(c, "wide", 0);
    c->items->partition = partition;
    c->items->offset = 12345;
    submit(c);
}

static void make_one_wide_topic(uint32_t count)
{
    create_topic("wide", 0, count);
}

static void make_groups(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        commit_offset(i, 0);
}

static void commit_offsets(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        commit_offset(0, i);
}

/* Large batches, whose own entries in the log do not count for much. */
static void publish(uint32_t count)
{
    for (; count > 0; count -= MESSAGES_PER_BATCH) {
        struct append_call *c = NEW(append_call, APPEND);
        struct batch_writer w;
        struct buf          b;

        buf_init(&b);
        batch_begin(&w, &b);
        for (int i = 0; i < MESSAGES_PER_BATCH; i++)
            batch_add(&w, NOW_MS, bytes_of(NULL, 0), bytes_str("sixteen octets.."), NULL, 0);
        batch_end(&w);
        c->ns = bytes_str(NAMESPACE_DEFAULT);
        c->to_queue = true;
        c->item_count = 1;
        c->items = arena_array(&c->call.arena, 1, sizeof *c->items);
        *c->items = (struct append_item){ .name = name_of(c, "queue", 0), .delay_ms = -1,
                                          .batch = slice_copy(buf_view(&b)) };
        buf_fini(&b);
        submit(c);
    }
}

static void make_one_late_queue(uint32_t count)
{
    (void)count;
    declare("queue", 0, LEASE_MS);
}

static void make_filled_queue(uint32_t count)
{
    make_one_queue(count);
    publish(count);
}

static void on_leased(struct call *c)
{
    struct lease_call *a = (struct lease_call *)c;

    assert_int_equal(a->message_count, MESSAGES_PER_BATCH);
    for (size_t i = 0; i < a->message_count; i++)
        slice_drop(&a->messages[i].batch);
    on_done(c);
}

static void lease_all(uint32_t count)
{
    for (; count > 0; count -= MESSAGES_PER_BATCH) {
        struct lease_call *c = NEW(lease_call, LEASE);

        c->call.done = on_leased;
        c->ns = bytes_str(NAMESPACE_DEFAULT);
        c->queue = name_of(c, "queue", 0);
        c->messages_max = MESSAGES_PER_BATCH;
        c->bytes_max = UINT32_MAX;
        c->lease_ms = LEASE_MS;
        submit(c);
    }
}

/* ---- the budgets ---- */

static const struct budget {
    const char *what;
    uint32_t    count;
    double      bytes_max;
    void (*prepare)(uint32_t count); /* may be NULL */
    void (*make)(uint32_t count);
} budgets[] = {
    { "topic of one log", WORST, 1100, NULL, make_topics },
    { "further log, empty", WORST + 7, 400, NULL, make_logs },
    { "queue, empty", WORST, 1024, make_topics_for_queues, make_queues },
    { "exchange", WORST, 600, NULL, make_exchanges },
    { "binding of a direct exchange", WORST, 360, make_one_queue, bind_direct },
    { "binding of a topic exchange", WORST, 500, make_one_queue, bind_topic },
    { "group with one offset", WORST, 940, make_one_wide_topic, make_groups },
    { "further offset", WORST, 40, make_one_wide_topic, commit_offsets },
    { "message that waits", 1 << 18, 1, make_one_queue, publish },
    { "delayed message", 1 << 18, 16, make_one_late_queue, publish },
    { "leased message", 1 << 16, 110, make_filled_queue, lease_all },
};

static void nothing_takes_more_than_its_budget(void **state)
{
    const struct budget *b = *state;
    int64_t              before;
    double               each;

    if (b->prepare)
        b->prepare(b->count);
    settle();
    before = allocated;
    b->make(b->count);
    settle();
    each = (double)(allocated - before) / b->count;
    printf("# %-30s %8.1f of %6.0f B\n", b->what, each, b->bytes_max);
    assert_true(each > 0);
    assert_true(each <= b->bytes_max);
}

int main(void)
{
    enum { COUNT = sizeof budgets / sizeof budgets[0] };
    struct CMUnitTest tests[COUNT];

    for (size_t i = 0; i < COUNT; i++)
        tests[i] = (struct CMUnitTest){ budgets[i].what, nothing_takes_more_than_its_budget,
                                        open_bench, close_bench,
                                        (void *)(uintptr_t)&budgets[i] };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
