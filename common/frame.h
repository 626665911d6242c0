/* The rows of one target (or of all together) after preparation: a regular time axis and columns of doubles.
 */
#ifndef FF_COMMON_FRAME_H
#define FF_COMMON_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* Column c at step i is values[c * steps + i]; a missing value is NaN. Step i begins at t0_ms + i * step_ms
 * (milliseconds since the epoch, UTC). values is borrowed or owned as its holder says. */
struct ff_frame {
    int64_t t0_ms;
    int64_t step_ms; /* > 0 */
    size_t steps;
    size_t columns;
    const double *values;
};

static inline const double *ff_frame_column(const struct ff_frame *frame, size_t column)
{
    return frame->values + column * frame->steps;
}

static inline size_t ff_frame_bytes(const struct ff_frame *frame)
{
    return frame->steps * frame->columns * sizeof(double);
}

#endif
