/*
 * sqs_int.h - what the files of the door share.
 *
 * One session serves all requests of the door: leases of SQS end by time, not with a connection, so
 * the session only groups the long polls that wait in the engine; each is cancelled by its tag when
 * its client goes.
 *
 *   D1  The door is freed when it is closed, its last request is finished and its session has
 * ended.
 *
 * Thread: the loop's.
 */
#ifndef DOORS_SQS_SQS_INT_H
#define DOORS_SQS_SQS_INT_H

#include "doors/sqs/ids.h"
#include "doors/sqs/purges.h"
#include "doors/sqs/sqs.h"
#include "engine/call.h"
#include "net/http.h"

enum {
    /* A message of 1 MiB takes up to three times that when a client escapes every character beyond
       ASCII. */
    REQUEST_BYTES_MAX = 4 * 1024 * 1024,
    IDLE_SECONDS_MAX = 120,
    CONNECTIONS_MAX = 16384,
};

struct sqs_door {
    struct door_server  server;
    struct door_env     env;
    char               *advertised; /* "host:port"; NULL: what the client reached */
    char               *listening;  /* "host:port" */
    char               *version;
    struct http_server *http;
    struct ids          ids;
    uint64_t            session;
    uint64_t            last_tag;
    struct list         requests;
    struct purges       purges;
    struct call         close_call;
    bool                is_closing;
    bool                session_ended;
};

/* A request has ended; frees the door when it was the last thing (D1). */
void sqs_door_check(struct sqs_door *d);

#endif
