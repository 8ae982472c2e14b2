/* The tracer's own random numbers: xoshiro256+ (Blackman and Vigna, 2018), seeded per process and again after a fork. */
#ifndef HEAPTIDE_RANDOM_H
#define HEAPTIDE_RANDOM_H

#include <math.h>
#include <stdint.h>

typedef struct {
    uint64_t words[4]; /* never all zero once seeded */
} ht_random;

/* SplitMix64 spreads one seed over the whole state, as xoshiro's authors advise. */
static inline void ht_random_seed(ht_random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t z = (seed += 0x9E3779B97F4A7C15u);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        random->words[i] = z ^ (z >> 31);
    }
}

/* A number in the open interval (0, 1): neither end, so that its logarithm is finite and never zero's. */
static inline double ht_random_unit(ht_random *random)
{
    uint64_t *s = random->words;
    uint64_t drawn = s[0] + s[3];
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return ((double)(drawn >> 11) + 0.5) * 0x1p-53;
}

/* Bytes to the next sampled one. A block of s bytes is sampled if the draw X < s; floor(X) < s is the same for a whole s. */
static inline int64_t ht_random_bytes(ht_random *random, double interval)
{
    return (int64_t)(-log(ht_random_unit(random)) * interval);
}

#endif
