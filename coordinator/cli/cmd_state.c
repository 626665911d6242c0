/* Commands that look after a state directory: fsck, backup. A coordinator may be at work in it. */
#include "common/text.h"
#include "coordinator/cli/cli.h"
#include "coordinator/show.h"

#include <stdio.h>
#include <string.h>

/* Whatever is wrong with a state that is there is no mistake in the command. */
static int fail(struct ff_error *err)
{
    if (err->status != FF_NOT_FOUND && err->status != FF_FAILED_PRECONDITION)
        err->status = FF_INTERNAL;
    return ff_fail(err);
}

static void print_finding(void *context, const char *text)
{
    struct ff_buf line = {0};
    (void)context;
    ff_show_clean((struct ff_bytes){(const uint8_t *)text, strlen(text)}, false, &line);
    printf("%s\n", ff_buf_text(&line));
    ff_buf_fini(&line);
}

int ff_command_fsck(const struct ff_options *options)
{
    struct ff_store *store = NULL;
    struct ff_store_check sum;
    struct ff_error err = {0};
    enum ff_status status = ff_store_open_reader(ff_option_state(options), &store, &err);
    if (!status)
        status = ff_store_check(store, print_finding, NULL, &sum, &err);
    ff_store_close(store);
    if (status)
        return fail(&err);
    printf("%s: %s job%s, %s report%s, %s generation%s with %s model%s: ", ff_option_state(options),
           ff_show_count(sum.jobs).text, ff_plural(sum.jobs), ff_show_count(sum.reports).text,
           ff_plural(sum.reports), ff_show_count(sum.generations).text, ff_plural(sum.generations),
           ff_show_count(sum.models).text, ff_plural(sum.models));
    if (sum.findings)
        printf("%s wrong. Go on with a backup, or with another state directory.\n",
               ff_show_count(sum.findings).text);
    else
        printf("nothing wrong\n");
    return sum.findings ? FF_EXIT_INTERNAL : FF_EXIT_DONE;
}

int ff_command_backup(const struct ff_options *options)
{
    struct ff_store *store = NULL;
    struct ff_error err = {0};
    if (!options->out) {
        fprintf(stderr, "fitfleet backup: give --out DIR, the state directory to make\n");
        return FF_EXIT_USAGE;
    }
    enum ff_status status = ff_store_open_reader(ff_option_state(options), &store, &err);
    if (!status)
        status = ff_store_backup(store, options->out, &err);
    ff_store_close(store);
    if (status)
        return fail(&err);
    printf("%s: a copy of %s, to be used with --state\n", options->out, ff_option_state(options));
    return FF_EXIT_DONE;
}
