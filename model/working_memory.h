// How much memory the tensors of a computation take. No LibTorch in here.
#pragma once
#include <cstdint>

namespace plastometer {

// Counts from its construction on; one at a time in a process. CPU tensors of
// all threads by the size that the C library gave them; what is alive before,
// such as weights, does not count, nor do a kernel's buffers that are no
// tensors.
class WorkingMemory {
 public:
  // The first one makes LibTorch allocate CPU tensors through a counter.
  WorkingMemory();
  // The most bytes alive at once since, beyond what was alive then.
  int64_t peak_bytes() const;

 private:
  int64_t begin_ = 0;
};

}  // namespace plastometer
