/* The numeric profile: all that decides the last bits of a kind that uses BLAS or libm. Two executors with
 * the same profile fit the same model bytes from the same frame.
 *
 *   build   the linker's build id of the program (a hash of its contents), or the version where there is none
 *   blas    OpenBLAS' own description: version, options, target
 *   core    the CPU whose kernels OpenBLAS chose at start
 *   libm    glibc's version, and whether its FMA variants are in use (it picks them by the CPU at load time)
 */
#include "worker/fit.h"

#include <cblas.h>
#include <elf.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct build_id {
    char hex[65];
};

static void read_note(const ElfW(Nhdr) * note, struct build_id *id)
{
    const unsigned char *bytes = (const unsigned char *)(note + 1) + ((note->n_namesz + 3) & ~3u);
    for (size_t i = 0; i < note->n_descsz && i < sizeof id->hex / 2; i++)
        snprintf(id->hex + 2 * i, 3, "%02x", bytes[i]);
}

static void search_notes(const char *at, size_t size, struct build_id *id)
{
    const char *end = at + size;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
        const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)(const void *)at;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof ELF_NOTE_GNU)
            read_note(note, id);
        at += sizeof *note + ((note->n_namesz + 3) & ~3u) + ((note->n_descsz + 3) & ~3u);
    }
}

/* The first object is the program itself: returning 1 ends the walk behind it. */
static int search_program(struct dl_phdr_info *info, size_t size, void *id)
{
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_NOTE)
            search_notes((const char *)info->dlpi_addr + info->dlpi_phdr[i].p_vaddr,
                         info->dlpi_phdr[i].p_memsz, id);
    return 1;
}

static const char *libm_path(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("fma") ? "fma" : "sse2";
#else
    return "base";
#endif
}

const char *ff_fit_profile(void)
{
    static char profile[512];
    struct build_id id = {FITFLEET_VERSION};
    dl_iterate_phdr(search_program, &id);
    snprintf(profile, sizeof profile, "%s/%s/%s/glibc-%s-%s", id.hex, openblas_get_config(),
             openblas_get_corename(), gnu_get_libc_version(), libm_path());
    for (char *at = profile + strlen(profile); at-- > profile;)
        if (*at == ' ')
            *at = '-';
    return profile;
}

void ff_fit_warm_up(void)
{
    enum { SIDE = 128 }; /* above what OpenBLAS multiplies without its buffer */
    double *a = ff_xcalloc(SIDE * SIDE, sizeof *a), *b = ff_xcalloc(SIDE * SIDE, sizeof *b);
    openblas_set_num_threads(1);
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1, a, SIDE, a, SIDE, 0, b, SIDE);
    free(a);
    free(b);
}
