/* What the stages share: the hot line that every allocation touches, and the sampler behind it.
 *
 * The interpreter has one set of allocators for the whole process, so this state is the process's and not a module
 * object's. The GIL of the main interpreter guards it: the hooks of the MEM and OBJ domains run under it. */
#ifndef HEAPTIDE_SAMPLER_H
#define HEAPTIDE_SAMPLER_H

#include "frames.h"
#include "places.h"
#include "stacks.h"
#include "table.h"

#define HT_NEVER (INT64_MAX / 2) /* a countdown that no process reaches: nothing is sampled */

/* The allocators that the hooks call, of one domain. Their context passes through the hooks, which need none. */
typedef struct {
    void *(*malloc)(void *context, size_t size);
    void (*free)(void *context, void *block);
    void *(*realloc)(void *context, void *block, size_t size);
    void *(*calloc)(void *context, size_t count, size_t size);
} ht_next;

/* The first 64 bytes are all that an unsampled malloc, realloc or free of the OBJ domain reads. */
typedef struct {
    int64_t countdown; /* bytes until the next sample */
    ht_filter filter;  /* owned by the table of samples */
    ht_next obj;
    ht_next mem;
} ht_hot;

typedef struct {
    bool tracing;              /* between start and stop */
    bool paused;               /* no new samples; frees are still seen */
    bool busy;                 /* within a hook's slow path: what is allocated now isn't sampled */
    int frames;                /* most frames of a stack */
    double base_interval;      /* mean bytes between samples as asked for */
    double interval;           /* as in force: raised while a budget is exceeded */
    double samples_per_s;      /* budget */
    uint32_t window_start;     /* hundredths of a second */
    double window_samples;     /* drawn in it; one that its place didn't keep counts in part */
    unsigned long ignored;     /* identity of a thread whose allocations aren't sampled; 0: none */
    uint64_t ordinal;          /* samples drawn so far */
    uint64_t inherited_before; /* samples with a lower ordinal were drawn before the last fork */
    uint64_t lost;             /* samples for which there was no room at all */
    double live_bytes;         /* estimates */
    double peak_bytes;
    ht_random random;
    ht_place places[HT_PLACES];
    ht_table table;
    ht_stacks stacks;
} ht_sampler;

extern ht_hot ht_line __attribute__((visibility("hidden"), aligned(64)));
extern ht_sampler ht __attribute__((visibility("hidden")));

/* sampler.c: the slow path of the hooks, and the rate. */
uint32_t ht_now(void);
void ht_track(void *block, size_t size, const ht_sample *former);
bool ht_untrack(void *block, ht_sample *former);
void ht_track_again(const ht_sample *former);
void ht_release(const ht_sample *sample);
void ht_draw(void);
void ht_relax(uint32_t now);
void ht_seed(void);

/* hooks.c */
bool ht_hooks_installed(void);
/* NULL, or why the hooks can't be installed, as a sentence. */
const char *ht_hooks_install(void);
/* Whether both domains still lead to the hooks. */
bool ht_hooks_attached(void);

/* look.c: packed rows, as heaptide.tracemalloc_ng.estimates reads them; NULL with an exception set. */
PyObject *ht_look(double survivor_age_s, uint32_t most, PyObject *keep);
PyObject *ht_samples(void);

#endif
