/* Tells which object a block belongs to: an object lies in its block behind the collector's and the interpreter's
 * headers, so the block that contains its address is its own; tables and buffers are known by their container. */
#include "walk.h"

enum { HEADERS = 512 }; /* no object or table begins further into its block */

static size_t filter_bit(uintptr_t address)
{
    return (size_t)(((uint64_t)(address >> 12) * 0x9E3779B97F4A7C15u) >> 48);
}

void hw_targets_begin(void)
{
    hw.to_find = hw.asked.target_count;
    for (size_t i = 0; i < hw.asked.target_count; i++) {
        const hw_target *target = &hw.asked.targets[i];
        uintptr_t last = target->address + (target->size < HEADERS ? target->size : HEADERS);
        for (uintptr_t at = target->address & ~(uintptr_t)4095; at <= last; at += 4096)
            hw.filter[filter_bit(at) / 64] |= 1ull << filter_bit(at) % 64;
    }
}

static hw_target *target_at(uintptr_t address)
{
    size_t bit = filter_bit(address);
    if (!(hw.filter[bit / 64] >> bit % 64 & 1))
        return NULL;
    size_t low = 0, high = hw.asked.target_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (hw.asked.targets[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    hw_target *target = low ? &hw.asked.targets[low - 1] : NULL;
    return target && address < target->address + target->size ? target : NULL;
}

static void match(uintptr_t address, PyObject *object, uint32_t holder, bool storage)
{
    hw_target *target = target_at(address);
    if (!target || target->found)
        return;
    target->found = true;
    target->storage = storage;
    target->holder = holder;
    target->object = object;
    if (--hw.to_find == 0)
        hw.done = true;
}

void hw_match(PyObject *object, uint32_t holder)
{
    match((uintptr_t)object, object, holder, false);
}

static void match_block(void *block, PyObject *object, uint32_t holder)
{
    if (block)
        match((uintptr_t)block, object, holder, true);
}

/* As in collections' C code; the same in CPython 3.10 to 3.13. */
typedef struct block {
    struct block *left;
    PyObject *data[64];
    struct block *right;
} deque_block;

typedef struct {
    PyObject_VAR_HEAD
    deque_block *left;
    deque_block *right;
} deque_object;

static void match_deque(PyObject *object, uint32_t holder)
{
    const deque_object *deque = (const deque_object *)object;
    for (deque_block *block = deque->left; block; block = block == deque->right ? NULL : block->right)
        match_block(block, object, holder);
}

void hw_match_storage(PyObject *object, uint32_t holder)
{
    if (PyDict_Check(object)) {
        void *keys, *values;
        hw_dict_blocks(object, &keys, &values);
        match_block(keys, object, holder);
        match_block(values, object, holder);
    } else if (PyList_Check(object)) {
        match_block(((PyListObject *)object)->ob_item, object, holder);
    } else if (PyAnySet_CheckExact(object)) {
        match_block(((PySetObject *)object)->table, object, holder);
    } else if (PyByteArray_CheckExact(object)) {
        match_block(((PyByteArrayObject *)object)->ob_bytes, object, holder);
    } else if (hw.asked.deque && Py_TYPE(object) == hw.asked.deque) {
        match_deque(object, holder);
    } else {
        match_block(hw_values_of(object).block, object, holder);
    }
}
