#include "datasets/sentencepiece_proto.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  fuzz::Try([&] { ReadSentencePieceFacts(fuzz::View(data, size), "input"); });
  return 0;
}
