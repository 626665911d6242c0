#include "worker/command_process.h"

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

static struct ff_error err;

static struct ff_program *started(const char *script)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    const struct ff_program_options options = {argv, "/", NULL, 0};
    struct ff_program *program = NULL;
    cr_assert_eq(ff_program_start(&options, &program, &err), FF_OK, "%s", err.text);
    return program;
}

static enum ff_status ask(struct ff_program *program, struct ff_bytes *answer)
{
    static const char line[] = "ask\n";
    const struct ff_program_limits limits = {1000, 0};
    return ff_program_ask(program, (struct ff_bytes){(const uint8_t *)line, 4}, &limits, answer, &err);
}

static void assert_answer(struct ff_bytes answer, const char *text)
{
    cr_assert_eq(answer.size, strlen(text));
    cr_assert_eq(memcmp(answer.data, text, answer.size), 0);
}

/* What it comes to be, within 10 s. */
static enum ff_status idle_status(struct ff_program *program)
{
    enum ff_status status = FF_OK;
    for (int i = 0; i < 1000 && status == FF_OK; i++) {
        nanosleep(&(struct timespec){0, 10000000}, NULL);
        status = ff_program_check_idle(program, &err);
    }
    return status;
}

Test(command_process, a_program_that_answers_is_idle)
{
    struct ff_bytes answer;
    struct ff_program *program = started("while read line; do echo \"to $line\"; done");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(ff_program_check_idle(program, &err), FF_OK);
        cr_assert_eq(ask(program, &answer), FF_OK, "%s", err.text);
        assert_answer(answer, "to ask");
    }
    ff_program_kill(program);
}

Test(command_process, what_it_writes_later_is_no_answer)
{
    struct ff_bytes answer;
    struct ff_program *program = started("read line; echo one; sleep 0.05; echo two; read line; echo three");
    cr_assert_eq(ask(program, &answer), FF_OK, "%s", err.text);
    cr_assert_eq(idle_status(program), FF_OUT_OF_RANGE);
    cr_assert_str_eq(err.text, "it wrote 4 bytes that nobody asked for after its last answer");
    ff_program_kill(program);
}

Test(command_process, an_end_after_an_answer_is_seen_before_it_is_asked)
{
    struct ff_bytes answer;
    struct ff_program *program = started("read line; echo one; sleep 0.05; exit 4");
    cr_assert_eq(ask(program, &answer), FF_OK, "%s", err.text);
    cr_assert_eq(idle_status(program), FF_FAILED_PRECONDITION);
    cr_assert_str_eq(err.text, "it exited with code 4");
    ff_program_kill(program);
}

Test(command_process, two_lines_at_once_are_refused_and_the_first_is_there)
{
    struct ff_bytes answer;
    struct ff_program *program = started("read line; printf 'one\\ntwo\\n'; read line");
    cr_assert_eq(ask(program, &answer), FF_OUT_OF_RANGE);
    assert_answer(answer, "one");
    ff_program_kill(program);
}
