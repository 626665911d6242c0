/* Generations that are made and made active: by a publication, or because somebody went back.
 *
 * Going back as a whole only moves the switch. Going back for some targets makes a generation of its own, in
 * which they have the models of the generation before the active one and all others those of the active one;
 * each entry says where it is from. */
#include "coordinator/store_sqlite.h"

#include "common/text.h"

#include <stdio.h>
#include <string.h>

static enum ff_status set_active(struct ff_store *store, const char *set, uint64_t number,
                                 struct ff_error *err)
{
    sqlite3_stmt *statement =
        ff_store_statement(store, FF_SQL_ACTIVATE, "INSERT OR REPLACE INTO sets(name, active) VALUES(?, ?)");
    if (statement) {
        ff_store_bind_text(statement, 1, set);
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)number);
    }
    return ff_store_run(store, statement, "activate a generation", err);
}

enum ff_status ff_store_add_generation(struct ff_store *store, const struct ff_generation_row *row,
                                       const struct ff_stored_generation *generation, struct ff_error *err)
{
    struct ff_buf blob = {0};
    ff_encode_stored_generation(generation, &blob);
    sqlite3_stmt *statement = ff_store_statement(store, FF_SQL_ADD_GENERATION,
                                                 "INSERT INTO generations(set_name, number, job, created_ms, "
                                                 "model_count, models) VALUES(?, ?, ?, ?, ?, ?)");
    if (statement) {
        ff_store_bind_text(statement, 1, row->set);
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)row->number);
        sqlite3_bind_int64(statement, 3, (sqlite3_int64)row->job);
        sqlite3_bind_int64(statement, 4, row->created_ms);
        sqlite3_bind_int64(statement, 5, (sqlite3_int64)generation->model_count);
        ff_store_bind_blob(statement, 6, &blob);
    }
    enum ff_status status = ff_store_run(store, statement, "write a generation", err);
    ff_buf_fini(&blob);
    return status ? status : set_active(store, row->set, row->number, err);
}

/* ---- some targets only ---- */

struct merge {
    const struct ff_stored_generation *active, *before;
    uint64_t active_number, before_number;
    const char *target; /* a glob */
    struct ff_stored_model *models;
    size_t count;
    size_t matches;
};

static const char *shown_name(const struct ff_stored_model *model)
{
    return *model->target ? model->target : "all";
}

/* One target, as each of the two has it; NULL where it is not there. */
static void merge_one(struct merge *merge, const struct ff_stored_model *active,
                      const struct ff_stored_model *before)
{
    bool matches = ff_glob_match(merge->target, shown_name(active ? active : before));
    const struct ff_stored_model *chosen = matches ? before : active;
    merge->matches += matches;
    if (!chosen)
        return;
    struct ff_stored_model *copy = &merge->models[merge->count++];
    *copy = *chosen;
    if (!copy->from)
        copy->from = matches ? merge->before_number : merge->active_number;
}

/* Both lists are in order of target names. */
static void merge_all(struct merge *merge)
{
    const struct ff_stored_generation *active = merge->active, *before = merge->before;
    size_t a = 0, b = 0;
    while (a < active->model_count || b < before->model_count) {
        int order = a == active->model_count   ? 1
                    : b == before->model_count ? -1
                                               : strcmp(active->models[a].target, before->models[b].target);
        merge_one(merge, order <= 0 ? &active->models[a] : NULL, order >= 0 ? &before->models[b] : NULL);
        a += order <= 0;
        b += order >= 0;
    }
}

static enum ff_status no_such_target(const struct merge *merge, const char *set, struct ff_error *err)
{
    const struct ff_stored_generation *active = merge->active;
    char names[200] = "";
    size_t length = 0;
    for (size_t i = 0; i < active->model_count && i < 3 && length < sizeof names; i++)
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%.60s", i ? ", " : "",
                                   shown_name(&active->models[i]));
    return ff_error_set(err, FF_NOT_FOUND,
                        "no target of set '%s' matches '%s': its %zu are called %s%s"
                        " (fitfleet models export %s lists them)",
                        set, merge->target, active->model_count, names, active->model_count > 3 ? ", …" : "",
                        set);
}

static enum ff_status take_back(struct ff_store *store, const struct ff_activate_request *in,
                                struct ff_generation_row *row, struct merge *merge, struct ff_arena *arena,
                                struct ff_error *err)
{
    struct ff_stored_generation active, before;
    enum ff_status status = ff_store_generation(store, in->set, merge->active_number, arena, &active, err);
    if (!status)
        status = ff_store_generation(store, in->set, merge->before_number, arena, &before, err);
    if (status)
        return status;
    merge->active = &active;
    merge->before = &before;
    merge->models =
        ff_arena_alloc(arena, (active.model_count + before.model_count + 1) * sizeof(struct ff_stored_model));
    merge_all(merge);
    if (!merge->matches)
        return no_such_target(merge, in->set, err);
    row->models = merge->count;
    return ff_store_add_generation(store, row, &(struct ff_stored_generation){merge->models, merge->count},
                                   err);
}

/* ---- the switch ---- */

/* The row of a number, or, for 0, the one before the active one; NULL. */
static const struct ff_generation_row *choose(const struct ff_generation_row *rows, size_t count,
                                              uint64_t number, uint64_t active)
{
    const struct ff_generation_row *chosen = NULL;
    for (size_t i = 0; i < count; i++)
        if (number ? rows[i].number == number : rows[i].number < active)
            chosen = &rows[i];
    return chosen;
}

static enum ff_status switch_to(struct ff_store *store, const struct ff_activate_request *in,
                                const struct ff_generation_row *rows, size_t count, int64_t now_ms,
                                struct ff_activate_reply *out, struct ff_arena *arena, struct ff_error *err)
{
    uint64_t active = 0;
    for (size_t i = 0; i < count; i++)
        active = rows[i].active ? rows[i].number : active;
    const struct ff_generation_row *chosen = choose(rows, count, in->number, active);
    if (!chosen)
        return ff_store_no_generation(store, in->set, in->number, err);
    struct ff_generation_row row = *chosen;
    enum ff_status status;
    if (in->number || !*in->target) {
        status = set_active(store, in->set, row.number, err);
    } else {
        struct merge merge = {.active_number = active, .before_number = row.number, .target = in->target};
        row = (struct ff_generation_row){
            .set = in->set, .number = rows[count - 1].number + 1, .created_ms = now_ms};
        status = take_back(store, in, &row, &merge, arena, err);
    }
    if (!status)
        *out = (struct ff_activate_reply){row.number, active, row.models};
    return status;
}

enum ff_status ff_store_activate(struct ff_store *store, const struct ff_activate_request *in, int64_t now_ms,
                                 struct ff_activate_reply *out, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_generation_row *rows = NULL;
    size_t count = 0;
    enum ff_status status = ff_store_generations(store, in->set, &arena, &rows, &count, err);
    if (!status)
        status = switch_to(store, in, rows, count, now_ms, out, &arena, err);
    ff_arena_fini(&arena);
    return status;
}
