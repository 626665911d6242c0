/* Numbers, durations, sizes, times and globs. */
#include "common/text.h"
#include "coordinator/timeparse.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ff_timeparse *parser;
    static const char *const candidates[] = {"target", "values"};
    double number;
    int64_t integer;
    uint64_t bytes;
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    if (!parser && ff_timeparse_create("auto", "Europe/Berlin", 60000, &parser, NULL) != FF_OK &&
        ff_timeparse_create("auto", "UTC", 60000, &parser, NULL) != FF_OK)
        abort();
    ff_parse_double(text, size, &number);
    ff_parse_integer(text, &integer);
    ff_parse_duration(text, &integer);
    ff_parse_size(text, &bytes);
    ff_parse_percent(text, &number);
    ff_timeparse(parser, text, size, &integer);
    if (size < 64) {
        ff_glob_match(text, "TX00001/count");
        ff_suggest(text, candidates, 2);
    }
    free(text);
    return 0;
}
