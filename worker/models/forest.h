/* Isolation forest: trees that split at random; what is odd is alone after few splits. */
#ifndef FF_WORKER_MODELS_FOREST_H
#define FF_WORKER_MODELS_FOREST_H

#include "worker/models/kind.h"
#include "worker/models/limit.h"
#include "worker/models/random.h"

/* Feature f of row i is x[f * stride + i], none NaN: a table by columns, or with stride 1 the windows of a
 * series by their first step. */
struct ff_forest_data {
    const double *x;
    size_t stride, features;
    const size_t *rows; /* those that can be used */
    size_t count;
};

struct ff_forest_node {
    double split;    /* feature <= split: left; of a leaf the path length that it stands for */
    int32_t feature; /* −1: a leaf */
    uint32_t left;   /* place in nodes; right is behind it */
};

struct ff_forest {
    size_t trees;
    struct ff_forest_node *nodes;
    size_t *roots;  /* of each tree, and behind the last one the count of nodes */
    double typical; /* path length of an unsuccessful search among sample values */
};

/* Each tree of at most `sample` of the rows, drawn without replacement. sample is at least 2, count 1,
 * features below 2^31. */
struct ff_forest ff_forest_grow(struct ff_fit *fit, const struct ff_forest_data *data, size_t trees,
                                size_t sample, struct ff_random random);

/* 0 to 1 for each of the rows, about 0.5: usual. */
void ff_forest_scores(const struct ff_forest *forest, const struct ff_forest_data *data, double *scores);

/* As ff_limit_learn, but no more than the largest score seen: scores are bounded, and more may be out of
 * reach. */
struct ff_limit ff_forest_limit(const double *scores, size_t n, double *scratch);

#endif
