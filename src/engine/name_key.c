/* name_key.c - names inside namespaces as map keys; see engine_int.h. */
#include "engine/engine_int.h"

#include <stdlib.h>

struct bytes name_key_of(struct buf *scratch, struct bytes ns, struct bytes name)
{
    buf_clear(scratch);
    buf_bytes(scratch, ns);
    buf_u8(scratch, 0);
    buf_bytes(scratch, name);
    return buf_view(scratch);
}

void name_key_init(struct name_key *k, struct bytes ns, struct bytes name)
{
    uint8_t *at = mem_new(ns.len + 1 + name.len);

    if (ns.len > 0)
        memcpy(at, ns.at, ns.len);
    if (name.len > 0)
        memcpy(at + ns.len + 1, name.at, name.len);
    k->whole = bytes_of(at, ns.len + 1 + name.len);
    k->ns = bytes_of(at, ns.len);
    k->name = bytes_of(at + ns.len + 1, name.len);
}

void name_key_fini(struct name_key *k)
{
    free((void *)(uintptr_t)k->whole.at);
    *k = (struct name_key){ 0 };
}
