#include "harness/suite/suite.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  fuzz::Try([&] {
    const Suite suite = ParseSuite(fuzz::View(data, size), "folder/suite.json");
    fuzz::Require(!suite.groups.empty(), "a suite names something to run");
    // A run folder keeps the groups, and a resumed run reads them again.
    for (const SuiteGroup& group : suite.groups) {
      const std::string kept = GroupJson(group);
      fuzz::Require(GroupJson(ParseGroupJson(kept, "run folder")) == kept,
                    "a group that was kept is the group");
    }
  });
  return 0;
}
