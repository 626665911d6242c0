/* Status of a call and the text a person can act on.
 *
 * Fallible functions return enum ff_status and, when it is not FF_OK, fill their last argument. The codes are
 * the canonical RPC codes, so that a status means the same in a function, on the wire and in a log. What
 * became of a target is not a status: see outcome.h. */
#ifndef FF_COMMON_ERROR_H
#define FF_COMMON_ERROR_H

#include <stddef.h>

#define FF_STATUS_LIST(X)                                                                                    \
    X(0, OK)                                                                                                 \
    X(1, CANCELLED)                                                                                          \
    X(2, UNKNOWN)                                                                                            \
    X(3, INVALID_ARGUMENT)                                                                                   \
    X(4, DEADLINE_EXCEEDED)                                                                                  \
    X(5, NOT_FOUND)                                                                                          \
    X(6, ALREADY_EXISTS)                                                                                     \
    X(7, PERMISSION_DENIED)                                                                                  \
    X(8, RESOURCE_EXHAUSTED)                                                                                 \
    X(9, FAILED_PRECONDITION)                                                                                \
    X(10, ABORTED)                                                                                           \
    X(11, OUT_OF_RANGE)                                                                                      \
    X(12, UNIMPLEMENTED)                                                                                     \
    X(13, INTERNAL)                                                                                          \
    X(14, UNAVAILABLE)                                                                                       \
    X(15, DATA_LOSS)                                                                                         \
    X(16, UNAUTHENTICATED)

enum ff_status {
#define X(number, name) FF_##name = number,
    FF_STATUS_LIST(X)
#undef X
};

#define FF_NODISCARD __attribute__((warn_unused_result))
#define FF_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))

/* Why a call failed. A plain value; zero it before use ({0}). */
struct ff_error {
    enum ff_status status;
    char text[1024]; /* one line, no final newline */
};

/* Formats the text and returns status, so that a failure is one line: return ff_error_set(err, …).
 * err may be NULL. A text too long is cut. */
enum ff_status ff_error_set(struct ff_error *err, enum ff_status status, const char *format, ...)
    FF_PRINTF(3, 4);

/* Puts "prefix: " before the text of err, keeps and returns its status. err may be NULL (returns FF_UNKNOWN).
 */
enum ff_status ff_error_wrap(struct ff_error *err, const char *format, ...) FF_PRINTF(2, 3);

/* "NOT_FOUND" for FF_NOT_FOUND; "UNKNOWN" for a number that is none. */
const char *ff_status_name(enum ff_status status);

#endif
