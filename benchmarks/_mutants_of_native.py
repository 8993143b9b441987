"""Mutants of the code in C, and of when it is used; on a processor without AVX-512 its tests are skipped."""

from _mutant import Mutant, in_tests

SCORES = in_tests("test_native", "scores_are or third or chunks or grey or number or lose")
DRAWS = in_tests("test_native", "bits_are or bit_is or normal_numbers or farthest")
PRODUCTS = in_tests("test_native_products")
USES = in_tests("test_native", "worth or left_to_xla or many_nets or derivative or damaged or alone")

OF_NATIVE = [
    Mutant(
        "The fifth term of a group is left out of half of the sums",
        "native/tables.h",
        "_mm512_store_ps(to[1], _mm512_add_ps(sum, _mm512_set1_ps(step[4][0])));",
        "_mm512_store_ps(to[1], sum);",
        SCORES,
    ),
    Mutant(
        "A third value is not seen",
        "native/describe.c",
        "*others |= _mm512_mask_cmp_ps_mask(is_other, value, *high, _CMP_NEQ_UQ);",
        "",
        SCORES,
    ),
    Mutant(
        "Rows of a vector are scored by the datum of the first",
        "native/scores.c",
        "(__mmask16)(0xFFFFu << before)",
        "(__mmask16)(0 * before)",
        SCORES,
    ),
    Mutant(
        "Values of later tasks are not compared",
        "native/describe.c",
        "for (int64_t i = 1; i < tasks; i++)",
        "for (int64_t i = 1; i < 1; i++)",
        SCORES,
    ),
    Mutant(
        "What sums are from is left out",
        "native/products.c",
        "_mm512_fmadd_ps(step, _mm512_load_ps(sums), bases)",
        "_mm512_mul_ps(step, _mm512_load_ps(sums))",
        PRODUCTS,
    ),
    Mutant(
        "Sums of later groups take the place of the first ones",
        "native/tables.h",
        "is_start ? sum[column][v] : _mm512_add_ps(_mm512_load_ps(to), sum[column][v])",
        "sum[column][v]",
        PRODUCTS,
    ),
    Mutant(
        "Sums of signs are from the low value",
        "native/products.c",
        "of.sums.is_centred = is_better_centred(given(frame, 1)->data, given(frame, 2)->data, described);",
        "",
        PRODUCTS,
    ),
    Mutant(
        "Sums of earlier stretches are lost",
        "native/tables.h",
        "if (groups > MOST) add_up(own->sums, (const void*)own->before, rows, width);",
        "",
        PRODUCTS,
    ),
    Mutant(
        "A value that drowns others is not left to XLA",
        "native/describe.c",
        "others |= _mm512_mask_cmp_ps_mask(drowns(low, high), low, high, _CMP_NEQ_UQ);",
        "",
        PRODUCTS,
    ),
    Mutant(
        "Columns of a later chunk have the values of the first",
        "native/products.c",
        "of->high + first + row",
        "of->high + row",
        PRODUCTS,
    ),
    Mutant(
        "The last square writes a row too few",
        "native/products.c",
        "if (i < rows)",
        "if (i + 1 < rows)",
        PRODUCTS,
    ),
    Mutant(
        "Low values are those of the first row, however large",
        "native/describe.c",
        "i < SMALLEST(rows, ROWS); i++)",
        "i < 1; i++)",
        PRODUCTS,
    ),
    Mutant(
        "The derivative of weights is a product of untransposed rows",
        "native/_products.py",
        "found = _product.bind(rows, slope, is_transposed=not is_transposed)",
        "found = _product.bind(rows, slope, is_transposed=is_transposed)",
        PRODUCTS,
    ),
    Mutant(
        "The derivative of rows is left out",
        "native/_products.py",
        "lambda tangent, rows, factor, **about: _by_xla(tangent, factor, **about),",
        "lambda tangent, rows, factor, **about: _by_xla(0 * tangent, factor, **about),",
        PRODUCTS,
    ),
    Mutant(
        "A logarithm of what is below 1 is of another power",
        "native/common.h",
        "_mm512_mask_add_ps(power, is_large, power, _mm512_set1_ps(1))",
        "_mm512_mask_add_ps(power, is_large, power, _mm512_set1_ps(2))",
        (*DRAWS, "-k", "normal_numbers or lose"),
    ),
    Mutant(
        "Means begin again with each task",
        "native/draws.c",
        "int64_t first = place % of->period",
        "int64_t first = (place - task * SPAN) % of->period",
        DRAWS,
    ),
    Mutant(
        "Words have the place in their task",
        "native/draws.c",
        "make_words(of->key, (uint32_t)(place + i), words)",
        "make_words(of->key, (uint32_t)i, words)",
        DRAWS,
    ),
    Mutant(
        "A bit may equal its mean",
        "native/draws.c",
        "_CMP_LT_OQ",
        "_CMP_LE_OQ",
        DRAWS,
    ),
    Mutant(
        "Far normal numbers are of the central polynomial",
        "native/draws.c",
        "if (is_far)",
        "if (0)",
        DRAWS,
    ),
    Mutant(
        "Many draws by vmap are those of the first key",
        "native/_operation.py",
        "axes = tuple(0 if is_batched else None for is_batched in in_batched)",
        "axes, operands = None, [o[0] if b else o for o, b in zip(operands, in_batched, strict=True)]",
        in_tests("test_native", "many"),
    ),
    Mutant(
        "A mesh takes code in C",
        "native/_operation.py",
        "not is_for_a_mesh() and is_loaded()",
        "is_loaded()",
        USES,
    ),
    Mutant(
        "Few means are drawn in C",
        "native/_draws.py",
        "_FEWEST_MEANS = 128",
        "_FEWEST_MEANS = 0",
        USES,
    ),
    Mutant(
        "A missing library of downloads is an error",
        "native/_library.py",
        "except ModuleNotFoundError as error:",
        "except ZeroDivisionError as error:",
        USES,
    ),
]
