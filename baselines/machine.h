// What this machine can do, measured in the process that asks. For shares in
// reports, never for a test.
#pragma once
#include <string>

namespace plastometer {

// fp32 GFLOP/s of fused multiply-adds on registers, all threads at work, with
// the instructions of the kernels that would be chosen (PLASTOMETER_MAX_ISA).
// Best of several; measured once for each number of threads.
double FmaPeakGflops(int num_threads);
// GB/s of reading, all threads at work, from four times the last-level cache
// (1 GiB at least, 2 GiB at most). Likewise.
double StreamGbps(int num_threads);
std::string CpuModel();

// How many cores other programs had at work since it was made (Linux, to about
// 10 ms; NaN elsewhere). A time measured beside them is not this program's.
class OtherWork {
 public:
  OtherWork();
  double Cores() const;

 private:
  double machine_, own_, wall_;  // seconds
};

}  // namespace plastometer
