#include "coordinator/csv.h"
#include "files.h"

#include <zlib.h>
#include <zstd.h>

TestSuite(csv, .init = make_folder, .fini = remove_folder);

/* Reads a whole file as "line:cell|cell\n…"; a bad row as "line!problem"; an error as "error: text". */
static char *read_file(const char *path)
{
    static char out[1 << 16];
    size_t used = 0;
    struct ff_error err = {0};
    struct ff_reader *reader;
    out[0] = '\0';
    if (ff_reader_open(path, &reader, &err) != FF_OK) {
        snprintf(out, sizeof out, "error: %s", err.text);
        return out;
    }
    struct ff_csv *csv = ff_csv_create(reader, "f.csv");
    struct ff_csv_row row;
    bool more = true;
    enum ff_status status;
    while ((status = ff_csv_next(csv, &row, &more, &err)) == FF_OK && more) {
        used +=
            (size_t)snprintf(out + used, sizeof out - used, "%d%s", (int)row.line, row.problem ? "!" : ":");
        if (row.problem)
            used += (size_t)snprintf(out + used, sizeof out - used, "%s", row.problem);
        for (size_t i = 0; i < row.count && !row.problem; i++)
            used += (size_t)snprintf(out + used, sizeof out - used, "%s%.*s", i ? "|" : "",
                                     (int)row.cells[i].size, row.cells[i].text);
        used += (size_t)snprintf(out + used, sizeof out - used, "\n");
    }
    if (status)
        snprintf(out + used, sizeof out - used, "error: %s", err.text);
    ff_csv_destroy(csv);
    ff_reader_close(reader);
    return out;
}

static void assert_rows(const char *text, const char *expected)
{
    cr_assert_str_eq(read_file(write_text("f.csv", text)), expected);
}

Test(csv, rows_end_with_lf_crlf_or_the_file)
{
    assert_rows("a,b\n1,2\r\n3,4", "1:a|b\n2:1|2\n3:3|4\n");
    assert_rows("a,b\r\n", "1:a|b\n");
}

Test(csv, empty_cells_stay_and_empty_lines_go)
{
    assert_rows("a,b\n\n,\r\n\r\n,,\n", "1:a|b\n3:|\n5:||\n");
    assert_rows("\"\"\n", "1:\n");
    assert_rows("", "");
}

Test(csv, quoted_cells_may_hold_commas_quotes_and_newlines)
{
    assert_rows("\"a,1\",\"b\"\"c\"\"\"\n\"x\ny\",2\n3,\"4\"\r\n", "1:a,1|b\"c\"\n2:x\ny|2\n4:3|4\n");
    assert_rows("\"last\"", "1:last\n");
    assert_rows("a\"b,c\n", "1:a\"b|c\n");
}

Test(csv, a_byte_order_mark_is_passed_over)
{
    assert_rows("\xef\xbb\xbftime,v\n", "1:time|v\n");
}

Test(csv, a_carriage_return_within_a_line_is_kept)
{
    assert_rows("a\rb,c\n", "1:a\rb|c\n");
}

Test(csv, suspect_rows_say_why)
{
    assert_rows("\"a\"x,b\nc,d\n", "1!text behind a closing quote\n2:c|d\n");
    cr_assert_str_eq(read_file(write_bytes("f.csv", "a,b\0\nc,d\n", 9)), "1!a NUL byte\n2:c|d\n");
    cr_assert_str_eq(read_file(write_bytes("f.csv", "a,\"b\0\"\n", 7)), "1!a NUL byte\n");
}

Test(csv, a_quote_that_is_never_closed_is_an_error)
{
    assert_rows("a\nb\n\"c\nd\n", "1:a\n2:b\nerror: f.csv:3: a quote that is not closed");
}

Test(csv, a_line_of_10_mb_is_refused_with_its_place)
{
    size_t size = 10000000;
    char *text = malloc(size + 8);
    memcpy(text, "a,b\n1,", 6);
    memset(text + 6, '7', size);
    text[size] = '\n';
    write_bytes("f.csv", text, size + 1);
    cr_assert_str_eq(read_file(path_in_folder("f.csv")),
                     "1:a|b\nerror: f.csv:2: a line longer than 8 MiB (or a quote that is not closed)");
    free(text);
}

Test(csv, rows_over_the_edge_of_the_buffer_are_whole)
{
    FILE *file = fopen(path_in_folder("f.csv"), "w");
    for (int i = 0; i < 400000; i++)
        fprintf(file, "%d,\"q\"\"%d\"\n", i, i);
    fclose(file);
    struct ff_error err = {0};
    struct ff_reader *reader;
    cr_assert_eq(ff_reader_open(path_in_folder("f.csv"), &reader, &err), FF_OK);
    struct ff_csv *csv = ff_csv_create(reader, "f");
    struct ff_csv_row row;
    bool more;
    for (int i = 0; i < 400000; i++) {
        char expected[32];
        int size = snprintf(expected, sizeof expected, "q\"%d", i);
        cr_assert_eq(ff_csv_next(csv, &row, &more, &err), FF_OK);
        cr_assert(more && row.count == 2 && row.line == (uint64_t)i + 1);
        cr_assert(row.cells[1].size == (size_t)size &&
                  memcmp(row.cells[1].text, expected, (size_t)size) == 0);
    }
    cr_assert_eq(ff_csv_next(csv, &row, &more, &err), FF_OK);
    cr_assert_not(more);
    ff_csv_destroy(csv);
    ff_reader_close(reader);
}

static size_t gzip_text(const char *text, unsigned char *out, size_t room)
{
    z_stream z = {0};
    cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)text;
    z.avail_in = (uInt)strlen(text);
    z.next_out = out;
    z.avail_out = (uInt)room;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

Test(csv, gzip_members_follow_one_another)
{
    unsigned char packed[512];
    size_t first = gzip_text("a,b\n1,", packed, 256);
    size_t second = gzip_text("2\n", packed + first, 256);
    cr_assert_str_eq(read_file(write_bytes("f.csv.gz", packed, first + second)), "1:a|b\n2:1|2\n");
}

Test(csv, a_gzip_file_cut_off_is_an_error_with_its_name)
{
    unsigned char packed[512];
    size_t size = gzip_text("a,b\n1,2\n", packed, 512);
    const char *path = write_bytes("f.csv.gz", packed, size - 4);
    cr_assert(strstr(read_file(path), "/f.csv.gz: the compressed file is cut off"));
    cr_assert(strstr(read_file(write_bytes("f.csv.gz", "", 0)), "/f.csv.gz: the compressed file is cut off"));
}

Test(csv, a_damaged_gzip_file_is_an_error_with_its_name)
{
    unsigned char packed[512];
    size_t size = gzip_text("a,b\n1,2\n", packed, 512);
    packed[size - 6] ^= 0xff;
    cr_assert(strstr(read_file(write_bytes("f.csv.gz", packed, size)), "/f.csv.gz: damaged gzip data"));
    cr_assert(strstr(read_file(write_text("f.csv.gz", "a,b\n")), "/f.csv.gz: damaged gzip data"));
}

Test(csv, zstd_files_are_read_and_checked)
{
    char packed[512];
    const char *text = "a,b\n1,2\n";
    size_t size = ZSTD_compress(packed, sizeof packed, text, strlen(text), 3);
    cr_assert_str_eq(read_file(write_bytes("f.csv.zst", packed, size)), "1:a|b\n2:1|2\n");
    cr_assert(strstr(read_file(write_bytes("f.csv.zst", packed, size - 3)),
                     "/f.csv.zst: the compressed file is cut"));
    cr_assert(strstr(read_file(write_text("f.csv.zst", "a,b,c,d\n")), "/f.csv.zst: damaged zstd data"));
}

Test(csv, a_missing_file_is_an_error_with_its_name)
{
    cr_assert(strstr(read_file("/nowhere/f.csv"), "error: /nowhere/f.csv: No such file"));
}
