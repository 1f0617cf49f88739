#include "model/ops/portable/cpu/scratch.h"

#include <cstdlib>
#include <memory>
#include <new>

namespace plastometer::portable {

float* Scratch(int64_t num_floats) {
  struct Free {
    void operator()(float* p) const { std::free(p); }
  };
  thread_local std::unique_ptr<float, Free> space;
  thread_local int64_t size = 0;
  if (num_floats > size) {
    const size_t bytes =
        (static_cast<size_t>(num_floats) * sizeof(float) + 63) & ~size_t{63};
    space.reset(static_cast<float*>(std::aligned_alloc(64, bytes)));
    if (space == nullptr) throw std::bad_alloc();
    size = num_floats;
  }
  return space.get();
}

}  // namespace plastometer::portable
