/* What a cell of data means as a value. */
#ifndef FF_COORDINATOR_CELL_H
#define FF_COORDINATOR_CELL_H

#include <stddef.h>

enum ff_cell_kind { FF_CELL_NUMBER, FF_CELL_MISSING, FF_CELL_TEXT };

/* *value is the number, NaN otherwise. Missing: empty, NaN, NA, null (any case), or a number that is not
 * finite. Blanks around it are passed over. */
enum ff_cell_kind ff_cell_read(const char *text, size_t size, double *value);

#endif
