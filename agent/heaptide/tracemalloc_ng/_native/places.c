#include "places.h"

enum { HUNDREDTHS = 100 };

ht_place *ht_place_of(ht_place *places, uintptr_t code, int32_t offset)
{
    uint64_t mixed = ((uint64_t)code ^ (uint64_t)(uint32_t)offset << 40) * 0x9E3779B97F4A7C15u;
    return &places[mixed >> 32 & (HT_PLACES - 1)];
}

/* As the sampler itself does: lowers the interval while twice the samples would still be half the budget. */
static void relax(ht_place *place, double least_interval, uint32_t now, double most_per_s)
{
    uint32_t elapsed = now - place->window_start;
    if (elapsed < HUNDREDTHS)
        return;
    double rate = (double)place->window_samples * HUNDREDTHS / elapsed;
    for (; place->interval > least_interval && rate < most_per_s / 4; rate *= 2)
        place->interval /= 2;
    place->window_start = now;
    place->window_samples = 0;
}

/* The same odds as in ht_table_thin, and for the same reason. */
static bool thinned(double longer, ht_sample *sample, ht_random *random)
{
    double stays = ht_odds(sample->size, longer) / ht_odds(sample->size, sample->interval);
    if (ht_random_unit(random) >= stays)
        return true;
    sample->interval = longer;
    return false;
}

bool ht_place_keeps(ht_place *place, ht_sample *sample, uint32_t now, double samples_per_s, ht_random *random)
{
    double most_per_s = samples_per_s / HT_PLACE_SHARE;
    relax(place, sample->interval, now, most_per_s);
    if (place->interval > sample->interval && thinned(place->interval, sample, random))
        return false;
    if (++place->window_samples >= most_per_s && sample->interval < HT_MOST_INTERVAL) {
        place->interval = sample->interval * 2;
        place->window_start = now;
        place->window_samples = 0;
    }
    return true;
}
