#include "model/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/files.h"
#include "base/lane.h"
#include "model/cost/cost.h"
#include "tests/errors.h"

namespace plastometer {
namespace {

std::string Plastic(const std::string& text, int64_t num_layers) {
  return Profile::Parse(text, num_layers).PlasticLayers();
}

TEST(Profile, NamesFollowTheirRules) {
  EXPECT_EQ(Plastic("retina", 24), "0-4");
  EXPECT_EQ(Plastic("cortex", 24), "21-23");
  EXPECT_EQ(Plastic("retina", 12), "0-1");
  EXPECT_EQ(Plastic("cortex", 12), "11");
  EXPECT_EQ(Plastic("retina", 3), "0");
  EXPECT_EQ(Plastic("early:25%", 24), "0-5");
  EXPECT_EQ(Plastic("early:25%", 6), "0-1");
  EXPECT_EQ(Plastic("late:25%", 12), "9-11");
  EXPECT_EQ(Plastic("early:29%", 100), "0-28");
  EXPECT_EQ(Plastic("late:3", 12), "9-11");
  EXPECT_EQ(Plastic("early:12", 12), "all");
  EXPECT_EQ(Plastic("frozen", 12), "none");
  EXPECT_EQ(Plastic("layers:0-2,5,7-8", 12), "0-2,5,7-8");
}

TEST(Profile, ScalesRampsAndSchedules) {
  EXPECT_EQ(Profile::Parse("retina@2", 24).Lambda(4, 0), 2.0);
  EXPECT_EQ(Profile::Parse("retina@2", 24).Lambda(5, 0), 0.0);
  const Profile mixed = Profile::Parse("layers:0-4@2,5-23@0.1", 24);
  EXPECT_EQ(mixed.Lambda(4, 9), 2.0);
  EXPECT_EQ(mixed.Lambda(23, 9), 0.1);
  const Profile ramp = Profile::Parse("ramp:1->0.25", 4);
  EXPECT_DOUBLE_EQ(ramp.Lambda(0, 0), 1.0);
  EXPECT_DOUBLE_EQ(ramp.Lambda(1, 0), 0.75);
  EXPECT_DOUBLE_EQ(ramp.Lambda(3, 0), 0.25);
  const Profile until = Profile::Parse("uniform;until=32", 2);
  EXPECT_EQ(until.Lambda(0, 1), 1.0);
  EXPECT_EQ(until.Lambda(0, 2), 0.0);
  const Profile every = Profile::Parse("uniform;every=4", 2);
  EXPECT_EQ(every.Lambda(1, 4), 1.0);
  EXPECT_EQ(every.Lambda(1, 5), 0.0);
}

std::vector<int64_t> Periods(const std::string& text, int64_t num_layers) {
  const Profile profile = Profile::Parse(text, num_layers);
  std::vector<int64_t> periods;
  for (int64_t l = 0; l < num_layers; ++l)
    periods.push_back(profile.layer(l).every);
  return periods;
}

TEST(Profile, PeriodsOverDepth) {
  using testing::ElementsAre;
  EXPECT_THAT(Periods("every:1->8", 4), ElementsAre(1, 2, 4, 8));
  EXPECT_THAT(Periods("every:8->1", 4), ElementsAre(8, 4, 2, 1));
  // x = 0, 2/3, 4/3, 2: half goes up, so a mirror need not be the reverse.
  EXPECT_THAT(Periods("every:1->4", 4), ElementsAre(1, 2, 2, 4));
  EXPECT_THAT(Periods("every:1->2", 3), ElementsAre(1, 2, 2));
  EXPECT_THAT(Periods("every:2->1", 3), ElementsAre(2, 2, 1));
  EXPECT_THAT(Periods("every:16->1", 12),
              ElementsAre(16, 16, 8, 8, 8, 4, 4, 2, 2, 2, 1, 1));
  EXPECT_THAT(Periods("every:4->1", 1), ElementsAre(4));
  EXPECT_THAT(Periods("every:1,3,2", 3), ElementsAre(1, 3, 2));
  const Profile scaled = Profile::Parse("every:2->1@0.5;until=64", 2);
  EXPECT_EQ(scaled.Lambda(0, 0), 0.5);
  EXPECT_EQ(scaled.Lambda(0, 1), 0);
  EXPECT_EQ(scaled.Lambda(1, 3), 0.5);
  EXPECT_EQ(scaled.Lambda(1, 4), 0);
  EXPECT_TRUE(Profile::Parse("every:4->4", 12)
                  .SameMultipliers(Profile::Parse("uniform;every=4", 12)));
  EXPECT_THAT(Periods("early:1;every=4", 2), ElementsAre(4, 1));
}

TEST(Profile, EqualMultipliersAreRecognised) {
  EXPECT_TRUE(Profile::Parse("retina", 12)
                  .SameMultipliers(Profile::Parse("early:2", 12)));
  EXPECT_TRUE(Profile::Parse("frozen", 12)
                  .SameMultipliers(Profile::Parse("uniform;until=0", 12)));
  EXPECT_TRUE(Profile::Parse("frozen", 12)
                  .SameMultipliers(Profile::Parse("retina@0", 12)));
  EXPECT_FALSE(Profile::Parse("retina", 12)
                   .SameMultipliers(Profile::Parse("retina@2", 12)));
}

TEST(Profile, ControlsCombineInAnyOrder) {
  const Profile profile =
      Profile::Parse("retina@2;start=mean;until=64;reset=32;eta=flip", 12);
  EXPECT_EQ(profile.controls().ToText(), ";eta=flip;reset=32;start=mean");
  EXPECT_EQ(profile.Lambda(0, 0), -2.0);
  EXPECT_EQ(profile.Lambda(0, 4), 0.0);
  EXPECT_FALSE(std::signbit(profile.Lambda(5, 0)));
  EXPECT_FALSE(profile.controls().ResetsAt(0));
  EXPECT_TRUE(profile.controls().ResetsAt(32));
  EXPECT_FALSE(profile.controls().ResetsAt(64));
  const Controls every =
      Profile::Parse("uniform;reset-every=32;eta=shuffle", 2).controls();
  EXPECT_TRUE(every.ResetsAt(64));
  EXPECT_FALSE(every.ResetsAt(0) || every.ResetsAt(48));
  EXPECT_EQ(every.ToText(), ";eta=shuffle;reset-every=32");
  EXPECT_EQ(Profile::Parse("uniform", 2).controls().ToText(), "");
}

TEST(Profile, OtherControlsAreAnotherRow) {
  const char* different[] = {
      "uniform",          "uniform;eta=flip",       "uniform;eta=shuffle",
      "uniform;reset=32", "uniform;reset-every=32", "uniform;start=mean",
      "frozen",           "frozen;start=mean"};
  for (const char* a : different) {
    for (const char* b : different)
      EXPECT_EQ(Profile::Parse(a, 4).SameMultipliers(Profile::Parse(b, 4)),
                std::string(a) == b)
          << a << " " << b;
  }
  EXPECT_TRUE(
      Profile::Parse("frozen", 4)
          .SameMultipliers(Profile::Parse("uniform@0;eta=flip;reset=32", 4)))
      << "where nothing is learned there is nothing to flip or reset";
}

TEST(Profile, RandomSubsetsArePinned) {
  const Profile a = Profile::Parse("random:3#1", 12);
  EXPECT_EQ(a.NumPlasticLayers(), 3);
  EXPECT_TRUE(a.SameMultipliers(Profile::Parse("random:3#1", 12)));
  bool differs = false;
  for (int seed = 2; seed < 10; ++seed) {
    differs |= !a.SameMultipliers(
        Profile::Parse("random:3#" + std::to_string(seed), 12));
  }
  EXPECT_TRUE(differs);
}

TEST(Profile, FromFile) {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "p.json").string();
  WriteFile(
      file,
      R"({"layers": [1, {"lambda": 0.5, "until": 32, "every": 2}, {"lambdas": [1, 0, 0.25]}]})");
  const Profile profile = Profile::Parse("file:" + file, 3);
  EXPECT_EQ(profile.Lambda(0, 100), 1.0);
  EXPECT_EQ(profile.Lambda(1, 0), 0.5);
  EXPECT_EQ(profile.Lambda(1, 1), 0.0);
  EXPECT_EQ(profile.Lambda(2, 2), 0.25);
  EXPECT_EQ(profile.Lambda(2, 3), 0.0);
  EXPECT_THROW(Profile::Parse("file:" + file, 4), Error);
  WriteFile(file, R"({"layers": [1, {"lamda": 0.5}, 1]})");
  EXPECT_THROW(Profile::Parse("file:" + file, 3), Error);
}

TEST(Profile, DeeplyNestedFileIsRefusedNotFollowed) {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "p.json").string();
  const std::string open(200'000, '['), close(200'000, ']');
  WriteFile(file, R"({"layers": [{"x": )" + open + close + "}]}");
  EXPECT_NE(
      MessageOf([&] { Profile::Parse("file:" + file, 1); }, ErrorKind::kUsage)
          .find("nested deeper"),
      std::string::npos);
}

struct BadProfile {
  const char* text;
  const char* expected_in_message;
};

TEST(Profile, BadOnesAreNamed) {
  const BadProfile bad[] = {
      {"layers:0-12", "layer 12 is outside the model, which has layers 0-11"},
      {"layers:5-3", "range '5-3' is empty"},
      {"layers:1,0-2", "layer 1 is named twice"},
      {"retina@-1", "scale -1 is negative or not finite"},
      {"retina@nan", "not finite"},
      {"retina@1e308", "scale 1e308; expected at most 1e9"},
      {"ramp:1e10->0", "scale 1e10; expected at most 1e9"},
      {"retina@inf", "not finite"},
      {"retina@", "scale '' is not a number"},
      {"early:0", "empty range"},
      {"early:0%", "empty range"},
      {"early:13", "asks for 13 layers; the model has 12"},
      {"early:120%", "more than 100%"},
      {"sideways", "unknown name 'sideways'; expected"},
      {"retna", "unknown name 'retna'; did you mean 'retina'?; expected"},
      {"erly:25%", "did you mean 'early'?"},
      {"", "unknown name ''"},
      {"layers:", "layer is ''"},
      {"uniform;until=7", "not a multiple of 16"},
      {"uniform;every=0", "expected at least 1"},
      {"uniform;eta=-1", "expected eta=flip or eta=shuffle"},
      {"uniform;eta=flip;eta=shuffle", "option 'eta' is given twice"},
      {"uniform;start=W0", "expected start=mean"},
      {"uniform;reset=0", "reset=0 is not a positive multiple of 16"},
      {"uniform;reset=-16", "not a positive multiple of 16"},
      {"uniform;reset=40", "not a positive multiple of 16"},
      {"uniform;reset", "reset is ''"},
      {"uniform;reset-every=8", "reset-every=8 is not a positive multiple"},
      {"uniform;reset=32;reset-every=64", "exclude each other"},
      {"uniform;never", "unknown option 'never'"},
      {"uniform;until=32;until=64", "option 'until' is given twice"},
      {"ramp:1", "expected ramp:a->b"},
      {"every:3->1", "period 3 is not a power of two"},
      {"every:0->1", "period 0 is not a power of two"},
      {"every:1->4294967296", "not a power of two from 1 to 2^30"},
      {"every:1,2", "lists 2 periods; the model has 12 layers"},
      {"every:1,,2", "period is ''"},
      {"every:1,1,1,1,1,1,1,1,1,1,1,0", "expected at least 1"},
      {"every:1->2;every=2", "would be a second one"},
      {"random:3", "expected random:K#SEED"}};
  for (const BadProfile& profile : bad) {
    try {
      Profile::Parse(profile.text, 12);
      ADD_FAILURE() << profile.text << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2) << profile.text;
      EXPECT_NE(std::string(error.what()).find(profile.expected_in_message),
                std::string::npos)
          << profile.text << ": " << error.what();
    }
  }
}

TEST(Lane, UnknownOnesListWhatThereIs) {
  EXPECT_EQ(ParseLane("cpu-reference-fp64"), Lane::kCpuReferenceFp64);
  for (const char* name : {"cuda-portable", "gpu"}) {
    try {
      ParseLane(name);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      EXPECT_NE(std::string(error.what())
                    .find("cpu-reference, cpu-reference-fp64, cuda-reference"),
                std::string::npos);
    }
  }
}

TEST(Lane, FactsStandInOneTable) {
  for (const std::string& name : AvailableLanes()) {
    EXPECT_EQ(ToString(ParseLane(name)), name);
    EXPECT_EQ(&TraitsOf(name), &TraitsOf(ParseLane(name)));
  }
  EXPECT_EQ(TraitsOf(Lane::kCpuReferenceFp64).loss_bytes(), 8);
  EXPECT_EQ(TraitsOf(Lane::kCpuNativeBf16).loss_bytes(), 4);
  EXPECT_TRUE(TraitsOf(Lane::kCpuPortable).promises_bits());
  EXPECT_FALSE(TraitsOf(Lane::kCpuNative).promises_bits());
  // One arithmetic, one class, on any device.
  EXPECT_EQ(TraitsOf("cuda-portable").class_stem(),
            TraitsOf("cpu-portable").class_stem());
  EXPECT_FALSE(TraitsOf("cuda-portable").available);
  EXPECT_THROW(TraitsOf("gpu"), Error);
}

}  // namespace
}  // namespace plastometer
