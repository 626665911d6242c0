#include "coordinator/costs.h"

/* Below it a slope is that of the noise. */
static const double least_spread = 0.05; /* standard deviation of the cells, of their mean */
/* Measured as nothing is not unknown. */
static const double least_us_per_cell = 1e-9;

void ff_cost_sums_add(struct ff_cost_sums *sums, double cells, double us)
{
    sums->count++;
    sums->cells += cells;
    sums->us += us;
    sums->cells_cells += cells * cells;
    sums->cells_us += cells * us;
}

static struct ff_cost_line proportional(const struct ff_cost_sums *sums)
{
    double rate = sums->cells > 0 ? sums->us / sums->cells : 0;
    return (struct ff_cost_line){0, rate > least_us_per_cell ? rate : least_us_per_cell};
}

struct ff_cost_line ff_cost_line_fit(const struct ff_cost_sums *sums)
{
    if (sums->count <= 0)
        return (struct ff_cost_line){0, 0};
    double variance = sums->count * sums->cells_cells - sums->cells * sums->cells;
    if (variance <= least_spread * least_spread * sums->cells * sums->cells)
        return proportional(sums);
    double slope = (sums->count * sums->cells_us - sums->cells * sums->us) / variance;
    if (slope < least_us_per_cell)
        slope = least_us_per_cell;
    double us = (sums->us - slope * sums->cells) / sums->count;
    return us < 0 ? proportional(sums) : (struct ff_cost_line){us, slope};
}

bool ff_cost_line_known(const struct ff_cost_line *line)
{
    return line->us > 0 || line->us_per_cell > 0;
}

double ff_cost_line_us(const struct ff_cost_line *line, double count, double cells)
{
    return count * line->us + cells * line->us_per_cell;
}

double ff_cost_overhead_us(double count, double cells)
{
    return 12 * count + 0.005 * cells;
}
