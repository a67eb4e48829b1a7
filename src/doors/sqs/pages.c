/* pages.c - see pages.h. */
#include "doors/sqs/pages.h"
#include "base/base64.h"

static bool read_token(struct page *p, struct arena *a, const char *token, struct fault *f)
{
    struct buf name;
    bool       ok;

    buf_init(&name);
    ok = base64url_parse(&name, bytes_str(token));
    if (ok)
        p->after = arena_bytes(a, buf_view(&name));
    else
        fault_set(f, SHAPE_INVALID_PARAMETER, "Invalid or expired next token.");
    buf_fini(&name);
    return ok;
}

bool page_begin(struct page *p, struct arena *a, const json_t *in, struct fault *f)
{
    const json_t *max = json_object_get(in, "MaxResults");
    const char   *token = json_string_value(json_object_get(in, "NextToken"));
    json_int_t    v = max ? json_integer_value(max) : PAGE_ENTRIES_MAX;

    *p = (struct page){ .max = (size_t)v, .has_max = max != NULL };
    if (v < 1 || v > PAGE_ENTRIES_MAX)
        return fault_set(f, SHAPE_INVALID_PARAMETER,
                         "Value %" JSON_INTEGER_FORMAT
                         " for parameter MaxResults is invalid. Reason: Must be between 1 and "
                         "1000, if provided.",
                         v);
    if (token && !read_token(p, a, token, f))
        return false;
    p->list = json_array();
    return true;
}

bool page_wants(struct page *p, struct bytes name)
{
    if (!bytes_is_null(p->after) && bytes_cmp(name, p->after) <= 0)
        return false;
    if (json_array_size(p->list) < p->max)
        return true;
    p->has_more = true;
    return false;
}

void page_add(struct page *p, struct bytes name, json_t *value)
{
    json_array_append_new(p->list, value);
    p->last = name;
}

void page_end(struct page *p, json_t *out, const char *list_name)
{
    struct buf token;

    if (p->has_max && p->has_more) {
        buf_init(&token);
        base64url_format(&token, p->last);
        json_object_set_new(out, "NextToken",
                            json_stringn_nocheck((const char *)token.at, token.len));
        buf_fini(&token);
    }
    if (json_array_size(p->list) > 0)
        json_object_set(out, list_name, p->list);
    json_decref(p->list);
    p->list = NULL;
}
