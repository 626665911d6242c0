/* After H. Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, so that the leap day
 * is the last of its year, and 400 years are an era of 146097 days. */
#include "coordinator/calendar.h"

#include <stdbool.h>

enum { ERA_DAYS = 146097, EPOCH_SHIFT = 719468 };

int64_t ff_days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = ff_floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * ERA_DAYS + day_of_era - EPOCH_SHIFT;
}

int64_t ff_year_of_days(int64_t days)
{
    days += EPOCH_SHIFT;
    int64_t era = ff_floor_div(days, ERA_DAYS);
    int64_t day_of_era = days - era * ERA_DAYS;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    bool is_next_year = day_of_year >= 306; /* January and February */
    return year_of_era + era * 400 + is_next_year;
}

int ff_days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}
