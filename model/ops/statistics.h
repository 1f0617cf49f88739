// Receives what the scan saw in each full mini-batch, and turns it into the
// named arrays of docs/statistics.md.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace plastometer::ops {

// One layer's part. All tensors are detached copies in the lane's dtype.
class StatisticsCollector {
 public:
  // Per mini-batch m: name -> [B, H].
  void AddMiniBatch(int64_t mini_batch, const std::string& name,
                    const at::Tensor& value);
  // Per mini-batch first_mini_batch + i: name -> [B, H, n].
  void AddMiniBatches(int64_t first_mini_batch, const std::string& name,
                      const at::Tensor& value);
  // Per token, rows [first_token, first_token + n): name -> [B, H, n].
  void AddTokens(int64_t first_token, const std::string& name,
                 const at::Tensor& value);

  struct Piece {
    int64_t first;     // mini-batch or token index
    at::Tensor value;  // [B, H, n]
  };
  const std::map<std::string, std::vector<Piece>>& mini_batch() const {
    return mini_batch_;
  }
  const std::map<std::string, std::vector<Piece>>& token() const {
    return token_;
  }

 private:
  std::map<std::string, std::vector<Piece>> mini_batch_, token_;
};

}  // namespace plastometer::ops
