/* A dense map of values of which each column has two, such as zeros and ones.

   Five of the terms of a result have 32 possible sums: they are computed once, and then looked up, in two vectors that
   hold all of them, for sixteen rows at a time. That takes a fifth of the additions of an ordinary product, and no
   multiplications. */

#pragma once

#include "common.h"

/* Given by who compiles: the TERMS of a group, whose sums two vectors hold; ROWS of a block of codes, four vectors; a
   PANEL of results of a row, computed together; and a CHUNK of rows that share a table. */
#define AHEAD 16  /* rows of weights that are asked for before they are needed */
#define GROUPS 16 /* groups of terms at a time: their sums for four columns fit the first-level cache */
_Static_assert(TERMS == 5 && ROWS == 4 * LANES && PANEL % LANES == 0 && CHUNK % ROWS == 0, "what the code is written for");

typedef struct {
  const float *low, *high; /* the two values of each term; NULL for zeros and ones */
  const float* weight;     /* [terms, columns] */
  int64_t terms, columns;
} map;

typedef struct {
  float steps[GROUPS][TERMS][PANEL]; /* from the low value of a term to the high one, times its weight */
  float table[GROUPS][4][2][LANES];  /* the sums of a group's steps, for each code */
  float lows[PANEL];                 /* the sum of all terms where they are low; of zeros and ones, where they are ones */
  float sums[CHUNK / ROWS][PANEL][ROWS]; /* of the steps */
} scratch;

/* Find the steps of some groups in a panel. */
static void find_steps(scratch* own, const map* of, int64_t first, int groups, int64_t column, int64_t width) {
  for (int64_t i = 0; i < groups * TERMS; i++) {
    int64_t term = first + i;
    float* to = own->steps[i / TERMS][i % TERMS];
    if (term >= of->terms) {
      memset(to, 0, PANEL * sizeof *to);
      continue;
    }
    const float* weight = of->weight + term * of->columns + column;
    for (int j = 0; j < PANEL; j += LANES) __builtin_prefetch(weight + AHEAD * of->columns + j);
    __m512 low = _mm512_set1_ps(of->low ? of->low[term] : 1), step = _mm512_set1_ps(of->low ? of->high[term] - of->low[term] : 1);
    for (int j = 0; j < PANEL; j += LANES) {
      __m512 part = _mm512_maskz_loadu_ps(lanes(width - j), weight + j);
      _mm512_storeu_ps(to + j, _mm512_mul_ps(step, part));
      _mm512_storeu_ps(own->lows + j, _mm512_fmadd_ps(low, part, _mm512_loadu_ps(own->lows + j)));
    }
  }
}

/* Compute the sums of groups for four columns. */
static void fill_table(scratch* own, int groups, int64_t column) {
  for (int group = 0; group < groups; group++)
    UNROLLED for (int i = 0; i < 4; i++) {
      const float(*step)[PANEL] = (const void*)&own->steps[group][0][column + i];
      float(*to)[LANES] = own->table[group][i];
      __m512 sum = _mm512_maskz_mov_ps(0xAAAA, _mm512_set1_ps(step[0][0]));
      sum = _mm512_mask_add_ps(sum, 0xCCCC, sum, _mm512_set1_ps(step[1][0]));
      sum = _mm512_mask_add_ps(sum, 0xF0F0, sum, _mm512_set1_ps(step[2][0]));
      sum = _mm512_mask_add_ps(sum, 0xFF00, sum, _mm512_set1_ps(step[3][0]));
      _mm512_store_ps(to[0], sum);
      _mm512_store_ps(to[1], _mm512_add_ps(sum, _mm512_set1_ps(step[4][0])));
    }
}

/* Add to four sums, which start at zero, of some vectors of rows: a number that is constant where this is inlined. */
INLINED void add_four(const int vectors, int is_start, float (*sums)[ROWS], const float (*table)[4][2][LANES],
                      const int32_t* codes, int groups) {
  __m512 sum[4][4];
  UNROLLED for (int column = 0; column < 4; column++)
    UNROLLED for (int v = 0; v < vectors; v++)
      sum[column][v] = _mm512_setzero_ps();
  for (int group = 0; group < groups; group++, codes += ROWS) {
    __m512i code[4];
    UNROLLED for (int v = 0; v < vectors; v++) code[v] = _mm512_loadu_si512(codes + v * LANES);
    UNROLLED for (int column = 0; column < 4; column++) {
      __m512 one = _mm512_load_ps(table[group][column][0]), other = _mm512_load_ps(table[group][column][1]);
      UNROLLED for (int v = 0; v < vectors; v++)
        sum[column][v] = _mm512_add_ps(sum[column][v], _mm512_permutex2var_ps(one, code[v], other));
    }
  }
  UNROLLED for (int column = 0; column < 4; column++)
    UNROLLED for (int v = 0; v < vectors; v++) {
      float* to = &sums[column][v * LANES];
      _mm512_store_ps(to, is_start ? sum[column][v] : _mm512_add_ps(_mm512_load_ps(to), sum[column][v]));
    }
}

INLINED void add_block(int64_t rows, int is_start, float (*sums)[ROWS], const float (*table)[4][2][LANES],
                       const int32_t* codes, int groups) {
  if (rows > 3 * LANES)
    add_four(4, is_start, sums, table, codes, groups);
  else if (rows > 2 * LANES)
    add_four(3, is_start, sums, table, codes, groups);
  else if (rows > LANES)
    add_four(2, is_start, sums, table, codes, groups);
  else
    add_four(1, is_start, sums, table, codes, groups);
}

/* Kept as long as the thread; NULL where there is no memory. */
static scratch* scratch_of_thread(void) {
  static _Thread_local scratch* kept;
  if (!kept) kept = aligned_alloc(64, sizeof *kept);
  return kept;
}

/* Compute the sums of a panel for a chunk of rows. */
static void add_all(scratch* own, const map* of, const int32_t* codes, int64_t rows, int64_t first, int64_t width) {
  int64_t groups = (of->terms + TERMS - 1) / TERMS;
  memset(own->lows, 0, sizeof own->lows);
  for (int64_t group = 0; group < groups; group += GROUPS) {
    int there = (int)SMALLEST(groups - group, GROUPS);
    find_steps(own, of, TERMS * group, there, first, width);
    for (int64_t column = 0; column < width; column += 4) {
      fill_table(own, there, column);
      for (int64_t block = 0; block * ROWS < rows; block++)
        add_block(rows - block * ROWS, group == 0, &own->sums[block][column], own->table,
                  codes + (block * groups + group) * ROWS, there);
    }
  }
}
