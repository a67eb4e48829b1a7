/*
 * base64.h - RFC 4648: base64url without padding for tokens and ids, base64 with padding for bytes shown as text.
 * Thread: pure, any.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

/* Characters of n bytes in base64url without padding. */
#define BASE64URL_LEN(n) (((n) * 4 + 2) / 3)

void base64url_format(struct buf *out, struct bytes b);
/* Strict: no padding, no other characters, no stray bits. Appends; false: malformed, then out is as it was. */
bool base64url_parse(struct buf *out, struct bytes text);
void base64_format(struct buf *out, struct bytes b);
/* Strict, as base64url_parse, with the padding that the length asks for. */
bool base64_parse(struct buf *out, struct bytes text);

#endif
