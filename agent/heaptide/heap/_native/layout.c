#define Py_BUILD_CORE 1
#include "layout.h"

#if PY_VERSION_HEX >= 0x030B0000
#include <internal/pycore_dict.h>
#endif
#include <internal/pycore_interp.h>
#include <internal/pycore_object.h>

#if PY_VERSION_HEX < 0x030B0000

hw_values hw_values_of(PyObject *Py_UNUSED(object))
{
    return (hw_values){0};
}

PyObject *hw_values_key(const hw_values *Py_UNUSED(values), Py_ssize_t Py_UNUSED(index))
{
    return NULL;
}

static PyObject *managed_dict(PyObject *Py_UNUSED(object))
{
    return NULL;
}

#define HAS_MANAGED_DICT(type) 0

#else

#define HAS_MANAGED_DICT(type) PyType_HasFeature(type, Py_TPFLAGS_MANAGED_DICT)

#if PY_VERSION_HEX >= 0x030D0000

static PyDictValues *values_block(PyObject *object)
{
    if (!PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_INLINE_VALUES))
        return NULL;
    PyDictValues *values = _PyObject_InlineValues(object);
    return values->valid ? values : NULL;
}

static PyObject *managed_dict(PyObject *object)
{
    return (PyObject *)_PyObject_GetManagedDict(object);
}

#elif PY_VERSION_HEX >= 0x030C0000

static PyDictValues *values_block(PyObject *object)
{
    PyDictOrValues held = *_PyObject_DictOrValuesPointer(object);
    return _PyDictOrValues_IsValues(held) ? _PyDictOrValues_GetValues(held) : NULL;
}

static PyObject *managed_dict(PyObject *object)
{
    PyDictOrValues held = *_PyObject_DictOrValuesPointer(object);
    return _PyDictOrValues_IsValues(held) ? NULL : _PyDictOrValues_GetDict(held);
}

#else

static PyDictValues *values_block(PyObject *object)
{
    return *_PyObject_ValuesPointer(object);
}

static PyObject *managed_dict(PyObject *object)
{
    return *_PyObject_ManagedDictPointer(object);
}

#endif

hw_values hw_values_of(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (!HAS_MANAGED_DICT(type))
        return (hw_values){0};
    PyDictValues *values = values_block(object);
    PyDictKeysObject *keys = ((PyHeapTypeObject *)type)->ht_cached_keys;
    if (!values || !keys)
        return (hw_values){0};
    return (hw_values){.values = values->values, .block = values, .count = keys->dk_nentries, .keys = keys};
}

PyObject *hw_values_key(const hw_values *values, Py_ssize_t index)
{
    PyDictKeysObject *keys = values->keys;
    return DK_UNICODE_ENTRIES(keys)[index].me_key;
}

#endif

PyObject *hw_dict_of(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (HAS_MANAGED_DICT(type))
        return managed_dict(object);
    Py_ssize_t offset = type->tp_dictoffset;
    if (offset < 0) {
        Py_ssize_t items = Py_SIZE(object);
        offset += (Py_ssize_t)_PyObject_VAR_SIZE(type, items < 0 ? -items : items);
    }
    return offset > 0 ? *(PyObject **)((char *)object + offset) : NULL;
}

void hw_dict_blocks(PyObject *dict, void **keys, void **values)
{
    *keys = ((PyDictObject *)dict)->ma_keys;
    *values = ((PyDictObject *)dict)->ma_values;
}

static void visit_callbacks(struct atexit_state *state, hw_root_visit visit, void *context)
{
    for (int i = 0; i < state->ncallbacks; i++) {
        if (!state->callbacks[i])
            continue;
        visit("atexit callback", state->callbacks[i]->func, context);
        visit("atexit callback", state->callbacks[i]->args, context);
        visit("atexit callback", state->callbacks[i]->kwargs, context);
    }
}

void hw_each_registry(PyInterpreterState *interpreter, hw_root_visit visit, void *context)
{
    visit_callbacks(&interpreter->atexit, visit, context);
    visit("os.register_at_fork hook", interpreter->before_forkers, context);
    visit("os.register_at_fork hook", interpreter->after_forkers_parent, context);
    visit("os.register_at_fork hook", interpreter->after_forkers_child, context);
    visit("sys.addaudithook hook", interpreter->audit_hooks, context);
#if PY_VERSION_HEX >= 0x030D0000
    struct codecs_state *codecs = &interpreter->codecs;
    visit("codec registry", codecs->search_path, context);
    visit("codec registry", codecs->search_cache, context);
    visit("codec registry", codecs->error_registry, context);
#else
    visit("codec registry", interpreter->codec_search_path, context);
    visit("codec registry", interpreter->codec_search_cache, context);
    visit("codec registry", interpreter->codec_error_registry, context);
#endif
    visit("builtins", interpreter->builtins, context);
    visit("interpreter state", interpreter->dict, context);
}

void hw_each_of_thread(PyThreadState *thread, hw_root_visit visit, void *context)
{
    visit("thread state", thread->dict, context);
    visit("profile function", thread->c_profileobj, context);
    visit("trace function", thread->c_traceobj, context);
    visit("asynchronous exception", thread->async_exc, context);
    visit("asynchronous generator hook", thread->async_gen_firstiter, context);
    visit("asynchronous generator hook", thread->async_gen_finalizer, context);
#if PY_VERSION_HEX >= 0x030C0000
    visit("exception being raised", thread->current_exception, context);
#else
    visit("exception being raised", thread->curexc_value, context);
    visit("exception being raised", thread->curexc_traceback, context);
#endif
    for (_PyErr_StackItem *item = thread->exc_info; item; item = item->previous_item) {
        visit("exception being handled", item->exc_value, context);
#if PY_VERSION_HEX < 0x030B0000
        visit("exception being handled", item->exc_traceback, context);
#endif
    }
}

PyObject *hw_context_of(PyThreadState *thread)
{
    return thread->context;
}
