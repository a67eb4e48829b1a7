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
    X(delete_acls_response, DELETE_ACLS_RESPONSE)

#endif
