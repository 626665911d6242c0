/* Lines on standard error: "2026-11-21T03:30:00.123Z worker host-1: text". */
#ifndef FF_COMMON_LOG_H
#define FF_COMMON_LOG_H

#include "common/error.h"

enum ff_log_level { FF_LOG_ERROR, FF_LOG_WARNING, FF_LOG_INFO, FF_LOG_DEBUG };

/* Sets what is printed (default FF_LOG_WARNING) and the name in front of each line (kept, not copied). */
void ff_log_init(enum ff_log_level level, const char *program);
void ff_log(enum ff_log_level level, const char *format, ...) FF_PRINTF(2, 3);

#endif
