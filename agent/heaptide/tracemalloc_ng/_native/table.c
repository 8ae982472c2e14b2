#include "table.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIRST_SLOTS = 1024,
    FIRST_BUCKETS = 8 * 1024,      /* fits the first cache beside the program's own data */
    MOST_BUCKETS = 256 * 1024,     /* fits the second */
    LIVE_PER_BUCKETS = 8,          /* at most one bucket in eight is taken, so seven frees in eight end at the filter */
};

uint8_t ht_no_table[1];

static size_t home(const ht_table *table, uintptr_t address)
{
    return (size_t)(((uint64_t)(address >> 4) * 0x9E3779B97F4A7C15u) >> 32) & table->mask;
}

static void filter_add(ht_filter *filter, uintptr_t address)
{
    uint8_t *count = &filter->counts[ht_filter_bucket(filter, address)];
    if (*count < UINT8_MAX)
        ++*count;
}

static void filter_drop(ht_filter *filter, uintptr_t address)
{
    uint8_t *count = &filter->counts[ht_filter_bucket(filter, address)];
    HT_ASSERT(*count > 0);
    if (*count < UINT8_MAX)
        --*count;
}

static void filter_close(ht_filter *filter)
{
    if (filter->counts != ht_no_table)
        free(filter->counts);
    filter->counts = ht_no_table;
    filter->mask = 0;
}

/* A wider filter is a matter of speed alone: where memory is short the old one goes on. */
static void widen_filter(ht_table *table)
{
    ht_filter wider = {.mask = (table->filter->mask + 1) * 2 - 1};
    if (wider.mask >= MOST_BUCKETS || !(wider.counts = calloc(wider.mask + 1, 1)))
        return;
    for (size_t i = 0; i <= table->mask; i++)
        if (table->slots[i].address)
            filter_add(&wider, table->slots[i].address);
    filter_close(table->filter);
    *table->filter = wider;
}

bool ht_table_open(ht_table *table, ht_filter *filter, size_t max_bytes)
{
    size_t most = 64;
    while (most * 2 * sizeof(ht_sample) <= max_bytes)
        most *= 2;
    size_t slots = most < FIRST_SLOTS ? most : FIRST_SLOTS;
    *table = (ht_table){.filter = filter, .mask = slots - 1, .most_slots = most};
    uint8_t *counts = calloc(FIRST_BUCKETS, 1);
    table->slots = calloc(slots, sizeof(ht_sample));
    if (!counts || !table->slots) {
        free(counts);
        free(table->slots);
        table->slots = NULL;
        return false;
    }
    *filter = (ht_filter){.counts = counts, .mask = FIRST_BUCKETS - 1};
    return true;
}

void ht_table_close(ht_table *table)
{
    if (table->filter)
        filter_close(table->filter);
    free(table->slots);
    table->slots = NULL;
    table->live = 0;
}

size_t ht_table_bytes(const ht_table *table)
{
    return table->slots ? (table->mask + 1) * sizeof(ht_sample) + table->filter->mask + 1 : 0;
}

/* The slot of this address, or the free slot where its run ends. */
static size_t locate(const ht_table *table, uintptr_t address)
{
    size_t slot = home(table, address);
    while (table->slots[slot].address && table->slots[slot].address != address)
        slot = (slot + 1) & table->mask;
    return slot;
}

const ht_sample *ht_table_find(const ht_table *table, uintptr_t address)
{
    if (!table->slots || !address)
        return NULL;
    const ht_sample *sample = &table->slots[locate(table, address)];
    return sample->address ? sample : NULL;
}

static bool grow(ht_table *table)
{
    size_t slots = (table->mask + 1) * 2;
    if (slots > table->most_slots)
        return false;
    ht_table larger = *table;
    larger.slots = calloc(slots, sizeof(ht_sample));
    if (!larger.slots)
        return false;
    larger.mask = slots - 1;
    for (size_t i = 0; i <= table->mask; i++)
        if (table->slots[i].address)
            larger.slots[locate(&larger, table->slots[i].address)] = table->slots[i];
    free(table->slots);
    *table = larger;
    return true;
}

bool ht_table_insert(ht_table *table, const ht_sample *sample)
{
    if ((table->live + 1) * 4 > (table->mask + 1) * 3 && !grow(table))
        return false;
    size_t slot = locate(table, sample->address);
    HT_ASSERT(sample->address && !table->slots[slot].address);
    table->slots[slot] = *sample;
    table->live++;
    filter_add(table->filter, sample->address);
    if (table->live * LIVE_PER_BUCKETS > table->filter->mask + 1)
        widen_filter(table);
    return true;
}

/* Pulls back the samples behind a hole that may stand there, so that no run has a gap and no tombstone is needed. */
static void close_hole(ht_table *table, size_t hole)
{
    size_t slot = hole;
    for (;;) {
        slot = (slot + 1) & table->mask;
        if (!table->slots[slot].address)
            break;
        size_t wanted = home(table, table->slots[slot].address);
        if (((slot - wanted) & table->mask) >= ((slot - hole) & table->mask)) {
            table->slots[hole] = table->slots[slot];
            hole = slot;
        }
    }
    table->slots[hole].address = 0;
}

static void remove_slot(ht_table *table, size_t slot)
{
    filter_drop(table->filter, table->slots[slot].address);
    table->live--;
    close_hole(table, slot);
}

bool ht_table_remove(ht_table *table, uintptr_t address, ht_sample *removed)
{
    if (!table->slots || !address)
        return false;
    size_t slot = locate(table, address);
    if (!table->slots[slot].address)
        return false;
    *removed = table->slots[slot];
    remove_slot(table, slot);
    return true;
}

double ht_table_shortest(const ht_table *table)
{
    double shortest = 0;
    for (size_t i = 0; table->slots && i <= table->mask; i++)
        if (table->slots[i].address && (shortest == 0 || table->slots[i].interval < shortest))
            shortest = table->slots[i].interval;
    return shortest;
}

/* A removal pulls later samples of the run into the slot, so the slot is looked at again. At the table's end those may
 * come from its beginning and have been seen; their interval says so. */
void ht_table_thin(ht_table *table, double interval, ht_random *random, ht_dropped dropped, void *context)
{
    for (size_t i = 0; i <= table->mask;) {
        ht_sample *sample = &table->slots[i];
        if (!sample->address || sample->interval >= interval) {
            i++;
            continue;
        }
        double stays = ht_odds(sample->size, interval) / ht_odds(sample->size, sample->interval);
        if (ht_random_unit(random) < stays) {
            sample->interval = interval;
            i++;
        } else {
            ht_sample gone = *sample;
            remove_slot(table, i);
            dropped(context, &gone);
        }
    }
}

#ifdef HEAPTIDE_NATIVE_ASSERT
void ht_table_check(const ht_table *table)
{
    size_t live = 0;
    for (size_t i = 0; table->slots && i <= table->mask; i++) {
        uintptr_t address = table->slots[i].address;
        if (!address)
            continue;
        live++;
        HT_ASSERT(locate(table, address) == i);
        HT_ASSERT(table->filter->counts[ht_filter_bucket(table->filter, address)] > 0);
    }
    HT_ASSERT(live == table->live);
}
#endif
