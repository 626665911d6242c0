/* Minimises a smooth function of many variables: the limited-memory BFGS method (Liu & Nocedal, "On the
 * limited memory BFGS method for large scale optimization", Mathematical Programming 45, 1989). */
#ifndef FF_WORKER_MODELS_LBFGS_H
#define FF_WORKER_MODELS_LBFGS_H

#include "worker/models/kind.h"

struct ff_lbfgs {
    size_t count;      /* of variables, about equally scaled */
    size_t iterations; /* at most */
    double tolerance;  /* ends where a few steps have not brought so much, absolute */
    double longest;    /* step, as a distance */
    void *arg;
    /* The function; infinite outside of its domain. */
    double (*value)(void *arg, const double *z);
    /* Its gradient at the place of the last value. */
    void (*gradient)(void *arg, const double *z, double *grad);
};

/* Starts at z, whose value is finite, and leaves the best place there; returns its value. */
double ff_lbfgs_minimize(struct ff_fit *fit, const struct ff_lbfgs *problem, double *z);

#endif
