/* Counts tracked objects per type, by the type's address; names are resolved by the caller, for types alone. */
#include "heap.h"

#include <stdlib.h>

typedef struct {
    PyTypeObject *type; /* borrowed while the GIL is held; NULL: the slot is free */
    Py_ssize_t count;
} type_count;

typedef struct {
    type_count *slots; /* owned */
    size_t mask;       /* number of slots minus 1 */
    size_t used;
    type_count *last;  /* objects of one type often follow each other */
    bool short_of_memory;
} type_table;

static type_count *locate(type_count *slots, size_t mask, PyTypeObject *type)
{
    size_t slot = (size_t)(((uint64_t)((uintptr_t)type >> 4) * 0x9E3779B97F4A7C15u) >> 32) & mask;
    while (slots[slot].type && slots[slot].type != type)
        slot = (slot + 1) & mask;
    return &slots[slot];
}

static bool grow(type_table *table)
{
    size_t mask = table->mask * 2 + 1;
    type_count *slots = calloc(mask + 1, sizeof(type_count));
    if (!slots)
        return false;
    for (size_t i = 0; i <= table->mask; i++)
        if (table->slots[i].type)
            *locate(slots, mask, table->slots[i].type) = table->slots[i];
    free(table->slots);
    table->slots = slots;
    table->mask = mask;
    return true;
}

static bool count(PyObject *object, void *context)
{
    type_table *table = context;
    PyTypeObject *type = Py_TYPE(object);
    if (table->last && table->last->type == type) {
        table->last->count++;
        return true;
    }
    if (table->used * 2 > table->mask && !grow(table)) {
        table->short_of_memory = true;
        return false;
    }
    type_count *found = locate(table->slots, table->mask, type);
    table->used += !found->type;
    found->type = type;
    found->count++;
    table->last = found;
    return true;
}

/* Holds each type first: making an object may start a collection, and that may end the life of one. */
static PyObject *pairs_of(const type_table *table)
{
    for (size_t i = 0; i <= table->mask; i++)
        Py_XINCREF(table->slots[i].type);
    PyObject *pairs = PyList_New(0);
    for (size_t i = 0; i <= table->mask; i++) {
        if (!table->slots[i].type)
            continue;
        PyObject *pair = pairs ? Py_BuildValue("(On)", table->slots[i].type, table->slots[i].count) : NULL;
        if (!pair || PyList_Append(pairs, pair) < 0)
            Py_CLEAR(pairs);
        Py_XDECREF(pair);
        Py_DECREF(table->slots[i].type);
    }
    return pairs;
}

PyObject *hw_count_types(void)
{
    type_table table = {.slots = calloc(1024, sizeof(type_count)), .mask = 1023};
    if (!table.slots)
        return PyErr_NoMemory();
    hw_each_tracked(PyInterpreterState_Get(), false, count, &table);
    PyObject *pairs = table.short_of_memory ? PyErr_NoMemory() : pairs_of(&table);
    free(table.slots);
    return pairs;
}
