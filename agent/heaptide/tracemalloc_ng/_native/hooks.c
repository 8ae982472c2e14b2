/* The hooks of the MEM and OBJ domains. RAW isn't hooked: it runs without the GIL.
 *
 * An unsampled malloc is a subtraction, a branch and a jump to the next allocator; a free, one look at the filter.
 * The hooks are installed once and never removed, because another tool may have chained to them; a countdown that
 * never ends and an empty filter are what switches them off. */
#include "sampler.h"

#include <pthread.h>

#if PY_VERSION_HEX >= 0x030D0000
PyAPI_FUNC(const char *) _PyMem_GetCurrentAllocatorName(void); /* moved to an internal header in 3.13 */
#endif

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define COLD __attribute__((noinline, cold))

static bool installed;

static inline bool maybe_sampled(void *block)
{
    return ht_line.filter.counts[ht_filter_bucket(&ht_line.filter, (uintptr_t)block)] != 0;
}

static COLD void *sampled_malloc(const ht_next *next, void *context, size_t size)
{
    void *block = next->malloc(context, size);
    ht_track(block, size, NULL);
    return block;
}

static COLD void *sampled_calloc(const ht_next *next, void *context, size_t count, size_t size)
{
    void *block = next->calloc(context, count, size);
    ht_track(block, count * size, NULL);
    return block;
}

/* The block is untracked first: once realloc has returned, its address may be somebody else's. */
static COLD void *tracked_realloc(const ht_next *next, void *context, void *block, size_t size)
{
    bool drawn = ht_line.countdown < 0;
    ht_sample former;
    bool had = block && ht_untrack(block, &former);
    void *moved = next->realloc(context, block, size);
    if (!moved && had && size)
        ht_track_again(&former);
    if (drawn)
        ht_track(moved, size, had ? &former : NULL);
    return moved;
}

static COLD void tracked_free(const ht_next *next, void *context, void *block)
{
    ht_sample former;
    ht_untrack(block, &former);
    next->free(context, block);
}

/* A product that overflows is refused by the next allocator, and counts as nothing. */
static inline size_t product(size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) || bytes > PY_SSIZE_T_MAX ? 0 : bytes;
}

#define HOOKS(DOMAIN)                                                                        \
    static void *DOMAIN##_malloc(void *context, size_t size)                                 \
    {                                                                                        \
        if (LIKELY((ht_line.countdown -= (int64_t)size) >= 0))                               \
            return ht_line.DOMAIN.malloc(context, size);                                     \
        return sampled_malloc(&ht_line.DOMAIN, context, size);                               \
    }                                                                                        \
    static void *DOMAIN##_calloc(void *context, size_t count, size_t size)                   \
    {                                                                                        \
        if (LIKELY((ht_line.countdown -= (int64_t)product(count, size)) >= 0))               \
            return ht_line.DOMAIN.calloc(context, count, size);                              \
        return sampled_calloc(&ht_line.DOMAIN, context, count, size);                        \
    }                                                                                        \
    static void *DOMAIN##_realloc(void *context, void *block, size_t size)                   \
    {                                                                                        \
        if (LIKELY((ht_line.countdown -= (int64_t)size) >= 0 && !maybe_sampled(block)))      \
            return ht_line.DOMAIN.realloc(context, block, size);                             \
        return tracked_realloc(&ht_line.DOMAIN, context, block, size);                       \
    }                                                                                        \
    static void DOMAIN##_free(void *context, void *block)                                    \
    {                                                                                        \
        if (LIKELY(!maybe_sampled(block)))                                                   \
            ht_line.DOMAIN.free(context, block);                                             \
        else                                                                                 \
            tracked_free(&ht_line.DOMAIN, context, block);                                   \
    }

HOOKS(obj)
HOOKS(mem)

static PyMemAllocatorEx hooks_over(const PyMemAllocatorEx *allocator, PyMemAllocatorDomain domain)
{
    PyMemAllocatorEx hooks = {.ctx = allocator->ctx, .malloc = mem_malloc, .calloc = mem_calloc,
                              .realloc = mem_realloc, .free = mem_free};
    if (domain == PYMEM_DOMAIN_OBJ)
        hooks = (PyMemAllocatorEx){.ctx = allocator->ctx, .malloc = obj_malloc, .calloc = obj_calloc,
                                   .realloc = obj_realloc, .free = obj_free};
    return hooks;
}

static void install(PyMemAllocatorDomain domain, ht_next *next)
{
    PyMemAllocatorEx allocator;
    PyMem_GetAllocator(domain, &allocator);
    *next = (ht_next){.malloc = allocator.malloc, .free = allocator.free, .realloc = allocator.realloc,
                      .calloc = allocator.calloc};
    PyMemAllocatorEx hooks = hooks_over(&allocator, domain);
    PyMem_SetAllocator(domain, &hooks);
}

/* The child's table is a copy of the parent's live samples, and they are live in the child too. It draws its own
 * random numbers from now on. fork is called under the GIL, or by C code that goes on to exec. */
static void after_fork_in_child(void)
{
    if (!ht.tracing)
        return;
    ht_seed();
    ht.inherited_before = ht.ordinal;
    ht.busy = false;
    ht_draw();
}

/* The interpreter is gone and with it all blocks and code objects; another may be initialised later. */
static void after_interpreter(void)
{
    ht.tracing = false;
    ht_draw();
    if (ht.table.slots)
        ht_table_close(&ht.table);
    if (ht.stacks.entries)
        ht_stacks_abandon(&ht.stacks);
}

bool ht_hooks_installed(void)
{
    return installed;
}

const char *ht_hooks_install(void)
{
    if (!_PyMem_GetCurrentAllocatorName())
        return "another tool has hooked Python's allocators (tracemalloc, memray or another profiler): stop it before "
               "the sampling tracer starts, because removing its hooks later would remove the sampler's too";
    if (pthread_atfork(NULL, NULL, after_fork_in_child) != 0)
        return "no memory for the fork handler";
    install(PYMEM_DOMAIN_OBJ, &ht_line.obj);
    install(PYMEM_DOMAIN_MEM, &ht_line.mem);
    Py_AtExit(after_interpreter);
    installed = true;
    return NULL;
}

static bool reaches_hooks(void *(*allocate)(size_t), void (*release)(void *))
{
    int64_t countdown = ht_line.countdown;
    ht_line.countdown = HT_NEVER;
    void *block = allocate(1);
    bool reached = ht_line.countdown != HT_NEVER;
    ht_line.countdown = countdown;
    release(block);
    return reached;
}

bool ht_hooks_attached(void)
{
    return reaches_hooks(PyObject_Malloc, PyObject_Free) && reaches_hooks(PyMem_Malloc, PyMem_Free);
}
