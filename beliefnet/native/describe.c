/* The two values of each column, such as zeros and ones, and which of them there are.

   Terms are columns, and a code is one of a row: for maps of rows. Or, across, terms are rows, and a code is one of a
   column: for maps of columns, as in the derivatives of weights.

   Rows are particles of a datum, datum after datum: row = datum * particles + particle. */

#include "common.h"

/* Given by who compiles: the rows of a TASK. */
#define BLOCK 160 /* columns: whole stretches, and whole vectors */
#define FIRST 64  /* rows that are looked at for low values */
_Static_assert(TASK % STEP == 0 && TASK % LANES == 0 && BLOCK % STEP == 0 && BLOCK % LANES == 0, "whole stretches");

typedef struct {
  const float* values; /* [particles, data, columns] */
  int64_t particles, data, columns;
  float* low;            /* [columns] */
  float* high;           /* of each task: [tasks, columns] */
  atomic_int has_others; /* whether a column has a third value */
  uint64_t* codes;       /* where in a table the sums of each group of a stretch are: [stretches, rows or columns] */
} description;

/* Compare values of some columns with the low one; take in the high one, and see others. */
INLINED __mmask16 is_high(__mmask16 there, __m512 value, __m512 low, __m512* high, __mmask16* others) {
  __mmask16 is_other = _mm512_mask_cmp_ps_mask(there, value, low, _CMP_NEQ_UQ);
  *high = _mm512_mask_mov_ps(*high, is_other & _mm512_cmp_ps_mask(*high, low, _CMP_EQ_OQ), value);
  *others |= _mm512_mask_cmp_ps_mask(is_other, value, *high, _CMP_NEQ_UQ);
  return is_other;
}

/* Where in a table the sums of each group are, by the bits of a stretch: five in each sixteen. */
INLINED uint64_t code_of(uint64_t bits) {
  uint64_t pairs = (bits & 0x3FF) | bits >> 10 << 32;
  return ((pairs | pairs << 11) & 0x001F001F001F001F) * ENTRY;
}

/* Code sixteen rows, a block of columns at a time. */
static int code_rows(const description* of, int64_t first, int64_t count, float* high) {
  int64_t rows = of->particles * of->data;
  __mmask16 others = 0;
  const float* values[LANES];
  for (int64_t i = 0; i < LANES; i++) {
    int64_t row = first + SMALLEST(i, count - 1);
    values[i] = of->values + (row % of->particles * of->data + row / of->particles) * of->columns;
  }
  for (int64_t block = 0; block < of->columns; block += BLOCK) {
    __mmask16 bits[LANES][BLOCK / LANES + 1] = {{0}};
    int64_t width = SMALLEST(of->columns - block, BLOCK);
    for (int v = 0; v * LANES < width; v++) {
      int64_t column = block + v * LANES;
      __mmask16 there = lanes(of->columns - column);
      __m512 low = _mm512_maskz_loadu_ps(there, of->low + column), other = _mm512_maskz_loadu_ps(there, high + column);
      for (int i = 0; i < LANES; i++)
        bits[i][v] = is_high(there, _mm512_maskz_loadu_ps(there, values[i] + column), low, &other, &others);
      _mm512_mask_storeu_ps(high + column, there, other);
    }
    for (int64_t column = 0; column < width; column += STEP) {
      uint64_t* to = of->codes + (block + column) / STEP * rows + first;
      for (int i = 0; i < count; i++) {
        uint32_t found;
        memcpy(&found, (const char*)bits[i] + column / 8, sizeof found);
        to[i] = code_of(found >> column % 8 & ((1 << STEP) - 1));
      }
    }
  }
  return others;
}

/* Code all columns for a stretch of rows. */
static int code_columns(const description* of, int64_t stretch, float* high) {
  __mmask16 others = 0;
  int64_t first = STEP * stretch, count = SMALLEST(of->data - first, STEP);
  for (int64_t column = 0; column < of->columns; column += LANES) {
    __mmask16 there = lanes(of->columns - column);
    __m512 low = _mm512_maskz_loadu_ps(there, of->low + column), other = _mm512_maskz_loadu_ps(there, high + column);
    __m512i bits = _mm512_setzero_si512();
    for (int64_t i = 0; i < count; i++) {
      __m512 value = _mm512_maskz_loadu_ps(there, of->values + (first + i) * of->columns + column);
      __mmask16 has_bit = is_high(there, value, low, &other, &others);
      bits = _mm512_mask_or_epi32(bits, has_bit, bits, _mm512_set1_epi32(1 << i));
    }
    _mm512_mask_storeu_ps(high + column, there, other);
    uint32_t found[LANES];
    _mm512_storeu_si512(found, bits);
    for (int64_t i = 0; i < SMALLEST(of->columns - column, LANES); i++)
      of->codes[stretch * of->columns + column + i] = code_of(found[i]);
  }
  return others;
}

/* The high values of a task, which start as the low ones. */
static float* high_of(const description* of, int64_t task) {
  return memcpy(of->high + task * of->columns, of->low, of->columns * sizeof *of->high);
}

static void describe_task(void* about, int64_t task) {
  description* of = about;
  float* high = high_of(of, task);
  int64_t end = SMALLEST(of->particles * of->data, (task + 1) * TASK);
  for (int64_t row = task * TASK; row < end && !atomic_load_explicit(&of->has_others, memory_order_relaxed); row += LANES)
    if (code_rows(of, row, SMALLEST(end - row, LANES), high)) atomic_store(&of->has_others, 1);
}

static void describe_task_across(void* about, int64_t task) {
  description* of = about;
  float* high = high_of(of, task);
  int64_t end = SMALLEST(of->data, (task + 1) * TASK);
  for (int64_t row = task * TASK; row < end && !atomic_load_explicit(&of->has_others, memory_order_relaxed); row += STEP)
    if (code_columns(of, row / STEP, high)) atomic_store(&of->has_others, 1);
}

/* ---- What XLA calls ---------------------------------------------------------------------------------------------- */

/* A low value that is larger, in thousands, than what else there is: its multiples would drown the others. */
INLINED __mmask16 drowns(__m512 low, __m512 high) {
  __m512 most = _mm512_mul_ps(_mm512_max_ps(_mm512_abs_ps(high), _mm512_set1_ps(1)), _mm512_set1_ps(1024));
  return _mm512_cmp_ps_mask(_mm512_abs_ps(low), most, _CMP_GT_OQ);
}

/* Take the smaller values of the first rows as the low ones: sums of what is large are then not subtracted again. */
static void find_low(const description* of, int64_t rows) {
  memcpy(of->low, of->values, of->columns * sizeof *of->low);
  for (int64_t i = 1; i < SMALLEST(rows, FIRST); i++)
    for (int64_t column = 0; column < of->columns; column += LANES) {
      __mmask16 there = lanes(of->columns - column);
      __m512 value = _mm512_maskz_loadu_ps(there, of->values + i * of->columns + column);
      __m512 low = _mm512_maskz_loadu_ps(there, of->low + column);
      __mmask16 is_less = _mm512_cmp_ps_mask(_mm512_abs_ps(value), _mm512_abs_ps(low), _CMP_LT_OQ);
      _mm512_mask_storeu_ps(of->low + column, is_less, value);
    }
}

/* Do all tasks, and put together what they found: the high values of all are those of the first one. */
static void describe_all(const XLA_FFI_CallFrame* frame, description* of, void (*task)(void*, int64_t)) {
  int64_t rows = of->particles * of->data, tasks = (rows + TASK - 1) / TASK;
  if (rows) find_low(of, rows);
  run(frame, tasks, task, of);
  __mmask16 others = atomic_load(&of->has_others) ? 0xFFFF : 0;
  for (int64_t column = 0; column < of->columns && !others; column += LANES) {
    __mmask16 there = lanes(of->columns - column);
    __m512 low = _mm512_maskz_loadu_ps(there, of->low + column), high = _mm512_maskz_loadu_ps(there, of->high + column);
    for (int64_t i = 1; i < tasks; i++)
      is_high(there, _mm512_maskz_loadu_ps(there, of->high + i * of->columns + column), low, &high, &others);
    _mm512_mask_storeu_ps(of->high + column, there, high);
    others |= _mm512_mask_cmp_ps_mask(drowns(low, high), low, high, _CMP_NEQ_UQ);
  }
  *(uint8_t*)result(frame, 0) = !others;
}

static XLA_FFI_Error* describe_values(XLA_FFI_CallFrame* frame, void (*task)(void*, int64_t)) {
  if (is_question(frame)) return NULL;
  const XLA_FFI_Buffer* values = given(frame, 0);
  description of = {.values = values->data,
                    .particles = values->dims[0],
                    .data = values->dims[1],
                    .columns = values->dims[2],
                    .low = result(frame, 1),
                    .high = result(frame, 2),
                    .codes = result(frame, 3)};
  describe_all(frame, &of, task);
  return NULL;
}

/* values [particles, data, columns] -> whether each column has two at the most, the low ones [columns], the high ones of
   each task [tasks, columns], of which the first are those of all, and a code for each row. */
XLA_FFI_Error* describe(XLA_FFI_CallFrame* frame) { return describe_values(frame, describe_task); }

/* values [1, data, columns] -> the same, with a code for each column. */
XLA_FFI_Error* describe_across(XLA_FFI_CallFrame* frame) { return describe_values(frame, describe_task_across); }
