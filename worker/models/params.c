/* The schema (common/kinds.h) has refused wrong names, types and ranges where the job was read, and
 * worker/fit.c does so again for a worker's own safety. What is left here is to turn text into values. */
#include "worker/models/params.h"

#include "common/text.h"

#include <string.h>

const char *ff_params_text(const struct ff_kind_param *params, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(params[i].name, name) == 0)
            return params[i].text;
    return NULL;
}

int ff_params_number(struct ff_fit *fit, const struct ff_kind_param *params, size_t count, const char *name,
                     double otherwise, double *value)
{
    const char *text = ff_params_text(params, count, name);
    *value = otherwise;
    if (text && !ff_parse_double(text, strlen(text), value))
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "%s: expected a number, found '%s'", name, text);
    return FF_FIT_OK;
}

int ff_params_season(struct ff_fit *fit, const struct ff_kind_param *params, size_t count, const char *name,
                     struct ff_season *value)
{
    const char *text = ff_params_text(params, count, name);
    *value = (struct ff_season){FF_SEASON_AUTO, 0};
    if (!text || strcmp(text, "auto") == 0)
        return FF_FIT_OK;
    if (ff_parse_integer(text, &value->value) && value->value >= 1)
        value->type = FF_SEASON_STEPS;
    else if (ff_parse_duration(text, &value->value))
        value->type = FF_SEASON_DURATION;
    else
        return fit->fail(fit, FF_FIT_BAD_PARAMETER,
                         "%s: expected auto, a number of steps or a duration such as 1d, found '%s'", name,
                         text);
    return FF_FIT_OK;
}
