/* Times in cells: text to milliseconds since the epoch. */
#ifndef FF_COORDINATOR_TIMEPARSE_H
#define FF_COORDINATOR_TIMEPARSE_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ff_timeparse;

/* format: "auto", "index" (counts steps of step_ms) or a strptime format, in which %f is a fraction of a
 * second and %z an offset. zone_name is for times without an offset. INVALID_ARGUMENT for a zone that does
 * not exist. */
FF_NODISCARD enum ff_status ff_timeparse_create(const char *format, const char *zone_name, int64_t step_ms,
                                                struct ff_timeparse **out, struct ff_error *err);
void ff_timeparse_destroy(struct ff_timeparse *parser);
/* False if the text is no such time, or one outside the years 0 to 9999. Blanks around it are passed over. */
bool ff_timeparse(struct ff_timeparse *parser, const char *text, size_t size, int64_t *ms);

#endif
