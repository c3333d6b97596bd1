/* For the random_*.c programs and mm_random.c: pseudo-random numbers that depend only on the
   seed. */
#ifndef RANDOM_H
#define RANDOM_H

static unsigned long long random_state;

/* The next number (xorshift; the state is never 0). */
static inline unsigned next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state >> 16;
}

static inline void seed_random(unsigned seed)
{
	random_state = seed * 0x9e3779b97f4a7c15ull + 1;
	for (int i = 0; i < 5; i++)
		next_random();
}

/* A number from 0 to limit - 1. */
static inline unsigned below(unsigned limit)
{
	return next_random() % limit;
}

/* True with probability 1 / times. */
static inline int one_in(unsigned times)
{
	return below(times) == 0;
}

/* A random element of an array. */
#define ONE_OF(array) ((array)[below(sizeof(array) / sizeof *(array))])
#endif
