/* What pymalloc, Python's allocator of small blocks, holds in use and free. */
#ifndef HEAPTIDE_PYMALLOC_H
#define HEAPTIDE_PYMALLOC_H

#include "heap.h"

/* Whether it can be read a few arenas at a time. */
#if defined(WITH_PYMALLOC) && PY_VERSION_HEX >= 0x030C0000
#define HW_PYMALLOC_IN_STEPS true
#else
#define HW_PYMALLOC_IN_STEPS false
#endif

typedef struct {
    uint32_t at;       /* the arena to go on with; 0 once all were read */
    size_t used_bytes; /* with what rounding up adds to each block */
    size_t free_bytes;
} hw_pymalloc_sums;

/* Adds up to `most` arenas to the sums, all of them where it can't be done in steps; false where nothing is known. */
bool hw_pymalloc(PyInterpreterState *interpreter, uint32_t most, hw_pymalloc_sums *sums);

#endif
