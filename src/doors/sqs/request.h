/*
 * request.h - one request on its way through the door.
 *
 *     new --check--> (queue found) --> handler --call--> engine --done--> handler ... --> finish
 *
 * A handler reads r->in, makes engine calls one after the other, puts its answer into r->out or a
 * fault into r->fault, and ends with request_finish. It never asks whether the client is still
 * there: when it has gone, finish only frees. The exception is whoever leases messages: what nobody
 * can receive any more goes back (receive.c).
 *
 *   Q1  At most one call of a request is out at any time; the request lives until it is answered.
 *   Q2  Whatever a call borrows lies in r->arena or r->in, which outlive it.
 *
 * Thread: the loop's.
 */
#ifndef DOORS_SQS_REQUEST_H
#define DOORS_SQS_REQUEST_H

#include "base/list.h"
#include "doors/sqs/actions.h"
#include "doors/sqs/attributes.h"
#include "doors/sqs/ids.h"
#include "doors/sqs/names.h"
#include "net/http.h"

struct sqs_door;

struct request {
    struct sqs_door     *door;
    struct http_request *http; /* NULL: the client has gone */
    struct list          in_door;
    const struct action *action;
    uint64_t             tag;  /* of its calls */
    bool             can_wait; /* the call that is out may park: cancel it when the client goes */
    bool             keeps_status; /* the client asked for query mode: legacy HTTP status codes */
    struct arena     arena;
    struct uuid      id;
    struct caller    caller;
    struct bytes     base_url; /* "http://host:port" as the client sees it */
    const char      *content_type;
    json_t          *in, *out;
    struct fault     fault;
    struct queue_ref queue; /* of actions that name one */
    struct bytes     ns;
    struct queue_get_call   *found;
    const struct queue_view *view;
    struct queue_settings    settings;
    void                    *work;       /* the handler's own, in the arena */
    struct deadletter       *deadletter; /* deadletter.c's own while it is at work, in the arena */
};

/* Takes one request of a client: parses, checks, looks the queue up and runs the action. Answers
 * now or later. */
void request_begin(struct sqs_door *door, struct http_request *http);
/* The same without a body and an action: for the health page. */
struct request *request_new(struct sqs_door *door, struct http_request *http);
/* The client has gone. */
void request_gone(struct request *r);

/* A call of this request; done gets it back and must end with call_free. */
void *request_call(struct request *r, size_t size, enum call_kind kind, call_done_fn *done);
void  request_submit(struct request *r, void *call);
/* Answers with r->fault, or else r->out, and frees. */
void request_finish(struct request *r);

/* ---- reading r->in and writing r->out ---- */

/* Null when absent. */
struct bytes request_text(const json_t *in, const char *name);
/* absent when it is absent. */
int64_t request_integer(const json_t *in, const char *name, int64_t absent);
/* A JSON string; null bytes give the empty one. */
json_t *request_json(struct bytes text);

#endif
