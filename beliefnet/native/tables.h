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
#define MOST 512  /* groups that are summed up in a row: sums of many are sums of such sums, or else rounding adds up */
_Static_assert(TERMS == 5 && ROWS == 4 * LANES && PANEL % LANES == 0 && CHUNK % ROWS == 0, "what the code is written for");
_Static_assert(MOST % GROUPS == 0, "whole stretches");

typedef struct {
  const float *low, *high; /* the two values of each term; NULL for zeros and ones */
  const float* weight;     /* [terms, columns] */
  int64_t terms, columns;
  int is_centred; /* whether sums are from the middle of each two values, not from the low one */
} map;

/* Whether the middles of values are smaller than the low ones: of -1 and 1 nothing is then added and taken off again. */
static int is_better_centred(const float* low, const float* high, int64_t count) {
  double from_low = 0, from_middle = 0;
  for (int64_t i = 0; i < count; i++) {
    from_low += fabs(low[i]);
    from_middle += fabs(low[i] + high[i]) / 2;
  }
  return from_middle < from_low;
}

typedef struct {
  float steps[GROUPS][TERMS][PANEL]; /* from the low value of a term to the high one, times its weight */
  float starts[GROUPS][PANEL];       /* the sum of a group whose terms are all low */
  float table[GROUPS][4][2][LANES];  /* the sums of a group's steps, for each code */
  double bases[PANEL];               /* the sum of all terms that sums are from; of zeros and ones, where they are ones */
  float sums[CHUNK / ROWS][PANEL][ROWS];   /* of the steps */
  float before[CHUNK / ROWS][PANEL][ROWS]; /* the sums of earlier stretches */
} scratch;

/* Find the steps of some groups in a panel. */
static void find_steps(scratch* own, const map* of, int64_t first, int groups, int64_t column, int64_t width) {
  __m512 bases[PANEL / LANES];
  for (int j = 0; j < PANEL / LANES; j++) bases[j] = _mm512_setzero_ps();
  memset(own->starts, 0, sizeof own->starts);
  for (int64_t i = 0; i < groups * TERMS; i++) {
    int64_t term = first + i;
    float *to = own->steps[i / TERMS][i % TERMS], *start = own->starts[i / TERMS];
    if (term >= of->terms) {
      memset(to, 0, PANEL * sizeof *to);
      continue;
    }
    const float* weight = of->weight + term * of->columns + column;
    for (int j = 0; j < PANEL; j += LANES) __builtin_prefetch(weight + AHEAD * of->columns + j);
    float way = of->low ? of->high[term] - of->low[term] : 1, half = of->is_centred ? way / 2 : 0;
    __m512 base = _mm512_set1_ps(of->low ? of->low[term] + half : 1);
    for (int j = 0; j < PANEL / LANES; j++) {
      __m512 part = _mm512_maskz_loadu_ps(lanes(width - j * LANES), weight + j * LANES);
      _mm512_storeu_ps(to + j * LANES, _mm512_mul_ps(_mm512_set1_ps(way), part));
      bases[j] = _mm512_fmadd_ps(base, part, bases[j]);
      if (of->is_centred)
        _mm512_storeu_ps(start + j * LANES,
                         _mm512_fnmadd_ps(_mm512_set1_ps(half), part, _mm512_loadu_ps(start + j * LANES)));
    }
  }
  float found[PANEL];
  for (int j = 0; j < PANEL / LANES; j++) _mm512_storeu_ps(found + j * LANES, bases[j]);
  for (int j = 0; j < PANEL; j++) own->bases[j] += found[j];
}

/* Compute the sums of groups for four columns. */
static void fill_table(scratch* own, int groups, int64_t column) {
  for (int group = 0; group < groups; group++)
    UNROLLED for (int i = 0; i < 4; i++) {
      const float(*step)[PANEL] = (const void*)&own->steps[group][0][column + i];
      float(*to)[LANES] = own->table[group][i];
      __m512 sum = _mm512_set1_ps(own->starts[group][column + i]);
      sum = _mm512_mask_add_ps(sum, 0xAAAA, sum, _mm512_set1_ps(step[0][0]));
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

/* One of each thread, kept as long as the process; NULL where there is no memory. */
static scratch* scratch_of_thread(void) {
  static _Thread_local scratch* kept;
  if (!kept) kept = aligned_alloc(64, sizeof *kept);
  return kept;
}

/* Add the sums of a stretch to those before it, or those before it to the last ones. */
static void add_up(float (*to)[PANEL][ROWS], const float (*from)[PANEL][ROWS], int64_t rows, int64_t width) {
  for (int64_t block = 0; block * ROWS < rows; block++)
    for (int64_t column = 0; column < width; column++)
      for (int64_t i = 0; i < ROWS; i++) to[block][column][i] += from[block][column][i];
}

/* Compute the sums of a panel for a chunk of rows. */
static void add_all(scratch* own, const map* of, const int32_t* codes, int64_t rows, int64_t first, int64_t width) {
  int64_t groups = (of->terms + TERMS - 1) / TERMS;
  memset(own->bases, 0, sizeof own->bases);
  if (groups > MOST) memset(own->before, 0, sizeof own->before);
  for (int64_t group = 0; group < groups; group += GROUPS) {
    int there = (int)SMALLEST(groups - group, GROUPS), is_start = group % MOST == 0;
    if (group && is_start) add_up(own->before, (const void*)own->sums, rows, width);
    find_steps(own, of, TERMS * group, there, first, width);
    for (int64_t column = 0; column < width; column += 4) {
      fill_table(own, there, column);
      for (int64_t block = 0; block * ROWS < rows; block++)
        add_block(rows - block * ROWS, is_start, &own->sums[block][column], own->table,
                  codes + (block * groups + group) * ROWS, there);
    }
  }
  if (groups > MOST) add_up(own->sums, (const void*)own->before, rows, width);
}
