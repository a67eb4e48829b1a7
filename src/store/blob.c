/* blob.c - see blob.h: calls the kind of volume that the blob or shard belongs to. */
#include "store/blob.h"
#include "store/volume_int.h"

#include <assert.h>

enum err shard_blob_create(struct shard *s, struct blob_id id, uint64_t bytes, struct blob **out)
{
    assert(id.epoch == s->epoch && bytes > 0); /* V7 */
    return s->ops->blob_create(s, id, bytes, out);
}

enum err shard_blob_load(struct shard *s, struct blob_id id, uint64_t offset, uint32_t len,
                         struct slice *out)
{
    return s->ops->blob_load(s, id, offset, len, out);
}

enum err shard_blob_remove(struct shard *s, struct blob_id id)
{
    return s->ops->blob_remove(s, id);
}

enum err shard_blob_list(struct shard *s, shard_blob_fn *fn, void *ctx)
{
    return s->ops->blob_list(s, fn, ctx);
}

struct sweep {
    struct shard       *shard;
    shard_blob_keep_fn *keep;
    void               *ctx;
    enum err            err;
};

static void sweep_blob(void *ctx, struct blob_id id, uint64_t bytes)
{
    struct sweep *w = ctx;

    (void)bytes;
    if (!w->err && !w->keep(w->ctx, id))
        w->err = shard_blob_remove(w->shard, id);
}

enum err shard_blob_sweep(struct shard *s, shard_blob_keep_fn *keep, void *ctx)
{
    struct sweep w = { s, keep, ctx, ERR_OK };
    enum err     err = shard_blob_list(s, sweep_blob, &w);

    return err ? err : w.err;
}

enum err blob_reserve(struct blob *b, uint64_t bytes)
{
    return b->ops->blob_reserve(b, bytes);
}

uint64_t blob_reserved(const struct blob *b)
{
    return b->ops->blob_reserved(b);
}

enum err blob_write(struct blob *b, uint64_t offset, struct iovec *iov, size_t count)
{
    return b->ops->blob_write(b, offset, iov, count);
}

enum err blob_sync(struct blob *b)
{
    return b->ops->blob_sync(b);
}

enum err blob_seal(struct blob *b, uint64_t end)
{
    return b->ops->blob_seal(b, end);
}

struct slice blob_view(struct blob *b, uint64_t offset, uint32_t len)
{
    return b->ops->blob_view(b, offset, len);
}

struct blob_id blob_id(const struct blob *b)
{
    return b->id;
}

struct blob *blob_hold(struct blob *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void blob_drop(struct blob *b)
{
    if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
        b->ops->blob_free(b);
}
