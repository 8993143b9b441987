/* Products with a matrix of which each column has two values, such as zeros and ones, or with its transpose. */

#include "tables.h"

typedef struct {
  map sums;
  const float *low, *high; /* of each row of the result, where terms are zeros and ones; NULL otherwise */
  float* out;              /* [rows, columns] */
  atomic_int lacks_memory;
} products;

/* Add what sums are from, or else turn the sums of terms of ones into those of what ones stand for. */
INLINED void write_row(const void* about, scratch* own, const place* at, int64_t row, int vectors, const __m512* sums) {
  const products* of = about;
  float step = 1, base = 1, *to = of->out + (at->row + row) * of->sums.columns + at->column;
  if (of->low) {
    base = of->low[at->row + row];
    step = of->high[at->row + row] - base;
    if (of->sums.is_centred) base += step / 2;
  }
  UNROLLED for (int v = 0; v < vectors; v++) {
    __builtin_prefetch(to + v * LANES + BEFORE * of->sums.columns, 1);
    __m512 bases = _mm512_mul_ps(_mm512_set1_ps(base), _mm512_load_ps(own->from + v * LANES));
    _mm512_mask_storeu_ps(to + v * LANES, lanes(at->width - v * LANES),
                          _mm512_fmadd_ps(_mm512_set1_ps(step), sums[v], bases));
  }
}

static void multiply_panel(void* about, int64_t task) {
  products* of = about;
  scratch* own = scratch_of_thread();
  int64_t columns = of->sums.columns, panels = (columns + PANEL - 1) / PANEL;
  int64_t row = task / panels * CHUNK, column = task % panels * PANEL;
  place at = {row, SMALLEST(of->sums.rows - row, CHUNK), column, SMALLEST(columns - column, PANEL)};
  if (own)
    add_all(own, &of->sums, &at, write_row, of);
  else
    atomic_store(&of->lacks_memory, 1);
}

static XLA_FFI_Error* multiply_all(XLA_FFI_CallFrame* frame, int is_across) {
  const XLA_FFI_Buffer *codes = given(frame, 0), *weight = given(frame, 3), *out = frame->rets.rets[0];
  const float *low = given(frame, 1)->data, *high = given(frame, 2)->data;
  int64_t rows = out->dims[0], terms = weight->dims[0], columns = weight->dims[1], described = is_across ? rows : terms;
  if (!has_codes(codes, terms, rows) || !HAS_SHAPE(given(frame, 1), described) ||
      !HAS_SHAPE(given(frame, 2), ((is_across ? terms : rows) + TASK - 1) / TASK, described) ||
      !HAS_SHAPE(out, rows, columns))
    return failure(frame, XLA_FFI_Error_Code_INVALID_ARGUMENT, "expected operands of sizes that fit each other");
  int is_plain = is_across || are_bits(low, high, terms);
  products of = {.sums = {.low = is_plain ? NULL : low,
                          .high = is_plain ? NULL : high,
                          .weight = weight->data,
                          .terms = terms,
                          .columns = columns,
                          .is_from_0 = is_plain && !is_across,
                          .is_centred = is_better_centred(low, high, described),
                          .codes = codes->data,
                          .rows = rows},
                 .low = is_across ? low : NULL,
                 .high = is_across ? high : NULL,
                 .out = out->data};
  run(frame, (columns + PANEL - 1) / PANEL * ((rows + CHUNK - 1) / CHUNK), multiply_panel, &of);
  if (!atomic_load(&of.lacks_memory)) return NULL;
  return failure(frame, XLA_FFI_Error_Code_RESOURCE_EXHAUSTED, "no memory for the sums of a product");
}

/* codes, low, high, weight [terms, columns] -> values @ weight [rows, columns] */
XLA_FFI_Error* multiply(XLA_FFI_CallFrame* frame) { return is_question(frame) ? NULL : multiply_all(frame, 0); }

/* codes across, low, high, slopes [rows, columns] -> values.T @ slopes */
XLA_FFI_Error* multiply_across(XLA_FFI_CallFrame* frame) { return is_question(frame) ? NULL : multiply_all(frame, 1); }
