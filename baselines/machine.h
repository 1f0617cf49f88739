// What this machine can do, measured in the process that asks.
#pragma once
#include <string>

namespace plastometer {

// fp32 GFLOP/s of fused multiply-adds on registers, with the widest
// instructions that the kernels may use (PLASTOMETER_MAX_ISA), all threads at
// work. Best of several; measured once for each number of threads.
double FmaPeakGflops(int num_threads);
// GB/s of reading 1 GiB, all threads at work; likewise.
double StreamGbps(int num_threads);
std::string CpuModel();

}  // namespace plastometer
