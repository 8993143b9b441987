/* Log-probabilities of bits under a dense map of values of which each column has two, such as zeros and ones.

   The logits are scored where they are, and never written; what is written, where it is asked for, is the derivative
   by them. */

#include "tables.h"

/* Given by who compiles: the panels of a STRIPE, at the most, whose terms a product of each lane takes. */
_Static_assert(STRIPE * WIDTH < 100, "terms between 1 and 2, and a result below 2^127");

typedef struct {
  map logits;
  const float* value;    /* what is scored: [values, columns] */
  int64_t values, times; /* rows have each so many times, one after another, and again from the first */
  float* out;            /* [stripes, rows] */
  float* slopes;         /* derivatives by the logits, [rows, columns], or NULL */
  int64_t panels;        /* of a stripe */
  atomic_int lacks_memory;
} scores;

/* exp(-|x|), to single precision of 1; 0 where x is infinite, NaN where it is none. */
INLINED __m512 exp_of_minus(__m512 x) {
  x = _mm512_mul_ps(_mm512_abs_ps(x), _mm512_set1_ps(-1.44269504f));
  __m512 power = _mm512_roundscale_ps(x, 0), part = _mm512_sub_ps(x, power), sum = _mm512_set1_ps(0.00132651406f);
  sum = _mm512_fmadd_ps(sum, part, _mm512_set1_ps(0.00967151858f));
  sum = _mm512_fmadd_ps(sum, part, _mm512_set1_ps(0.0555073247f));
  sum = _mm512_fmadd_ps(sum, part, _mm512_set1_ps(0.240222424f));
  sum = _mm512_fmadd_ps(sum, part, _mm512_set1_ps(0.693147004f));
  sum = _mm512_fmadd_ps(sum, part, _mm512_set1_ps(1));
  return _mm512_scalef_ps(sum, power);
}

/* Add what the columns of a panel say of a row; write the derivatives by their logits. */
INLINED void add_row(const scores* of, scratch* own, const place* at, int64_t row, int vectors, const __m512* sums,
                     float* slopes) {
  __m512 linear = own->linear[row], product = own->product[row];
  const __m512 zero = _mm512_setzero_ps(), one = _mm512_set1_ps(1);
  UNROLLED for (int v = 0; v < vectors; v++) {
    const __mmask16 there = lanes(at->width - v * LANES);
    __m512 logit = _mm512_add_ps(sums[v], _mm512_load_ps(own->from + v * LANES)), small = exp_of_minus(logit);
    __m512 bit = _mm512_maskz_loadu_ps(there, own->value[row] + at->column + v * LANES);
    linear = _mm512_add_ps(linear, _mm512_fmsub_ps(bit, logit, _mm512_max_ps(zero, logit)));
    /* A product of terms between 1 and 2 is one logarithm, and loses nothing. */
    product = _mm512_fmadd_ps(product, small, product);
    if (!slopes) continue;
    __builtin_prefetch(slopes + v * LANES + BEFORE * of->logits.columns, 1);
    __m512 larger = _mm512_mask_mov_ps(small, _mm512_cmp_ps_mask(logit, zero, _CMP_GT_OQ), one);
    __m512 mean = _mm512_div_ps(larger, _mm512_add_ps(one, small));
    _mm512_mask_storeu_ps(slopes + v * LANES, there, _mm512_sub_ps(bit, mean));
  }
  own->linear[row] = linear;
  own->product[row] = product;
}

INLINED void score_row(const void* about, scratch* own, const place* at, int64_t row, int vectors, const __m512* sums) {
  add_row(about, own, at, row, vectors, sums, NULL);
}

INLINED void slope_row(const void* about, scratch* own, const place* at, int64_t row, int vectors, const __m512* sums) {
  const scores* of = about;
  add_row(of, own, at, row, vectors, sums, of->slopes + (at->row + row) * of->logits.columns + at->column);
}

static void score_stripe(void* about, int64_t task) {
  scores* of = about;
  scratch* own = scratch_of_thread();
  int64_t all = of->logits.rows, chunks = (all + CHUNK - 1) / CHUNK, columns = of->logits.columns;
  place at = {.row = task % chunks * CHUNK};
  at.rows = SMALLEST(all - at.row, CHUNK);
  int64_t first = task / chunks * of->panels * PANEL, end = SMALLEST(columns, first + of->panels * PANEL);
  if (!own) {
    atomic_store(&of->lacks_memory, 1);
    return;
  }
  for (int64_t i = 0; i < at.rows; i++) {
    own->linear[i] = _mm512_setzero_ps();
    own->product[i] = _mm512_set1_ps(1);
    own->value[i] = of->value + (at.row + i) / of->times % of->values * columns;
  }
  for (at.column = first; at.column < end; at.column += PANEL) {
    at.width = SMALLEST(end - at.column, PANEL);
    if (of->slopes)
      add_all(own, &of->logits, &at, slope_row, of);
    else
      add_all(own, &of->logits, &at, score_row, of);
  }
  float* out = of->out + task / chunks * all + at.row;
  for (int64_t i = 0; i < at.rows; i++)
    out[i] = _mm512_reduce_add_ps(_mm512_sub_ps(own->linear[i], log_of(own->product[i])));
}

/* ---- What XLA calls ---------------------------------------------------------------------------------------------- */

static XLA_FFI_Error* score(XLA_FFI_CallFrame* frame, float* slopes) {
  const XLA_FFI_Buffer *codes = given(frame, 0), *low = given(frame, 1), *high = given(frame, 2);
  const XLA_FFI_Buffer *weight = given(frame, 3), *bias = given(frame, 4), *out = frame->rets.rets[0];
  int64_t terms = weight->dims[0], columns = weight->dims[1], panels = (columns + PANEL - 1) / PANEL;
  int64_t stripes = out->dims[0], times = out->dims[2], rows = out->dims[1] * times, values = given(frame, 5)->dims[0];
  int is_whole = values ? out->dims[1] % values == 0 : rows == 0; /* as many rows of each value */
  if (!has_codes(codes, terms, rows) || !HAS_SHAPE(low, terms) ||
      !HAS_SHAPE(high, (rows + TASK - 1) / TASK, terms) || !HAS_SHAPE(bias, columns) ||
      !HAS_SHAPE(given(frame, 5), values, columns) || !is_whole || stripes * STRIPE < panels)
    return failure(frame, XLA_FFI_Error_Code_INVALID_ARGUMENT, "expected operands of sizes that fit each other");
  int is_plain = are_bits(low->data, high->data, terms);
  scores of = {.logits = {.low = is_plain ? NULL : low->data,
                          .high = is_plain ? NULL : high->data,
                          .weight = weight->data,
                          .bias = bias->data,
                          .terms = terms,
                          .columns = columns,
                          .is_from_0 = is_plain,
                          .is_centred = is_better_centred(low->data, high->data, terms),
                          .codes = codes->data,
                          .rows = rows},
               .value = given(frame, 5)->data,
               .out = out->data,
               .slopes = slopes,
               .values = values,
               .times = times,
               .panels = stripes ? (panels + stripes - 1) / stripes : 0};
  run(frame, stripes * ((rows + CHUNK - 1) / CHUNK), score_stripe, &of);
  if (!atomic_load(&of.lacks_memory)) return NULL;
  return failure(frame, XLA_FFI_Error_Code_RESOURCE_EXHAUSTED, "no memory for the sums of log-probabilities");
}

/* codes, low, high, weight [terms, columns], bias [columns], value [values, columns]
   -> out [stripes, rows / times, times] */
XLA_FFI_Error* score_all(XLA_FFI_CallFrame* frame) { return is_question(frame) ? NULL : score(frame, NULL); }

/* The same -> out, and the derivatives of scores by the logits [rows, columns] */
XLA_FFI_Error* score_with_slopes(XLA_FFI_CallFrame* frame) {
  if (is_question(frame)) return NULL;
  const XLA_FFI_Buffer *out = frame->rets.rets[0], *slopes = frame->rets.rets[1];
  if (!HAS_SHAPE(slopes, out->dims[1] * out->dims[2], given(frame, 4)->dims[0]))
    return failure(frame, XLA_FFI_Error_Code_INVALID_ARGUMENT, "expected operands of sizes that fit each other");
  return score(frame, slopes->data);
}
