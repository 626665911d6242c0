/* The unpacked bytes of a data file in blocks of whole CSV rows, so that each block can be parsed on its own.
 *
 * A byte order mark is left out. Not for several threads at once. */
#ifndef FF_COORDINATOR_BLOCKS_H
#define FF_COORDINATOR_BLOCKS_H

#include "coordinator/reader.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    FF_CSV_MAX_LINE = 8 << 20,
    FF_BLOCK_BYTES = 512 << 10, /* fits a core's cache with the cells that come of it */
    FF_BLOCK_PADDING = 64,      /* zeros behind the bytes, for scanners that read ahead */
};

/* Zero is an empty block; it grows to what it has to hold and is used again. */
struct ff_block {
    char *data;
    size_t size;
    size_t capacity;
    bool is_cut; /* a row longer than FF_CSV_MAX_LINE begins in it and does not end */
};

struct ff_blocks;

/* Borrows the reader. A block has block_bytes, less what its last row lacks, or one row that is longer. */
struct ff_blocks *ff_blocks_create(struct ff_reader *reader, size_t block_bytes);
void ff_blocks_destroy(struct ff_blocks *blocks);
/* From now on blocks hold what one read has brought, so that rows from a pipe are there when they come. */
void ff_blocks_hurry(struct ff_blocks *blocks);
/* The next rows; size 0 at the end. What ff_reader_read says. */
FF_NODISCARD enum ff_status ff_blocks_next(struct ff_blocks *blocks, struct ff_block *block,
                                           struct ff_error *err);
/* Puts back the rows of the last block from this offset on. */
void ff_blocks_return(struct ff_blocks *blocks, const struct ff_block *block, size_t from);
void ff_block_fini(struct ff_block *block);

#endif
