/*
 * pages.h - lists that come in pages: MaxResults and NextToken.
 *
 * Without MaxResults a list has up to 1,000 entries and never a token, as with the real service. A
 * token is the last name of the page before, in base64url: lists are sorted by name, so the next
 * page begins after it, whatever was created or deleted meanwhile.
 *
 * Thread: pure, any.
 */
#ifndef DOORS_SQS_PAGES_H
#define DOORS_SQS_PAGES_H

#include "base/mem.h"
#include "doors/sqs/errors.h"

#include <jansson.h>

enum { PAGE_ENTRIES_MAX = 1000 };

struct page {
    size_t       max;
    bool         has_max;
    bool         has_more;
    struct bytes after; /* null: from the start */
    struct bytes last;
    json_t      *list;
};

/* Reads MaxResults and NextToken of a request. */
bool page_begin(struct page *p, struct arena *a, const json_t *in, struct fault *f);
/* Whether the entry of this name belongs to the page; notes when there is one beyond it. */
bool page_wants(struct page *p, struct bytes name);
/* Takes over value. name is borrowed until page_end. */
void page_add(struct page *p, struct bytes name, json_t *value);
/* Puts the list (when not empty) and NextToken into out. */
void page_end(struct page *p, json_t *out, const char *list_name);

#endif
