/*
 * journal_fuzz.c - recovery reads whatever lies on the disk. The first byte of the input says what
 * the rest is:
 *
 *     0  the bytes of a journal file
 *     1  bodies of frames (u16 length, bytes), framed and chained properly
 *     2  the same, and what is left over lies raw behind the last frame
 *     3  a head file
 *     4  the lines of a head file, to be sealed with the right checksum
 *
 * What recovery accepts it has made good: a second recovery must accept it, too, and give as many
 * records.
 */
#include "base/crc32c.h"
#include "base/diag.h"
#include "store/disk_sim.h"
#include "store/frame.h"
#include "store/head.h"
#include "store/journal.h"
#include "store/sealed.h"
#include "store/volume_file.h"

#include <stdlib.h>

enum { SALT = 99, EPOCH = 1 };

static void wake(void *ctx)
{
    (void)ctx;
}

static void on_durable(void *ctx, uint64_t position)
{
    (void)ctx;
    (void)position;
}

static void on_failed(void *ctx, enum err err, const char *what)
{
    (void)ctx;
    (void)err;
    (void)what;
    abort();
}

static enum err on_record(void *ctx, uint8_t kind, struct bytes head, struct bytes payload,
                          uint64_t position)
{
    uint64_t *sum = ctx;

    (void)position;
    *sum = *sum * 31 + kind;
    for (size_t i = 0; i < head.len; i++)
        *sum = *sum * 31 + head.at[i];
    for (size_t i = 0; i < payload.len; i++)
        *sum = *sum * 31 + payload.at[i];
    return ERR_OK;
}

/* One life on the disk; the sum is over all records. */
static enum err recover(struct disk *disk, uint64_t *sum)
{
    struct journal_options options = { JOURNAL_FILE_BYTES_MIN, on_durable, on_failed, NULL };
    struct mailbox         box;
    struct volume         *v = NULL;
    struct shard          *s = NULL;
    struct journal        *j = NULL;
    enum err               err;

    *sum = 1;
    mailbox_init(&box, wake, NULL);
    err = volume_file_open(&v, disk, false);
    if (!err)
        err = shard_claim(&s, v, 0, &box);
    if (!err)
        err = journal_open(&j, s, &options);
    if (!err)
        err = journal_replay(j, 0, on_record, sum);
    journal_close(j);
    if (s)
        shard_release(s);
    if (v)
        volume_close(v);
    mailbox_fini(&box);
    return err;
}

static void put_head(struct disk *disk)
{
    struct head head = { .epoch = EPOCH };
    struct buf  text;

    buf_init(&text);
    head_add(&head, EPOCH, 1, POSITION_NONE);
    head_format(&head, &text);
    disk_sim_put(disk, "shard/000/head", buf_view(&text));
    head_fini(&head);
    buf_fini(&text);
}

static void put_sealed_head(struct disk *disk, struct bytes lines)
{
    struct buf text;

    buf_init(&text);
    sealed_begin(&text, "shard", 1);
    buf_bytes(&text, lines);
    sealed_end(&text);
    disk_sim_put(disk, "shard/000/head", buf_view(&text));
    buf_fini(&text);
}

static void add_frame(struct buf *file, struct frame *f, struct bytes body)
{
    uint8_t header[FRAME_HEADER_BYTES];

    f->previous = f->crc;
    f->bytes = (uint32_t)body.len;
    f->body_crc = crc32c(0, body.at, body.len);
    f->seq++;
    frame_encode(header, f, SALT);
    buf_add(file, header, sizeof header);
    buf_bytes(file, body);
    f->position = frame_end(f);
    f->synced = f->position;
}

static void put_frames(struct disk *disk, struct rd r, bool with_rest)
{
    struct file_head head = { 1, 0, EPOCH, SALT };
    struct frame     f = { .epoch = EPOCH };
    struct buf       file;

    buf_init(&file);
    file_head_encode(buf_grow(&file, FILE_HEADER_BYTES), &head);
    while (rd_left(&r) >= 2) {
        size_t len = rd_u16(&r) & ~7u;

        if (len > rd_left(&r))
            break;
        add_frame(&file, &f, rd_bytes(&r, len));
    }
    if (with_rest)
        buf_bytes(&file, rd_bytes(&r, rd_left(&r)));
    disk_sim_put(disk, "shard/000/journal/1-1", buf_view(&file));
    buf_fini(&file);
}

static void prepare(struct disk *disk, uint8_t kind, struct bytes rest)
{
    if (kind == 0)
        disk_sim_put(disk, "shard/000/journal/1-1", rest);
    else
        put_frames(disk, rd_of(kind <= 2 ? rest : bytes_of(NULL, 0)), kind == 2);
    if (kind == 3)
        disk_sim_put(disk, "shard/000/head", rest);
    else if (kind == 4)
        put_sealed_head(disk, rest);
    else
        put_head(disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct disk   *disk;
    struct volume *v;
    uint64_t       first;
    uint64_t       second;

    if (len == 0)
        return 0;
    diag_set_level(DIAG_NONE);
    disk = disk_sim_keep(1);
    if (volume_file_open(&v, disk, false))
        abort();
    volume_close(v);
    prepare(disk, at[0] % 5, bytes_of(at + 1, len - 1));
    if (recover(disk, &first) == ERR_OK && (recover(disk, &second) != ERR_OK || first != second))
        abort();
    disk_sim_free(disk);
    return 0;
}
