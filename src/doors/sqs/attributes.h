/*
 * attributes.h - queue attributes: their names, ranges, defaults, rules; how a queue keeps them.
 *
 * What a client has set on a queue is its settings. They are stored with the queue as its SQS
 * native part, a JSON text
 *
 *     {"attributes":{"DelaySeconds":"5",...},"tags":{"team":"x",...}}
 *
 * with only what was set, so that later defaults apply to old queues. Those that other doors must
 * honour, too (visibility timeout, delay, retention), are also given to the engine as the queue's
 * policy. A queue another door declared has no settings: its policy tells what it can, the rest are
 * defaults.
 *
 *   A1  Stored values are legal and in one spelling ("true", no leading zeroes), so that equality
 *       of text is equality.
 *   A2  JSON documents (Policy, RedrivePolicy, RedriveAllowPolicy) are given back exactly as they
 *       came.
 *
 * Thread: pure, any. Memory: the arena's; tags are jansson's (settings_fini).
 */
#ifndef DOORS_SQS_ATTRIBUTES_H
#define DOORS_SQS_ATTRIBUTES_H

#include "base/mem.h"
#include "doors/sqs/errors.h"
#include "engine/queue_calls.h"

#include <jansson.h>

enum queue_attribute {
    ATTR_DELAY_SECONDS,
    ATTR_MAXIMUM_MESSAGE_SIZE,
    ATTR_MESSAGE_RETENTION_PERIOD,
    ATTR_RECEIVE_WAIT_SECONDS,
    ATTR_VISIBILITY_TIMEOUT,
    ATTR_POLICY,
    ATTR_REDRIVE_POLICY,
    ATTR_REDRIVE_ALLOW_POLICY,
    ATTR_KMS_MASTER_KEY_ID,
    ATTR_KMS_REUSE_SECONDS,
    ATTR_SQS_MANAGED_SSE,
    ATTR_STORED_COUNT,
    /* From here on: facts about the queue, or only for FIFO queues. */
    ATTR_QUEUE_ARN = ATTR_STORED_COUNT,
    ATTR_CREATED,
    ATTR_MODIFIED,
    ATTR_MESSAGES,
    ATTR_MESSAGES_NOT_VISIBLE,
    ATTR_MESSAGES_DELAYED,
    ATTR_FIFO_QUEUE,
    ATTR_CONTENT_BASED_DEDUPLICATION,
    ATTR_DEDUPLICATION_SCOPE,
    ATTR_FIFO_THROUGHPUT_LIMIT,
    ATTR_COUNT
};

enum {
    QUEUE_TAGS_MAX = 50,
    TAG_NAME_BYTES_MAX = 128 * 4, /* characters take up to four bytes */
    TAG_VALUE_BYTES_MAX = 256 * 4,
    POLICY_BYTES_MAX = 8192,
};

struct queue_settings {
    struct bytes values[ATTR_STORED_COUNT]; /* null: never set. With a final 0 behind the text */
    json_t      *tags;                      /* an object */
};

struct redrive_policy {
    struct bytes target_arn;
    uint32_t     receives_max;
};

/* Of a queue as the engine shows it. */
void settings_load(struct queue_settings *s, struct arena *a, const struct queue_view *view);
void settings_fini(struct queue_settings *s);
struct bytes settings_store(const struct queue_settings *s, struct arena *a);
/* Applies a map of attribute names to texts. On a fault s may be half changed: throw it away. */
bool settings_change(struct queue_settings *s, struct arena *a, const json_t *attributes,
                     struct fault *f);
/* The name of the first attribute that is set in wanted and has another value in have; NULL when
 * there is none. */
const char *settings_difference(const struct queue_settings *have,
                                const struct queue_settings *wanted);
/* At most QUEUE_TAGS_MAX of 1 to 128 and 0 to 256 characters. tags may be NULL. */
bool tags_check(const json_t *tags, struct fault *f);
/* What is in force, the default included; null when the attribute has none. */
struct bytes settings_text(const struct queue_settings *s, enum queue_attribute at);
int64_t      settings_number(const struct queue_settings *s, enum queue_attribute at);
/* Puts what is set into a policy; with_defaults also the defaults of the rest. */
void settings_policy(const struct queue_settings *s, bool with_defaults,
                     struct queue_policy *policy);
/* False when there is none. */
bool settings_redrive(const struct queue_settings *s, struct arena *a, struct redrive_policy *out);

/* The answer to GetQueueAttributes: those asked for ("All": every one) that have a value. NULL on a
 * fault (unknown name). */
json_t *attributes_report(const struct queue_settings *s, const struct queue_view *view,
                          struct bytes arn, const json_t *names, struct fault *f);

#endif
