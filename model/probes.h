// Whether this process computes as its pins say: each probe computes something
// that comes out differently when a pin does not hold. No LibTorch in here.
#pragma once
#include <string>
#include <vector>

#include "base/lane.h"

namespace plastometer {

struct MachineProbe {
  std::string name;
  bool passed = false;
  std::string detail;  // met and expected
};

struct MachineFacts {
  std::string libtorch_version, aten_capability, portable_isa, blas;
};

// Deterministic algorithms only, no TF32, no bf16 in fp32 products, no
// reduced-precision sums. Every Model does this when it is made.
void PinLibTorch();
// After PinLibTorch. `num_threads` 0: all cores. A CUDA lane is probed on the
// CPU only.
std::vector<MachineProbe> RunProbes(Lane lane, int num_threads);
MachineFacts DescribeMachine();

}  // namespace plastometer
