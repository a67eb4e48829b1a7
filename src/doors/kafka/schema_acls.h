/*
 * schema_acls.h - the messages about what users may do, and how much of it; see schema.h.
 */
#ifndef DOORS_KAFKA_SCHEMA_ACLS_H
#define DOORS_KAFKA_SCHEMA_ACLS_H

/* ---- 29 DescribeAcls ---- */
#define DESCRIBE_ACLS_REQUEST(S, F, A, O)                                                          \
    F(S, I8, resource_type, 0, LAST, NEVER)                                                        \
    F(S, STRING, resource_name, 0, LAST, 0)                                                        \
    F(S, I8, pattern_type, 1, LAST, NEVER)                                                         \
    F(S, STRING, principal, 0, LAST, 0)                                                            \
    F(S, STRING, host, 0, LAST, 0)                                                                 \
    F(S, I8, operation, 0, LAST, NEVER)                                                            \
    F(S, I8, permission_type, 0, LAST, NEVER)
#define DESCRIBE_ACLS_RESPONSE_ACL(S, F, A, O)                                                     \
    F(S, STRING, principal, 0, LAST, NEVER)                                                        \
    F(S, STRING, host, 0, LAST, NEVER)                                                             \
    F(S, I8, operation, 0, LAST, NEVER)                                                            \
    F(S, I8, permission_type, 0, LAST, NEVER)
#define DESCRIBE_ACLS_RESPONSE_RESOURCE(S, F, A, O)                                                \
    F(S, I8, resource_type, 0, LAST, NEVER)                                                        \
    F(S, STRING, resource_name, 0, LAST, NEVER)                                                    \
    F(S, I8, pattern_type, 1, LAST, NEVER)                                                         \
    A(S, describe_acls_response_acl, acls, 0, LAST, NEVER)
#define DESCRIBE_ACLS_RESPONSE(S, F, A, O)                                                         \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    A(S, describe_acls_response_resource, resources, 0, LAST, NEVER)

/* ---- 30 CreateAcls ---- */
#define CREATE_ACLS_REQUEST_CREATION(S, F, A, O)                                                   \
    F(S, I8, resource_type, 0, LAST, NEVER)                                                        \
    F(S, STRING, resource_name, 0, LAST, NEVER)                                                    \
    F(S, I8, pattern_type, 1, LAST, NEVER)                                                         \
    F(S, STRING, principal, 0, LAST, NEVER)                                                        \
    F(S, STRING, host, 0, LAST, NEVER)                                                             \
    F(S, I8, operation, 0, LAST, NEVER)                                                            \
    F(S, I8, permission_type, 0, LAST, NEVER)
#define CREATE_ACLS_REQUEST(S, F, A, O)                                                            \
    A(S, create_acls_request_creation, creations, 0, LAST, NEVER)
#define CREATE_ACLS_RESPONSE_RESULT(S, F, A, O)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)
#define CREATE_ACLS_RESPONSE(S, F, A, O)                                                           \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, create_acls_response_result, results, 0, LAST, NEVER)

/* ---- 31 DeleteAcls ---- */
#define DELETE_ACLS_REQUEST_FILTER(S, F, A, O)                                                     \
    F(S, I8, resource_type, 0, LAST, NEVER)                                                        \
    F(S, STRING, resource_name, 0, LAST, 0)                                                        \
    F(S, I8, pattern_type, 1, LAST, NEVER)                                                         \
    F(S, STRING, principal, 0, LAST, 0)                                                            \
    F(S, STRING, host, 0, LAST, 0)                                                                 \
    F(S, I8, operation, 0, LAST, NEVER)                                                            \
    F(S, I8, permission_type, 0, LAST, NEVER)
#define DELETE_ACLS_REQUEST(S, F, A, O)                                                            \
    A(S, delete_acls_request_filter, filters, 0, LAST, NEVER)
#define DELETE_ACLS_RESPONSE_ACL(S, F, A, O)                                                       \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    F(S, I8, resource_type, 0, LAST, NEVER)                                                        \
    F(S, STRING, resource_name, 0, LAST, NEVER)                                                    \
    F(S, I8, pattern_type, 1, LAST, NEVER)                                                         \
    F(S, STRING, principal, 0, LAST, NEVER)                                                        \
    F(S, STRING, host, 0, LAST, NEVER)                                                             \
    F(S, I8, operation, 0, LAST, NEVER)                                                            \
    F(S, I8, permission_type, 0, LAST, NEVER)
#define DELETE_ACLS_RESPONSE_RESULT(S, F, A, O)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    A(S, delete_acls_response_acl, matching_acls, 0, LAST, NEVER)
#define DELETE_ACLS_RESPONSE(S, F, A, O)                                                           \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, delete_acls_response_result, filter_results, 0, LAST, NEVER)

/* ---- 48 DescribeClientQuotas: a value is the bits of a double ---- */
#define DESCRIBE_QUOTAS_REQUEST_COMPONENT(S, F, A, O)                                              \
    F(S, STRING, entity_type, 0, LAST, NEVER)                                                      \
    F(S, I8, match_type, 0, LAST, NEVER)                                                           \
    F(S, STRING, match, 0, LAST, 0)
#define DESCRIBE_QUOTAS_REQUEST(S, F, A, O)                                                        \
    A(S, describe_quotas_request_component, components, 0, LAST, NEVER)                            \
    F(S, BOOL, strict, 0, LAST, NEVER)
#define DESCRIBE_QUOTAS_RESPONSE_ENTITY(S, F, A, O)                                                \
    F(S, STRING, entity_type, 0, LAST, NEVER)                                                      \
    F(S, STRING, entity_name, 0, LAST, 0)
#define DESCRIBE_QUOTAS_RESPONSE_VALUE(S, F, A, O)                                                 \
    F(S, STRING, key, 0, LAST, NEVER)                                                              \
    F(S, I64, value, 0, LAST, NEVER)
#define DESCRIBE_QUOTAS_RESPONSE_ENTRY(S, F, A, O)                                                 \
    A(S, describe_quotas_response_entity, entity, 0, LAST, NEVER)                                  \
    A(S, describe_quotas_response_value, values, 0, LAST, NEVER)
#define DESCRIBE_QUOTAS_RESPONSE(S, F, A, O)                                                       \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    A(S, describe_quotas_response_entry, entries, 0, LAST, 0)

/* ---- 49 AlterClientQuotas ---- */
#define ALTER_QUOTAS_REQUEST_ENTITY(S, F, A, O)                                                    \
    F(S, STRING, entity_type, 0, LAST, NEVER)                                                      \
    F(S, STRING, entity_name, 0, LAST, 0)
#define ALTER_QUOTAS_REQUEST_OP(S, F, A, O)                                                        \
    F(S, STRING, key, 0, LAST, NEVER)                                                              \
    F(S, I64, value, 0, LAST, NEVER)                                                               \
    F(S, BOOL, remove, 0, LAST, NEVER)
#define ALTER_QUOTAS_REQUEST_ENTRY(S, F, A, O)                                                     \
    A(S, alter_quotas_request_entity, entity, 0, LAST, NEVER)                                      \
    A(S, alter_quotas_request_op, ops, 0, LAST, NEVER)
#define ALTER_QUOTAS_REQUEST(S, F, A, O)                                                           \
    A(S, alter_quotas_request_entry, entries, 0, LAST, NEVER)                                      \
    F(S, BOOL, validate_only, 0, LAST, NEVER)
#define ALTER_QUOTAS_RESPONSE_ENTITY(S, F, A, O)                                                   \
    F(S, STRING, entity_type, 0, LAST, NEVER)                                                      \
    F(S, STRING, entity_name, 0, LAST, 0)
#define ALTER_QUOTAS_RESPONSE_ENTRY(S, F, A, O)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    A(S, alter_quotas_response_entity, entity, 0, LAST, NEVER)
#define ALTER_QUOTAS_RESPONSE(S, F, A, O)                                                          \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, alter_quotas_response_entry, entries, 0, LAST, NEVER)

/* Every struct once, after the structs it contains. */
#define SCHEMA_ACLS_LIST(X)                                                                        \
    X(describe_acls_request, DESCRIBE_ACLS_REQUEST)                                                \
    X(describe_acls_response_acl, DESCRIBE_ACLS_RESPONSE_ACL)                                      \
    X(describe_acls_response_resource, DESCRIBE_ACLS_RESPONSE_RESOURCE)                            \
    X(describe_acls_response, DESCRIBE_ACLS_RESPONSE)                                              \
    X(create_acls_request_creation, CREATE_ACLS_REQUEST_CREATION)                                  \
    X(create_acls_request, CREATE_ACLS_REQUEST)                                                    \
    X(create_acls_response_result, CREATE_ACLS_RESPONSE_RESULT)                                    \
    X(create_acls_response, CREATE_ACLS_RESPONSE)                                                  \
    X(delete_acls_request_filter, DELETE_ACLS_REQUEST_FILTER)                                      \
    X(delete_acls_request, DELETE_ACLS_REQUEST)                                                    \
    X(delete_acls_response_acl, DELETE_ACLS_RESPONSE_ACL)                                          \
    X(delete_acls_response_result, DELETE_ACLS_RESPONSE_RESULT)                                    \
    X(delete_acls_response, DELETE_ACLS_RESPONSE)                                                  \
    X(describe_quotas_request_component, DESCRIBE_QUOTAS_REQUEST_COMPONENT)                        \
    X(describe_quotas_request, DESCRIBE_QUOTAS_REQUEST)                                            \
    X(describe_quotas_response_entity, DESCRIBE_QUOTAS_RESPONSE_ENTITY)                            \
    X(describe_quotas_response_value, DESCRIBE_QUOTAS_RESPONSE_VALUE)                              \
    X(describe_quotas_response_entry, DESCRIBE_QUOTAS_RESPONSE_ENTRY)                              \
    X(describe_quotas_response, DESCRIBE_QUOTAS_RESPONSE)                                          \
    X(alter_quotas_request_entity, ALTER_QUOTAS_REQUEST_ENTITY)                                    \
    X(alter_quotas_request_op, ALTER_QUOTAS_REQUEST_OP)                                            \
    X(alter_quotas_request_entry, ALTER_QUOTAS_REQUEST_ENTRY)                                      \
    X(alter_quotas_request, ALTER_QUOTAS_REQUEST)                                                  \
    X(alter_quotas_response_entity, ALTER_QUOTAS_RESPONSE_ENTITY)                                  \
    X(alter_quotas_response_entry, ALTER_QUOTAS_RESPONSE_ENTRY)                                    \
    X(alter_quotas_response, ALTER_QUOTAS_RESPONSE)

#endif
