/* Interned stacks: each distinct stack once, with the samples that it holds and what it ever allocated. */
#ifndef HEAPTIDE_STACKS_H
#define HEAPTIDE_STACKS_H

#include "frames.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HT_NO_STACK = 0,            /* index of the stack without frames, which also takes what no room is left for */
    HT_INDEX_BITS = 20,         /* a key is serial << HT_INDEX_BITS | index */
    HT_STACK_BUCKETS = 4096,
    HT_GRAVES = 4096,
};

typedef struct {
    uint64_t key;            /* ascending over the life of the process, never used again */
    double allocated_bytes;  /* estimate of all bytes since the stack was interned, freed or not */
    double allocated_blocks;
    uint32_t hash;
    uint32_t next;           /* index of the next stack in the bucket; HT_NO_STACK ends the chain */
    uint32_t live;           /* samples that refer to it */
    uint16_t depth;
    bool recent;             /* seen again since the clock's hand or a sweep last passed */
    ht_frame frames[];       /* allocation first; each holds a strong reference to its code object */
} ht_stack;

typedef struct {
    ht_stack **entries;      /* owned; NULL where an index is free */
    uint32_t *buckets;       /* owned; HT_STACK_BUCKETS indexes */
    PyCodeObject **graves;   /* owned, strong: last references, which the hooks must not drop */
    uint32_t used;           /* indexes given out, freed ones among them */
    uint32_t room;           /* length of `entries` */
    uint32_t count;          /* stacks held */
    uint32_t hand;           /* where the clock stopped */
    uint32_t buried;         /* length of what `graves` holds */
    uint32_t spare;          /* hint: no index below is free */
    uint64_t serial;
    size_t bytes;            /* held by stacks */
    size_t max_bytes;
} ht_stacks;

bool ht_stacks_open(ht_stacks *stacks, size_t max_bytes);
/* Leaves the table empty and closed. Drops references, so arbitrary code may run: never called by a hook. */
void ht_stacks_close(ht_stacks *stacks);
/* Forgets everything without dropping a reference: for the end of the interpreter. */
void ht_stacks_abandon(ht_stacks *stacks);
size_t ht_stacks_bytes(const ht_stacks *stacks);

/* The index of this stack, made if it is new; -1 where every stack holds samples and the budget is spent. */
int64_t ht_stacks_intern(ht_stacks *stacks, const ht_frame *frames, int depth);
/* The stack of this key, or NULL where it is gone. */
const ht_stack *ht_stacks_get(const ht_stacks *stacks, uint64_t key);
/* Forgets the stacks without samples that were not seen again since the last sweep. */
void ht_stacks_sweep(ht_stacks *stacks);
/* Drops the references that the hooks had to keep. Arbitrary code may run: never called by a hook. */
void ht_stacks_bury(ht_stacks *stacks);

#endif
