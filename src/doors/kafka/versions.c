/*
 * versions.c - ApiVersions: what we speak. The answer to an unknown version is of version 0, with
 * error 35 and our range of ApiVersions itself, so that the client can ask again (KIP-511).
 *
 * Features (KIP-584) are tagged fields: what this broker can do, and what the cluster has agreed on,
 * which for a cluster of one is the same. Clients before version 4 do not read a feature whose lowest
 * level is 0 (KAFKA-17011), so they hear only what was agreed on.
 *
 * Thread: the loop's.
 */
#include "doors/kafka/request.h"

static bool is_word(uint8_t ch)
{
    return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

/* Letters and digits with dots and dashes between them (KIP-511). */
static bool is_software_name(struct bytes b)
{
    if (b.len == 0 || !is_word(b.at[0]) || !is_word(b.at[b.len - 1]))
        return false;
    for (size_t i = 0; i < b.len; i++) {
        if (!is_word(b.at[i]) && b.at[i] != '.' && b.at[i] != '-')
            return false;
    }
    return true;
}

static void answer_unknown_version(struct kafka_request *r)
{
    struct api_versions_response_key self = { .api_key = r->api->key,
                                              .min_version = r->api->min,
                                              .max_version = r->api->max };
    struct api_versions_response     a = { .error_code = KAFKA_UNSUPPORTED_VERSION,
                                           .api_keys = { 1, &self } };

    kafka_answer(r, &a);
}

static void list_apis(struct kafka_request *r, struct api_versions_response *a)
{
    a->api_keys.count = kafka_api_count;
    a->api_keys.at = kafka_array(r, kafka_api_count, sizeof *a->api_keys.at);
    for (size_t i = 0; i < kafka_api_count; i++) {
        a->api_keys.at[i] = (struct api_versions_response_key){
            .api_key = kafka_apis[i].key,
            .min_version = kafka_apis[i].advertised_min,
            .max_version = kafka_apis[i].max,
        };
    }
}

/* The levels that are on; all of them begin at 0. */
static const struct feature {
    const char *name;
    uint16_t    level;
} features[] = {
    { "group.version", 1 },       /* KIP-848 */
    { "share.version", 1 },       /* KIP-932 */
    { "transaction.version", 2 }, /* KIP-890 */
};

enum { TAG_SUPPORTED = 0, TAG_EPOCH = 1, TAG_FINALIZED = 2, FEATURES_EPOCH = 1 };

/* name, then min and max of what is supported, or max and min of what is final */
static void put_features(struct buf *out, size_t count, bool is_final)
{
    buf_uvarint(out, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct bytes name = bytes_str(features[i].name);

        buf_uvarint(out, name.len + 1);
        buf_bytes(out, name);
        buf_u16(out, is_final ? features[i].level : 0);
        buf_u16(out, features[i].level);
        buf_u8(out, 0);
    }
}

static void put_tag(struct buf *out, uint64_t tag, struct bytes content)
{
    buf_uvarint(out, tag);
    buf_uvarint(out, content.len);
    buf_bytes(out, content);
}

static struct bytes feature_tags(struct kafka_request *r)
{
    uint8_t      epoch[8];
    struct buf   list;
    struct buf   out;
    struct bytes tags;

    buf_init(&list);
    buf_init(&out);
    buf_uvarint(&out, 3);
    put_features(&list, r->version.number >= 4 ? COUNT(features) : 0, false);
    put_tag(&out, TAG_SUPPORTED, buf_view(&list));
    put_u64(epoch, FEATURES_EPOCH);
    put_tag(&out, TAG_EPOCH, bytes_of(epoch, sizeof epoch));
    buf_clear(&list);
    put_features(&list, COUNT(features), true);
    put_tag(&out, TAG_FINALIZED, buf_view(&list));
    tags = arena_bytes(&r->arena, buf_view(&out));
    buf_fini(&list);
    buf_fini(&out);
    return tags;
}

void kafka_on_api_versions(struct kafka_request *r)
{
    const struct api_versions_request *q = r->body;
    struct api_versions_response       a = { 0 };

    if (!q) {
        answer_unknown_version(r);
        return;
    }
    if (r->version.number >= 3 && !(is_software_name(q->client_software_name) &&
                                    is_software_name(q->client_software_version)))
        a.error_code = KAFKA_INVALID_REQUEST;
    else
        list_apis(r, &a);
    if (r->version.number >= 3)
        a.features = feature_tags(r);
    kafka_answer(r, &a);
}
