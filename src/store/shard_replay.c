/*
 * shard_replay.c - see shard_file.h: recovery. Reads the journal's files, has the chain judged
 * (chain.h), and makes what it found the durable truth before anything new is written:
 *
 *   1. the last two files may hold bytes that were written and never synced: sync them, and read
 *      them again from the medium
 *   2. walk the chain; give the frames away; stop at damage with nothing changed
 *   3. cut the last file behind its last good frame, durably
 *   4. forget the files that hold no frame; the head that records the first new file does not name
 *      them any more, and then the keeper removes them, with whatever else no head names (sweep)
 *
 * After an orderly end there is nothing that was not synced and nothing to cut but unused space.
 */
#include "store/shard_file.h"
#include "base/diag.h"
#include "base/mem.h"
#include "store/chain.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- 1: open ---- */

static enum err open_file(struct shard_file *s, struct jfile *f, bool is_recent)
{
    char     path[DISK_PATH_MAX];
    enum err err;

    jfile_path(path, s, f->epoch, f->number);
    err = disk_open(s->disk, path, &f->file);
    if (!err && is_recent)
        err = disk_sync(f->file, true);
    if (err)
        return err;
    if (is_recent)
        disk_forget(f->file);
    f->bytes = disk_size(f->file);
    f->map = f->bytes > 0 ? disk_map(f->file) : NULL;
    if (!f->map)
        return f->bytes > 0 ? ERR_IO : ERR_OK;
    return ERR_OK;
}

/* Files that end below `from` are opened, for loads, and not walked. Their frames are contiguous,
 * so the next start tells the end of each but the last of an epoch, where it is an upper bound. */
static size_t first_to_walk(const struct shard_file *s, uint64_t from)
{
    size_t first = 0;

    for (size_t i = 0; i < s->count; i++)
        if (s->files[i]->start != POSITION_NONE && s->files[i]->start <= from)
            first = i;
    return first;
}

static bool is_first_of(const struct shard_file *s, const struct jfile *f, struct frame *first)
{
    struct file_head head;

    return file_head_decode(bytes_of(f->map->at, f->bytes), &head) == ERR_OK &&
           head.epoch == f->epoch && head.number == f->number && head.shard == s->base.id &&
           frame_decode(first, f->map->at + FILE_HEADER_BYTES, head.salt) &&
           first->position == f->start;
}

/* Of a file that is not walked, or where the walk begins: what its first frame, whose header is all
 * that is looked at, says of the one before. */
static enum err read_first(const struct shard_file *s, struct jfile *f)
{
    static const uint64_t len = FILE_HEADER_BYTES + FRAME_HEADER_BYTES;
    struct frame          first;
    enum err              err = ERR_OK;

    if (f->bytes >= len)
        err = disk_load(s->disk, f->file->path, f->map, 0, len, false);
    if (!err && (f->bytes < len || !is_first_of(s, f, &first))) {
        diag(DIAG_ERROR, "journal: the first frame of %s is damaged", f->file->path);
        err = ERR_CORRUPT;
    }
    if (err)
        return err;
    f->seq = first.seq - 1;
    f->crc = first.previous;
    return ERR_OK;
}

static enum err open_files(struct shard_file *s, size_t first)
{
    for (size_t i = 0; i < s->count; i++) {
        enum err err = open_file(s, s->files[i], !s->was_closed && i + 2 >= s->count);

        if (!err && first > 0 && i <= first)
            err = read_first(s, s->files[i]);
        if (err)
            return err;
        if (i < first)
            s->files[i]->end = s->files[i + 1]->start;
        s->last_number = s->files[i]->number;
    }
    return ERR_OK;
}

/* ---- 2: walk ---- */

static void prepare_file(const struct shard_file *s, const struct jfile *f, struct chain_file *out)
{
    uint64_t data = f->map ? disk_data_end(f->file) : 0;

    out->name = f->file->path;
    out->head = (struct file_head){ (uint32_t)f->number, s->base.id, f->epoch, 0 };
    out->bytes = bytes_of(f->map ? f->map->at : NULL, (size_t)f->bytes);
    out->data = (size_t)(data < f->bytes ? data : f->bytes);
}

struct walk {
    struct shard_file *s;
    struct chain      *chain;
    size_t             first; /* file that is walked */
    struct chain_file *walked;
    struct ahead      *ahead;
};

/* What was read of the file before is not needed in memory while this one is read. */
static enum err load(void *ctx, struct chain_file *file, size_t from, size_t len)
{
    struct walk  *w = ctx;
    size_t        i = w->first + (size_t)(file - w->walked);
    struct jfile *f = w->s->files[i];
    enum err      err = ERR_OK;

    if (from == 0 && i > w->first)
        err = shard_ahead_leave(w->ahead, w->s->files[i - 1]->map);
    return err ? err : disk_stream(f->file, f->map, from, len);
}

static enum err give(void *ctx, struct bytes body, uint64_t position)
{
    return shard_ahead_frame(((struct walk *)ctx)->ahead, body, position);
}

static enum err find_frames(void *ctx, struct ahead *ahead)
{
    struct walk *w = ctx;

    w->ahead = ahead;
    w->chain->fn = give;
    w->chain->load = load;
    w->chain->ctx = w->chain->load_ctx = w;
    return chain_walk(w->chain, w->walked, w->s->count - w->first);
}

static void take_walked(struct jfile *f, const struct chain_file *walked)
{
    f->salt = walked->head.salt;
    f->start = walked->start;
    f->seq = walked->seq;
    f->crc = walked->crc;
    f->end = walked->end;
    f->offset = walked->used;
}

static enum err walk(struct shard_file *s, struct chain *c, size_t first, shard_replay_fn *fn,
                     void *ctx)
{
    size_t             count = s->count - first;
    struct chain_file *files = mem_new(count * sizeof *files);
    struct walk        w = { s, c, first, files, NULL };
    enum err           err;

    for (size_t i = 0; i < count; i++)
        prepare_file(s, s->files[first + i], &files[i]);
    c->is_closed = s->was_closed;
    err = shard_ahead_run(s, fn, ctx, find_frames, &w);
    for (size_t i = 0; i < count && !err; i++) {
        take_walked(s->files[first + i], &files[i]);
        if (s->files[first + i]->map)
            disk_unload(s->disk, s->files[first + i]->map);
    }
    free(files);
    return err;
}

/* ---- 3 and 4: cut ---- */

static enum err cut_file(const struct shard_file *s, struct jfile *f)
{
    enum err err = ERR_OK;

    if (f->offset < f->bytes) {
        err = disk_resize(f->file, f->offset);
        f->bytes = f->offset;
    }
    return err || s->was_closed ? err : disk_sync(f->file, true);
}

static void drop_empty(struct shard_file *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->count; i++)
        if (s->files[i]->start == POSITION_NONE)
            jfile_free(s->files[i]);
        else
            s->files[kept++] = s->files[i];
    s->count = kept;
}

struct sweep {
    struct shard_file *s;
    enum err           err;
};

static bool is_named(const struct jfile *f, uint64_t epoch, uint64_t number)
{
    return f && f->epoch == epoch && f->number == number;
}

static bool is_ours(struct shard_file *s, uint64_t epoch, uint64_t number)
{
    bool is_it;

    pthread_mutex_lock(&s->lock);
    is_it = is_named(s->next, epoch, number) || is_named(s->made, epoch, number);
    for (size_t i = s->count; i-- > 0 && !is_it;)
        is_it = is_named(s->files[i], epoch, number);
    pthread_mutex_unlock(&s->lock);
    return is_it;
}

/* Only names that we could have made are ours to remove. */
static void sweep_name(void *ctx, const char *name)
{
    struct sweep *w = ctx;
    uint64_t      epoch;
    uint64_t      number;
    char          path[DISK_PATH_MAX];

    if (!shard_file_name(name, &epoch, &number) || is_ours(w->s, epoch, number))
        return;
    jfile_path(path, w->s, epoch, number);
    if (!w->err)
        w->err = disk_remove(w->s->disk, path);
}

enum err shard_file_sweep(struct shard_file *s)
{
    struct sweep w = { s, ERR_OK };
    char         journal[DISK_PATH_MAX];
    enum err     err;

    snprintf(journal, sizeof journal, "%s/journal", s->dir);
    err = disk_list(s->disk, journal, sweep_name, &w);
    return err ? err : w.err;
}

static enum err cut(struct shard_file *s)
{
    enum err err = ERR_OK;

    drop_empty(s);
    if (s->count > 0)
        err = cut_file(s, s->files[s->count - 1]);
    for (size_t i = 0; i < s->count; i++) { /* from now on it is read through the file: shard_load */
        block_drop(s->files[i]->map);
        s->files[i]->map = NULL;
    }
    return err;
}

/* ---- all of it ---- */

static enum err missing(const struct shard_file *s, uint64_t from, uint64_t have)
{
    diag(DIAG_ERROR,
         "journal: %s: frames from position %" PRIu64 " are wanted, those there are %s %" PRIu64,
         s->dir, from, from < have ? "begin at" : "end at", have);
    return ERR_CORRUPT;
}

static void begin_chain(const struct shard_file *s, struct chain *c, size_t first)
{
    c->end = first > 0 ? s->files[first]->start : s->oldest;
    c->seq = first > 0 ? s->files[first]->seq : s->oldest_seq;
    c->crc = first > 0 ? s->files[first]->crc : s->oldest_crc;
}

enum err shard_file_replay(struct shard *base, uint64_t from, shard_replay_fn *fn, void *ctx)
{
    struct shard_file *s = shard_file_of(base);
    size_t             first = first_to_walk(s, from);
    struct chain       c = { .from = from, .synced = s->synced };
    enum err           err;

    assert(s->stage == SHARD_CLAIMED);
    if (s->failed)
        return s->failed;
    if (from < s->oldest)
        return missing(s, from, s->oldest);
    err = open_files(s, first);
    if (err)
        return err;
    begin_chain(s, &c, first);
    for (size_t i = first; i < s->count; i++)
        base->replay_bytes += s->files[i]->bytes;
    err = walk(s, &c, first, fn, ctx);
    if (err)
        return err;
    if (from > c.end && from > s->start)
        return missing(s, from, c.end);
    s->synced = c.end;
    s->seq = s->synced_seq = c.seq;
    s->crc = s->synced_crc = c.crc;
    err = cut(s);
    if (!err)
        s->stage = SHARD_REPLAYED;
    return err;
}
