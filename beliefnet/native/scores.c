/* Log-probabilities of bits under a dense map of values of which each column has two, such as zeros and ones.

   The logits are scored where they are, and never written.

   Rows are particles of a datum, datum after datum: row = datum * particles + particle. */

#include "tables.h"

/* ---- Scores ------------------------------------------------------------------------------------------------------ */

typedef struct {
  map logits;
  const int32_t* codes;
  const float *bias, *value; /* [columns], and what is scored: [data, columns] */
  float* out;                /* [panels, rows] */
  int64_t particles, data;
  atomic_int lacks_memory;
} scores;

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
static __m512 score(const float (*sums)[ROWS], const double* bases, const float* value, const float* next,
                    __mmask16 is_next, const float* bias, int64_t width) {
  __m512 linear = _mm512_setzero_ps(), product = _mm512_set1_ps(1), zero = _mm512_setzero_ps();
  for (int64_t i = 0; i < width; i++) {
    __m512 logit = _mm512_add_ps(_mm512_load_ps(sums[i]), _mm512_set1_ps((float)(bases[i] + bias[i])));
    __m512 bit = _mm512_mask_blend_ps(is_next, _mm512_set1_ps(value[i]), _mm512_set1_ps(next[i]));
    linear = _mm512_add_ps(linear, _mm512_fmsub_ps(bit, logit, _mm512_max_ps(zero, logit)));
    /* A product of terms between 1 and 2 is one logarithm, and loses nothing. */
    product = _mm512_fmadd_ps(product, exp_of_minus(logit), product);
  }
  return _mm512_sub_ps(linear, log_of(product));
}

static void score_block(const scratch* own, const scores* of, int64_t block, int64_t first_row, int64_t column,
                        int64_t width) {
  int64_t all = of->particles * of->data, end = SMALLEST(all, first_row + ROWS), columns = of->logits.columns;
  const float* value = of->value + column;
  for (int64_t row = first_row; row < end; row += LANES) {
    int64_t datum = row / of->particles, next = SMALLEST(datum + 1, of->data - 1);
    int64_t before = SMALLEST((datum + 1) * of->particles - row, LANES);
    __mmask16 is_there = lanes(end - row);
    const float(*sums)[ROWS] = (const void*)&own->sums[block][0][row - first_row];
    __m512 found = score(sums, own->bases, value + datum * columns, value + next * columns,
                         (__mmask16)(0xFFFFu << before), of->bias + column, width);
    _mm512_mask_storeu_ps(of->out + column / PANEL * all + row, is_there, found);
  }
}

static void score_panel(void* about, int64_t task) {
  scores* of = about;
  scratch* own = scratch_of_thread();
  int64_t columns = of->logits.columns, panels = (columns + PANEL - 1) / PANEL;
  int64_t groups = (of->logits.terms + TERMS - 1) / TERMS, first_row = task / panels * CHUNK;
  int64_t rows = SMALLEST(of->particles * of->data - first_row, CHUNK);
  int64_t column = task % panels * PANEL, width = SMALLEST(columns - column, PANEL);
  if (!own) {
    atomic_store(&of->lacks_memory, 1);
    return;
  }
  add_all(own, &of->logits, of->codes + first_row / ROWS * groups * ROWS, rows, column, width);
  for (int64_t block = 0; block * ROWS < rows; block++)
    score_block(own, of, block, first_row + block * ROWS, column, width);
}

/* ---- What XLA calls ---------------------------------------------------------------------------------------------- */

/* codes, low, high, weight [terms, columns], bias [columns], value [data, columns] -> out [panels, data, particles] */
XLA_FFI_Error* score_all(XLA_FFI_CallFrame* frame) {
  if (is_question(frame)) return NULL;
  const XLA_FFI_Buffer *weight = given(frame, 3), *out = frame->rets.rets[0];
  scores of = {.logits = {.low = given(frame, 1)->data,
                          .high = given(frame, 2)->data,
                          .weight = weight->data,
                          .terms = weight->dims[0],
                          .columns = weight->dims[1]},
               .codes = given(frame, 0)->data,
               .bias = given(frame, 4)->data,
               .value = given(frame, 5)->data,
               .out = out->data,
               .particles = out->dims[2],
               .data = out->dims[1]};
  int64_t terms = of.logits.terms, columns = of.logits.columns, panels = (columns + PANEL - 1) / PANEL;
  int64_t rows = of.particles * of.data, chunks = (rows + CHUNK - 1) / CHUNK;
  if (of.particles < LANES)
    return failure(frame, XLA_FFI_Error_Code_INVALID_ARGUMENT, "expected at least 16 particles of each datum");
  if (!HAS_SHAPE(given(frame, 0), (rows + ROWS - 1) / ROWS, (terms + TERMS - 1) / TERMS, ROWS) ||
      !HAS_SHAPE(given(frame, 1), terms) || !HAS_SHAPE(given(frame, 2), (rows + TASK - 1) / TASK, terms) ||
      !HAS_SHAPE(given(frame, 4), columns) || !HAS_SHAPE(given(frame, 5), of.data, columns) ||
      out->dims[0] != panels)
    return failure(frame, XLA_FFI_Error_Code_INVALID_ARGUMENT, "expected operands of sizes that fit each other");
  of.logits.is_centred = is_better_centred(of.logits.low, of.logits.high, terms);
  run(frame, panels * chunks, score_panel, &of);
  if (!atomic_load(&of.lacks_memory)) return NULL;
  return failure(frame, XLA_FFI_Error_Code_RESOURCE_EXHAUSTED, "no memory for the sums of log-probabilities");
}
