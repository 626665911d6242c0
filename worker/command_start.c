#include "worker/command_start.h"

#include "common/texts.h"
#include "worker/command_reply.h"
#include "worker/command_request.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ABOVE_STANDARD = 10, LAST_WORDS = 200, LAST_READ = 4096 };

/* What is shared, open. */
struct files {
    struct ff_request_file named[FF_MOST_SHARED];
    int fds[FF_MOST_SHARED];
    size_t count;
};

static int open_object(const struct ff_fit_spec *spec, const struct ff_command_place *place, size_t index,
                       const char *path)
{
    char own[40];
    if (index < spec->shared_count && !spec->shared[index].size)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (index >= spec->shared_count || !place->shared_count)
        return open(path, O_RDONLY | O_CLOEXEC); /* a capsule is fitted again, without its coordinator */
    for (size_t i = 0; i < place->shared_count; i++)
        if (memcmp(&place->shared[i].id, &spec->shared[index].id, sizeof place->shared[i].id) == 0) {
            snprintf(own, sizeof own, "/proc/self/fd/%d", place->fds[i]);
            return open(own, O_RDONLY | O_CLOEXEC); /* with a place in the file of its own */
        }
    return -1;
}

/* What was opened is to be closed, also after a failure. */
static enum ff_status open_files(const struct ff_fit_spec *spec, const struct ff_command_place *place,
                                 const char *const *paths, size_t count, struct files *files,
                                 struct ff_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const char *slash = strrchr(paths[i], '/');
        int fd = open_object(spec, place, i, paths[i]);
        int lifted = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, ABOVE_STANDARD) : -1;
        if (fd >= 0)
            close(fd);
        if (lifted < 0)
            return ff_error_set(err, FF_FAILED_PRECONDITION, "shared: %s is not on this worker", paths[i]);
        files->fds[files->count] = lifted;
        files->named[files->count++] = (struct ff_request_file){slash ? slash + 1 : paths[i], lifted};
    }
    return FF_OK;
}

static bool is_ours(const char *name)
{
    return strcmp(name, "argv") == 0 || strcmp(name, "shared") == 0 || strcmp(name, "folder") == 0;
}

static void write_init(struct ff_buf *out, const struct ff_fit_spec *spec, const struct files *files)
{
    struct ff_param *params = ff_xalloc((spec->param_count + 1) * sizeof *params);
    size_t count = 0;
    for (size_t i = 0; i < spec->param_count; i++)
        if (!is_ours(spec->params[i].name))
            params[count++] = spec->params[i];
    ff_request_init(out, params, count, files->named, files->count);
    free(params);
}

/* ---- why it did not begin ---- */

/* Where our standard error ends, which is the program's too; -1: it is no file. */
static off_t log_end(void)
{
    struct stat info;
    return fstat(STDERR_FILENO, &info) == 0 && S_ISREG(info.st_mode) ? info.st_size : -1;
}

/* The last line that is not empty, without what is around it. */
static struct ff_bytes last_line(const uint8_t *text, size_t size)
{
    while (size && isspace(text[size - 1]))
        size--;
    size_t begin = size;
    while (begin && text[begin - 1] != '\n')
        begin--;
    while (begin < size && isspace(text[begin]))
        begin++;
    return (struct ff_bytes){text + begin, size - begin};
}

/* Of UTF-8, whole characters. */
static size_t cut(struct ff_bytes line, size_t most)
{
    if (line.size <= most)
        return line.size;
    while (most && (line.data[most] & 0xc0) == 0x80)
        most--;
    return most;
}

/* Appends what the program wrote last to its standard error, since that ended at `from`. */
static void add_last_words(off_t from, struct ff_error *err)
{
    uint8_t text[LAST_READ];
    char shown[LAST_WORDS + 1];
    off_t end = log_end();
    if (from < 0 || end <= from)
        return;
    if (end - from > LAST_READ)
        from = end - LAST_READ;
    ssize_t got = pread(STDERR_FILENO, text, (size_t)(end - from), from);
    struct ff_bytes line = last_line(text, got > 0 ? (size_t)got : 0);
    size_t size = cut(line, LAST_WORDS);
    for (size_t i = 0; i < size; i++)
        shown[i] = iscntrl(line.data[i]) ? '?' : (char)line.data[i];
    shown[size] = '\0';
    size_t said = strlen(err->text);
    if (size)
        snprintf(err->text + said, sizeof err->text - said, ": %s", shown);
}

/* ---- all of it ---- */

static enum ff_status greet(struct ff_program *program, const struct ff_fit_spec *spec, uint64_t memory_bytes,
                            const struct files *files, unsigned *can, struct ff_error *err)
{
    struct ff_buf init = {0};
    struct ff_bytes answer;
    const struct ff_program_limits limits = {FF_COMMAND_LEAST_LINE, memory_bytes};
    off_t before = log_end();
    write_init(&init, spec, files);
    enum ff_status status = ff_program_ask(program, ff_buf_bytes(&init), &limits, &answer, err);
    ff_buf_fini(&init);
    if (status == FF_FAILED_PRECONDITION || status == FF_ABORTED)
        add_last_words(before, err);
    if (!status)
        status = ff_reply_ready(answer, can, err);
    return status ? ff_error_wrap(err, "init") : FF_OK;
}

static enum ff_status run(const struct ff_fit_spec *spec, uint64_t memory_bytes, const char *const *argv,
                          const struct files *files, struct ff_program **out, unsigned *can,
                          struct ff_error *err)
{
    const char *folder = ff_fit_spec_given(spec, "folder");
    const struct ff_program_options options = {argv, folder ? folder : "/", files->fds, files->count};
    struct ff_program *program;
    enum ff_status status = ff_program_start(&options, &program, err);
    if (status)
        return status;
    status = greet(program, spec, memory_bytes, files, can, err);
    if (status)
        ff_program_kill(program);
    else
        *out = program;
    return status;
}

/* The parameters were checked by the coordinator, and are here again. */
static enum ff_status read_lists(const struct ff_fit_spec *spec, struct ff_arena *arena, const char ***argv,
                                 const char *const **paths, size_t *path_count, struct ff_error *err)
{
    const char *argv_text = ff_fit_spec_given(spec, "argv"), *shared = ff_fit_spec_given(spec, "shared");
    const char *const *items;
    size_t count = 0;
    if (!argv_text || !ff_texts_read(argv_text, arena, &items, &count) || count == 0 ||
        !ff_texts_read(shared ? shared : "[]", arena, paths, path_count) || *path_count > FF_MOST_SHARED)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "argv and shared are lists of texts");
    *argv = ff_arena_zalloc(arena, (count + 1) * sizeof **argv);
    memcpy(*argv, items, count * sizeof *items);
    return FF_OK;
}

enum ff_status ff_command_start(const struct ff_fit_spec *spec, const struct ff_command_place *place,
                                struct ff_program **out, unsigned *can, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct files files = {.count = 0};
    const char **argv = NULL;
    const char *const *paths = NULL;
    size_t path_count = 0;
    enum ff_status status = read_lists(spec, &arena, &argv, &paths, &path_count, err);
    if (!status)
        status = open_files(spec, place, paths, path_count, &files, err);
    if (!status)
        status = run(spec, place->memory_bytes, argv, &files, out, can, err);
    for (size_t i = 0; i < files.count; i++)
        close(files.fds[i]);
    ff_arena_fini(&arena);
    return status;
}
