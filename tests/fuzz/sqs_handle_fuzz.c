/* sqs_handle_fuzz.c - receipt handles, queue URLs, ARNs and credentials that are anything but. A
 * handle that is accepted is the one text of its lease. */
#include "doors/sqs/handles.h"
#include "doors/sqs/names.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void check_handle(struct bytes text)
{
    struct lease lease;
    struct buf   again;

    if (!handle_parse(text, &lease))
        return;
    buf_init(&again);
    handle_format(&again, &lease);
    if (!bytes_eq(buf_view(&again), text))
        abort();
    buf_fini(&again);
}

static void check_names(struct bytes text)
{
    struct queue_ref ref, again;
    struct caller    caller = caller_of(text);
    struct arena     a;

    arena_init(&a);
    if (queue_url_parse(&a, text, caller.account, &ref)) {
        struct bytes url = queue_url_format(&a, bytes_str("http://h:1"), ref);

        if (!queue_url_parse(&a, url, caller.account, &again) || !bytes_eq(again.name, ref.name) ||
            !bytes_eq(again.account, ref.account))
            abort();
    }
    if (queue_arn_parse(text, &ref))
        queue_arn_format(&a, caller.region, ref);
    arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct bytes text = bytes_of(at, len);

    if (len > 1 << 16)
        return 0;
    check_handle(text);
    check_names(text);
    return 0;
}
