/*
 * clients.h - the programs that use the engine, one file each.
 *
 * Thread: the simulator's only one.
 */
#ifndef SIM_CLIENTS_H
#define SIM_CLIENTS_H

#include "model.h"
#include "world.h"

extern const struct client_kind producer_kind;   /* appends to partitions, with sequence numbers or without */
extern const struct client_kind sender_kind;     /* appends to queues, with delays */
extern const struct client_kind reader_kind;     /* reads logs, waits at their ends */
extern const struct client_kind worker_kind;     /* leases by call */
extern const struct client_kind subscriber_kind; /* leases by subscription */
extern const struct client_kind binder_kind;     /* exchanges and bindings come and go */
extern const struct client_kind publisher_kind;  /* publishes through exchanges */
extern const struct client_kind member_kind;     /* consumers of groups */
extern const struct client_kind committer_kind;  /* offsets from outside of groups, and looks at them */
extern const struct client_kind group_admin_kind; /* describes and deletes groups, forgets offsets */
extern const struct client_kind writer_kind;     /* writes in transactions of Kafka */
extern const struct client_kind copier_kind;     /* consumes, produces and commits in them */
extern const struct client_kind surveyor_kind;   /* sizes, offsets by time, producers, transactional ids */
extern const struct client_kind registrar_kind;  /* users come and go */
extern const struct client_kind definer_kind;    /* makes and deletes, alters, purges, looks */

extern const struct client_kind curator_kind;    /* alters topics, trims logs */

/* Of a topic, as the plan allows. */
struct topic_policy curator_draw_policy(struct world *w);

/* Ends the client's session; it must not send anything until that is answered (is_closing). */
void session_close(struct client *c);

/* A queue of the client's own: exclusive, auto-delete, transient or not. private.c */
void private_declare(struct client *c);

/* Topics and queues to begin with. False: the process died. */
bool definer_begin(struct client *c);

/* One that exists, or one that might. */
void draw_exchange(struct draw *d, char out[NAME_BYTES]);
/* Whether it is bound or not, afterwards it is. False: the process died. */
bool binder_bind_again(struct client *c, const struct m_binding *of);

/* A partition of a topic, both of which exist or might; and an offset that nobody committed before. */
void draw_slot(struct world *w, struct call *c, struct offset_item *item);
void draw_offset(struct world *w, struct call *c, struct offset_item *item);
/* The first offsets of the groups that are to stay. False: the process died; so it is with looking
 * at all that a group has. */
bool committer_begin(struct client *c);
bool committer_look(struct client *c, unsigned group);

/* It has come to the end of what it copies. */
bool copier_is_done(const struct client *c);

/* At all users, decides what a crash left in doubt. False: the process died. */
bool registrar_look(struct client *c);

/* ---- what workers and subscribers have in hand: hand.c ---- */
enum { HAND_MAX = 96 };

struct hand_item {
    struct m_queue *queue;
    struct lease    lease;
};

struct hand {
    struct client   *client;
    struct hand_item at[HAND_MAX];
    size_t           count;
    struct hand_item old[HAND_MAX]; /* settled by us or perhaps no longer ours */
    size_t           old_count;
};

void hand_init(struct hand *h, struct client *c);
void hand_clear(struct hand *h);
void hand_add(struct hand *h, struct m_queue *q, const struct lease *lease);
/* Settles some of it, in a way that the plan allows. */
void hand_settle(struct hand *h);
/* One out of it, for somebody who will settle it; with is_old one that was settled before. The hand
 * (or the old part of it) is not empty. */
struct hand_item hand_take(struct hand *h, bool is_old);

/* ---- several calls at once: transact.c ---- */
/* Appends to some logs and queues and settles some of what is in hand, all or nothing. */
void hand_transact(struct hand *h);

#endif
