/* login.c - see login.h. */
#include "doors/amqp/login.h"
#include "doors/password.h"
#include "engine/table.h"

/* NUL user NUL password (RFC 4616 with no authorization identity, which RabbitMQ does not take either). */
static bool read_plain(struct bytes response, const struct login_peer *peer, struct login *out)
{
    const uint8_t *second;

    (void)peer;
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
static bool read_amqplain(struct bytes response, const struct login_peer *peer, struct login *out)
{
    struct table_value user;
    struct table_value password;

    (void)peer;
    if (!table_is_valid(response) || !table_find(response, "LOGIN", &user) ||
        !table_find(response, "PASSWORD", &password))
        return false;
    if ((user.type != 'S' && user.type != 'x') || (password.type != 'S' && password.type != 'x'))
        return false;
    out->user = user.bytes;
    out->password = password.bytes;
    return true;
}

static bool read_anonymous(struct bytes response, const struct login_peer *peer, struct login *out)
{
    (void)response;
    (void)peer;
    out->user = bytes_str(USER_GUEST);
    out->needs_password = false;
    return true;
}

/* What the response says is ignored: clients send nothing, a zero byte, or a name. */
static bool read_external(struct bytes response, const struct login_peer *peer, struct login *out)
{
    (void)response;
    out->user = peer->certificate;
    out->needs_password = false;
    return true;
}

static const struct {
    const char *name;
    bool (*read)(struct bytes response, const struct login_peer *peer, struct login *out);
    bool needs_certificate;
} mechanisms[] = {
    { "PLAIN", read_plain, false },
    { "AMQPLAIN", read_amqplain, false },
    { "ANONYMOUS", read_anonymous, false },
    { "EXTERNAL", read_external, true },
};

const char *login_mechanisms(const struct login_peer *peer)
{
    return bytes_is_null(peer->certificate) ? "PLAIN AMQPLAIN ANONYMOUS"
                                            : "PLAIN AMQPLAIN ANONYMOUS EXTERNAL";
}

enum login_result login_read(struct bytes mechanism, struct bytes response,
                             const struct login_peer *peer, struct login *out)
{
    *out = (struct login){ .needs_password = true };
    for (size_t i = 0; i < COUNT(mechanisms); i++) {
        if (!bytes_eq_str(mechanism, mechanisms[i].name) ||
            (mechanisms[i].needs_certificate && bytes_is_null(peer->certificate)))
            continue;
        if (!mechanisms[i].read(response, peer, out))
            return LOGIN_MALFORMED;
        return out->user.len > 0 && out->user.len <= USER_NAME_BYTES_MAX ? LOGIN_OK : LOGIN_REFUSED;
    }
    return LOGIN_UNKNOWN_MECHANISM;
}

bool login_is_good(const struct login *login, const struct login_peer *peer,
                   const struct user_view *user)
{
    bool is_good = login->needs_password ? password_matches(user, login->password) : user != NULL;

    return is_good && (peer->is_loopback || !bytes_eq_str(user->name, USER_GUEST));
}
