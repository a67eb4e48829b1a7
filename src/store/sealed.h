/*
 * sealed.h - small text files that are replaced whole: a first line "myna KIND VERSION", lines, and
 * "crc 89abcdef" over all before. Thread: pure functions.
 */
#ifndef STORE_SEALED_H
#define STORE_SEALED_H

#include "base/buf.h"
#include "base/err.h"

void sealed_begin(struct buf *out, const char *kind, unsigned version);
void sealed_end(struct buf *out);
/* Checks first and last line; lines: those between. ERR_CORRUPT; ERR_NEWER_FORMAT,
 * ERR_OLDER_FORMAT: a version above or below ours. */
MUST_CHECK enum err sealed_open(struct bytes text, const char *kind, unsigned version,
                                struct rd *lines);
/* Next line without its newline; false at the end. */
bool sealed_line(struct rd *lines, struct bytes *out);
/* Takes "word " off the front of a line. */
bool sealed_word(struct bytes *line, const char *word);
/* Takes a decimal number and one following space or '-' off the front of a line. */
bool sealed_number(struct bytes *line, uint64_t *out);

#endif
