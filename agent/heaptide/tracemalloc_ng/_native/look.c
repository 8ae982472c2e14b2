/* Sums up the live samples per stack. The work is bounded by the tables' budget, whatever the size of the heap. */
#include "sampler.h"

#include <stdlib.h>
#include <string.h>

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
    ht.live_bytes = 0; /* summed anew, so that rounding doesn't add up over millions of additions and subtractions */
    for (uint32_t i = 0; i < ht.stacks.used; i++)
        ht.live_bytes += rows[i].bytes;
}

static void add_row(ht_row *sum, const ht_row *row)
{
    sum->bytes += row->bytes;
    sum->blocks += row->blocks;
    sum->survivor_bytes += row->survivor_bytes;
    sum->survivor_blocks += row->survivor_blocks;
    sum->inherited_bytes += row->inherited_bytes;
    sum->allocated_bytes += row->allocated_bytes;
    sum->allocated_blocks += row->allocated_blocks;
    sum->variance_bytes2 += row->variance_bytes2;
    for (int class = 0; class < AGES; class++)
        sum->age_bytes[class] += row->age_bytes[class];
}

/* Restores the order of the heap, the smallest row on top, after its top was replaced. */
static void sift(uint32_t *heap, uint32_t count, const ht_row *rows)
{
    uint32_t at = 0;
    for (;;) {
        uint32_t smallest = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (rows[heap[child]].bytes < rows[heap[smallest]].bytes)
                smallest = child;
        if (smallest == at)
            return;
        uint32_t moved = heap[at];
        heap[at] = heap[smallest];
        heap[smallest] = moved;
        at = smallest;
    }
}

/* Marks the `most` largest. The heap begins full of the stack without frames, which counts as smaller than any. */
static void choose_largest(ht_row *rows, uint32_t used, uint32_t most, uint32_t *heap, bool *chosen)
{
    uint32_t count = most < used ? most : used;
    double bytes_without_frames = rows[HT_NO_STACK].bytes;
    rows[HT_NO_STACK].bytes = -1;
    for (uint32_t i = 1; count && i < used; i++) {
        if (!ht.stacks.entries[i] || rows[i].bytes <= rows[heap[0]].bytes)
            continue;
        heap[0] = i;
        sift(heap, count, rows);
    }
    rows[HT_NO_STACK].bytes = bytes_without_frames;
    for (uint32_t i = 0; i < count; i++)
        chosen[heap[i]] = true;
}

static bool choose_kept(const ht_row *rows, uint32_t used, PyObject *keep, bool *chosen)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keep); i++) {
        uint64_t key = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(keep, i));
        if (PyErr_Occurred())
            return false;
        uint64_t index = key & ((1u << HT_INDEX_BITS) - 1);
        if (index < used && rows[index].key == key)
            chosen[index] = true;
    }
    return true;
}

/* Brings the chosen rows to the front, behind one for the sum of all others; returns how many there are then. */
static size_t pack(ht_row *rows, uint32_t used, const bool *chosen)
{
    ht_row others = rows[HT_NO_STACK];
    size_t count = 1;
    for (uint32_t i = 1; i < used; i++)
        if (chosen[i])
            rows[count++] = rows[i];
        else
            add_row(&others, &rows[i]);
    rows[0] = others;
    return count;
}

/* Sums before the first object is made: making it may draw a sample. */
static PyObject *pack_look(double survivor_age_s, uint32_t most, PyObject *keep, ht_row *rows, bool *chosen,
                           uint32_t *heap, uint32_t used)
{
    sum_samples(rows, survivor_age_s);
    choose_largest(rows, used, most, heap, chosen);
    if (!choose_kept(rows, used, keep, chosen))
        return NULL;
    return PyBytes_FromStringAndSize((const char *)rows, (Py_ssize_t)(pack(rows, used, chosen) * sizeof(ht_row)));
}

PyObject *ht_look(double survivor_age_s, uint32_t most, PyObject *keep)
{
    uint32_t used = ht.stacks.used;
    ht_row *rows = calloc(used + 1, sizeof(ht_row));
    bool *chosen = calloc(used + 1, sizeof(bool));
    uint32_t *heap = calloc(used + 1, sizeof(uint32_t));
    PyObject *packed = rows && chosen && heap ? pack_look(survivor_age_s, most, keep, rows, chosen, heap, used)
                                              : PyErr_NoMemory();
    free(rows);
    free(chosen);
    free(heap);
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
