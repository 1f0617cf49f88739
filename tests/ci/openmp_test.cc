// Two OpenMP runtimes in one process make two thread pools that fight, and
// thread counts that lie: the wheel's must be alone.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>

namespace {

// Files mapped into this process whose name is that of an OpenMP runtime (GNU,
// LLVM, Intel).
std::set<std::string> OpenMpRuntimes() {
  std::set<std::string> found;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const size_t slash = line.find('/');
    if (slash == std::string::npos) continue;
    const std::string path = line.substr(slash);
    const std::string name = path.substr(path.rfind('/') + 1);
    for (const char* prefix : {"libgomp", "libomp", "libiomp"}) {
      if (name.starts_with(prefix)) found.insert(path);
    }
  }
  return found;
}

TEST(OpenMp, OnlyTheRuntimeOfTheWheelIsLoaded) {
  at::set_num_threads(2);
  int64_t sum = 0;
  at::parallel_for(0, 1, 1,
                   [&](int64_t begin, int64_t end) { sum += end - begin; });
  ASSERT_EQ(sum, 1);
  const std::set<std::string> runtimes = OpenMpRuntimes();
  ASSERT_EQ(runtimes.size(), 1u)
      << "loaded: " << ::testing::PrintToString(runtimes);
  EXPECT_NE(runtimes.begin()->find("/torch/lib/"), std::string::npos)
      << *runtimes.begin()
      << " is not the one beside libtorch_cpu.so: some target links -fopenmp";
}

}  // namespace
