/*
 * volume_file.c - see volume_file.h. The root of the disk holds one small text file, `myna`, that
 * names the format and the volume, and the directory `shard`. A directory with anything else and no
 * such file is not ours and is not touched.
 */
#include "store/volume_file.h"
#include "base/diag.h"
#include "base/mem.h"
#include "store/sealed.h"
#include "store/shard_file.h"

#include <assert.h>
#include <stdlib.h>

enum { VOLUME_VERSION = 8, ID_RANDOM_BYTES = 16 };

static const char identity_path[] = "myna";

struct volume_file {
    struct volume base;
    struct disk  *disk;
    bool          is_threaded;
    struct list   shards;
};

static struct volume_file *volume_file_of(struct volume *v)
{
    return (struct volume_file *)v;
}

/* ---- identity ---- */

static void make_id(struct disk *disk, char out[VOLUME_ID_LEN + 1])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t           random[ID_RANDOM_BYTES + 2] = { 0 }; /* to whole groups of 6 bits */

    disk_random(disk, random, ID_RANDOM_BYTES);
    for (size_t i = 0; i < VOLUME_ID_LEN; i++) {
        uint32_t bits = (uint32_t)random[i * 6 / 8] << 8 | random[i * 6 / 8 + 1];

        out[i] = alphabet[bits >> (10 - i * 6 % 8) & 63];
    }
    out[VOLUME_ID_LEN] = 0;
}

static enum err parse_identity(struct volume_file *v, struct bytes text)
{
    struct rd    lines;
    struct bytes line;
    enum err     err = sealed_open(text, "volume", VOLUME_VERSION, &lines);

    if (err)
        return err;
    if (!sealed_line(&lines, &line) || !sealed_word(&line, "id") || line.len != VOLUME_ID_LEN)
        return ERR_CORRUPT;
    memcpy(v->base.id, line.at, VOLUME_ID_LEN);
    return ERR_OK;
}

/* What may lie in the root of a volume that was never finished, or of a file system of its own. */
static void look_for_foreign(void *ctx, const char *name)
{
    static const char *const harmless[] = { "lost+found", "myna.tmp" };

    for (size_t i = 0; i < COUNT(harmless); i++)
        if (strcmp(name, harmless[i]) == 0)
            return;
    *(bool *)ctx = true;
}

static enum err make_identity(struct volume_file *v)
{
    bool       is_foreign = false;
    struct buf text;
    enum err   err = disk_list(v->disk, ".", look_for_foreign, &is_foreign);

    if (err || is_foreign)
        return err ? err : ERR_FOREIGN;
    make_id(v->disk, v->base.id);
    buf_init(&text);
    sealed_begin(&text, "volume", VOLUME_VERSION);
    buf_printf(&text, "id %s\n", v->base.id);
    sealed_end(&text);
    err = disk_replace(v->disk, identity_path, buf_view(&text));
    buf_fini(&text);
    return err;
}

static enum err read_identity(struct volume_file *v)
{
    struct buf text;
    bool       is_there = false;
    enum err   err;

    buf_init(&text);
    err = disk_read(v->disk, identity_path, &text, &is_there);
    if (!err)
        err = is_there ? parse_identity(v, buf_view(&text)) : make_identity(v);
    if (err == ERR_CORRUPT)
        diag(DIAG_ERROR, "volume: the file %s is damaged", identity_path);
    buf_fini(&text);
    return err;
}

/* ---- the volume ---- */

static void close_volume(struct volume *base)
{
    struct volume_file *v = volume_file_of(base);

    assert(list_empty(&v->shards));
    disk_close(v->disk);
    free(v);
}

/* V1: the directory is locked, so an older owner can only be in this process. */
static enum err claim(struct volume *base, uint32_t id, struct mailbox *box, struct shard **out)
{
    struct volume_file *v = volume_file_of(base);
    enum err            err;

    for (struct list *l = v->shards.next; l != &v->shards; l = l->next) {
        struct shard_file *older = CONTAINER(l, struct shard_file, in_volume);

        if (older->base.id == id)
            shard_file_fence(older);
    }
    err = shard_file_claim(out, v->disk, id, box, v->is_threaded);
    if (!err)
        list_push(&v->shards, &shard_file_of(*out)->in_volume);
    return err;
}

static const struct volume_ops ops = {
    .close = close_volume,
    .claim = claim,
};

enum err volume_file_open(struct volume **out, struct disk *disk, bool is_threaded)
{
    struct volume_file *v = mem_new(sizeof *v);
    enum err            err;

    v->base.ops = &ops;
    v->disk = disk;
    v->is_threaded = is_threaded;
    list_init(&v->shards);
    err = read_identity(v);
    if (err) {
        free(v);
        return err;
    }
    *out = &v->base;
    return ERR_OK;
}

enum { STEP_COMMIT, STEP_KEEP, STEP_READ, STEP_TIDY, STEP_COUNT };

static bool step(struct shard_file *s, unsigned which)
{
    switch (which) {
    case STEP_COMMIT:
        return shard_commit_turn(s);
    case STEP_KEEP:
        return shard_keep_turn(s);
    case STEP_READ:
        return shard_work_turn(s, WORK_READ);
    default:
        return shard_work_turn(s, WORK_TIDY);
    }
}

/* Twice around, because a commit that waits for a larger file only then says so to the keeper. */
static bool step_any(struct shard_file *s, unsigned first)
{
    for (unsigned i = 0; i < 2 * STEP_COUNT; i++)
        if (step(s, (first + i) % STEP_COUNT))
            return true;
    return false;
}

bool volume_file_step(struct volume *base)
{
    struct volume_file *v = volume_file_of(base);
    uint8_t             first;

    assert(!v->is_threaded);
    disk_random(v->disk, &first, sizeof first);
    for (struct list *l = v->shards.next; l != &v->shards; l = l->next) {
        struct shard_file *s = CONTAINER(l, struct shard_file, in_volume);

        if (s->stage == SHARD_STARTED && step_any(s, first))
            return true;
    }
    return false;
}
