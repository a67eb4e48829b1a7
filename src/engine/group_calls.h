/*
 * group_calls.h - arguments and results of the calls on Kafka consumer groups and their offsets. See call.h for the rules.
 */
#ifndef ENGINE_GROUP_CALLS_H
#define ENGINE_GROUP_CALLS_H

#include "engine/call.h"

#endif
