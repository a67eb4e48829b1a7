/* sqs_record_fuzz.c - stored batches of any door, and forged ones, shown as SQS messages: always
 * legal (record.h R1). */
#include "doors/sqs/legal.h"
#include "doors/sqs/opened.h"
#include "doors/sqs/present.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void show(struct opened *opened, const struct message_ref *ref)
{
    const struct wanted wanted = { 0 };
    struct sqs_message  m;

    opened_read(opened, ref, &m);
    if (!legal_text(m.body) || m.attribute_count > SQS_ATTRIBUTES_MAX)
        abort();
    for (size_t i = 0; i < m.attribute_count; i++)
        if (!legal_attribute_name(m.attributes[i].name) || m.attributes[i].value.len == 0 ||
            (!sqs_attribute_is_binary(&m.attributes[i]) && !legal_text(m.attributes[i].value)))
            abort();
    json_decref(present_message(&m, ref, &wanted));
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    const struct uuid  topic = { { 1 } };
    struct message_ref ref = { .counted_attempts = 1, .batch.bytes = { at, len } };
    struct opened      opened;
    struct batch_head  head;
    struct arena       a;

    if (len > 1 << 20 || batch_head(bytes_of(at, len), &head) != ERR_OK)
        return 0;
    arena_init(&a);
    opened_init(&opened, &a, &topic, bytes_str("000000000000"));
    for (int i = 0; i < head.record_count && i < 64; i++) {
        ref.offset = (uint64_t)i;
        show(&opened, &ref);
    }
    opened_fini(&opened);
    arena_fini(&a);
    return 0;
}
