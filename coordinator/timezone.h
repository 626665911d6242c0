/* Offsets of a time zone of the tz database. Immutable once loaded. */
#ifndef FF_COORDINATOR_TIMEZONE_H
#define FF_COORDINATOR_TIMEZONE_H

#include "common/error.h"

#include <stdint.h>

struct ff_timezone;

/* name: "UTC", "Europe/Berlin" …, read from $TZDIR or /usr/share/zoneinfo. INVALID_ARGUMENT if there is none.
 */
FF_NODISCARD enum ff_status ff_timezone_load(const char *name, struct ff_timezone **out,
                                             struct ff_error *err);
/* Seconds since the epoch of a wall clock time, given as the seconds that it would be in UTC. Of two the
 * earlier; one that is skipped moves forward by as much as the clock. */
int64_t ff_timezone_to_utc(const struct ff_timezone *zone, int64_t local_s);
void ff_timezone_destroy(struct ff_timezone *zone);

#endif
