/* login.c - see login.h. */
#include "doors/amqp/login.h"

#include "engine/table.h"

struct credentials {
    struct bytes user;
    struct bytes password;
};

/* NUL user NUL password (RFC 4616 with no authorization identity, which RabbitMQ does not take either). */
static bool read_plain(struct bytes response, struct credentials *out)
{
    const uint8_t *second;

    if (response.len < 2 || response.at[0] != 0)
        return false;
    second = memchr(response.at + 1, 0, response.len - 1);
    if (!second)
        return false;
    out->user = bytes_of(response.at + 1, (size_t)(second - response.at - 1));
    out->password = bytes_of(second + 1, response.len - out->user.len - 2);
    return memchr(out->password.at, 0, out->password.len) == NULL;
}

/* A field table without its length. */
static bool read_amqplain(struct bytes response, struct credentials *out)
{
    struct table_value user;
    struct table_value password;

    if (!table_is_valid(response) || !table_find(response, "LOGIN", &user) ||
        !table_find(response, "PASSWORD", &password))
        return false;
    if ((user.type != 'S' && user.type != 'x') || (password.type != 'S' && password.type != 'x'))
        return false;
    out->user = user.bytes;
    out->password = password.bytes;
    return true;
}

static bool read_anonymous(struct bytes response, struct credentials *out)
{
    (void)response;
    out->user = bytes_str(LOGIN_USER);
    out->password = bytes_str(LOGIN_USER);
    return true;
}

static const struct {
    const char *name;
    bool (*read)(struct bytes response, struct credentials *out);
} mechanisms[] = {
    { "PLAIN", read_plain },
    { "AMQPLAIN", read_amqplain },
    { "ANONYMOUS", read_anonymous },
};

enum login_result login_check(struct bytes mechanism, struct bytes response, bool is_loopback)
{
    struct credentials c;

    for (size_t i = 0; i < COUNT(mechanisms); i++) {
        if (!bytes_eq_str(mechanism, mechanisms[i].name))
            continue;
        if (!mechanisms[i].read(response, &c))
            return LOGIN_MALFORMED;
        if (!bytes_eq_str(c.user, LOGIN_USER) || !bytes_eq_str(c.password, LOGIN_USER))
            return LOGIN_REFUSED;
        return is_loopback ? LOGIN_OK : LOGIN_REFUSED;
    }
    return LOGIN_UNKNOWN_MECHANISM;
}
