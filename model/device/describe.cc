#include <cstdio>
#include <sstream>

#include "model/device/device.h"

namespace plastometer {

namespace {

// 13010 -> "13.1".
std::string VersionText(int version) {
  if (version == 0) return "none";
  return std::to_string(version / 1000) + "." +
         std::to_string(version % 1000 / 10);
}

}  // namespace

std::string DescribeCuda(const CudaProbe& probe) {
  std::ostringstream out;
  if (probe.built) {
    out << "CUDA driver " << VersionText(probe.driver_version) << ", runtime "
        << VersionText(probe.runtime_version) << "\n";
  }
  for (const CudaDevice& d : probe.devices) {
    out << "cuda:" << d.index << " " << d.name << ", sm_" << d.compute_major
        << d.compute_minor << ", " << (d.total_memory_bytes >> 20) << " MiB, "
        << d.num_multiprocessors << " multiprocessors, " << d.uuid << "\n";
  }
  if (!probe.problem.empty())
    out << "no usable CUDA device: " << probe.problem << "\n";
  return out.str();
}

}  // namespace plastometer
