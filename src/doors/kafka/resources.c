/* resources.c - see resources.h. */
#include "doors/kafka/resources.h"
#include "doors/kafka/nodes.h"

#include <stdio.h>

enum { NODE_NAME_BYTES = 12 };

static struct resource_refusal refuse(struct kafka_request *r, int16_t code, struct buf *text)
{
    return (struct resource_refusal){ code, kafka_text(r, text) };
}

static bool is_number(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        if (b.at[i] < '0' || b.at[i] > '9')
            return false;
    }
    return b.len > 0;
}

struct resource_refusal resource_check_broker(struct kafka_request *r, struct bytes name)
{
    struct buf text;

    char       self[NODE_NAME_BYTES];

    snprintf(self, sizeof self, "%d", (int)kafka_nodes_of(r).self);
    if (name.len == 0 || bytes_eq_str(name, self))
        return (struct resource_refusal){ KAFKA_NONE, { 0 } };
    buf_init(&text);
    if (!is_number(name))
        buf_printf(&text, "Broker id must be an integer, but it is: %.*s", (int)name.len,
                   (const char *)name.at);
    else
        buf_printf(&text, "Unexpected broker id, expected %s or empty string, but received %.*s",
                   self, (int)name.len, (const char *)name.at);
    return refuse(r, KAFKA_INVALID_REQUEST, &text);
}

struct resource_refusal resource_check_group(struct bytes name)
{
    struct resource_refusal none = { KAFKA_INVALID_REQUEST, bytes_str("Default group resources are not allowed.") };

    return name.len == 0 ? none : (struct resource_refusal){ KAFKA_NONE, { 0 } };
}

struct resource_refusal resource_no_settings(struct kafka_request *r, int8_t type)
{
    struct buf text;

    buf_init(&text);
    buf_printf(&text, "Resources of type %d have no settings here", type);
    return refuse(r, KAFKA_INVALID_REQUEST, &text);
}
