#include "harness/results/search_results.h"

namespace plastometer {

std::string ProfileOf(const Layers& layers) {
  std::string text = "layers:";
  for (size_t i = 0; i < layers.size();) {
    size_t end = i;
    while (end + 1 < layers.size() && layers[end + 1] == layers[end] + 1) ++end;
    text += (i == 0 ? "" : ",") + std::to_string(layers[i]);
    if (end > i) text += "-" + std::to_string(layers[end]);
    i = end + 1;
  }
  return text;
}

}  // namespace plastometer
