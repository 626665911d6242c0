#include "common/outcome.h"

#include <string.h>

const char *ff_class_name(enum ff_class class)
{
    switch (class) {
#define X(number, name, text)                                                                                \
    case FF_##name:                                                                                          \
        return text;
        FF_CLASS_LIST(X)
#undef X
    case FF_OPEN:
    case FF_CLASS_COUNT:
        break;
    }
    return "open";
}

const char *ff_code_name(enum ff_code code)
{
    switch (code) {
#define X(number, name)                                                                                      \
    case FF_CODE_##name:                                                                                     \
        return #name;
        FF_CODE_LIST(X)
#undef X
    }
    return "UNKNOWN";
}

enum ff_class ff_class_from_name(const char *text)
{
#define X(number, name, printed)                                                                             \
    if (strcmp(text, printed) == 0)                                                                          \
        return FF_##name;
    FF_CLASS_LIST(X)
#undef X
    return FF_OPEN;
}
