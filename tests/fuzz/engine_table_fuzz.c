/* engine_table_fuzz.c - field tables: whatever the bytes, the readers stay inside and agree about validity. */
#include "engine/table.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

/* True when every field can be read, not looking into nested ones. */
static bool walk(struct bytes table)
{
    struct table_reader r = table_open(table);
    struct table_value  v;
    struct table_value  found;
    struct bytes        name;
    char                text[256];

    while (table_next(&r, &name, &v)) {
        if (!table_value_eq(&v, &v) && v.real == v.real)
            abort();
        memcpy(text, name.at, name.len);
        text[name.len] = 0;
        if (strlen(text) == name.len && !table_find(table, text, &found))
            abort();
    }
    return !r.rd.failed;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct bytes table = bytes_of(at, len);

    if (len > 4096)
        return 0;
    if (table_is_valid(table) && !walk(table))
        abort();
    walk(table);
    return 0;
}
