/* The live samples, by address: open addressing with backward-shift deletion, behind a filter of one byte a bucket.
 *
 * This file and table.c know nothing of Python, so that a test can build them alone and drive them against a dict. */
#ifndef HEAPTIDE_TABLE_H
#define HEAPTIDE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "random.h"

#ifdef HEAPTIDE_NATIVE_ASSERT
#include <stdio.h>
#include <stdlib.h>
#define HT_ASSERT(condition)                                                                         \
    do {                                                                                             \
        if (!(condition)) {                                                                          \
            fprintf(stderr, "heaptide: %s doesn't hold (%s:%d)\n", #condition, __FILE__, __LINE__);  \
            abort();                                                                                 \
        }                                                                                            \
    } while (0)
#else
#define HT_ASSERT(condition) ((void)0)
#endif

#define HT_MOST_INTERVAL 0x1p30 /* bytes between samples; past it doubling no longer helps */

/* One sampled block that is still live. */
typedef struct {
    uintptr_t address; /* 0: the slot is free; the block belongs to the program */
    size_t size;       /* bytes asked for */
    double interval;   /* mean bytes between samples under which this one was drawn, or to which it was thinned since */
    uint64_t ordinal;  /* how many samples the process had drawn before, over forks too */
    uint32_t stack;    /* index in the table of stacks; the sample holds one count of that stack */
    uint32_t birth;    /* hundredths of a second since the tracer's clock began */
} ht_sample;

/* How many live samples fall into each bucket, stuck at 255: a free whose bucket holds 0 needs no look at the table. */
typedef struct {
    uint8_t *counts; /* owned, but for the one zero byte that stands for "no table" */
    size_t mask;     /* number of buckets minus 1 */
} ht_filter;

/* The one bucket of a filter without a table, always 0: every free ends there. */
extern uint8_t ht_no_table[1] __attribute__((visibility("hidden")));

typedef struct {
    ht_filter *filter;  /* borrowed: it lies in the cache line that the hooks read */
    ht_sample *slots;   /* owned, by the C library's calloc; NULL before ht_table_open */
    size_t mask;        /* number of slots minus 1 */
    size_t live;        /* samples held */
    size_t most_slots;  /* the table grows no further */
} ht_table;

typedef void (*ht_dropped)(void *context, const ht_sample *sample);

/* Allocators align blocks to 16 bytes and carve them from pools of 16 KiB: the low shift tells blocks of one pool
 * apart, the high one pools. */
static inline size_t ht_filter_bucket(const ht_filter *filter, uintptr_t address)
{
    return ((address >> 4) ^ (address >> 17)) & filter->mask;
}

/* The odds that a block of this size is sampled. */
static inline double ht_odds(size_t size, double interval)
{
    return -expm1(-(double)size / interval);
}

/* False where memory is short: then nothing is held. Takes at most max_bytes for the slots. */
bool ht_table_open(ht_table *table, ht_filter *filter, size_t max_bytes);
void ht_table_close(ht_table *table);
size_t ht_table_bytes(const ht_table *table);

const ht_sample *ht_table_find(const ht_table *table, uintptr_t address);
/* False where the table is full (three quarters of most_slots): thin it and try again. The address must be new. */
bool ht_table_insert(ht_table *table, const ht_sample *sample);
/* False where no sample has this address; else copies it to `removed`. */
bool ht_table_remove(ht_table *table, uintptr_t address, ht_sample *removed);

/* The shortest interval that a live sample stands for; 0 with none. */
double ht_table_shortest(const ht_table *table);
/* Thins all samples of a shorter interval to this one: a sample of size s stays with odds p(s, interval) / p(s, own),
 * so that what stays looks as if it had been drawn at `interval` at first. `dropped` hears of each that goes. */
void ht_table_thin(ht_table *table, double interval, ht_random *random, ht_dropped dropped, void *context);

#ifdef HEAPTIDE_NATIVE_ASSERT
void ht_table_check(const ht_table *table);
#endif

#endif
