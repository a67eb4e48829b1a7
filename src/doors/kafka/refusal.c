/* refusal.c - see refusal.h. */
#include "doors/kafka/refusal.h"
#include "doors/kafka/errors.h"

/* What is said of a number that is not known; all others are 0. */
static const struct {
    const char *name;
    int32_t     value;
} unknown[] = {
    { "authorized_operations", INT32_MIN },
    { "base_offset", -1 },
    { "cluster_authorized_operations", INT32_MIN },
    { "committed_leader_epoch", -1 },
    { "committed_offset", -1 },
    { "end_offset", -1 },
    { "generation_id", -1 },
    { "high_watermark", -1 },
    { "last_stable_offset", -1 },
    { "leader_epoch", -1 },
    { "leader_id", -1 },
    { "log_append_time_ms", -1 },
    { "log_start_offset", -1 },
    { "low_watermark", -1 },
    { "node_id", -1 },
    { "num_partitions", -1 },
    { "offset", -1 },
    { "port", -1 },
    { "preferred_read_replica", -1 },
    { "producer_epoch", -1 },
    { "producer_id", -1 },
    { "replication_factor", -1 },
    { "timestamp", -1 },
    { "topic_authorized_operations", INT32_MIN },
};

/* Parts of an element, and how the request calls them. */
static const char *const parts[][2] = {
    { "partitions", "partitions" },
    { "partitions", "partition_indexes" },
    { "partition_result", "partitions" },
    { "topics", "topics" },
    { "entity", "entity" },
};

const struct wire_field *wire_find(const struct wire_layout *layout, const char *name)
{
    for (size_t i = 0; layout && i < layout->field_count; i++)
        if (strcmp(layout->fields[i].name, name) == 0)
            return &layout->fields[i];
    return NULL;
}

/* The first field of this type that says something of its own. */
static const struct wire_field *first_of(const struct wire_layout *out, enum wire_type type)
{
    for (size_t i = 0; i < out->field_count; i++)
        if (out->fields[i].type == type && strcmp(out->fields[i].name, "error_message") != 0)
            return &out->fields[i];
    return NULL;
}

const struct wire_field *wire_name(const struct wire_layout *layout)
{
    return first_of(layout, WIRE_STRING);
}

size_t wire_element_size(const struct wire_field *f)
{
    switch ((int)f->type) {
    case WIRE_ARRAY:
        return f->element->size;
    case WIRE_STRINGS:
        return sizeof(struct bytes);
    default:
        return sizeof(int32_t);
    }
}

static const char *sentence(int16_t error)
{
    switch (error) {
    case KAFKA_TOPIC_AUTHORIZATION_FAILED:
        return "Topic authorization failed.";
    case KAFKA_GROUP_AUTHORIZATION_FAILED:
        return "Group authorization failed.";
    case KAFKA_CLUSTER_AUTHORIZATION_FAILED:
        return "Cluster authorization failed.";
    case KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        return "Transactional Id authorization failed.";
    default:
        return NULL;
    }
}

static void put_number(const struct wire_field *f, void *at, int32_t value)
{
    switch ((int)f->type) {
    case WIRE_I16:
        *(int16_t *)at = (int16_t)value;
        break;
    case WIRE_I32:
        *(int32_t *)at = value;
        break;
    case WIRE_I64:
        *(int64_t *)at = value;
        break;
    default:
        break;
    }
}

static bool put_unknown(const struct wire_field *f, void *at)
{
    for (size_t i = 0; i < COUNT(unknown); i++)
        if (strcmp(unknown[i].name, f->name) == 0) {
            put_number(f, at, unknown[i].value);
            return true;
        }
    return false;
}

/* The fields that every layout fills alike; false: it is about something else. */
static bool put_error(const struct wire_field *f, void *at, int16_t error)
{
    const char *text = sentence(error);

    if (strcmp(f->name, "error_code") == 0)
        put_number(f, at, error);
    else if (strcmp(f->name, "error_message") == 0)
        *(struct bytes *)at = text ? bytes_str(text) : bytes_of(NULL, 0);
    else
        return put_unknown(f, at);
    return true;
}

static void copy_field(const struct wire_field *from, const void *asked, const struct wire_field *to, void *at)
{
    static const uint8_t sizes[WIRE_TYPE_COUNT] = {
        [WIRE_I8] = 1, [WIRE_I16] = 2, [WIRE_I32] = 4, [WIRE_I64] = 8, [WIRE_UUID] = 16,
        [WIRE_STRING] = sizeof(struct bytes),
    };

    if (from && from->type == to->type)
        memcpy(at, (const uint8_t *)asked + from->offset, sizes[to->type]);
}

/* One that must be there is, and says that nothing is known. */
static void put_struct(struct arena *arena, const struct wire_field *f, void *at)
{
    uint8_t *it;

    if (f->nullable_since != WIRE_NEVER)
        return;
    it = arena_new(arena, f->element->size);
    for (size_t i = 0; i < f->element->field_count; i++)
        put_unknown(&f->element->fields[i], it + f->element->fields[i].offset);
    memcpy(at, &it, sizeof it);
}

static void refuse_parts(struct arena *arena, const struct wire_layout *in, const void *asked,
                         const struct wire_field *to, void *answer, int16_t error);

static void refuse_struct(struct arena *arena, const struct wire_layout *in, const void *asked,
                          const struct wire_layout *out, void *answer, int16_t error)
{
    for (size_t i = 0; i < out->field_count; i++) {
        const struct wire_field *f = &out->fields[i];
        void                    *at = (uint8_t *)answer + f->offset;

        if (f->type == WIRE_ARRAY)
            refuse_parts(arena, in, asked, f, answer, error);
        else if (f->type == WIRE_STRUCT)
            put_struct(arena, f, at);
        else if (!put_error(f, at, error))
            copy_field(wire_find(in, f->name), asked, f, at);
    }
}

void refuse_element(struct arena *arena, const struct wire_field *from, const void *asked,
                    const struct wire_field *to, void *answer, int16_t error)
{
    const struct wire_layout *out = to->element;
    const struct wire_field  *name = first_of(out, from->type == WIRE_STRINGS ? WIRE_STRING : WIRE_I32);

    refuse_struct(arena, from->type == WIRE_ARRAY ? from->element : NULL, asked, out, answer, error);
    if (from->type == WIRE_STRINGS && name)
        memcpy((uint8_t *)answer + name->offset, asked, sizeof(struct bytes));
    if (from->type == WIRE_I32S && name)
        put_number(name, (uint8_t *)answer + name->offset, *(const int32_t *)asked);
}

static void refuse_parts(struct arena *arena, const struct wire_layout *in, const void *asked,
                         const struct wire_field *to, void *answer, int16_t error)
{
    for (size_t i = 0; i < COUNT(parts); i++) {
        const struct wire_field *from = wire_find(in, parts[i][1]);
        struct wire_elements     source, all;

        if (!from || strcmp(to->name, parts[i][0]) != 0)
            continue;
        source = wire_elements(asked, from);
        all = (struct wire_elements){ source.count, arena_array(arena, source.count, to->element->size) };
        for (size_t k = 0; k < all.count; k++)
            refuse_element(arena, from, (uint8_t *)source.at + k * wire_element_size(from), to,
                           (uint8_t *)all.at + k * to->element->size, error);
        wire_set_elements(answer, to, all);
        return;
    }
}

void refuse_all(const struct wire_layout *to, void *answer, int16_t error)
{
    for (size_t i = 0; i < to->field_count; i++)
        put_error(&to->fields[i], (uint8_t *)answer + to->fields[i].offset, error);
}
