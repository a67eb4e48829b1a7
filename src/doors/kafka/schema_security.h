/*
 * schema_security.h - the messages by which users log in and are looked after; see schema.h.
 */
#ifndef DOORS_KAFKA_SCHEMA_SECURITY_H
#define DOORS_KAFKA_SCHEMA_SECURITY_H

/* ---- 17 SaslHandshake ---- */
#define SASL_HANDSHAKE_REQUEST(S, F, A, O)                                                         \
    F(S, STRING, mechanism, 0, LAST, NEVER)
#define SASL_HANDSHAKE_RESPONSE(S, F, A, O)                                                        \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRINGS, mechanisms, 0, LAST, NEVER)

/* ---- 36 SaslAuthenticate ---- */
#define SASL_AUTHENTICATE_REQUEST(S, F, A, O)                                                      \
    F(S, BYTES, auth_bytes, 0, LAST, NEVER)
#define SASL_AUTHENTICATE_RESPONSE(S, F, A, O)                                                     \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    F(S, BYTES, auth_bytes, 0, LAST, NEVER)                                                        \
    F(S, I64, session_lifetime_ms, 1, LAST, NEVER)

/* ---- 50 DescribeUserScramCredentials ---- */
#define DESCRIBE_SCRAM_REQUEST_USER(S, F, A, O)                                                    \
    F(S, STRING, name, 0, LAST, NEVER)
#define DESCRIBE_SCRAM_REQUEST(S, F, A, O)                                                         \
    A(S, describe_scram_request_user, users, 0, LAST, 0)
#define DESCRIBE_SCRAM_RESPONSE_INFO(S, F, A, O)                                                   \
    F(S, I8, mechanism, 0, LAST, NEVER)                                                            \
    F(S, I32, iterations, 0, LAST, NEVER)
#define DESCRIBE_SCRAM_RESPONSE_RESULT(S, F, A, O)                                                 \
    F(S, STRING, user, 0, LAST, NEVER)                                                             \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    A(S, describe_scram_response_info, credential_infos, 0, LAST, NEVER)
#define DESCRIBE_SCRAM_RESPONSE(S, F, A, O)                                                        \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    A(S, describe_scram_response_result, results, 0, LAST, NEVER)

/* ---- 51 AlterUserScramCredentials ---- */
#define ALTER_SCRAM_REQUEST_DELETION(S, F, A, O)                                                   \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    F(S, I8, mechanism, 0, LAST, NEVER)
#define ALTER_SCRAM_REQUEST_UPSERTION(S, F, A, O)                                                  \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    F(S, I8, mechanism, 0, LAST, NEVER)                                                            \
    F(S, I32, iterations, 0, LAST, NEVER)                                                          \
    F(S, BYTES, salt, 0, LAST, NEVER)                                                              \
    F(S, BYTES, salted_password, 0, LAST, NEVER)
#define ALTER_SCRAM_REQUEST(S, F, A, O)                                                            \
    A(S, alter_scram_request_deletion, deletions, 0, LAST, NEVER)                                  \
    A(S, alter_scram_request_upsertion, upsertions, 0, LAST, NEVER)
#define ALTER_SCRAM_RESPONSE_RESULT(S, F, A, O)                                                    \
    F(S, STRING, user, 0, LAST, NEVER)                                                             \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)
#define ALTER_SCRAM_RESPONSE(S, F, A, O)                                                           \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, alter_scram_response_result, results, 0, LAST, NEVER)

/* Every struct once, after the structs it contains. */
#define SCHEMA_SECURITY_LIST(X)                                                                    \
    X(sasl_handshake_request, SASL_HANDSHAKE_REQUEST)                                              \
    X(sasl_handshake_response, SASL_HANDSHAKE_RESPONSE)                                            \
    X(sasl_authenticate_request, SASL_AUTHENTICATE_REQUEST)                                        \
    X(sasl_authenticate_response, SASL_AUTHENTICATE_RESPONSE)                                      \
    X(describe_scram_request_user, DESCRIBE_SCRAM_REQUEST_USER)                                    \
    X(describe_scram_request, DESCRIBE_SCRAM_REQUEST)                                              \
    X(describe_scram_response_info, DESCRIBE_SCRAM_RESPONSE_INFO)                                  \
    X(describe_scram_response_result, DESCRIBE_SCRAM_RESPONSE_RESULT)                              \
    X(describe_scram_response, DESCRIBE_SCRAM_RESPONSE)                                            \
    X(alter_scram_request_deletion, ALTER_SCRAM_REQUEST_DELETION)                                  \
    X(alter_scram_request_upsertion, ALTER_SCRAM_REQUEST_UPSERTION)                                \
    X(alter_scram_request, ALTER_SCRAM_REQUEST)                                                    \
    X(alter_scram_response_result, ALTER_SCRAM_RESPONSE_RESULT)                                    \
    X(alter_scram_response, ALTER_SCRAM_RESPONSE)

#endif
