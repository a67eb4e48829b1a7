/*
 * world.h - one simulated run: the real store and engine on a simulated disk, clients, a clock that
 * only the world moves, and the order in which everything happens. All of it follows from the seed.
 *
 *     world_start --> world_step... --> world_stop or world_die --> world_start ...
 *
 * A request is one call of one client. It waits in the inbox until a turn of the engine takes it,
 * and gets its number then: the numbers say in which order the engine saw the calls.
 *
 *   W1  on_submit runs right before the engine sees the call: what the model does there, it does in
 *       the engine's order.
 *   W2  Each request ends once: on_answer, or on_lost when the process died first. A lost request
 *       without number never reached the engine.
 *   W3  `durable` is the highest number known to be durable with all before it: an answer that is
 *       not relaxed leaves after all that was journalled before it (engine/call.h C3).
 *   W4  What a client receives was made after its clean turn: the last one at which the engine had
 *       nothing left to send when the client last emptied its mailbox.
 *
 * Thread: the simulator's only one.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/list.h"
#include "draw.h"
#include "engine/engine.h"
#include "engine/exchange_calls.h"
#include "engine/transact_calls.h"
#include "plan.h"
#include "store/disk_sim.h"
#include "store/volume_file.h"

enum { CLIENTS_MAX = 24 };

struct client;
struct model;
struct request;
struct world;

struct client_kind {
    const char *name;
    size_t      size;
    void (*begin)(struct client *c);    /* may be NULL */
    void (*step)(struct client *c);     /* does the next thing, if it wants to */
    void (*on_session_end)(struct client *c); /* it was closed, or the process died */
    void (*end)(struct client *c);      /* frees what it has */
};

struct client {
    const struct client_kind *kind;
    struct world             *world;
    struct mailbox            home;
    uint64_t                  session;
    uint64_t                  clean_turn; /* W4, and its time */
    int64_t                   clean_ms;
    size_t                    index; /* in world.clients */
    bool                      is_closing;
    bool                      is_closed; /* the engine saw that; the answer has not come yet */
    unsigned                  out;   /* requests under way */
};

struct request_kind {
    void (*on_submit)(struct request *r); /* may be NULL, as the others */
    void (*on_answer)(struct request *r);
    void (*on_lost)(struct request *r);
};

struct request {
    const struct request_kind *kind;
    struct client             *client;
    struct call               *call;
    struct list                in_world;
    struct list                in_inbox;
    uint64_t                   number;    /* 0: not submitted yet */
    int64_t                    submit_ms; /* the engine's time then */
};

struct world_counts {
    uint64_t calls, turns, crashes, kills, stops, recoveries, delivered, audits;
    uint64_t trimmed, holes; /* records that went with the start of their log, or from within */
    uint64_t damages, refusals, unreadable; /* what was damaged, and what came of it */
};

struct world {
    uint64_t            seed;
    bool                is_verbose;
    struct plan         plan;
    struct draw         draw;
    struct disk        *disk;
    struct volume      *volume;
    struct shard       *shard;
    struct engine      *engine; /* NULL: down */
    struct mailbox      completions;
    struct model       *model;
    struct client      *clients[CLIENTS_MAX];
    size_t              client_count;
    struct list         requests;
    struct list         inbox;
    uint64_t            last_number;
    uint64_t            durable;      /* W3 */
    uint64_t            last_session; /* of all lives */
    uint64_t            last_taker;   /* likewise, of subscriptions */
    int64_t             now_ms;
    uint64_t            step;
    uint64_t            turn;
    int64_t             turn_ms;   /* its time: what was handed out was handed out by then */
    uint64_t            idle_turn; /* the last one that left nothing to send, and its time */
    int64_t             idle_ms;
    bool                has_failed; /* the engine said that the disk failed */
    bool                is_dying;   /* answers that come now are never seen by anybody */
    bool                is_calm;    /* no more faults */
    bool                is_drained; /* nobody does anything any more, and all time limits are over */
    bool                is_short;   /* of disk space, or was in this life */
    bool                may_be_damaged; /* what cannot be read is not a broken rule now */
    bool                is_damaged;     /* and something could not */
    bool                has_told;       /* a line said that something is, and it was given up */
    struct world_counts counts;
};

void world_init(struct world *w, uint64_t seed, const struct plan_mask *mask, bool is_verbose);
void world_fini(struct world *w);

/* Opens volume, shard and engine. An error: everything is closed again. */
MUST_CHECK enum err world_start(struct world *w);
/* The process dies here; with is_power the machine does. */
void world_die(struct world *w, bool is_power);
/* An orderly end. */
void world_stop(struct world *w);
/* The disk failed or the power is gone: the process cannot go on. */
bool world_is_dead(const struct world *w);

/* One thing, drawn. */
void world_step(struct world *w);
void world_turn(struct world *w);
/* All the disk's work and all mail, until the engine has nothing left to send. False: it died. */
bool world_settle(struct world *w);
void world_run_mail(struct client *c);
void world_advance(struct world *w, int64_t ms);

struct client *world_add(struct world *w, const struct client_kind *kind);
void world_new_session(struct client *c);

/* A request of size bytes (it begins with struct request) with a call of call_size bytes. */
void *request_new(struct client *c, const struct request_kind *kind, size_t size, enum call_kind call,
                  size_t call_size);
/* From now on the world owns it. */
void request_send(void *request);
/* Sends and waits. False: the process died; the request is gone then, too. With true the caller
 * frees it. */
bool request_ask(void *request);
void request_free(void *request);

#define TRACE(w, ...)                                                                              \
    do {                                                                                           \
        if ((w)->is_verbose)                                                                       \
            world_trace((w), __VA_ARGS__);                                                         \
    } while (0)
__attribute__((format(printf, 2, 3))) void world_trace(const struct world *w, const char *format,
                                                       ...);
/* A rule is broken: says which, where and how to see it again, and ends the process. */
__attribute__((format(printf, 3, 4), noreturn)) void violation(const struct world *w,
                                                               const char *rule,
                                                               const char *format, ...);

#endif
