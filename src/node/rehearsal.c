/* rehearsal.c - see rehearsal.h. */
#include "node/rehearsal.h"
#include "base/diag.h"
#include "engine/engine.h"
#include "node/catalogue_copy.h"
#include "store/disk_file.h"
#include "store/disk_overlay.h"
#include "store/volume_file.h"

struct rehearsal {
    struct catalogue_copy copy;
    struct volume        *volume;
    struct shard         *shard;
    struct engine        *engine;
    struct mailbox        box;
};

/* ---- the recovery ---- */

static void wake(void *ctx)
{
    (void)ctx;
}

static void on_failed(void *ctx, enum err err, const char *what)
{
    (void)ctx;
    diag(DIAG_ERROR, "rehearsal: %s (%s)", what, err_text(err));
}

/* What a recovery writes goes to the overlay. */
void rehearsal_turn(struct rehearsal *r)
{
    do {
        engine_begin(r->engine, 0);
        mail_run(&r->box);
        engine_end(r->engine);
    } while (volume_file_step(r->volume) || !engine_is_idle(r->engine));
    mail_run(&r->box);
}

static enum err recover(struct rehearsal *r, const char *data)
{
    struct engine_options options = { .journal_file_bytes = JOURNAL_FILE_BYTES_MIN,
                                      .on_failed = on_failed };
    struct disk          *disk;
    struct disk          *overlay;
    enum err              err = disk_file_open(&disk, data);

    if (err)
        return err;
    overlay = disk_overlay_new(disk, r->copy.root);
    err = volume_file_open(&r->volume, overlay, false);
    if (err) {
        disk_close(overlay);
        return err;
    }
    err = shard_claim(&r->shard, r->volume, 0, &r->box);
    if (!err)
        err = engine_open(&r->engine, r->shard, &options, 0);
    return err;
}

static void end(struct rehearsal *r)
{
    if (r->engine)
        engine_close(r->engine);
    while (mail_run(&r->box) > 0)
        ;
    if (r->shard)
        shard_release(r->shard);
    while (mail_run(&r->box) > 0)
        ;
    if (r->volume)
        volume_close(r->volume);
    mailbox_fini(&r->box);
    catalogue_copy_remove(&r->copy);
}

enum err rehearse(const char *data, rehearsal_fn *fn, void *ctx)
{
    struct rehearsal r = { 0 };
    enum err         err;

    mailbox_init(&r.box, wake, NULL);
    err = catalogue_copy_make(&r.copy, data);
    if (!err)
        err = recover(&r, data);
    if (!err) {
        rehearsal_turn(&r);
        fn(ctx, r.engine, &r);
    }
    end(&r);
    return err;
}
