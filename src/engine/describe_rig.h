/*
 * describe_rig.h - at the end of a test: every change that it left behind has the layout that describe.c says, to the
 * last byte. Included by x_rig.h only.
 */
#ifndef ENGINE_DESCRIBE_RIG_H
#define ENGINE_DESCRIBE_RIG_H

#include "engine/batch.h"
#include "engine/describe.h"
#include "store/catalogue.h"
#include "store/journal.h"
#include "store/volume.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline enum err describe_record(void *ctx, uint8_t kind, struct bytes head,
                                       struct bytes payload, uint64_t position)
{
    struct batch_head batch;
    struct buf        text;

    (void)ctx;
    (void)position;
    buf_init(&text);
    if (describe_change(&text, kind, head) != ERR_OK)
        fail_msg("kind %u has another layout:%.*s", kind, (int)text.len, (const char *)text.at);
    for (size_t len; payload.len > 0; payload = bytes_of(payload.at + len, payload.len - len))
        if (batch_first(payload, &batch, &len) != ERR_OK)
            fail_msg("kind %u has something else than batches behind it", kind);
    buf_fini(&text);
    return ERR_OK;
}

static inline enum err describe_row(void *ctx, uint8_t kind, struct bytes head)
{
    return describe_record(ctx, kind, head, bytes_of(NULL, 0), 0);
}

/* Of shard 0, which nobody has. */
static inline void describe_all(struct volume *v, struct mailbox *completions)
{
    struct journal_options options = { .file_bytes = 1 << 20 };
    struct shard          *shard;
    struct journal        *j;
    struct catalogue      *c;
    uint64_t               position;

    assert_int_equal(shard_claim(&shard, v, 0, completions), ERR_OK);
    assert_int_equal(catalogue_open(&c, shard), ERR_OK);
    assert_int_equal(catalogue_load(c, describe_row, NULL, &position), ERR_OK);
    catalogue_close(c);
    assert_int_equal(journal_open(&j, shard, &options), ERR_OK);
    assert_int_equal(journal_replay(j, shard_oldest(shard), describe_record, NULL), ERR_OK);
    journal_close(j);
    shard_release(shard);
}

#endif
