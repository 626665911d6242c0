/* The few numbers of a model's summary that fit into a cell of a table. */
#ifndef FF_COORDINATOR_SUMMARY_H
#define FF_COORDINATOR_SUMMARY_H

#include "common/buf.h"

/* json: the summary of an outcome (common/model.h). Appends "season 24, scale 0.53, missing 3", by metric
 * where there are several ("cpu: season 24, scale 0.53; mem: NOT_ENOUGH_DATA"). Names, not their meaning, are
 * known here: n, zeros of counts, and what is false are left out. What is no such JSON: nothing more is
 * appended. */
void ff_summary_words(const char *json, struct ff_buf *out);

#endif
