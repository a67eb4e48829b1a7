/* md5_test.c - digests recorded from the real service. */
#include "doors/sqs/md5.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct vector {
    const char *digest;
    size_t      count;
    struct {
        const char *name, *type, *value;
    } attributes[3];
};

static const struct vector vectors[] = {
    { "235c5c510d26fb653d073faed50ae77c", 1, { { "timestamp", "Number", "1493147359900" } } },
    { "adb59cd4678ea5a855436b949cd07ab6", 1, { { "MyAttribute", "String", "foobar" } } },
    { "5ae4d5d7636402d80f4eb6d213245a88",
      1,
      { { "AWSTraceHeader", "String",
          "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1" } } },
    { "4c360f3fdafd970e05fae2f149d997f5",
      3,
      { { "Help.Me", "String", "Me" },
        { "Hello", "String", "There" },
        { "General", "String", "Kenobi" } } },
    { "fca026605781cb4126a1e9044df24232",
      2,
      { { "General", "String", "Kenobi" }, { "Hello", "String", "There" } } },
    { "a311262e065454b75da111d535b8dacd", 1, { { "Hello", "String", "There" } } },
    { "8cbe4db156db8a94db8b801b7addb984",
      1,
      { { "attr1", "Binary",
          "traceparent\x1e"
          "00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01" } } },
};

static void attributes_have_the_recorded_digests(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        struct sqs_attribute list[3];
        char                 got[MD5_TEXT_BYTES];

        for (size_t j = 0; j < vectors[i].count; j++)
            list[j] = (struct sqs_attribute){ bytes_str(vectors[i].attributes[j].name),
                                              bytes_str(vectors[i].attributes[j].type),
                                              bytes_str(vectors[i].attributes[j].value) };
        md5_attributes(list, vectors[i].count, got);
        assert_string_equal(got, vectors[i].digest);
    }
}

static void bodies_have_the_recorded_digests(void **state)
{
    char got[MD5_TEXT_BYTES];

    (void)state;
    md5_text(bytes_str("foobar"), got);
    assert_string_equal(got, "3858f62230ac3c915f300c664312c63f");
    md5_text(bytes_of(NULL, 0), got);
    assert_string_equal(got, "d41d8cd98f00b204e9800998ecf8427e");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_have_the_recorded_digests),
        cmocka_unit_test(bodies_have_the_recorded_digests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
