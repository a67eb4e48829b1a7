/*
 * recovery_fuzz.c - libFuzzer target: a start from any checkpoint and any journal.
 *
 * The input is changes, { where u8 (even: a row of the checkpoint, odd: a record of the journal),
 * kind u8, length of the head u16, length of the payload u16, head, payload }. They are stored with
 * right checksums, as a bug or another program might have, and an engine is opened on them. It must
 * open or say why not, never die; when it opens it must be able to go on and to write a checkpoint
 * of what it has. When all came from the journal it must open again from that; rows have keys here
 * that the engine does not give them, so it cannot replace them.
 */
#include "base/diag.h"
#include "engine/engine.h"
#include "store/catalogue.h"
#include "store/disk_sim.h"
#include "store/journal.h"
#include "store/volume_file.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHANGES_MAX = 200 };

struct world {
    struct disk   *disk;
    struct volume *volume;
    struct shard  *shard;
    struct mailbox box;
};

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "recovery_fuzz: %s\n", what);
    abort();
}

static void wake(void *ctx)
{
    (void)ctx;
}

static void on_failed(void *ctx, enum err err, const char *what)
{
    (void)ctx;
    (void)err;
    require(false, what);
}

static void on_durable(void *ctx, uint64_t position)
{
    (void)ctx;
    (void)position;
}

static void on_written(void *ctx, enum err err, uint64_t position)
{
    (void)ctx;
    (void)position;
    require(err == ERR_OK, "the checkpoint is written");
}

static enum err no_record(void *ctx, uint8_t kind, struct bytes head, struct bytes payload,
                          uint64_t position)
{
    (void)ctx;
    (void)kind;
    (void)head;
    (void)payload;
    (void)position;
    return ERR_OK;
}

static void claim(struct world *w)
{
    require(volume_file_open(&w->volume, w->disk, false) == ERR_OK, "the volume opens");
    require(shard_claim(&w->shard, w->volume, 0, &w->box) == ERR_OK, "the shard is claimed");
}

static void release(struct world *w)
{
    shard_release(w->shard);
    volume_close(w->volume);
    while (mail_run(&w->box) > 0)
        ;
}

static void settle(struct world *w)
{
    do
        mail_run(&w->box);
    while (volume_file_step(w->volume));
    mail_run(&w->box);
}

/* ---- writing what the input says ---- */

struct change {
    bool         is_record;
    uint8_t      kind;
    struct bytes head, payload;
};

static bool next_change(struct rd *r, struct change *c)
{
    uint16_t head_len;
    uint16_t payload_len;

    c->is_record = rd_u8(r) % 2 != 0;
    c->kind = rd_u8(r);
    head_len = rd_u16(r);
    payload_len = rd_u16(r);
    c->head = rd_bytes(r, head_len);
    c->payload = rd_bytes(r, payload_len);
    return !r->failed;
}

/* A checkpoint at the beginning of the journal, and the journal behind it. Returns how many rows. */
static int write_all(struct world *w, struct bytes input)
{
    struct journal_options options = { JOURNAL_FILE_BYTES_MIN, on_durable, on_failed, NULL };
    struct rd              r = rd_of(input);
    struct journal        *j;
    struct catalogue      *cat;
    struct change          c;
    uint8_t                row = 0;

    claim(w);
    require(journal_open(&j, w->shard, &options) == ERR_OK, "the journal opens");
    require(journal_replay(j, 0, no_record, NULL) == ERR_OK, "the journal is empty");
    require(catalogue_open(&cat, w->shard) == ERR_OK, "the catalogue opens");
    catalogue_begin(cat, true);
    for (int n = 0; n < CHANGES_MAX && next_change(&r, &c); n++)
        if (c.is_record) {
            journal_add(j, c.kind, c.head, (struct slice){ .bytes = c.payload });
        } else {
            catalogue_put(cat, bytes_of(&row, sizeof row), c.kind, c.head);
            row++;
        }
    catalogue_commit(cat, j, 0, on_written, NULL);
    journal_kick(j);
    settle(w);
    catalogue_close(cat);
    journal_close(j);
    release(w);
    return row;
}

/* ---- starting from it ---- */

static bool start(struct world *w)
{
    struct engine_options options = { .seed = 7,
                                      .journal_file_bytes = JOURNAL_FILE_BYTES_MIN,
                                      .checkpoint = { .every_rows = 1, .turn_rows = 3 },
                                      .on_failed = on_failed };
    struct engine        *e;
    enum err              err;

    claim(w);
    err = engine_open(&e, w->shard, &options, 1000000);
    for (int turn = 0; !err && turn < 50; turn++) {
        engine_begin(e, 1000000 + turn * 1000);
        mail_run(&w->box);
        engine_end(e);
        settle(w);
    }
    if (!err)
        engine_close(e);
    release(w);
    return err == ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = { .disk = disk_sim_keep(1) };
    int          rows;

    diag_set_level(DIAG_NONE);
    mailbox_init(&w.box, wake, NULL);
    rows = write_all(&w, bytes_of(data, size));
    if (start(&w) && rows == 0)
        require(start(&w), "what was opened opens again");
    mailbox_fini(&w.box);
    disk_sim_free(w.disk);
    return 0;
}
