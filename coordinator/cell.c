#include "coordinator/cell.h"

#include "common/text.h"

#include <math.h>
#include <string.h>
#include <strings.h>

static bool is_missing_word(const char *text, size_t size)
{
    static const char *const words[] = {"nan", "na", "null", "inf", "infinity"};
    if (size > 1 && (*text == '-' || *text == '+')) {
        text++;
        size--;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == size && strncasecmp(text, words[i], size) == 0)
            return true;
    return false;
}

enum ff_cell_kind ff_cell_read(const char *text, size_t size, double *value)
{
    for (; size > 0 && (*text == ' ' || *text == '\t'); size--)
        text++;
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
        size--;
    if (size > 0 && ff_parse_double(text, size, value))
        return FF_CELL_NUMBER;
    *value = NAN;
    if (size == 0 || is_missing_word(text, size) || ff_is_decimal(text, size))
        return FF_CELL_MISSING;
    return FF_CELL_TEXT;
}
