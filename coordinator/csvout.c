#include "coordinator/csvout.h"

#include "common/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void before_cell(struct ff_csvout *line)
{
    if (line->comma)
        ff_buf_append(line->out, ",", 1);
    line->comma = true;
}

static bool needs_quotes(const char *text)
{
    size_t size = strlen(text);
    return strpbrk(text, ",\"\r\n") || text[0] == ' ' || (size && text[size - 1] == ' ');
}

void ff_csvout_text(struct ff_csvout *line, const char *text)
{
    before_cell(line);
    if (!needs_quotes(text)) {
        ff_buf_append(line->out, text, strlen(text));
        return;
    }
    ff_buf_append(line->out, "\"", 1);
    for (; *text; text++)
        ff_buf_append(line->out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    ff_buf_append(line->out, "\"", 1);
}

void ff_csvout_uint(struct ff_csvout *line, uint64_t value)
{
    before_cell(line);
    ff_buf_printf(line->out, "%" PRIu64, value);
}

void ff_csvout_int(struct ff_csvout *line, int64_t value)
{
    before_cell(line);
    ff_buf_printf(line->out, "%" PRId64, value);
}

void ff_csvout_double(struct ff_csvout *line, double value)
{
    before_cell(line);
    struct ff_json number = ff_json_start(line->out);
    if (isfinite(value))
        ff_json_double(&number, value);
}

void ff_csvout_end(struct ff_csvout *line)
{
    ff_buf_append(line->out, "\n", 1);
    line->comma = false;
}
