#include "coordinator/costbook.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct ff_param one_day[] = {{"season", "1d"}}, one_week[] = {{"season", "7d"}};
static const struct ff_model_spec plain = {.kind = "seasonal"}, daily = {"seasonal", one_day, 1},
                                  weekly = {"seasonal", one_week, 1};

static void expect_rate(const struct ff_cost *costs, size_t count, const struct ff_model_spec *model,
                        double us)
{
    double found = ff_costbook_us_per_cell(costs, count, model);
    cr_assert(found > us - 1e-9 && found < us + 1e-9, "%g", found);
}

Test(costbook, an_empty_book_knows_nothing)
{
    expect_rate(NULL, 0, &plain, 0);
    expect_rate(NULL, 0, &(struct ff_model_spec){0}, 0);
}

Test(costbook, other_parameters_are_another_entry)
{
    static const struct ff_cost costs[] = {{"seasonal season=1d", 1000, 1}, {"seasonal season=7d", 1000, 4}};
    expect_rate(costs, 2, &daily, 1);
    expect_rate(costs, 2, &weekly, 4);
}

Test(costbook, parameters_that_were_never_used_are_guessed_from_the_kind)
{
    static const struct ff_cost costs[] = {
        {"seasonal", 1000, 1}, {"seasonal season=7d", 3000, 7}, {"seasonally", 1, 900}, {"ewma", 1, 900}};
    expect_rate(costs, 4, &daily, 2);
    expect_rate(costs, 4, &plain, 1);
}

Test(costbook, names_that_are_too_long_are_cut_and_stay_different)
{
    char text[2 * FF_COST_NAME] = {0}, first[FF_COST_NAME], second[FF_COST_NAME];
    memset(text, '1', sizeof text - 1);
    struct ff_param param = {"span", text};
    struct ff_model_spec model = {"ewma", &param, 1};
    ff_costbook_name(&model, first);
    text[sizeof text - 2] = '2';
    ff_costbook_name(&model, second);
    cr_assert_eq(strlen(first), FF_COST_NAME - 1);
    cr_assert_str_neq(first, second);
    cr_assert_eq(strncmp(first, "ewma span=111", 13), 0);
}

Test(costbook, what_was_known_counts_half)
{
    struct ff_cost *costs = NULL;
    size_t count = 0;
    ff_costbook_add(&costs, &count, &(struct ff_cost){"seasonal season=1d", 1000, 10});
    ff_costbook_add(&costs, &count, &(struct ff_cost){"seasonal season=1d", 500, 2});
    ff_costbook_add(&costs, &count, &(struct ff_cost){"ewma", 500, 2});
    cr_assert_eq(count, 2);
    expect_rate(costs, count, &daily, 7);
    free(costs);
}
