/*
 * room.h - the segments of a shard: where extents get their place, and when that is given back.
 *
 *     ORDERED --SEGMENT_MADE durable, blob made--> OPEN --full, or nobody's--> CLOSING
 *        |                                           --all durable--> SEALING --space given back--.
 *        `--lent to a move, which makes and fills the blob (move.h)-------------------------------+
 *                                                                                                 v
 *     gone <--blob removed-- DROPPED <--SEGMENT_DROPPED durable-- (no extent left) ------------ SEALED
 *
 *   S1  A blob is made only after SEGMENT_MADE is durable, and removed only after SEGMENT_DROPPED is.
 *   S2  live is the sum of the sizes of the extents in the index that lie in the segment. It is
 *       dropped only when there is none, and nobody works with it.
 *   S3  A segment of an older claim is SEALED: nothing is ever added to it.
 *   S4  Space is given out once: what lies below end is never written again.
 *
 * A log that appends much at a time has an open segment of its own, which takes more space as it
 * fills, and the next one is ordered when half of it is used: so that no append has to go to the
 * journal for lack of a file. One that is not used for a minute is closed.
 *
 * Changes (docs/journal.md):
 *   SEGMENT_MADE     epoch, number, log (0: of several), end (0 but in checkpoints)
 *   SEGMENT_DROPPED  number
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_ROOM_H
#define ENGINE_ROOM_H

#include "base/list.h"
#include "base/map.h"
#include "engine/row.h"
#include "engine/segment.h"
#include "store/blob.h"

struct engine;
struct extent;
struct log;

enum segment_state {
    SEGMENT_ORDERED,
    SEGMENT_OPEN,
    SEGMENT_CLOSING,
    SEGMENT_SEALING,
    SEGMENT_SEALED,
    SEGMENT_DROPPED,
};

struct segment {
    struct row         row;
    struct blob_id     id;
    uint64_t           log;      /* 0: of several */
    uint64_t           end;      /* S4 */
    uint64_t           live;     /* S2 */
    uint64_t           space;    /* of a sealed one: what it takes on the disk */
    uint64_t           reserved; /* of an open one: how far its blob reaches */
    uint64_t           position; /* of the journal, which must be durable for the next step */
    enum segment_state state;
    bool               is_growing;
    unsigned           tries; /* to rewrite it */
    unsigned           users; /* moves that fill or read it */
    struct blob       *blob;  /* of an open one */
    struct log        *owner; /* whose open one it is, or the next one */
    int64_t            used_ms; /* of an open one: the last time */
    struct list        in_rooms; /* the list of what it waits for; of an open one: rooms.open */
};

struct rooms {
    struct idmap segments; /* number -> struct segment */
    uint64_t     last_number;
    uint64_t     segment_bytes; /* size of one */
    struct list  waiting;       /* for the journal */
    struct list  open;          /* the longest unused first */
    size_t       open_count;
    struct list  empty;   /* sealed, without extents, and not dropped yet */
    struct list  sparse;  /* sealed, less than half live */
    struct list  errands; /* struct errand (room.c) on their way */
};

void room_init(struct rooms *r, uint64_t segment_bytes);
void room_fini(struct engine *e);
/* What a claim before left open is sealed; blobs that nobody names are removed. */
MUST_CHECK enum err room_on_recovered(struct engine *e);
/* At an orderly end, when all is on disk: blocking. */
void room_seal_all(struct engine *e);
/* At the end of a turn, before its kick. */
void room_on_turn(struct engine *e);
void room_on_durable(struct engine *e);
bool room_is_idle(const struct engine *e);

struct segment *room_find(const struct engine *e, uint64_t number);
/* An open segment of the log with so many bytes of room, or NULL: then one is on its way. */
struct segment *room_get(struct engine *e, struct log *l, uint64_t bytes);
/* The place for an extent of so many bytes of batches in it; the room is there. */
uint32_t room_give(struct engine *e, struct segment *s, uint32_t bytes);
/* The log has no need of its open segment any more. */
void room_leave(struct engine *e, struct log *l);

/* For moves: a new one, whose name is durable when the journal is up to segment.position. It counts
 * as used until room_return. */
struct segment *room_order(struct engine *e, uint64_t log);
/* It was filled and sealed up to end, or not made (end 0). */
void room_return(struct engine *e, struct segment *s, uint64_t end);

/* A sealed segment of which less than half is live, for its extents to be moved; NULL: none. It
 * counts as used until room_release. */
struct segment *room_take_sparse(struct engine *e);
void room_release(struct engine *e, struct segment *s);

/* Makes the blob of a segment whose name is durable, with its header. Blocking, any thread. */
MUST_CHECK enum err segment_create(struct shard *shard, struct blob_id id, uint64_t log,
                                   uint64_t bytes, struct blob **out);

/* An extent came into the index, or goes from it. */
void room_put(struct engine *e, struct extent *x);
void room_take(struct engine *e, struct extent *x);

#endif
