/* The collector's lists. From 3.12 PyUnstable_GC_VisitObjects would walk them too, but it counts a reference up and
 * down on each object: that writes to every page of the heap. */
#define Py_BUILD_CORE 1
#include "heap.h"

#include <internal/pycore_interp.h>
#include <internal/pycore_gc.h>

#if PY_VERSION_HEX < 0x030A0000 || PY_VERSION_HEX >= 0x030E0000
#error "heaptide's heap walker knows CPython 3.10 to 3.13"
#endif
#ifdef Py_GIL_DISABLED
#error "heaptide's heap walker relies on the GIL"
#endif

static bool each_in(PyGC_Head *head, hw_visit visit, void *context)
{
    for (PyGC_Head *at = (PyGC_Head *)head->_gc_next; at && at != head; at = (PyGC_Head *)at->_gc_next)
        if (!visit((PyObject *)(at + 1), context))
            return false;
    return true;
}

bool hw_each_tracked(PyInterpreterState *interpreter, bool frozen, hw_visit visit, void *context)
{
    struct _gc_runtime_state *collector = &interpreter->gc;
    for (int i = 0; i < NUM_GENERATIONS; i++)
        if (!each_in(&collector->generations[i].head, visit, context))
            return false;
    return !frozen || each_in(&collector->permanent_generation.head, visit, context);
}
