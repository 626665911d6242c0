/* The two-loop recursion with a backtracking line search. The unit step is nearly always taken, so a step
 * costs one value and one gradient; where the step shows no positive curvature the pair is dropped, which
 * keeps the directions downhill without a search for the curvature condition. */
#include "worker/models/lbfgs.h"

#include <math.h>
#include <string.h>

enum { PAIRS = 20, PATIENCE = 4, HALVINGS = 12 };

struct history {
    double *steps, *changes; /* PAIRS × count, a ring */
    double rho[PAIRS];
    size_t stored, next;
    double scale; /* of the initial inverse Hessian */
};

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void add(double *to, double factor, const double *what, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] += factor * what[i];
}

/* direction = −H·grad */
static void find_direction(const struct history *history, const double *grad, double *direction, size_t n)
{
    double weight[PAIRS];
    for (size_t i = 0; i < n; i++)
        direction[i] = -grad[i];
    for (size_t k = 0; k < history->stored; k++) {
        size_t at = (history->next + PAIRS - 1 - k) % PAIRS;
        weight[at] = history->rho[at] * dot(history->steps + at * n, direction, n);
        add(direction, -weight[at], history->changes + at * n, n);
    }
    for (size_t i = 0; i < n; i++)
        direction[i] *= history->scale;
    for (size_t k = history->stored; k-- > 0;) {
        size_t at = (history->next + PAIRS - 1 - k) % PAIRS;
        double back = history->rho[at] * dot(history->changes + at * n, direction, n);
        add(direction, weight[at] - back, history->steps + at * n, n);
    }
}

/* What lies between (z, grad) and (new_z, new_grad). */
static void remember(struct history *history, const double *z, const double *grad, const double *new_z,
                     const double *new_grad, size_t n)
{
    double *step = history->steps + history->next * n, *change = history->changes + history->next * n;
    for (size_t i = 0; i < n; i++) {
        step[i] = new_z[i] - z[i];
        change[i] = new_grad[i] - grad[i];
    }
    double curvature = dot(step, change, n), length = dot(change, change, n);
    if (!(curvature > 1e-10 * length) || !isfinite(length))
        return;
    history->rho[history->next] = 1 / curvature;
    history->scale = curvature / length;
    history->next = (history->next + 1) % PAIRS;
    history->stored += history->stored < PAIRS;
}

/* Goes along direction until the value falls by its share of the slope; returns the value, or infinity. */
static double search(const struct ff_lbfgs *problem, const double *z, double *new_z, const double *direction,
                     double value, double slope)
{
    double length = sqrt(dot(direction, direction, problem->count));
    double step = length > problem->longest ? problem->longest / length : 1;
    for (int i = 0; i < HALVINGS; i++) {
        memcpy(new_z, z, problem->count * sizeof *z);
        add(new_z, step, direction, problem->count);
        double found = problem->value(problem->arg, new_z);
        if (found <= value + 1e-4 * step * slope)
            return found;
        double better = -slope * step * step / (2 * (found - value - slope * step));
        step = better > 0.1 * step && better < 0.5 * step ? better
               : isfinite(found)                          ? 0.5 * step
                                                          : 0.2 * step;
    }
    return INFINITY;
}

static double *room(struct ff_fit *fit, size_t count)
{
    return fit->alloc(fit, count, sizeof(double));
}

double ff_lbfgs_minimize(struct ff_fit *fit, const struct ff_lbfgs *problem, double *z)
{
    size_t n = problem->count;
    struct history history = {room(fit, PAIRS * n), room(fit, PAIRS * n), {0}, 0, 0, 1};
    double *grad = room(fit, n), *new_grad = room(fit, n), *new_z = room(fit, n), *direction = room(fit, n);
    double recent[PATIENCE], value = problem->value(problem->arg, z);
    problem->gradient(problem->arg, z, grad);
    for (size_t i = 0; i < problem->iterations; i++) {
        find_direction(&history, grad, direction, n);
        double slope = dot(direction, grad, n);
        if (!(slope < -1e-12))
            break;
        double found = search(problem, z, new_z, direction, value, slope);
        if (!isfinite(found) && history.stored == 0)
            break;
        if (!isfinite(found)) { /* once more, downhill */
            history.stored = 0;
            history.scale = 1;
            continue;
        }
        problem->gradient(problem->arg, new_z, new_grad);
        remember(&history, z, grad, new_z, new_grad, n);
        memcpy(z, new_z, n * sizeof *z);
        memcpy(grad, new_grad, n * sizeof *grad);
        bool slow = i >= PATIENCE && recent[i % PATIENCE] - found < problem->tolerance;
        recent[i % PATIENCE] = value = found;
        if (slow)
            break;
    }
    return value;
}
