#include "base/allocator.h"

#include <climits>
#include <cstdlib>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace plastometer {

void KeepFreedMemory() {
#if defined(__GLIBC__)
  // The arenas of other threads give memory back whatever the thresholds say.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_MAX, 0);  // the threshold itself cannot be set beyond 32 MiB
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

void ReturnFreedMemory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

}  // namespace plastometer
