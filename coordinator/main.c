/* fitfleet: one program for jobs. Each command is a row of the table. */
#include "coordinator/cli/cli.h"

#include "common/log.h"
#include "common/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REMOTE " coordinator tls token-file"
#define SHOW "state format out" REMOTE

static const struct ff_command commands[] = {
    {"train", ff_command_train, "slots workers affinity state set out format no-reuse", 1, 1,
     "JOB.yaml [options]",
     "Trains a job on this machine: everything in this one command. Interrupted, the same command goes on."},
    {"plan", ff_command_plan, "state set no-reuse format out", 1, 1, "JOB.yaml [options]",
     "A dry run: targets found and skipped and why, chunks, predicted time, memory and bytes."},
    {"coordinator", ff_command_coordinator,
     "config listen state data-root keep-jobs keep-age tls token-file insecure", 0, 0, "[options]",
     "Runs a coordinator: takes jobs, deals them to workers, keeps results and models."},
    {"submit", ff_command_submit, "set wait id no-reuse" REMOTE, 1, 1, "JOB.yaml [options]",
     "Hands a job to a coordinator and prints its id."},
    {"jobs", ff_command_jobs, SHOW, 0, 0, "[options]", "Lists jobs, the newest first."},
    {"status", ff_command_status, SHOW, 0, 1, "[JOB] [options]",
     "Where a job is: stage, percent, counts, time left."},
    {"watch", ff_command_watch, REMOTE, 0, 1, "[JOB] [options]",
     "Follows a job to its end; the exit code is the job's. Stopping the watch stops nothing else."},
    {"cancel", ff_command_cancel, REMOTE, 1, 1, "JOB [options]",
     "Ends a job; it publishes nothing, unless its output.publish is partial."},
    {"retry", ff_command_retry, "only state slots workers affinity" REMOTE, 0, 1, "[JOB] [options]",
     "A new job that tries the failed and quarantined targets of an old one again and keeps its other "
     "outcomes."},
    {"results", ff_command_results, "class target follow all " SHOW, 0, 1, "[JOB] [options]",
     "What became of each target."},
    {"logs", ff_command_logs, SHOW, 0, 2, "[JOB] [TARGET] [options]",
     "The job's settings, start and end; then what its fits printed, by target."},
    {"explain", ff_command_explain, SHOW, 0, 2, "[JOB] [TARGET] [options]",
     "Why a job or a target is where it is."},
    {"capsule", ff_command_capsule, "state out" REMOTE, 2, 2, "JOB TARGET -o FILE [options]",
     "Packs one target with its rows into a file that fitfleet-worker --replay fits again, anywhere."},
    {"workers", ff_command_workers, "format out" REMOTE, 0, 0, "[options]",
     "The workers and their executors."},
    {"models", ff_command_models, "target all " SHOW, 0, 4,
     "[SET] | diff SET A B | activate SET N | rollback SET | export SET [options]",
     "Lists sets and generations; diff compares two of them; activate makes another generation the active "
     "one, rollback the one before "
     "it (--target: for some targets only); export writes the active models with every parameter as JSON "
     "lines."},
    {"score", ff_command_score,
     "target online set all-out causes-out causes-at state out slots workers affinity" REMOTE, 2,
     FF_ANY_ARGUMENTS, "SET DATA... [options] | JOB.yaml DATA... --online",
     "Judges data by a set's models: a line for each row and metric, with what was expected, the band, the "
     "score, and whether it is an anomaly (score > 1). A coordinator's workers do it, or with --state or "
     "--slots this machine."},
    {"evaluate", ff_command_evaluate, "labels metric threshold buffer format out", 1, 1,
     "SCORES --labels FILE [options]",
     "How good scores are by labels: precision, recall and F1 by row and event, delay, false alarms, NAB's "
     "three profiles, VUS."},
    {"forecast", ff_command_forecast, "target horizon coverage state out slots workers affinity" REMOTE, 1, 1,
     "SET [options]", "What a set's models expect behind the rows that they were fitted on, with a band."},
    {"backtest", ff_command_backtest,
     "folds horizon season coverage set all format out slots workers affinity" REMOTE, 1, 1,
     "JOB.yaml [options]",
     "How well a job's models forecast the end of their own rows: fitted once for each fold on what is "
     "before "
     "it, measured beside Naive2. Nothing is kept."},
    {"fsck", ff_command_fsck, "state", 0, 0, "[--state DIR]",
     "Looks for damage in a state directory and changes nothing; exit code 1 if there is any."},
    {"backup", ff_command_backup, "state out", 0, 0, "--out DIR [--state DIR]",
     "Copies a state, also while a coordinator is at work, to a state directory of its own. The same backup "
     "can be written again."},
    {"bench", ff_command_bench, "targets rows cpu-ms slots workers affinity straggler format out", 0, 0,
     "[options]", "Synthetic targets through the whole path; --slots 1,2,3,4 prints a table."},
    {"ping", ff_command_ping, REMOTE, 0, 0, "[options]", "Whether a coordinator answers, and its workers."},
    {"version", ff_command_version, "", 0, 0, "", "Prints the version."},
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void help(FILE *out)
{
    fprintf(
        out,
        "fitfleet trains one model per monitoring target, on as many processes and hosts as you give it.\n\n"
        "usage: fitfleet COMMAND [options]\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
    fprintf(out, "\nfitfleet COMMAND --help lists a command's options.\n");
}

static int unknown(const char *word)
{
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i].name;
    const char *near = ff_suggest(word, names, COMMAND_COUNT);
    fprintf(stderr,
            near ? "fitfleet: unknown command '%s', did you mean '%s'?\n"
                 : "fitfleet: unknown command '%s' (fitfleet --help lists them)\n",
            word, near);
    return FF_EXIT_USAGE;
}

static int run(const struct ff_command *command, int argc, char **argv)
{
    struct ff_options options;
    int code = ff_options_parse(command, argc, argv, &options);
    if (code == FF_EXIT_DONE && options.help) {
        ff_command_help(command);
    } else if (code == FF_EXIT_DONE) {
        ff_log_init(options.verbose ? FF_LOG_INFO : FF_LOG_WARNING, "fitfleet");
        code = command->run(&options);
    }
    free(options.sets);
    free(options.arguments);
    return code;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        help(stdout);
        return FF_EXIT_DONE;
    }
    if (strcmp(word, "--version") == 0)
        return ff_command_version(NULL);
    if (!*word) {
        help(stderr);
        return FF_EXIT_USAGE;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, word) == 0)
            return run(&commands[i], argc - 2, argv + 2);
    return unknown(word);
}
