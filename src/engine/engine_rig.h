/*
 * engine_rig.h - the real engine on a simulated volume, for unit tests: one thread, no clock, calls answered at once.
 *
 * rig_call submits a call, turns the engine until everything is on disk, and runs the answers: unless the call parks
 * it is answered when rig_call returns. rig_restart is a crash and a recovery: what was not on disk is gone.
 */
#ifndef ENGINE_ENGINE_RIG_H
#define ENGINE_ENGINE_RIG_H

#include "engine/describe_rig.h"
#include "engine/engine_int.h"
#include "store/disk_sim.h"
#include "store/volume_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct rig {
    struct disk   *disk;
    struct volume *volume;
    struct shard  *shard;
    struct engine *engine;
    struct mailbox completions;
    struct mailbox home;
    int64_t        now_ms;
    int            answered; /* how many calls since the start */
    struct call   *last;     /* the last one answered */
    struct rights *rights;   /* engine_options.rights, for who sets it before a restart */
    struct limits *limits;   /* likewise */
};

static void rig_wake(void *ctx)
{
    (void)ctx;
}

static void rig_failed(void *ctx, enum err err, const char *what)
{
    (void)ctx;
    fail_msg("the journal failed: %s (%s)", err_text(err), what);
}

static void rig_open_engine(struct rig *r)
{
    struct engine_options options = { .seed = 1, .journal_file_bytes = 1 << 20, .on_failed = rig_failed, .ctx = r,
                                      .rights = r->rights,
                                      .limits = r->limits };

    assert_int_equal(shard_claim(&r->shard, r->volume, 0, &r->completions), ERR_OK);
    assert_int_equal(engine_open(&r->engine, r->shard, &options, r->now_ms), ERR_OK);
}

static void rig_open(struct rig *r)
{
    *r = (struct rig){ .now_ms = 1000000, .disk = disk_sim_keep(1) };
    mailbox_init(&r->completions, rig_wake, r);
    mailbox_init(&r->home, rig_wake, r);
    assert_int_equal(volume_file_open(&r->volume, r->disk, false), ERR_OK);
    rig_open_engine(r);
}

/* Turns until all is on disk and answered. */
static void rig_turn(struct rig *r)
{
    engine_begin(r->engine, r->now_ms);
    engine_end(r->engine);
    do {
        mail_run(&r->home);
        while (volume_file_step(r->volume))
            ;
        engine_begin(r->engine, r->now_ms);
        mail_run(&r->completions);
        engine_end(r->engine);
    } while (!engine_is_idle(r->engine));
    mail_run(&r->home);
}

static inline void rig_advance(struct rig *r, int64_t ms)
{
    r->now_ms += ms;
    rig_turn(r);
}

static void rig_done(struct call *c)
{
    struct rig *r = c->ctx;

    r->answered++;
    r->last = c;
}

static inline void *rig_new(struct rig *r, size_t size, enum call_kind kind)
{
    return call_new(size, kind, &r->home, rig_done, r);
}

#define RIG_NEW(rig, type, kind) ((struct type *)rig_new((rig), sizeof(struct type), (kind)))

/* True when it was answered (not parked). */
static inline bool rig_call(struct rig *r, void *call)
{
    int before = r->answered;

    engine_begin(r->engine, r->now_ms);
    engine_submit(r->engine, call);
    engine_end(r->engine);
    rig_turn(r);
    return r->answered > before;
}

static void rig_close_engine(struct rig *r)
{
    engine_close(r->engine);
    mail_run(&r->completions); /* a checkpoint's writer may have ended just now */
    shard_release(r->shard);
    mail_run(&r->home);
}

/* A clean hand-over: everything was on disk. */
static inline void rig_restart(struct rig *r)
{
    rig_close_engine(r);
    rig_open_engine(r);
    rig_turn(r);
}

static void rig_close(struct rig *r)
{
    rig_close_engine(r);
    describe_all(r->volume, &r->completions);
    volume_close(r->volume);
    disk_sim_free(r->disk);
    mailbox_fini(&r->completions);
    mailbox_fini(&r->home);
}

/* A batch of n records with values "v0", "v1"... and the given time. */
static inline struct slice rig_batch(int n, int64_t timestamp_ms, const char *key)
{
    struct buf          b;
    struct batch_writer w;
    struct slice        s;

    buf_init(&b);
    batch_begin(&w, &b);
    for (int i = 0; i < n; i++) {
        char value[16];

        snprintf(value, sizeof value, "v%d", i);
        batch_add(&w, timestamp_ms + i, bytes_str(key), bytes_str(value), NULL, 0);
    }
    batch_end(&w);
    s = slice_copy(buf_view(&b));
    buf_fini(&b);
    return s;
}

#endif
