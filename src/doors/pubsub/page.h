/*
 * page.h - lists in pages: items come sorted by name, and a page token is the last name given (base64url), so that it
 * stays good when items are deleted or made between two pages.
 *
 * Thread: pure, the owner's.
 */
#ifndef DOORS_PUBSUB_PAGE_H
#define DOORS_PUBSUB_PAGE_H

#include "base/mem.h"

enum { PS_PAGE_ITEMS = 100 /* when the client asks for none */, PS_PAGE_ITEMS_MAX = 1000 };

struct ps_page {
    struct bytes after; /* names up to this one were given before */
    size_t       left;
    struct bytes last;
    bool         has_more;
};

/* In the arena. NULL: the token is not ours, or the size is negative. */
struct ps_page *ps_page_new(struct arena *a, int32_t size, const char *token);
/* Is the item of this name on the page? name must stay until ps_page_token. */
bool ps_page_take(struct ps_page *p, struct bytes name);
/* The token of the next page, in the arena; "" when this was the last. */
char *ps_page_token(const struct ps_page *p, struct arena *a);

#endif
