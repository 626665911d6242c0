/* fitfleet capsule: one target as a file. */
#include "coordinator/cli/cli.h"
#include "coordinator/show.h"

#include "common/capsule.h"
#include "common/text.h"

#include <stdio.h>

/* What a person should know of the file before they look for a mistake in the wrong place. */
static int describe(const char *path, struct ff_bytes bytes)
{
    struct ff_arena arena = {0};
    struct ff_capsule capsule;
    struct ff_error err = {0};
    int code = FF_EXIT_DONE;
    if (ff_capsule_decode(bytes, &arena, &capsule, &err)) {
        ff_error_wrap(&err, "%s", path);
        err.status = FF_DATA_LOSS;
        code = ff_fail(&err);
    } else {
        fprintf(stderr, "%s: '%s' of %s, %s step%s, %s; to refit it: fitfleet-worker --replay %s\n", path,
                capsule.task.name, capsule.job, ff_show_count(capsule.task.frame.steps).text,
                ff_plural(capsule.task.frame.steps),
                capsule.rebuilt ? "rows from the data files as they are now" : "rows as they were fitted",
                path);
        if (capsule.files_changed)
            fprintf(stderr,
                    "warning: the data files have changed since the job was submitted: what is refitted "
                    "may not be what was fitted\n");
    }
    ff_arena_fini(&arena);
    return code;
}

int ff_command_capsule(const struct ff_options *options)
{
    struct ff_read_request request = {
        .what = "capsule", .job = options->arguments[0], .target = options->arguments[1]};
    struct ff_session session;
    struct ff_buf out = {0};
    struct ff_error err = {0};
    if (!options->out) {
        fprintf(stderr, "fitfleet capsule: -o FILE is missing: a capsule is not text\n");
        return FF_EXIT_USAGE;
    }
    if (ff_session_open(options, true, &session, &err))
        return ff_fail(&err);
    int code =
        ff_session_read(&session, &request, &out, &err) ? ff_fail(&err) : ff_write_output(options, &out);
    if (code == FF_EXIT_DONE)
        code = describe(options->out, ff_buf_bytes(&out));
    ff_buf_fini(&out);
    ff_session_close(&session);
    return code;
}
