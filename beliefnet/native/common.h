/* What the code in C shares: XLA's threads, its calls, and a logarithm. Needs AVX-512. */

#pragma once

#include <immintrin.h>
#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "xla/ffi/api/c_api.h"

#ifndef __AVX512F__
#error "needs a processor with AVX-512"
#endif

#define LANES 16
#define SMALLEST(a, b) ((a) < (b) ? (a) : (b))
#define INLINED static inline __attribute__((always_inline))
#define UNROLLED _Pragma("GCC unroll 4")
#define ALL_UNROLLED _Pragma("GCC unroll 16")

/* The lanes of a vector that hold something, when so many numbers are left. */
INLINED __mmask16 lanes(int64_t left) {
  return left >= LANES ? 0xFFFF : left <= 0 ? 0 : (__mmask16)((1u << left) - 1);
}

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

typedef struct {
  void (*task)(void* about, int64_t index);
  void* about;
  int64_t tasks;
  atomic_llong next, done;
  atomic_int users;
} job;

static void work(job* shared) {
  int64_t index;
  while ((index = atomic_fetch_add(&shared->next, 1)) < shared->tasks) {
    shared->task(shared->about, index);
    atomic_fetch_add(&shared->done, 1);
  }
}

static void leave(job* shared) {
  if (atomic_fetch_sub(&shared->users, 1) == 1) free(shared);
}

static void help(void* shared) {
  work(shared);
  leave(shared);
}

/* Do tasks in XLA's threads and in this one, which does not wait for those that have not begun: all may be busy. */
static void run(const XLA_FFI_CallFrame* frame, int64_t tasks, void (*task)(void*, int64_t), void* about) {
  job* shared = tasks > 1 ? malloc(sizeof *shared) : NULL;
  if (!shared) {
    for (int64_t index = 0; index < tasks; index++) task(about, index);
    return;
  }
  *shared = (job){.task = task, .about = about, .tasks = tasks, .users = 1};
  int64_t threads = 1;
  XLA_FFI_ThreadPool_NumThreads_Args asked = {
      .struct_size = XLA_FFI_ThreadPool_NumThreads_Args_STRUCT_SIZE, .ctx = frame->ctx, .num_threads = &threads};
  XLA_FFI_Error* error = frame->api->XLA_FFI_ThreadPool_NumThreads(&asked);
  for (int64_t i = 1; !error && i < SMALLEST(threads, tasks); i++) {
    XLA_FFI_ThreadPool_Schedule_Args given = {
        .struct_size = XLA_FFI_ThreadPool_Schedule_Args_STRUCT_SIZE, .ctx = frame->ctx, .task = help, .data = shared};
    atomic_fetch_add(&shared->users, 1);
    error = frame->api->XLA_FFI_ThreadPool_Schedule(&given);
    if (error) leave(shared);
  }
  if (error) {
    XLA_FFI_Error_Destroy_Args args = {.struct_size = XLA_FFI_Error_Destroy_Args_STRUCT_SIZE, .error = error};
    frame->api->XLA_FFI_Error_Destroy(&args);
  }
  work(shared);
  /* What is left was begun by another thread, and takes a fraction of a millisecond. */
  while (atomic_load(&shared->done) < tasks) sched_yield();
  leave(shared);
}

/* ---- A logarithm -------------------------------------------------------------------------------------------------- */

/* log of what is positive, normal and finite; NaN stays. */
INLINED __m512 log_of(__m512 x) {
  __m512 power = _mm512_getexp_ps(x), part = _mm512_getmant_ps(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
  __mmask16 is_large = _mm512_cmp_ps_mask(part, _mm512_set1_ps(1.41421356f), _CMP_GT_OQ);
  part = _mm512_mask_mul_ps(part, is_large, part, _mm512_set1_ps(0.5f));
  power = _mm512_mask_add_ps(power, is_large, power, _mm512_set1_ps(1));
  __m512 one = _mm512_set1_ps(1), s = _mm512_div_ps(_mm512_sub_ps(part, one), _mm512_add_ps(part, one));
  __m512 square = _mm512_mul_ps(s, s), sum = _mm512_set1_ps(2 / 9.f);
  sum = _mm512_fmadd_ps(sum, square, _mm512_set1_ps(2 / 7.f));
  sum = _mm512_fmadd_ps(sum, square, _mm512_set1_ps(2 / 5.f));
  sum = _mm512_fmadd_ps(sum, square, _mm512_set1_ps(2 / 3.f));
  sum = _mm512_fmadd_ps(sum, square, _mm512_set1_ps(2));
  return _mm512_fmadd_ps(power, _mm512_set1_ps(0.693147181f), _mm512_mul_ps(sum, s));
}

/* ---- Calls of XLA ------------------------------------------------------------------------------------------------- */

/* Whether XLA asks for the version alone. */
INLINED int is_question(XLA_FFI_CallFrame* frame) {
  XLA_FFI_Metadata_Extension* extension = (void*)frame->extension_start;
  if (!extension || extension->extension_base.type != XLA_FFI_Extension_Metadata) return 0;
  XLA_FFI_Metadata* metadata = extension->metadata;
  metadata->api_version.major_version = XLA_FFI_API_MAJOR;
  metadata->api_version.minor_version = XLA_FFI_API_MINOR;
  metadata->traits = 0;
  return 1;
}

INLINED XLA_FFI_Error* failure(const XLA_FFI_CallFrame* frame, XLA_FFI_Error_Code code, const char* message) {
  XLA_FFI_Error_Create_Args args = {
      .struct_size = XLA_FFI_Error_Create_Args_STRUCT_SIZE, .message = message, .errc = code};
  return frame->api->XLA_FFI_Error_Create(&args);
}

INLINED const XLA_FFI_Buffer* given(const XLA_FFI_CallFrame* frame, int index) { return frame->args.args[index]; }

INLINED void* result(const XLA_FFI_CallFrame* frame, int index) {
  return ((XLA_FFI_Buffer*)frame->rets.rets[index])->data;
}

INLINED int has_shape(const XLA_FFI_Buffer* buffer, int64_t rank, const int64_t* sizes) {
  int fits = buffer->rank == rank;
  for (int64_t i = 0; fits && i < rank; i++) fits = buffer->dims[i] == sizes[i];
  return fits;
}

#define HAS_SHAPE(buffer, ...) \
  has_shape(buffer, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})

INLINED int64_t size_of(const XLA_FFI_Buffer* buffer) {
  int64_t size = 1;
  for (int64_t i = 0; i < buffer->rank; i++) size *= buffer->dims[i];
  return size;
}

/* ---- Codes of bits ------------------------------------------------------------------------------------------------ */

/* Given by who compiles: the TERMS of a group, of which there is a code; the GROUPS of a stretch; and the columns of a
   PANEL, for which a table has the sums of each group. */
#define STEP (GROUPS * TERMS)         /* terms of a stretch */
#define ENTRY (PANEL * sizeof(float)) /* bytes of a table for each of the sums of a group */
_Static_assert(TERMS == 5 && GROUPS == 4 && PANEL == 2 * LANES, "what the code is written for");
_Static_assert(ENTRY << TERMS <= 1 << 16, "what a code has room for: where in a table a sum is, in bytes");

INLINED int64_t stretches_of(int64_t terms) { return (terms + STEP - 1) / STEP; }

/* Whether a buffer has codes of so many terms, for so many rows. */
INLINED int has_codes(const XLA_FFI_Buffer* buffer, int64_t terms, int64_t rows) {
  return buffer->dtype == XLA_FFI_DataType_U16 && HAS_SHAPE(buffer, stretches_of(terms), rows, GROUPS);
}
