#include "datasets/slice.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  const auto path = fuzz::WriteInput("slice.json", fuzz::View(data, size));
  fuzz::Try([&] {
    const Slice slice = LoadSlice(path);
    fuzz::Require(!slice.pieces.empty(), "a slice names windows");
    for (const Slice::Piece& piece : slice.pieces) {
      fuzz::Require(piece.first_token >= 0 && piece.num_tokens >= 1 &&
                        piece.num_tokens <= slice.context_tokens,
                    "a window has tokens, no more than the context");
    }
  });
  return 0;
}
