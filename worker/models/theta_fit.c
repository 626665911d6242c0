/* For a given alpha every forecast is linear in the start level and in w: the best of both are the solution
 * of two normal equations, and w is cut to its range. What is left is a search over alpha alone, a grid and
 * then golden sections in the best interval, so the minimum is the global one, at some 60 passes over the
 * series. (The first three errors do not count, as in the paper's implementation.)
 *
 * The start level fades with (1 − alpha)^i, so a large alpha leaves it nearly free. It is therefore kept
 * within FAR widths of the values' range, which changes no forecast. */
#include "worker/models/theta.h"

#include <math.h>

enum { SKIPPED = 3, GRID = 120, SECTIONS = 24, FAR = 100000 };

struct problem {
    const double *y, *weights;
    size_t n;
    bool optimized;
    double low, high; /* of the start level */
    double *line;     /* intercept and slope before each value */
};

struct solution {
    double alpha, level, weight, loss;
};

double ff_theta_expected(const struct ff_theta *theta, const struct ff_theta_state *state)
{
    double rest = 1 - theta->alpha, power = pow(rest, state->index);
    return state->level +
           theta->weight * (state->intercept * power + state->slope * (1 - power * rest) / theta->alpha);
}

void ff_theta_learn(const struct ff_theta *theta, struct ff_theta_state *state, double value)
{
    double i = state->index;
    state->level += theta->alpha * (value - state->level);
    if (theta->dynamic) {
        double mean = (i * state->mean + value) / (i + 1);
        if (i > 0) {
            state->slope = ((i - 1) * state->slope + 6 * (value - state->mean) / (i + 1)) / (i + 2);
            state->intercept = mean - state->slope * (i + 2) / 2;
        } else {
            state->intercept = value;
        }
        state->mean = mean;
    }
    state->index++;
}

/* Sums of the normal equations of z ≈ level·p + weight·g. */
struct sums {
    double pp, pg, gg, pz, gz, zz;
};

static struct sums sum_up(const struct problem *problem, double alpha)
{
    struct sums sums = {0};
    double rest = 1 - alpha, power = rest, faded = alpha * problem->y[0];
    for (size_t i = 1; i < problem->n; i++) {
        if (i >= SKIPPED) {
            double weight = problem->weights[i], z = problem->y[i] - faded;
            double g = problem->line[2 * i] * power + problem->line[2 * i + 1] * (1 - power * rest) / alpha;
            sums.pp += weight * power * power;
            sums.pg += weight * power * g;
            sums.gg += weight * g * g;
            sums.pz += weight * power * z;
            sums.gz += weight * g * z;
            sums.zz += weight * z * z;
        }
        faded += alpha * (problem->y[i] - faded);
        power = power * rest > 1e-150 ? power * rest : 0;
    }
    return sums;
}

static double loss_of(const struct sums *s, double level, double weight)
{
    return s->zz - 2 * (level * s->pz + weight * s->gz) + level * level * s->pp + 2 * level * weight * s->pg +
           weight * weight * s->gg;
}

static double level_for(const struct problem *problem, const struct sums *s, double weight)
{
    double level = s->pp > 0 ? (s->pz - weight * s->pg) / s->pp : problem->y[0];
    return fmin(fmax(level, problem->low), problem->high);
}

static struct solution solve(const struct problem *problem, double alpha)
{
    struct sums s = sum_up(problem, alpha);
    double weight = 0.5, level, determinant = s.pp * s.gg - s.pg * s.pg;
    if (problem->optimized && determinant > 1e-14 * s.pp * s.gg)
        weight = fmin(fmax((s.pp * s.gz - s.pg * s.pz) / determinant, 0), 1);
    level = level_for(problem, &s, weight);
    for (int i = 0; problem->optimized && i < 2 && s.gg > 0; i++) { /* where the level was cut */
        if (level > problem->low && level < problem->high)
            break;
        weight = fmin(fmax((s.gz - level * s.pg) / s.gg, 0), 1);
        level = level_for(problem, &s, weight);
    }
    return (struct solution){alpha, level, weight, loss_of(&s, level, weight)};
}

static struct solution better(struct solution a, struct solution b)
{
    return b.loss < a.loss ? b : a;
}

static struct solution search(const struct problem *problem)
{
    const double least = 0.1, most = 0.99, step = (most - least) / GRID, golden = 0.6180339887498949;
    struct solution best = solve(problem, least);
    for (int i = 1; i <= GRID; i++)
        best = better(best, solve(problem, i < GRID ? least + i * step : most));
    double low = fmax(best.alpha - step, least), high = fmin(best.alpha + step, most);
    struct solution a = solve(problem, high - golden * (high - low)),
                    b = solve(problem, low + golden * (high - low));
    for (int i = 0; i < SECTIONS; i++) {
        if (a.loss <= b.loss) {
            high = b.alpha;
            b = a;
            a = solve(problem, high - golden * (high - low));
        } else {
            low = a.alpha;
            a = b;
            b = solve(problem, low + golden * (high - low));
        }
    }
    return better(best, better(a, b));
}

/* Least-squares line over 1 to n, at 0 and per step. */
static struct ff_theta_state whole_line(const double *y, size_t n)
{
    double count = (double)n, mean = 0, moment = 0;
    for (size_t i = 0; i < n; i++)
        mean += y[i] / count;
    for (size_t i = 0; i < n; i++)
        moment += ((double)i + 1 - (count + 1) / 2) * (y[i] - mean);
    double slope = 12 * moment / (count * (count * count - 1));
    return (struct ff_theta_state){.mean = mean, .intercept = mean - slope * (count + 1) / 2, .slope = slope};
}

/* Follows the series by the model; out: line before each value, if not NULL. */
static struct ff_theta_state follow(const struct ff_theta *theta, const double *y, size_t n, double *line)
{
    struct ff_theta_state state = theta->start;
    for (size_t i = 0; i < n; i++) {
        if (line) {
            line[2 * i] = state.intercept;
            line[2 * i + 1] = state.slope;
        }
        ff_theta_learn(theta, &state, y[i]);
    }
    return state;
}

struct ff_theta ff_theta_estimate(struct ff_fit *fit, const double *y, const double *weights, size_t n,
                                  bool dynamic, bool optimized)
{
    struct ff_theta theta = {.dynamic = dynamic, .alpha = 0.5};
    theta.start = dynamic ? (struct ff_theta_state){.mean = y[0], .intercept = y[0]} : whole_line(y, n);
    struct problem problem = {y, weights, n, optimized, y[0], y[0], fit->alloc(fit, 2 * n, sizeof(double))};
    follow(&theta, y, n, problem.line);
    for (size_t i = 1; i < n; i++) {
        problem.low = fmin(problem.low, y[i]);
        problem.high = fmax(problem.high, y[i]);
    }
    double width = FAR * fmax(problem.high - problem.low, fabs(problem.high));
    problem.low -= width;
    problem.high += width;
    struct solution best = search(&problem);
    theta.alpha = best.alpha;
    theta.weight = best.weight;
    theta.loss = best.loss;
    theta.start.level = best.level;
    theta.end = follow(&theta, y, n, NULL);
    return theta;
}
