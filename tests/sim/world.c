/* world.c - see world.h: requests, the life of the process, and the scheduler. */
#include "world.h"
#include "base/mem.h"
#include "faults.h"
#include "model.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    JOURNAL_BYTES = JOURNAL_FILE_BYTES_MIN,
    SEGMENT_BYTES = 200000,
    FREE_MIN = 100000,
    SETTLE_ROUNDS_MAX = 100000,
    VIOLATION_STATUS = 3,
    HOUR_MS = 3600 * 1000,
};

/* ---- saying ---- */

void world_trace(const struct world *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    printf("%6llu %10lld  ", (unsigned long long)w->step, (long long)w->now_ms);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

void violation(const struct world *w, const char *rule, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    printf("sim: seed %llu, step %llu, rule broken: %s\nsim:   ", (unsigned long long)w->seed,
           (unsigned long long)w->step, rule);
    vprintf(format, args);
    printf("\nsim:   again with: make sim SEED=%llu\n", (unsigned long long)w->seed);
    va_end(args);
    fflush(stdout);
    _Exit(VIOLATION_STATUS);
}

/* ---- clients ---- */

static void no_wake(void *ctx)
{
    (void)ctx;
}

struct client *world_add(struct world *w, const struct client_kind *kind)
{
    struct client *c = mem_new(kind->size);

    assert(w->client_count < CLIENTS_MAX);
    c->kind = kind;
    c->world = w;
    mailbox_init(&c->home, no_wake, c);
    world_new_session(c);
    c->index = w->client_count;
    w->clients[w->client_count++] = c;
    if (kind->begin)
        kind->begin(c);
    return c;
}

void world_new_session(struct client *c)
{
    c->session = ++c->world->last_session;
}

/* All that the engine had sent by the last idle turn is here after this: W4. */
void world_run_mail(struct client *c)
{
    uint64_t turn = c->world->idle_turn;
    int64_t  ms = c->world->idle_ms;

    mail_run(&c->home);
    c->clean_turn = turn;
    c->clean_ms = ms;
}

static void client_free(struct client *c)
{
    if (c->kind->end)
        c->kind->end(c);
    mailbox_fini(&c->home);
    free(c);
}

/* ---- requests ---- */

static void drop_read(const struct read_call *a)
{
    for (size_t i = 0; i < a->item_count; i++)
        for (size_t k = 0; k < a->items[i].batch_count; k++)
            slice_drop(&a->items[i].batches[k].bytes);
}

static void drop_slices(struct call *c);

static void free_parts(const struct transact_call *a)
{
    for (size_t i = 0; i < a->count; i++) {
        drop_slices(a->calls[i]);
        call_free(a->calls[i]);
    }
}

/* What a call still holds when it is freed, arguments that the engine never got and results. */
static void drop_slices(struct call *c)
{
    if (c->kind == CALL_APPEND) {
        struct append_call *a = (struct append_call *)c;

        for (size_t i = 0; i < a->item_count; i++)
            slice_drop(&a->items[i].batch);
    } else if (c->kind == CALL_PUBLISH) {
        slice_drop(&((struct publish_call *)c)->batch);
    } else if (c->kind == CALL_READ) {
        drop_read((struct read_call *)c);
    } else if (c->kind == CALL_LEASE) {
        struct lease_call *a = (struct lease_call *)c;

        for (size_t i = 0; i < a->message_count; i++)
            slice_drop(&a->messages[i].batch);
    } else if (c->kind == CALL_TRANSACT) {
        free_parts((struct transact_call *)c);
    }
}

void request_free(void *request)
{
    struct request *r = request;

    r->client->out--;
    list_remove(&r->in_world);
    list_remove(&r->in_inbox);
    drop_slices(r->call);
    call_free(r->call);
    free(r);
}

static void lose(struct request *r)
{
    if (r->kind->on_lost)
        r->kind->on_lost(r);
    request_free(r);
}

static void on_done(struct call *c)
{
    struct request *r = c->ctx;
    struct world   *w = r->client->world;

    if (w->is_dying) {
        lose(r);
        return;
    }
    if (!c->relaxed && r->number > w->durable)
        w->durable = r->number; /* W3 */
    TRACE(w, "%s: answer %llu: %s", r->client->kind->name, (unsigned long long)r->number,
          err_name(c->err));
    if (r->kind->on_answer)
        r->kind->on_answer(r);
    request_free(r);
}

void *request_new(struct client *c, const struct request_kind *kind, size_t size,
                  enum call_kind call, size_t call_size)
{
    struct request *r = mem_new(size);

    r->kind = kind;
    r->client = c;
    r->call = call_new(call_size, call, &c->home, on_done, r);
    r->call->session = c->session;
    list_init(&r->in_inbox);
    list_push(&c->world->requests, &r->in_world);
    c->out++;
    return r;
}

void request_send(void *request)
{
    struct request *r = request;

    r->client->world->counts.calls++;
    list_push(&r->client->world->inbox, &r->in_inbox);
}

static void submit(struct world *w, struct request *r)
{
    list_remove(&r->in_inbox);
    r->number = ++w->last_number;
    r->submit_ms = w->now_ms;
    if (r->kind->on_submit)
        r->kind->on_submit(r);
    engine_submit(w->engine, r->call);
}

static void on_asked(struct call *c)
{
    struct request *r = c->ctx;
    struct world   *w = r->client->world;

    r->call->tag = 1;
    if (!w->is_dying && !c->relaxed && r->number > w->durable)
        w->durable = r->number;
    if (w->is_dying)
        lose(r);
}

bool request_ask(void *request)
{
    struct request *r = request;
    struct world   *w = r->client->world;

    r->call->done = on_asked;
    request_send(r);
    if (!world_settle(w))
        return false;
    if (r->call->tag != 1)
        violation(w, "every call is answered", "a call of kind %d that cannot park was not",
                  (int)r->call->kind);
    return true;
}

/* ---- a turn ---- */

bool world_is_dead(const struct world *w)
{
    return w->has_failed || disk_sim_is_off(w->disk);
}

static void on_failed(void *ctx, enum err err, const char *what)
{
    struct world *w = ctx;

    TRACE(w, "engine: failed: %s (%s)", err_text(err), what);
    w->has_failed = true;
}

void world_turn(struct world *w)
{
    w->turn++;
    w->turn_ms = w->now_ms;
    w->counts.turns++;
    engine_begin(w->engine, w->now_ms);
    mail_run(&w->completions);
    while (!list_empty(&w->inbox) && !engine_is_congested(w->engine))
        submit(w, CONTAINER(w->inbox.next, struct request, in_inbox));
    engine_end(w->engine);
    if (engine_is_idle(w->engine) && !w->has_failed) {
        w->idle_turn = w->turn;
        w->idle_ms = w->now_ms;
        w->durable = w->last_number;
    }
}

static void run_all_mail(struct world *w)
{
    for (size_t i = 0; i < w->client_count && !world_is_dead(w); i++)
        world_run_mail(w->clients[i]);
}

bool world_settle(struct world *w)
{
    int rounds = 0;

    do {
        if (rounds++ > SETTLE_ROUNDS_MAX)
            violation(w, "the engine comes to rest", "it does not with the disk working");
        world_turn(w);
        while (!world_is_dead(w) && volume_file_step(w->volume))
            ;
        run_all_mail(w);
    } while (!world_is_dead(w) && (!engine_is_idle(w->engine) || !list_empty(&w->inbox)));
    if (world_is_dead(w))
        return false;
    run_all_mail(w);
    return true;
}

void world_advance(struct world *w, int64_t ms)
{
    w->now_ms += ms;
}

/* ---- the process ---- */

/* A claim that failed half-way is closed, too. */
static void close_store(struct world *w)
{
    if (w->shard)
        shard_release(w->shard);
    if (w->volume)
        volume_close(w->volume);
    w->shard = NULL;
    w->volume = NULL;
    while (mail_run(&w->completions) > 0)
        ;
}

/* Sizes so small that what takes days elsewhere happens in every run. */
static struct engine_options draw_options(struct world *w)
{
    struct draw          *d = &w->draw;
    struct engine_options o = { .seed = draw_u64(d),
                                .journal_file_bytes = JOURNAL_BYTES,
                                .segment_bytes = SEGMENT_BYTES, /* the disk is memory, and zeroed */
                                .on_failed = on_failed,
                                .ctx = w };

    if (w->plan.has[HAS_CHECKPOINTS]) {
        o.checkpoint.every_bytes = draw_range(d, 500, 20000);
        o.checkpoint.every_rows = (size_t)draw_range(d, 5, 500);
        o.checkpoint.turn_rows = (size_t)draw_range(d, 1, 50);
    }
    if (w->plan.has[HAS_SEGMENTS]) {
        o.journal_bytes_max = draw_range(d, 1000, 100000);
        o.index_bytes_max = draw_range(d, 500, 10000);
        o.cache_bytes_max = draw_range(d, 1000, 50000);
        o.hot_bytes = draw_range(d, 1, 20000);
        o.segment_bytes = draw_range(d, 10000, 80000);
    }
    if (w->plan.has[HAS_COMPACTION])
        o.compact_keys_bytes = draw_range(d, 200, 20000);
    if (w->plan.has[HAS_SMALL_FRAMES])
        o.journal_frame_bytes = draw_range(d, 1, 2000);
    if (w->plan.has[HAS_DIRECT])
        o.direct_bytes_min = draw_range(d, 100, 2000);
    if (w->plan.has[HAS_LITTLE_MEMORY])
        o.leases_bytes_max = draw_range(d, 3000, 50000);
    return o;
}

enum err world_start(struct world *w)
{
    struct engine_options options = draw_options(w);
    enum err              err;

    w->has_failed = false;
    w->is_short = false;
    err = volume_file_open(&w->volume, w->disk, false);
    if (!err)
        err = shard_claim(&w->shard, w->volume, 0, &w->completions);
    if (!err) {
        shard_set_free_min(w->shard, FREE_MIN);
        err = engine_open(&w->engine, w->shard, &options, w->now_ms);
    }
    TRACE(w, "start: %s", err_text(err));
    if (err) {
        w->engine = NULL;
        w->has_failed |= disk_sim_is_off(w->disk) || (err == ERR_DISK_FAILED && !w->is_calm);
        disk_sim_cut(w->disk); /* a process that did not come up writes nothing any more */
        close_store(w);
        return err;
    }
    w->counts.recoveries++;
    return ERR_OK;
}

/* What the dead process had for its clients is never seen. */
static void lose_everything(struct world *w)
{
    w->is_dying = true;
    for (size_t i = 0; i < w->client_count; i++)
        mail_run(&w->clients[i]->home);
    while (!list_empty(&w->requests))
        lose(CONTAINER(w->requests.next, struct request, in_world));
    w->is_dying = false;
    for (size_t i = 0; i < w->client_count; i++) {
        if (w->clients[i]->kind->on_session_end)
            w->clients[i]->kind->on_session_end(w->clients[i]);
        world_new_session(w->clients[i]);
        w->clients[i]->clean_turn = w->turn;
        w->clients[i]->clean_ms = w->now_ms;
    }
    model_on_crash(w->model);
}

void world_die(struct world *w, bool is_power)
{
    TRACE(w, "%s", is_power ? "the power fails" : "the process is killed");
    disk_sim_cut(w->disk);
    if (w->engine)
        engine_kill(w->engine);
    w->engine = NULL;
    close_store(w);
    lose_everything(w);
    if (is_power)
        disk_sim_crash(w->disk);
    else
        disk_sim_kill(w->disk);
    if (is_power)
        w->counts.crashes++;
    else
        w->counts.kills++;
}

void world_stop(struct world *w)
{
    TRACE(w, "stop");
    engine_close(w->engine);
    w->engine = NULL;
    close_store(w);
    lose_everything(w);
    w->counts.stops++;
}

/* ---- the scheduler ---- */

enum choice { CLIENT, TURN, DISK, MAIL, TIME, CHOICES };

static enum choice choose(struct world *w)
{
    unsigned sum = 0;
    unsigned at;
    int      c = 0;

    for (int i = 0; i < CHOICES; i++)
        sum += w->plan.weights[i];
    at = (unsigned)draw_below(&w->draw, sum);
    while (at >= w->plan.weights[c])
        at -= w->plan.weights[c++];
    return (enum choice)c;
}

static struct client *any_client(struct world *w)
{
    return w->clients[draw_below(&w->draw, w->client_count)];
}

/* No request is on its way for an hour. */
static void pass_time(struct world *w)
{
    int64_t due = engine_next_ms(w->engine);
    bool    is_soon = due != INT64_MAX && due > w->now_ms &&
                   (due - w->now_ms < HOUR_MS || list_empty(&w->inbox));

    if (draw_one_in(&w->draw, 8) && is_soon)
        w->now_ms = due;
    else
        world_advance(w, (int64_t)draw_skewed(&w->draw, 2000) - 1);
}

void world_step(struct world *w)
{
    struct client *c;

    w->step++;
    switch (choose(w)) {
    case CLIENT:
        c = any_client(w);
        if (c->kind->step)
            c->kind->step(c);
        break;
    case TURN:
        world_turn(w);
        break;
    case DISK:
        volume_file_step(w->volume);
        break;
    case MAIL:
        world_run_mail(any_client(w));
        break;
    case TIME:
        pass_time(w);
        break;
    case CHOICES:
        break;
    }
}

void world_init(struct world *w, uint64_t seed, const struct plan_mask *mask, bool is_verbose)
{
    *w = (struct world){ .seed = seed, .is_verbose = is_verbose, .now_ms = 1000000 };
    draw_init(&w->draw, seed);
    plan_init(&w->plan, mask, &w->draw);
    w->disk = disk_sim_keep(draw_u64(&w->draw));
    mailbox_init(&w->completions, no_wake, w);
    list_init(&w->requests);
    list_init(&w->inbox);
    w->model = model_new(w);
}

void world_fini(struct world *w)
{
    for (size_t i = 0; i < w->client_count; i++)
        client_free(w->clients[i]);
    model_free(w->model);
    mailbox_fini(&w->completions);
    disk_sim_free(w->disk);
}
