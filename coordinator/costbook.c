#include "coordinator/costbook.h"

#include "common/buf.h"
#include "common/hash.h"

#include <stdio.h>
#include <string.h>

enum { HASH_BYTES = 8 };

/* What does not fit is cut, and told apart by its hash. */
static void put_hash(const struct ff_buf *text, char *end)
{
    struct ff_hash hash;
    uint8_t bytes[FF_HASH_QUICK_SIZE];
    ff_hash_start(&hash, FF_HASH_QUICK);
    ff_hash_add(&hash, text->data, text->size);
    ff_hash_finish(&hash, bytes);
    for (int i = 0; i < HASH_BYTES; i++)
        sprintf(end - 2 * (HASH_BYTES - i), "%02x", bytes[i]);
}

void ff_costbook_name(const struct ff_model_spec *model, char name[FF_COST_NAME])
{
    struct ff_buf text = {0};
    ff_buf_printf(&text, "%s", model->kind);
    for (size_t i = 0; i < model->param_count; i++)
        ff_buf_printf(&text, " %s=%s", model->params[i].name, model->params[i].text);
    if (snprintf(name, FF_COST_NAME, "%s", ff_buf_text(&text)) >= FF_COST_NAME)
        put_hash(&text, name + FF_COST_NAME - 1);
    ff_buf_fini(&text);
}

static bool is_of_kind(const struct ff_cost *cost, const char *kind)
{
    size_t length = strlen(kind);
    return strncmp(cost->name, kind, length) == 0 && (cost->name[length] == ' ' || cost->name[length] == 0);
}

double ff_costbook_us_per_cell(const struct ff_cost *costs, size_t count, const struct ff_model_spec *model)
{
    char name[FF_COST_NAME];
    double cells = 0, ms = 0;
    if (!model->kind)
        return 0;
    ff_costbook_name(model, name);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(costs[i].name, name) == 0 && costs[i].cells > 0)
            return costs[i].ms * 1000 / costs[i].cells;
        cells += is_of_kind(&costs[i], model->kind) ? costs[i].cells : 0;
        ms += is_of_kind(&costs[i], model->kind) ? costs[i].ms : 0;
    }
    return cells > 0 ? ms * 1000 / cells : 0;
}

void ff_costbook_add(struct ff_cost **costs, size_t *count, const struct ff_cost *cost)
{
    size_t i = 0;
    while (i < *count && strcmp((*costs)[i].name, cost->name) != 0)
        i++;
    if (i == *count) {
        *costs = ff_xrealloc(*costs, (*count + 1) * sizeof **costs);
        (*costs)[(*count)++] = *cost;
    } else {
        (*costs)[i].cells = (*costs)[i].cells / 2 + cost->cells;
        (*costs)[i].ms = (*costs)[i].ms / 2 + cost->ms;
    }
}
