// Calls that change files (open for writing, write, fsync, rename, mkdir, close
// ...) are counted, and one of them fails. inject.cc is a library that stands
// before the C library: a test links it, or a program is started with it in
// LD_PRELOAD and these variables:
//   PLASTOMETER_FAULT_LOG   file: a line "NUMBER CALL PATH" for each such call
//   PLASTOMETER_FAULT_AT    the number of the call that fails (from 1)
//   PLASTOMETER_FAULT_KIND  how, as below
// Child processes that are other programs are left alone.
#pragma once
#include <string>
#include <vector>

namespace plastometer {

// "ENOSPC", "EIO": that error, once. "full": half of a write is done, and from
// then on every call that needs room fails with ENOSPC (not close and rename).
// "short": half of a write is done and nothing is wrong, which write() allows.
struct Fault {
  int at = 0;  // 0: none
  std::string kind = "ENOSPC";
};

struct FaultPoint {
  std::string call, path;
};

// In this process from here on; returns nothing of what was counted before.
void StartFaults(const Fault& fault);
// Nothing fails any more. The calls met since StartFaults.
std::vector<FaultPoint> StopFaults();

}  // namespace plastometer
