/* sim_inode.c - see sim_inode.h. */
#include "store/sim_inode.h"
#include "base/mem.h"

#include <stdlib.h>

enum { SECTOR_BYTES = 512 };

struct unsynced {
    struct list in_inode;
    uint64_t    offset;
    size_t      len;
    uint8_t     bytes[];
};

/* splitmix64 */
uint64_t sim_random(struct sim_chance *c)
{
    uint64_t z = c->random += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

bool sim_counts_down(uint64_t *n)
{
    return *n > 0 && --*n == 0;
}

struct inode *inode_new(uint64_t bytes)
{
    struct inode *i = mem_new(sizeof *i);

    i->refs = 1;
    i->now = block_new(bytes);
    memset(i->now->at, 0, bytes);
    list_init(&i->unsynced);
    return i;
}

static void forget_unsynced(struct inode *i)
{
    struct list *l;

    while ((l = list_pop(&i->unsynced)) != NULL)
        free(CONTAINER(l, struct unsynced, in_inode));
}

void inode_drop(struct inode *i)
{
    if (!i || --i->refs > 0)
        return;
    forget_unsynced(i);
    block_drop(i->now);
    free(i->medium);
    free(i);
}

struct inode *inode_hold(struct inode *i)
{
    i->refs++;
    return i;
}

void inode_resize(struct inode *i, uint64_t bytes)
{
    struct block *b = block_new(bytes);
    size_t        same = i->now->cap < bytes ? i->now->cap : bytes;

    memcpy(b->at, i->now->at, same);
    memset(b->at + same, 0, bytes - same);
    block_drop(i->now);
    i->now = b;
}

size_t inode_write(struct inode *i, uint64_t offset, const struct iovec *iov, size_t count)
{
    struct unsynced *u;
    size_t           len = 0;

    for (size_t k = 0; k < count; k++)
        len += iov[k].iov_len;
    u = mem_new(sizeof *u + len);
    u->offset = offset;
    for (size_t k = 0; k < count; k++) {
        if (iov[k].iov_len > 0)
            memcpy(u->bytes + u->len, iov[k].iov_base, iov[k].iov_len);
        u->len += iov[k].iov_len;
    }
    if (offset + len > i->now->cap)
        inode_resize(i, offset + len);
    memcpy(i->now->at + offset, u->bytes, len);
    list_push(&i->unsynced, &u->in_inode);
    return len;
}

void inode_set(struct inode *i, struct bytes content)
{
    struct iovec iov = { (void *)(uintptr_t)content.at, content.len };

    inode_write(i, 0, &iov, 1);
}

static void medium_resize(struct inode *i, uint64_t bytes)
{
    if (bytes < i->medium_cap)
        memset(i->medium + bytes, 0, i->medium_cap - bytes);
    i->medium_bytes = bytes;
}

/* Files are long and mostly empty: memory is only taken up to the last byte that was written. */
static void medium_write(struct inode *i, uint64_t offset, const uint8_t *bytes, size_t len)
{
    uint64_t end = offset + len;

    if (end > i->medium_cap) {
        uint64_t cap = end + end / 2;

        i->medium = mem_resize(i->medium, cap);
        memset(i->medium + i->medium_cap, 0, cap - i->medium_cap);
        i->medium_cap = cap;
    }
    memcpy(i->medium + offset, bytes, len);
}

void inode_reread(struct inode *i)
{
    uint64_t      have = i->medium_cap < i->medium_bytes ? i->medium_cap : i->medium_bytes;
    struct block *b = block_new(i->medium_bytes);

    if (have > 0)
        memcpy(b->at, i->medium, have);
    memset(b->at + have, 0, i->medium_bytes - have);
    block_drop(i->now);
    i->now = b;
    i->is_astray = false;
}

/* Where it belongs, or, without a word, where another sector of the file lies. */
static void land(struct sim_chance *c, struct inode *i, const struct unsynced *u)
{
    uint64_t offset = u->offset;

    if (c->lied_in == i)
        c->lied_in = NULL;
    if (sim_counts_down(&c->misdirect) && i->medium_bytes > u->len + SECTOR_BYTES) {
        offset = sim_random(c) % (i->medium_bytes - u->len) / SECTOR_BYTES * SECTOR_BYTES;
        i->is_astray = true;
        c->has_lied = true;
        c->lied_in = i;
    }
    if (offset + u->len <= i->medium_bytes)
        medium_write(i, offset, u->bytes, u->len);
}

void inode_sync(struct sim_chance *c, struct inode *i)
{
    struct list *l;

    medium_resize(i, i->now->cap);
    while ((l = list_pop(&i->unsynced)) != NULL) {
        struct unsynced *u = CONTAINER(l, struct unsynced, in_inode);

        land(c, i, u);
        free(u);
    }
}

/* Each sector of a write that was not synced is there or not. */
static void land_some(struct sim_chance *c, struct inode *i, const struct unsynced *u)
{
    size_t sector = sim_random(c) & 1 ? 512 : 4096;
    size_t at = 0;

    while (at < u->len) {
        size_t n = sector - (u->offset + at) % sector;

        if (n > u->len - at)
            n = u->len - at;
        if (sim_random(c) & 1 && u->offset + at + n <= i->medium_bytes)
            medium_write(i, u->offset + at, u->bytes + at, n);
        at += n;
    }
}

void inode_crash(struct sim_chance *c, struct inode *i)
{
    struct list *l;

    if (list_empty(&i->unsynced) && i->medium_bytes == i->now->cap && !i->is_astray)
        return; /* it is the same */
    if (i->medium_bytes != i->now->cap && sim_random(c) & 1)
        medium_resize(i, i->now->cap);
    while ((l = list_pop(&i->unsynced)) != NULL) {
        struct unsynced *u = CONTAINER(l, struct unsynced, in_inode);

        land_some(c, i, u);
        free(u);
    }
    inode_reread(i);
}

struct inode *inode_clone(const struct inode *i)
{
    struct inode *other = inode_new(i->now->cap);

    memcpy(other->now->at, i->now->at, i->now->cap);
    medium_resize(other, i->now->cap);
    medium_write(other, 0, i->now->at, i->now->cap);
    return other;
}

void inode_rot(struct inode *i, uint64_t offset)
{
    i->now->at[offset] ^= 0x10;
    if (offset < i->medium_bytes)
        medium_write(i, offset, &i->now->at[offset], 1);
}
