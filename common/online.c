/* Grids are fixed when the warm-up ends, from its least and largest value, so that the largest lies alone in
 * the first cell outside: every new record is rare. Outside, cells grow by half an octave. The settings below
 * were chosen together on the labelled series of tests/bench/models/nab.py, for the mean over random
 * neighbours of each as much as for the figure itself. */
#include "common/online.h"

#include "common/contexts.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    OUTER = 24,      /* cells on either side of a grid */
    RING = 64,       /* values kept */
    SHORT_MEAN = 16, /* values averaged */
    LONG_MEAN = 64,
    PEAKS = 64
};

/* What a grid looks at. */
enum source { VALUE, MEAN_SHORT, MEAN_LONG, SOURCES };

struct grid {
    enum source source;
    unsigned levels; /* cells of the range */
    unsigned order;  /* 1: the cell before predicts, too */
};

static const struct grid grids[] = {
    {VALUE, 4, 1}, {VALUE, 16, 0}, {VALUE, 32, 0}, {MEAN_SHORT, 4, 1}, {MEAN_LONG, 6, 1}};
enum { GRIDS = sizeof grids / sizeof *grids, BAND_GRID = 2 };
enum { PARTS = 3, HEAD = 3 + GRIDS }; /* of a packed state */

static const double mean_allowance[SOURCES] = {0, 0.5, 1.25}; /* surprise of a mean that is no news */

#define HALF_LIFE 1.2     /* of counts, in warm-ups */
#define ESCAPE 0.5        /* distinct symbols that a context counts beside those it has seen */
#define UNSEEN 16.0       /* cells of equal rights for each that is in the range */
#define DISTANCE 0.4      /* nats that a cell further out is less likely */
#define QUIET_WARMUPS 0.2 /* an alarm stands out from so much before it, or */
#define QUIET_SHARE 0.05  /* from this share of everything so far */
#define QUIET_MOST 20     /* but no more warm-ups than this */
#define MARGIN 0.8        /* by how many nats */
#define ALARM 8.65        /* nats at which the score is 1 */
#define UNDER_ALARM 0.5   /* the most that a value scores that does not stand out */
#define BAND 0.99         /* of what is remembered */
#define LARGEST 1e300     /* values are held within, so that no sum overflows */

struct axis {
    double low, range;
};

struct peak {
    double surprise, at;
};

struct ff_online {
    size_t warmup;
    uint64_t seen;
    bool settled;
    struct axis axes[SOURCES];
    double ring[RING];        /* the newest values */
    struct peak peaks[PEAKS]; /* of the last while: each larger than those behind it */
    size_t peak_count;
    unsigned before[GRIDS]; /* the last cell */
    struct ff_contexts contexts;
    double waiting[FF_ONLINE_MOST_WARMUP]; /* values of the warm-up */
};

static_assert(sizeof(struct ff_online) < 32768, "fixed memory");
static_assert(HEAD + RING + 2 * (SOURCES + PEAKS) + FF_CONTEXTS_PACKED < FF_ONLINE_PACKED, "room");

size_t ff_online_size(void)
{
    return sizeof(struct ff_online);
}

void ff_online_start(struct ff_online *online, size_t warmup)
{
    memset(online, 0, sizeof *online);
    online->warmup = warmup < FF_ONLINE_LEAST_WARMUP  ? FF_ONLINE_LEAST_WARMUP
                     : warmup > FF_ONLINE_MOST_WARMUP ? FF_ONLINE_MOST_WARMUP
                                                      : warmup;
    ff_contexts_init(&online->contexts);
}

size_t ff_online_warmup(const struct ff_online *online)
{
    return online->warmup;
}

uint64_t ff_online_seen(const struct ff_online *online)
{
    return online->seen;
}

/* ---- prediction ---- */

/* The cell of a value, and how many cells it is outside of the range. */
static unsigned cell_of(const struct axis *axis, unsigned levels, double value, double *outside)
{
    double place = (value - axis->low) / axis->range * levels, octaves;
    *outside = 0;
    if (place >= 0 && place < levels)
        return OUTER + (unsigned)place;
    octaves = floor(2 * log2(place < 0 ? 1 - place : 1 + place - levels));
    octaves = fmin(octaves, OUTER - 1);
    *outside = octaves + 1;
    return place < 0 ? OUTER - 1 - (unsigned)octaves : OUTER + levels + (unsigned)octaves;
}

/* The context without, or behind the last cell. */
static uint32_t context_of(const struct ff_online *online, size_t grid, unsigned order)
{
    return (uint32_t)grid << 8 | (order ? 1 + online->before[grid] : 0);
}

/* −ln of how likely the grid found the value, which it then learns. */
static double surprise_of(struct ff_online *online, size_t index, double value)
{
    const struct grid *grid = &grids[index];
    double outside;
    unsigned cell = cell_of(&online->axes[grid->source], grid->levels, value, &outside);
    double likely = exp(-DISTANCE * outside) / (UNSEEN * grid->levels);
    for (unsigned order = 0; order <= grid->order; order++) {
        uint32_t context = context_of(online, index, order);
        struct ff_context_counts counts = ff_contexts_find(&online->contexts, context, cell);
        double escape = counts.distinct + ESCAPE;
        likely = (counts.symbol + escape * likely) / (counts.total + escape);
        ff_contexts_add(&online->contexts, context, cell);
    }
    online->before[index] = cell;
    return -log(likely);
}

/* The mean over the newest values, of those that there are. */
static double mean_of(const struct ff_online *online, size_t count)
{
    size_t have = online->seen < count ? (size_t)online->seen : count;
    double sum = 0;
    for (size_t i = 1; i <= have; i++)
        sum += online->ring[(online->seen - i) % RING];
    return sum / (double)have;
}

/* Takes the value into the ring. */
static void look(struct ff_online *online, double value, double looks[SOURCES])
{
    online->ring[online->seen++ % RING] = value;
    looks[VALUE] = value;
    looks[MEAN_SHORT] = mean_of(online, SHORT_MEAN);
    looks[MEAN_LONG] = mean_of(online, LONG_MEAN);
}

/* The mean of the grids of the value, or what a mean's grid says beyond its allowance. */
static double learn(struct ff_online *online, const double looks[SOURCES])
{
    double sum = 0, most = 0;
    size_t count = 0;
    for (size_t i = 0; i < GRIDS; i++) {
        double surprise = surprise_of(online, i, looks[grids[i].source]);
        if (grids[i].source == VALUE) {
            sum += surprise;
            count++;
        } else {
            most = fmax(most, surprise - mean_allowance[grids[i].source]);
        }
    }
    ff_contexts_tick(&online->contexts, exp2(1 / (HALF_LIFE * (double)online->warmup)));
    return fmax(sum / (double)count, most);
}

/* ---- from surprises to scores ---- */

/* Whether it exceeds everything of the last while; keeps it as a peak. Peaks that a larger one follows do not
 * count any more; where there are too many, two become one. */
static bool stands_out(struct ff_online *online, double surprise)
{
    double warmup = (double)online->warmup, now = (double)online->seen;
    double quiet = fmin(fmax(QUIET_WARMUPS * warmup, QUIET_SHARE * now), QUIET_MOST * warmup);
    size_t gone = 0;
    while (gone < online->peak_count && online->peaks[gone].at < now - floor(quiet))
        gone++;
    online->peak_count -= gone;
    memmove(online->peaks, online->peaks + gone, online->peak_count * sizeof *online->peaks);
    bool out = !online->peak_count || surprise > online->peaks[0].surprise + MARGIN;
    while (online->peak_count && online->peaks[online->peak_count - 1].surprise <= surprise)
        online->peak_count--;
    if (online->peak_count == PEAKS)
        online->peaks[PEAKS - 1].at = now;
    else
        online->peaks[online->peak_count++] = (struct peak){surprise, now};
    return out;
}

/* Where a cell begins. */
static double edge_of(const struct axis *axis, unsigned levels, unsigned cell)
{
    double step = axis->range / levels, place = (double)cell - OUTER;
    if (place <= 0)
        return axis->low - step * (exp2(-place / 2) - 1);
    if (place <= levels)
        return axis->low + step * place;
    return axis->low + axis->range + step * (exp2((place - levels) / 2) - 1);
}

/* The values below which these shares of what is remembered lie (in order), by a grid without contexts. */
static void find_quantiles(const struct ff_online *online, const double shares[], double out[], size_t count)
{
    const struct axis *axis = &online->axes[VALUE];
    unsigned levels = grids[BAND_GRID].levels;
    uint32_t context = context_of(online, BAND_GRID, 0);
    double total = ff_contexts_find(&online->contexts, context, 0).total, below = 0;
    size_t at = 0;
    for (unsigned cell = 0; cell < 2 * OUTER + levels && at < count; cell++) {
        double here = ff_contexts_find(&online->contexts, context, cell).symbol;
        for (; at < count && here > 0 && below + here >= shares[at] * total; at++) {
            double from = edge_of(axis, levels, cell), to = edge_of(axis, levels, cell + 1);
            out[at] = from + (to - from) * fmax(0, shares[at] * total - below) / here;
        }
        below += here;
    }
    for (; at < count; at++) /* rounding */
        out[at] = at ? out[at - 1] : axis->low + axis->range;
}

/* ---- the warm-up ---- */

static void widen(struct axis *axis, double value, bool first)
{
    double high = first ? value : fmax(axis->low + axis->range, value);
    axis->low = first ? value : fmin(axis->low, value);
    axis->range = high - axis->low;
}

/* Ends the warm-up: what was seen is the range, and is learned. */
static void settle(struct ff_online *online)
{
    double looks[SOURCES];
    size_t count = (size_t)online->seen;
    online->settled = true;
    online->seen = 0;
    for (size_t i = 0; i < count; i++) {
        look(online, online->waiting[i], looks);
        for (int k = 0; k < SOURCES; k++)
            widen(&online->axes[k], looks[k], i == 0);
    }
    for (int k = 0; k < SOURCES; k++)
        if (!(online->axes[k].range > 0))
            online->axes[k].range = fmax(1e-9, 0.05 * fabs(online->axes[k].low));
    online->seen = 0;
    for (size_t i = 0; i < count; i++) {
        look(online, online->waiting[i], looks);
        learn(online, looks);
    }
}

struct ff_online_verdict ff_online_take(struct ff_online *online, double value)
{
    struct ff_online_verdict verdict = {NAN, NAN, NAN, NAN};
    static const double band[] = {(1 - BAND) / 2, 0.5, (1 + BAND) / 2};
    double looks[SOURCES], quantiles[3];
    if (isnan(value))
        return verdict;
    value = fmax(-LARGEST, fmin(LARGEST, value));
    if (!online->settled) {
        online->waiting[online->seen++] = value;
        if (online->seen == online->warmup)
            settle(online);
        return verdict;
    }
    find_quantiles(online, band, quantiles, 3);
    verdict.lower = quantiles[0];
    verdict.expected = quantiles[1];
    verdict.upper = quantiles[2];
    look(online, value, looks);
    double surprise = learn(online, looks);
    bool out = stands_out(online, surprise);
    verdict.score = out ? surprise / ALARM : UNDER_ALARM * fmin(1, surprise / ALARM);
    return verdict;
}

/* ---- keeping it ---- */

/* What of a detector is plain numbers, in the order in which they are packed. */
struct part {
    double *numbers;
    size_t count;
};

static void parts_of(struct ff_online *online, struct part parts[PARTS])
{
    parts[0] = (struct part){&online->axes[0].low, 2 * SOURCES};
    parts[1] = (struct part){online->ring, RING};
    parts[2] = (struct part){&online->peaks[0].surprise, 2 * PEAKS};
}

size_t ff_online_pack(const struct ff_online *online, double *out)
{
    struct part parts[PARTS];
    size_t count = 0;
    if (!online->settled)
        return 0;
    out[count++] = (double)online->warmup;
    out[count++] = (double)online->seen;
    out[count++] = (double)online->peak_count;
    for (size_t i = 0; i < GRIDS; i++)
        out[count++] = online->before[i];
    parts_of((struct ff_online *)(uintptr_t)online, parts);
    for (size_t i = 0; i < PARTS; i++) {
        memcpy(out + count, parts[i].numbers, parts[i].count * sizeof *out);
        count += parts[i].count;
    }
    return count + ff_contexts_pack(&online->contexts, out + count);
}

static bool is_whole(double number, double least, double most)
{
    return number >= least && number <= most && number == floor(number);
}

static bool read_head(struct ff_online *online, const double *packed)
{
    if (!is_whole(packed[0], 1, FF_ONLINE_MOST_WARMUP) || !is_whole(packed[1], 1, 0x1p53) ||
        !is_whole(packed[2], 0, PEAKS))
        return false;
    online->warmup = (size_t)packed[0];
    online->seen = (uint64_t)packed[1];
    online->peak_count = (size_t)packed[2];
    for (size_t i = 0; i < GRIDS; i++) {
        if (!is_whole(packed[3 + i], 0, FF_CONTEXTS_SYMBOLS - 1))
            return false;
        online->before[i] = (unsigned)packed[3 + i];
    }
    return true;
}

static bool is_sound(const struct ff_online *online)
{
    for (size_t i = 0; i < SOURCES; i++)
        if (!(online->axes[i].range > 0))
            return false;
    return true;
}

bool ff_online_unpack(struct ff_online *online, const double *packed, size_t count)
{
    struct part parts[PARTS];
    size_t at = HEAD;
    ff_online_start(online, FF_ONLINE_LEAST_WARMUP);
    parts_of(online, parts);
    for (size_t i = 0; i < PARTS; i++)
        at += parts[i].count;
    if (count <= at || !read_head(online, packed))
        return false;
    for (size_t i = 0; i < at; i++)
        if (!isfinite(packed[i]))
            return false;
    at = HEAD;
    for (size_t i = 0; i < PARTS; i++) {
        memcpy(parts[i].numbers, packed + at, parts[i].count * sizeof *packed);
        at += parts[i].count;
    }
    online->settled = true;
    return is_sound(online) && ff_contexts_unpack(&online->contexts, packed + at, count - at);
}
