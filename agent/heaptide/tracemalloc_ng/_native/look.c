/* Sums up the live samples per stack. The work is bounded by the tables' budget, whatever the size of the heap. */
#include "sampler.h"

#include <stdlib.h>

enum { AGES = 5 };

static const double age_limits_s[AGES - 1] = {60, 5 * 60, 30 * 60, 2 * 60 * 60};

/* One stack's row; the stub and heaptide.tracemalloc_ng.estimates name the same fields. */
typedef struct {
    uint64_t key;
    double bytes;
    double blocks;
    double survivor_bytes;
    double survivor_blocks;
    double inherited_bytes;
    double allocated_bytes;
    double allocated_blocks;
    double variance_bytes2;
    double age_bytes[AGES];
} ht_row;

static int age_class(double age_s)
{
    int class = 0;
    while (class < AGES - 1 && age_s >= age_limits_s[class])
        class++;
    return class;
}

/* Horvitz and Thompson: a sample of odds p stands for 1/p blocks, with variance (1 - p)/p^2. */
static void add_sample(ht_row *row, const ht_sample *sample, uint32_t now, double survivor_age_s)
{
    double odds = ht_odds(sample->size, sample->interval);
    double bytes = (double)sample->size / odds;
    double age_s = (uint32_t)(now - sample->birth) / 100.0;
    row->bytes += bytes;
    row->blocks += 1 / odds;
    row->variance_bytes2 += bytes * bytes * (1 - odds);
    row->age_bytes[age_class(age_s)] += bytes;
    if (age_s >= survivor_age_s) {
        row->survivor_bytes += bytes;
        row->survivor_blocks += 1 / odds;
    }
    if (sample->ordinal < ht.inherited_before)
        row->inherited_bytes += bytes;
}

static void sum_samples(ht_row *rows, double survivor_age_s)
{
    uint32_t now = ht_now();
    for (uint32_t i = 0; i < ht.stacks.used; i++) {
        const ht_stack *stack = ht.stacks.entries[i];
        if (stack)
            rows[i] = (ht_row){.key = stack->key, .allocated_bytes = stack->allocated_bytes,
                               .allocated_blocks = stack->allocated_blocks};
    }
    for (size_t i = 0; ht.table.slots && i <= ht.table.mask; i++)
        if (ht.table.slots[i].address)
            add_sample(&rows[ht.table.slots[i].stack], &ht.table.slots[i], now, survivor_age_s);
}

/* Closes the gaps that evicted stacks left. */
static size_t compact(ht_row *rows, uint32_t used)
{
    size_t count = 0;
    for (uint32_t i = 0; i < used; i++)
        if (ht.stacks.entries[i])
            rows[count++] = rows[i];
    return count;
}

/* The rows are complete before the first object is made: making it may draw a sample. */
PyObject *ht_look(double survivor_age_s)
{
    uint32_t used = ht.stacks.used;
    ht_row *rows = malloc((used ? used : 1) * sizeof(ht_row));
    if (!rows)
        return PyErr_NoMemory();
    sum_samples(rows, survivor_age_s);
    size_t count = compact(rows, used);
    ht_recount();
    PyObject *packed = PyBytes_FromStringAndSize((const char *)rows, (Py_ssize_t)(count * sizeof(ht_row)));
    free(rows);
    return packed;
}

typedef struct {
    uint64_t address;
    uint64_t size;
    double interval;
    uint64_t ordinal;
    uint64_t key;
    double age_s;
} ht_sample_row;

PyObject *ht_samples(void)
{
    uint32_t now = ht_now();
    size_t count = 0;
    ht_sample_row *rows = malloc((ht.table.live + 1) * sizeof(ht_sample_row));
    if (!rows)
        return PyErr_NoMemory();
    for (size_t i = 0; ht.table.slots && i <= ht.table.mask; i++) {
        const ht_sample *sample = &ht.table.slots[i];
        if (sample->address)
            rows[count++] = (ht_sample_row){.address = sample->address, .size = sample->size,
                                            .interval = sample->interval, .ordinal = sample->ordinal,
                                            .key = ht.stacks.entries[sample->stack]->key,
                                            .age_s = (uint32_t)(now - sample->birth) / 100.0};
    }
    PyObject *packed = PyBytes_FromStringAndSize((const char *)rows, (Py_ssize_t)(count * sizeof(ht_sample_row)));
    free(rows);
    return packed;
}
