/* Breadth first, so that a path is a shortest one, and no depth of the heap can exhaust the stack. */
#include "walk.h"

enum {
    LOOK_AT_CLOCK = 1024,
    AHEAD = 8, /* objects that are on their way from memory while others are expanded: a fifth of the walk's time */
};

hw_walk hw;
volatile int hw_expired;

bool hw_is_static_type(PyObject *object)
{
    return PyType_Check(object) && !PyType_HasFeature((PyTypeObject *)object, Py_TPFLAGS_HEAPTYPE);
}

/* A static type isn't collectable and its traverse function aborts the process; its attributes are alive all the same. */
void hw_expand(PyObject *object, visitproc visit)
{
    if (hw_is_static_type(object)) {
        PyObject *attributes = ((PyTypeObject *)object)->tp_dict;
        if (attributes)
            visit(attributes, NULL);
        return;
    }
    traverseproc traverse = Py_TYPE(object)->tp_traverse;
    if (traverse)
        traverse(object, visit, NULL);
}

/* Visits objects from the cursor to `end`, which may move on meanwhile. An object whose traverse function crashes is
 * left half visited. */
void hw_each(uint32_t *cursor, const uint32_t *end, void (*visit)(uint32_t number))
{
    if (sigsetjmp(hw.escape, 0))
        hw.skipped++;
    hw.may_escape = true;
    while (*cursor < *end && !hw.done) {
        uint32_t number = (*cursor)++;
        if (number % LOOK_AT_CLOCK == 0 && hw_expired) {
            hw.done = true;
            hw.ended = "time";
        }
        visit(number);
    }
    hw.may_escape = false;
}

static int visit(PyObject *child, void *context)
{
    (void)context;
    if (!child)
        return 0;
    if (!PyObject_IS_GC(child) && !hw_is_static_type(child)) {
        hw_match(child, hw.current);
        if (PyByteArray_CheckExact(child))
            hw_match_storage(child, hw.current);
    } else if (hw_store_find(&hw.store, (uintptr_t)child) == HW_NONE) {
        if (hw_store_add(&hw.store, (uintptr_t)child, hw.current)) {
            hw_match(child, hw.current);
        } else {
            hw.done = true;
            hw.ended = "memory";
        }
    }
    return hw.done;
}

static void expand(uint32_t number)
{
    hw.current = number;
    if (number + AHEAD < hw.store.count)
        __builtin_prefetch(hw_object(number + AHEAD));
    PyObject *object = hw_object(number);
    hw_match_storage(object, hw.store.parents[number]);
    hw_expand(object, visit);
}

static void drain(void)
{
    hw_each(&hw.cursor, &hw.store.count, expand);
}

/* The agent's own objects are put into the store first, so that no path leads through them, and expanded last. */
static void drain_own(uint32_t own)
{
    uint32_t cursor = 0;
    hw_each(&cursor, &own, expand);
    hw_seed_own_frames();
    drain();
}

void hw_run(void)
{
    hw.roots = hw_pages(HW_MOST_ROOTS * sizeof(hw_root));
    if (!hw.roots || !hw_store_open(&hw.store, hw.asked.most_bytes)) {
        hw.ended = "memory";
        return;
    }
    hw_targets_begin();
    hw_seed_own();
    uint32_t own = hw.cursor = hw.store.count;
    hw_seed_modules();
    drain();
    hw_seed_registries();
    drain();
    hw_seed_threads();
    drain();
    if (!hw.done)
        drain_own(own);
    if (!hw.done)
        hw_run_unreached();
}
