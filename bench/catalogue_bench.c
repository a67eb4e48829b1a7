/*
 * catalogue_bench.c - what definitions cost: memory for each, time of the engine's turns while they
 * are made and checkpoints are gathered, time to start with them.
 *
 *     catalogue_bench URI [THOUSANDS]       e.g. catalogue_bench file:/tmp/bench 1000
 *
 * Makes so many thousand definitions (1000: a million, nine tenths of them bindings) and a tenth as
 * many logs on an empty volume, changes everything once, closes and opens again. Times are of the
 * engine's thread, all that a turn does; processor time next to it, because other programs may have
 * been in the way.
 */
#include "base/mem.h"
#include "engine/engine_int.h"
#include "store/volume.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { TURNS_MAX = 1 << 20, CALLS_PER_TURN = 100, LOGS_PER_TOPIC = 1000 };

struct bench {
    struct mailbox completions;
    struct mailbox home;
    struct volume *volume;
    struct shard  *shard;
    struct engine *engine;
    size_t         submitted;
    size_t         answered;
    bool           in_turn;
    size_t         in_this_turn;
    double         began_wall, began_cpu;
    double         wall[TURNS_MAX], cpu[TURNS_MAX];
    size_t         turns;
};

static struct bench bench;

static double clock_of(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wake(void *ctx)
{
    (void)ctx;
}

static void on_failed(void *ctx, enum err err, const char *what)
{
    (void)ctx;
    fprintf(stderr, "%s: %s\n", what, err_text(err));
    exit(1);
}

static void must(enum err err, const char *what)
{
    if (err)
        on_failed(NULL, err, what);
}

static void open_engine(const char *uri)
{
    struct engine_options options = { .seed = 1, .on_failed = on_failed };
    double                start = clock_of(CLOCK_MONOTONIC);

    must(volume_open(&bench.volume, uri), uri);
    must(shard_claim(&bench.shard, bench.volume, 0, &bench.completions), "claim");
    must(engine_open(&bench.engine, bench.shard, &options, 1000000), "open");
    printf("%-34s %10.0f ms\n", "start", (clock_of(CLOCK_MONOTONIC) - start) * 1e3);
}

static void close_engine(void)
{
    double start = clock_of(CLOCK_MONOTONIC);

    engine_close(bench.engine);
    while (mail_run(&bench.completions) > 0)
        ;
    shard_release(bench.shard);
    volume_close(bench.volume);
    printf("%-34s %10.0f ms\n", "end, with a checkpoint", (clock_of(CLOCK_MONOTONIC) - start) * 1e3);
}

/* ---- turns ---- */

static void begin_turn(void)
{
    bench.began_wall = clock_of(CLOCK_MONOTONIC);
    bench.began_cpu = clock_of(CLOCK_THREAD_CPUTIME_ID);
    engine_begin(bench.engine, 1000000);
    mail_run(&bench.completions);
    bench.in_turn = true;
    bench.in_this_turn = 0;
}

static void end_turn(void)
{
    engine_end(bench.engine);
    if (bench.turns < TURNS_MAX) {
        bench.wall[bench.turns] = clock_of(CLOCK_MONOTONIC) - bench.began_wall;
        bench.cpu[bench.turns++] = clock_of(CLOCK_THREAD_CPUTIME_ID) - bench.began_cpu;
    }
    bench.in_turn = false;
    mail_run(&bench.home);
    while (engine_is_congested(bench.engine)) {
        usleep(100);
        engine_begin(bench.engine, 1000000);
        mail_run(&bench.completions);
        engine_end(bench.engine);
        mail_run(&bench.home);
    }
}

static void submit(void *call)
{
    if (!bench.in_turn)
        begin_turn();
    bench.submitted++;
    engine_submit(bench.engine, call);
    if (++bench.in_this_turn == CALLS_PER_TURN)
        end_turn();
}

static void drain(void)
{
    if (bench.in_turn)
        end_turn();
    while (bench.answered < bench.submitted || engine_is_saving(bench.engine)) {
        usleep(50);
        begin_turn();
        end_turn();
    }
}

static void on_done(struct call *c)
{
    must(c->err, "call");
    bench.answered++;
    call_free(c);
}

static void *new_call(size_t size, enum call_kind kind)
{
    return call_new(size, kind, &bench.home, on_done, NULL);
}

#define NEW(type, kind) ((struct type *)new_call(sizeof(struct type), CALL_##kind))

static struct bytes name_of(void *call, const char *what, int number)
{
    char text[32];

    snprintf(text, sizeof text, "%s.of.customer.%06d", what, number);
    return call_bytes(call, bytes_str(text));
}

/* ---- definitions ---- */

static void create_topic(int number, uint32_t logs)
{
    struct topic_create_call *c = NEW(topic_create_call, TOPIC_CREATE);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = name_of(c, logs > 1 ? "wide" : "orders", number);
    c->partition_count = logs;
    c->policy = topic_policy_default;
    submit(c);
}

static void create_small_topic(int number)
{
    create_topic(number, 1);
}

static void create_wide_topic(int number)
{
    create_topic(number, LOGS_PER_TOPIC);
}

static void declare_queue(int number)
{
    struct queue_declare_call *c = NEW(queue_declare_call, QUEUE_DECLARE);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = name_of(c, "work", number);
    c->topic = name_of(c, "orders", number);
    c->is_durable = true;
    submit(c);
}

static void alter_queue(int number)
{
    struct queue_alter_call *c = NEW(queue_alter_call, QUEUE_ALTER);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = name_of(c, "work", number);
    c->policy.lease_ms = 1000;
    submit(c);
}

static void declare_exchange(int number)
{
    struct exchange_declare_call *c = NEW(exchange_declare_call, EXCHANGE_DECLARE);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = name_of(c, "events", number);
    c->type = bytes_str("topic");
    c->is_durable = true;
    submit(c);
}

static void bind_as(enum call_kind kind, const char *source, const char *key, int number)
{
    struct bind_call *c = new_call(sizeof *c, kind);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->source = bytes_str(source);
    c->destination = name_of(c, "work", number % 500);
    c->key = name_of(c, key, number);
    submit(c);
}

static void bind_direct(int number)
{
    bind_as(CALL_BIND, "amq.direct", "k", number);
}

static void bind_topic(int number)
{
    bind_as(CALL_BIND, "amq.topic", "k", number);
}

/* Twice what there is to do for a checkpoint: one row goes, one comes. */
static void bind_again(int number)
{
    bind_as(CALL_UNBIND, "amq.direct", "k", number);
    bind_as(CALL_BIND, "amq.direct", "again", number);
}

static void commit_offset(const char *group, int group_number, const char *topic, int topic_number,
                          uint32_t partition)
{
    struct offsets_commit_call *c = NEW(offsets_commit_call, OFFSETS_COMMIT);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->group = name_of(c, group, group_number);
    c->generation = -1;
    c->item_count = 1;
    c->items = arena_array(&c->call.arena, 1, sizeof *c->items);
    c->items->name = name_of(c, topic, topic_number);
    c->items->partition = partition;
    c->items->offset = 12345;
    submit(c);
}

static void commit_alone(int number)
{
    commit_offset("readers", number, "orders", number, 0);
}

static void commit_wide(int number)
{
    commit_offset("all", 0, "wide", number / LOGS_PER_TOPIC,
                  (uint32_t)(number % LOGS_PER_TOPIC));
}

/* ---- measuring ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void print_turns(double *times, const char *what)
{
    qsort(times, bench.turns, sizeof *times, ascending);
    printf("  %s of %zu turns: half below %.2f ms, 99 %% below %.2f ms, longest %.2f ms\n", what,
           bench.turns, times[bench.turns / 2] * 1e3, times[bench.turns * 99 / 100] * 1e3,
           times[bench.turns - 1] * 1e3);
}

static void measure(const char *what, int count, void (*make)(int number))
{
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    double start = clock_of(CLOCK_MONOTONIC);
    double seconds;
    size_t after;

    bench.turns = 0;
    for (int i = 0; i < count; i++)
        make(i);
    drain();
    seconds = clock_of(CLOCK_MONOTONIC) - start;
    malloc_trim(0);
    after = mallinfo2().uordblks + mallinfo2().hblkhd;
    printf("%-34s %10d %8.0f bytes each %9.0f/s\n", what, count,
           after > before ? (double)(after - before) / count : 0.0, count / seconds);
    print_turns(bench.wall, "time");
    print_turns(bench.cpu, "processor");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int thousands = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 1000;
    int tenth = thousands * 100;

    if (argc < 2 || thousands <= 0) {
        fprintf(stderr, "usage: catalogue_bench URI [THOUSANDS]\n");
        return 2;
    }
    mailbox_init(&bench.completions, wake, NULL);
    mailbox_init(&bench.home, wake, NULL);
    open_engine(argv[1]);
    measure("topics (of one log)", tenth / 2, create_small_topic);
    measure("topics of 1000 logs", tenth / LOGS_PER_TOPIC, create_wide_topic);
    measure("queues", tenth / 2, declare_queue);
    measure("exchanges", tenth / 10, declare_exchange);
    measure("bindings (direct)", thousands * 800, bind_direct);
    measure("bindings (topic)", tenth, bind_topic);
    measure("groups with one offset", tenth / 10, commit_alone);
    measure("offsets of one group", tenth, commit_wide);
    measure("changes: queues altered", tenth / 2, alter_queue);
    measure("changes: bindings replaced", thousands * 800, bind_again);
    close_engine();
    open_engine(argv[1]);
    close_engine();
    return 0;
}
