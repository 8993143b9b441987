/* Products with a matrix of which each column has two values, such as zeros and ones, or with its transpose. */

#include "tables.h"

#define FEWEST_TASKS 8 /* of fewer tasks, panels are cut in halves, so that threads have as much to do as each other */

typedef struct {
  map sums;
  const int32_t* codes;
  const float *low, *high; /* of each row of the result, where terms are zeros and ones; NULL otherwise */
  float* out;              /* [rows, columns] */
  int64_t rows, width;     /* that of a panel */
  atomic_int lacks_memory;
} products;

/* Write sixteen columns of sixteen rows. */
static void write_square(const float (*from)[ROWS], float* to, int64_t stride, int64_t rows, int64_t columns) {
  __m512 in[LANES], out[LANES];
  ALL_UNROLLED for (int i = 0; i < LANES; i++) __builtin_prefetch(to + (i + LANES) * stride, 1);
  ALL_UNROLLED for (int i = 0; i < LANES; i++) in[i] = _mm512_load_ps(from[i]);
  ALL_UNROLLED for (int i = 0; i < LANES; i += 2) {
    out[i] = _mm512_unpacklo_ps(in[i], in[i + 1]);
    out[i + 1] = _mm512_unpackhi_ps(in[i], in[i + 1]);
  }
  ALL_UNROLLED for (int i = 0; i < LANES; i += 4) {
    ALL_UNROLLED for (int j = 0; j < 2; j++) {
      __m512d one = _mm512_castps_pd(out[i + j]), other = _mm512_castps_pd(out[i + 2 + j]);
      in[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(one, other));
      in[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(one, other));
    }
  }
  ALL_UNROLLED for (int j = 0; j < 4; j++) {
    __m512 a = _mm512_shuffle_f32x4(in[j], in[4 + j], 0x88), b = _mm512_shuffle_f32x4(in[8 + j], in[12 + j], 0x88);
    __m512 c = _mm512_shuffle_f32x4(in[j], in[4 + j], 0xdd), d = _mm512_shuffle_f32x4(in[8 + j], in[12 + j], 0xdd);
    out[j] = _mm512_shuffle_f32x4(a, b, 0x88);
    out[8 + j] = _mm512_shuffle_f32x4(a, b, 0xdd);
    out[4 + j] = _mm512_shuffle_f32x4(c, d, 0x88);
    out[12 + j] = _mm512_shuffle_f32x4(c, d, 0xdd);
  }
  __mmask16 there = lanes(columns);
  ALL_UNROLLED for (int i = 0; i < LANES; i++)
    if (i < rows) _mm512_mask_storeu_ps(to + i * stride, there, out[i]);
}

/* Add what sums are from, or else turn the sums of terms of ones into those of what ones stand for. */
static void finish(scratch* own, const products* of, int64_t first, int64_t rows, int64_t width) {
  for (int64_t row = 0; row < rows; row += LANES) {
    __mmask16 there = lanes(rows - row);
    __m512 base = _mm512_set1_ps(1), step = base;
    if (of->low) {
      base = _mm512_maskz_loadu_ps(there, of->low + first + row);
      step = _mm512_sub_ps(_mm512_maskz_loadu_ps(there, of->high + first + row), base);
      if (of->sums.is_centred) base = _mm512_fmadd_ps(step, _mm512_set1_ps(0.5f), base);
    }
    for (int64_t i = 0; i < width; i++) {
      float* sums = &own->sums[row / ROWS][i][row % ROWS];
      __m512 bases = _mm512_mul_ps(base, _mm512_set1_ps((float)own->bases[i]));
      _mm512_store_ps(sums, _mm512_fmadd_ps(step, _mm512_load_ps(sums), bases));
    }
  }
}

static void multiply_panel(void* about, int64_t task) {
  products* of = about;
  scratch* own = scratch_of_thread();
  int64_t columns = of->sums.columns, panels = (columns + of->width - 1) / of->width;
  int64_t groups = (of->sums.terms + TERMS - 1) / TERMS, first_row = task / panels * CHUNK;
  int64_t rows = SMALLEST(of->rows - first_row, CHUNK);
  int64_t column = task % panels * of->width, width = SMALLEST(columns - column, of->width);
  if (!own) {
    atomic_store(&of->lacks_memory, 1);
    return;
  }
  add_all(own, &of->sums, of->codes + first_row / ROWS * groups * ROWS, rows, column, width);
  finish(own, of, first_row, rows, width);
  for (int64_t row = 0; row < rows; row += LANES)
    for (int64_t i = 0; i < width; i += LANES)
      write_square((const void*)&own->sums[row / ROWS][i][row % ROWS], of->out + (first_row + row) * columns + column + i,
                   columns, rows - row, width - i);
}

static XLA_FFI_Error* multiply_all(XLA_FFI_CallFrame* frame, int is_across) {
  const XLA_FFI_Buffer *weight = given(frame, 3), *out = frame->rets.rets[0];
  products of = {.sums = {.low = is_across ? NULL : given(frame, 1)->data,
                          .high = is_across ? NULL : given(frame, 2)->data,
                          .weight = weight->data,
                          .terms = weight->dims[0],
                          .columns = weight->dims[1]},
                 .codes = given(frame, 0)->data,
                 .low = is_across ? given(frame, 1)->data : NULL,
                 .high = is_across ? given(frame, 2)->data : NULL,
                 .out = out->data,
                 .rows = out->dims[0],
                 .width = PANEL};
  int64_t terms = of.sums.terms, described = is_across ? of.rows : terms;
  int64_t chunks = (of.rows + CHUNK - 1) / CHUNK, columns = of.sums.columns;
  if (!HAS_SHAPE(given(frame, 0), (of.rows + ROWS - 1) / ROWS, (terms + TERMS - 1) / TERMS, ROWS) ||
      !HAS_SHAPE(given(frame, 1), described) ||
      !HAS_SHAPE(given(frame, 2), ((is_across ? terms : of.rows) + TASK - 1) / TASK, described) ||
      !HAS_SHAPE(out, of.rows, columns))
    return failure(frame, XLA_FFI_Error_Code_INVALID_ARGUMENT, "expected operands of sizes that fit each other");
  of.sums.is_centred = is_better_centred(given(frame, 1)->data, given(frame, 2)->data, described);
  if ((columns + PANEL - 1) / PANEL * chunks < FEWEST_TASKS) of.width = PANEL / 2;
  run(frame, (columns + of.width - 1) / of.width * chunks, multiply_panel, &of);
  if (!atomic_load(&of.lacks_memory)) return NULL;
  return failure(frame, XLA_FFI_Error_Code_RESOURCE_EXHAUSTED, "no memory for the sums of a product");
}

/* codes, low, high, weight [terms, columns] -> values @ weight [rows, columns] */
XLA_FFI_Error* multiply(XLA_FFI_CallFrame* frame) { return is_question(frame) ? NULL : multiply_all(frame, 0); }

/* codes across, low, high, slopes [rows, columns] -> values.T @ slopes */
XLA_FFI_Error* multiply_across(XLA_FFI_CallFrame* frame) { return is_question(frame) ? NULL : multiply_all(frame, 1); }
