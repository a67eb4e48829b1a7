/* mask.c - see mask.h. */
#include "doors/pubsub/mask.h"

#include <assert.h>

static const char *const mutable_fields[] = {
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
};

static bool is_mutable(const char *field)
{
    size_t i;

    for (i = 0; i < COUNT(mutable_fields); i++)
        if (strcmp(field, mutable_fields[i]) == 0)
            return true;
    return false;
}

static const ProtobufCFieldDescriptor *field_of(const char *path)
{
    const ProtobufCMessageDescriptor *type = &google__pubsub__v1__subscription__descriptor;
    struct bytes top = bytes_of(path, strcspn(path, "."));
    unsigned     i;

    for (i = 0; i < type->n_fields; i++)
        if (bytes_eq_str(top, type->fields[i].name))
            return &type->fields[i];
    return NULL;
}

enum grpc_code ps_mask_check(const PB(FieldMask) *mask, struct buf *why)
{
    size_t i;

    if (!mask || mask->n_paths == 0) {
        buf_str(why, "The update_mask in the UpdateSubscriptionRequest must be set, and must contain a non-empty "
                     "paths list.");
        return GRPC_INVALID_ARGUMENT;
    }
    for (i = 0; i < mask->n_paths; i++) {
        const ProtobufCFieldDescriptor *f = field_of(mask->paths[i]);

        if (f && is_mutable(f->name))
            continue;
        buf_str(why, "Invalid update_mask provided in the UpdateSubscriptionRequest: ");
        if (f)
            buf_printf(why, "the '%.100s' field in the Subscription is not mutable.", mask->paths[i]);
        else
            buf_printf(why, "'%.100s' is not a known Subscription field.", mask->paths[i]);
        return GRPC_INVALID_ARGUMENT;
    }
    return GRPC_OK;
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

void ps_mask_apply(const PB(FieldMask) *mask, PB(Subscription) *to, const PB(Subscription) *from)
{
    size_t i;

    for (i = 0; i < mask->n_paths; i++) {
        const ProtobufCFieldDescriptor *f = field_of(mask->paths[i]);

        assert(f);
        memcpy((char *)to + f->offset, (const char *)from + f->offset, member_bytes(f));
        if (f->label == PROTOBUF_C_LABEL_REPEATED)
            memcpy((char *)to + f->quantifier_offset, (const char *)from + f->quantifier_offset, sizeof(size_t));
    }
}
