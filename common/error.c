#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum ff_status ff_error_set(struct ff_error *err, enum ff_status status, const char *format, ...)
{
    if (!err)
        return status;
    err->status = status;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return status;
}

enum ff_status ff_error_wrap(struct ff_error *err, const char *format, ...)
{
    if (!err)
        return FF_UNKNOWN;
    char prefix[256];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);

    size_t taken = strlen(prefix);
    size_t room = sizeof err->text - taken - 3;
    size_t length = strnlen(err->text, room);
    memmove(err->text + taken + 2, err->text, length);
    memcpy(err->text, prefix, taken);
    memcpy(err->text + taken, ": ", 2);
    err->text[taken + 2 + length] = '\0';
    return err->status;
}

const char *ff_status_name(enum ff_status status)
{
    switch (status) {
#define X(number, name)                                                                                      \
    case FF_##name:                                                                                          \
        return #name;
        FF_STATUS_LIST(X)
#undef X
    }
    return "UNKNOWN";
}
