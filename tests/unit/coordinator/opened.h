/* Rows of a loaded dataset, for tests. */
#ifndef FF_TESTS_OPENED_H
#define FF_TESTS_OPENED_H

#include "coordinator/dataset.h"

#include <criterion/criterion.h>

/* Those of a series, until the same opened is used again. */
static inline struct ff_rows rows_of(const struct ff_dataset *set, size_t series, struct ff_opened *opened)
{
    struct ff_error err = {0};
    const struct ff_series *one = &set->series[series];
    cr_assert_eq(ff_dataset_open(set, &set->batches[one->batch], opened, &err), FF_OK, "%s", err.text);
    cr_assert_eq(opened->rows[one->position].count, one->count);
    return opened->rows[one->position];
}

#endif
