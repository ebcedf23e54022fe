/* The inner loops by level. */
#include "batch.h"

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

const tg_loops *tg_loops_of(int32_t level) { return all_loops[level]; }

int32_t tg_has_level(int32_t level);
int32_t tg_has_level(int32_t level) {
  return level >= 0 && level < TG_LEVELS && all_loops[level] && tg_can_run(level);
}
