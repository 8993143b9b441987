/* Draws from the words of JAX's generator, Threefry, in one pass: each word is made from its place alone.

   Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3". */

#include "common.h"

#define TOGETHER 4  /* vectors of words that are made at once, so that none waits for another */
#define SPAN 16384  /* draws of a task */

typedef struct {
  const uint32_t* key;
  const float* means; /* of bits: as many as the period; those after it have the same ones again */
  float* out;
  int64_t count, period;
} draws;

#define ROUND(rotation) \
  UNROLLED for (int v = 0; v < TOGETHER; v++) { \
    left[v] = _mm512_add_epi32(left[v], right[v]); \
    right[v] = _mm512_xor_si512(left[v], _mm512_rol_epi32(right[v], rotation)); \
  }
#define ROUNDS(group, first, second, third, fourth) \
  ROUND(first) ROUND(second) ROUND(third) ROUND(fourth) \
  UNROLLED for (int v = 0; v < TOGETHER; v++) { \
    left[v] = _mm512_add_epi32(left[v], _mm512_set1_epi32((int)keys[(group + 1) % 3])); \
    right[v] = _mm512_add_epi32(right[v], _mm512_set1_epi32((int)(keys[(group + 2) % 3] + group + 1))); \
  }

/* The words of a place and of those after it. */
INLINED void make_words(const uint32_t* key, uint32_t place, __m512i* words) {
  const uint32_t keys[3] = {key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDA};
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m512i left[TOGETHER], right[TOGETHER];
  UNROLLED for (int v = 0; v < TOGETHER; v++) {
    left[v] = _mm512_set1_epi32((int)keys[0]);
    right[v] = _mm512_add_epi32(_mm512_set1_epi32((int)(place + (uint32_t)(v * LANES) + keys[1])), lane);
  }
  ROUNDS(0, 13, 15, 26, 6)
  ROUNDS(1, 17, 29, 16, 24)
  ROUNDS(2, 13, 15, 26, 6)
  ROUNDS(3, 17, 29, 16, 24)
  ROUNDS(4, 13, 15, 26, 6)
  UNROLLED for (int v = 0; v < TOGETHER; v++) words[v] = _mm512_xor_si512(left[v], right[v]);
}

/* One where the first 24 bits of the word, as a fraction, are below the mean, and zero elsewhere. */
INLINED __m512 bits_of(__m512i words, __m512 means) {
  __m512 numbers = _mm512_cvtepi32_ps(_mm512_srli_epi32(words, 8));
  __mmask16 is_one = _mm512_cmp_ps_mask(numbers, _mm512_mul_ps(means, _mm512_set1_ps(1 << 24)), _CMP_LT_OQ);
  return _mm512_maskz_mov_ps(is_one, _mm512_set1_ps(1));
}

INLINED __m512 polynomial(__m512 x, const float* coefficients) {
  __m512 sum = _mm512_set1_ps(coefficients[0]);
  for (int i = 1; i < 9; i++) sum = _mm512_fmadd_ps(sum, x, _mm512_set1_ps(coefficients[i]));
  return sum;
}

/* The inverse of the error function, of numbers between -1 and 1: Giles 2012, "Approximating the erfinv function". */
INLINED __m512 erf_inv(__m512 x) {
  static const float central[] = {2.81022636e-08f,  3.43273939e-07f,  -3.5233877e-06f, -4.39150654e-06f, 0.00021858087f,
                                  -0.00125372503f, -0.00417768164f, 0.246640727f,    1.50140941f};
  static const float tail[] = {-0.000200214257f, 0.000100950558f, 0.00134934322f, -0.00367342844f, 0.00573950773f,
                               -0.0076224613f,   0.00943887047f,  1.00167406f,    2.83297682f};
  __m512 one = _mm512_set1_ps(1), inside = _mm512_mul_ps(_mm512_sub_ps(one, x), _mm512_add_ps(one, x));
  __m512 w = _mm512_sub_ps(_mm512_setzero_ps(), log_of(inside));
  __mmask16 is_far = _mm512_cmp_ps_mask(w, _mm512_set1_ps(5), _CMP_GE_OQ);
  __m512 factor = polynomial(_mm512_sub_ps(w, _mm512_set1_ps(2.5f)), central);
  if (is_far)
    factor = _mm512_mask_mov_ps(factor, is_far, polynomial(_mm512_sub_ps(_mm512_sqrt_ps(w), _mm512_set1_ps(3)), tail));
  return _mm512_mul_ps(factor, x);
}

/* Independent standard normal numbers, of uniform ones above -1 and below 1. */
INLINED __m512 normals_of(__m512i words) {
  const float least = -0.99999994f; /* the first above -1 */
  __m512 from_one = _mm512_castsi512_ps(_mm512_or_si512(_mm512_srli_epi32(words, 9), _mm512_set1_epi32(0x3F800000)));
  __m512 fraction = _mm512_sub_ps(from_one, _mm512_set1_ps(1));
  __m512 uniform = _mm512_fmadd_ps(fraction, _mm512_set1_ps(1 - least), _mm512_set1_ps(least));
  return _mm512_mul_ps(erf_inv(_mm512_max_ps(uniform, _mm512_set1_ps(least))), _mm512_set1_ps(1.41421356f));
}

static void draw_bits_of_task(void* about, int64_t task) {
  const draws* of = about;
  int64_t place = task * SPAN, end = SMALLEST(of->count, place + SPAN);
  while (place < end) {
    /* Up to the end of a period, after which the means begin again. */
    int64_t first = place % of->period, count = SMALLEST(end - place, of->period - first);
    for (int64_t i = 0; i < count; i += TOGETHER * LANES) {
      __m512i words[TOGETHER];
      make_words(of->key, (uint32_t)(place + i), words);
      UNROLLED for (int v = 0; v < TOGETHER; v++) {
        int64_t at = i + v * LANES;
        __mmask16 there = lanes(count - at);
        __m512 means = _mm512_maskz_loadu_ps(there, of->means + first + at);
        _mm512_mask_storeu_ps(of->out + place + at, there, bits_of(words[v], means));
      }
    }
    place += count;
  }
}

static void draw_normals_of_task(void* about, int64_t task) {
  const draws* of = about;
  int64_t end = SMALLEST(of->count, (task + 1) * SPAN);
  for (int64_t place = task * SPAN; place < end; place += TOGETHER * LANES) {
    __m512i words[TOGETHER];
    make_words(of->key, (uint32_t)place, words);
    UNROLLED for (int v = 0; v < TOGETHER; v++)
      _mm512_mask_storeu_ps(of->out + place + v * LANES, lanes(end - place - v * LANES), normals_of(words[v]));
  }
}

static int64_t tasks_of(const draws* of) { return (of->count + SPAN - 1) / SPAN; }

/* key [2], means, of which the last axes of the result have one each -> zeros and ones */
XLA_FFI_Error* draw_bits(XLA_FFI_CallFrame* frame) {
  if (is_question(frame)) return NULL;
  const XLA_FFI_Buffer *key = given(frame, 0), *means = given(frame, 1), *out = frame->rets.rets[0];
  draws of = {.key = key->data,
              .means = means->data,
              .out = out->data,
              .count = size_of(out),
              .period = size_of(means)};
  if (!HAS_SHAPE(key, 2) || of.period == 0 || of.count % of.period != 0)
    return failure(frame, XLA_FFI_Error_Code_INVALID_ARGUMENT, "expected a key of two words, and means that repeat");
  run(frame, tasks_of(&of), draw_bits_of_task, &of);
  return NULL;
}

/* key [2] -> standard normal numbers */
XLA_FFI_Error* draw_normals(XLA_FFI_CallFrame* frame) {
  if (is_question(frame)) return NULL;
  const XLA_FFI_Buffer *key = given(frame, 0), *out = frame->rets.rets[0];
  draws of = {.key = key->data, .out = out->data, .count = size_of(out)};
  if (!HAS_SHAPE(key, 2)) return failure(frame, XLA_FFI_Error_Code_INVALID_ARGUMENT, "expected a key of two words");
  run(frame, tasks_of(&of), draw_normals_of_task, &of);
  return NULL;
}
