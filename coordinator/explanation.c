#include "coordinator/explanation.h"

#include "coordinator/show.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ff_say(const struct ff_explanation *explanation, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int size = vasprintf(&text, format, args);
    va_end(args);
    if (size < 0)
        return;
    ff_show_clean((struct ff_bytes){(const uint8_t *)text, (size_t)size}, true, explanation->out);
    free(text);
}

const char *ff_one_line(const struct ff_explanation *explanation, const char *text)
{
    struct ff_buf clean = {0};
    ff_show_clean((struct ff_bytes){(const uint8_t *)text, strlen(text)}, false, &clean);
    const char *kept = ff_arena_strdup(explanation->arena, ff_buf_text(&clean));
    ff_buf_fini(&clean);
    return kept;
}

static const char *minimum_of(const struct ff_explanation *explanation)
{
    if (!explanation->spec)
        return "";
    return ff_arena_printf(explanation->arena, " (now %s)",
                           ff_show_count(explanation->spec->targets.min_rows).text);
}

static const char *timeout_of(const struct ff_explanation *explanation, bool is_all)
{
    if (!explanation->spec)
        return "";
    int64_t ms =
        is_all ? explanation->spec->limits.all_timeout_ms : explanation->spec->limits.target_timeout_ms;
    return ff_arena_printf(explanation->arena, " (now %s)", ff_show_duration((double)ms).text);
}

static const char *memory_of(const struct ff_explanation *explanation, bool is_all)
{
    if (!explanation->spec)
        return "";
    uint64_t bytes = is_all ? explanation->spec->limits.all_memory : explanation->spec->limits.target_memory;
    return bytes ? ff_arena_printf(explanation->arena, " (now %s)", ff_show_size(bytes).text) : "";
}

static void say_skipped(const struct ff_explanation *explanation, enum ff_code code)
{
    if (code == FF_CODE_TOO_FEW_ROWS)
        ff_say(explanation,
               "It has too few rows inside the window, or all of them at one time. Lower targets.min_rows%s, "
               "widen"
               " prepare.window, or leave it out with targets.exclude.\n",
               minimum_of(explanation));
    else if (code == FF_CODE_ALL_MISSING)
        ff_say(
            explanation,
            "Not one of its metrics has a value inside the window. Look at the data for it, at data.values,"
            " and at prepare.window.\n");
    else
        ff_say(explanation,
               "No pattern of models.top matches its name. Add an entry that does (match: \"*\" as the last"
               " one takes all that are left), or leave it out with targets.exclude.\n");
}

static void say_failed(const struct ff_explanation *explanation, enum ff_code code)
{
    static const struct {
        enum ff_code code;
        const char *text;
    } texts[] = {
        {FF_CODE_NOT_ENOUGH_DATA,
         "There are too few values left for its kind of model. Widen prepare.window, raise"
         " prepare.max_gap so that gaps are filled, or give a models.fallback that needs less"
         " (ewma needs two values)."},
        {FF_CODE_CONSTANT, "Its values are all equal, and its kind of model needs some variance. Give a"
                           " models.fallback that does not (seasonal and ewma take constant series)."},
        {FF_CODE_NOT_CONVERGED,
         "The fit did not settle. Look for outliers in the data, choose another kind in"
         " models.top, or give a models.fallback."},
        {FF_CODE_TOO_MANY_STEPS,
         "Its time axis would have more than 10,000,000 steps: often one row with a time far"
         " off. Set a larger prepare.step, narrow prepare.window, or correct the row."},
        {FF_CODE_BAD_PARAMETER,
         "A parameter of its model does not fit its data, so no fallback was tried. Correct it"
         " in models.top."},
        {FF_CODE_NOT_PROMOTED, "The new model did worse on the last rows than output.promote allows. The "
                               "target keeps the model that "
                               "it has; score the rows by both, or raise max_alerts or max_worse."},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].code == code)
            ff_say(explanation, "%s\n", texts[i].text);
}

static void say_fault(const struct ff_explanation *explanation, enum ff_code code, bool is_all)
{
    if (code == FF_CODE_TIMEOUT)
        ff_say(explanation,
               "The fit did not end in time. Raise limits.%s%s, narrow prepare.window, or choose a cheaper "
               "kind.\n",
               is_all ? "all_timeout" : "target_timeout", timeout_of(explanation, is_all));
    else if (code == FF_CODE_OUT_OF_MEMORY)
        ff_say(
            explanation,
            "The fit needed more memory than it may have. Raise limits.%s%s, narrow prepare.window, or set a"
            " larger prepare.step.\n",
            is_all ? "all_memory" : "target_memory", memory_of(explanation, is_all));
    else if (code == FF_CODE_WORKER_LOST)
        ff_say(explanation,
               "Each time its worker disappeared while fitting it, alone. Look at that host's kernel log and"
               " memory: a fit that takes the host down ends like this.\n");
    else if (code == FF_CODE_BAD_OUTPUT)
        ff_say(explanation,
               "What the fit returned was not a valid model: a fault of the kind, not of the data.\n");
    else
        ff_say(explanation,
               "The crash cost this target alone: it is a fault of the kind or of its plugin, set off by this"
               " target's data.\n");
}

void ff_say_why(const struct ff_explanation *explanation, enum ff_code code, bool is_all)
{
    if (code == FF_CODE_OK)
        return;
    if (code <= FF_CODE_NO_MODEL)
        say_skipped(explanation, code);
    else if (ff_code_is_fault(code))
        say_fault(explanation, code, is_all);
    else
        say_failed(explanation, code);
}
