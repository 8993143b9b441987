/* Log-probabilities of bits under a dense map of values of which each column has two, such as zeros and ones.

   Five of the terms of a logit have 32 possible sums: they are computed once, and then looked up, in two vectors that
   hold all of them, for sixteen rows at a time. That takes a fifth of the additions of an ordinary product, and no
   multiplications. The logits are scored where they are, and never written.

   Rows are particles of a datum, datum after datum: row = datum * particles + particle. */

#include "common.h"

/* Given by who compiles: the TERMS of a group, whose sums two vectors hold; ROWS of a block of codes, four vectors; a
   PANEL of logits of a row, computed together; and a CHUNK of rows that share a table. */
#define GROUPS 40 /* groups of terms whose sums are kept at a time: 160 KiB, of the second-level cache */
_Static_assert(TERMS == 5 && ROWS == 4 * LANES && PANEL % LANES == 0 && CHUNK % ROWS == 0, "what the code is written for");

/* ---- The two values of each column, and which of them there are --------------------------------------------------- */

typedef struct {
  const float* values; /* [particles, data, columns] */
  int64_t particles, data, columns;
  float *low, *high;       /* of each chunk: [chunks, columns] */
  atomic_int has_others;   /* whether a column has a third value */
  int32_t* codes;          /* one bit of each term of a group: [blocks of rows, groups, ROWS] */
} description;

/* Take in a value of each column; return whether one is a third. */
static int take(const float* values, int64_t columns, float* low, float* high) {
  int others = 0;
  for (int64_t i = 0; i < columns; i++) {
    int is_other = values[i] != low[i], is_only = high[i] == low[i];
    high[i] = is_other & is_only ? values[i] : high[i];
    others |= is_other & (values[i] != high[i]);
  }
  return others;
}

static void find_values(void* about, int64_t chunk) {
  description* of = about;
  const float* row = of->values + chunk * CHUNK * of->columns;
  int64_t rows = SMALLEST(of->particles * of->data - chunk * CHUNK, CHUNK);
  float *low = of->low + chunk * of->columns, *high = of->high + chunk * of->columns;
  memcpy(low, row, of->columns * sizeof *low);
  memcpy(high, row, of->columns * sizeof *high);
  for (int64_t i = 0; i < rows && !atomic_load_explicit(&of->has_others, memory_order_relaxed); i++)
    if (take(row + i * of->columns, of->columns, low, high)) atomic_store(&of->has_others, 1);
}

/* Code sixteen rows, three groups at a time: fifteen of the sixteen columns that a comparison looks at. */
static void code_rows(const description* of, int64_t first, int64_t count, int32_t* to) {
  int64_t groups = (of->columns + TERMS - 1) / TERMS;
  const float* values[LANES];
  for (int64_t i = 0; i < LANES; i++) {
    int64_t row = first + SMALLEST(i, count - 1);
    values[i] = of->values + (row % of->particles * of->data + row / of->particles) * of->columns;
  }
  for (int64_t group = 0; group < groups; group += 3) {
    int64_t column = TERMS * group;
    __mmask16 there = (__mmask16)((1u << SMALLEST(of->columns - column, 3 * TERMS)) - 1);
    __m512 low = _mm512_maskz_loadu_ps(there, of->low + column);
    int32_t bits[LANES] __attribute__((aligned(64)));
    for (int i = 0; i < LANES; i++)
      bits[i] = _mm512_mask_cmp_ps_mask(there, _mm512_maskz_loadu_ps(there, values[i] + column), low, _CMP_NEQ_UQ);
    __m512i all = _mm512_load_si512(bits);
    for (int64_t i = 0; i < SMALLEST(groups - group, 3); i++) {
      _mm512_storeu_si512(to + (group + i) * ROWS, _mm512_and_si512(all, _mm512_set1_epi32((1 << TERMS) - 1)));
      all = _mm512_srli_epi32(all, TERMS);
    }
  }
}

static void code_chunk(void* about, int64_t chunk) {
  const description* of = about;
  int64_t groups = (of->columns + TERMS - 1) / TERMS, end = SMALLEST(of->particles * of->data, (chunk + 1) * CHUNK);
  for (int64_t row = chunk * CHUNK; row < end; row += LANES)
    code_rows(of, row, SMALLEST(end - row, LANES), of->codes + row / ROWS * groups * ROWS + row % ROWS);
}

/* ---- The logits -------------------------------------------------------------------------------------------------- */

typedef struct {
  const int32_t* codes;
  const float *low, *high;   /* the two values of each term */
  const float *weight, *bias; /* [terms, columns], [columns] */
  const float* value;        /* what is scored: [data, columns] */
  float* out;                /* [panels, rows] */
  int64_t particles, data, terms, columns;
  atomic_int lacks_memory;
} scores;

typedef struct {
  float table[PANEL / 4][GROUPS][4][2][LANES]; /* the sums of a group of terms, for each code */
  float logits[CHUNK / ROWS][PANEL][ROWS];
} scratch;

/* Copy what there is of a panel, and zeros for the rest. */
static void padded(float* to, const float* from, int64_t width) {
  memset(to, 0, PANEL * sizeof *to);
  memcpy(to, from, width * sizeof *to);
}

static void fill_table(scratch* own, const scores* of, int64_t first, int groups, int64_t column, int64_t width) {
  static const __mmask16 has_bit[TERMS] = {0xAAAA, 0xCCCC, 0xF0F0, 0xFF00, 0};
  for (int group = 0; group < groups; group++) {
    float copies[TERMS][PANEL];
    const float* weight[TERMS];
    __m512 value[TERMS], last = _mm512_setzero_ps();
    for (int i = 0; i < TERMS; i++) {
      int64_t term = first + TERMS * group + i;
      int is_term = term < of->terms;
      __m512 high = _mm512_set1_ps(is_term ? of->high[term] : 0);
      value[i] = _mm512_mask_blend_ps(has_bit[i], _mm512_set1_ps(is_term ? of->low[term] : 0), high);
      last = high;
      weight[i] = is_term ? of->weight + term * of->columns + column : copies[i];
      if (!is_term || width < PANEL) {
        padded(copies[i], weight[i], is_term ? width : 0);
        weight[i] = copies[i];
      }
    }
    for (int i = 0; i < PANEL; i++) {
      float(*to)[LANES] = own->table[i / 4][group][i % 4];
      __m512 final = _mm512_set1_ps(weight[4][i]), sum = _mm512_mul_ps(value[0], _mm512_set1_ps(weight[0][i]));
      sum = _mm512_fmadd_ps(value[1], _mm512_set1_ps(weight[1][i]), sum);
      sum = _mm512_fmadd_ps(value[2], _mm512_set1_ps(weight[2][i]), sum);
      sum = _mm512_fmadd_ps(value[3], _mm512_set1_ps(weight[3][i]), sum);
      _mm512_store_ps(to[0], _mm512_fmadd_ps(value[4], final, sum));
      _mm512_store_ps(to[1], _mm512_fmadd_ps(last, final, sum));
    }
  }
}

/* Add to four logits, which start at zero, of some vectors of rows: a number that is constant where this is inlined. */
INLINED void add_four(const int vectors, int is_start, float (*logits)[ROWS], const float (*table)[4][2][LANES],
                      const int32_t* codes, int groups) {
  __m512 sum[4][4];
  UNROLLED for (int column = 0; column < 4; column++)
    UNROLLED for (int v = 0; v < vectors; v++)
      sum[column][v] = is_start ? _mm512_setzero_ps() : _mm512_load_ps(&logits[column][v * LANES]);
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
    UNROLLED for (int v = 0; v < vectors; v++) _mm512_store_ps(&logits[column][v * LANES], sum[column][v]);
}

static void add_block(scratch* own, int64_t block, int64_t rows, int64_t width, const int32_t* codes, int groups,
                      int is_start) {
  for (int four = 0; 4 * four < width; four++) {
    float(*logits)[ROWS] = own->logits[block] + 4 * four;
    const float(*table)[4][2][LANES] = own->table[four];
    if (rows > 3 * LANES)
      add_four(4, is_start, logits, table, codes, groups);
    else if (rows > 2 * LANES)
      add_four(3, is_start, logits, table, codes, groups);
    else if (rows > LANES)
      add_four(2, is_start, logits, table, codes, groups);
    else
      add_four(1, is_start, logits, table, codes, groups);
  }
}

/* ---- Their scores ------------------------------------------------------------------------------------------------ */

/* exp(-|x|), to single precision of 1; 0 where x is infinite, NaN where it is none. */
static inline __m512 exp_of_minus(__m512 x) {
  x = _mm512_mul_ps(_mm512_abs_ps(x), _mm512_set1_ps(-1.44269504f));
  __m512 power = _mm512_roundscale_ps(x, 0), part = _mm512_sub_ps(x, power), sum = _mm512_set1_ps(0.00132651406f);
  sum = _mm512_fmadd_ps(sum, part, _mm512_set1_ps(0.00967151858f));
  sum = _mm512_fmadd_ps(sum, part, _mm512_set1_ps(0.0555073247f));
  sum = _mm512_fmadd_ps(sum, part, _mm512_set1_ps(0.240222424f));
  sum = _mm512_fmadd_ps(sum, part, _mm512_set1_ps(0.693147004f));
  sum = _mm512_fmadd_ps(sum, part, _mm512_set1_ps(1));
  return _mm512_scalef_ps(sum, power);
}

/* Score sixteen rows: those of one datum, and of the next one where the mask says so. */
static __m512 score(const float (*logits)[ROWS], const float* value, const float* next, __mmask16 is_next,
                    const float* bias, int64_t width) {
  __m512 linear = _mm512_setzero_ps(), product = _mm512_set1_ps(1), zero = _mm512_setzero_ps();
  for (int64_t i = 0; i < width; i++) {
    __m512 logit = _mm512_add_ps(_mm512_load_ps(logits[i]), _mm512_set1_ps(bias[i]));
    __m512 bit = _mm512_mask_blend_ps(is_next, _mm512_set1_ps(value[i]), _mm512_set1_ps(next[i]));
    linear = _mm512_add_ps(linear, _mm512_fmsub_ps(bit, logit, _mm512_max_ps(zero, logit)));
    /* A product of terms between 1 and 2 is one logarithm, and loses nothing. */
    product = _mm512_fmadd_ps(product, exp_of_minus(logit), product);
  }
  return _mm512_sub_ps(linear, log_of(product));
}

static void score_block(const scratch* own, const scores* of, int64_t block, int64_t first_row, int64_t column,
                        int64_t width) {
  int64_t all = of->particles * of->data, end = SMALLEST(all, first_row + ROWS);
  for (int64_t row = first_row; row < end; row += LANES) {
    int64_t datum = row / of->particles, next = SMALLEST(datum + 1, of->data - 1);
    int64_t before = SMALLEST((datum + 1) * of->particles - row, LANES);
    __mmask16 is_there = lanes(end - row);
    const float(*logits)[ROWS] = (const void*)&own->logits[block][0][row - first_row];
    __m512 found = score(logits, of->value + datum * of->columns + column, of->value + next * of->columns + column,
                         (__mmask16)(0xFFFFu << before), of->bias + column, width);
    _mm512_mask_storeu_ps(of->out + column / PANEL * all + row, is_there, found);
  }
}

/* Kept as long as the thread; NULL where there is no memory. */
static scratch* scratch_of_thread(void) {
  static _Thread_local scratch* kept;
  if (!kept) kept = aligned_alloc(64, sizeof *kept);
  return kept;
}

static void score_panel(void* about, int64_t task) {
  scores* of = about;
  scratch* own = scratch_of_thread();
  int64_t panels = (of->columns + PANEL - 1) / PANEL, groups = (of->terms + TERMS - 1) / TERMS;
  int64_t first_row = task / panels * CHUNK, rows = SMALLEST(of->particles * of->data - first_row, CHUNK);
  int64_t column = task % panels * PANEL, width = SMALLEST(of->columns - column, PANEL);
  int64_t blocks = (rows + ROWS - 1) / ROWS;
  if (!own) {
    atomic_store(&of->lacks_memory, 1);
    return;
  }
  for (int64_t group = 0; group < groups; group += GROUPS) {
    int there = (int)SMALLEST(groups - group, GROUPS);
    fill_table(own, of, TERMS * group, there, column, width);
    for (int64_t block = 0; block < blocks; block++)
      add_block(own, block, rows - block * ROWS, width, of->codes + ((first_row / ROWS + block) * groups + group) * ROWS,
                there, group == 0);
  }
  for (int64_t block = 0; block < blocks; block++)
    score_block(own, of, block, first_row + block * ROWS, column, width);
}

/* ---- What XLA calls ---------------------------------------------------------------------------------------------- */

/* values [particles, data, columns] -> whether each column has two at the most, those of each chunk [chunks, columns],
   of which the first are those of all, and the codes. */
XLA_FFI_Error* describe(XLA_FFI_CallFrame* frame) {
  if (is_question(frame)) return NULL;
  const XLA_FFI_Buffer* values = given(frame, 0);
  description of = {.values = values->data,
                    .particles = values->dims[0],
                    .data = values->dims[1],
                    .columns = values->dims[2],
                    .low = result(frame, 1),
                    .high = result(frame, 2),
                    .codes = result(frame, 3)};
  int64_t chunks = (of.particles * of.data + CHUNK - 1) / CHUNK;
  run(frame, chunks, find_values, &of);
  int has_others = atomic_load(&of.has_others);
  for (int64_t chunk = 1; chunk < chunks && !has_others; chunk++)
    has_others = take(of.low + chunk * of.columns, of.columns, of.low, of.high) |
                 take(of.high + chunk * of.columns, of.columns, of.low, of.high);
  *(uint8_t*)result(frame, 0) = !has_others;
  if (!has_others) run(frame, chunks, code_chunk, &of);
  return NULL;
}

/* codes, low, high, weight [terms, columns], bias [columns], value [data, columns] -> out [panels, data, particles] */
XLA_FFI_Error* score_all(XLA_FFI_CallFrame* frame) {
  if (is_question(frame)) return NULL;
  const XLA_FFI_Buffer *weight = given(frame, 3), *out = frame->rets.rets[0];
  scores of = {.codes = given(frame, 0)->data,
               .low = given(frame, 1)->data,
               .high = given(frame, 2)->data,
               .weight = weight->data,
               .bias = given(frame, 4)->data,
               .value = given(frame, 5)->data,
               .out = out->data,
               .particles = out->dims[2],
               .data = out->dims[1],
               .terms = weight->dims[0],
               .columns = weight->dims[1]};
  int64_t rows = of.particles * of.data, chunks = (rows + CHUNK - 1) / CHUNK, panels = (of.columns + PANEL - 1) / PANEL;
  if (of.particles < LANES)
    return failure(frame, XLA_FFI_Error_Code_INVALID_ARGUMENT, "expected at least 16 particles of each datum");
  if (!HAS_SHAPE(given(frame, 0), (rows + ROWS - 1) / ROWS, (of.terms + TERMS - 1) / TERMS, ROWS) ||
      !HAS_SHAPE(given(frame, 1), chunks, of.terms) || !HAS_SHAPE(given(frame, 2), chunks, of.terms) ||
      !HAS_SHAPE(given(frame, 4), of.columns) || !HAS_SHAPE(given(frame, 5), of.data, of.columns) ||
      out->dims[0] != panels)
    return failure(frame, XLA_FFI_Error_Code_INVALID_ARGUMENT, "expected operands of sizes that fit each other");
  run(frame, panels * chunks, score_panel, &of);
  if (!atomic_load(&of.lacks_memory)) return NULL;
  return failure(frame, XLA_FFI_Error_Code_RESOURCE_EXHAUSTED, "no memory for the sums of log-probabilities");
}
