/* volume.c - see volume.h: finds the kind of volume that a URI names, and calls it. */
#include "store/volume.h"
#include "store/disk_file.h"
#include "store/disk_sim.h"
#include "store/volume_file.h"
#include "store/volume_int.h"

#include <assert.h>
#include <stdlib.h>

static enum err open_file(const char *rest, struct disk **out)
{
    return rest[0] ? disk_file_open(out, rest) : ERR_BAD_ARGUMENT;
}

static enum err open_sim(const char *rest, struct disk **out)
{
    *out = disk_sim_new(strtoull(rest, NULL, 10));
    return ERR_OK;
}

static const struct {
    const char *scheme;
    enum err (*open)(const char *rest, struct disk **out);
} kinds[] = {
    { "file:", open_file },
    { "sim:", open_sim },
};

enum err volume_open(struct volume **out, const char *uri)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct disk *disk;
        enum err     err;

        if (!bytes_starts(bytes_str(uri), kinds[i].scheme))
            continue;
        err = kinds[i].open(uri + strlen(kinds[i].scheme), &disk);
        if (err)
            return err;
        err = volume_file_open(out, disk, true);
        if (err)
            disk_close(disk);
        return err;
    }
    return ERR_BAD_ARGUMENT;
}

void volume_close(struct volume *v)
{
    v->ops->close(v);
}

const char *volume_id(const struct volume *v)
{
    return v->id;
}

enum err shard_claim(struct shard **out, struct volume *v, uint32_t id, struct mailbox *box)
{
    return id < SHARD_MAX ? v->ops->claim(v, id, box, out) : ERR_BAD_ARGUMENT;
}

void shard_release(struct shard *s)
{
    s->ops->release(s);
}

uint32_t shard_id(const struct shard *s)
{
    return s->id;
}

uint64_t shard_epoch(const struct shard *s)
{
    return s->epoch;
}

const char *shard_directory(const struct shard *s)
{
    return s->ops->directory(s);
}

enum err shard_put_checkpoint(struct shard *s, struct bytes content)
{
    return s->ops->put_checkpoint(s, content);
}

enum err shard_get_checkpoint(struct shard *s, struct buf *out, bool *is_there)
{
    return s->ops->get_checkpoint(s, out, is_there);
}

enum err shard_replay(struct shard *s, uint64_t from, shard_replay_fn *fn, void *ctx)
{
    return s->ops->replay(s, from, fn, ctx);
}

enum err shard_start(struct shard *s, uint64_t file_bytes, uint64_t *position)
{
    if (file_bytes == 0)
        file_bytes = JOURNAL_FILE_BYTES;
    if (file_bytes < JOURNAL_FILE_BYTES_MIN)
        file_bytes = JOURNAL_FILE_BYTES_MIN;
    return s->ops->start(s, file_bytes, position);
}

void shard_append(struct shard *s, struct append *a)
{
    assert(a->bytes > 0 && a->bytes % 8 == 0 && a->bytes <= FRAME_BODY_MAX);
    s->ops->append(s, a);
}

void shard_hold(struct shard *s)
{
    s->ops->hold(s);
}

bool shard_let_go(struct shard *s, bool is_alone)
{
    return s->ops->let_go(s, is_alone);
}

enum err shard_view(struct shard *s, uint64_t position, uint32_t len, struct slice *out)
{
    return s->ops->view(s, position, len, out);
}

enum err shard_load(struct shard *s, uint64_t position, size_t len, void *out)
{
    return s->ops->load(s, position, len, out);
}

void shard_trim(struct shard *s, uint64_t position)
{
    s->ops->trim(s, position);
}

uint64_t shard_oldest(const struct shard *s)
{
    return s->ops->oldest(s);
}

void shard_set_free_min(struct shard *s, uint64_t bytes)
{
    s->ops->set_free_min(s, bytes);
}

bool shard_is_full(const struct shard *s)
{
    return s->ops->is_full(s);
}

void shard_work(struct shard *s, enum work_lane lane, struct work *w)
{
    s->ops->work(s, lane, w);
}

uint64_t shard_replay_bytes(const struct shard *s)
{
    return s->replay_bytes;
}
