/* rehearsal.c - see rehearsal.h. */
#include "node/rehearsal.h"
#include "base/diag.h"
#include "engine/engine.h"
#include "node/data_files.h"
#include "store/disk_file.h"
#include "store/disk_overlay.h"
#include "store/volume_file.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4096 };

struct rehearsal {
    char            copy[64]; /* temporary directory for the catalogue */
    struct volume  *volume;
    struct shard   *shard;
    struct engine  *engine;
    struct mailbox  box;
};

/* ---- the copy of the catalogue ---- */

static bool copy_file(const char *from, const char *to)
{
    struct mapped m;
    FILE         *f;
    bool          is_ok;

    if (mapped_open(&m, from) != ERR_OK)
        return errno == ENOENT;
    f = fopen(to, "wb");
    is_ok = f && fwrite(m.bytes.at, 1, m.bytes.len, f) == m.bytes.len;
    if (f)
        is_ok &= fclose(f) == 0;
    mapped_close(&m);
    return is_ok;
}

/* The database and the log of what was committed and not yet moved into it. */
static bool copy_catalogue(struct rehearsal *r, const char *data)
{
    static const char *const names[] = { "catalogue.db", "catalogue.db-wal" };

    for (size_t i = 0; i < COUNT(names); i++) {
        char from[PATH_BYTES_MAX];
        char to[PATH_BYTES_MAX];

        snprintf(from, sizeof from, "%s/shard/000/%s", data, names[i]);
        snprintf(to, sizeof to, "%s/shard/000/%s", r->copy, names[i]);
        if (!copy_file(from, to))
            return false;
    }
    return true;
}

static bool make_copy(struct rehearsal *r, const char *data)
{
    char        path[sizeof r->copy + 16];
    const char *tmp = getenv("TMPDIR");

    if ((size_t)snprintf(r->copy, sizeof r->copy, "%s/myna-verify-XXXXXX", tmp ? tmp : "/tmp") >=
            sizeof r->copy ||
        !mkdtemp(r->copy)) {
        r->copy[0] = 0;
        return false;
    }
    snprintf(path, sizeof path, "%s/shard", r->copy);
    if (mkdir(path, 0700) != 0)
        return false;
    snprintf(path, sizeof path, "%s/shard/000", r->copy);
    return mkdir(path, 0700) == 0 && copy_catalogue(r, data);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

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
    overlay = disk_overlay_new(disk, r->copy);
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
    if (r->copy[0])
        nftw(r->copy, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

enum err rehearse(const char *data, rehearsal_fn *fn, void *ctx)
{
    struct rehearsal r = { 0 };
    enum err         err = ERR_OK;

    mailbox_init(&r.box, wake, NULL);
    if (!make_copy(&r, data)) {
        diag(DIAG_ERROR, "rehearsal: no copy of the catalogue in %s: %s",
             r.copy[0] ? r.copy : "a temporary directory", strerror(errno));
        err = ERR_IO;
    }
    if (!err)
        err = recover(&r, data);
    if (!err) {
        rehearsal_turn(&r);
        fn(ctx, r.engine, &r);
    }
    end(&r);
    return err;
}
