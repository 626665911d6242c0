/* Clocks. Only main programs, loops and executors read them; modules that decide get the time as an argument.
 */
#ifndef FF_COMMON_CLOCK_H
#define FF_COMMON_CLOCK_H

#include <stdint.h>

int64_t ff_clock_ms(void);      /* CLOCK_MONOTONIC */
int64_t ff_clock_us(void);      /* CLOCK_MONOTONIC */
int64_t ff_wall_ms(void);       /* since the epoch, UTC */
int64_t ff_thread_cpu_us(void); /* CLOCK_THREAD_CPUTIME_ID */

#endif
