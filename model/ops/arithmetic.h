// Which arithmetic a lane computes with, and how it keeps the weights.
#pragma once
#include <memory>

#include "base/lane.h"
#include "model/config.h"
#include "model/ops/matrix.h"
#include "model/ops/ops.h"

namespace plastometer::portable {
class ThreadPool;
}

namespace plastometer::ops {

class Arithmetic {
 public:
  Arithmetic();  // cpu-reference, one thread
  ~Arithmetic();
  Arithmetic(Arithmetic&&) noexcept;
  Arithmetic& operator=(Arithmetic&&) noexcept;
  // Throws kUsage when the lane cannot serve this model or this machine; the
  // message names the reason and the lanes that can.
  Arithmetic(Lane lane, const ModelConfig& config, int num_threads);

  // A plain matrix -> as Ops of this lane take it.
  Matrix Prepare(const Matrix& plain, bool transposed) const;
  // `alone`: the caller has many of these at work and one thread for each.
  std::unique_ptr<Ops> MakeOps(const ModelConfig& config, bool alone) const;
  // LibTorch's threads on the calling thread: the lane's number, or 1 where
  // the lane has threads of its own, or `alone`.
  void SetTorchThreads(bool alone) const;
  // Tokens (of all sequences) that one pass should hold so that activations
  // stay in a core's cache; 0: any number. Results do not depend on it.
  int64_t tokens_at_once() const;

 private:
  const LaneTraits* lane_ = &TraitsOf(Lane::kCpuReference);
  int num_threads_ = 1;
  // Of lanes with threads of their own.
  std::unique_ptr<portable::ThreadPool> pool_;
};

}  // namespace plastometer::ops
