/*
 * methods.c - see methods.h.
 *
 * What is not in the table is UNIMPLEMENTED. To add a method: its messages in pubsub.proto, a handler, a row.
 */
#include "doors/pubsub/methods.h"

#include "doors/pubsub/publish.h"
#include "doors/pubsub/pull.h"
#include "doors/pubsub/settle.h"
#include "doors/pubsub/stream.h"
#include "doors/pubsub/subscriptions.h"
#include "doors/pubsub/topics.h"

#define PUBLISHER "/google.pubsub.v1.Publisher/"
#define SUBSCRIBER "/google.pubsub.v1.Subscriber/"
#define DESC(name) (&google__pubsub__v1__##name##__descriptor)

static const struct rpc_method methods[] = {
    { PUBLISHER "CreateTopic", RPC_UNARY, DESC(topic), DESC(topic), ps_topics_on_create },
    { PUBLISHER "GetTopic", RPC_UNARY, DESC(get_topic_request), DESC(topic), ps_topics_on_get },
    { PUBLISHER "UpdateTopic", RPC_UNARY, DESC(update_topic_request), DESC(topic), ps_topics_on_update },
    { PUBLISHER "ListTopics", RPC_UNARY, DESC(list_topics_request), DESC(list_topics_response),
      ps_topics_on_list },
    { PUBLISHER "ListTopicSubscriptions", RPC_UNARY, DESC(list_topic_subscriptions_request),
      DESC(list_topic_subscriptions_response), ps_topics_on_list_subscriptions },
    { PUBLISHER "DeleteTopic", RPC_UNARY, DESC(delete_topic_request), DESC(empty), ps_topics_on_delete },
    { PUBLISHER "Publish", RPC_UNARY, DESC(publish_request), DESC(publish_response), ps_publish_on_publish },
    { SUBSCRIBER "CreateSubscription", RPC_UNARY, DESC(subscription), DESC(subscription),
      ps_subscriptions_on_create },
    { SUBSCRIBER "GetSubscription", RPC_UNARY, DESC(get_subscription_request), DESC(subscription),
      ps_subscriptions_on_get },
    { SUBSCRIBER "UpdateSubscription", RPC_UNARY, DESC(update_subscription_request), DESC(subscription),
      ps_subscriptions_on_update },
    { SUBSCRIBER "ListSubscriptions", RPC_UNARY, DESC(list_subscriptions_request),
      DESC(list_subscriptions_response), ps_subscriptions_on_list },
    { SUBSCRIBER "DeleteSubscription", RPC_UNARY, DESC(delete_subscription_request), DESC(empty),
      ps_subscriptions_on_delete },
    { SUBSCRIBER "ModifyPushConfig", RPC_UNARY, DESC(modify_push_config_request), DESC(empty),
      ps_subscriptions_on_modify_push_config },
    { SUBSCRIBER "Pull", RPC_UNARY, DESC(pull_request), DESC(pull_response), ps_pull_on_pull, .may_park = true },
    { SUBSCRIBER "StreamingPull", RPC_STREAMING, DESC(streaming_pull_request), DESC(streaming_pull_response),
      ps_stream_on_request, .on_half_closed = ps_stream_on_half_closed, .on_writable = ps_stream_on_writable,
      .on_closed = ps_stream_on_closed },
    { SUBSCRIBER "Acknowledge", RPC_UNARY, DESC(acknowledge_request), DESC(empty), ps_settle_on_acknowledge },
    { SUBSCRIBER "ModifyAckDeadline", RPC_UNARY, DESC(modify_ack_deadline_request), DESC(empty),
      ps_settle_on_modify_ack_deadline },
};

const struct rpc_method *ps_methods(size_t *count)
{
    *count = COUNT(methods);
    return methods;
}

const struct rpc_method *ps_method_find(struct bytes path)
{
    size_t i;

    for (i = 0; i < COUNT(methods); i++)
        if (bytes_eq_str(path, methods[i].path))
            return &methods[i];
    return NULL;
}
