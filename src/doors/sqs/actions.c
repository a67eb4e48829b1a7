/* actions.c - see actions.h. */
#include "doors/sqs/actions.h"

#define END { NULL, MEMBER_TEXT, false, NULL }
#define QUEUE_URL { "QueueUrl", MEMBER_TEXT, true, NULL }

static const struct member attribute_value[] = {
    { "DataType", MEMBER_TEXT, false, NULL },
    { "StringValue", MEMBER_TEXT, false, NULL },
    { "BinaryValue", MEMBER_TEXT, false, NULL },
    { "StringListValues", MEMBER_TEXTS, false, NULL },
    { "BinaryListValues", MEMBER_TEXTS, false, NULL },
    END,
};

#define MESSAGE_MEMBERS                                                                            \
    { "DelaySeconds", MEMBER_INTEGER, false, NULL },                                               \
    { "MessageAttributes", MEMBER_STRUCT_MAP, false, attribute_value },                            \
    { "MessageSystemAttributes", MEMBER_STRUCT_MAP, false, attribute_value },                      \
    { "MessageDeduplicationId", MEMBER_TEXT, false, NULL },                                        \
    { "MessageGroupId", MEMBER_TEXT, false, NULL }

static const struct member create_queue[] = {
    { "QueueName", MEMBER_TEXT, false, NULL }, /* it has its own words for a missing name */
    { "Attributes", MEMBER_TEXT_MAP, false, NULL },
    { "tags", MEMBER_TEXT_MAP, false, NULL },
    END,
};
static const struct member get_queue_url[] = {
    { "QueueName", MEMBER_TEXT, false, NULL },
    { "QueueOwnerAWSAccountId", MEMBER_TEXT, false, NULL },
    END,
};
static const struct member list_queues[] = {
    { "QueueNamePrefix", MEMBER_TEXT, false, NULL },
    { "NextToken", MEMBER_TEXT, false, NULL },
    { "MaxResults", MEMBER_INTEGER, false, NULL },
    END,
};
static const struct member list_source_queues[] = {
    QUEUE_URL,
    { "NextToken", MEMBER_TEXT, false, NULL },
    { "MaxResults", MEMBER_INTEGER, false, NULL },
    END,
};
static const struct member only_queue[] = { QUEUE_URL, END };
static const struct member get_attributes[] = {
    QUEUE_URL,
    { "AttributeNames", MEMBER_TEXTS, false, NULL },
    END,
};
static const struct member set_attributes[] = {
    QUEUE_URL,
    { "Attributes", MEMBER_TEXT_MAP, true, NULL },
    END,
};
static const struct member tag_queue[] = {
    QUEUE_URL,
    { "Tags", MEMBER_TEXT_MAP, true, NULL },
    END,
};
static const struct member untag_queue[] = {
    QUEUE_URL,
    { "TagKeys", MEMBER_TEXTS, true, NULL },
    END,
};
static const struct member send_message[] = {
    QUEUE_URL,
    { "MessageBody", MEMBER_TEXT, true, NULL },
    MESSAGE_MEMBERS,
    END,
};
static const struct member send_entry[] = {
    { "Id", MEMBER_TEXT, false, NULL },
    { "MessageBody", MEMBER_TEXT, false, NULL },
    MESSAGE_MEMBERS,
    END,
};
static const struct member send_message_batch[] = {
    QUEUE_URL,
    { "Entries", MEMBER_STRUCTS, true, send_entry },
    END,
};
static const struct member receive_message[] = {
    QUEUE_URL,
    { "AttributeNames", MEMBER_TEXTS, false, NULL },
    { "MessageSystemAttributeNames", MEMBER_TEXTS, false, NULL },
    { "MessageAttributeNames", MEMBER_TEXTS, false, NULL },
    { "MaxNumberOfMessages", MEMBER_INTEGER, false, NULL },
    { "VisibilityTimeout", MEMBER_INTEGER, false, NULL },
    { "WaitTimeSeconds", MEMBER_INTEGER, false, NULL },
    { "ReceiveRequestAttemptId", MEMBER_TEXT, false, NULL },
    END,
};
static const struct member delete_message[] = {
    QUEUE_URL,
    { "ReceiptHandle", MEMBER_TEXT, true, NULL },
    END,
};
static const struct member delete_entry[] = {
    { "Id", MEMBER_TEXT, false, NULL },
    { "ReceiptHandle", MEMBER_TEXT, false, NULL },
    END,
};
static const struct member delete_message_batch[] = {
    QUEUE_URL,
    { "Entries", MEMBER_STRUCTS, true, delete_entry },
    END,
};
static const struct member change_visibility[] = {
    QUEUE_URL,
    { "ReceiptHandle", MEMBER_TEXT, true, NULL },
    { "VisibilityTimeout", MEMBER_INTEGER, true, NULL },
    END,
};
static const struct member change_entry[] = {
    { "Id", MEMBER_TEXT, false, NULL },
    { "ReceiptHandle", MEMBER_TEXT, false, NULL },
    { "VisibilityTimeout", MEMBER_INTEGER, false, NULL },
    END,
};
static const struct member change_batch[] = {
    QUEUE_URL,
    { "Entries", MEMBER_STRUCTS, true, change_entry },
    END,
};

static const struct action actions[] = {
    { "CreateQueue", create_queue, QUEUE_NONE, on_create_queue },
    { "GetQueueUrl", get_queue_url, QUEUE_NONE, on_get_queue_url },
    { "ListQueues", list_queues, QUEUE_NONE, on_list_queues },
    { "DeleteQueue", only_queue, QUEUE_HINT, on_delete_queue },
    { "PurgeQueue", only_queue, QUEUE_HINT, on_purge_queue },
    { "ListDeadLetterSourceQueues", list_source_queues, QUEUE_HINT, on_list_source_queues },
    { "GetQueueAttributes", get_attributes, QUEUE_EXACT, on_get_queue_attributes },
    { "SetQueueAttributes", set_attributes, QUEUE_HINT, on_set_queue_attributes },
    { "ListQueueTags", only_queue, QUEUE_EXACT, on_list_queue_tags },
    { "TagQueue", tag_queue, QUEUE_HINT, on_tag_queue },
    { "UntagQueue", untag_queue, QUEUE_HINT, on_untag_queue },
    { "SendMessage", send_message, QUEUE_HINT, on_send_message },
    { "SendMessageBatch", send_message_batch, QUEUE_HINT, on_send_message_batch },
    { "ReceiveMessage", receive_message, QUEUE_HINT, on_receive_message },
    { "DeleteMessage", delete_message, QUEUE_HINT, on_delete_message },
    { "DeleteMessageBatch", delete_message_batch, QUEUE_HINT, on_delete_message_batch },
    { "ChangeMessageVisibility", change_visibility, QUEUE_HINT, on_change_visibility },
    { "ChangeMessageVisibilityBatch", change_batch, QUEUE_HINT, on_change_visibility_batch },
};

const struct action *action_find(struct bytes name)
{
    for (size_t i = 0; i < COUNT(actions); i++)
        if (bytes_eq_str(name, actions[i].name))
            return &actions[i];
    return NULL;
}

const struct action *action_at(size_t i)
{
    return i < COUNT(actions) ? &actions[i] : NULL;
}
