/* Holding the last value is the one way of filling holes that does not look ahead, so training and judging do
 * the same. */
#include "worker/models/windows.h"

#include "worker/models/series.h"

#include <math.h>

enum { DEFAULT_WINDOW = 24, LEAST_SEASON = 4, LONGEST_WINDOW = 256 };

size_t ff_window_length(struct ff_fit *fit, const struct ff_season *window, const struct ff_kind_frame *frame)
{
    size_t length = ff_series_season(fit, window, frame);
    if (window->type == FF_SEASON_AUTO) {
        size_t most = frame->steps / 4 < LONGEST_WINDOW ? frame->steps / 4 : LONGEST_WINDOW;
        length = length < LEAST_SEASON ? DEFAULT_WINDOW : length;
        length = length < most ? length : most;
    }
    return length > 2 ? length : 2;
}

size_t ff_windows_find(const double *values, size_t n, size_t m, double *held, size_t *ends)
{
    size_t count = 0, known = 0;
    double last = NAN;
    for (size_t i = 0; i < n; i++) {
        known += isnan(values[i]) ? 0 : 1;
        if (i >= m && !isnan(values[i - m]))
            known--;
        if (!isnan(values[i]))
            last = values[i];
        held[i] = last;
        if (i + 1 >= m && !isnan(values[i]) && !isnan(held[i + 1 - m]) && 2 * known >= m)
            ends[count++] = i;
    }
    return count;
}

double *ff_windows_extend(struct ff_fit *fit, const struct ff_kind_model *model, const double *known,
                          size_t count, const struct ff_kind_frame *frame, size_t m)
{
    double *out = fit->alloc(fit, m - 1 + frame->steps, sizeof *out);
    int64_t offset = ff_series_offset(model, frame), begin = (int64_t)(model->steps - count),
            end = (int64_t)model->steps;
    bool sane = model->steps < SIZE_MAX / 8;
    for (size_t i = 0; i < m - 1; i++) {
        int64_t back = (int64_t)(m - 1 - i); /* steps before the frame */
        out[i] = sane && offset >= begin + back && offset < end + back ? known[offset - back - begin] : NAN;
    }
    for (size_t i = 0; i < frame->steps; i++)
        out[m - 1 + i] = frame->values[i];
    return out;
}

void ff_windows_put(struct ff_kind_scores *scores, size_t i, double expected, double score)
{
    if (!isfinite(expected) || isnan(score))
        return;
    scores->expected[i] = expected;
    scores->lower[i] = -INFINITY;
    scores->upper[i] = INFINITY;
    scores->score[i] = score;
}

void ff_windows_put_constant(struct ff_kind_scores *scores, size_t steps, const double *known, size_t count)
{
    double level = NAN;
    for (size_t i = 0; i < count; i++)
        level = isnan(known[i]) ? level : known[i];
    for (size_t i = 0; i < steps; i++)
        ff_series_put(scores, i, level, FF_SERIES_BAND * 1e-9 * fmax(1, fabs(level)));
}
