/* Killick, Fearnhead & Eckley, "Optimal detection of changepoints with a linear computational cost", JASA 107
 * (2012). The cost of a segment is twice its negative log-likelihood as normal values of its own mean and
 * variance, m·(log v + s²/v), with v the greater of its variance s² and the least one: still a maximum
 * likelihood, so that pruning stays exact. Penalties for each segment: BIC 3·log n; MBIC (Zhang & Siegmund,
 * Biometrics 63 (2007), as in R's changepoint) 4·log n and log of the segment's length.
 *
 * F(t) = min over s of F(s) + C(s, t) + penalty. A start s with F(s) + C(s, t) + K > F(t) loses to t for
 * every end that leaves the segment behind t its length; until then it is kept. K is 0, for MBIC log(4/n):
 * the logs of two lengths may exceed that of their sum by as much as its negative. */
#include "worker/models/pelt.h"

#include <math.h>

struct search {
    const struct ff_pelt_options *options;
    size_t n, grid, places; /* place k is step k·grid, the last one n */
    double penalty, slack;
    double *sums, *squares;     /* of the values before each place */
    double *best;               /* F */
    double *reached;            /* F(s) + C(s, t) of each candidate at the place looked at */
    size_t *from;               /* the place at which the last segment before it starts */
    size_t *candidates, *until; /* starts, and the place from which each has lost */
    size_t candidate_count;
};

static size_t step_at(const struct search *search, size_t place)
{
    return place == search->places ? search->n : place * search->grid;
}

static double cost(const struct search *search, size_t s, size_t t)
{
    double count = (double)(step_at(search, t) - step_at(search, s));
    double sum = search->sums[t] - search->sums[s], squares = search->squares[t] - search->squares[s];
    double variance = fmax(squares / count - sum / count * (sum / count), 0);
    double least = search->options->least_variance, v = variance > least ? variance : least;
    double cost = count * (log(v) + variance / v);
    return search->options->penalty == FF_PELT_MBIC ? cost + log(count) : cost;
}

static void add_up(struct search *search, const double *x)
{
    double sum = 0, squares = 0;
    for (size_t place = 0, i = 0; place <= search->places; place++) {
        for (; i < step_at(search, place); i++) {
            sum += x[i];
            squares += x[i] * x[i];
        }
        search->sums[place] = sum;
        search->squares[place] = squares;
    }
}

/* F at a place, from the candidates that leave the last segment its length. */
static void find_best(struct search *search, size_t t)
{
    search->best[t] = INFINITY;
    search->from[t] = 0;
    for (size_t i = 0; i < search->candidate_count; i++) {
        size_t s = search->candidates[i];
        search->reached[i] = search->best[s] + cost(search, s, t);
        if (search->reached[i] + search->penalty < search->best[t]) {
            search->best[t] = search->reached[i] + search->penalty;
            search->from[t] = s;
        }
    }
}

static void prune(struct search *search, size_t t, size_t length)
{
    size_t kept = 0;
    for (size_t i = 0; i < search->candidate_count; i++) {
        size_t s = search->candidates[i], until = search->until[i];
        if (until == SIZE_MAX && search->reached[i] + search->slack > search->best[t])
            until = t + length;
        if (until <= t + 1)
            continue;
        search->candidates[kept] = s;
        search->until[kept++] = until;
    }
    search->candidate_count = kept;
}

/* length: places that a segment has at least. */
static void run(struct search *search, size_t length)
{
    search->best[0] = -search->penalty;
    for (size_t t = 1; t < length && t <= search->places; t++)
        search->best[t] = INFINITY;
    for (size_t t = length; t <= search->places; t++) {
        if (isfinite(search->best[t - length])) {
            search->candidates[search->candidate_count] = t - length;
            search->until[search->candidate_count++] = SIZE_MAX;
        }
        find_best(search, t);
        prune(search, t, length);
    }
}

static size_t trace(const struct search *search, size_t *starts)
{
    size_t count = 0;
    for (size_t t = search->places; t > 0; t = search->from[t])
        starts[count++] = step_at(search, search->from[t]);
    for (size_t i = 0; i < count / 2; i++) {
        size_t kept = starts[i];
        starts[i] = starts[count - 1 - i];
        starts[count - 1 - i] = kept;
    }
    return count;
}

size_t ff_pelt_segments(struct ff_fit *fit, const double *x, size_t n, const struct ff_pelt_options *options,
                        size_t *starts)
{
    size_t grid = (n + FF_PELT_PLACES - 1) / FF_PELT_PLACES, places = n / grid;
    size_t length = (options->shortest + grid - 1) / grid;
    double size = log((double)n), *numbers = fit->alloc(fit, 4 * (places + 1), sizeof *numbers);
    size_t *counts = fit->alloc(fit, 3 * (places + 1), sizeof *counts);
    bool mbic = options->penalty == FF_PELT_MBIC;
    struct search search = {.options = options,
                            .n = n,
                            .grid = grid,
                            .places = places,
                            .penalty = (mbic ? 4 : 3) * size,
                            .slack = mbic ? fmin(log(4) - size, 0) : 0,
                            .sums = numbers,
                            .squares = numbers + places + 1,
                            .best = numbers + 2 * (places + 1),
                            .reached = numbers + 3 * (places + 1),
                            .from = counts,
                            .candidates = counts + places + 1,
                            .until = counts + 2 * (places + 1)};
    if (places < 2 * length) {
        starts[0] = 0;
        return 1;
    }
    add_up(&search, x);
    run(&search, length);
    return trace(&search, starts);
}
