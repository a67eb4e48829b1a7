/* names.c - see names.h. */
#include "doors/sqs/names.h"
#include "doors/sqs/legal.h"
#include "engine/call.h"

#include <stdlib.h>

/* What lies before the first c, which is skipped; everything when there is none. */
static struct bytes cut(struct bytes *b, char c)
{
    const uint8_t *end = b->len > 0 ? memchr(b->at, c, b->len) : NULL;
    struct bytes   head = *b;

    if (!end) {
        *b = bytes_of(b->at + b->len, 0);
        return head;
    }
    head.len = (size_t)(end - b->at);
    *b = bytes_of(end + 1, b->len - head.len - 1);
    return head;
}

struct caller caller_of(struct bytes authorization)
{
    static const char credential[] = "Credential=";
    struct caller     c = { bytes_str(ACCOUNT_DEFAULT), bytes_str(REGION_DEFAULT) };
    const uint8_t    *at = authorization.len > 0 ? memmem(authorization.at, authorization.len,
                                                          credential, sizeof credential - 1)
                                                 : NULL;
    struct bytes      rest, key, region;

    if (!at)
        return c;
    at += sizeof credential - 1;
    rest = bytes_of(at, (size_t)(authorization.at + authorization.len - at));
    rest = cut(&rest, ',');
    key = cut(&rest, '/');
    cut(&rest, '/'); /* the date */
    region = cut(&rest, '/');
    if (legal_account(key))
        c.account = key;
    if (region.len <= 64 &&
        legal_queue_name(region)) /* letters, digits and hyphens, as a queue's name */
        c.region = region;
    return c;
}

struct bytes namespace_of(struct bytes account)
{
    return bytes_eq_str(account, ACCOUNT_DEFAULT) ? bytes_str(NAMESPACE_DEFAULT) : account;
}

static int hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct bytes percent_decode(struct arena *a, struct bytes b)
{
    uint8_t *out = arena_new(a, b.len + 1);
    size_t   n = 0;

    for (size_t i = 0; i < b.len; i++) {
        bool is_escape =
            b.at[i] == '%' && i + 2 < b.len && hex(b.at[i + 1]) >= 0 && hex(b.at[i + 2]) >= 0;

        out[n++] = is_escape ? (uint8_t)(hex(b.at[i + 1]) << 4 | hex(b.at[i + 2])) : b.at[i];
        i += is_escape ? 2 : 0;
    }
    return bytes_of(out, n);
}

/* The last segment of a path, which is taken off. */
static struct bytes last_segment(struct bytes *path)
{
    const uint8_t *slash = path->len > 0 ? memrchr(path->at, '/', path->len) : NULL;
    struct bytes   segment = *path;

    if (!slash) {
        path->len = 0;
        return segment;
    }
    segment = bytes_of(slash + 1, path->len - (size_t)(slash + 1 - path->at));
    path->len = (size_t)(slash - path->at);
    return segment;
}

bool queue_url_parse(struct arena *a, struct bytes url, struct bytes account, struct queue_ref *out)
{
    struct bytes path, name, owner;
    bool         is_bare;

    path = cut(&url, '?');
    if (path.len > 0 && path.at[path.len - 1] == '/')
        path.len--;
    name = last_segment(&path);
    is_bare = path.len == 0;
    owner = is_bare ? account : last_segment(&path);
    if (name.len == 0 || !legal_account(owner))
        return false;
    *out = (struct queue_ref){ owner, percent_decode(a, name) };
    return true;
}

static bool is_plain(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

/* Takes the buffer's text into the arena. */
static struct bytes finish(struct arena *a, struct buf *b)
{
    struct bytes text = bytes_of(arena_str(a, buf_view(b)), b->len);

    buf_fini(b);
    return text;
}

struct bytes queue_url_format(struct arena *a, struct bytes base, struct queue_ref queue)
{
    struct buf b;

    buf_init(&b);
    buf_bytes(&b, base);
    buf_u8(&b, '/');
    buf_bytes(&b, queue.account);
    buf_u8(&b, '/');
    for (size_t i = 0; i < queue.name.len; i++) {
        if (is_plain(queue.name.at[i]))
            buf_u8(&b, queue.name.at[i]);
        else
            buf_printf(&b, "%%%02X", queue.name.at[i]);
    }
    return finish(a, &b);
}

bool queue_arn_parse(struct bytes arn, struct queue_ref *out)
{
    struct bytes scheme = cut(&arn, ':'), partition = cut(&arn, ':'), service = cut(&arn, ':'),
                 region = cut(&arn, ':');

    out->account = cut(&arn, ':');
    out->name = arn;
    return bytes_eq_str(scheme, "arn") && bytes_starts(partition, "aws") &&
           bytes_eq_str(service, "sqs") && region.len > 0 && legal_account(out->account) &&
           out->name.len > 0;
}

struct bytes queue_arn_format(struct arena *a, struct bytes region, struct queue_ref queue)
{
    struct buf b;

    buf_init(&b);
    buf_str(&b, "arn:aws:sqs:");
    buf_bytes(&b, region);
    buf_u8(&b, ':');
    buf_bytes(&b, queue.account);
    buf_u8(&b, ':');
    buf_bytes(&b, queue.name);
    return finish(a, &b);
}
