/* names.c - see names.h. */
#include "doors/kafka/names.h"

static bool is_allowed(uint8_t ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
           ch == '.' || ch == '_' || ch == '-';
}

bool kafka_is_topic_name(struct bytes name)
{
    if (name.len == 0 || name.len > KAFKA_NAME_BYTES_MAX || bytes_eq_str(name, ".") ||
        bytes_eq_str(name, ".."))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (!is_allowed(name.at[i]))
            return false;
    }
    return true;
}

bool kafka_is_showable(struct bytes name)
{
    return name.len > 0 && bytes_is_utf8(name);
}
