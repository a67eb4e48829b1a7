/* frame.c - see frame.h. */
#include "store/frame.h"
#include "base/crc32c.h"
#include "store/planted.h"

static const uint8_t file_magic[8] = { 'm', 'y', 'n', 'a', ' ', 'j', 'r', 'n' };
static const uint8_t frame_magic[4] = { 'M', 'Y', 'F', JOURNAL_VERSION };

enum { FILE_CRC_AT = 40, FRAME_CRC_AT = 52 };

void file_head_encode(uint8_t out[FILE_HEADER_BYTES], const struct file_head *h)
{
    memset(out, 0, FILE_HEADER_BYTES);
    memcpy(out, file_magic, sizeof file_magic);
    put_u32(out + 8, JOURNAL_VERSION);
    put_u32(out + 12, h->number);
    put_u64(out + 16, h->epoch);
    put_u64(out + 24, h->salt);
    put_u32(out + 32, h->shard);
    put_u32(out + 36, FILE_HEADER_BYTES);
    put_u32(out + FILE_CRC_AT, crc32c(0, out, FILE_CRC_AT));
}

enum err file_head_decode(struct bytes file, struct file_head *out)
{
    const uint8_t *at = file.at;

    if (file.len < FILE_HEADER_BYTES || memcmp(at, file_magic, sizeof file_magic) != 0)
        return ERR_CORRUPT;
    if (get_u32(at + FILE_CRC_AT) != crc32c(0, at, FILE_CRC_AT))
        return ERR_CORRUPT;
    if (get_u32(at + 8) > JOURNAL_VERSION)
        return ERR_NEWER_FORMAT;
    out->number = get_u32(at + 12);
    out->epoch = get_u64(at + 16);
    out->salt = get_u64(at + 24);
    out->shard = get_u32(at + 32);
    return get_u32(at + 36) == FILE_HEADER_BYTES ? ERR_OK : ERR_CORRUPT;
}

static uint32_t header_crc(const uint8_t *header, uint64_t salt)
{
    uint8_t seed[8];

    put_u64(seed, salt);
    return crc32c(crc32c(0, seed, sizeof seed), header, FRAME_CRC_AT);
}

void frame_encode(uint8_t out[FRAME_HEADER_BYTES], struct frame *f, uint64_t salt)
{
    memcpy(out, frame_magic, sizeof frame_magic);
    put_u32(out + 4, f->bytes);
    put_u64(out + 8, f->epoch);
    put_u64(out + 16, f->seq);
    put_u64(out + 24, f->position);
    put_u64(out + 32, f->synced);
    put_u32(out + 40, f->previous);
    put_u32(out + 44, f->body_crc);
    put_u32(out + 48, 0);
    f->crc = header_crc(out, salt);
    put_u32(out + FRAME_CRC_AT, f->crc);
}

static bool is_magic(const uint8_t *at)
{
    return memcmp(at, frame_magic, sizeof frame_magic) == 0;
}

bool frame_decode(struct frame *out, const uint8_t *at, uint64_t salt)
{
    if (!is_magic(at))
        return false;
    out->crc = get_u32(at + FRAME_CRC_AT);
    if (out->crc != header_crc(at, salt))
        return false;
    out->bytes = get_u32(at + 4);
    out->epoch = get_u64(at + 8);
    out->seq = get_u64(at + 16);
    out->position = get_u64(at + 24);
    out->synced = get_u64(at + 32);
    out->previous = get_u32(at + 40);
    out->body_crc = get_u32(at + 44);
    return out->bytes <= FRAME_BODY_MAX && out->bytes % FRAME_ALIGN == 0;
}

bool frame_has_body(const struct frame *f, const uint8_t *body)
{
    return is_planted(PLANTED_IGNORE_CRC) || crc32c(0, body, f->bytes) == f->body_crc;
}

bool frame_check(struct frame *out, struct bytes b, uint64_t salt)
{
    return b.len >= FRAME_HEADER_BYTES && frame_decode(out, b.at, salt) &&
           out->bytes <= b.len - FRAME_HEADER_BYTES &&
           frame_has_body(out, b.at + FRAME_HEADER_BYTES);
}

/* What is looked through may be a whole file of zeros. */
bool frame_find(struct frame *out, struct bytes file, size_t *at, size_t end, uint64_t salt)
{
    for (; *at < end && file.len - *at >= FRAME_HEADER_BYTES; *at += FRAME_ALIGN)
        if (is_magic(file.at + *at) &&
            frame_check(out, bytes_of(file.at + *at, file.len - *at), salt))
            return true;
    return false;
}
