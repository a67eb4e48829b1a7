/*
 * arguments.h - the x- arguments of queues, exchanges and consumers: which there are, what they
 * may be, when two declarations are the same.
 *
 * One table has a row per queue argument: the queue types that know it and the check of its
 * value. What a type does not know but another does is refused; what nobody knows is ignored.
 * Whether an argument has an effect yet is the engine's matter: it is stored and compared from
 * the first day, so that a queue never changes its meaning under the name it has.
 *
 * Explanations are RabbitMQ's, word for word; applications match on them.
 *
 * Thread: pure, any.
 */
#ifndef DOORS_AMQP_ARGUMENTS_H
#define DOORS_AMQP_ARGUMENTS_H

#include "base/buf.h"
#include "engine/table.h"

#define EXPIRY_MS_MAX INT64_C(315360000000) /* ten years: any TTL or expiry */

/* How RabbitMQ calls a field type: "longstr", "signedint". */
const char *arguments_type_name(char type);

struct queue_flags {
    bool is_durable, is_auto_delete, is_exclusive;
};

/* Whether a new queue may have these. False: *why is the explanation. rs is its resource text (errors.h). */
bool arguments_check_queue(struct bytes table, struct queue_flags flags, struct bytes rs,
                           struct buf *why);
/* Whether the arguments of an existing queue are those now asked for. Likewise. */
bool arguments_same_queue(struct bytes current, struct bytes received, struct bytes rs,
                          struct buf *why);
/* Two words or booleans of a declaration. Likewise. */
bool arguments_same_text(const char *field, struct bytes current, struct bytes received,
                         struct bytes rs, struct buf *why);
bool arguments_same_flag(const char *field, bool current, bool received, struct bytes rs,
                         struct buf *why);
bool arguments_check_exchange(struct bytes table, struct bytes rs, struct buf *why);
bool arguments_same_exchange(struct bytes current, struct bytes received, struct bytes rs,
                             struct buf *why);
bool arguments_check_consumer(struct bytes table, struct bytes rs, int32_t *priority,
                              struct buf *why);
/* A number; 0 when it is not there, or none. */
int64_t arguments_number(const char *name, struct bytes table);
/* A flag that is there and true. */
bool arguments_is_set(const char *name, struct bytes table);
/* What is wrong with a binding to a headers exchange (its arguments) or a hash exchange (its key, the weight). */
void arguments_explain_binding(struct bytes key, struct bytes table, struct buf *why);
/* The same of an exchange that was not declared. */
void arguments_explain_routing(struct bytes type, struct bytes table, struct buf *why);

#endif
