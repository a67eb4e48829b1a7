/* chain.c - see chain.h. */
#include "store/chain.h"
#include "base/diag.h"
#include "store/head.h"

#include <inttypes.h>

enum { LOAD_BYTES_MIN = 64 << 10, LOAD_BYTES_MAX = 1 << 20 };

/* H1 */
static bool follows(const struct chain *c, const struct chain_file *file, const struct frame *f)
{
    return f->epoch == file->head.epoch && f->seq == c->seq + 1 && f->previous == c->crc &&
           (f->position == c->end || (f->epoch > c->epoch && f->position > c->end));
}

/* Small steps at first: most files that are looked at in vain have few frames. */
static size_t step_from(size_t loaded)
{
    if (loaded < LOAD_BYTES_MIN)
        return LOAD_BYTES_MIN;
    return loaded < LOAD_BYTES_MAX ? loaded : LOAD_BYTES_MAX;
}

/* Makes the first `end` bytes of the file readable. */
static enum err want(struct chain *c, struct chain_file *file, size_t end)
{
    size_t from = file->loaded;

    if (end > from && end < from + step_from(from))
        end = from + step_from(from);
    if (end > file->bytes.len)
        end = file->bytes.len;
    if (end <= from)
        return ERR_OK;
    file->loaded = end;
    return c->load(c->load_ctx, file, from, end - from);
}

/* Is there a frame behind what has been accepted? *err is why that cannot be told. Bodies below
 * `from` are left alone: they may be on a slow disk, and whoever reads them checks them. */
static bool next_frame(struct chain *c, struct chain_file *file, struct frame *out, enum err *err)
{
    struct bytes rest = bytes_of(file->bytes.at + file->used, file->bytes.len - file->used);

    if (rest.len < FRAME_HEADER_BYTES)
        return false;
    *err = want(c, file, file->used + FRAME_HEADER_BYTES);
    if (*err || !frame_decode(out, rest.at, file->head.salt) ||
        out->bytes > rest.len - FRAME_HEADER_BYTES || !follows(c, file, out))
        return false;
    if (frame_end(out) <= c->from)
        return true;
    *err = want(c, file, file->used + FRAME_HEADER_BYTES + out->bytes);
    return !*err && frame_has_body(out, rest.at + FRAME_HEADER_BYTES);
}

static enum err accept(struct chain *c, struct chain_file *file, const struct frame *f)
{
    const uint8_t *body = file->bytes.at + file->used + FRAME_HEADER_BYTES;

    if (file->start == POSITION_NONE) {
        file->start = f->position;
        file->seq = c->seq;
        file->crc = c->crc;
    }
    file->used += FRAME_HEADER_BYTES + f->bytes;
    file->end = frame_end(f);
    c->end = file->end;
    c->epoch = f->epoch;
    c->seq = f->seq;
    c->crc = f->crc;
    if (file->end <= c->from)
        return ERR_OK;
    return c->fn(c->ctx, bytes_of(body, f->bytes), f->position + FRAME_HEADER_BYTES);
}

/* The header was synced before the file's name was recorded, so it is never torn. */
static enum err check_head(struct chain_file *file)
{
    struct file_head found;
    enum err         err = file_head_decode(file->bytes, &found);

    if (err == ERR_CORRUPT)
        diag(DIAG_ERROR, "journal: the header of %s is damaged", file->name);
    if (err)
        return err;
    if (found.epoch != file->head.epoch || found.number != file->head.number ||
        found.shard != file->head.shard) {
        diag(DIAG_ERROR, "journal: %s is another file, put under this name", file->name);
        return ERR_CORRUPT;
    }
    file->head.salt = found.salt;
    return ERR_OK;
}

static enum err walk_file(struct chain *c, struct chain_file *file)
{
    struct frame f;
    enum err     err = want(c, file, FILE_HEADER_BYTES);

    if (!err)
        err = check_head(file);
    file->start = POSITION_NONE;
    file->end = c->end;
    file->used = FILE_HEADER_BYTES;
    while (!err && next_frame(c, file, &f, &err))
        err = accept(c, file, &f);
    return err;
}

/* A whole frame behind the end of the chain that vouches for something above it: H3. */
static bool has_proof(const struct chain *c, const struct chain_file *file)
{
    struct frame f;
    size_t       at = file->used;

    for (; frame_find(&f, file->bytes, &at, file->data, file->head.salt); at += FRAME_ALIGN)
        if (f.epoch == file->head.epoch && f.synced > c->end)
            return true;
    return false;
}

/* Names the first place where a frame should be and is not: the file in which the chain ended. */
static enum err corrupt(const struct chain *c, const struct chain_file *files, size_t count)
{
    const struct chain_file *file = count > 0 ? &files[0] : NULL;

    for (size_t i = 0; i < count; i++)
        if (files[i].start != POSITION_NONE)
            file = &files[i];
    diag(DIAG_ERROR,
         "journal: damaged in %s at offset %zu: position %" PRIu64
         " was synced and cannot be read",
         file ? file->name : "(no file)", file ? file->used : 0, c->end);
    return ERR_CORRUPT;
}

static enum err look_for_proof(struct chain *c, struct chain_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum err err = want(c, &files[i], files[i].data);

        if (err)
            return err;
        if (has_proof(c, &files[i]))
            return corrupt(c, files, count);
    }
    return ERR_OK;
}

enum err chain_walk(struct chain *c, struct chain_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum err err = walk_file(c, &files[i]);

        if (err)
            return err;
    }
    if (c->end < c->synced)
        return corrupt(c, files, count);
    return c->is_closed && c->end == c->synced ? ERR_OK : look_for_proof(c, files, count);
}
