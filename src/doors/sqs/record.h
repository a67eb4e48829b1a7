/*
 * record.h - messages of SQS as records of the log, and records of any door as messages of SQS.
 *
 * Written by SQS: key = MessageGroupId or null, value = body, record headers = message attributes
 * in their order (text as UTF-8, Binary raw), and last the reserved header "myna-sqs" with what
 * else SQS must give back:
 *
 *     version u8 = 1, then fields: kind u8 | length uvarint | bytes. Unknown kinds are skipped.
 *       1 message id (16 bytes) | 2 sender | 3 AWSTraceHeader
 *       4 DataType of one attribute, once for each, in order
 *       5 of a dead letter: receives before u32, first receive ms u64, sent ms u64, then the ARN of
 *         the queue it comes from
 *
 *     To add something: a new kind. To change something: a new version; both stay readable.
 *
 * Read from another door (or when the above does not fit together, which a Kafka client can bring
 * about):
 *     body         the value; when it is not legal SQS text, in base64, with the attribute
 *                  myna-encoding = base64
 *     attributes   headers with legal names and values: String, or Binary when the value is not
 *                  text. What does not fit (an illegal or repeated name, an empty value, more than
 *                  ten) is packed into one String attribute myna-headers, a JSON array of
 *                  [name, value]; what is not UTF-8 appears in it as {"base64": "..."}
 *     group id     the key, when it is legal as one
 *     message id   derived from topic, partition and offset (ids.h)
 *     sender       the account the queue belongs to
 *
 *   R1  What is read is always legal SQS: text of allowed code points, at most ten attributes with
 *       legal names.
 *   R2  A message written by SQS comes back bit for bit.
 *
 * Thread: pure, any.
 */
#ifndef DOORS_SQS_RECORD_H
#define DOORS_SQS_RECORD_H

#include "base/mem.h"
#include "doors/sqs/message.h"
#include "engine/message.h"

/* Where a record lies. */
struct place {
    struct uuid  topic;
    uint32_t     partition;
    uint64_t     offset;
    struct bytes account;
};

void record_write(struct batch_writer *w, int64_t now_ms, const struct sqs_message *m);
/* out borrows from the arena and from in. */
void record_read(struct arena *a, const struct message *in, const struct place *place,
                 struct sqs_message *out);
/* For a record that cannot be decoded: an empty body and the attribute myna-error, so that somebody
 * can see and delete it. */
void record_unreadable(const struct place *place, struct sqs_message *out);

#endif
