/* Sentences of an explanation: how they are said, and what an error means and what to do about it. */
#ifndef FF_COORDINATOR_EXPLANATION_H
#define FF_COORDINATOR_EXPLANATION_H

#include "coordinator/documents_parts.h"
#include "coordinator/jobspec.h"

struct ff_explanation {
    const struct ff_job_record *job;
    const struct ff_outcomes *outcomes;
    const struct ff_jobspec *spec; /* NULL: the job's text cannot be read any more */
    struct ff_arena *arena;
    struct ff_buf *out;
    const char *where; /* what commands end with */
};

/* Appends what is printed, cleaned. */
void ff_say(const struct ff_explanation *explanation, const char *format, ...) FF_PRINTF(2, 3);
/* Foreign text without line breaks, for an argument of ff_say. In the arena. */
const char *ff_one_line(const struct ff_explanation *explanation, const char *text);
/* A sentence or two on an error: what it means, which setting changes it. Nothing for OK. */
void ff_say_why(const struct ff_explanation *explanation, enum ff_code code, bool is_all);

#endif
