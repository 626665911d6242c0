#include "worker/command_reply.h"
#include "worker/command_request.h"
#include "worker/emitter.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct ff_error err;

static struct ff_bytes line(const char *text)
{
    return (struct ff_bytes){(const uint8_t *)text, strlen(text)};
}

static struct ff_reply *parsed(const char *text)
{
    struct ff_reply *reply = NULL;
    cr_assert_eq(ff_reply_parse(line(text), 7, &reply, &err), FF_OK, "%s", err.text);
    return reply;
}

static void assert_refused(const char *text, const char *why)
{
    struct ff_reply *reply = NULL;
    err = (struct ff_error){0};
    cr_assert_eq(ff_reply_parse(line(text), 7, &reply, &err), FF_INVALID_ARGUMENT);
    cr_assert(strstr(err.text, why), "%s", err.text);
}

/* ---- answers ---- */

Test(command, an_answer_is_an_object_with_the_id_that_was_asked)
{
    ff_reply_free(parsed("{\"id\": 7}"));
    assert_refused("", "expected a JSON object");
    assert_refused("epoch 1\x01", "found 'epoch 1?'");
    assert_refused("[7]", "found a list");
    assert_refused("{}", "expected \"id\": 7, found nothing");
    assert_refused("{\"id\": 8}", "expected \"id\": 7, found 8");
    assert_refused("{\"id\": 7.0}", "found a number");
    assert_refused("{\"id\": 7} {}", "expected a JSON object");
    assert_refused("{\"id\": 7, \"a\": NaN}", "expected a JSON object");
    assert_refused("{\"id\": 7, \"id\": 7}", "duplicate");
    assert_refused("{\"id\": 7, \"a\": \"\xff\"}", "expected a JSON object");
    assert_refused("{\"id\": 7, \"a\": 1e999}", "expected a JSON object");
}

Test(command, an_answer_to_what_was_answered_already_is_late)
{
    cr_assert(ff_reply_is_late(line("{\"id\": 6}"), 5, 7) && ff_reply_is_late(line("{\"id\": 5}"), 5, 7));
    cr_assert_not(ff_reply_is_late(line("{\"id\": 7}"), 5, 7), "the answer itself");
    cr_assert_not(ff_reply_is_late(line("{\"id\": 8}"), 5, 7));
    cr_assert_not(ff_reply_is_late(line("{\"id\": 4}"), 5, 7), "another program was asked that");
    cr_assert_not(ff_reply_is_late(line("{}"), 5, 7));
    cr_assert_not(ff_reply_is_late(line("late"), 5, 7));
    cr_assert_not(ff_reply_is_late((struct ff_bytes){0}, 5, 7));
}

Test(command, ready_names_the_protocol_and_what_can_be_done)
{
    unsigned can;
    cr_assert_eq(ff_reply_ready(line("{\"type\":\"ready\",\"protocol\":1}"), &can, &err), FF_OK);
    cr_assert_eq(can, FF_COMMAND_ALL);
    cr_assert_eq(
        ff_reply_ready(line("{\"type\":\"ready\",\"protocol\":1,\"can\":[\"fit\",\"score\",\"dance\"]}"),
                       &can, &err),
        FF_OK);
    cr_assert_eq(can, FF_COMMAND_FIT | FF_COMMAND_SCORE);
    cr_assert_neq(ff_reply_ready(line("{\"type\":\"ready\"}"), &can, &err), FF_OK);
    cr_assert_neq(ff_reply_ready(line("{\"type\":\"ready\",\"protocol\":2}"), &can, &err), FF_OK);
    cr_assert_neq(ff_reply_ready(line("{\"protocol\":1}"), &can, &err), FF_OK);
}

Test(command, an_error_has_a_code_that_a_fit_may_give)
{
    enum ff_code code;
    const char *message;
    struct ff_reply *reply = parsed("{\"id\":7,\"error\":\"CONSTANT\",\"message\":\"flat\"}");
    cr_assert_eq(ff_reply_error(reply, &code, &message, &err), FF_OK);
    cr_assert(code == FF_CODE_CONSTANT && strcmp(message, "flat") == 0);
    ff_reply_free(reply);
    reply = parsed("{\"id\":7,\"error\":\"CRASHED\"}");
    cr_assert_eq(ff_reply_error(reply, &code, &message, &err), FF_INVALID_ARGUMENT);
    ff_reply_free(reply);
    reply = parsed("{\"id\":7,\"error\":null}");
    cr_assert(ff_reply_error(reply, &code, &message, &err) == FF_OK && code == FF_CODE_OK);
    ff_reply_free(reply);
}

Test(command, numbers_are_as_many_as_were_asked_for)
{
    double values[3] = {9, 9, 9};
    struct ff_reply *reply =
        parsed("{\"id\":7,\"expected\":[1,null,2.5],\"lower\":[1,2],\"upper\":[1,2,\"3\"]}");
    cr_assert_eq(ff_reply_numbers(reply, "score", false, values, 3, &err), FF_OK);
    cr_assert_eq(values[0], 9);
    cr_assert_eq(ff_reply_numbers(reply, "expected", true, values, 3, &err), FF_OK);
    cr_assert(values[0] == 1 && isnan(values[1]) && values[2] == 2.5);
    cr_assert_neq(ff_reply_numbers(reply, "lower", true, values, 3, &err), FF_OK);
    cr_assert_str_eq(err.text, "expected 3 numbers as \"lower\", found 2");
    cr_assert_neq(ff_reply_numbers(reply, "upper", true, values, 3, &err), FF_OK);
    cr_assert_neq(ff_reply_numbers(reply, "score", true, values, 3, &err), FF_OK);
    ff_reply_free(reply);
}

/* ---- models ---- */

struct emission {
    const char *text;
    struct ff_emitter emitter;
    struct ff_model_part part;
    enum ff_status status;
};

static void emit(void *arg)
{
    struct emission *emission = arg;
    struct ff_reply *reply = parsed(emission->text);
    ff_emitter_begin(&emission->emitter);
    emission->status = ff_reply_emit(reply, &emission->emitter.fit, &err);
    ff_reply_free(reply);
    emission->part = ff_emitter_end(&emission->emitter, "value", FF_CODE_OK);
}

static struct emission emitted(struct ff_workspace *workspace, const char *text)
{
    struct emission emission = {.text = text};
    ff_emitter_init(&emission.emitter, workspace);
    cr_assert(ff_workspace_run(workspace, emit, &emission));
    return emission;
}

Test(command, a_model_keeps_names_types_and_order)
{
    struct ff_workspace *workspace = ff_workspace_create(0);
    struct emission emission = emitted(
        workspace, "{\"id\":7,\"model\":{\"z\":1.5,\"n\":3,\"ok\":true,\"name\":\"ü\",\"curve\":[1,null],"
                   "\"words\":[\"a\",\"b\"],\"none\":[],\"hole\":null},\"summary\":[\"n\"]}");
    const enum ff_value_type types[] = {FF_VALUE_NUMBER,  FF_VALUE_INTEGER, FF_VALUE_BOOLEAN,
                                        FF_VALUE_TEXT,    FF_VALUE_NUMBERS, FF_VALUE_TEXTS,
                                        FF_VALUE_NUMBERS, FF_VALUE_NUMBER};
    const char *names[] = {"z", "n", "ok", "name", "curve", "words", "none", "hole"};
    cr_assert_eq(emission.status, FF_OK);
    cr_assert_eq(emission.part.param_count, 8);
    for (size_t i = 0; i < 8; i++) {
        cr_assert_str_eq(emission.part.params[i].name, names[i]);
        cr_assert_eq(emission.part.params[i].type, types[i]);
        cr_assert_eq(emission.part.params[i].in_summary, i == 1);
    }
    cr_assert_str_eq(emission.part.params[3].text, "ü");
    cr_assert(isnan(emission.part.params[4].numbers[1]) && isnan(emission.part.params[7].number));
    cr_assert_str_eq(emission.part.params[5].texts[1], "b");
    ff_workspace_destroy(workspace);
}

Test(command, without_a_summary_all_but_lists_are_shown)
{
    struct ff_workspace *workspace = ff_workspace_create(0);
    struct emission emission = emitted(workspace, "{\"id\":7,\"model\":{\"a\":1,\"b\":[1]}}");
    cr_assert(emission.part.params[0].in_summary && !emission.part.params[1].in_summary);
    ff_workspace_destroy(workspace);
}

Test(command, what_a_model_cannot_hold_is_refused)
{
    struct ff_workspace *workspace = ff_workspace_create(0);
    const char *wrong[] = {"{\"id\":7}",
                           "{\"id\":7,\"model\":[]}",
                           "{\"id\":7,\"model\":{\"a\":{}}}",
                           "{\"id\":7,\"model\":{\"a\":[[1]]}}",
                           "{\"id\":7,\"model\":{\"a\":[1,\"b\"]}}",
                           "{\"id\":7,\"model\":{\"\":1}}",
                           "{\"id\":7,\"model\":{},\"summary\":\"a\"}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(emitted(workspace, wrong[i]).status, FF_INVALID_ARGUMENT, "%s", wrong[i]);
    ff_workspace_destroy(workspace);
}

/* ---- requests ---- */

Test(command, requests_are_lines_of_json)
{
    const double values[] = {1.5, NAN, 0.1};
    const char *const names[] = {"count"};
    const struct ff_kind_frame frame = {60000, 1000, 3, 1, values, names};
    const struct ff_param params[] = {{"trees", "100"}};
    const struct ff_request_file files[] = {{"calendar.csv", 11}};
    struct ff_buf out = {0};
    ff_request_init(&out, params, 1, files, 1);
    ff_request_fit(&out, 7, "TX\"1", &frame);
    ff_request_end(&out);
    cr_assert_str_eq(ff_buf_text(&out),
                     "{\"type\":\"init\",\"protocol\":1,\"parameters\":{\"trees\":\"100\"},"
                     "\"shared\":{\"calendar.csv\":\"/dev/fd/11\"}}\n"
                     "{\"type\":\"fit\",\"id\":7,\"target\":\"TX\\\"1\",\"metric\":\"count\",\"t0_ms\":60000,"
                     "\"step_ms\":1000,\"values\":[1.5,null,0.1]}\n"
                     "{\"type\":\"end\"}\n");
    ff_buf_fini(&out);
}
