#include "stacks.h"

#include <stdlib.h>
#include <string.h>

#include "table.h"

enum { FIRST_ROOM = 256 };

static size_t stack_bytes(int depth)
{
    return sizeof(ht_stack) + (size_t)depth * sizeof(ht_frame);
}

static uint32_t hash_frames(const ht_frame *frames, int depth)
{
    uint64_t hash = 0xCBF29CE484222325u ^ (uint64_t)depth;
    for (int i = 0; i < depth; i++) {
        hash = (hash ^ (uint64_t)(uintptr_t)frames[i].code) * 0x9E3779B97F4A7C15u;
        hash = (hash ^ (hash >> 32) ^ (uint32_t)frames[i].offset) * 0xC2B2AE3D27D4EB4Fu;
    }
    return (uint32_t)(hash >> 32);
}

static bool same_frames(const ht_stack *stack, const ht_frame *frames, int depth)
{
    if (stack->depth != depth)
        return false;
    for (int i = 0; i < depth; i++)
        if (stack->frames[i].code != frames[i].code || stack->frames[i].offset != frames[i].offset)
            return false;
    return true;
}

static bool add_stack_without_frames(ht_stacks *stacks)
{
    ht_stack *stack = calloc(1, stack_bytes(0));
    if (!stack)
        return false;
    stacks->entries[HT_NO_STACK] = stack;
    stacks->used = stacks->count = stacks->spare = 1;
    stacks->bytes = stack_bytes(0);
    return true;
}

/* The serial goes on over clear and start: a key never comes back. */
bool ht_stacks_open(ht_stacks *stacks, size_t max_bytes)
{
    *stacks = (ht_stacks){.serial = stacks->serial, .room = FIRST_ROOM, .max_bytes = max_bytes};
    stacks->entries = calloc(FIRST_ROOM, sizeof(ht_stack *));
    stacks->buckets = calloc(HT_STACK_BUCKETS, sizeof(uint32_t));
    stacks->graves = calloc(HT_GRAVES, sizeof(PyCodeObject *));
    if (stacks->entries && stacks->buckets && stacks->graves && add_stack_without_frames(stacks))
        return true;
    ht_stacks_abandon(stacks);
    return false;
}

static void free_arrays(ht_stacks *stacks)
{
    for (uint32_t i = 0; i < stacks->used; i++)
        free(stacks->entries[i]);
    free(stacks->entries);
    free(stacks->buckets);
    free(stacks->graves);
}

void ht_stacks_abandon(ht_stacks *stacks)
{
    free_arrays(stacks);
    *stacks = (ht_stacks){.serial = stacks->serial};
}

/* The table is closed first: what runs while references drop may allocate, and start the tracer anew. */
void ht_stacks_close(ht_stacks *stacks)
{
    ht_stacks closed = *stacks;
    *stacks = (ht_stacks){.serial = closed.serial};
    for (uint32_t i = 0; i < closed.used; i++)
        for (int frame = 0; closed.entries[i] && frame < closed.entries[i]->depth; frame++)
            Py_DECREF(closed.entries[i]->frames[frame].code);
    for (uint32_t i = 0; i < closed.buried; i++)
        Py_DECREF(closed.graves[i]);
    free_arrays(&closed);
}

size_t ht_stacks_bytes(const ht_stacks *stacks)
{
    if (!stacks->entries)
        return 0;
    return stacks->bytes + stacks->room * sizeof(ht_stack *) + HT_STACK_BUCKETS * sizeof(uint32_t) +
           HT_GRAVES * sizeof(PyCodeObject *);
}

static void unlink_stack(ht_stacks *stacks, uint32_t index)
{
    uint32_t *link = &stacks->buckets[stacks->entries[index]->hash % HT_STACK_BUCKETS];
    while (*link != index)
        link = &stacks->entries[*link]->next;
    *link = stacks->entries[index]->next;
}

/* How many of its code objects nothing else refers to. Twice in one stack counts as twice kept, which is safe only if
 * the references are dropped one by one and the last is buried. */
static void drop_codes(ht_stacks *stacks, const ht_stack *stack)
{
    for (int i = 0; i < stack->depth; i++) {
        PyCodeObject *code = stack->frames[i].code;
        if (Py_REFCNT(code) > 1)
            Py_DECREF(code);
        else
            stacks->graves[stacks->buried++] = code;
    }
}

/* Frees one stack. Its code objects lose their references without any being deallocated: a hook may do this. */
static void evict(ht_stacks *stacks, uint32_t index)
{
    ht_stack *stack = stacks->entries[index];
    HT_ASSERT(stack->live == 0);
    unlink_stack(stacks, index);
    drop_codes(stacks, stack);
    stacks->entries[index] = NULL;
    stacks->bytes -= stack_bytes(stack->depth);
    stacks->count--;
    if (index < stacks->spare)
        stacks->spare = index;
    free(stack);
}

/* One turn of the clock: a stack without samples goes, unless it was seen since the hand last passed. */
static bool evict_one(ht_stacks *stacks)
{
    for (uint32_t steps = 0; steps < 2 * stacks->used; steps++) {
        uint32_t index = stacks->hand = stacks->hand + 1 < stacks->used ? stacks->hand + 1 : 1;
        ht_stack *stack = index < stacks->used ? stacks->entries[index] : NULL;
        if (!stack || stack->live)
            continue;
        if (stacks->buried + stack->depth > HT_GRAVES)
            return false;
        if (!stack->recent) {
            evict(stacks, index);
            return true;
        }
        stack->recent = false;
    }
    return false;
}

/* Keeps what is dead from keeping code objects alive: called once a look, so that a stack without samples goes at the
 * second look that finds it unused. */
void ht_stacks_sweep(ht_stacks *stacks)
{
    for (uint32_t index = 1; index < stacks->used; index++) {
        ht_stack *stack = stacks->entries[index];
        if (!stack || stack->live)
            continue;
        if (!stack->recent && stacks->buried + stack->depth <= HT_GRAVES)
            evict(stacks, index);
        else
            stack->recent = false;
    }
}

static bool make_room(ht_stacks *stacks, size_t bytes)
{
    while (stacks->bytes + bytes > stacks->max_bytes)
        if (!evict_one(stacks))
            return false;
    return true;
}

static bool widen(ht_stacks *stacks)
{
    uint32_t room = stacks->room * 2;
    ht_stack **entries = room > 1u << HT_INDEX_BITS ? NULL : realloc(stacks->entries, room * sizeof(ht_stack *));
    if (!entries)
        return false;
    memset(entries + stacks->room, 0, (room - stacks->room) * sizeof(ht_stack *));
    stacks->entries = entries;
    stacks->room = room;
    return true;
}

static int64_t free_index(ht_stacks *stacks)
{
    for (; stacks->spare < stacks->used; stacks->spare++)
        if (!stacks->entries[stacks->spare])
            return stacks->spare++;
    if (stacks->used == stacks->room && !widen(stacks))
        return -1;
    stacks->spare = stacks->used + 1;
    return stacks->used++;
}

static int64_t find(const ht_stacks *stacks, const ht_frame *frames, int depth, uint32_t hash)
{
    uint32_t index = stacks->buckets[hash % HT_STACK_BUCKETS];
    for (; index != HT_NO_STACK; index = stacks->entries[index]->next)
        if (stacks->entries[index]->hash == hash && same_frames(stacks->entries[index], frames, depth))
            return index;
    return -1;
}

static int64_t add(ht_stacks *stacks, const ht_frame *frames, int depth, uint32_t hash)
{
    if (!make_room(stacks, stack_bytes(depth)))
        return -1;
    int64_t index = free_index(stacks);
    ht_stack *stack = index < 0 ? NULL : malloc(stack_bytes(depth));
    if (!stack)
        return -1;
    uint32_t *bucket = &stacks->buckets[hash % HT_STACK_BUCKETS];
    *stack = (ht_stack){.key = ++stacks->serial << HT_INDEX_BITS | (uint64_t)index, .hash = hash, .next = *bucket,
                        .depth = (uint16_t)depth};
    memcpy(stack->frames, frames, (size_t)depth * sizeof(ht_frame));
    for (int i = 0; i < depth; i++)
        Py_INCREF(frames[i].code);
    *bucket = (uint32_t)index;
    stacks->entries[index] = stack;
    stacks->bytes += stack_bytes(depth);
    stacks->count++;
    return index;
}

int64_t ht_stacks_intern(ht_stacks *stacks, const ht_frame *frames, int depth)
{
    if (depth == 0)
        return HT_NO_STACK;
    uint32_t hash = hash_frames(frames, depth);
    int64_t index = find(stacks, frames, depth, hash);
    if (index < 0)
        return add(stacks, frames, depth, hash);
    stacks->entries[index]->recent = true;
    return index;
}

const ht_stack *ht_stacks_get(const ht_stacks *stacks, uint64_t key)
{
    uint64_t index = key & ((1u << HT_INDEX_BITS) - 1);
    if (index >= stacks->used || !stacks->entries[index] || stacks->entries[index]->key != key)
        return NULL;
    return stacks->entries[index];
}

/* One by one from the end: what a dying code object sets off may allocate, and bury more. */
void ht_stacks_bury(ht_stacks *stacks)
{
    while (stacks->buried > 0) {
        PyCodeObject *code = stacks->graves[--stacks->buried];
        Py_DECREF(code);
    }
}
