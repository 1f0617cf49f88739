#include "harness/pins/pins.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tests/errors.h"
#include "tests/paths.h"

namespace plastometer {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

std::set<std::string> Variables(const std::vector<std::string>& lanes) {
  std::set<std::string> names;
  for (const EnvironmentPin& pin : PinsFor(lanes)) {
    EXPECT_TRUE(names.insert(pin.variable).second) << pin.variable;
    EXPECT_FALSE(pin.value.empty());
    EXPECT_FALSE(pin.why.empty());
  }
  return names;
}

TEST(PinsFor, EveryLaneHasTheCommonOnes) {
  for (const char* lane : {"cpu-portable", "cpu-native", "cpu-native-bf16",
                           "cuda-portable", "cpu-reference"})
    EXPECT_THAT(Variables({lane}), IsSupersetOf({"OMP_DYNAMIC", "MKL_DYNAMIC",
                                                 "NVIDIA_TF32_OVERRIDE",
                                                 "CUBLAS_WORKSPACE_CONFIG"}))
        << lane;
}

TEST(PinsFor, ReferenceLanesCapTheInstructionSets) {
  const std::set<std::string> common = Variables({});
  for (const char* lane : {"cpu-portable", "cpu-native", "cpu-native-bf16"})
    EXPECT_EQ(Variables({lane}), common) << lane;
  for (const char* lane : {"cpu-reference", "cpu-reference-fp64"})
    EXPECT_THAT(
        Variables({"cpu-portable", lane}),
        IsSupersetOf({"ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR"}))
        << lane;
  // Twice is once.
  EXPECT_EQ(Variables({"cpu-reference", "cpu-reference-fp64"}),
            Variables({"cpu-reference"}));
}

TEST(PinsFor, LanesThatNeedDifferentValuesCannotShareAProcess) {
  const std::vector<std::vector<std::string>> pairs = {
      {"cpu-reference", "cpu-native-bf16"},
      {"cpu-native-bf16", "cpu-portable", "cpu-reference"}};
  for (const auto& lanes : pairs) {
    EXPECT_THAT(MessageOf([&] { PinsFor(lanes); }, ErrorKind::kUsage),
                AllOf(HasSubstr("cpu-reference"), HasSubstr("cpu-native-bf16"),
                      HasSubstr("ONEDNN_MAX_CPU_ISA")));
  }
}

// Exit code and output of the test program in an environment of its own.
std::pair<int, std::string> RunPinned(const std::string& environment,
                                      const std::string& arguments) {
  // exec: the program has the shell's id, $$.
  const std::string command = "exec env -i " + environment + " '" +
                              BuiltPath("tests/pinned_program") + "' " +
                              arguments;
  FILE* pipe = popen(command.c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  std::string output;
  char buffer[4096];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    output.append(buffer, n);
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

int Starts(const std::string& output) {
  int count = 0;
  for (size_t at = 0; (at = output.find("start\n", at)) != std::string::npos;
       ++at)
    ++count;
  return count;
}

std::string AllOfThem(const std::string& lane) {
  std::string text;
  for (const EnvironmentPin& pin : PinsFor({lane}))
    text += pin.variable + "=" + pin.value + " ";
  return text;
}

TEST(ApplyPins, StartsTheProgramAnewOnceWithItsArguments) {
  const auto [code, output] = RunPinned("", "cpu-reference 'two words' x");
  EXPECT_EQ(code, 0) << output;
  EXPECT_EQ(Starts(output), 2) << output;
  EXPECT_THAT(output,
              AllOf(HasSubstr("OMP_DYNAMIC=FALSE\n"),
                    HasSubstr("ATEN_CPU_CAPABILITY=avx2\n"),
                    HasSubstr("LC_ALL=C.UTF-8\n"), HasSubstr("TZ=UTC\n"),
                    HasSubstr("argument two words\nargument x\n")));
}

TEST(ApplyPins, DoesNotWhenAllIsAsPinned) {
  const auto [code, output] =
      RunPinned("TZ=Asia/Tokyo " + AllOfThem("cpu-portable"), "cpu-portable");
  EXPECT_EQ(code, 0) << output;
  EXPECT_EQ(Starts(output), 1) << output;
  EXPECT_THAT(output, HasSubstr("TZ=UTC\n"));
}

TEST(ApplyPins, AnotherSpellingIsTheSameValue) {
  const auto [code, output] = RunPinned("OMP_DYNAMIC=false", "cpu-portable");
  EXPECT_EQ(code, 0) << output;
  EXPECT_EQ(Starts(output), 2);
}

TEST(ApplyPins, AContradictionNamesBothValues) {
  const std::pair<const char*, const char*> contradictions[] = {
      {"OMP_DYNAMIC=TRUE", "OMP_DYNAMIC is 'TRUE', pinned to 'FALSE'"},
      {"OMP_DYNAMIC=", "OMP_DYNAMIC is '', pinned to 'FALSE'"},
      {"NVIDIA_TF32_OVERRIDE=1", "NVIDIA_TF32_OVERRIDE is '1', pinned to '0'"},
      {"MKL_CBWR=COMPATIBLE", "MKL_CBWR is 'COMPATIBLE', pinned to 'AVX2'"},
      {"TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=1",
       "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE is '1'; expected it to be unset"}};
  for (const auto& [variable, text] : contradictions) {
    const auto [code, output] = RunPinned(variable, "cpu-reference");
    EXPECT_EQ(code, 5) << variable;
    EXPECT_EQ(Starts(output), 1) << variable;
    EXPECT_THAT(output, HasSubstr(text));
  }
  // MKL's mode is no pin of this lane.
  EXPECT_EQ(RunPinned("MKL_CBWR=COMPATIBLE", "cpu-portable").first, 0);
}

TEST(ApplyPins, AProgramThatItStartsMayPinMore) {
  const auto [code, output] = RunPinned("", "cpu-portable");
  EXPECT_EQ(code, 0);
  EXPECT_THAT(output, HasSubstr("PLASTOMETER_PINNED=(none)\n"));
  const auto [child, text] =
      RunPinned(AllOfThem("cpu-portable"), "cpu-reference");
  EXPECT_EQ(child, 0) << text;
  EXPECT_EQ(Starts(text), 2);
}

TEST(ApplyPins, AGuardThatIsSetStopsASecondTime) {
  const auto [code, output] =
      RunPinned("PLASTOMETER_PINNED=$$", "cpu-portable");
  EXPECT_EQ(code, 70);
  EXPECT_EQ(Starts(output), 1);
  EXPECT_THAT(output, HasSubstr("not as pinned after starting anew"));
}

TEST(ApplyPins, AGuardOfSomebodyElseDoesNot) {
  const auto [code, output] = RunPinned("PLASTOMETER_PINNED=1", "cpu-portable");
  EXPECT_EQ(code, 0) << output;
  EXPECT_EQ(Starts(output), 2);
}

NumericFacts Facts() { return {"2.11.0", "avx2-aten", "avx512", "mkl", 4}; }

TEST(NumericClass, PortableLanesShareOneWhateverTheMachine) {
  for (const char* lane : {"cpu-portable", "cuda-portable"})
    EXPECT_EQ(NumericClass(lane, Facts()), "portable-1") << lane;
}

TEST(NumericClass, OthersNameLaneLibraryInstructionsAndThreads) {
  EXPECT_EQ(NumericClass("cpu-native", Facts()), "cpu-native+2.11.0+avx512+t4");
  EXPECT_EQ(NumericClass("cpu-native-bf16", Facts()),
            "cpu-native-bf16+2.11.0+avx512+t4");
  EXPECT_EQ(NumericClass("cpu-reference-fp64", Facts()),
            "cpu-reference-fp64+2.11.0+avx2-aten+t4");
}

TEST(Fingerprint, SaysWhatCanChangeNumbersAndWhatTimes) {
  const Fingerprint f = MakeFingerprint("cpu-native", Facts());
  EXPECT_EQ(f.numeric.at("numeric_class"), "cpu-native+2.11.0+avx512+t4");
  EXPECT_EQ(f.numeric.at("code_tree"), CodeTree());
  EXPECT_EQ(f.numeric.at("libtorch"), "2.11.0");
  EXPECT_EQ(f.numeric.at("threads"), "4");
  for (const char* name : {"compiler", "aten_capability", "kernels", "blas"})
    EXPECT_TRUE(f.numeric.contains(name)) << name;
  for (const char* name : {"cpu", "cores", "memory", "kernel"}) {
    EXPECT_NE(f.timing.at(name), "") << name;
    EXPECT_FALSE(f.numeric.contains(name)) << name;
  }
}

TEST(MovedPins, NamesEachWithBothValues) {
  const Fingerprint before = MakeFingerprint("cpu-native", Facts());
  EXPECT_THAT(MovedPins(before, before), IsEmpty());
  Fingerprint now = before;
  now.numeric["libtorch"] = "2.12.0";
  now.numeric["new"] = "1";
  now.timing["load"] = "9";  // no number depends on it
  EXPECT_THAT(MovedPins(before, now),
              ElementsAre("libtorch: 2.11.0 -> 2.12.0", "new: unknown -> 1"));
  EXPECT_THAT(MovedPins(now, before),
              ElementsAre("libtorch: 2.12.0 -> 2.11.0", "new: 1 -> unknown"));
}

TEST(CodeTree, IsFortyDigitsOrUnknown) {
  EXPECT_THAT(CodeTree(), ::testing::AnyOf(
                              "unknown", ::testing::MatchesRegex("[0-9a-f]+")));
  if (CodeTree() == "unknown") {
    EXPECT_FALSE(BuiltFromCommit());
  } else {
    EXPECT_EQ(CodeTree().size(), 40U);
  }
}

}  // namespace
}  // namespace plastometer
