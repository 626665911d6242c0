/* spectral_residual: what stands out of its surroundings as a thing does in a picture.
 *
 * Judged is the last of `window` values. The one before it and its average slope to the five further back
 * give a point, which is put behind the window five times: the transform takes what it is given for periodic.
 * (In the paper's formula the slope is that of the value judged, so that an outlier would be carried on; its
 * authors' program does as this.) From the spectrum
 * F of the window, without its mean, the local average of log|F| over three neighbouring frequencies is taken
 * away: |F| becomes |F| / exp(average), and phases stay. What that transforms back to is the saliency, and
 * the score the saliency of the step over the mean of the 21 before it. Its limit is learned from the
 * training rows (limit.h) instead of the 3 of the paper.
 *
 * exp of a mean of logarithms is a geometric mean, so no logarithm is taken. Frequencies without more than
 * rounding in them stay out. window + 5 is a power of two (fft.h).
 *
 * Source: Ren et al., "Time-series anomaly detection service at Microsoft", KDD 2019, section 3; the saliency
 * map: Hou & Zhang, CVPR 2007. */
#include "common/text.h"
#include "worker/models/fft.h"
#include "worker/models/limit.h"
#include "worker/models/registry.h"
#include "worker/models/series.h"
#include "worker/models/stats.h"
#include "worker/models/windows.h"

#include <math.h>
#include <string.h>

enum {
    ESTIMATED = 5, /* points put behind the window, and slopes that say where */
    SMALLEST = 16, /* with them */
    USUAL = 256,
    LARGEST = 16384,
    AUTO_LARGEST = 1024,
    SURROUNDINGS = 21,
    LEAST_WINDOWS = 16,
    MOST_LEARNED = 16384, /* windows, the newest */
};

static const double rounding = 1e-18;      /* of the largest power */
static const double least_saliency = 1e-3; /* of the mean of all, beside the surroundings */

struct transform {
    size_t size;
    struct ff_complex *data, *twiddles;
    size_t *places;  /* of each frequency in the order of ff_fft_forward */
    double *powers;  /* by frequency, up to the half */
    double *factors; /* the same */
};

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    struct ff_season *window = fit->alloc(fit, 1, sizeof *window);
    *config = window;
    return ff_params_season(fit, params, count, "window", window);
}

static size_t power_of_two(size_t least)
{
    size_t size = SMALLEST;
    while (size < least && size < LARGEST)
        size *= 2;
    return size;
}

/* The size of the transform: window + ESTIMATED. */
static size_t choose_size(struct ff_fit *fit, const struct ff_season *window,
                          const struct ff_kind_frame *frame)
{
    size_t length = ff_series_season(fit, window, frame);
    if (window->type != FF_SEASON_AUTO)
        return power_of_two(length + ESTIMATED);
    size_t size = power_of_two(2 * length < USUAL ? USUAL : 2 * length);
    size = size < AUTO_LARGEST ? size : AUTO_LARGEST;
    while (size > SMALLEST && size > frame->steps / 4)
        size /= 2;
    return size;
}

static struct transform make_transform(struct ff_fit *fit, size_t size)
{
    struct transform out = {.size = size,
                            .data = fit->alloc(fit, size, sizeof *out.data),
                            .twiddles = fit->alloc(fit, size / 2, sizeof *out.twiddles),
                            .places = fit->alloc(fit, size, sizeof *out.places),
                            .powers = fit->alloc(fit, size, sizeof *out.powers),
                            .factors = fit->alloc(fit, size, sizeof *out.factors)};
    ff_fft_twiddles(out.twiddles, size);
    out.places[0] = 0;
    for (size_t count = 1; count < size; count *= 2)
        for (size_t k = 0; k < count; k++)
            out.places[count + k] = out.places[k] + size / (2 * count);
    return out;
}

/* The window, then the estimated point, without the mean. */
static void load(const struct transform *transform, const double *window)
{
    size_t size = transform->size, length = size - ESTIMATED;
    const double *before = window + length - 2;
    double slope = 0, sum = 0;
    for (int i = 1; i <= ESTIMATED; i++)
        slope += (before[0] - before[-i]) / i / ESTIMATED;
    double next = before[1 - ESTIMATED] + slope * ESTIMATED;
    for (size_t i = 0; i < size; i++)
        sum += i < length ? window[i] : next;
    double mean = sum / (double)size;
    for (size_t i = 0; i < size; i++)
        transform->data[i] = (struct ff_complex){(i < length ? window[i] : next) - mean, 0};
}

/* What |F| is divided by at a frequency: the geometric mean with its neighbours; 0: it stays out. */
static double factor_at(const double *powers, size_t k, size_t half, double least)
{
    double before = powers[k > 1 ? k - 1 : 1], after = powers[k < half ? k + 1 : half - 1];
    if (powers[k] <= least)
        return 0;
    return 1 / cbrt(sqrt(fmax(before, least)) * sqrt(powers[k]) * sqrt(fmax(after, least)));
}

static void flatten(const struct transform *transform)
{
    size_t half = transform->size / 2;
    double most = 0, *powers = transform->powers;
    for (size_t k = 1; k <= half; k++) {
        struct ff_complex f = transform->data[transform->places[k]];
        powers[k] = f.re * f.re + f.im * f.im;
        most = fmax(most, powers[k]);
    }
    for (size_t k = 1; k <= half; k++)
        transform->factors[k] = factor_at(powers, k, half, rounding * most);
    transform->data[0] = (struct ff_complex){0, 0};
    for (size_t k = 1; k < transform->size; k++) {
        struct ff_complex *f = &transform->data[transform->places[k]];
        double factor = transform->factors[k <= half ? k : transform->size - k];
        *f = (struct ff_complex){f->re * factor, f->im * factor};
    }
}

/* window: size − ESTIMATED values. */
static double judge(const struct transform *transform, const double *window)
{
    size_t size = transform->size, length = size - ESTIMATED, last = length - 1, near = 0;
    size_t from = last > SURROUNDINGS ? last - SURROUNDINGS : 0;
    double surroundings = 0, all = 0;
    load(transform, window);
    ff_fft_forward(transform->data, transform->twiddles, size);
    flatten(transform);
    ff_fft_inverse(transform->data, transform->twiddles, size);
    for (size_t i = 0; i < size; i++) {
        double saliency = fabs(transform->data[i].re);
        all += saliency;
        if (i >= from && i < last) {
            surroundings += saliency;
            near++;
        }
    }
    double usual = surroundings / (double)near + least_saliency * all / (double)size;
    return usual > 0 ? fabs(transform->data[last].re) / usual : 0;
}

static int fit_series(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    size_t n = frame->steps, count = 0, m = SMALLEST - ESTIMATED;
    double *held = fit->alloc(fit, n, sizeof *held), *scores = fit->alloc(fit, n, sizeof *scores);
    size_t *ends = fit->alloc(fit, n, sizeof *ends), seen = ff_finite_values(frame->values, n, held);
    double unit = ff_series_unit(frame->values, n);
    if (seen > 0)
        m = choose_size(fit, config, frame) - ESTIMATED;
    if (seen > 0 && m <= n)
        count = ff_windows_find(ff_series_scaled(fit, frame->values, n, unit), n, m, held, ends);
    if (count < LEAST_WINDOWS)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA,
                         "%zu window%s of %zu steps with enough values in %zu steps, at least %d are needed",
                         count, ff_plural(count), m, n, LEAST_WINDOWS);
    struct transform transform = make_transform(fit, m + ESTIMATED);
    size_t learned = count < MOST_LEARNED ? count : MOST_LEARNED;
    for (size_t i = 0; i < learned; i++)
        scores[i] = judge(&transform, held + (ends[count - learned + i] + 1 - m));
    struct ff_limit limit = ff_limit_learn(scores, learned, held);
    double *tail = fit->alloc(fit, m, sizeof *tail);
    memcpy(tail, frame->values + (n - m), m * sizeof *tail);
    fit->integer(fit, "n", (int64_t)n, FF_SUMMARY);
    fit->integer(fit, "missing", (int64_t)(n - seen), FF_SUMMARY);
    fit->integer(fit, "window", (int64_t)m, FF_SUMMARY);
    fit->number(fit, "limit", limit.limit, FF_SUMMARY);
    fit->number(fit, "low", limit.low, FF_EXPORT);
    fit->number(fit, "unit", unit, FF_EXPORT);
    fit->numbers(fit, "last", tail, m, FF_EXPORT);
    return FF_FIT_OK;
}

/* ---- using it ---- */

struct model {
    const double *last; /* the last window of the training series */
    size_t m;
    struct ff_limit limit;
    double unit;
};

static int read_model(struct ff_fit *fit, const struct ff_kind_model *from, struct model *out)
{
    size_t m;
    const double *last = from->numbers(from, "last", &m);
    *out = (struct model){
        last, m, {from->number(from, "low"), from->number(from, "limit")}, from->number(from, "unit")};
    if (!last || m > LARGEST || power_of_two(m + ESTIMATED) != m + ESTIMATED || m > from->steps)
        return ff_series_damaged(fit, "window");
    if (!(out->limit.limit > out->limit.low) || !(out->unit > 0))
        return ff_series_damaged(fit, "limit");
    return FF_FIT_OK;
}

static int score(struct ff_fit *fit, const struct ff_kind_model *from, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct model model;
    int code = read_model(fit, from, &model);
    if (code != FF_FIT_OK)
        return code;
    size_t m = model.m, total = m - 1 + frame->steps;
    double *held = fit->alloc(fit, total, sizeof *held), *sorted = fit->alloc(fit, m, sizeof *sorted);
    size_t *ends = fit->alloc(fit, total, sizeof *ends);
    const double *series = ff_windows_extend(fit, from, model.last, m, frame, m);
    size_t count = ff_windows_find(ff_series_scaled(fit, series, total, model.unit), total, m, held, ends);
    struct transform transform = make_transform(fit, m + ESTIMATED);
    for (size_t i = 0; i < count; i++) {
        const double *window = held + (ends[i] + 1 - m);
        double found = judge(&transform, window);
        memcpy(sorted, window, m * sizeof *sorted);
        ff_windows_put(scores, ends[i] + 1 - m, ff_median(sorted, m) * model.unit,
                       ff_limit_score(&model.limit, found));
    }
    return FF_FIT_OK;
}

const struct ff_kind ff_kind_spectral_residual = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "spectral_residual",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = score,
};
