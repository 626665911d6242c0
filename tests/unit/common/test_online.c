#include "common/online.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

enum { WARMUP = 100 };

static struct ff_online *start(void)
{
    struct ff_online *online = malloc(ff_online_size());
    ff_online_start(online, WARMUP);
    return online;
}

/* A wave with some noise, the same each time. */
static double wave(int i)
{
    unsigned noise = (unsigned)i * 2654435761u >> 30;
    return 10 + 5 * sin(i % 10 * 0.6283185307179586) + noise / 4.0;
}

static double most_of(struct ff_online *online, int from, int to)
{
    double most = 0;
    for (int i = from; i < to; i++)
        most = fmax(most, ff_online_take(online, wave(i)).score);
    return most;
}

Test(online, nothing_is_said_while_it_warms_up)
{
    struct ff_online *online = start();
    for (int i = 0; i < WARMUP; i++)
        cr_assert(isnan(ff_online_take(online, wave(i)).score));
    struct ff_online_verdict verdict = ff_online_take(online, wave(WARMUP));
    cr_assert(verdict.score >= 0);
    cr_assert_leq(verdict.lower, verdict.expected);
    cr_assert_leq(verdict.expected, verdict.upper);
    free(online);
}

Test(online, what_repeats_is_quiet_and_what_is_new_is_an_alarm)
{
    struct ff_online *online = start();
    cr_assert_lt(most_of(online, 0, 3000), 1);
    cr_assert_gt(ff_online_take(online, 40).score, 1);
    cr_assert_lt(most_of(online, 3000, 3200), 1);
    free(online);
}

Test(online, a_change_of_order_is_surprising_though_each_value_is_known)
{
    struct ff_online *online = start();
    most_of(online, 0, 2000);
    double usual = most_of(online, 2000, 2010), stuck = 0;
    for (int i = 0; i < 40; i++)
        stuck = fmax(stuck, ff_online_take(online, 14.5).score);
    cr_assert_gt(stuck, 2 * usual);
    free(online);
}

Test(online, an_alarm_is_followed_by_quiet)
{
    struct ff_online *online = start();
    int alarms = 0;
    most_of(online, 0, 2000);
    for (int i = 0; i < 50; i++)
        alarms += ff_online_take(online, i % 2 ? 50 : -50).score > 1;
    cr_assert(alarms >= 1 && alarms <= 3, "%d", alarms);
    free(online);
}

Test(online, a_level_that_stays_becomes_normal)
{
    struct ff_online *online = start();
    int late = 0;
    most_of(online, 0, 1000);
    for (int i = 0; i < 4000; i++)
        late += ff_online_take(online, 100 + wave(i)).score > 1 && i > 100;
    cr_assert_eq(late, 0);
    struct ff_online_verdict verdict = ff_online_take(online, 100);
    cr_assert_gt(verdict.upper, 100);
    cr_assert_gt(verdict.expected, 50);
    free(online);
}

Test(online, a_missing_value_changes_nothing)
{
    struct ff_online *a = start(), *b = start();
    for (int i = 0; i < 500; i++) {
        cr_assert(isnan(ff_online_take(b, NAN).score));
        struct ff_online_verdict x = ff_online_take(a, wave(i)), y = ff_online_take(b, wave(i));
        cr_assert(x.score == y.score || (isnan(x.score) && isnan(y.score)));
    }
    cr_assert_eq(ff_online_seen(b), 500);
    free(a);
    free(b);
}

Test(online, any_value_and_any_range_gives_a_score)
{
    static const double odd[] = {1e308, -1e308, INFINITY, -INFINITY, 0, 5e-324, 1};
    for (size_t flat = 0; flat < sizeof odd / sizeof *odd; flat++) {
        struct ff_online *online = start();
        for (int i = 0; i < 3 * WARMUP; i++) {
            double value = i < WARMUP ? odd[flat] : odd[(size_t)i % (sizeof odd / sizeof *odd)];
            double score = ff_online_take(online, value).score;
            cr_assert(i < WARMUP || (score >= 0 && score < 100), "%g", score);
        }
        free(online);
    }
}

Test(online, a_packed_one_goes_on_as_if_it_had_never_stopped)
{
    static double packed[FF_ONLINE_PACKED];
    struct ff_online *a = start(), *b = malloc(ff_online_size());
    cr_assert_eq(ff_online_pack(a, packed), 0, "it warms up");
    most_of(a, 0, 1234);
    cr_assert(ff_online_unpack(b, packed, ff_online_pack(a, packed)));
    for (int i = 1234; i < 3000; i++) {
        double value = i % 97 ? wave(i) : 30;
        struct ff_online_verdict x = ff_online_take(a, value), y = ff_online_take(b, value);
        cr_assert_eq(x.score, y.score);
        cr_assert_eq(x.lower, y.lower);
    }
    free(a);
    free(b);
}

Test(online, damaged_states_are_refused_or_harmless)
{
    static double packed[FF_ONLINE_PACKED], damaged[FF_ONLINE_PACKED];
    static const double bad[] = {NAN, INFINITY, -1, 1e18, 0.5, 0, 127, 4096};
    struct ff_online *online = start();
    most_of(online, 0, 500);
    size_t count = ff_online_pack(online, packed);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++)
            damaged[k] = packed[k];
        damaged[i] = bad[i % (sizeof bad / sizeof *bad)];
        if (ff_online_unpack(online, damaged, count))
            for (int k = 0; k < 20; k++)
                ff_online_take(online, wave(k));
    }
    cr_assert_not(ff_online_unpack(online, packed, 20));
    cr_assert_not(ff_online_unpack(online, packed, count - 1));
    free(online);
}
