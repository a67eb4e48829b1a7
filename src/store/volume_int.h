/*
 * volume_int.h - what a kind of volume provides, and what all kinds begin with. Only
 * src/store/volume*.c and shard_*.c include it. The functions' contracts are those of volume.h and blob.h.
 */
#ifndef STORE_VOLUME_INT_H
#define STORE_VOLUME_INT_H

#include "store/blob.h"

#include <stdatomic.h>

struct volume_ops {
    void (*close)(struct volume *v);
    enum err (*claim)(struct volume *v, uint32_t id, struct mailbox *box, struct shard **out);
};

struct shard_ops {
    void (*release)(struct shard *s);
    const char *(*directory)(const struct shard *s);
    enum err (*put_checkpoint)(struct shard *s, struct bytes content);
    enum err (*get_checkpoint)(struct shard *s, struct buf *out, bool *is_there);
    enum err (*replay)(struct shard *s, uint64_t from, shard_replay_fn *fn, void *ctx);
    enum err (*start)(struct shard *s, uint64_t file_bytes, uint64_t *position);
    void (*append)(struct shard *s, struct append *a);
    void (*hold)(struct shard *s);
    bool (*let_go)(struct shard *s, bool is_alone);
    enum err (*view)(struct shard *s, uint64_t position, uint32_t len, struct slice *out);
    enum err (*load)(struct shard *s, uint64_t position, size_t len, void *out);
    void (*trim)(struct shard *s, uint64_t position);
    uint64_t (*oldest)(const struct shard *s);
    void (*set_free_min)(struct shard *s, uint64_t bytes);
    bool (*is_full)(const struct shard *s);
    void (*work)(struct shard *s, enum work_lane lane, struct work *w);

    enum err (*blob_create)(struct shard *s, struct blob_id id, uint64_t bytes, struct blob **out);
    enum err (*blob_load)(struct shard *s, struct blob_id id, uint64_t offset, uint32_t len,
                          struct slice *out);
    enum err (*blob_remove)(struct shard *s, struct blob_id id);
    enum err (*blob_list)(struct shard *s, shard_blob_fn *fn, void *ctx);

    enum err (*blob_reserve)(struct blob *b, uint64_t bytes);
    uint64_t (*blob_reserved)(const struct blob *b);
    enum err (*blob_write)(struct blob *b, uint64_t offset, struct iovec *iov, size_t count);
    enum err (*blob_sync)(struct blob *b);
    enum err (*blob_seal)(struct blob *b, uint64_t end);
    struct slice (*blob_view)(struct blob *b, uint64_t offset, uint32_t len);
    void (*blob_free)(struct blob *b);
};

struct volume {
    const struct volume_ops *ops;
    char                     id[VOLUME_ID_LEN + 1];
};

struct shard {
    const struct shard_ops *ops;
    struct mailbox         *box;
    uint32_t                id;
    uint64_t                epoch;
    uint64_t                replay_bytes; /* shard_replay_bytes */
};

struct blob {
    const struct shard_ops *ops;
    struct blob_id          id;
    atomic_uint             refs;
};

#endif
