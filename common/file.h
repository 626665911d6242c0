/* Small files as a whole: configuration, jobs, tokens, certificates. */
#ifndef FF_COMMON_FILE_H
#define FF_COMMON_FILE_H

#include "common/buf.h"

/* Appends the file's bytes to out; of a file larger than limit somewhat more than limit, so that size > limit
 * tells. INVALID_ARGUMENT with "PATH: why". */
FF_NODISCARD enum ff_status ff_file_read(const char *path, size_t limit, struct ff_buf *out,
                                         struct ff_error *err);

#endif
