/*
 * rpc.h - one gRPC call, from its headers to its status.
 *
 *     READING --request whole--> RUNNING --rpc_reply, rpc_fail--> ANSWERED --stream closed, calls answered--> freed
 *        |                          |
 *        +----------- stream closed (the client went away, or all is sent) ---> gone, freed when calls are answered
 *
 *   P1  A handler runs once for a unary call, and for each request of a streaming one; it answers now or from the
 *       done() of an engine call, once. Answering a call whose client has gone does nothing, so handlers need not
 *       look.
 *   P2  An rpc stays until its last engine call is answered: call.ctx is always valid.
 *   P3  A unary request and whatever else is in rpc.arena live as long as the rpc, so engine calls may borrow
 *       from it.
 *   P4  When the client goes, calls that may be parked are cancelled by (door session, rpc.tag).
 *
 * Thread: the loop's.
 */
#ifndef DOORS_PUBSUB_RPC_H
#define DOORS_PUBSUB_RPC_H

#include "doors/pubsub/grpc.h"
#include "doors/pubsub/names.h"
#include "doors/pubsub/schema.h"
#include "engine/call.h"

struct h2_stream;
struct pubsub_door;
struct rpc;

enum rpc_kind { RPC_UNARY, RPC_STREAMING };

struct rpc_method {
    const char                       *path;
    enum rpc_kind                     kind;
    const ProtobufCMessageDescriptor *request;
    const ProtobufCMessageDescriptor *response;
    void (*on_request)(struct rpc *r, const ProtobufCMessage *request);
    bool may_park; /* P4 */
    /* Streaming only. */
    void (*on_half_closed)(struct rpc *r);
    void (*on_writable)(struct rpc *r);
    void (*on_closed)(struct rpc *r); /* answered or gone, once */
};

enum rpc_state { RPC_READING, RPC_RUNNING, RPC_ANSWERED };

struct rpc {
    struct pubsub_door      *door;
    struct list              in_door;
    struct h2_stream        *stream; /* NULL: gone */
    const struct rpc_method *method;
    enum rpc_state           state;
    bool                     has_headers; /* of the response, sent */
    bool                     is_closed_told;
    uint64_t                 tag;
    uint32_t                 call_count; /* engine calls that are not answered yet */
    int64_t                  deadline_ms; /* by the loop's clock; INT64_MAX: none */
    struct timer             timer;       /* streaming: ends it at the deadline */
    struct grpc_reader       reader;
    size_t                   received_bytes; /* counted in the door's */
    struct arena             arena;
    ProtobufCMessage        *request;       /* unary; in the arena */
    size_t                   request_bytes; /* its length as it came */
    struct ps_name           name;           /* what rpc_fail_err names */
    void                    *user;          /* the handler's; in the arena */
};

/* ---- from the HTTP/2 listener ---- */
void rpc_open(struct pubsub_door *d, struct h2_stream *s);
void rpc_on_data(struct rpc *r, struct bytes data);
void rpc_on_end(struct rpc *r);
void rpc_on_writable(struct rpc *r);
void rpc_on_closed(struct rpc *r);

/* ---- for handlers ---- */
/* Parses a resource name into r->name; false: answered INVALID_ARGUMENT. */
bool rpc_take_name(struct rpc *r, const char *full, enum ps_collection collection);
bool rpc_take_project(struct rpc *r, const char *full);
/* May r->name be given to something new? False: answered INVALID_ARGUMENT. */
bool rpc_is_new_name(struct rpc *r);
/* Sets r->user to the page asked for; false: answered INVALID_ARGUMENT. */
bool rpc_take_page(struct rpc *r, int32_t size, const char *token);

/* An engine call with r as its ctx, in the door's session. */
void *rpc_call_new(struct rpc *r, size_t size, enum call_kind kind, call_done_fn *done);
void rpc_submit(struct rpc *r, void *call);
/* The end of every done(): frees the call, and the rpc when it was the last thing it waited for. */
void rpc_call_free(struct rpc *r, void *call);

/* Answers with one message and status OK. */
void rpc_reply(struct rpc *r, const ProtobufCMessage *m);
/* The same for an empty message. */
void rpc_reply_empty(struct rpc *r);
__attribute__((format(printf, 3, 4))) void rpc_fail(struct rpc *r, enum grpc_code code, const char *format, ...);
/* "You have passed an invalid argument to the service". */
void rpc_fail_argument(struct rpc *r, const char *argument);
/* An engine error, about r->name. */
void rpc_fail_err(struct rpc *r, enum err err);
/* What a check found, and why, which is freed. False: answered. */
bool rpc_passes(struct rpc *r, enum grpc_code code, struct buf *why);
/* The end of a done() that answers: with the error, or the message, or an empty one when that is NULL. */
void rpc_end(struct rpc *r, void *call, enum err err, const ProtobufCMessage *m);
/* The done() of a call whose answer has nothing to say. */
void rpc_on_done(struct call *c);

/* Begins a response message in out (room for its prefix); rpc_send completes and sends it. out is empty then. */
void rpc_begin_message(struct buf *out);
void rpc_send(struct rpc *r, struct buf *out);
/* Response headers, now. */
void rpc_send_headers(struct rpc *r);
/* Status OK after what was sent. */
void rpc_finish(struct rpc *r);

/* The time left for the client, no more than most_ms. */
int64_t rpc_time_left_ms(const struct rpc *r, int64_t most_ms);

#endif
