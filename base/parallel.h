// A loop over independent pieces of work.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>

namespace plastometer {

int NumCores();  // at least 1
// Threads as options ask for them, 0: one a core. Throws kUsage when negative.
int ResolveThreads(int64_t num_threads);

// f(i) for each i in [0, n), on at most `num_threads` threads, this one among
// them (0: all cores), in no particular order. The first exception is thrown
// again; pieces that have not begun by then are left out.
void ParallelFor(size_t n, int num_threads,
                 const std::function<void(size_t i)>& f);

}  // namespace plastometer
