/* The table of model kinds. A new kind is one entry here, one file in worker/models and one line in its
 * registry. */
#include "common/kinds.h"

#include "common/text.h"
#include "common/texts.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SEASON                                                                                               \
    {                                                                                                        \
        "season", FF_PARAM_SEASON, 1, 1e9, "auto",                                                           \
            "length of the season: auto, steps, or a duration such as 1d", NULL                              \
    }

static const struct ff_param_schema seasonal_params[] = {
    SEASON,
};

static const struct ff_param_schema ewma_params[] = {
    {"alpha", FF_PARAM_NUMBER, 1e-6, 1, "0.1", "weight of the newest value", NULL},
};

static const struct ff_param_schema pca_params[] = {
    {"variance", FF_PARAM_NUMBER, 1e-6, 1, "0.9", "share of the variance that the kept components explain",
     NULL},
};

static const struct ff_param_schema busy_params[] = {
    {"cpu_ms", FF_PARAM_NUMBER, 0, 3600000, "0", "CPU time to burn, for benchmarks", NULL},
    {"leak_mib", FF_PARAM_NUMBER, 0, 65536, "0", "memory to lose with each fit, for tests of a fleet", NULL},
    {"fault", FF_PARAM_WORD, 0, 0, "none", "what to do wrong behind that, for tests of a fleet",
     "none segv kill abort exit loop memory garbage wrong_target huge half close deaf fork agent"},
};

static const struct ff_param_schema plugin_params[] = {
    {"path", FF_PARAM_PATH, 0, 0, NULL, "a shared object, or the name of one in the worker's plug-in folder",
     NULL},
    {"*", FF_PARAM_ANY, 0, 0, "", "a parameter of the plug-in's own", NULL},
};

static const struct ff_param_schema command_params[] = {
    {"argv", FF_PARAM_TEXTS, 0, 0, NULL, "a list: a program and its arguments, such as [python3, fit.py]",
     NULL},
    {"shared", FF_PARAM_PATHS, 0, 0, "[]", "a list of files that the program may read", NULL},
    {"folder", FF_PARAM_FOLDER, 0, 0, ".", "where the program runs; the job file's folder", NULL},
    {"*", FF_PARAM_ANY, 0, 0, "", "a parameter of the program's own", NULL},
};

static const struct ff_param_schema ets_params[] = {
    SEASON,
    {"model", FF_PARAM_WORD, 0, 0, "ZZZ",
     "error, trend and season: N none, A additive, M multiplicative, Z chosen",
     "ZZZ ZZN ZZA ZZM ZNZ ZNN ZNA ZNM ZAZ ZAN ZAA ZAM AZZ AZN "
     "AZA ANZ ANN ANA AAZ AAN AAA MZZ MZN MZA MZM MNZ MNN MNA "
     "MNM MAZ MAN MAA MAM"},
    {"damped", FF_PARAM_WORD, 0, 0, "auto", "whether a trend is damped", "auto true false"},
};

static const struct ff_param_schema holt_winters_params[] = {
    SEASON,
    {"seasonal", FF_PARAM_WORD, 0, 0, "additive", "how the season meets the level",
     "additive multiplicative"},
    {"damped", FF_PARAM_WORD, 0, 0, "false", "whether the trend is damped", "true false"},
};

static const struct ff_param_schema theta_params[] = {
    SEASON,
    {"variant", FF_PARAM_WORD, 0, 0, "standard", "whether theta is estimated and the line moves",
     "standard optimized dynamic dynamic_optimized"},
};

static const struct ff_param_schema stl_params[] = {
    SEASON,
    {"seasonal_window", FF_PARAM_INTEGER, 3, 1000001, "7",
     "seasons that the seasonal pattern is smoothed over, odd", NULL},
    {"trend_window", FF_PARAM_INTEGER, 0, 10000001, "0",
     "steps that the trend is smoothed over, odd; 0: chosen", NULL},
    {"robust", FF_PARAM_WORD, 0, 0, "true", "whether outliers lose their weight", "true false"},
};

static const struct ff_param_schema mstl_params[] = {
    {"season", FF_PARAM_SEASON, 1, 1e9, "auto", "length of one season: auto, steps, or a duration such as 1d",
     NULL},
    {"season2", FF_PARAM_SEASON, 1, 1e9, "auto", "length of the second; 1: none", NULL},
    {"season3", FF_PARAM_SEASON, 1, 1e9, "1", "length of the third; 1: none", NULL},
    {"seasonal_window", FF_PARAM_INTEGER, 3, 1000001, "7",
     "seasons that the seasonal pattern is smoothed over, odd", NULL},
    {"trend_window", FF_PARAM_INTEGER, 0, 10000001, "0",
     "steps that the trend is smoothed over, odd; 0: chosen", NULL},
    {"robust", FF_PARAM_WORD, 0, 0, "false", "whether outliers lose their weight", "true false"},
};

static const struct ff_param_schema naive_params[] = {
    SEASON,
};

static const struct ff_param_schema classical_params[] = {
    SEASON,
    {"seasonal", FF_PARAM_WORD, 0, 0, "additive", "how the season meets the level",
     "additive multiplicative"},
    {"memory", FF_PARAM_NUMBER, 0.01, 1, "0.9", "weight of a season beside the one behind it", NULL},
    {"alpha", FF_PARAM_NUMBER, 0, 1, "0.5", "weight of the newest value in the level", NULL},
};

static const struct ff_param_schema auto_params[] = {
    SEASON,
    {"horizon", FF_PARAM_INTEGER, 0, 1e6, "0",
     "steps ahead that kinds are compared by; 0: two seasons, or 12", NULL},
    {"budget", FF_PARAM_NUMBER, 1, 1e12, "2000000", "points that may be evaluated, by what they cost", NULL},
};

static const struct ff_param_schema ensemble_params[] = {
    SEASON,
    {"horizon", FF_PARAM_INTEGER, 0, 1e6, "0",
     "steps ahead that kinds are compared by; 0: two seasons, or 12", NULL},
    {"budget", FF_PARAM_NUMBER, 1, 1e12, "2000000", "points that may be evaluated, by what they cost", NULL},
    {"members", FF_PARAM_INTEGER, 1, 20, "5", "how many of the best are combined", NULL},
};

static const struct ff_param_schema online_params[] = {
    {"warmup", FF_PARAM_INTEGER, 50, 1000, "750", "values that say which range is normal", NULL},
};

static const struct ff_param_schema iforest_params[] = {
    {"window", FF_PARAM_SEASON, 2, 32768, "auto",
     "length of the windows: auto, steps, or a duration such as 1d", NULL},
    {"trees", FF_PARAM_INTEGER, 1, 10000, "100", "how many trees are grown", NULL},
    {"sample", FF_PARAM_INTEGER, 2, 65536, "256", "windows that each of them is grown from", NULL},
};

static const struct ff_param_schema matrix_profile_params[] = {
    {"window", FF_PARAM_SEASON, 3, 32768, "auto",
     "length of the windows: auto, steps, or a duration such as 1d", NULL},
};

static const struct ff_param_schema sub_pca_params[] = {
    {"window", FF_PARAM_SEASON, 2, 2048, "auto",
     "length of the windows: auto, steps, or a duration such as 1d", NULL},
    {"variance", FF_PARAM_NUMBER, 1e-6, 1, "0.95", "share of the variance that the kept components explain",
     NULL},
};

static const struct ff_param_schema spectral_residual_params[] = {
    {"window", FF_PARAM_SEASON, 2, 16379, "auto",
     "length of the windows: auto, steps, or a duration such as 1d", NULL},
};

static const struct ff_param_schema quantile_params[] = {
    SEASON,
    {"lower", FF_PARAM_NUMBER, 0, 0.5, "0.1", "share of values below the lower quantile", NULL},
    {"upper", FF_PARAM_NUMBER, 0.5, 1, "0.9", "share of values below the upper quantile", NULL},
    {"reach", FF_PARAM_NUMBER, 0.01, 1000, "3", "how many times as far as the quantiles the band reaches",
     NULL},
};

static const struct ff_param_schema changepoint_params[] = {
    SEASON,
    {"penalty", FF_PARAM_WORD, 0, 0, "mbic", "what another segment must be worth", "mbic bic"},
    {"shortest", FF_PARAM_INTEGER, 2, 1000000, "12", "steps of a segment at least", NULL},
};

static const struct ff_param_schema mahalanobis_params[] = {
    {"support", FF_PARAM_NUMBER, 0.5, 1, "0.5", "share of the rows that mean and covariance are taken of",
     NULL},
    {"starts", FF_PARAM_INTEGER, 1, 10000, "100", "random choices of rows that the search begins with", NULL},
};

static const struct ff_param_schema iforest_rows_params[] = {
    {"trees", FF_PARAM_INTEGER, 1, 10000, "100", "how many trees are grown", NULL},
    {"sample", FF_PARAM_INTEGER, 2, 65536, "256", "rows that each of them is grown from", NULL},
};

static const struct ff_kind_schema kinds[] = {
    {"seasonal", false, false, 2, COUNT(seasonal_params), seasonal_params},
    {"ewma", false, false, 3, COUNT(ewma_params), ewma_params},
    {"pca", true, true, 2, COUNT(pca_params), pca_params},
    {"plugin", false, true, 1, COUNT(plugin_params), plugin_params},
    {"command", false, true, 1, COUNT(command_params), command_params},
    {"busy", false, false, 2, COUNT(busy_params), busy_params},
    {"ets", false, true, 2, COUNT(ets_params), ets_params},
    {"holt_winters", false, true, 2, COUNT(holt_winters_params), holt_winters_params},
    {"theta", false, true, 2, COUNT(theta_params), theta_params},
    {"stl", false, true, 2, COUNT(stl_params), stl_params},
    {"mstl", false, true, 2, COUNT(mstl_params), mstl_params},
    {"naive", false, false, 2, COUNT(naive_params), naive_params},
    {"classical", false, false, 2, COUNT(classical_params), classical_params},
    {"auto", false, true, 2, COUNT(auto_params), auto_params},
    {"online", false, true, 1, COUNT(online_params), online_params},
    {"ensemble", false, true, 2, COUNT(ensemble_params), ensemble_params},
    {"iforest", false, true, 1, COUNT(iforest_params), iforest_params},
    {"matrix_profile", false, false, 1, COUNT(matrix_profile_params), matrix_profile_params},
    {"sub_pca", false, true, 1, COUNT(sub_pca_params), sub_pca_params},
    {"spectral_residual", false, true, 1, COUNT(spectral_residual_params), spectral_residual_params},
    {"quantile", false, false, 1, COUNT(quantile_params), quantile_params},
    {"changepoint", false, true, 1, COUNT(changepoint_params), changepoint_params},
    {"ecod", true, true, 1, 0, NULL},
    {"mahalanobis", true, true, 1, COUNT(mahalanobis_params), mahalanobis_params},
    {"iforest_rows", true, true, 1, COUNT(iforest_rows_params), iforest_rows_params},
};

const struct ff_kind_schema *ff_kind_schemas(size_t *count)
{
    *count = COUNT(kinds);
    return kinds;
}

const struct ff_kind_schema *ff_kind_schema(const char *name)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

const struct ff_param_schema *ff_kind_param(const struct ff_kind_schema *kind, const char *name)
{
    const struct ff_param_schema *any = NULL;
    for (size_t i = 0; i < kind->param_count; i++) {
        if (strcmp(kind->params[i].name, name) == 0)
            return &kind->params[i];
        if (strcmp(kind->params[i].name, "*") == 0)
            any = &kind->params[i];
    }
    return any;
}

bool ff_kind_is_open(const struct ff_kind_schema *kind)
{
    return ff_kind_param(kind, "*") != NULL;
}

static bool is_season(const struct ff_param_schema *schema, const char *text)
{
    int64_t value;
    if (strcmp(text, "auto") == 0 || ff_parse_duration(text, &value))
        return true;
    return ff_parse_integer(text, &value) && (double)value >= schema->min && (double)value <= schema->max;
}

static bool is_word(const char *words, const char *text)
{
    size_t length = strlen(text);
    for (const char *at = words; length && (at = strstr(at, text)); at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return strchr(text, ' ') == NULL;
    return false;
}

static bool is_list(const char *text, size_t least)
{
    struct ff_arena arena = {0};
    const char *const *items;
    size_t count = 0;
    bool good = ff_texts_read(text, &arena, &items, &count) && count >= least && count <= FF_PARAM_MOST_TEXTS;
    ff_arena_fini(&arena);
    return good;
}

enum ff_status ff_param_check(const struct ff_param_schema *schema, const char *text, struct ff_error *err)
{
    double number;
    int64_t integer;
    switch (schema->type) {
    case FF_PARAM_NUMBER:
        if (ff_parse_double(text, strlen(text), &number) && number >= schema->min && number <= schema->max)
            return FF_OK;
        return ff_error_set(err, FF_INVALID_ARGUMENT, "expected a number from %g to %.15g, found '%s'",
                            schema->min, schema->max, text);
    case FF_PARAM_INTEGER:
        if (ff_parse_integer(text, &integer) && (double)integer >= schema->min &&
            (double)integer <= schema->max)
            return FF_OK;
        return ff_error_set(err, FF_INVALID_ARGUMENT,
                            "expected a whole number from %.15g to %.15g, found '%s'", schema->min,
                            schema->max, text);
    case FF_PARAM_SEASON:
        return is_season(schema, text)
                   ? FF_OK
                   : ff_error_set(err, FF_INVALID_ARGUMENT,
                                  "expected auto, %.15g to %.15g steps or a duration such as 1d, found '%s'",
                                  schema->min, schema->max, text);
    case FF_PARAM_PATH:
        return *text ? FF_OK
                     : ff_error_set(err, FF_INVALID_ARGUMENT, "expected the path of a file, found ''");
    case FF_PARAM_TEXTS:
    case FF_PARAM_PATHS:
        return is_list(text, schema->type == FF_PARAM_TEXTS ? 1 : 0)
                   ? FF_OK
                   : ff_error_set(err, FF_INVALID_ARGUMENT,
                                  "expected a list of %d to %d texts, found '%.64s'",
                                  schema->type == FF_PARAM_TEXTS ? 1 : 0, FF_PARAM_MOST_TEXTS, text);
    case FF_PARAM_FOLDER:
    case FF_PARAM_ANY:
        return FF_OK;
    case FF_PARAM_WORD:
        if (is_word(schema->words, text))
            return FF_OK;
        return ff_error_set(err, FF_INVALID_ARGUMENT, "expected one of %s, found '%s'", schema->words, text);
    }
    return FF_OK;
}
