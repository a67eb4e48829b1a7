/*
 * engine.h - the deterministic machine behind all doors: what messaging means.
 *
 * It knows no sockets, no clock, no threads, and draws nothing at random: time comes with every
 * turn, random bytes from a seeded generator, storage through the journal. The same inputs give
 * the same outputs and the same journal.
 *
 *     engine_begin(now) -> engine_submit(call)... -> engine_end()        one turn
 *     the volume's completion mail -> on_durable releases answers (call.h C3)
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "engine/call.h"

struct engine;
struct limits;
struct rights;
struct shard;

/* What a start consists of. */
enum engine_stage {
    ENGINE_LOADS,   /* rows of the checkpoint */
    ENGINE_REPLAYS, /* bytes of the journal behind it; all of them is an upper bound */
};

struct engine_options {
    uint64_t seed;                   /* of the generator for topic ids and names */
    uint64_t journal_file_bytes;     /* 0: default */
    uint64_t journal_frame_bytes;    /* more of one turn goes into a frame of its own. 0: default */
    uint64_t pending_bytes_max;      /* journalled and not durable; above it publishes wait. 0: default */
    struct checkpoint_options {      /* 0: default */
        uint64_t every_bytes; /* of journal; 0: half of journal_bytes_max */
        size_t   every_rows;  /* changed, made or removed */
        size_t   turn_rows;   /* gathered in one turn */
    } checkpoint;
    uint64_t leases_bytes_max;       /* memory for messages in consumers' hands and given back; above it none is handed
                                      * out that takes more. 0: default */
    uint64_t journal_bytes_max; /* of journal that is kept for the batches in it; beyond, they are moved. 0: default */
    uint64_t index_bytes_max;   /* of memory for the index of those batches; likewise. 0: default */
    uint64_t cache_bytes_max;   /* of loaded extents. 0: default */
    uint64_t hot_bytes;         /* of the journal, written last, that are taken to be in memory. 0: default */
    uint64_t scrub_bytes_per_s; /* of stored batches read again in the background. 0: default */
    uint64_t segment_bytes;     /* size of a segment. 0: default */
    uint64_t compact_keys_bytes; /* of memory for keys while logs are compacted. 0: default */
    uint64_t direct_bytes_min;  /* appended to a log in one turn: it goes to a segment at once. 0: default */
    void (*on_failed)(void *ctx, enum err err, const char *what); /* the disk failed: stop the process */
    /* From inside engine_open, again and again while it lasts: how much of it is done. May be NULL. */
    void (*on_progress)(void *ctx, enum engine_stage stage, uint64_t done, uint64_t all);
    void *ctx;
    struct limits *limits; /* likewise (limits.h) */
    struct rights *rights; /* kept up to date (rights.h), and the owner's; NULL: the engine has its own */
};

enum {
    ENGINE_PENDING_BYTES = 64 << 20,
    ENGINE_JOURNAL_BYTES = 256 << 20,
    ENGINE_INDEX_BYTES = 64 << 20,
    ENGINE_CACHE_BYTES = 128 << 20,
    ENGINE_HOT_BYTES = 64 << 20,
    ENGINE_SCRUB_BYTES_PER_S = 4 << 20,
    ENGINE_SEGMENT_BYTES = 256 << 20,
    ENGINE_LEASES_BYTES = 256 << 20,
    ENGINE_COMPACT_BYTES = 32 << 20,
    /* Measured with one log and batches of 64 KiB: with 256 KiB under way at a time either way is as
     * fast, with 1 MiB the segment is by a tenth and with 4 MiB by a third; and the journal's way
     * writes everything twice in the end. */
    ENGINE_DIRECT_BYTES = 256 << 10,
};

/*
 * Shares so many bytes of memory among what grows with the work: half for messages in consumers'
 * hands, a quarter for loaded extents (most of which is the system's page cache), an eighth each for
 * the index of batches in the journal and for what is on its way to the disk; a sixteenth more for
 * keys while a log is compacted. What names things (topics, queues, bindings, groups, extents) comes
 * on top of it.
 */
void engine_share_memory(struct engine_options *o, uint64_t bytes);

/* Opens the engine on a claimed shard: loads the checkpoint, replays the journal. */
MUST_CHECK enum err engine_open(struct engine **out, struct shard *shard, const struct engine_options *options,
                                int64_t now_ms);
/* Answers what is parked with ERR_SHUTDOWN and frees. The journal must be idle (engine_is_idle). */
void engine_close(struct engine *e);
/* The same for a process that dies here, at any moment (simulators, tests): writes nothing. What
 * has not left by then goes home unsaid, so that its owners can free it. */
void engine_kill(struct engine *e);

/* Figures of the moment. */
struct engine_counters {
    uint64_t leases;            /* messages with an entry: leased, or given back */
    uint64_t leases_bytes, leases_bytes_max;
    uint64_t outstanding_bytes; /* with delayed messages */
    uint64_t starved;           /* how often since the start a queue had to wait for leases_bytes_max */
};
struct engine_counters engine_counters(const struct engine *e);

void engine_begin(struct engine *e, int64_t now_ms);
void engine_submit(struct engine *e, struct call *c);
void engine_end(struct engine *e);
/* When the next timer is due; INT64_MAX: none. */
int64_t engine_next_ms(const struct engine *e);
bool engine_is_idle(const struct engine *e);
/* A checkpoint is gathered or written. Who closes the engine when it is none gets all of the state
 * into the last one. */
bool engine_is_saving(const struct engine *e);
/* More is journalled and not yet on disk than options.pending_bytes_max, or far more is in the journal
 * than could be moved out of it: the owner stops submitting until that is over. */
bool engine_is_congested(const struct engine *e);
/* Of the journal, when it was opened. */
uint64_t engine_replayed_bytes(const struct engine *e);

#endif
