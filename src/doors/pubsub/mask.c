/* mask.c - see mask.h. */
#include "doors/pubsub/mask.h"

#include <assert.h>

static const char *const topic_fields[] = {
    "ingestion_data_source_settings",
    "labels",
    "message_retention_duration",
    "message_storage_policy",
    "message_transforms",
    "schema_settings",
    NULL,
};

static const char *const subscription_fields[] = {
    "ack_deadline_seconds",
    "bigquery_config",
    "bigtable_config",
    "cloud_storage_config",
    "dead_letter_policy",
    "enable_exactly_once_delivery",
    "expiration_policy",
    "labels",
    "message_retention_duration",
    "message_transforms",
    "push_config",
    "retain_acked_messages",
    "retry_policy",
    NULL,
};

const struct ps_mask_rules ps_topic_mask = {
    "UpdateTopicRequest",
    "Topic",
    &google__pubsub__v1__topic__descriptor,
    topic_fields,
};

const struct ps_mask_rules ps_subscription_mask = {
    "UpdateSubscriptionRequest",
    "Subscription",
    &google__pubsub__v1__subscription__descriptor,
    subscription_fields,
};

static bool is_mutable(const struct ps_mask_rules *rules, const char *field)
{
    for (const char *const *f = rules->mutable_fields; *f; f++)
        if (strcmp(field, *f) == 0)
            return true;
    return false;
}

/* The field that a path leads into. */
static struct bytes top_of(const char *path)
{
    return bytes_of(path, strcspn(path, "."));
}

static const ProtobufCFieldDescriptor *field_of(const struct ps_mask_rules *rules, const char *path)
{
    unsigned i;

    for (i = 0; i < rules->type->n_fields; i++)
        if (bytes_eq_str(top_of(path), rules->type->fields[i].name))
            return &rules->type->fields[i];
    return NULL;
}

enum grpc_code ps_mask_check(const struct ps_mask_rules *rules, const PB(FieldMask) *mask, struct buf *why)
{
    size_t i;

    if (!mask || mask->n_paths == 0) {
        buf_printf(why, "The update_mask in the %s must be set, and must contain a non-empty paths list.",
                   rules->request);
        return GRPC_INVALID_ARGUMENT;
    }
    for (i = 0; i < mask->n_paths; i++) {
        const ProtobufCFieldDescriptor *f = field_of(rules, mask->paths[i]);

        if (f && is_mutable(rules, f->name))
            continue;
        buf_printf(why, "Invalid update_mask provided in the %s: ", rules->request);
        if (f)
            buf_printf(why, "the '%.100s' field in the %s is not mutable.", mask->paths[i], rules->resource);
        else
            buf_printf(why, "'%.100s' is not a known %s field.", mask->paths[i], rules->resource);
        return GRPC_INVALID_ARGUMENT;
    }
    return GRPC_OK;
}

bool ps_mask_names(const PB(FieldMask) *mask, const char *field)
{
    size_t i;

    for (i = 0; i < mask->n_paths; i++)
        if (bytes_eq_str(top_of(mask->paths[i]), field))
            return true;
    return false;
}

static size_t member_bytes(const ProtobufCFieldDescriptor *f)
{
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return sizeof(void *);
    if (f->type == PROTOBUF_C_TYPE_BYTES)
        return sizeof(ProtobufCBinaryData);
    if (f->type == PROTOBUF_C_TYPE_INT32)
        return sizeof(int32_t);
    if (f->type == PROTOBUF_C_TYPE_BOOL)
        return sizeof(protobuf_c_boolean);
    assert(f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE);
    return sizeof(void *);
}

void ps_mask_apply(const struct ps_mask_rules *rules, const PB(FieldMask) *mask, ProtobufCMessage *to,
                   const ProtobufCMessage *from)
{
    size_t i;

    for (i = 0; i < mask->n_paths; i++) {
        const ProtobufCFieldDescriptor *f = field_of(rules, mask->paths[i]);

        assert(f);
        memcpy((char *)to + f->offset, (const char *)from + f->offset, member_bytes(f));
        if (f->label == PROTOBUF_C_LABEL_REPEATED)
            memcpy((char *)to + f->quantifier_offset, (const char *)from + f->quantifier_offset, sizeof(size_t));
    }
}
