/* fsck: SQLite's own integrity check, then what its rows must say for the rest of the program to be right.
 * Everything is read within one transaction, so a coordinator may be at work. What cannot be read is a
 * finding, and the check goes on behind it. */
#include "common/model.h"
#include "coordinator/outcomes.h"
#include "coordinator/store_sqlite.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check {
    struct ff_store *store;
    ff_store_finding *found;
    void *context;
    struct ff_store_check *sum;
    struct ff_arena *arena;           /* of what is looked at now */
    const struct ff_job_record *job;  /* looked at now */
    struct ff_stored_targets targets; /* its */
    uint8_t *classes;                 /* by target, with all: FF_OPEN while there is no outcome */
};

static FF_PRINTF(2, 3) void finding(struct check *check, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    check->sum->findings++;
    check->found(check->context, text);
}

/* Each row's first column is a finding, with format (of one string) around it. */
static void rows_are_findings(struct check *check, const char *sql, const char *what)
{
    sqlite3_stmt *query = NULL;
    int code = sqlite3_prepare_v2(check->store->db, sql, -1, &query, NULL);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(query);
        const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(query, 0) : NULL;
        if (text && strcmp(text, "ok") != 0)
            finding(check, "%s: %s", what, text);
    }
    if (code != SQLITE_DONE)
        finding(check, "%s: %s", what, sqlite3_errmsg(check->store->db));
    sqlite3_finalize(query);
}

static void check_rows(struct check *check)
{
    static const char *const queries[][2] = {
        {"PRAGMA integrity_check(20)", "database"},
        {"SELECT 'not there' WHERE NOT EXISTS (SELECT 1 FROM meta WHERE key = 'epoch' AND value > 0)",
         "epoch"},
        {"SELECT name || '-' || number FROM jobs WHERE state NOT BETWEEN 0 AND 6", "job of no known state"},
        {"SELECT j.name || '-' || j.number FROM jobs j WHERE j.generation >"
         " (SELECT coalesce(max(number), 0) FROM generations g WHERE g.set_name = j.set_name)",
         "job that published a generation that never was"},
        {"SELECT job FROM targets WHERE job NOT IN (SELECT id FROM jobs)",
         "targets of a job that is not there"},
        {"SELECT id FROM reports WHERE job NOT IN (SELECT id FROM jobs)",
         "report of a job that is not there"},
        {"SELECT name FROM sets s WHERE NOT EXISTS (SELECT 1 FROM generations g WHERE g.set_name = s.name AND"
         " g.number = s.active)",
         "set whose active generation is not there"},
        {"SELECT DISTINCT set_name FROM generations WHERE set_name NOT IN (SELECT name FROM sets)",
         "set without an active generation"},
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        rows_are_findings(check, queries[i][0], queries[i][1]);
}

/* ---- jobs and their reports ---- */

static const char *name_of(const struct check *check)
{
    return ff_arena_printf(check->arena, "job %s-%llu", check->job->name,
                           (unsigned long long)check->job->number);
}

static void check_outcome(struct check *check, uint64_t row, const struct ff_outcome *outcome)
{
    struct ff_arena arena = {0};
    struct ff_model model;
    struct ff_error why = {0};
    if (outcome->target > check->targets.target_count ||
        (outcome->target == check->targets.target_count && !check->targets.has_all)) {
        finding(check, "%s, report %llu: an outcome of target %u, of %zu", name_of(check),
                (unsigned long long)row, outcome->target, check->targets.target_count);
        return;
    }
    if (check->classes[outcome->target] != FF_OPEN)
        finding(check, "%s, report %llu: a second outcome of target %u", name_of(check),
                (unsigned long long)row, outcome->target);
    check->classes[outcome->target] = (uint8_t)outcome->class;
    if (outcome->taken.report && outcome->taken.report >= row)
        finding(check, "%s, report %llu: the model of target %u is said to be in a later one", name_of(check),
                (unsigned long long)row, outcome->target);
    if (outcome->model.size && ff_model_decode(outcome->model, &arena, &model, &why))
        finding(check, "%s, report %llu: the model of target %u is damaged: %s", name_of(check),
                (unsigned long long)row, outcome->target, why.text);
    ff_arena_fini(&arena);
}

static void check_report(struct check *check, uint64_t row)
{
    struct ff_arena arena = {0};
    struct ff_stored_report report;
    struct ff_error why = {0};
    check->sum->reports++;
    if (ff_store_report(check->store, row, FF_REPORT_MODELS | FF_REPORT_LOGS, &arena, &report, &why))
        finding(check, "%s: %s", name_of(check), why.text);
    else
        for (size_t i = 0; i < report.outcome_count; i++)
            check_outcome(check, row, &report.outcomes[i]);
    ff_arena_fini(&arena);
}

static void check_reports(struct check *check)
{
    sqlite3_stmt *query = NULL;
    int code = sqlite3_prepare_v2(check->store->db, "SELECT id FROM reports WHERE job = ? ORDER BY id", -1,
                                  &query, NULL);
    if (code == SQLITE_OK)
        sqlite3_bind_int64(query, 1, (sqlite3_int64)check->job->id);
    while (query && (code = sqlite3_step(query)) == SQLITE_ROW)
        check_report(check, (uint64_t)sqlite3_column_int64(query, 0));
    if (code != SQLITE_DONE)
        finding(check, "%s: its reports: %s", name_of(check), sqlite3_errmsg(check->store->db));
    sqlite3_finalize(query);
}

/* What a finished job says of its targets is what their outcomes say. */
static void check_counts(struct check *check)
{
    const struct ff_counts *counts = &check->job->counts;
    uint64_t of_class[FF_CLASS_COUNT] = {0}, sum = 0;
    for (size_t i = 0; i < check->targets.target_count; i++)
        of_class[check->classes[i]]++;
    for (int class = FF_OPEN + 1; class < FF_CLASS_COUNT; class ++) {
        sum += counts->of_class[class];
        if (check->job->state == FF_JOB_DONE && counts->of_class[class] != of_class[class])
            finding(check, "%s: counts %llu targets as %s, but %llu outcomes say so", name_of(check),
                    (unsigned long long)counts->of_class[class], ff_class_name((enum ff_class) class),
                    (unsigned long long)of_class[class]);
    }
    if (sum != counts->requested)
        finding(check, "%s: its counts add up to %llu of %llu targets", name_of(check),
                (unsigned long long)sum, (unsigned long long)counts->requested);
}

static void check_job(struct check *check, const struct ff_job_record *job)
{
    struct ff_arena arena = {0};
    struct ff_error why = {0};
    check->job = job;
    check->arena = &arena;
    check->targets = (struct ff_stored_targets){0};
    check->sum->jobs++;
    if (ff_store_targets(check->store, job->id, &arena, &check->targets, &why))
        finding(check, "%s: %s", name_of(check), why.text);
    check->classes = ff_xcalloc(check->targets.target_count + 1, 1);
    for (size_t i = 1; i < check->targets.target_count; i++)
        if (strcmp(check->targets.targets[i - 1].name, check->targets.targets[i].name) >= 0)
            finding(check, "%s: its targets are not in order at '%s'", name_of(check),
                    check->targets.targets[i].name);
    check_reports(check);
    if (ff_job_state_is_final(job->state))
        check_counts(check);
    free(check->classes);
    ff_arena_fini(&arena);
}

/* ---- generations ---- */

/* The job of a report and that job's targets; false, with a finding, if they are not there. */
static bool find_targets(struct check *check, uint64_t row, uint64_t *job, struct ff_arena *arena,
                         struct ff_stored_targets *targets, struct ff_error *why)
{
    sqlite3_stmt *query = NULL;
    *job = 0;
    if (sqlite3_prepare_v2(check->store->db, "SELECT job FROM reports WHERE id = ?", -1, &query, NULL) ==
            SQLITE_OK &&
        sqlite3_bind_int64(query, 1, (sqlite3_int64)row) == SQLITE_OK && sqlite3_step(query) == SQLITE_ROW)
        *job = (uint64_t)sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    return *job && ff_store_targets(check->store, *job, arena, targets, why) == FF_OK;
}

/* Whether the report holds the model that an entry names. */
static const char *wrong_entry(const struct ff_stored_model *model, const struct ff_stored_report *report,
                               const struct ff_stored_targets *targets)
{
    if (model->index >= report->outcome_count)
        return "has no such outcome";
    const struct ff_outcome *outcome = &report->outcomes[model->index];
    if (outcome->target > targets->target_count ||
        strcmp(outcome->target == targets->target_count ? "" : targets->targets[outcome->target].name,
               model->target) != 0)
        return "has another target there";
    return outcome->model.size == 0 || !ff_outcome_has_model(outcome) ? "has no model there" : NULL;
}

static int by_report(const void *left, const void *right)
{
    const struct ff_stored_model *a = left, *b = right;
    return (a->report > b->report) - (a->report < b->report);
}

/* The entries of one report, from the first on; returns their number. */
static size_t check_entries(struct check *check, const struct ff_generation_row *row,
                            const struct ff_stored_model *models, size_t count)
{
    struct ff_arena arena = {0};
    struct ff_stored_report report = {0};
    struct ff_stored_targets targets = {0};
    struct ff_error why = {.text = "it is not there"};
    uint64_t job;
    size_t of_report = 0;
    bool readable =
        find_targets(check, models->report, &job, &arena, &targets, &why) &&
        ff_store_report(check->store, models->report, FF_REPORT_MODELS, &arena, &report, &why) == FF_OK;
    for (; of_report < count && models[of_report].report == models->report; of_report++) {
        const struct ff_stored_model *model = &models[of_report];
        const char *wrong = readable ? wrong_entry(model, &report, &targets) : why.text;
        check->sum->models++;
        if (wrong)
            finding(check, "set %s, generation %llu: the model of '%s': report %llu: %s", row->set,
                    (unsigned long long)row->number, *model->target ? model->target : "all",
                    (unsigned long long)model->report, wrong);
    }
    ff_arena_fini(&arena);
    return of_report;
}

static void check_generation(struct check *check, const struct ff_generation_row *row)
{
    struct ff_arena arena = {0};
    struct ff_stored_generation generation = {0};
    struct ff_error why = {0};
    check->sum->generations++;
    if (ff_store_generation(check->store, row->set, row->number, &arena, &generation, &why))
        finding(check, "set %s, generation %llu: %s", row->set, (unsigned long long)row->number, why.text);
    else if (generation.model_count != row->models)
        finding(check, "set %s, generation %llu: %zu models, said to be %llu", row->set,
                (unsigned long long)row->number, generation.model_count, (unsigned long long)row->models);
    size_t count = generation.model_count;
    for (size_t i = 1; i < count; i++)
        if (strcmp(generation.models[i - 1].target, generation.models[i].target) >= 0)
            finding(check, "set %s, generation %llu: not in order at '%s'", row->set,
                    (unsigned long long)row->number, generation.models[i].target);
    struct ff_stored_model *models = ff_arena_alloc(&arena, (count + 1) * sizeof *models);
    if (count)
        memcpy(models, generation.models, count * sizeof *models);
    qsort(models, count, sizeof *models, by_report);
    for (size_t i = 0; i < count; i += check_entries(check, row, models + i, count - i))
        ;
    ff_arena_fini(&arena);
}

static void check_capsule(void *context, uint64_t job, uint32_t target, struct ff_bytes bytes)
{
    struct check *check = context;
    struct ff_arena arena = {0};
    struct ff_capsule capsule;
    struct ff_error why = {0};
    if (ff_capsule_decode(bytes, &arena, &capsule, &why))
        finding(check, "capsule of target %u of job row %llu: %s", target, (unsigned long long)job, why.text);
    else if (capsule.task.target != target)
        finding(check, "capsule of target %u of job row %llu: it is of target %u", target,
                (unsigned long long)job, capsule.task.target);
    ff_arena_fini(&arena);
}

enum ff_status ff_store_check(struct ff_store *store, ff_store_finding *found, void *context,
                              struct ff_store_check *out, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct check check = {.store = store, .found = found, .context = context, .sum = out};
    struct ff_job_record *jobs;
    struct ff_generation_row *rows;
    size_t job_count = 0, row_count = 0;
    struct ff_error why = {0};
    *out = (struct ff_store_check){0};
    enum ff_status status = ff_store_exec(store, "BEGIN", "begin to read", err);
    if (status && status != FF_DATA_LOSS)
        return status;
    uint64_t lost = ff_store_lost_commits(store);
    if (lost)
        finding(&check, "%s-wal: damaged: at least %llu transactions that were committed cannot be read",
                store->path, (unsigned long long)lost);
    check_rows(&check);
    if (ff_store_jobs(store, &arena, &jobs, &job_count, &why))
        finding(&check, "%s", why.text);
    for (size_t i = 0; i < job_count; i++)
        check_job(&check, &jobs[i]);
    if (ff_store_generations(store, "", &arena, &rows, &row_count, &why))
        finding(&check, "%s", why.text);
    for (size_t i = 0; i < row_count; i++)
        check_generation(&check, &rows[i]);
    if (ff_store_capsules(store, check_capsule, &check, &why))
        finding(&check, "%s", why.text);
    ff_store_rollback(store);
    ff_arena_fini(&arena);
    return FF_OK;
}
