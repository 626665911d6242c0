/* What a fit takes, as a straight line of its cells: fits of one model have a part that is the same for all
 * of them and a part that grows with the rows. Pure. */
#ifndef FF_COORDINATOR_COSTS_H
#define FF_COORDINATOR_COSTS_H

#include <stdbool.h>

/* Both 0: nothing is known. */
struct ff_cost_line {
    double us;
    double us_per_cell;
};

/* Of fits that were measured; zero is none. */
struct ff_cost_sums {
    double count, cells, us;
    double cells_cells, cells_us;
};

void ff_cost_sums_add(struct ff_cost_sums *sums, double cells, double us);

/* The least squares through what was measured, neither falling nor negative anywhere; its mean is that of the
 * fits. Where all have about the same number of cells, or nothing else fits, proportional to the cells. Never
 * {0, 0} behind a measurement. */
struct ff_cost_line ff_cost_line_fit(const struct ff_cost_sums *sums);

bool ff_cost_line_known(const struct ff_cost_line *line);
/* Of count fits with so many cells together. */
double ff_cost_line_us(const struct ff_cost_line *line, double count, double cells);

/* What a slot spends on them beside the fits themselves: sending, storing, waiting for both, where rows are
 * read in place (docs/benchmarks.md: 12.5 µs for 64 cells, 19 for 1,440). */
double ff_cost_overhead_us(double count, double cells);

#endif
