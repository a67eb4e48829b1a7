/*
 * request.h - one request on its way from its frame to its answer: what handlers work with.
 *
 *     frame --kafka_request_read--> body --handler--> engine calls
 *           --all back--> on_calls_done --> kafka_answer --> sent in turn
 *
 *   RQ1  A handler ends in exactly one of kafka_answer, kafka_answer_nothing and kafka_hang_up,
 *        directly or from on_calls_done. The request may be freed by it: not touched afterwards.
 *   RQ2  Bytes of the body borrow from the frame, which is held until the request is freed: calls
 *        may use them as they are.
 *   RQ3  Calls live in the request's arena and end with it.
 *
 * Thread: the loop's.
 */
#ifndef DOORS_KAFKA_REQUEST_H
#define DOORS_KAFKA_REQUEST_H

#include "base/list.h"
#include "doors/kafka/apis.h"
#include "doors/kafka/errors.h"
#include "doors/kafka/schema.h"
#include "engine/call.h"

struct kafka_conn;

/* Every partition has had the same leader for all time. Which that is, and who else is there: nodes.h. */
enum { KAFKA_LEADER_EPOCH = 0, KAFKA_CONTROLLER_ID = 1 };

/* What was taken out of a request, as its answer says it. */
struct kafka_refused {
    const struct wire_field *field; /* of the response: the array it belongs to */
    size_t                   count;
    void                    *at;
};

struct kafka_request {
    struct list             in_conn; /* kafka_conn.requests: the order of the answers */
    struct kafka_conn      *conn;
    const struct kafka_api *api;
    struct wire_version     version;
    int32_t                 correlation_id;
    struct bytes            client_id; /* null: not said */
    struct slice            frame;     /* held; without the length */
    struct arena            arena;
    void                   *body;  /* the struct of api->request, in the arena */
    void                   *state; /* the handler's own, between calls and answer */
    unsigned                calls_out;
    uint64_t                work_ns;           /* throttle.c: of this thread, so far */
    int64_t                 mutations_wait_ms; /* likewise */
    struct request_call    *calls;
    void (*on_calls_done)(struct kafka_request *r);
    void (*on_free)(struct kafka_request *r); /* what the answer borrowed may go; NULL: nothing */
    struct kafka_refused   *refused; /* authorize.h; NULL: nothing */
    bool                    is_answered;
    bool                    hangs_up; /* in its turn the connection ends instead */
    struct wire_out         answer;   /* empty: none is sent */
};

/* The first bytes of every request. */
enum { KAFKA_HEAD_BYTES = 8 };
struct kafka_head {
    int16_t api_key;
    int16_t api_version;
    int32_t correlation_id;
};
struct kafka_head kafka_head(const uint8_t *at);

/* Reads header and body. False: malformed. Holds the frame. For a version of ApiVersions that we do
 * not take, version is 0 and body is NULL. */
MUST_CHECK bool kafka_request_read(struct kafka_request **out, struct kafka_conn *c,
                                   const struct kafka_api *api, struct slice frame);
/* A request to authenticate with this token, which came without one around it. */
struct kafka_request *kafka_request_of_token(struct kafka_conn *c, struct slice token);
void kafka_request_free(struct kafka_request *r);

/* A zeroed call of this kind, ready to be filled in and submitted; freed with the request. */
void *kafka_call(struct kafka_request *r, size_t size, enum call_kind kind);
/* on_calls_done runs when every call submitted is back. */
void kafka_submit(struct kafka_request *r, void *call);

/* response is the struct of api->response. */
void kafka_answer(struct kafka_request *r, const void *response);
void kafka_answer_nothing(struct kafka_request *r);
void kafka_hang_up(struct kafka_request *r);

static inline void *kafka_array(struct kafka_request *r, size_t count, size_t size)
{
    return arena_array(&r->arena, count ? count : 1, size); /* an empty array is not null */
}

/* The text into the arena of the request; ends the buffer. */
static inline struct bytes kafka_text(struct kafka_request *r, struct buf *text)
{
    struct bytes kept = arena_bytes(&r->arena, buf_view(text));

    buf_fini(text);
    return kept;
}

/* The namespace of connections that are not bound to another. */
static inline struct bytes kafka_ns(void)
{
    return bytes_str(NAMESPACE_DEFAULT);
}

#endif
