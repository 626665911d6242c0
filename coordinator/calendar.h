/* Days of the proleptic Gregorian calendar, counted from 1970-01-01. Pure. */
#ifndef FF_COORDINATOR_CALENDAR_H
#define FF_COORDINATOR_CALENDAR_H

#include <stdint.h>

/* month 1…12; day may be any. */
int64_t ff_days_from_civil(int64_t year, int month, int day);
int64_t ff_year_of_days(int64_t days);
int ff_days_in_month(int64_t year, int month);

/* Division that rounds down, also for negative numbers. divisor > 0. */
static inline int64_t ff_floor_div(int64_t number, int64_t divisor)
{
    return number / divisor - (number % divisor < 0);
}

#endif
