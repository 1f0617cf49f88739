#include "model/working_memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstring>

namespace plastometer {
namespace {

std::atomic<int64_t> alive = 0, peak = 0;

void Free(void* data) {
  alive -= static_cast<int64_t>(malloc_usable_size(data));  // 0 of nullptr
  c10::free_cpu(data);
}

// LibTorch's own, counted. A tensor from before keeps its own deleter.
class CountingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t num_bytes) override {
    void* data = c10::alloc_cpu(num_bytes);
    const auto size = static_cast<int64_t>(malloc_usable_size(data));
    const int64_t now = alive += size;
    for (int64_t seen = peak; seen < now;)
      if (peak.compare_exchange_weak(seen, now)) break;
    return {data, data, &Free, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &Free; }
  void copy_data(void* to, const void* from, size_t num_bytes) const override {
    std::memcpy(to, from, num_bytes);
  }
};

void CountOnce() {
  static const bool done = [] {
    static CountingAllocator allocator;
    c10::SetAllocator(c10::DeviceType::CPU, &allocator, /*priority=*/1);
    return true;
  }();
  static_cast<void>(done);
}

}  // namespace

WorkingMemory::WorkingMemory() {
  CountOnce();
  begin_ = alive;
  peak = begin_;
}

int64_t WorkingMemory::peak_bytes() const { return peak - begin_; }

}  // namespace plastometer
