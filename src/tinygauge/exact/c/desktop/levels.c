/* Chooses the inner loops that the processor can run. */
#include "batch.h"

static int is_runnable(int32_t level) {
#if TG_X86
  __builtin_cpu_init();
  if (level == TG_AVX512_LEVEL) {
    return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  }
  if (level == TG_AVX2_LEVEL) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
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
};

const tg_loops *tg_loops_of(int32_t level) {
  return level >= 0 && level < TG_LEVELS && is_runnable(level) ? all_loops[level] : NULL;
}

int32_t tg_has_level(int32_t level);
int32_t tg_has_level(int32_t level) { return tg_loops_of(level) != NULL; }
