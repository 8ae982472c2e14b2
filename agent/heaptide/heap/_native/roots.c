/* Where the walk begins. What comes first wins: a module is a better answer than the frame that happens to use it. */
#include "walk.h"

static void seed(PyObject *object, hw_root root)
{
    if (!object)
        return;
    uint32_t holder = HW_ROOT | hw_add_root(root);
    if (!PyObject_IS_GC(object) && !hw_is_static_type(object)) {
        hw_match(object, holder);
        hw_match_storage(object, holder);
    } else if (hw_store_find(&hw.store, (uintptr_t)object) == HW_NONE) {
        if (hw_store_add(&hw.store, (uintptr_t)object, holder))
            hw_match(object, holder);
        else
            hw.done = true, hw.ended = "memory";
    }
}

/* The last one takes what comes after the table is full. */
uint32_t hw_add_root(hw_root root)
{
    uint32_t number = hw.root_count < HW_MOST_ROOTS ? hw.root_count++ : HW_MOST_ROOTS - 1;
    hw.roots[number] = root;
    return number;
}

static void seed_own(PyObject *object)
{
    if (object && PyObject_IS_GC(object) && hw_store_find(&hw.store, (uintptr_t)object) == HW_NONE)
        hw_store_add(&hw.store, (uintptr_t)object, HW_OWN);
}

void hw_seed_own(void)
{
    seed_own(hw.asked.modules);
    seed_own(hw.asked.named);
    seed_own(hw.asked.own);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(hw.asked.own); i++)
        seed_own(PyList_GET_ITEM(hw.asked.own, i));
}

/* All dicts first: a module object is reached from many places, and must not stand before its dict in a path. */
void hw_seed_modules(void)
{
    Py_ssize_t count = PyList_GET_SIZE(hw.asked.modules);
    for (int dicts = 1; dicts >= 0; dicts--)
        for (Py_ssize_t i = 0; i < count; i++) {
            PyObject *pair = PyList_GET_ITEM(hw.asked.modules, i), *module = PyTuple_GET_ITEM(pair, 1);
            PyObject *object = dicts ? (PyModule_Check(module) ? PyModule_GetDict(module) : NULL) : module;
            seed(object, (hw_root){.kind = HW_OF_MODULE, .label = PyTuple_GET_ITEM(pair, 0)});
        }
}

static void seed_registry(const char *text, PyObject *object, void *context)
{
    (void)context;
    seed(object, (hw_root){.kind = HW_NAMED, .text = text});
}

void hw_seed_registries(void)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(hw.asked.named); i++) {
        PyObject *pair = PyList_GET_ITEM(hw.asked.named, i);
        seed(PyTuple_GET_ITEM(pair, 1), (hw_root){.kind = HW_NAMED, .label = PyTuple_GET_ITEM(pair, 0)});
    }
    hw_each_registry(hw.asked.interpreter, seed_registry, NULL);
}

static void seed_of_thread(const char *text, PyObject *object, void *context)
{
    seed(object, (hw_root){.kind = HW_OF_THREAD, .text = text, .thread = ((PyThreadState *)context)->thread_id});
}

static bool is_own(PyObject *object)
{
    uint32_t number = hw_store_find(&hw.store, (uintptr_t)object);
    return number != HW_NONE && hw.store.parents[number] == HW_OWN;
}

static void seed_frame(const hw_frame *frame, PyThreadState *thread)
{
    hw_root root = {.kind = HW_OF_FRAME, .thread = thread->thread_id, .code = frame->code, .globals = frame->globals};
    for (int i = 0; i < frame->local_count; i++) {
        if (!frame->locals[i])
            continue;
        root.label = hw_local_name(frame->code, i);
        seed(frame->locals[i], root);
    }
    root.label = NULL;
    root.kind = HW_TEMPORARY;
    for (int i = 0; i < frame->stack_count; i++)
        seed(frame->stack[i], root);
    root.kind = HW_GLOBALS;
    seed(frame->globals, root);
}

static void each_frame(bool own, void (*visit)(const hw_frame *frame, PyThreadState *thread))
{
    for (size_t i = 0; i < hw.asked.thread_count; i++) {
        hw_frame frame;
        PyThreadState *thread = hw.asked.threads[i];
        for (bool more = hw_frame_first(thread, &frame); more; more = hw_frame_next(&frame))
            if ((thread == hw.asked.asking && is_own(frame.globals)) == own)
                visit(&frame, thread);
    }
}

void hw_seed_threads(void)
{
    for (size_t i = 0; i < hw.asked.thread_count; i++) {
        PyThreadState *thread = hw.asked.threads[i];
        seed(hw_context_of(thread), (hw_root){.kind = HW_CONTEXT, .thread = thread->thread_id});
        hw_each_of_thread(thread, seed_of_thread, thread);
    }
    each_frame(false, seed_frame);
}

static void seed_own_frame(const hw_frame *frame, PyThreadState *thread)
{
    (void)thread;
    for (int i = 0; i < frame->local_count; i++)
        seed_own(frame->locals[i]);
}

void hw_seed_own_frames(void)
{
    each_frame(true, seed_own_frame);
}

static void (*visit_word)(uintptr_t word, const hw_frame *frame, PyThreadState *thread);

static void visit_words(const hw_frame *frame, PyThreadState *thread)
{
    for (int i = 0; frame->stack_count < 0 && i < frame->stack_room; i++)
        visit_word((uintptr_t)frame->stack[i], frame, thread);
}

void hw_each_stack_word(void (*visit)(uintptr_t word, const hw_frame *frame, PyThreadState *thread))
{
    visit_word = visit;
    each_frame(false, visit_words);
}
