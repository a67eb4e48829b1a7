/*
 * legal.h - which texts SQS allows where (bodies, names, ids). Thread: pure, any.
 */
#ifndef DOORS_SQS_LEGAL_H
#define DOORS_SQS_LEGAL_H

#include "base/bytes.h"

enum {
    QUEUE_NAME_CHARS_MAX = 80,
    BATCH_ID_CHARS_MAX = 80,
    GROUP_ID_CHARS_MAX = 128,
    ATTRIBUTE_NAME_BYTES_MAX = 256,
    ATTRIBUTE_TYPE_BYTES_MAX = 256,
    NUMBER_DIGITS_MAX = 38,
};

/* UTF-8 of #x9 | #xA | #xD | #x20-#xD7FF | #xE000-#xFFFD | #x10000-#x10FFFF. Empty is legal. */
bool legal_text(struct bytes b);
/* 1 to 80 of A-Z a-z 0-9 - _ */
bool legal_queue_name(struct bytes b);
bool legal_batch_id(struct bytes b);
/* Group and de-duplication ids: 1 to 128 printable ASCII characters without the space. */
bool legal_group_id(struct bytes b);
/* Letters (also accented ones, as the real service), digits, - _ . */
bool legal_attribute_chars(struct bytes name);
/* Does not begin with AWS. or Amazon. in any case, nor begin or end with a dot, nor hold two in a
 * row. */
bool legal_attribute_dots(struct bytes name);
/* All rules of an attribute name at once. */
bool legal_attribute_name(struct bytes name);
/* An optionally signed decimal number, with fraction and exponent, of at most 38 significant
 * digits. */
bool legal_number(struct bytes b);
/* 12 digits. */
bool legal_account(struct bytes b);

#endif
