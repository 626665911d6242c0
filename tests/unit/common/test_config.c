#include "common/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ff_config *config;

static void drop(void)
{
    ff_config_destroy(config);
    config = NULL;
}

TestSuite(config, .fini = drop);

static const struct ff_config_node *parse(const char *text)
{
    struct ff_error err = {0};
    cr_assert_eq(ff_config_parse(text, strlen(text), "job.yaml", &config, &err), FF_OK, "%s", err.text);
    return ff_config_root(config);
}

static void assert_refused(const char *text, const char *message)
{
    struct ff_error err = {0};
    cr_assert_eq(ff_config_parse(text, strlen(text), "job.yaml", &config, &err), FF_INVALID_ARGUMENT, "%s",
                 text);
    cr_assert_str_eq(err.text, message);
}

Test(config, a_node_knows_its_place_path_and_kind)
{
    const struct ff_config_node *root = parse("name: x\ndata:\n  files: [\"a\", b]\n  skip:\n");
    cr_assert_eq(root->kind, FF_CONFIG_MAP);
    const struct ff_config_node *files = ff_config_child(ff_config_child(root, "data"), "files");
    cr_assert_eq(files->kind, FF_CONFIG_LIST);
    cr_assert_str_eq(files->path, "data.files");
    cr_assert_eq(files->key_line, 3);
    cr_assert_eq(files->key_column, 3);
    cr_assert_eq(files->column, 10);
    cr_assert_eq(files->count, 2);
    cr_assert_not(files->items[0]->plain);
    cr_assert(files->items[1]->plain);
    cr_assert_str_eq(files->items[1]->path, "data.files[1]");
    cr_assert_eq(ff_config_child(files->parent, "skip")->kind, FF_CONFIG_NULL);
}

Test(config, an_empty_document_is_null)
{
    cr_assert_eq(parse("# nothing\n")->kind, FF_CONFIG_NULL);
}

Test(config, only_plain_null_is_null)
{
    const struct ff_config_node *root = parse("[null, ~, \"null\", nil]");
    cr_assert_eq(root->items[0]->kind, FF_CONFIG_NULL);
    cr_assert_eq(root->items[1]->kind, FF_CONFIG_NULL);
    cr_assert_eq(root->items[2]->kind, FF_CONFIG_SCALAR);
    cr_assert_eq(root->items[3]->kind, FF_CONFIG_SCALAR);
}

Test(config, a_tab_is_refused_with_its_place)
{
    assert_refused("data:\n\tfiles: []\n",
                   "job.yaml:2:1: while scanning for the next token: found character that "
                   "cannot start any token (a tab; indent with spaces)");
}

Test(config, a_duplicate_key_is_refused)
{
    assert_refused("a: 1\nb: 2\na: 3\n", "job.yaml:3:1: duplicate key 'a'");
}

Test(config, a_second_document_is_refused)
{
    assert_refused("a: 1\n---\nb: 2\n", "job.yaml:2:1: a second document begins here");
}

Test(config, anchors_aliases_and_tags_are_refused)
{
    struct ff_error err = {0};
    const char *texts[] = {"a: &x 1\n", "a: *x\n", "a: !!str 1\n", "a: &x [1]\n", "a: &x {b: 1}\n"};
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(ff_config_parse(texts[i], strlen(texts[i]), "f", &config, &err), FF_INVALID_ARGUMENT);
        cr_assert(strstr(err.text, "f:1:4: anchors, aliases and tags"), "%s", err.text);
    }
}

Test(config, deep_nesting_is_refused)
{
    char text[201];
    memset(text, '[', 200);
    text[200] = '\0';
    assert_refused(text, "job.yaml:1:33: nested deeper than 32");
}

Test(config, a_large_document_is_refused)
{
    size_t size = (1 << 20) + 1;
    char *text = malloc(size);
    memset(text, '#', size);
    struct ff_error err = {0};
    cr_assert_eq(ff_config_parse(text, size, "f", &config, &err), FF_INVALID_ARGUMENT);
    cr_assert_str_eq(err.text, "f: larger than 1048576 bytes");
    free(text);
}

Test(config, bytes_that_are_not_utf8_are_refused_with_their_place)
{
    struct ff_error err = {0};
    cr_assert_eq(ff_config_parse("a: 1\nb: \xff\xfe", 10, "f", &config, &err), FF_INVALID_ARGUMENT);
    cr_assert(strstr(err.text, "f:2:4: "), "%s", err.text);
}

Test(config, a_nul_byte_is_refused)
{
    struct ff_error err = {0};
    cr_assert_eq(ff_config_parse("a: \"x\\0y\"", 9, "f", &config, &err), FF_INVALID_ARGUMENT);
    cr_assert_str_eq(err.text, "f:1:4: a text with a NUL byte");
}

Test(config, an_unknown_key_is_refused_at_the_key_with_a_suggestion)
{
    const struct ff_config_node *root = parse("name: x\ndata:\n    taget: y\nzzz: 1\n");
    const char *keys[] = {"files", "target"}, *top[] = {"name", "data"};
    struct ff_error err = {0};
    cr_assert_eq(ff_config_check_map(ff_config_child(root, "data"), keys, 2, &err), FF_INVALID_ARGUMENT);
    cr_assert_str_eq(err.text, "job.yaml:3:5: unknown key 'taget' in data, did you mean 'target'?");
    cr_assert_eq(ff_config_check_map(root, top, 2, &err), FF_INVALID_ARGUMENT);
    cr_assert_str_eq(err.text, "job.yaml:4:1: unknown key 'zzz'");
}

Test(config, typed_values_are_read)
{
    const struct ff_config_node *root =
        parse("{t: x, b: true, c: 7, n: 2.5, d: 5m, s: 1KiB, p: 5%, e: long, l: [a]}");
    const char *text = "", *names[] = {"wide", "long"};
    bool flag = false;
    uint64_t count = 0, size = 0;
    double number = 0, share = 0;
    int64_t ms = 0;
    int choice = 0;
    struct ff_error err = {0};
    cr_assert_eq(ff_config_text(ff_config_child(root, "t"), &text, &err), FF_OK);
    cr_assert_eq(ff_config_bool(ff_config_child(root, "b"), &flag, &err), FF_OK);
    cr_assert_eq(ff_config_count(ff_config_child(root, "c"), 1, 10, &count, &err), FF_OK);
    cr_assert_eq(ff_config_number(ff_config_child(root, "n"), 0, 10, &number, &err), FF_OK);
    cr_assert_eq(ff_config_duration(ff_config_child(root, "d"), &ms, &err), FF_OK);
    cr_assert_eq(ff_config_size(ff_config_child(root, "s"), &size, &err), FF_OK);
    cr_assert_eq(ff_config_percent(ff_config_child(root, "p"), &share, &err), FF_OK);
    cr_assert_eq(ff_config_choice(ff_config_child(root, "e"), names, 2, &choice, &err), FF_OK);
    cr_assert_eq(ff_config_check_texts(ff_config_child(root, "l"), &err), FF_OK);
    cr_assert_str_eq(text, "x");
    cr_assert(flag && count == 7 && number == 2.5 && ms == 300000 && size == 1024 && share == 0.05 &&
              choice == 1);
}

Test(config, a_wrong_type_says_what_was_expected_and_found)
{
    const struct ff_config_node *root = parse("{c: many, n: [1], e: lng, l: x, m: 3, q: \"7\"}");
    const char *names[] = {"wide", "long"}, *text;
    uint64_t count = 5;
    int choice = 0;
    struct ff_error err = {0};
    cr_assert_eq(ff_config_count(ff_config_child(root, "c"), 1, 10, &count, &err), FF_INVALID_ARGUMENT);
    cr_assert_str_eq(err.text, "job.yaml:1:5: c: expected a whole number from 1 to 10, found 'many'");
    cr_assert_eq(ff_config_count(ff_config_child(root, "q"), 1, 10, &count, &err), FF_INVALID_ARGUMENT);
    cr_assert_eq(count, 5);
    cr_assert_eq(ff_config_text(ff_config_child(root, "n"), &text, &err), FF_INVALID_ARGUMENT);
    cr_assert_str_eq(err.text, "job.yaml:1:14: n: expected a text, found a list");
    cr_assert_eq(ff_config_choice(ff_config_child(root, "e"), names, 2, &choice, &err), FF_INVALID_ARGUMENT);
    cr_assert_str_eq(err.text,
                     "job.yaml:1:22: e: expected one of wide, long, found 'lng', did you mean 'long'?");
    cr_assert_eq(ff_config_check_texts(ff_config_child(root, "l"), &err), FF_INVALID_ARGUMENT);
    cr_assert_eq(ff_config_check_map(ff_config_child(root, "m"), names, 2, &err), FF_INVALID_ARGUMENT);
    cr_assert_str_eq(err.text, "job.yaml:1:36: m: expected a map, found '3'");
}

Test(config, what_is_not_given_keeps_the_default)
{
    const struct ff_config_node *root = parse("a: null\n");
    uint64_t count = 5;
    struct ff_error err = {0};
    cr_assert_eq(ff_config_count(ff_config_child(root, "a"), 1, 10, &count, &err), FF_OK);
    cr_assert_eq(ff_config_count(ff_config_child(root, "b"), 1, 10, &count, &err), FF_OK);
    cr_assert_eq(count, 5);
}

Test(config, an_override_replaces_and_creates)
{
    const struct ff_config_node *root = parse("targets: {top: 5}\nmodels: {all: null}\n");
    struct ff_error err = {0};
    cr_assert_eq(ff_config_set(config, "targets.top=7", &err), FF_OK);
    cr_assert_eq(ff_config_set(config, "models.all.kind=pca", &err), FF_OK);
    cr_assert_eq(ff_config_set(config, "data.files=[a, b=c]", &err), FF_OK);
    cr_assert_eq(ff_config_set(config, "name=", &err), FF_OK);
    cr_assert_str_eq(ff_config_child(ff_config_child(root, "targets"), "top")->text, "7");
    cr_assert_str_eq(ff_config_child(ff_config_child(ff_config_child(root, "models"), "all"), "kind")->text,
                     "pca");
    cr_assert_str_eq(ff_config_child(ff_config_child(root, "data"), "files")->items[1]->text, "b=c");
    cr_assert_eq(ff_config_child(root, "name")->kind, FF_CONFIG_NULL);
}

Test(config, a_message_about_an_override_names_it)
{
    const struct ff_config_node *root = parse("data: {}\n");
    const char *keys[] = {"target"};
    struct ff_error err = {0};
    cr_assert_eq(ff_config_set(config, "data.taget=x", &err), FF_OK);
    cr_assert_eq(ff_config_check_map(ff_config_child(root, "data"), keys, 1, &err), FF_INVALID_ARGUMENT);
    cr_assert_str_eq(err.text, "--set data.taget=x: unknown key 'taget' in data, did you mean 'target'?");
}

Test(config, a_bad_override_is_refused)
{
    struct ff_error err = {0};
    const char *bad[] = {"noequals", "=x", "a..b=1", "name.x=1", "a=[", "a=*b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        parse("name: x\n");
        cr_assert_eq(ff_config_set(config, bad[i], &err), FF_INVALID_ARGUMENT, "%s", bad[i]);
        cr_assert_eq(strncmp(err.text, "--set ", 6), 0, "%s", err.text);
        drop();
    }
}
