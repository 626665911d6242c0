#include "coordinator/fingerprint.h"

#include <criterion/criterion.h>
#include <math.h>

static double values[] = {1, 2, 3, NAN, 5, 6};
static const char *columns[] = {"cpu", "io"};
static struct ff_frame frame = {1000, 60000, 3, 2, values};
static const struct ff_param alpha[] = {{"alpha", "0.2"}};
static const struct ff_fit_spec seasonal = {.kind = "seasonal"},
                                ewma = {.kind = "ewma", .params = alpha, .param_count = 1}, none = {0};

static struct ff_fingerprint fingerprint_of(const struct ff_fit_spec *model,
                                            const struct ff_fit_spec *fallback, const char *const *names,
                                            const struct ff_frame *rows)
{
    struct ff_hash hash;
    ff_fingerprint_start(&hash, model, fallback, names, rows);
    ff_hash_add(&hash, rows->values, ff_frame_bytes(rows));
    return ff_fingerprint_finish(&hash);
}

static struct ff_fingerprint base(void)
{
    return fingerprint_of(&seasonal, &ewma, columns, &frame);
}

static void expect_other(struct ff_fingerprint other)
{
    struct ff_fingerprint known = base();
    cr_assert(ff_fingerprint_is_known(&other));
    cr_assert_neq(memcmp(&known, &other, sizeof known), 0);
}

static void expect_same(struct ff_fingerprint one, struct ff_fingerprint other)
{
    cr_assert_eq(memcmp(&one, &other, sizeof one), 0);
}

Test(fingerprint, is_the_same_for_equal_rows_at_another_place)
{
    double copy[6];
    memcpy(copy, values, sizeof copy);
    struct ff_frame other = frame;
    other.values = copy;
    expect_same(base(), fingerprint_of(&seasonal, &ewma, columns, &other));
}

Test(fingerprint, changes_with_any_value)
{
    for (size_t i = 0; i < 6; i++) {
        double changed[6];
        struct ff_frame other = frame;
        memcpy(changed, values, sizeof changed);
        changed[i] = i == 3 ? 0 : nextafter(changed[i], 1e9);
        other.values = changed;
        expect_other(fingerprint_of(&seasonal, &ewma, columns, &other));
    }
}

Test(fingerprint, changes_with_the_axis_and_the_shape)
{
    struct ff_frame other = frame;
    other.t0_ms++;
    expect_other(fingerprint_of(&seasonal, &ewma, columns, &other));
    other = frame;
    other.step_ms++;
    expect_other(fingerprint_of(&seasonal, &ewma, columns, &other));
    const char *names[] = {"cpu", "io", "x"};
    other = (struct ff_frame){1000, 60000, 2, 3, values};
    expect_other(fingerprint_of(&seasonal, &ewma, names, &other));
}

Test(fingerprint, changes_with_kind_parameter_fallback_and_the_names_of_columns)
{
    static const char *swapped[] = {"io", "cpu"};
    expect_other(fingerprint_of(&ewma, &ewma, columns, &frame));
    expect_other(fingerprint_of(&seasonal, &none, columns, &frame));
    expect_other(fingerprint_of(&seasonal, NULL, columns, &frame));
    expect_other(fingerprint_of(&seasonal, &ewma, swapped, &frame));
    expect_same(fingerprint_of(&seasonal, NULL, columns, &frame),
                fingerprint_of(&seasonal, &none, columns, &frame));
}

Test(fingerprint, a_parameter_given_as_its_default_changes_nothing)
{
    static const struct ff_param season[] = {{"season", "auto"}}, other[] = {{"season", "24"}};
    struct ff_fit_spec given = {.kind = "seasonal", .params = season, .param_count = 1},
                       changed = {.kind = "seasonal", .params = other, .param_count = 1};
    expect_same(base(), fingerprint_of(&given, &ewma, columns, &frame));
    expect_other(fingerprint_of(&changed, &ewma, columns, &frame));
}
