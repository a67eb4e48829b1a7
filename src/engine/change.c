/* change.c - field encodings of change heads; see change.h. */
#include "engine/change.h"

void change_put_bytes(struct buf *head, struct bytes b)
{
    buf_uvarint(head, bytes_is_null(b) ? 0 : (uint64_t)b.len + 1);
    buf_bytes(head, b);
}

struct bytes change_get_bytes(struct rd *head)
{
    uint64_t n = rd_uvarint64(head);

    if (n == 0)
        return bytes_of(NULL, 0);
    return rd_bytes(head, n - 1);
}
