/* name_key.c - names inside namespaces as map keys; see engine_int.h. */
#include "engine/engine_int.h"

#include <stdlib.h>

static void join(uint8_t *at, struct bytes ns, struct bytes name)
{
    if (ns.len > 0)
        memcpy(at, ns.at, ns.len);
    at[ns.len] = 0;
    if (name.len > 0)
        memcpy(at + ns.len + 1, name.at, name.len);
}

/* One for each message that is published: room is made once. */
struct bytes name_key_of(struct buf *scratch, struct bytes ns, struct bytes name)
{
    buf_clear(scratch);
    join(buf_grow(scratch, ns.len + 1 + name.len), ns, name);
    return buf_view(scratch);
}

void name_key_init(struct name_key *k, struct bytes ns, struct bytes name)
{
    uint8_t *at = mem_new(ns.len + 1 + name.len);

    join(at, ns, name);
    k->whole = bytes_of(at, ns.len + 1 + name.len);
    k->ns = bytes_of(at, ns.len);
    k->name = bytes_of(at + ns.len + 1, name.len);
}

void name_key_fini(struct name_key *k)
{
    free((void *)(uintptr_t)k->whole.at);
    *k = (struct name_key){ 0 };
}
