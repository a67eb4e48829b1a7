/* head.c - see head.h. */
#include "store/head.h"
#include "base/mem.h"
#include "store/sealed.h"

#include <inttypes.h>
#include <stdlib.h>

enum { HEAD_VERSION = 1 };

void head_init(struct head *h)
{
    *h = (struct head){ 0 };
}

void head_fini(struct head *h)
{
    free(h->files);
    head_init(h);
}

void head_add(struct head *h, uint64_t epoch, uint64_t number, uint64_t start)
{
    if ((h->count & (h->count - 1)) == 0)
        h->files = mem_resize(h->files, (h->count ? h->count * 2 : 1) * sizeof *h->files);
    h->files[h->count++] = (struct head_file){ epoch, number, start };
}

void head_format(const struct head *h, struct buf *out)
{
    sealed_begin(out, "shard", HEAD_VERSION);
    buf_printf(out, "epoch %" PRIu64 "\nstart %" PRIu64 "\n", h->epoch, h->start);
    buf_printf(out, "synced %" PRIu64 "\n", h->synced);
    buf_printf(out, "oldest %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", h->oldest, h->oldest_seq,
               h->oldest_crc);
    buf_printf(out, "closed %" PRIu64 "\n", h->closed);
    for (size_t i = 0; i < h->count; i++) {
        const struct head_file *f = &h->files[i];

        buf_printf(out, "file %" PRIu64 "-%" PRIu64 " ", f->epoch, f->number);
        if (f->start == POSITION_NONE)
            buf_str(out, "-\n");
        else
            buf_printf(out, "%" PRIu64 "\n", f->start);
    }
    sealed_end(out);
}

static bool parse_file(struct head *h, struct bytes line)
{
    struct head_file f;

    if (!sealed_word(&line, "file") || !sealed_number(&line, &f.epoch) ||
        !sealed_number(&line, &f.number))
        return false;
    if (bytes_eq_str(line, "-"))
        f.start = POSITION_NONE;
    else if (!sealed_number(&line, &f.start))
        return false;
    head_add(h, f.epoch, f.number, f.start);
    return true;
}

static bool parse_field(struct rd *lines, const char *name, uint64_t *out)
{
    struct bytes line;

    return sealed_line(lines, &line) && sealed_word(&line, name) && sealed_number(&line, out);
}

static bool parse_oldest(struct head *h, struct rd *lines)
{
    struct bytes line;

    return sealed_line(lines, &line) && sealed_word(&line, "oldest") &&
           sealed_number(&line, &h->oldest) && sealed_number(&line, &h->oldest_seq) &&
           sealed_number(&line, &h->oldest_crc) && h->oldest_crc <= UINT32_MAX;
}

enum err head_parse(struct head *h, struct bytes text)
{
    struct rd    lines;
    struct bytes line;
    enum err     err = sealed_open(text, "shard", HEAD_VERSION, &lines);

    if (err)
        return err;
    if (!parse_field(&lines, "epoch", &h->epoch) || !parse_field(&lines, "start", &h->start) ||
        !parse_field(&lines, "synced", &h->synced) || !parse_oldest(h, &lines) ||
        !parse_field(&lines, "closed", &h->closed))
        return ERR_CORRUPT;
    while (sealed_line(&lines, &line))
        if (!parse_file(h, line))
            return ERR_CORRUPT;
    return ERR_OK;
}
