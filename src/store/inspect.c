/* inspect.c - see inspect.h. */
#include "store/inspect.h"
#include "base/crc32c.h"

struct inspection {
    const struct inspector *in;
    struct bytes            file;
    struct file_head        head;
    struct frame            last;
    bool                    has_last;
    size_t                  findings;
};

static void find(struct inspection *s, size_t offset, const char *what)
{
    s->findings++;
    if (s->in->finding)
        s->in->finding(s->in->ctx, offset, what);
}

/* What must hold between a frame and the one before it in the same file; NULL: all of it. */
static const char *break_of(const struct inspection *s, const struct frame *f)
{
    if (f->epoch != s->head.epoch)
        return "a frame of another epoch";
    if (!s->has_last)
        return NULL;
    if (f->seq != s->last.seq + 1)
        return "a sequence number is missing";
    if (f->previous != s->last.crc)
        return "the frame does not name the checksum of the one before";
    if (f->position != frame_end(&s->last))
        return "the frame says that it lies elsewhere";
    return NULL;
}

static void look_at_body(struct inspection *s, const struct frame *f, size_t offset)
{
    const uint8_t *body = s->file.at + offset + FRAME_HEADER_BYTES;

    if (!s->in->record)
        return;
    if (journal_each(bytes_of(body, f->bytes), f->position + FRAME_HEADER_BYTES, s->in->record,
                     s->in->ctx) != ERR_OK)
        find(s, offset, "a record makes no sense");
}

/* The frame at offset, header and body whole. */
static bool frame_at(const struct inspection *s, size_t offset, struct frame *out)
{
    return frame_check(out, bytes_of(s->file.at + offset, s->file.len - offset), s->head.salt);
}

static size_t look_at_frames(struct inspection *s)
{
    size_t       offset = FILE_HEADER_BYTES;
    struct frame f;

    while (offset < s->file.len && frame_at(s, offset, &f)) {
        const char *what = break_of(s, &f);

        if (s->in->frame)
            s->in->frame(s->in->ctx, &f, offset);
        if (what)
            find(s, offset, what);
        look_at_body(s, &f, offset);
        s->last = f;
        s->has_last = true;
        offset += FRAME_HEADER_BYTES + f.bytes;
    }
    return offset;
}

/* A frame behind the end that vouches for what is not there: damage, not a torn end (chain.h H3). */
static bool has_proof(const struct inspection *s, size_t offset)
{
    uint64_t     reached = s->has_last ? frame_end(&s->last) : 0;
    struct frame f;

    for (; frame_find(&f, s->file, &offset, s->file.len, s->head.salt); offset += FRAME_ALIGN)
        if (f.epoch == s->head.epoch && f.synced > reached && f.synced <= f.position)
            return true;
    return false;
}

static bool is_zeros(struct bytes b)
{
    return b.len == 0 || (b.at[0] == 0 && memcmp(b.at, b.at + 1, b.len - 1) == 0);
}

static void look_at_end(struct inspection *s, size_t offset)
{
    struct bytes rest = bytes_of(s->file.at + offset, s->file.len - offset);
    bool         zeros = is_zeros(rest);

    if (s->in->end)
        s->in->end(s->in->ctx, offset, zeros);
    if (!zeros && s->has_last && has_proof(s, offset))
        find(s, offset, "a frame that was synced cannot be read");
}

size_t inspect_journal(struct bytes file, const struct inspector *in)
{
    struct inspection s = { .in = in, .file = file };
    enum err          err = file_head_decode(file, &s.head);

    if (err) {
        find(&s, 0, err == ERR_NEWER_FORMAT ? "it was written by a newer version"
                                            : "the header of the file is damaged");
        return s.findings;
    }
    if (in->head)
        in->head(in->ctx, &s.head);
    look_at_end(&s, look_at_frames(&s));
    return s.findings;
}
