// A probe that cannot fail is worthless: each is made to.
#include "model/probes.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <cfenv>
#include <string>

#include "model/model.h"
#include "model/probe_products.h"

namespace plastometer {
namespace {

constexpr unsigned kFlush = 0x8040, kUpward = 2U << 13;  // MXCSR
constexpr Lane kLanes[] = {Lane::kCpuPortable, Lane::kCpuNative,
                           Lane::kCpuReference, Lane::kCpuReferenceFp64};

MachineProbe Find(Lane lane, const std::string& name, int num_threads = 2) {
  for (const MachineProbe& probe : RunProbes(lane, num_threads))
    if (probe.name == name) return probe;
  return {name, false, "there is no such probe"};
}

// Adds bits to MXCSR, or takes them away, in the thread of LibTorch's pool that
// is not the caller.
void SetInWorker(unsigned bits, bool on) {
  using Parallel = void (*)(void (*)(void*), void*, unsigned, unsigned);
  const auto parallel =
      reinterpret_cast<Parallel>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
  ASSERT_NE(parallel, nullptr);
  struct Change {
    unsigned long caller;
    unsigned bits;
    bool on;
  } change = {pthread_self(), bits, on};
  at::set_num_threads(2);
  parallel(
      [](void* data) {
        const auto* c = static_cast<Change*>(data);
        if (pthread_self() == c->caller) return;
        _mm_setcsr(c->on ? _mm_getcsr() | c->bits : _mm_getcsr() & ~c->bits);
      },
      &change, 0, 0);
}

// Every test starts from, and leaves, a process as pinned.
class Probes : public ::testing::Test {
 protected:
  void SetUp() override { PinLibTorch(); }
  void TearDown() override {
    PinLibTorch();
    _mm_setcsr(_mm_getcsr() & ~(kFlush | kUpward));
    std::fesetround(FE_TONEAREST);
    SetInWorker(kFlush | kUpward, false);
  }
};

TEST_F(Probes, HoldAsPinned) {
  for (const Lane lane : kLanes)
    for (const int num_threads : {1, 2, 3})
      for (const MachineProbe& probe : RunProbes(lane, num_threads)) {
        if (probe.name == "ATen instruction set") continue;  // CpuCapability
        EXPECT_TRUE(probe.passed)
            << ToString(lane) << ", " << num_threads << " threads, "
            << probe.name << ": " << probe.detail;
      }
}

TEST_F(Probes, RoundingOfTheCallingThread) {
  std::fesetround(FE_UPWARD);
  for (const Lane lane : kLanes) {
    const bool passed = Find(lane, "rounding").passed;
    EXPECT_FALSE(passed) << ToString(lane);
  }
}

TEST_F(Probes, SubnormalsOfTheCallingThread) {
  ASSERT_TRUE(at::globalContext().setFlushDenormal(true));
  for (const Lane lane : kLanes)
    EXPECT_FALSE(Find(lane, "subnormal numbers").passed) << ToString(lane);
}

TEST_F(Probes, RoundingOfAThreadOfThePool) {
  SetInWorker(kUpward, true);
  EXPECT_FALSE(Find(Lane::kCpuReference, "rounding").passed);
  EXPECT_TRUE(Find(Lane::kCpuReference, "subnormal numbers").passed);
}

TEST_F(Probes, SubnormalsOfAThreadOfThePool) {
  SetInWorker(kFlush, true);
  EXPECT_FALSE(Find(Lane::kCpuReference, "subnormal numbers").passed);
  EXPECT_TRUE(Find(Lane::kCpuReference, "rounding").passed);
}

TEST_F(Probes, DeterministicAlgorithms) {
  at::globalContext().setDeterministicAlgorithms(false, false);
  for (const Lane lane : kLanes)
    EXPECT_FALSE(Find(lane, "deterministic algorithms").passed);
}

at::Tensor Narrowed(const at::Tensor& x, int64_t bits_dropped) {
  return x.view(at::kInt)
      .bitwise_right_shift(bits_dropped)
      .bitwise_left_shift(bits_dropped)
      .view(at::kFloat);
}

TEST_F(Probes, ProductsThatKeepFewerBits) {
  EXPECT_TRUE(
      ProbeExactProducts([](const at::Tensor& x, const at::Tensor& kernel) {
        return at::mm(x, kernel);
      }).passed);
  for (const int64_t bits_dropped : {13, 16})  // TF32, bf16
    EXPECT_FALSE(
        ProbeExactProducts([&](const at::Tensor& x, const at::Tensor& kernel) {
          return at::mm(Narrowed(x, bits_dropped),
                        Narrowed(kernel, bits_dropped));
        }).passed)
        << bits_dropped;
}

// oneDNN narrows only large products.
TEST_F(Probes, ProductsThatKeepFewerBitsWhereTheyAreLarge) {
  EXPECT_FALSE(
      ProbeExactProducts([](const at::Tensor& x, const at::Tensor& kernel) {
        return at::mm(x.size(0) < 128 ? x : Narrowed(x, 16), kernel);
      }).passed);
}

// On a CPU without bf16 products the setting changes nothing: then the probe
// must agree with a product as large as a layer's.
TEST_F(Probes, LibTorchsOwnSettingOfPrecision) {
  at::globalContext().setFloat32MatmulPrecision("medium");
  const at::Tensor a = at::full({448, 768}, 4097.0F),
                   b = at::full({768, 768}, 1.0F);
  const bool exact = at::mm(a, b)[0][0].item<double>() == 4097.0 * 768;
  EXPECT_EQ(Find(Lane::kCpuReference, "fp32 products").passed, exact);
  PinLibTorch();
  EXPECT_TRUE(Find(Lane::kCpuReference, "fp32 products").passed);
}

TEST_F(Probes, RowsThatDependOnHowManyThereAre) {
  const Product odd = [](const at::Tensor& x, const at::Tensor& kernel) {
    const at::Tensor y = at::mm(x, kernel);
    return x.size(0) == 8 ? y * (1.0F + 0x1p-22F) : y;
  };
  EXPECT_FALSE(ProbeRowsAlone(odd, /*required=*/true).passed);
  EXPECT_TRUE(ProbeRowsAlone(odd, /*required=*/false).passed);
  EXPECT_NE(ProbeRowsAlone(odd, false).detail.find("depend"),
            std::string::npos);
}

TEST_F(Probes, CpuCapability) {
  EXPECT_EQ(Find(Lane::kCpuReference, "ATen instruction set").passed,
            at::get_cpu_capability() == "AVX2");
}

TEST_F(Probes, AModelPinsLibTorch) {
  at::globalContext().setDeterministicAlgorithms(false, false);
  at::globalContext().setFloat32MatmulPrecision("medium");
  // What is missing is found after the pins are set.
  EXPECT_ANY_THROW(
      Model::FromTensors(NamedConfig("125m"), {}, {Lane::kCpuPortable, 1}));
  EXPECT_TRUE(at::globalContext().deterministicAlgorithms());
  EXPECT_TRUE(Find(Lane::kCpuReference, "fp32 products").passed);
}

}  // namespace
}  // namespace plastometer
