/* The only file that reads the interpreter's internals; each CPython version lays them out in its own way. */
#define Py_BUILD_CORE 1
#include "frames.h"

#if PY_VERSION_HEX < 0x030A0000 || PY_VERSION_HEX >= 0x030E0000
#error "heaptide's sampling tracer knows the frames of CPython 3.10 to 3.13: use HEAPTIDE_TRACER=exact on others"
#endif
#ifdef Py_GIL_DISABLED
#error "heaptide's sampling tracer relies on the GIL: use HEAPTIDE_TRACER=exact on free-threaded builds"
#endif

/* A code object may be dying while its frame is still linked (its weak references are called then): a reference to it
 * would outlive it. */
static inline int keepable(PyCodeObject *code)
{
    return Py_REFCNT(code) > 0;
}

#if PY_VERSION_HEX < 0x030B0000

#include <frameobject.h>

int ht_frames_read(PyThreadState *thread, ht_frame *frames, int limit)
{
    int count = 0;
    for (PyFrameObject *frame = thread->frame; frame && count < limit; frame = frame->f_back) {
        if (!frame->f_code || !keepable(frame->f_code))
            continue;
        frames[count].code = frame->f_code;
        frames[count++].offset = frame->f_lasti * (int)sizeof(_Py_CODEUNIT);
    }
    return count;
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
static inline int readable(_PyInterpreterFrame *frame)
{
#if PY_VERSION_HEX >= 0x030C0000
    if (frame->owner == FRAME_OWNED_BY_CSTACK)
        return 0;
#endif
    return !_PyFrame_IsIncomplete(frame) && keepable(CODE(frame));
}

int ht_frames_read(PyThreadState *thread, ht_frame *frames, int limit)
{
    int count = 0;
    for (_PyInterpreterFrame *frame = CURRENT(thread); frame && count < limit; frame = frame->previous) {
        if (!readable(frame))
            continue;
        frames[count].code = CODE(frame);
        frames[count++].offset = _PyInterpreterFrame_LASTI(frame) * (int)sizeof(_Py_CODEUNIT);
    }
    return count;
}

#endif

#include <internal/pycore_gc.h>

size_t ht_object_header(PyTypeObject *type)
{
    size_t collector = PyType_IS_GC(type) ? sizeof(PyGC_Head) : 0;
#if PY_VERSION_HEX >= 0x030C0000
    return collector + (PyType_HasFeature(type, Py_TPFLAGS_PREHEADER) ? 2 * sizeof(PyObject *) : 0);
#elif PY_VERSION_HEX >= 0x030B0000
    return collector + (PyType_HasFeature(type, Py_TPFLAGS_MANAGED_DICT) ? 2 * sizeof(PyObject *) : 0);
#else
    return collector;
#endif
}
