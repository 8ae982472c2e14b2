#define _GNU_SOURCE /* mremap */
#include "store.h"

#include <string.h>
#include <sys/mman.h>

enum { FIRST_ROOM = 1 << 16 };

void *hw_pages(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

static size_t bytes_for(size_t room)
{
    return room * (sizeof(uintptr_t) + sizeof(uint32_t)) + room * 2 * sizeof(uint32_t);
}

bool hw_store_open(hw_store *store, size_t most_bytes)
{
    *store = (hw_store){.room = FIRST_ROOM, .mask = FIRST_ROOM * 2 - 1, .bytes = bytes_for(FIRST_ROOM),
                        .most_bytes = most_bytes};
    store->objects = hw_pages(FIRST_ROOM * sizeof(uintptr_t));
    store->parents = hw_pages(FIRST_ROOM * sizeof(uint32_t));
    store->slots = hw_pages(FIRST_ROOM * 2 * sizeof(uint32_t));
    return store->objects && store->parents && store->slots;
}

static uint32_t slot_of(const hw_store *store, uintptr_t object)
{
    uint32_t slot = (uint32_t)(((uint64_t)(object >> 4) * 0x9E3779B97F4A7C15u) >> 32) & store->mask;
    while (store->slots[slot] && store->objects[store->slots[slot] - 1] != object)
        slot = (slot + 1) & store->mask;
    return slot;
}

uint32_t hw_store_find(const hw_store *store, uintptr_t object)
{
    return store->slots[slot_of(store, object)] - 1;
}

static void *stretched(void *pages, size_t bytes, size_t more)
{
#ifdef __linux__
    void *moved = mremap(pages, bytes, more, MREMAP_MAYMOVE);
    return moved == MAP_FAILED ? NULL : moved;
#else
    void *moved = hw_pages(more);
    if (!moved)
        return NULL;
    memcpy(moved, pages, bytes);
    munmap(pages, bytes);
    return moved;
#endif
}

static bool widen_index(hw_store *store)
{
    size_t slots = ((size_t)store->mask + 1) * 2;
    uint32_t *wider = hw_pages(slots * sizeof(uint32_t));
    if (!wider)
        return false;
    munmap(store->slots, slots / 2 * sizeof(uint32_t));
    store->slots = wider;
    store->mask = (uint32_t)(slots - 1);
    for (uint32_t i = 0; i < store->count; i++)
        store->slots[slot_of(store, store->objects[i])] = i + 1;
    return true;
}

static bool grow(hw_store *store)
{
    size_t room = (size_t)store->room * 2;
    if (room > UINT32_MAX / 4 || bytes_for(room) > store->most_bytes)
        return false;
    uintptr_t *objects = stretched(store->objects, room / 2 * sizeof(uintptr_t), room * sizeof(uintptr_t));
    store->objects = objects ? objects : store->objects;
    uint32_t *parents = stretched(store->parents, room / 2 * sizeof(uint32_t), room * sizeof(uint32_t));
    store->parents = parents ? parents : store->parents;
    if (!objects || !parents || !widen_index(store))
        return false;
    store->room = (uint32_t)room;
    store->bytes = bytes_for(room);
    return true;
}

bool hw_store_add(hw_store *store, uintptr_t object, uint32_t parent)
{
    if (store->count == store->room && !grow(store))
        return false;
    store->objects[store->count] = object;
    store->parents[store->count] = parent;
    store->slots[slot_of(store, object)] = ++store->count;
    return true;
}
