"""Mutants of the code in C, and of when it is used; on a processor without AVX-512 its tests are skipped."""

from _mutant import Mutant, in_tests

SCORES = in_tests("test_native", "scores_are or third or chunks or grey or number or lose")
DRAWS = in_tests("test_native", "bits_are or bit_is or normal_numbers or farthest")
USES = in_tests("test_native", "worth or left_to_xla or many_nets or derivative or damaged or alone")

OF_NATIVE = [
    Mutant(
        "The fifth term of a group is left out of half of the sums",
        "native/scores.c",
        "_mm512_fmadd_ps(last, final, sum)",
        "_mm512_fmadd_ps(value[4], final, sum)",
        SCORES,
    ),
    Mutant(
        "A third value is not seen",
        "native/scores.c",
        "others |= is_other & (values[i] != high[i])",
        "others |= 0 & is_other",
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
        "Values of later chunks are not compared",
        "native/scores.c",
        "chunk < chunks && !has_others; chunk++)",
        "chunk < 1 && !has_others; chunk++)",
        SCORES,
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
