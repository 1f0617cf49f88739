// capsule.json, up to the model: where the two traces in it part.
#include "harness/check/capsule.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/run_files.h"

namespace plastometer {
namespace {

void Check(std::string_view text) {
  fuzz::Try([&] {
    const Capsule capsule = ParseCapsule(text, "input");
    fuzz::Require(CapsuleJson(ParseCapsule(CapsuleJson(capsule), "again")) ==
                      CapsuleJson(capsule),
                  "a capsule that was read can be written and read");
    Golden expected, actual;
    expected.pins = actual.pins = capsule.pins;
    expected.trace = capsule.expected;
    actual.trace = capsule.actual;
    const auto divergence = FirstDivergence(actual, expected);
    fuzz::Require(!divergence || divergence->token <= divergence->last_token,
                  "a divergence has a place");
    fuzz::Require(!FirstDivergence(actual, actual), "a trace is itself");
  });
}

}  // namespace
}  // namespace plastometer

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  Check(fuzz::View(data, size));
  Check(fuzz::SealedCapsule(fuzz::View(data, size)));
  return 0;
}
