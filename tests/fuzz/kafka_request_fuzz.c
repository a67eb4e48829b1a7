/*
 * kafka_request_fuzz.c - the header and the body of every API in every version we take.
 *
 * Input: key of the API (of one that we do not speak: any index), index of the version, then the frame after its api
 * key and version. What was read is written again and read once more: both writings must be the same.
 */
#include "doors/kafka/request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { FRAME_BYTES_MAX = 64 * 1024 };

static void write_again(const struct kafka_request *r)
{
    struct wire_out first, second;
    struct arena    arena;
    struct rd       in;
    void           *body;

    wire_out_init(&first);
    wire_out_init(&second);
    arena_init(&arena);
    body = arena_new(&arena, r->api->request->size + 1);
    wire_encode(r->api->request, r->version, r->body, &first);
    in = rd_of(buf_view(&first.bytes));
    if (!wire_decode(r->api->request, r->version, &in, &arena, body) || rd_left(&in) > 0)
        abort();
    wire_encode(r->api->request, r->version, body, &second);
    if (!bytes_eq(buf_view(&first.bytes), buf_view(&second.bytes)))
        abort();
    wire_out_fini(&first);
    wire_out_fini(&second);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    const struct kafka_api *api;
    struct kafka_request   *r;
    struct block           *block;
    size_t                  frame_len;

    if (len < 6 || len > FRAME_BYTES_MAX)
        return 0;
    api = kafka_api_find(at[0]);
    if (!api)
        api = &kafka_apis[at[0] % kafka_api_count];
    frame_len = len + 2; /* two bytes became the four of key and version */
    block = block_new(frame_len);
    put_u16(block->at, (uint16_t)api->key);
    put_u16(block->at + 2, (uint16_t)(api->min + at[1] % (api->max - api->min + 1)));
    memcpy(block->at + 4, at + 2, len - 2);
    if (kafka_request_read(&r, NULL, api, slice_of(block, block->at, frame_len))) {
        write_again(r);
        kafka_request_free(r);
    }
    block_drop(block);
    return 0;
}
