/* A dense map of values of which each column has two, such as zeros and ones.

   Five of the terms of a result have 32 possible sums: for a panel of columns they are computed once, and then looked
   up for each row. That takes a fifth of the additions of an ordinary product, and no multiplications. */

#pragma once

#include "common.h"

/* Given by who compiles: a CHUNK of rows that share sums. Those of the GROUPS of a stretch, for a PANEL of columns, fit
   the first-level cache. */
#define WIDTH (PANEL / LANES)
#define MOST 128      /* stretches that are summed up in a row: of many, sums of sums are taken, for less rounding */
#define AHEAD 20      /* rows of weights that are asked for before they are needed */
#define BEFORE 8      /* rows of results that are asked for before they are written */
#define NO_UNIT -1e4f /* the bias of a column that is not there: its bit is surely 0 */

typedef struct {
  const float *low, *high; /* the two values of each term; NULL for zeros and ones */
  const float* weight;     /* [terms, columns] */
  const float* bias;       /* [columns], or NULL */
  int64_t terms, columns;
  int is_from_0;         /* whether all low values are zeros, so that nothing is added for them */
  int is_centred;        /* whether sums are from the middle of each two values, not from the low one */
  const uint16_t* codes; /* where in a table the sums of each group are, in bytes: [stretches, rows, GROUPS] */
  int64_t rows;
} map;

typedef struct {
  int64_t row, rows, column, width; /* where results are, and how many */
} place;

typedef struct {
  /* The sums of steps, each from the low value of a term to the high one, times its weight. */
  __m512 table[GROUPS][1 << TERMS][WIDTH];
  double bases[PANEL]; /* the sum of all terms that sums are from; of zeros and ones, where they are ones */
  float from[PANEL];   /* what is added to the sums of each column: the same, and the bias */
  /* The sums of the steps of each row, and those of earlier stretches. */
  __m512 sums[CHUNK][WIDTH], before[CHUNK][WIDTH];
  /* What scores have of each row: the value that is scored, terms, and factors of the logarithm. */
  const float* value[CHUNK];
  __m512 linear[CHUNK], product[CHUNK];
} scratch;

/* What becomes of the sums of a row. */
typedef void finisher(const void* about, scratch* own, const place* at, int64_t row, int vectors, const __m512* sums);

_Static_assert(sizeof ((scratch*)0)->table[0][0] == ENTRY, "what codes are made for");

/* One of each thread, kept as long as the process; NULL where there is no memory. */
static scratch* scratch_of_thread(void) {
  static _Thread_local scratch* kept;
  if (!kept) kept = aligned_alloc(64, sizeof *kept);
  return kept;
}

/* Whether all values are zeros and ones. */
static int are_bits(const float* low, const float* high, int64_t count) {
  int found = 1;
  for (int64_t i = 0; i < count; i++) found &= low[i] == 0 && (high[i] == 0 || high[i] == 1);
  return found;
}

/* Whether the middles of values are smaller than the low ones: of -1 and 1 nothing is then added and taken off again. */
static int is_better_centred(const float* low, const float* high, int64_t count) {
  double from_low = 0, from_middle = 0;
  for (int64_t i = 0; i < count; i++) {
    from_low += fabs(low[i]);
    from_middle += fabs(low[i] + high[i]) / 2;
  }
  return from_middle < from_low;
}

/* The sums with one more term: of as many sums without it, twice as many. */
INLINED void add_term(__m512 (*sums)[WIDTH], const int count, const int vector, __m512 step) {
  ALL_UNROLLED for (int i = 0; i < count; i++) sums[count + i][vector] = _mm512_add_ps(sums[i][vector], step);
}

/* Compute the sums of a stretch. */
INLINED void fill_table(scratch* own, const map* of, int64_t first, const place* at, const int vectors,
                        const int is_plain) {
  static const float none[LANES];
  __m512 bases[WIDTH] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  const __mmask16 there[WIDTH] = {lanes(at->width), lanes(at->width - LANES)};
  for (int group = 0; group < GROUPS; group++, first += TERMS)
    UNROLLED for (int v = 0; v < vectors; v++) {
      __m512 start = _mm512_setzero_ps(), steps[TERMS];
      ALL_UNROLLED for (int i = 0; i < TERMS; i++) {
        int64_t term = first + i;
        const float* weight = of->weight + term * of->columns + at->column + v * LANES;
        __builtin_prefetch(weight + AHEAD * of->columns);
        steps[i] = _mm512_maskz_loadu_ps(there[v], term < of->terms ? weight : none);
        if (is_plain) continue;
        term = SMALLEST(term, of->terms - 1);
        float way = of->low ? of->high[term] - of->low[term] : 1, half = of->is_centred ? way / 2 : 0;
        bases[v] = _mm512_fmadd_ps(_mm512_set1_ps(of->low ? of->low[term] + half : 1), steps[i], bases[v]);
        start = _mm512_fnmadd_ps(_mm512_set1_ps(half), steps[i], start);
        steps[i] = _mm512_mul_ps(_mm512_set1_ps(way), steps[i]);
      }
      own->table[group][0][v] = start;
      ALL_UNROLLED for (int i = 0; i < TERMS; i++) add_term(own->table[group], 1 << i, v, steps[i]);
      if (is_plain) bases[v] = _mm512_add_ps(bases[v], own->table[group][(1 << TERMS) - 1][v]);
    }
  for (int v = 0; v < vectors; v++)
    for (int i = 0; i < LANES; i++) own->bases[v * LANES + i] += bases[v][i];
}

/* What is added to the sums of each column; NaN where a weight is not finite, also in rows that do not need it. */
static void find_from(scratch* own, const map* of, const place* at) {
  for (int i = 0; i < PANEL; i++) {
    double bias = !of->bias ? 0 : i < at->width ? of->bias[at->column + i] : NO_UNIT;
    own->from[i] = (float)((of->is_from_0 ? 0 * own->bases[i] : own->bases[i]) + bias);
  }
}

INLINED __m512 looked_up(const scratch* own, const uint16_t* code, int group, int vector) {
  return *(const __m512*)((const char*)own->table[group][0] + code[group] + vector * sizeof(__m512));
}

/* Add a stretch to the sums of rows, or begin with it; keep them, or finish with them. */
INLINED void add_stretch(scratch* own, const map* of, const place* at, const uint16_t* code, const int vectors,
                         int is_start, finisher* finish, const void* about) {
  int has_before = stretches_of(of->terms) > MOST;
  for (int64_t row = 0; row < at->rows; row++, code += GROUPS) {
    __m512 sums[WIDTH];
    UNROLLED for (int v = 0; v < vectors; v++) {
      __m512 one = _mm512_add_ps(looked_up(own, code, 0, v), looked_up(own, code, 1, v));
      __m512 other = _mm512_add_ps(looked_up(own, code, 2, v), looked_up(own, code, 3, v));
      sums[v] = _mm512_add_ps(one, other);
      if (!is_start) sums[v] = _mm512_add_ps(own->sums[row][v], sums[v]);
      if (!finish) own->sums[row][v] = sums[v];
      if (finish && has_before) sums[v] = _mm512_add_ps(own->before[row][v], sums[v]);
    }
    if (finish) finish(about, own, at, row, vectors, sums);
  }
}

INLINED void add_stretches(scratch* own, const map* of, const place* at, const int vectors, finisher* finish,
                           const void* about) {
  int64_t stretches = stretches_of(of->terms);
  memset(own->bases, 0, sizeof own->bases);
  if (stretches > MOST) memset(own->before, 0, sizeof own->before);
  for (int64_t i = 0; i < stretches; i++) {
    const uint16_t* code = of->codes + (i * of->rows + at->row) * GROUPS;
    int is_start = i % MOST == 0, is_end = i + 1 == stretches;
    if (i && is_start)
      for (int64_t row = 0; row < at->rows; row++)
        UNROLLED for (int v = 0; v < vectors; v++) own->before[row][v] += own->sums[row][v];
    if (of->low || of->is_centred)
      fill_table(own, of, STEP * i, at, vectors, 0);
    else
      fill_table(own, of, STEP * i, at, vectors, 1);
    if (is_end) {
      find_from(own, of, at);
      add_stretch(own, of, at, code, vectors, is_start, finish, about);
    } else {
      add_stretch(own, of, at, code, vectors, is_start, NULL, NULL);
    }
  }
}

/* Compute the sums of a panel for a chunk of rows, and finish with those of each row. */
INLINED void add_all(scratch* own, const map* of, const place* at, finisher* finish, const void* about) {
  if (at->width > LANES)
    add_stretches(own, of, at, 2, finish, about);
  else
    add_stretches(own, of, at, 1, finish, about);
}
