/* What SQLite drops of a damaged WAL without a word. The format is that of sqlite.org/fileformat2.html, 4.
 *
 * Each frame carries a checksum of all before it, and SQLite reads up to the last commit before the first
 * frame whose checksum is wrong. After a power cut that is right: with synchronous=FULL everything up to the
 * last acknowledged commit was synced, and only the transaction that was being written can be torn. But if
 * two commits or more are behind the first wrong frame, then something that was synced has changed, and
 * transactions that were acknowledged are lost.
 *
 * A header that is wrong tells nothing: it may have been torn when the WAL was begun anew, all of it being in
 * the database by then. */
#include "coordinator/store_sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { HEADER = 32, FRAME_HEADER = 24, SMALLEST_PAGE = 512, LARGEST_PAGE = 65536 };

struct wal {
    FILE *file;
    uint8_t header[HEADER];
    uint8_t *frame; /* header and page */
    size_t page;
    bool big_endian; /* of checksums */
    uint32_t sums[2];
};

static uint32_t big(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t little(const uint8_t *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static void add_to_sums(const struct wal *wal, const uint8_t *data, size_t size, uint32_t sums[2])
{
    for (size_t i = 0; i + 8 <= size; i += 8) {
        sums[0] += (wal->big_endian ? big(data + i) : little(data + i)) + sums[1];
        sums[1] += (wal->big_endian ? big(data + i + 4) : little(data + i + 4)) + sums[0];
    }
}

static bool read_header(struct wal *wal)
{
    if (fread(wal->header, 1, HEADER, wal->file) != HEADER || (big(wal->header) & ~1u) != 0x377f0682)
        return false;
    wal->big_endian = wal->header[3] & 1;
    wal->page = big(wal->header + 8);
    add_to_sums(wal, wal->header, 24, wal->sums);
    return wal->page >= SMALLEST_PAGE && wal->page <= LARGEST_PAGE && wal->sums[0] == big(wal->header + 24) &&
           wal->sums[1] == big(wal->header + 28);
}

static bool is_of_this_wal(const struct wal *wal)
{
    return memcmp(wal->frame + 8, wal->header + 16, 8) == 0; /* the salts */
}

/* Whether the frame continues the valid ones. */
static bool is_valid(struct wal *wal)
{
    uint32_t sums[2] = {wal->sums[0], wal->sums[1]};
    add_to_sums(wal, wal->frame, 8, sums);
    add_to_sums(wal, wal->frame + FRAME_HEADER, wal->page, sums);
    memcpy(wal->sums, sums, sizeof sums);
    return is_of_this_wal(wal) && sums[0] == big(wal->frame + 16) && sums[1] == big(wal->frame + 20);
}

/* Commits from the first wrong frame on. */
static uint64_t count_behind_damage(struct wal *wal)
{
    uint64_t commits = 0;
    bool valid = true;
    while (fread(wal->frame, 1, FRAME_HEADER + wal->page, wal->file) == FRAME_HEADER + wal->page) {
        valid = valid && is_valid(wal);
        bool is_commit = is_of_this_wal(wal) && big(wal->frame + 4) != 0;
        commits += !valid && is_commit;
    }
    return commits;
}

/* A writer may have begun the WAL anew meanwhile. */
static bool is_unchanged(struct wal *wal)
{
    uint8_t now[HEADER];
    rewind(wal->file);
    return fread(now, 1, HEADER, wal->file) == HEADER && memcmp(now, wal->header, HEADER) == 0;
}

bool ff_store_is_cut_off(const struct ff_store *store)
{
    enum { PAGE_SIZE_AT = 16, CHANGES_AT = 24, PAGES_AT = 28, VALID_FOR_AT = 92, DB_HEADER = 100 };
    char *wal = ff_xasprintf("%s-wal", store->path);
    struct stat info;
    bool may_be_short = stat(wal, &info) == 0 && info.st_size > 0;
    free(wal);
    FILE *file = may_be_short ? NULL : fopen(store->path, "rbe");
    uint8_t header[DB_HEADER];
    bool whole = !file || fread(header, 1, DB_HEADER, file) != DB_HEADER || fstat(fileno(file), &info) != 0;
    if (file)
        fclose(file);
    if (whole || big(header + CHANGES_AT) != big(header + VALID_FOR_AT))
        return false;
    uint64_t page = (uint64_t)header[PAGE_SIZE_AT] << 8 | header[PAGE_SIZE_AT + 1];
    return (uint64_t)info.st_size < big(header + PAGES_AT) * (page == 1 ? LARGEST_PAGE : page);
}

uint64_t ff_store_lost_commits(const struct ff_store *store)
{
    char *path = ff_xasprintf("%s-wal", store->path);
    struct wal wal = {.file = fopen(path, "rbe")};
    uint64_t commits = 0;
    free(path);
    if (!wal.file)
        return 0;
    if (read_header(&wal)) {
        wal.frame = ff_xalloc(FRAME_HEADER + wal.page);
        commits = count_behind_damage(&wal);
        commits = is_unchanged(&wal) ? commits : 0;
        free(wal.frame);
    }
    fclose(wal.file);
    return commits > 1 ? commits - 1 : 0; /* one may have been under way */
}
