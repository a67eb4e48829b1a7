/*
 * names.h - who calls, and which queue is meant: credentials, queue URLs, ARNs.
 *
 * An SQS account is a namespace: 000000000000 is the default one, any other the namespace of that
 * name. A queue URL is http://HOST/ACCOUNT/NAME; the host is ignored when one is resolved, and
 * these are understood, too: sqs.REGION.HOST/..., HOST/queue/REGION/ACCOUNT/NAME, and a bare queue
 * name. Names of queues that other doors declared may hold any character; in a URL they are
 * percent-encoded.
 *
 * Thread: pure, any.
 */
#ifndef DOORS_SQS_NAMES_H
#define DOORS_SQS_NAMES_H

#include "base/buf.h"
#include "base/mem.h"

#define ACCOUNT_DEFAULT "000000000000"
#define REGION_DEFAULT "us-east-1"

struct caller {
    struct bytes account; /* 12 digits */
    struct bytes region;
};

struct queue_ref {
    struct bytes account;
    struct bytes name;
};

/* From an Authorization header; null or foreign ones give the defaults. Borrows from it. */
struct caller caller_of(struct bytes authorization);
struct bytes  namespace_of(struct bytes account);
/* False: not the address of a queue. The name is decoded into the arena. */
bool queue_url_parse(struct arena *a, struct bytes url, struct bytes account,
                     struct queue_ref *out);
/* base is "http://host:port". With a final 0, in the arena. */
struct bytes queue_url_format(struct arena *a, struct bytes base, struct queue_ref queue);
/* arn:aws:sqs:REGION:ACCOUNT:NAME; borrows. */
bool         queue_arn_parse(struct bytes arn, struct queue_ref *out);
struct bytes queue_arn_format(struct arena *a, struct bytes region, struct queue_ref queue);

#endif
