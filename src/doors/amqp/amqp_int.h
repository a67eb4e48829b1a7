/*
 * amqp_int.h - what the modules of the AMQP door share. Only src/doors/amqp may include it.
 *
 * Who owns whom: door -> connections -> channels -> consumers, unsettled deliveries, a message
 * under construction. Every engine call of a channel counts in channel.calls and conn.calls; the
 * object stays until the last is answered, long after the client may have gone.
 *
 *   A1  Answers on a channel leave in the order of its methods: a method that is answered by the
 *       engine holds the channel (channel_submit_held) until it is; publishes and settles do not, as
 *       nothing later depends on their answers.
 *   A2  A frame for a held channel stops the reading of the whole connection. Nothing the engine
 *       holds a channel for waits for this client, so it goes on by itself; and what a client has
 *       not been able to send needs no memory.
 *   A3  Settles are gathered during a turn and submitted as one call, always before any other
 *       call that could tell.
 *
 * Thread: the loop's.
 */
#ifndef DOORS_AMQP_AMQP_INT_H
#define DOORS_AMQP_AMQP_INT_H

#include "base/map.h"
#include "doors/amqp/amqp_record.h"
#include "doors/amqp/confirms.h"
#include "doors/amqp/errors.h"
#include "doors/amqp/methods.h"
#include "doors/amqp/unacked.h"
#include "doors/amqp/login.h"
#include "engine/exchange_calls.h"
#include "net/door.h"

enum {
    AMQP_FRAME_MAX = 131072,
    AMQP_CHANNEL_MAX = 2047,
    AMQP_HEARTBEAT_S = 60,
    AMQP_HANDSHAKE_MS = 10000,
    AMQP_CLOSE_MS = 30000,
    AMQP_REFUSED_MS = 3000, /* the time a client has left that failed before it was let in */
    /* 406 on the channel: a batch must stay below BATCH_BYTES_MAX. */
    AMQP_MESSAGE_BYTES_MAX = 127 * 1024 * 1024,
    /* 501 on the connection. */
    AMQP_ANNOUNCED_BYTES_MAX = 512 * 1024 * 1024,
    /* In the engine's hands, per connection. */
    AMQP_PUBLISHES_MAX = 16384,
    AMQP_PUBLISHED_BYTES_MAX = 32 * 1024 * 1024,
    AMQP_WAITING_MAX = 64, /* the same while the disk is full: they may be out for long */
    AMQP_WAITING_BYTES_MAX = 256 * 1024,
    /* Publishes that wait for tx.commit, per channel. */
    AMQP_TX_BYTES_MAX = 64 * 1024 * 1024,
    AMQP_CONSUMERS_MAX = 65535, /* per channel */
};

#define LOCKED_TEXT                                                                                \
    "cannot obtain exclusive access to locked %s. It could be originally declared on another "     \
    "connection or the exclusive property value does not match that of the original declaration."

/* The connection's way to the socket; another one in tests. */
struct amqp_link {
    void (*send)(void *to, struct slice s); /* the hold passes */
    void (*send_copy)(void *to, struct bytes b);
    size_t (*queued)(void *to);
    void (*want)(void *to, size_t n);
    void (*pause)(void *to);
    void (*resume)(void *to);
    void (*close)(void *to);
    void (*abort)(void *to);
};

/* ---- amqp.c ---- */
struct publish;
struct amqp_door {
    struct door_server   server; /* first */
    struct loop         *loop;
    struct gate         *gate;
    struct listener     *listener; /* NULL in tests, and when closing */
    const char          *version;
    char                 cluster_name[40];
    bool                 is_closing;
    struct list          conns; /* amqp_conn.in_door */
    struct list          dirty; /* amqp_conn.in_dirty: with news at the end of the turn */
    struct loop_task     turn;
    struct list          publishes; /* used ones, to be used again (publish.in_list) */
    size_t               publish_count;
    struct record_mint   mint;
    struct block        *out; /* being filled with deliveries (deliver.c) */
    size_t               out_used;
    struct buf           frame; /* scratch: a frame being encoded */
    struct record_reader reader;
    uint64_t             seed; /* of the next name made up */
    struct timer         alarm; /* runs while a connection is blocked */
};
/* For tests: a door without a listener. */
struct amqp_door *amqp_door_new(const struct door_env *env);
void amqp_door_free(struct amqp_door *d);
/* What the turn's task does: flushes every dirty connection. */
void amqp_door_flush(struct amqp_door *d);

/* ---- amqp_conn.c ---- */
enum amqp_state {
    AMQP_WANT_HELLO,
    AMQP_STARTING, /* start sent */
    AMQP_TUNING,   /* tune sent */
    AMQP_OPENING,  /* tune-ok received */
    AMQP_RUNNING,
    AMQP_REFUSED, /* waits before it is hung up on */
    AMQP_ENDING,  /* the engine closes the session; the last words wait for that */
    AMQP_ENDED,   /* the last words are said; close-ok or the timer ends it */
    AMQP_SHUT,    /* being closed; nothing is heard any more */
    AMQP_GONE,    /* the socket is no more */
    AMQP_STATE_COUNT
};

enum amqp_hold { HOLD_CHANNEL = 1, HOLD_OUTPUT = 2, HOLD_PUBLISHES = 4, HOLD_CLOSE = 8, HOLD_LOGIN = 16 };

struct amqp_conn {
    struct amqp_door       *door;
    const struct amqp_link *link;
    void                   *to; /* the link's; NULL when gone */
    enum amqp_state         state;
    uint32_t                frame_max;
    uint32_t                channel_max;
    uint32_t                heartbeat_s;
    struct login_peer       peer;
    struct bytes            user; /* who logged in; owned */
    bool                    is_impersonator; /* may say that messages are somebody else's */
    bool                    is_deaf; /* nothing the client sends makes sense any more */
    bool                    wants_failure_close, wants_cancel_notify, wants_blocked; /* client can */
    bool                    is_blocked; /* and was told so (alarm.c) */
    unsigned                holds;
    struct channel         *held_by;
    struct idmap            channels;
    struct channel         *latest;  /* the channel of the last frame */
    struct list             zombies; /* dead channels with calls out: channel.in_zombies */

    uint64_t            session; /* 0: none yet */
    bool                session_closed;
    size_t              calls;
    size_t              publishes_out, publish_bytes_out;
    int64_t             wall_ms; /* of this turn */
    struct settle_item *settles;
    size_t              settle_count, settle_cap;
    bool                settles_free; /* settle_call.requeue_free of those */
    struct list         credits;      /* consumer.in_credits */
    struct list         told;         /* channel.in_told: with confirms to tell */

    bool         heard, said; /* since the last tick */
    unsigned     silent_ticks;
    struct timer patience, hear, say;
    struct buf   last_words;
    struct list  in_door, in_dirty;
};

struct amqp_conn *amqp_conn_open(struct amqp_door *d, const struct amqp_link *link, void *to,
                                 const struct login_peer *peer);
size_t amqp_conn_received(void *self, struct slice in);
void amqp_conn_writable(void *self);
void amqp_conn_closed(void *self);
/* The end of a turn. */
void amqp_conn_flush(struct amqp_conn *c);
/* Puts the connection on the door's list for the end of this turn. To be called first in whatever
 * the loop runs. */
void amqp_conn_touch(struct amqp_conn *c);

void amqp_conn_set_state(struct amqp_conn *c, enum amqp_state to);
void amqp_conn_send(struct amqp_conn *c, uint16_t channel, enum method_id id,
                    const struct arg *args);
/* A hard error: the whole connection ends with connection.close. */
__attribute__((format(printf, 4, 5))) void
amqp_conn_fail(struct amqp_conn *c, enum reply reply, enum method_id at, const char *format, ...);
void amqp_conn_end(struct amqp_conn *c, enum reply reply, enum method_id at,
                   const char *explanation);
/* Decodes a method's arguments; false, and the connection has failed, when they are no such. */
bool amqp_conn_decode(struct amqp_conn *c, enum method_id id, struct bytes payload,
                      struct arg args[METHOD_ARGS_MAX]);
/* The method does not belong into the connection's state. */
void amqp_conn_unexpected(struct amqp_conn *c, enum method_id at);
/* Closes the session, then sends what last_words holds. */
void amqp_conn_close_session(struct amqp_conn *c);
void amqp_conn_hold(struct amqp_conn *c, enum amqp_hold why);
void amqp_conn_release(struct amqp_conn *c, enum amqp_hold why);
/* Submits a call of this connection; its done must end with amqp_conn_answered. */
void amqp_conn_submit(struct amqp_conn *c, struct call *call);
void amqp_conn_answered(struct amqp_conn *c);
void amqp_conn_start_heartbeats(struct amqp_conn *c);
void amqp_conn_wait(struct amqp_conn *c, int64_t ms);

void amqp_conn_on_close(struct amqp_conn *c, const struct arg *args);
void amqp_conn_on_close_ok(struct amqp_conn *c, const struct arg *args);
void amqp_conn_on_update_secret(struct amqp_conn *c, const struct arg *args);

/* ---- alarm.c ---- */
/* A publish of this connection was refused because the disk is full. */
void alarm_raise(struct amqp_conn *c);
void alarm_on_look(struct timer *t, int64_t now_ms);

/* ---- handshake.c ---- */
void handshake_send_start(struct amqp_conn *c);
void handshake_on_start_ok(struct amqp_conn *c, const struct arg *args);
void handshake_on_tune_ok(struct amqp_conn *c, const struct arg *args);
void handshake_on_open(struct amqp_conn *c, const struct arg *args);

/* ---- channel.c ---- */
enum channel_state {
    CHANNEL_OPEN,
    CHANNEL_CLOSING, /* the client closes it; close-ok follows the last of its consumers */
    CHANNEL_FAILED,  /* we closed it; everything is ignored until close-ok */
    CHANNEL_DEAD     /* its number is free; stays for the calls that are out */
};

enum content_want { CONTENT_NONE, CONTENT_HEADER, CONTENT_BODY };
struct content {
    enum content_want   want;
    struct publish     *publish;
    struct record_draft draft;
    uint64_t            body_size;
    uint64_t            body_left;
    bool                is_refused; /* its body is skipped; then the channel fails with the text */
    enum reply          refusal_reply;
    struct buf          refusal;
};

struct tx {
    bool              is_on;
    struct list       publishes; /* publish.in_list */
    size_t            bytes;
    struct tx_settle *settles;
    size_t            settle_count, settle_cap;
};

struct channel {
    struct amqp_conn  *conn;
    uint16_t           number;
    enum channel_state state;
    size_t             calls;
    unsigned           held; /* methods that wait for the engine */
    struct content     content;
    uint8_t            last_queue_len;
    uint8_t            last_queue[UINT8_MAX]; /* last declared */
    uint16_t           prefetch;              /* of later consumers */
    bool               has_limiter;
    uint64_t           last_tag;
    struct unacked     unacked;
    struct map         consumers; /* by tag */
    struct consumer   *reply;     /* the one of direct reply-to, or NULL */
    bool               confirms_on;
    struct confirms    confirms;
    struct tx          tx;
    struct list        in_told;
    struct list        in_zombies;
};

struct channel *channel_find(struct amqp_conn *c, uint16_t number);
void channel_on_frame(struct amqp_conn *c, struct channel *ch, uint8_t type, uint16_t number,
                      struct bytes payload);
void channel_free(struct channel *ch);
/* A soft or hard error of a method. */
__attribute__((format(printf, 4, 5))) void channel_fail(struct channel *ch, enum reply reply,
                                                        enum method_id at, const char *format, ...);
/* The same for an engine error that the method has no own words for. */
void channel_fail_err(struct channel *ch, enum err err, enum method_id at);
/* reply and `format` with one resource text: "no queue 'q' in vhost '/'" is (.., "no %s", "queue", q). */
void channel_fail_resource(struct channel *ch, enum reply reply, enum method_id at,
                           const char *format, const char *kind, struct bytes name);
bool channel_is_open(const struct channel *ch);
/* Submits (settles first, A3) and counts. The second one holds the channel until it is answered. */
void channel_submit(struct channel *ch, void *call);
void channel_submit_held(struct channel *ch, void *call);
/* Begins the handling of an answer to channel_submit or (is_held) channel_submit_held; whether the
 * client is to hear of it. */
bool channel_answered(struct channel *ch, bool is_held);
/* Ends it: frees the call; the channel too when it is dead and this was the last. */
void channel_done(struct channel *ch, void *call);
void channel_send(struct channel *ch, enum method_id id, const struct arg *args);
struct bytes channel_last_queue(const struct channel *ch);
void channel_set_last_queue(struct channel *ch, struct bytes name);
/* A queue argument: empty is the last one declared; null, and the channel failed, when there is none. */
struct bytes channel_queue_arg(struct channel *ch, struct bytes name, enum method_id at);
/* After a consumer has gone: a closing channel may be finished. */
void channel_check_closed(struct channel *ch);
/* 'amq.gen-' or the like + 22 random characters, into out. */
enum { RANDOM_NAME_MAX = 48 };
struct bytes channel_random_name(struct channel *ch, const char *prefix, char out[RANDOM_NAME_MAX]);
struct bytes amqp_vhost(const struct amqp_conn *c);
struct bytes amqp_namespace(const struct amqp_conn *c);

void channel_on_open(struct channel *ch, const struct arg *args);
void channel_on_flow(struct channel *ch, const struct arg *args);
void channel_on_close(struct channel *ch, const struct arg *args);
void channel_on_close_ok(struct channel *ch, const struct arg *args);
void channel_on_access_request(struct channel *ch, const struct arg *args);

/* ---- publish.c ---- */
struct publish {
    struct publish_call call; /* first */
    struct list         in_list;
    uint64_t            sequence; /* 0: no confirm */
    bool                is_mandatory, is_immediate;
    uint32_t            bytes;
    struct slice        copy;                 /* of a mandatory one, in case it comes back */
    uint8_t             names[2 * UINT8_MAX]; /* exchange and key */
};
void publish_on_header(struct channel *ch, struct bytes payload);
void publish_on_body(struct channel *ch, struct bytes payload);
void publish_abort(struct channel *ch);
/* Hands it to the engine. */
void publish_submit(struct channel *ch, struct publish *p);
/* The engine has answered it: what the client hears of that. */
void publish_answer(struct channel *ch, const struct publish *p);
void publish_discard(struct amqp_door *d, struct publish *p);
void publish_free_all(struct amqp_door *d);
void publish_tell_confirms(struct channel *ch);
void publish_on_publish(struct channel *ch, const struct arg *args);
void publish_on_confirm_select(struct channel *ch, const struct arg *args);

/* ---- consume.c ---- */
struct consumer {
    struct channel *channel;
    uint64_t        id; /* the engine's; 0 while it subscribes */
    bool            no_ack;
    bool            is_ending; /* unsubscribe is out */
    bool            is_quiet;  /* ... because its channel goes: what still comes is given back */
    bool            has_ended; /* its queue is gone */
    uint32_t        credit_messages, credit_bytes; /* written and not given back yet */
    struct list     in_credits;
    struct bytes    tag, queue; /* behind the struct */
};
/* Ends all of a channel that is going. */
void consume_end_all(struct channel *ch);
void consume_free(struct consumer *k);
void consume_give_credit(struct consumer *k);
void consume_on_qos(struct channel *ch, const struct arg *args);
void consume_on_consume(struct channel *ch, const struct arg *args);
void consume_on_cancel(struct channel *ch, const struct arg *args);
void consume_on_cancel_ok(struct channel *ch, const struct arg *args);
void consume_on_get(struct channel *ch, const struct arg *args);

/* ---- reply.c ---- */
bool reply_is_address(struct bytes name); /* amq.rabbitmq.reply-to */
bool reply_is_queue(struct bytes name);   /* what such a consumer is told */
/* Whether the channel may have a reply consumer; false: it failed. */
bool reply_check(struct channel *ch, bool no_ack);
/* Its queue, by a name that is put into name. */
struct bytes reply_make_queue(struct channel *ch, char name[RANDOM_NAME_MAX]);
/* Properties with the name of ch->reply's queue in the place of reply_to, which lies in raw. */
void reply_rewrite(const struct channel *ch, struct bytes raw, struct bytes reply_to,
                   struct buf *out);

/* declare-ok of the address, or of a queue behind it: it has one consumer, whatever was declared. */
void reply_send_there(struct channel *ch, struct bytes name, bool is_silent);

/* ---- deliver.c ---- */
/* basic.deliver with its content. False: the message cannot be read any more. */
bool deliver_message(struct consumer *k, const struct message_ref *m);
/* basic.get-ok with its content. */
bool deliver_got(struct channel *ch, const struct message_ref *m, struct bytes queue,
                 uint64_t ready_count);
/* basic.return with its content. */
void deliver_return(struct channel *ch, const struct publish *p);

/* ---- settle.c ---- */
struct tx_settle {
    uint64_t           tag;
    struct lease       lease;
    enum settle_action action;
    bool               is_free;
};
/* Adds to what leaves at the end of the turn. */
void settle_add(struct amqp_conn *c, struct lease lease, enum settle_action action, bool is_free);
void settle_flush(struct amqp_conn *c);
/* Everything the channel holds goes back. */
void settle_release_all(struct channel *ch);
void settle_on_ack(struct channel *ch, const struct arg *args);
void settle_on_nack(struct channel *ch, const struct arg *args);
void settle_on_reject(struct channel *ch, const struct arg *args);
void settle_on_recover(struct channel *ch, const struct arg *args);
void settle_on_recover_async(struct channel *ch, const struct arg *args);

/* ---- tx.c ---- */
void tx_add_publish(struct channel *ch, struct publish *p);
void tx_add_settle(struct channel *ch, uint64_t tag, struct lease lease, enum settle_action action,
                   bool is_free);
void tx_fini(struct channel *ch);
void tx_on_select(struct channel *ch, const struct arg *args);
void tx_on_commit(struct channel *ch, const struct arg *args);
void tx_on_rollback(struct channel *ch, const struct arg *args);

/* ---- declare.c, bind.c ---- */
void declare_on_queue_declare(struct channel *ch, const struct arg *args);
void declare_on_queue_delete(struct channel *ch, const struct arg *args);
void declare_on_queue_purge(struct channel *ch, const struct arg *args);
void declare_on_exchange_declare(struct channel *ch, const struct arg *args);
void declare_on_exchange_delete(struct channel *ch, const struct arg *args);
void bind_on_queue_bind(struct channel *ch, const struct arg *args);
void bind_on_queue_unbind(struct channel *ch, const struct arg *args);
void bind_on_exchange_bind(struct channel *ch, const struct arg *args);
void bind_on_exchange_unbind(struct channel *ch, const struct arg *args);

#endif
