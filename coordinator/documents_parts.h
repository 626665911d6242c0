/* What the documents have in common: formats, and the pieces of JSON that appear in several of them. */
#ifndef FF_COORDINATOR_DOCUMENTS_PARTS_H
#define FF_COORDINATOR_DOCUMENTS_PARTS_H

#include "common/json.h"
#include "coordinator/documents.h"
#include "coordinator/outcomes.h"

enum ff_format { FF_FORMAT_JSON, FF_FORMAT_CSV, FF_FORMAT_TABLE };

/* INVALID_ARGUMENT for anything but json, csv and table. */
FF_NODISCARD enum ff_status ff_format_parse(const char *text, enum ff_format *out, struct ff_error *err);

/* A key and its value. */
void ff_put_time(struct ff_json *json, const char *key, int64_t wall_ms); /* null for 0 */
void ff_put_generation(struct ff_json *json, const char *set, uint64_t number);
void ff_put_counts(struct ff_json *json, const struct ff_counts *counts);
void ff_put_error(struct ff_json *json, enum ff_code code, const char *errmsg); /* errno, error, errmsg */

/* The members of a target's entry, without the braces. */
void ff_put_entry(struct ff_json *json, const struct ff_target_outcome *target);

/* "2,996 fitted, 3 skipped, 1 failed"; "" if all are zero. In arena. */
const char *ff_counts_words(const struct ff_counts *counts, struct ff_arena *arena);
/* "CRASHED: the executor died …", without the text if there is none. In arena. */
const char *ff_error_words(enum ff_code code, const char *errmsg, struct ff_arena *arena);
/* "nightly-1". In arena. */
const char *ff_job_words(const struct ff_job_record *job, struct ff_arena *arena);
/* How long the job took, < 0 if it is not finished. */
double ff_job_took_ms(const struct ff_job_record *job);

/* Which targets options ask for. */
FF_NODISCARD enum ff_status ff_results_check(const struct ff_results_options *options, struct ff_error *err);
bool ff_results_wants(const struct ff_results_options *options, const struct ff_target_outcome *target);

/* The table of ff_document_results. */
void ff_document_summary(const struct ff_job_record *job, const struct ff_outcomes *outcomes,
                         const struct ff_results_options *options, struct ff_buf *out);

#endif
