// libFuzzer's mutator for targets whose files have a form: mostly what they say
// is changed, at times their bytes.
#include <cstring>

#include "tests/fuzz/changes.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int seed) {
  using namespace plastometer::fuzz;
  Random random(seed);
  if (random.Below(8) == 0) return LLVMFuzzerMutate(data, size, max_size);
  const std::string changed = PLASTOMETER_CHANGE(
      std::string_view(reinterpret_cast<const char*>(data), size), random);
  if (changed.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, changed.data(), changed.size());
  return changed.size();
}
