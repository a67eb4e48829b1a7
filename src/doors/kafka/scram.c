/* scram.c - see scram.h. */
#include "doors/kafka/scram.h"
#include "base/base64.h"

#include <openssl/crypto.h>
#include <stdlib.h>

struct scram *scram_new(enum credential_kind kind)
{
    struct scram *s = mem_new(sizeof *s);

    s->kind = kind;
    return s;
}

static void take(struct bytes *owned, struct bytes b)
{
    free((void *)(uintptr_t)owned->at);
    *owned = b.len > 0 ? bytes_of(mem_copy(b.at, b.len), b.len) : bytes_of(NULL, 0);
}

void scram_free(struct scram *s)
{
    static const struct bytes none;

    if (!s)
        return;
    take(&s->name, none);
    take(&s->binding, none);
    take(&s->first_bare, none);
    take(&s->nonce, none);
    take(&s->challenge, none);
    OPENSSL_cleanse(s, sizeof *s);
    free(s);
}

/* ---- reading ---- */

/* Up to the next comma or the end; the comma is passed over. */
static struct bytes attribute(struct rd *in)
{
    const uint8_t *comma = rd_left(in) > 0 ? memchr(in->at, ',', rd_left(in)) : NULL;
    struct bytes   b = rd_bytes(in, comma ? (size_t)(comma - in->at) : rd_left(in));

    if (comma)
        rd_u8(in);
    return b;
}

/* The value of the attribute that must come next. */
static struct bytes value(struct rd *in, char name)
{
    struct bytes b = attribute(in);

    if (b.len < 2 || b.at[0] != (uint8_t)name || b.at[1] != '=') {
        rd_fail(in);
        return bytes_of(NULL, 0);
    }
    return bytes_of(b.at + 2, b.len - 2);
}

/* "=2C" is a comma, "=3D" an equals sign, and neither stands for itself. */
static bool unescape(struct bytes b, struct buf *out)
{
    for (size_t i = 0; i < b.len; i++) {
        if (b.at[i] != '=') {
            buf_u8(out, b.at[i]);
            continue;
        }
        if (b.len - i < 3 || (memcmp(b.at + i, "=2C", 3) != 0 && memcmp(b.at + i, "=3D", 3) != 0))
            return false;
        buf_u8(out, b.at[i + 1] == '2' ? ',' : '=');
        i += 2;
    }
    return out->len > 0 && out->len <= USER_NAME_BYTES_MAX && bytes_is_utf8(buf_view(out));
}

/* The part in front: no binding wanted, and nobody else to act for. */
static bool read_binding(struct scram *s, struct rd *in, struct bytes message, struct bytes *acts_for)
{
    struct bytes flag = attribute(in);
    struct bytes other = attribute(in);

    if (in->failed || flag.len != 1 || (flag.at[0] != 'n' && flag.at[0] != 'y'))
        return false;
    if (other.len > 0 && (other.len < 2 || memcmp(other.at, "a=", 2) != 0))
        return false;
    *acts_for = other.len > 0 ? bytes_of(other.at + 2, other.len - 2) : bytes_of(NULL, 0);
    take(&s->binding, bytes_of(message.at, (size_t)(in->at - message.at)));
    return true;
}

static bool is_nonce(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.at[i] < 0x21 || b.at[i] > 0x7e)
            return false;
    return b.len > 0;
}

bool scram_read_first(struct scram *s, struct bytes message)
{
    struct rd    in = rd_of(message);
    struct buf   name;
    struct bytes escaped, nonce, acts_for;
    bool         is_good;

    if (message.len == 0 || message.len > SCRAM_MESSAGE_BYTES_MAX || !read_binding(s, &in, message, &acts_for))
        return false;
    take(&s->first_bare, bytes_of(in.at, rd_left(&in)));
    escaped = value(&in, 'n');
    nonce = value(&in, 'r');
    if (in.failed || !is_nonce(nonce) || (acts_for.len > 0 && !bytes_eq(acts_for, escaped)))
        return false;
    buf_init(&name);
    is_good = unescape(escaped, &name);
    if (is_good) {
        take(&s->name, buf_view(&name));
        take(&s->nonce, nonce);
    }
    buf_fini(&name);
    return is_good;
}

/* ---- the challenge ---- */

/* SC1: of somebody who is none, the same each time. */
static void make_up_salt(const struct scram *s, const uint8_t *secret, uint8_t *salt)
{
    password_hmac(CREDENTIAL_SCRAM_SHA_256, bytes_of(secret, SCRAM_SECRET_BYTES), s->name, salt);
}

struct bytes scram_challenge(struct scram *s, const struct credential *c,
                             const uint8_t secret[SCRAM_SECRET_BYTES],
                             const uint8_t random[SCRAM_NONCE_BYTES])
{
    size_t     bytes = password_hash_bytes(s->kind);
    uint8_t    made_up[PASSWORD_KEY_BYTES_MAX];
    struct buf out;
    size_t     nonce_end;

    s->is_known = c && c->stored.len == bytes && c->server.len == bytes;
    buf_init(&out);
    buf_str(&out, "r=");
    buf_bytes(&out, s->nonce);
    base64_format(&out, bytes_of(random, SCRAM_NONCE_BYTES));
    nonce_end = out.len;
    buf_str(&out, ",s=");
    make_up_salt(s, secret, made_up);
    base64_format(&out, s->is_known ? c->salt : bytes_of(made_up, 16));
    buf_printf(&out, ",i=%u", s->is_known ? c->iterations : PASSWORD_ITERATIONS);
    take(&s->nonce, bytes_of(out.at + 2, nonce_end - 2));
    take(&s->challenge, buf_view(&out));
    buf_fini(&out);
    memcpy(s->stored, s->is_known ? c->stored.at : made_up, s->is_known ? bytes : 32);
    memcpy(s->server, s->is_known ? c->server.at : made_up, s->is_known ? bytes : 32);
    return s->challenge;
}

/* ---- the proof ---- */

/* librdkafka before 2.11 says its own nonce once more in front of both; the proof vouches for what was said. */
static bool ends_with_nonce(const struct scram *s, struct bytes said)
{
    return said.len >= s->nonce.len &&
           memcmp(said.at + said.len - s->nonce.len, s->nonce.at, s->nonce.len) == 0;
}

/* c=, the binding once more; r=, both nonces; p=, the proof, last. */
static bool read_proof(const struct scram *s, struct bytes message, struct bytes *before, struct buf *proof)
{
    struct rd    in = rd_of(message);
    struct bytes binding = value(&in, 'c');
    struct bytes nonce = value(&in, 'r');
    struct bytes last = bytes_of(NULL, 0);
    struct buf   said;
    bool         is_good;

    buf_init(&said);
    is_good = !in.failed && ends_with_nonce(s, nonce) && base64_parse(&said, binding) &&
              bytes_eq(buf_view(&said), s->binding);
    buf_fini(&said);
    while (is_good && rd_left(&in) > 0) {
        *before = bytes_of(message.at, (size_t)(in.at - message.at) - 1);
        last = attribute(&in);
    }
    return is_good && last.len > 2 && memcmp(last.at, "p=", 2) == 0 &&
           base64_parse(proof, bytes_of(last.at + 2, last.len - 2));
}

static void auth_message(const struct scram *s, struct bytes before_proof, struct buf *out)
{
    buf_bytes(out, s->first_bare);
    buf_str(out, ",");
    buf_bytes(out, s->challenge);
    buf_str(out, ",");
    buf_bytes(out, before_proof);
}

/* Is the proof made with the key whose hash is the stored one? */
static bool is_proven(const struct scram *s, struct bytes signed_text, const uint8_t *proof)
{
    size_t  bytes = password_hash_bytes(s->kind);
    uint8_t key[PASSWORD_KEY_BYTES_MAX];
    uint8_t hash[PASSWORD_KEY_BYTES_MAX];

    password_hmac(s->kind, bytes_of(s->stored, bytes), signed_text, key);
    for (size_t i = 0; i < bytes; i++)
        key[i] ^= proof[i];
    password_hash(s->kind, bytes_of(key, bytes), hash);
    return password_eq(hash, s->stored, bytes);
}

bool scram_read_final(struct scram *s, struct bytes message, struct buf *out)
{
    size_t       bytes = password_hash_bytes(s->kind);
    struct bytes before = bytes_of(NULL, 0);
    uint8_t      signature[PASSWORD_KEY_BYTES_MAX];
    struct buf   proof, text;
    bool         is_he;

    buf_init(&proof);
    buf_init(&text);
    is_he = message.len > 0 && message.len <= SCRAM_MESSAGE_BYTES_MAX &&
            read_proof(s, message, &before, &proof) && proof.len == bytes;
    if (is_he) {
        auth_message(s, before, &text);
        is_he = is_proven(s, buf_view(&text), proof.at) && s->is_known;
    }
    if (is_he) {
        password_hmac(s->kind, bytes_of(s->server, bytes), buf_view(&text), signature);
        buf_str(out, "v=");
        base64_format(out, bytes_of(signature, bytes));
    }
    buf_fini(&proof);
    buf_fini(&text);
    return is_he;
}
