// A loop over independent pieces of work.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <system_error>

#include "base/error.h"

namespace plastometer {

int NumCores();  // at least 1
inline constexpr int kMaxThreads = 1024;
// Threads as options ask for them, 0: one a core. Throws kUsage when negative
// or above kMaxThreads.
int ResolveThreads(int64_t num_threads);

// What std::thread says where the system has none to give, as kInfrastructure.
Error NoThread(const std::system_error& error);

// f(i) for each i in [0, n), on at most `num_threads` threads, this one among
// them (0: all cores), in no particular order. The first exception is thrown
// again; pieces that have not begun by then are left out. Throws
// kInfrastructure where a thread cannot be started.
void ParallelFor(size_t n, int num_threads,
                 const std::function<void(size_t i)>& f);

}  // namespace plastometer
