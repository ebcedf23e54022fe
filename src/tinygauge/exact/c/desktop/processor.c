/* What the processor and its operating system can do, asked without the compiler's run-time
 * library: that is not linked on every system. */
#include "batch.h"

#if TG_X86
#include <cpuid.h>
#include <immintrin.h>

typedef struct {
  uint32_t a, b, c, d;
} registers;

static registers cpuid(uint32_t leaf, uint32_t subleaf) {
  registers r = {0, 0, 0, 0};
  return __get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d) ? r : (registers){0, 0, 0, 0};
}

/* Registers that the system saves (XCR0): bits 1 and 2 for AVX, 5 to 7 for AVX-512. */
__attribute__((target("xsave"))) static uint64_t saved(void) { return (uint64_t)_xgetbv(0); }

static int has(uint64_t bits, uint64_t wanted) { return (bits & wanted) == wanted; }

/* Bits of CPUID: Intel's Software Developer's Manual, volume 2A. */
int tg_can_run(int32_t level) {
  const uint32_t fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28; /* leaf 1, ECX */
  const uint32_t avx2 = 1u << 5;                                     /* leaf 7, EBX */
  const uint32_t avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; /* F, DQ, BW and VL */
  const registers extended = cpuid(7, 0);
  if (level == TG_PORTABLE_LEVEL) {
    return 1;
  }
  if (!has(cpuid(1, 0).c, fma | osxsave | avx) || !has(extended.b, avx2) || !has(saved(), 0x6)) {
    return 0;
  }
  switch (level) {
    case TG_AVX2_LEVEL:
      return 1;
    case TG_AVXVNNI_LEVEL:
      return has(cpuid(7, 1).a, 1u << 4);
    case TG_AVX512_LEVEL:
      return has(extended.b, avx512) && has(extended.c, 1u << 11) && has(saved(), 0xE6); /* VNNI */
    default:
      return 0;
  }
}

#elif TG_ARM

#if !TG_ARM_DOTPROD
static int has_dotprod(void) { return 0; }
#elif defined(__ARM_FEATURE_DOTPROD)
static int has_dotprod(void) { return 1; } /* as with Apple's compilers */
#elif defined(__linux__)
#include <sys/auxv.h>
/* HWCAP_ASIMDDP of Linux, arch/arm64/include/uapi/asm/hwcap.h. */
static int has_dotprod(void) { return (getauxval(AT_HWCAP) & (1ul << 20)) != 0; }
#elif defined(_WIN32)
#include <windows.h>
/* PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE of winnt.h. */
static int has_dotprod(void) { return IsProcessorFeaturePresent(43) != 0; }
#else
static int has_dotprod(void) { return 0; }
#endif

int tg_can_run(int32_t level) {
  if (level == TG_DOTPROD_LEVEL) {
    return has_dotprod();
  }
  return level == TG_PORTABLE_LEVEL || level == TG_NEON_LEVEL;
}

#else

int tg_can_run(int32_t level) { return level == TG_PORTABLE_LEVEL; }

#endif
