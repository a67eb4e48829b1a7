/*
 * crc32c.h - CRC-32C (Castagnoli), the checksum of Kafka batches and of the journal.
 * Uses the SSE 4.2 instruction where the machine has it. Thread: any.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include "base/bytes.h"

/* Continues from crc (0 to start): crc32c(crc32c(0, a), b) equals crc32c(0, a followed by b). */
uint32_t crc32c(uint32_t crc, const void *at, size_t len);

#endif
