/* What pymalloc, Python's allocator of small blocks, holds in use and free. */
#define Py_BUILD_CORE 1
#include "heap.h"

#include "pymalloc.h"

#if !defined(WITH_PYMALLOC)

bool hw_pymalloc(PyInterpreterState *interpreter, uint32_t most, hw_pymalloc_sums *sums)
{
    return false;
}

#elif PY_VERSION_HEX >= 0x030C0000

#include <internal/pycore_interp.h>
#include <internal/pycore_obmalloc.h>

#if PY_VERSION_HEX >= 0x030D0000
#define STATE(interpreter) ((interpreter)->obmalloc)
#else
#define STATE(interpreter) (&(interpreter)->obmalloc)
#endif

static void add_pool(const struct pool_header *pool, hw_pymalloc_sums *sums)
{
    size_t count = pool->ref.count, size = INDEX2SIZE(pool->szidx);
    sums->used_bytes += count ? count * size : 0;
    sums->free_bytes += count ? (NUMBLOCKS(pool->szidx) - count) * size : POOL_SIZE;
}

/* What was never carved off an arena was never written to: it takes no memory. */
static void add_arena(const struct arena_object *arena, hw_pymalloc_sums *sums)
{
    uintptr_t pool = _Py_SIZE_ROUND_UP(arena->address, POOL_SIZE);
    for (; pool < (uintptr_t)arena->pool_address; pool += POOL_SIZE)
        add_pool((const struct pool_header *)pool, sums);
}

bool hw_pymalloc(PyInterpreterState *interpreter, uint32_t most, hw_pymalloc_sums *sums)
{
    const struct _obmalloc_mgmt *arenas = &STATE(interpreter)->mgmt;
    for (; sums->at < arenas->maxarenas && most > 0; sums->at++)
        if (arenas->arenas[sums->at].address) {
            add_arena(&arenas->arenas[sums->at], sums);
            most--;
        }
    if (sums->at >= arenas->maxarenas)
        sums->at = 0;
    return true;
}

#else

#include <internal/pycore_pymem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "# bytes in allocated blocks        =            8,912,896" */
static bool figure(const char *text, const char *label, size_t *into)
{
    const char *at = strstr(text, label);
    at = at ? strchr(at, '=') : NULL;
    if (!at)
        return false;
    for (at++; *at && *at != '\n'; at++)
        if (*at >= '0' && *at <= '9')
            *into = *into * 10 + (size_t)(*at - '0');
    return true;
}

static bool read_figures(const char *text, hw_pymalloc_sums *sums)
{
    size_t blocks = 0, pools = 0;
    bool told = figure(text, "# bytes in allocated blocks", &sums->used_bytes) &&
                figure(text, "# bytes in available blocks", &blocks) && figure(text, "unused pools", &pools);
    sums->free_bytes = blocks + pools;
    return told;
}

/* It prints nothing while another tool's hooks stand before pymalloc, and the sampler's usually do. Blocks of this domain
 * are allocated under the GIL alone, so nobody sees that the hooks are off for a moment. */
static bool print_figures(FILE *out)
{
    PyMemAllocatorEx hooks;
    if (_PyMem_SetDefaultAllocator(PYMEM_DOMAIN_OBJ, &hooks) < 0)
        return false;
    bool printed = _PyObject_DebugMallocStats(out);
    PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &hooks);
    return printed;
}

/* These versions keep their arenas to themselves, and tell of them in print only. */
bool hw_pymalloc(PyInterpreterState *Py_UNUSED(interpreter), uint32_t Py_UNUSED(most), hw_pymalloc_sums *sums)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return false;
    bool printed = print_figures(out);
    bool told = fclose(out) == 0 && printed && read_figures(text, sums);
    free(text);
    return told;
}

#endif
