/* page.c - see page.h. */
#include "doors/pubsub/page.h"

#include "base/base64.h"

struct ps_page *ps_page_new(struct arena *a, int32_t size, const char *token)
{
    struct ps_page *p = arena_struct(a, struct ps_page);
    struct buf      after;
    bool            ok;

    p->left = size > 0 && size < PS_PAGE_ITEMS_MAX ? (size_t)size : PS_PAGE_ITEMS_MAX;
    if (size == 0)
        p->left = PS_PAGE_ITEMS;
    buf_init(&after);
    ok = base64url_parse(&after, bytes_str(token));
    p->after = arena_bytes(a, buf_view(&after));
    buf_fini(&after);
    return ok && size >= 0 ? p : NULL;
}

bool ps_page_take(struct ps_page *p, struct bytes name)
{
    if (bytes_cmp(name, p->after) <= 0)
        return false;
    if (p->left == 0) {
        p->has_more = true;
        return false;
    }
    p->left--;
    p->last = name;
    return true;
}

char *ps_page_token(const struct ps_page *p, struct arena *a)
{
    struct buf text;
    char      *token;

    buf_init(&text);
    if (p->has_more)
        base64url_format(&text, p->last);
    token = arena_str(a, buf_view(&text));
    buf_fini(&text);
    return token;
}
