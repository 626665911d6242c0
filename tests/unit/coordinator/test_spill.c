#include "coordinator/spill.h"
#include "files.h"

#include <dirent.h>

TestSuite(spill, .init = make_folder, .fini = remove_folder);

static size_t files_in_folder(void)
{
    size_t count = 0;
    DIR *dir = opendir(test_folder);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

Test(spill, what_was_written_is_read_back_and_no_file_is_seen)
{
    struct ff_spill *spill;
    struct ff_error err = {0};
    char text[6] = "";
    cr_assert_eq(ff_spill_create(test_folder, &spill, &err), FF_OK, "%s", err.text);
    uint64_t first = ff_spill_reserve(spill, 5), second = ff_spill_reserve(spill, 5);
    cr_assert(first + 5 <= second);
    cr_assert_eq(ff_spill_write(spill, second, "world", 5, NULL, &err), FF_OK);
    cr_assert_eq(ff_spill_write(spill, first, "hello", 5, NULL, &err), FF_OK);
    cr_assert_eq(ff_spill_read(spill, second, text, 5, &err), FF_OK);
    cr_assert_str_eq(text, "world");
    cr_assert_eq(files_in_folder(), 0);
    ff_spill_destroy(spill);
}

Test(spill, bytes_that_are_not_there_are_a_loss)
{
    struct ff_spill *spill;
    struct ff_error err = {0};
    char text[6];
    cr_assert_eq(ff_spill_create(test_folder, &spill, &err), FF_OK);
    cr_assert_eq(ff_spill_read(spill, 100, text, 5, &err), FF_DATA_LOSS);
    cr_assert(strstr(err.text, "the file is shorter than it was"), "%s", err.text);
    ff_spill_destroy(spill);
}

Test(spill, a_folder_that_is_not_there_is_named)
{
    struct ff_spill *spill;
    struct ff_error err = {0};
    cr_assert_eq(ff_spill_create("/nowhere", &spill, &err), FF_RESOURCE_EXHAUSTED);
    cr_assert(strstr(err.text, "/nowhere: "), "%s", err.text);
}

Test(spill, what_a_crash_left_is_removed_and_nothing_else)
{
    write_text("spill-a1b2c3", "");
    write_text("fitfleet.db", "");
    ff_spill_clean(test_folder);
    cr_assert_eq(files_in_folder(), 1);
}
