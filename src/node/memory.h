/*
 * memory.h - where the libraries get their memory.
 *
 * With base/mem.h, whose allocations cannot fail, the code that uses a library need not ask at every call whether
 * memory was the reason, and cannot take a missing field or an unreadable message for something else. SQLite,
 * nghttp2 and libmicrohttpd have ways of their own: the first is a disk that failed, the others one connection.
 *
 * Thread: the main one, before anything else.
 */
#ifndef NODE_MEMORY_H
#define NODE_MEMORY_H

void memory_of_libraries(void);

#endif
