#include "common/task.h"

#include <string.h>

const char *ff_fit_spec_given(const struct ff_fit_spec *spec, const char *param)
{
    for (size_t i = 0; i < spec->param_count; i++)
        if (strcmp(spec->params[i].name, param) == 0)
            return spec->params[i].text;
    return NULL;
}
