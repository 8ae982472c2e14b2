/* What no root reaches. As the collector does, references among these objects are counted: an object with more
 * references than that is held by something that traverse functions don't tell of, and so is all that it holds. The
 * rest is garbage that awaits collection, and is never reported as held. */
#include "walk.h"

static bool add_candidate(PyObject *object, void *context)
{
    (void)context;
    if (hw_store_find(&hw.store, (uintptr_t)object) != HW_NONE || hw_store_add(&hw.store, (uintptr_t)object, HW_CANDIDATE))
        return true;
    hw.done = true;
    hw.ended = "memory";
    return false;
}

static bool is_candidate(uint32_t number)
{
    return number != HW_NONE && number >= hw.first_candidate && hw.store.parents[number] == HW_CANDIDATE;
}

static int count_reference(PyObject *child, void *context)
{
    (void)context;
    if (child && PyObject_IS_GC(child)) {
        uint32_t number = hw_store_find(&hw.store, (uintptr_t)child);
        if (is_candidate(number))
            hw.counts[number - hw.first_candidate]++;
    }
    return 0;
}

static void count_references(uint32_t number)
{
    hw_expand(hw_object(number), count_reference);
}

/* Whether something else than candidates refers to it. */
static bool is_held(uint32_t number)
{
    return Py_REFCNT(hw_object(number)) > (Py_ssize_t)hw.counts[number - hw.first_candidate];
}

static void reached(uint32_t number, uint32_t holder)
{
    hw.store.parents[number] = holder;
    if (hw.queue_tail < hw.queue_room)
        hw.queue[hw.queue_tail++] = number;
    hw_match(hw_object(number), holder);
}

static void root_on_stack(uintptr_t word, const hw_frame *frame, PyThreadState *thread)
{
    uint32_t number = word ? hw_store_find(&hw.store, word) : HW_NONE;
    if (is_candidate(number) && is_held(number))
        reached(number, HW_ROOT | hw_add_root((hw_root){.kind = HW_TEMPORARY, .thread = thread->thread_id,
                                                        .code = frame->code, .globals = frame->globals}));
}

/* Also reaches what the collector doesn't track; that was no candidate. */
static int visit(PyObject *child, void *context)
{
    (void)context;
    if (!child)
        return 0;
    if (!PyObject_IS_GC(child)) {
        hw_match(child, hw.current);
        if (PyByteArray_CheckExact(child))
            hw_match_storage(child, hw.current);
        return hw.done;
    }
    uint32_t number = hw_store_find(&hw.store, (uintptr_t)child);
    if (number == HW_NONE) {
        number = hw.store.count;
        if (!hw_store_add(&hw.store, (uintptr_t)child, HW_CANDIDATE))
            hw.done = true, hw.ended = "memory";
        else
            reached(number, hw.current);
    } else if (is_candidate(number)) {
        reached(number, hw.current);
    }
    return hw.done;
}

static void expand_queued(uint32_t at)
{
    hw.current = hw.queue[at];
    PyObject *object = hw_object(hw.current);
    hw_match_storage(object, hw.store.parents[hw.current]);
    hw_expand(object, visit);
}

/* Also reaches what the collector doesn't track: that is garbage with what refers to it. */
static int visit_garbage(PyObject *child, void *context)
{
    (void)context;
    if (!child)
        return 0;
    hw_match(child, HW_CANDIDATE);
    if (PyByteArray_CheckExact(child))
        hw_match_storage(child, HW_CANDIDATE);
    if (PyObject_IS_GC(child))
        add_candidate(child, NULL);
    return hw.done;
}

static void expand_garbage(uint32_t number)
{
    if (hw.store.parents[number] != HW_CANDIDATE)
        return;
    PyObject *object = hw_object(number);
    hw_match(object, HW_CANDIDATE);
    hw_match_storage(object, HW_CANDIDATE);
    hw_expand(object, visit_garbage);
}

static bool make_room(uint32_t candidates)
{
    hw.queue_room = candidates * 2 + 1024;
    hw.counts = hw_pages((size_t)(candidates + 1) * sizeof(uint32_t));
    hw.queue = hw_pages((size_t)hw.queue_room * sizeof(uint32_t));
    if (hw.counts && hw.queue)
        return true;
    hw.ended = "memory";
    return false;
}

void hw_run_unreached(void)
{
    hw.first_candidate = hw.store.count;
    hw_each_tracked(hw.asked.interpreter, true, add_candidate, NULL);
    uint32_t end = hw.store.count, cursor = hw.first_candidate;
    if (hw.done || !make_room(end - hw.first_candidate))
        return;
    hw_each(&cursor, &end, count_references);
    hw_each_stack_word(root_on_stack);
    uint32_t from_c = HW_ROOT | hw_add_root((hw_root){.kind = HW_HELD_FROM_C});
    for (uint32_t i = hw.first_candidate; i < end && !hw.done; i++)
        if (is_candidate(i) && is_held(i))
            reached(i, from_c);
    hw_each(&hw.queue_head, &hw.queue_tail, expand_queued);
    cursor = hw.first_candidate;
    hw_each(&cursor, &hw.store.count, expand_garbage);
}
