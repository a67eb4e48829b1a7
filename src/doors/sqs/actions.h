/*
 * actions.h - the table of everything a client can ask for: name, input, handler.
 */
#ifndef DOORS_SQS_ACTIONS_H
#define DOORS_SQS_ACTIONS_H

#include "base/bytes.h"
#include "doors/sqs/members.h"

struct request;

/* Whether the action names a queue by QueueUrl, and what its look-up promises. */
enum queue_need {
    QUEUE_NONE,
    QUEUE_HINT,  /* as of now: the handler's own call decides */
    QUEUE_EXACT, /* on disk: the answer is made from it */
};

struct action {
    const char          *name;
    const struct member *members;
    enum queue_need      need;
    void (*handle)(struct request *r);
};

/* NULL: no such action. */
const struct action *action_find(struct bytes name);
/* For tests and fuzzing. NULL past the end. */
const struct action *action_at(size_t i);

/* queues.c */
void on_create_queue(struct request *r);
void on_get_queue_url(struct request *r);
void on_list_queues(struct request *r);
void on_delete_queue(struct request *r);
void on_purge_queue(struct request *r);
void on_list_source_queues(struct request *r);
/* settings.c */
void on_get_queue_attributes(struct request *r);
void on_set_queue_attributes(struct request *r);
void on_list_queue_tags(struct request *r);
void on_tag_queue(struct request *r);
void on_untag_queue(struct request *r);
/* send.c */
void on_send_message(struct request *r);
void on_send_message_batch(struct request *r);
/* receive.c */
void on_receive_message(struct request *r);
/* settle.c */
void on_delete_message(struct request *r);
void on_delete_message_batch(struct request *r);
void on_change_visibility(struct request *r);
void on_change_visibility_batch(struct request *r);

#endif
