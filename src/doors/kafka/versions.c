/*
 * versions.c - ApiVersions: what we speak. The answer to an unknown version is of version 0, with
 * error 35 and our range of ApiVersions itself, so that the client can ask again (KIP-511). No
 * features are announced: none of them is on.
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
    kafka_answer(r, &a);
}
