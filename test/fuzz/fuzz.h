/*
 * What the fuzzers share. Each NAME_fuzz.c is one libFuzzer target: it feeds text
 * from outside to one reader of the product and checks what must hold of the
 * answer, not only that nothing crashes. Targets that need static functions
 * include the source file itself; the rest comes from the product's archive.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What must hold, whatever the input. */
#define MUST(x) \
	do { \
		if (!(x)) { \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #x); \
			abort(); \
		} \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* The input, taken apart from its front. */
struct input {
	const uint8_t *at;
	size_t left;
};

/* The next byte, 0 at the end. */
uint8_t fuzz_byte(struct input *in);

/* The next n bytes as a number; bytes behind the end are 0. */
uint64_t fuzz_number(struct input *in, int n);

/*
 * The text up to the next NUL or `end`, or all that is left; exactly as much
 * memory as it needs, so that reading beyond it is seen.
 */
char *fuzz_text(struct input *in, char end);

/*
 * The product's calloc and free (by -D): configuration "lives for ever", so what an
 * execution has left is freed after it. fuzz_keep: what there is now stays.
 */
void fuzz_reset(void);
void fuzz_keep(void);

#endif
