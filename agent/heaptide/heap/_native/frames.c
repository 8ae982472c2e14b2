/* Frames of running threads, of generators and of tracebacks, in the interpreter's own structs. */
#define Py_BUILD_CORE 1
#include "layout.h"

#if PY_VERSION_HEX < 0x030B0000

#include <frameobject.h>

static bool fill(PyFrameObject *from, hw_frame *frame)
{
    if (!from)
        return false;
    PyCodeObject *code = from->f_code;
    int locals = code->co_nlocals + (int)PyTuple_GET_SIZE(code->co_cellvars) + (int)PyTuple_GET_SIZE(code->co_freevars);
    *frame = (hw_frame){.frame = from, .code = code, .globals = from->f_globals, .locals = from->f_localsplus,
                        .local_count = locals, .stack = from->f_valuestack,
                        .stack_count = from->f_stackdepth, .stack_room = code->co_stacksize};
    return true;
}

bool hw_frame_first(PyThreadState *thread, hw_frame *frame)
{
    return fill(thread->frame, frame);
}

bool hw_frame_next(hw_frame *frame)
{
    return fill(((PyFrameObject *)frame->frame)->f_back, frame);
}

bool hw_frame_of_object(PyObject *frame_object, hw_frame *frame)
{
    return PyFrame_Check(frame_object) && fill((PyFrameObject *)frame_object, frame);
}

bool hw_frame_of_generator(PyObject *generator, hw_frame *frame)
{
    return fill(((PyGenObject *)generator)->gi_frame, frame);
}

PyObject *hw_local_name(PyCodeObject *code, int index)
{
    PyObject *groups[] = {code->co_varnames, code->co_cellvars, code->co_freevars};
    Py_ssize_t at = index;
    for (int i = 0; i < 3; i++) {
        Py_ssize_t count = i == 0 ? code->co_nlocals : PyTuple_GET_SIZE(groups[i]);
        if (at < count)
            return PyTuple_GET_ITEM(groups[i], at);
        at -= count;
    }
    return NULL;
}

PyObject *hw_code_name(PyCodeObject *code)
{
    return code->co_name;
}

#else

#include <internal/pycore_frame.h>

#if PY_VERSION_HEX >= 0x030D0000
#define CURRENT(thread) ((thread)->current_frame)
#define CODE(frame) ((PyCodeObject *)(frame)->f_executable)
#else
#define CURRENT(thread) ((thread)->cframe->current_frame)
#define CODE(frame) ((frame)->f_code)
#endif

/* Shims stand for C between two runs of the evaluation loop; an incomplete frame hasn't got its cells yet. */
static bool readable(_PyInterpreterFrame *frame)
{
#if PY_VERSION_HEX >= 0x030C0000
    if (frame->owner == FRAME_OWNED_BY_CSTACK)
        return false;
#endif
    return !_PyFrame_IsIncomplete(frame);
}

static bool fill(_PyInterpreterFrame *from, hw_frame *frame)
{
    PyCodeObject *code = CODE(from);
    int locals = code->co_nlocalsplus;
    *frame = (hw_frame){.frame = from, .code = code, .globals = from->f_globals, .locals = from->localsplus,
                        .local_count = locals, .stack = from->localsplus + locals,
                        .stack_count = from->stacktop < 0 ? -1 : from->stacktop - locals,
                        .stack_room = code->co_stacksize};
    return true;
}

static bool fill_readable(_PyInterpreterFrame *from, hw_frame *frame)
{
    while (from && !readable(from))
        from = from->previous;
    return from && fill(from, frame);
}

bool hw_frame_first(PyThreadState *thread, hw_frame *frame)
{
    return fill_readable(CURRENT(thread), frame);
}

bool hw_frame_next(hw_frame *frame)
{
    return fill_readable(((_PyInterpreterFrame *)frame->frame)->previous, frame);
}

bool hw_frame_of_object(PyObject *frame_object, hw_frame *frame)
{
    if (!PyFrame_Check(frame_object))
        return false;
    _PyInterpreterFrame *from = ((PyFrameObject *)frame_object)->f_frame;
    return from && readable(from) && fill(from, frame);
}

bool hw_frame_of_generator(PyObject *generator, hw_frame *frame)
{
    PyGenObject *from = (PyGenObject *)generator;
    return from->gi_frame_state < FRAME_CLEARED && fill((_PyInterpreterFrame *)from->gi_iframe, frame);
}

PyObject *hw_local_name(PyCodeObject *code, int index)
{
    return index < PyTuple_GET_SIZE(code->co_localsplusnames) ? PyTuple_GET_ITEM(code->co_localsplusnames, index) : NULL;
}

PyObject *hw_code_name(PyCodeObject *code)
{
    return code->co_qualname;
}

#endif
