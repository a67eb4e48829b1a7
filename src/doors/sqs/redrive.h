/*
 * redrive.h - the two JSON documents about dead letters: RedrivePolicy of a source queue,
 * RedriveAllowPolicy of a target. Thread: pure, any.
 */
#ifndef DOORS_SQS_REDRIVE_H
#define DOORS_SQS_REDRIVE_H

#include "doors/sqs/attributes.h"

enum { REDRIVE_RECEIVES_MAX = 1000, REDRIVE_SOURCES_MAX = 10 };

/* document may be NULL (not JSON); text is what it was read from. Whether the target exists is the
 * caller's to find out. */
bool redrive_check(const json_t *document, struct bytes text, struct fault *f);
bool redrive_allow_check(const json_t *document, struct bytes text, struct fault *f);
bool redrive_parse(const json_t *document, struct arena *a, struct redrive_policy *out);
/* Whether a target with these settings lets source_arn use it. */
bool redrive_is_allowed(const struct queue_settings *target, struct bytes source_arn);

#endif
