/*
 * ackid.h - ack ids: the text by which a client names one delivery of one message.
 *
 * An ack id carries the lease it stands for, so nothing is kept in memory for it and any connection may use it, also
 * after a restart. Layout, then base64url without padding, 24 to 51 characters:
 *
 *     version u8 = 1 | queue id uvarint | partition uvarint | offset uvarint | token u32 | subscription u32 | crc u32
 *
 * token differs for each delivery. subscription is a CRC-32C of namespace and name, so that an id of another
 * subscription is told from an old one of a deleted and made again subscription: the first is an error, the second is
 * ignored. crc (CRC-32C of all before it) tells a damaged id. Neither is a secret: who may call the broker may
 * settle.
 *
 * Thread: pure, any.
 */
#ifndef DOORS_PUBSUB_ACKID_H
#define DOORS_PUBSUB_ACKID_H

#include "engine/queue_calls.h"

enum { ACKID_TEXT_MAX = 51 };

/* What an ack id is bound to beside its lease. */
uint32_t ackid_subscription(struct bytes ns, struct bytes name);
/* Writes the text and a final 0; returns its length. */
size_t ackid_format(const struct lease *lease, uint32_t subscription, char out[ACKID_TEXT_MAX + 1]);
/* False: not an ack id of ours. */
bool ackid_parse(struct bytes text, struct lease *lease, uint32_t *subscription);

#endif
