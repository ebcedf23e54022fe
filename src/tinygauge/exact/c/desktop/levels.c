/* Chooses the inner loops that the processor can run. */
#include "batch.h"

#if TG_AVXVNNI
#include <cpuid.h>
/* Intel's manual, volume 2, CPUID: leaf 7, subleaf 1, bit 4 of EAX. */
static int has_avxvnni(void) {
  unsigned a = 0, b, c, d;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4) != 0;
}
#endif

#if TG_ARM_DOTPROD && !defined(__ARM_FEATURE_DOTPROD)
#if defined(__linux__)
#include <sys/auxv.h>
/* Linux, arch/arm64/include/uapi/asm/hwcap.h: HWCAP_ASIMDDP. */
static int has_dotprod(void) { return (getauxval(AT_HWCAP) & (1ul << 20)) != 0; }
#elif defined(_WIN32)
#include <windows.h>
/* winnt.h: PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE. */
static int has_dotprod(void) { return IsProcessorFeaturePresent(43) != 0; }
#else
/* Apple's compilers have the feature for all of their 64-bit processors for desktops. */
static int has_dotprod(void) { return 0; }
#endif
#elif TG_ARM_DOTPROD
static int has_dotprod(void) { return 1; }
#endif

static int is_runnable(int32_t level) {
#if TG_X86
  __builtin_cpu_init();
  if (level == TG_AVX512_LEVEL) {
    return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  }
  const int32_t has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (level == TG_AVX2_LEVEL) {
    return has_avx2;
  }
#endif
#if TG_AVXVNNI
  if (level == TG_AVXVNNI_LEVEL) {
    return has_avx2 && has_avxvnni();
  }
#endif
#if TG_ARM_DOTPROD
  if (level == TG_DOTPROD_LEVEL) {
    return has_dotprod();
  }
#endif
#if TG_ARM
  if (level == TG_NEON_LEVEL) {
    return 1;
  }
#endif
  return level == TG_PORTABLE_LEVEL;
}

static const tg_loops *const all_loops[TG_LEVELS] = {
    [TG_PORTABLE_LEVEL] = &tg_portable_loops,
#if TG_X86
    [TG_AVX2_LEVEL] = &tg_avx2_loops,
    [TG_AVX512_LEVEL] = &tg_avx512_loops,
#endif
#if TG_AVXVNNI
    [TG_AVXVNNI_LEVEL] = &tg_avxvnni_loops,
#endif
#if TG_ARM
    [TG_NEON_LEVEL] = &tg_neon_loops,
#endif
#if TG_ARM_DOTPROD
    [TG_DOTPROD_LEVEL] = &tg_dotprod_loops,
#endif
};

const tg_loops *tg_loops_of(int32_t level) {
  return level >= 0 && level < TG_LEVELS && is_runnable(level) ? all_loops[level] : NULL;
}

int32_t tg_has_level(int32_t level);
int32_t tg_has_level(int32_t level) { return tg_loops_of(level) != NULL; }
