/* methods.c - see methods.h. */
#include "doors/amqp/methods.h"

#include "doors/amqp/amqp_int.h"
#include "doors/amqp/frame.h"
#include "engine/table.h"

#include <assert.h>

const struct method methods[METHOD_COUNT] = {
#define X(name, class_id, method, types, on_conn, on_channel)                                      \
    [METHOD_##name] = { class_id, method, types, on_conn, on_channel },
    METHOD_LIST(X)
#undef X
};

/* Classes are multiples of ten up to 90, but for confirm: its row is the free one. */
#define CLASS_ROW(class_id) ((class_id) == 85 ? 0 : (class_id) / 10)
enum { CLASS_ROWS = 10, METHOD_COLUMNS = 121 };

static const uint8_t by_number[CLASS_ROWS][METHOD_COLUMNS] = {
#define X(name, class_id, method, types, on_conn, on_channel)                                      \
    [CLASS_ROW(class_id)][method] = METHOD_##name,
    METHOD_LIST(X)
#undef X
};
_Static_assert(METHOD_COUNT <= UINT8_MAX, "by_number holds octets");

enum method_id method_find(uint16_t class_id, uint16_t method_id)
{
    enum method_id id;

    if (CLASS_ROW(class_id) >= CLASS_ROWS || method_id >= METHOD_COLUMNS)
        return METHOD_NONE;
    id = by_number[CLASS_ROW(class_id)][method_id];
    return id != METHOD_NONE && methods[id].class_id == class_id ? id : METHOD_NONE;
}

/* Where the next bit argument comes from: neighbouring bits share an octet, lowest first. */
struct bits {
    uint8_t  octet;
    unsigned used; /* 0: the next bit opens an octet */
};

static bool read_bit(struct rd *r, struct bits *bits)
{
    bool bit;

    if (bits->used == 0)
        bits->octet = rd_u8(r);
    bit = bits->octet >> bits->used & 1;
    bits->used = (bits->used + 1) % 8;
    return bit;
}

static struct bytes short_string(struct rd *r)
{
    uint8_t len = rd_u8(r);

    return rd_bytes(r, len);
}

static struct bytes long_string(struct rd *r)
{
    uint32_t len = rd_u32(r);

    return rd_bytes(r, len);
}

static enum args_result read_arg(struct rd *r, char type, struct bits *bits, struct arg *out)
{
    *out = (struct arg){ 0 };
    if (type == 'b') {
        out->n = read_bit(r, bits);
        return ARGS_OK;
    }
    bits->used = 0;
    switch (type) {
    case 'o':
        out->n = rd_u8(r);
        break;
    case 'h':
        out->n = rd_u16(r);
        break;
    case 'l':
        out->n = rd_u32(r);
        break;
    case 'L':
        out->n = rd_u64(r);
        break;
    case 's':
        out->b = short_string(r);
        return bytes_is_utf8(out->b) ? ARGS_OK : ARGS_BAD_UTF8;
    case 'S':
        out->b = long_string(r);
        break;
    case 'T':
        out->b = long_string(r);
        return table_is_valid(out->b) ? ARGS_OK : ARGS_MALFORMED;
    default:
        assert(false && "unknown argument type");
    }
    return ARGS_OK;
}

enum args_result args_decode(enum method_id id, struct bytes payload,
                             struct arg out[METHOD_ARGS_MAX])
{
    struct rd   r = rd_of(payload);
    struct bits bits = { 0 };
    const char *type;

    for (type = methods[id].types; *type; type++) {
        enum args_result result = read_arg(&r, *type, &bits, out++);

        if (r.failed)
            return ARGS_MALFORMED;
        if (result != ARGS_OK)
            return result;
    }
    return rd_left(&r) == 0 ? ARGS_OK : ARGS_MALFORMED;
}

static void write_arg(struct buf *out, char type, const struct arg *a)
{
    size_t n;

    switch (type) {
    case 'o':
        buf_u8(out, (uint8_t)a->n);
        break;
    case 'h':
        buf_u16(out, (uint16_t)a->n);
        break;
    case 'l':
        buf_u32(out, (uint32_t)a->n);
        break;
    case 'L':
        buf_u64(out, a->n);
        break;
    case 's':
        n = a->b.len < UINT8_MAX ? a->b.len : UINT8_MAX;
        buf_u8(out, (uint8_t)n);
        buf_add(out, a->b.at, n);
        break;
    case 'S':
    case 'T':
        buf_u32(out, (uint32_t)a->b.len);
        buf_bytes(out, a->b);
        break;
    default:
        assert(false && "unknown argument type");
    }
}

/* Writes the bits that begin at type; returns how many there are. */
static size_t write_bits(struct buf *out, const char *type, const struct arg *args)
{
    uint8_t octet = 0;
    size_t  n;

    for (n = 0; type[n] == 'b'; n++) {
        octet |= (uint8_t)(args[n].n ? 1u << n % 8 : 0);
        if (n % 8 == 7 || type[n + 1] != 'b') {
            buf_u8(out, octet);
            octet = 0;
        }
    }
    return n;
}

void method_frame(struct buf *out, uint16_t channel, enum method_id id, const struct arg *args)
{
    const struct method *m = &methods[id];
    const char          *type = m->types;
    size_t               start = frame_begin(out, FRAME_METHOD, channel);

    buf_u16(out, m->class_id);
    buf_u16(out, m->method_id);
    while (*type) {
        size_t n = 1;

        if (*type == 'b')
            n = write_bits(out, type, args);
        else
            write_arg(out, *type, args);
        type += n;
        args += n;
    }
    frame_end(out, start);
}
