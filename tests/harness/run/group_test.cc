#include "harness/run/group.h"

#include <gtest/gtest.h>

namespace plastometer {
namespace {

std::string ReadBack(const std::string& name) {
  return ControlsOfLambdas(
      CanonicalLambdas(Profile::Parse(name, 12), std::string(64, 'a')));
}

TEST(ControlsOfLambdas, AreThoseOfTheProfile) {
  EXPECT_EQ(ReadBack("uniform;eta=flip"), ";eta=flip");
  EXPECT_EQ(ReadBack("retina;until=64;every=2;reset-every=32;eta=shuffle"),
            ";eta=shuffle;reset-every=32");
  EXPECT_EQ(ReadBack("layers:0-2@2,5;reset=16;until=64;start=mean"),
            ";reset=16;start=mean");
  EXPECT_EQ(ReadBack("retina;until=64;every=2"), "");
  // Nothing is learned, so nothing is flipped.
  EXPECT_EQ(ReadBack("frozen;eta=flip"), "");
}

}  // namespace
}  // namespace plastometer
