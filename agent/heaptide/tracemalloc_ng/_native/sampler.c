/* The slow path: a block was drawn, or one that may be a sample goes. Nothing here creates an object, runs Python code
 * or releases the GIL; memory comes from the C library. */
#include "sampler.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#ifdef CLOCK_MONOTONIC_COARSE
#define CLOCK CLOCK_MONOTONIC_COARSE /* a few milliseconds coarse, and a few nanoseconds cheap */
#else
#define CLOCK CLOCK_MONOTONIC
#endif

enum { HUNDREDTHS = 100 };

/* What a drawn block costs that its place doesn't keep, next to a sample with its stack and its free: measured as 50 of
 * 250 nanoseconds, with 32 frames and warm caches. */
#define SKIPPED 0.2

ht_hot ht_line = {.countdown = HT_NEVER, .filter = {.counts = ht_no_table}};
ht_sampler ht;

uint32_t ht_now(void)
{
    static time_t origin;
    struct timespec now;
    clock_gettime(CLOCK, &now);
    if (!origin)
        origin = now.tv_sec;
    return (uint32_t)((now.tv_sec - origin) * HUNDREDTHS + now.tv_nsec / (1000000000 / HUNDREDTHS));
}

/* Called in a forked child before any code of Python's: only calls that are safe after fork in a threaded process. */
void ht_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed)) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        seed = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 30 ^ (uint64_t)getpid() << 20;
    }
    ht_random_seed(&ht.random, seed);
}

/* The exponential distribution has no memory: drawing anew is unbiased at any moment that the blocks to come don't
 * decide. */
void ht_draw(void)
{
    ht_line.countdown = ht.tracing && !ht.paused ? ht_random_bytes(&ht.random, ht.interval) : HT_NEVER;
}

/* The running thread if the tables are its to change. A caller without the GIL breaks the allocators' rules, but it
 * happens; from CPython 3.12 a subinterpreter may run under a GIL of its own. */
static PyThreadState *lock_holder(void)
{
    PyThreadState *thread = _PyThreadState_UncheckedGet();
    if (!thread || thread->thread_id != PyThread_get_thread_ident())
        return NULL;
#if PY_VERSION_HEX >= 0x030C0000
    if (thread->interp != PyInterpreterState_Main())
        return NULL;
#endif
    return thread;
}

static bool finalizing(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return Py_IsFinalizing();
#else
    return _Py_IsFinalizing();
#endif
}

static PyThreadState *sampled_thread(void)
{
    PyThreadState *thread = ht.tracing && !ht.paused && !ht.busy ? lock_holder() : NULL;
    if (!thread || thread->thread_id == ht.ignored || thread->interp != PyInterpreterState_Main() || finalizing())
        return NULL;
    return thread;
}

static double weight_bytes(const ht_sample *sample)
{
    return (double)sample->size / ht_odds(sample->size, sample->interval);
}

void ht_release(const ht_sample *sample)
{
    HT_ASSERT(ht.stacks.entries[sample->stack]->live > 0);
    ht.stacks.entries[sample->stack]->live--;
    ht.live_bytes -= weight_bytes(sample);
}

static void recount(void)
{
    double live_bytes = 0;
    for (size_t i = 0; ht.table.slots && i <= ht.table.mask; i++)
        if (ht.table.slots[i].address)
            live_bytes += weight_bytes(&ht.table.slots[i]);
    ht.live_bytes = live_bytes;
}

static void release_dropped(void *context, const ht_sample *sample)
{
    (void)context;
    ht_release(sample);
}

/* Doubles the interval of the samples drawn most densely, and that in force with them. */
static void thin(void)
{
    double interval = ht_table_shortest(&ht.table) * 2;
    ht_table_thin(&ht.table, interval, &ht.random, release_dropped, NULL);
    if (ht.interval < interval)
        ht.interval = interval;
    recount();
}

static uint32_t intern(PyThreadState *thread)
{
    static ht_frame frames[HT_MOST_FRAMES]; /* guarded by the GIL; too large for a deep recursion's last C stack page */
    int depth = ht_frames_read(thread, frames, ht.frames);
    int64_t index = ht_stacks_intern(&ht.stacks, frames, depth);
    if (index < 0 && ht.interval < HT_MOST_INTERVAL) {
        thin();
        index = ht_stacks_intern(&ht.stacks, frames, depth);
    }
    return index < 0 ? HT_NO_STACK : (uint32_t)index;
}

static bool insert(const ht_sample *sample)
{
    ht_sample stale; /* its free wasn't seen: it went through a caller without the GIL */
    if (ht_table_remove(&ht.table, sample->address, &stale))
        ht_release(&stale);
    bool held = ht_table_insert(&ht.table, sample);
    while (!held && ht.interval < HT_MOST_INTERVAL) {
        thin();
        held = ht_table_insert(&ht.table, sample);
    }
    if (!held) {
        ht.lost++;
        return false;
    }
    ht.stacks.entries[sample->stack]->live++;
    ht.live_bytes += weight_bytes(sample);
    if (ht.live_bytes > ht.peak_bytes)
        ht.peak_bytes = ht.live_bytes;
    return true;
}

/* Lowers the interval again while twice the samples would still be half the budget, in samples and in bytes. */
void ht_relax(uint32_t now)
{
    uint32_t elapsed = now - ht.window_start;
    if (elapsed < HUNDREDTHS)
        return;
    double rate = ht.window_samples * HUNDREDTHS / elapsed;
    size_t most_live = ht.table.most_slots / 4 * 3;
    bool roomy = ht.table.live < most_live / 4 && ht.stacks.bytes < ht.stacks.max_bytes / 2;
    for (; roomy && ht.interval > ht.base_interval && rate < ht.samples_per_s / 4; rate *= 2)
        ht.interval = ht.interval / 2 > ht.base_interval ? ht.interval / 2 : ht.base_interval;
    ht.window_start = now;
    ht.window_samples = 0;
}

/* Raises the interval for what is yet to come; live samples keep their finer weights. */
static void adapt(uint32_t now, double cost)
{
    ht_relax(now);
    ht.window_samples += cost;
    if (ht.window_samples < ht.samples_per_s || ht.interval >= HT_MOST_INTERVAL)
        return;
    ht.interval *= 2;
    ht.window_start = now;
    ht.window_samples = 0;
}

/* A line that allocates much is known well by few samples: those it has too many of are dropped before the dear part. */
static bool kept(PyThreadState *thread, ht_sample *sample, uint32_t now)
{
    ht_frame top = {NULL, 0};
    ht_frames_read(thread, &top, 1);
    ht_place *place = ht_place_of(ht.places, (uintptr_t)top.code, top.offset);
    return ht_place_keeps(place, sample, now, ht.samples_per_s, &ht.random);
}

static void hold(PyThreadState *thread, ht_sample *sample)
{
    sample->ordinal = ht.ordinal++;
    sample->stack = intern(thread);
    if (!insert(sample))
        return;
    ht_stack *stack = ht.stacks.entries[sample->stack];
    stack->allocated_bytes += weight_bytes(sample);
    stack->allocated_blocks += 1 / ht_odds(sample->size, sample->interval);
}

/* A block was drawn. One that realloc made of a sample keeps that one's birth. */
void ht_track(void *block, size_t size, const ht_sample *former)
{
    PyThreadState *thread = sampled_thread();
    if (thread && block && size) {
        ht.busy = true;
        uint32_t now = ht_now();
        ht_sample sample = {.address = (uintptr_t)block, .size = size, .interval = ht.interval,
                            .birth = former ? former->birth : now};
        bool held = kept(thread, &sample, now);
        if (held)
            hold(thread, &sample);
        adapt(now, held ? 1 : SKIPPED);
        ht.busy = false;
    }
    ht_draw();
}

bool ht_untrack(void *block, ht_sample *former)
{
    if (!lock_holder() || !ht_table_remove(&ht.table, (uintptr_t)block, former))
        return false;
    ht_release(former);
    return true;
}

/* realloc failed: the old block lives on. */
void ht_track_again(const ht_sample *former)
{
    insert(former);
}
