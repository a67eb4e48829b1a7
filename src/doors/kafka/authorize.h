/*
 * authorize.h - may he? Every request is checked before its handler sees it, and answers lose what he may not know.
 *
 * What each API needs is said in one table (authorize.c), in the words of the layouts: which fields name what, which
 * operation on it is asked for, and how it is refused.
 *
 *   AU1  A handler sees only what is allowed. What is not is taken out of the request and put into its answer, with
 *        the API's own error; when nothing is left, the handler is not called.
 *   AU2  Whoever may not describe something cannot tell whether it is there: it is refused or left out before anybody
 *        looks.
 *   AU3  Rights are asked for at each request, so what is revoked is over with the next one.
 *   AU4  Where nobody checks (door_env.rights is NULL) nothing of this costs anything.
 *
 * Thread: the loop's.
 */
#ifndef DOORS_KAFKA_AUTHORIZE_H
#define DOORS_KAFKA_AUTHORIZE_H

#include "doors/kafka/request.h"
#include "engine/rights.h"

/* True: the handler may have it. False: it has been answered. */
bool kafka_authorize(struct kafka_request *r);
/* The answer with what was refused, and without what he may not know; in the request's arena when it is another. */
const void *kafka_authorize_answer(struct kafka_request *r, const void *response);

/* Was something taken out of it? */
static inline bool kafka_is_refused_in_part(const struct kafka_request *r)
{
    return r->refused != NULL;
}

/* For what a handler only learns on its way. */
bool kafka_may(const struct kafka_request *r, enum acl_operation operation, enum acl_resource resource,
               struct bytes name);
bool kafka_may_create_topic(const struct kafka_request *r, struct bytes name);
/* Of these operations (bit n is operation n) those he may do, as KIP-430 tells them. */
int32_t kafka_allowed(const struct kafka_request *r, int32_t operations, enum acl_resource resource,
                      struct bytes name);
/* The same of the cluster: none, when he may not even describe it. */
int32_t kafka_allowed_cluster(const struct kafka_request *r, int32_t operations);

/* Is something said about this API, if only that it needs no right? The tests ask. */
bool kafka_authorize_knows(const struct kafka_api *api);
/* Do the fields exist that the table speaks of? NULL, or the name of one that does not. */
const char *kafka_authorize_check(void);

#endif
