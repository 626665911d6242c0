/* Liu, Ting & Zhou, "Isolation forest", ICDM 2008, and "Isolation-based anomaly detection", ACM TKDD 6
 * (2012). A node splits a feature drawn among those that vary in it, at a value uniform between its ends,
 * down to a depth of log2(sample); a leaf of several rows stands for the average depth of a tree of them.
 *
 * Sampling continues a Fisher-Yates shuffle of the rows, and features that turn out constant are swapped
 * behind the others: neither is set up again for the next node. Rows are judged tree by tree, which stays in
 * the cache. */
#include "worker/models/forest.h"

#include <math.h>

enum { DEEPEST = 32 };

struct growth {
    const struct ff_forest_data *data;
    struct ff_random random;
    size_t *rows;       /* a permutation of the data's; the first are the tree's sample */
    uint32_t *features; /* a permutation */
    size_t limit;       /* of the depth */
    struct ff_forest_node *nodes;
    size_t count;
};

/* rows[first, first + count) of the sample, to become a node. */
struct branch {
    size_t node, first, count, depth;
};

/* Of an unsuccessful search in a binary search tree of n values. */
static double path_length(size_t n)
{
    double m = (double)n;
    if (n <= 1)
        return 0;
    return n == 2 ? 1 : 2 * (log(m - 1) + 0.5772156649015329) - 2 * (m - 1) / m;
}

static size_t *permutation(struct ff_fit *fit, const size_t *items, size_t count)
{
    size_t *out = fit->alloc(fit, count, sizeof *out);
    for (size_t i = 0; i < count; i++)
        out[i] = items[i];
    return out;
}

static void draw_sample(struct growth *growth, size_t sample)
{
    size_t *rows = growth->rows, count = growth->data->count;
    for (size_t i = 0; i < sample; i++) {
        size_t at = i + ff_random_below(&growth->random, count - i), kept = rows[i];
        rows[i] = rows[at];
        rows[at] = kept;
    }
}

/* A feature that varies among the rows, and its ends; −1: there is none. */
static int32_t draw_feature(struct growth *growth, const size_t *rows, size_t count, double *low,
                            double *high)
{
    for (size_t left = growth->data->features; left > 0; left--) {
        size_t at = ff_random_below(&growth->random, left);
        uint32_t feature = growth->features[at];
        const double *x = growth->data->x + feature * growth->data->stride;
        *low = *high = x[rows[0]];
        for (size_t i = 1; i < count; i++) {
            double value = x[rows[i]];
            *low = value < *low ? value : *low;
            *high = value > *high ? value : *high;
        }
        if (*low < *high)
            return (int32_t)feature;
        growth->features[at] = growth->features[left - 1];
        growth->features[left - 1] = feature;
    }
    return -1;
}

/* Rows not above split first; returns how many. */
static size_t part(const double *x, double split, size_t *rows, size_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        size_t row = rows[i];
        rows[i] = rows[left];
        rows[left] = row;
        left += x[row] <= split;
    }
    return left;
}

static void grow_tree(struct growth *growth, size_t sample)
{
    struct branch stack[DEEPEST + 2];
    size_t waiting = 0;
    draw_sample(growth, sample);
    stack[waiting++] = (struct branch){growth->count++, 0, sample, 0};
    while (waiting) {
        struct branch at = stack[--waiting];
        size_t *rows = growth->rows + at.first;
        double low, high;
        int32_t feature =
            at.count > 1 && at.depth < growth->limit ? draw_feature(growth, rows, at.count, &low, &high) : -1;
        if (feature < 0) {
            growth->nodes[at.node] = (struct ff_forest_node){(double)at.depth + path_length(at.count), -1, 0};
            continue;
        }
        double split = low + ff_random_unit(&growth->random) * (high - low);
        split = split < high ? split : low;
        size_t left = part(growth->data->x + (size_t)feature * growth->data->stride, split, rows, at.count);
        size_t child = growth->count;
        growth->count += 2;
        growth->nodes[at.node] = (struct ff_forest_node){split, feature, (uint32_t)child};
        stack[waiting++] = (struct branch){child + 1, at.first + left, at.count - left, at.depth + 1};
        stack[waiting++] = (struct branch){child, at.first, left, at.depth + 1};
    }
}

static size_t depth_limit(size_t sample)
{
    size_t depth = 0;
    while (((size_t)1 << depth) < sample && depth < DEEPEST)
        depth++;
    return depth;
}

struct ff_forest ff_forest_grow(struct ff_fit *fit, const struct ff_forest_data *data, size_t trees,
                                size_t sample, struct ff_random random)
{
    sample = sample < data->count ? sample : data->count;
    struct growth growth = {.data = data,
                            .random = random,
                            .rows = permutation(fit, data->rows, data->count),
                            .features = fit->alloc(fit, data->features, sizeof *growth.features),
                            .limit = depth_limit(sample),
                            .nodes = fit->alloc(fit, trees * (2 * sample - 1), sizeof *growth.nodes)};
    struct ff_forest forest = {trees, growth.nodes, fit->alloc(fit, trees + 1, sizeof(size_t)),
                               path_length(sample)};
    for (size_t f = 0; f < data->features; f++)
        growth.features[f] = (uint32_t)f;
    for (size_t t = 0; t < trees; t++) {
        forest.roots[t] = growth.count;
        grow_tree(&growth, sample);
    }
    forest.roots[trees] = growth.count;
    return forest;
}

static double depth_of(const struct ff_forest_node *nodes, size_t root, const double *row, size_t stride)
{
    const struct ff_forest_node *node = &nodes[root];
    while (node->feature >= 0)
        node = &nodes[node->left + (row[(size_t)node->feature * stride] > node->split)];
    return node->split;
}

void ff_forest_scores(const struct ff_forest *forest, const struct ff_forest_data *data, double *scores)
{
    for (size_t i = 0; i < data->count; i++)
        scores[i] = 0;
    for (size_t t = 0; t < forest->trees; t++)
        for (size_t i = 0; i < data->count; i++)
            scores[i] += depth_of(forest->nodes, forest->roots[t], data->x + data->rows[i], data->stride);
    double whole = (double)forest->trees * fmax(forest->typical, 1);
    for (size_t i = 0; i < data->count; i++)
        scores[i] = exp2(-scores[i] / whole);
}

struct ff_limit ff_forest_limit(const double *scores, size_t n, double *scratch)
{
    struct ff_limit limit = ff_limit_learn(scores, n, scratch);
    double most = scores[0];
    for (size_t i = 1; i < n; i++)
        most = fmax(most, scores[i]);
    if (most > limit.low)
        limit.limit = fmin(limit.limit, most);
    return limit;
}
