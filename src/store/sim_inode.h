/*
 * sim_inode.h - the bytes of a file on the simulated disk: as they read now (a block, so that
 * mappings are holds of it), as the medium has them, and copies of the writes that are only in the
 * first.
 *
 * Thread: under the disk's lock.
 */
#ifndef STORE_SIM_INODE_H
#define STORE_SIM_INODE_H

#include "base/block.h"
#include "base/list.h"

#include <sys/uio.h>

struct inode;

/* What a disk draws, and a lie that it was told to tell. */
struct sim_chance {
    uint64_t random;
    uint64_t misdirect; /* the n-th write from now on that is synced goes elsewhere; 0: none */
    bool     has_lied;
    const struct inode *lied_in; /* whose last write that was; NULL: others came after it */
};

uint64_t sim_random(struct sim_chance *c);
/* True when it comes to 0; 0 stays. */
bool sim_counts_down(uint64_t *n);

struct inode {
    unsigned      refs;
    struct block *now; /* cap is the size */
    uint8_t      *medium;       /* what lies behind medium_cap reads as zeros */
    uint64_t      medium_bytes, medium_cap;
    bool          is_astray;    /* a write went elsewhere: both differ where nothing is unsynced */
    struct list   unsynced; /* oldest first */
};

struct inode *inode_new(uint64_t bytes);
struct inode *inode_hold(struct inode *i);
void inode_drop(struct inode *i); /* NULL is allowed */
/* The same content, all of it on the medium. */
struct inode *inode_clone(const struct inode *i);
void inode_resize(struct inode *i, uint64_t bytes);
/* One write, however many pieces it comes in: it is torn between sectors, not between pieces.
 * Returns its length. */
size_t inode_write(struct inode *i, uint64_t offset, const struct iovec *iov, size_t count);
void inode_set(struct inode *i, struct bytes content);
void inode_sync(struct sim_chance *c, struct inode *i);
/* Of what is not synced some is there and some is not. */
void inode_crash(struct sim_chance *c, struct inode *i);
/* What the system has in memory is what the medium has. */
void inode_reread(struct inode *i);
/* Changes a bit of a byte that is there. */
void inode_rot(struct inode *i, uint64_t offset);

#endif
