/* One CSV line, cell by cell (RFC 4180, lines end with a newline alone). */
#ifndef FF_COORDINATOR_CSVOUT_H
#define FF_COORDINATOR_CSVOUT_H

#include "common/buf.h"

#include <stdbool.h>

struct ff_csvout {
    struct ff_buf *out;
    bool comma;
};

static inline struct ff_csvout ff_csvout_start(struct ff_buf *out)
{
    return (struct ff_csvout){.out = out};
}

/* Quoted where a comma, a quote, a line's end or a blank at an end asks for it; other bytes as they are. */
void ff_csvout_text(struct ff_csvout *line, const char *text);
void ff_csvout_uint(struct ff_csvout *line, uint64_t value);
void ff_csvout_int(struct ff_csvout *line, int64_t value);
void ff_csvout_double(struct ff_csvout *line, double value); /* as in JSON; empty if it is not finite */
void ff_csvout_end(struct ff_csvout *line);

#endif
