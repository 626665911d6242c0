#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static enum ff_log_level log_level = FF_LOG_WARNING;
static const char *log_program = "fitfleet";

void ff_log_init(enum ff_log_level level, const char *program)
{
    log_level = level;
    log_program = program;
}

void ff_log(enum ff_log_level level, const char *format, ...)
{
    if (level > log_level)
        return;
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    char line[2048];
    size_t used = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
    used +=
        (size_t)snprintf(line + used, sizeof line - used, ".%03ldZ %s: ", now.tv_nsec / 1000000, log_program);
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line + used, sizeof line - used - 1, format, args);
    va_end(args);
    used += length > 0 ? (size_t)length : 0;
    if (used > sizeof line - 2)
        used = sizeof line - 2;
    /* What peers say of themselves may be told: it shall not steer a terminal. */
    for (size_t i = 0; i < used; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    line[used++] = '\n';
    /* One write: lines of several processes on one terminal do not mix. */
    ssize_t ignored = write(STDERR_FILENO, line, used);
    (void)ignored;
}
