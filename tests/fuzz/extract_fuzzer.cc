#include "datasets/extract/extract.h"
#include "tests/fuzz/fuzz_target.h"

// The parts that read bytes of packages; the first byte says which.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  if (size == 0) return 0;
  const std::string_view bytes = fuzz::View(data + 1, size - 1);
  fuzz::Try([&] {
    switch (data[0]) {
      case 'm':
        ManToText(bytes);
        break;
      case 'o':
        OsisToText(bytes);
        break;
      case 'n':
        fuzz::Require(
            NormaliseText(NormaliseText(bytes)) == NormaliseText(bytes),
            "normal text stays as it is");
        break;
      case 'r':
        RdbStrings(bytes, 0, bytes.size(), "input");
        break;
      case 's': {  // one block's index, then the data
        const size_t index = std::min<size_t>(12, bytes.size());
        SwordBlocks(bytes.substr(0, index), bytes.substr(index), "input");
        break;
      }
      case 'z':
        Inflate(bytes, 15, "input");
        break;
      case 'g':
        Inflate(bytes, 31, "input");
        break;
      default:
        break;
    }
  });
  return 0;
}
