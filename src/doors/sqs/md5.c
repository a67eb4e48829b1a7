/* md5.c - see md5.h. */
#include "doors/sqs/md5.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

enum { MD5_BYTES = 16, TYPE_TEXT = 1, TYPE_BINARY = 2 };

static void format(const uint8_t digest[MD5_BYTES], char out[MD5_TEXT_BYTES])
{
    for (size_t i = 0; i < MD5_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

void md5_text(struct bytes b, char out[MD5_TEXT_BYTES])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    int     ok = EVP_Digest(b.at, b.len, digest, NULL, EVP_md5(), NULL);

    assert(ok);
    format(digest, out);
}

static void add(EVP_MD_CTX *md, const void *at, size_t len)
{
    int ok = EVP_DigestUpdate(md, at, len);

    assert(ok);
}

static void add_with_length(EVP_MD_CTX *md, struct bytes b)
{
    uint8_t length[4];

    put_u32(length, (uint32_t)b.len);
    add(md, length, sizeof length);
    add(md, b.at, b.len);
}

static int by_name(const void *a, const void *b)
{
    const struct sqs_attribute *const *left = a, *const *right = b;

    return bytes_cmp((*left)->name, (*right)->name);
}

void md5_attributes(const struct sqs_attribute *attributes, size_t count, char out[MD5_TEXT_BYTES])
{
    const struct sqs_attribute *sorted[SQS_ATTRIBUTES_MAX];
    uint8_t                     digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX                 *md = EVP_MD_CTX_new();
    int                         ok = EVP_DigestInit_ex(md, EVP_md5(), NULL);

    assert(ok && count <= SQS_ATTRIBUTES_MAX);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &attributes[i];
    qsort(sorted, count, sizeof sorted[0], by_name);
    for (size_t i = 0; i < count; i++) {
        uint8_t type = sqs_attribute_is_binary(sorted[i]) ? TYPE_BINARY : TYPE_TEXT;

        add_with_length(md, sorted[i]->name);
        add_with_length(md, sorted[i]->type);
        add(md, &type, 1);
        add_with_length(md, sorted[i]->value);
    }
    ok = EVP_DigestFinal_ex(md, digest, NULL);
    assert(ok);
    EVP_MD_CTX_free(md);
    format(digest, out);
}
