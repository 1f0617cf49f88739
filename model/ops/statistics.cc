#include "model/ops/statistics.h"

namespace plastometer::ops {

void StatisticsCollector::AddMiniBatch(int64_t mini_batch,
                                       const std::string& name,
                                       const at::Tensor& value) {
  AddMiniBatches(mini_batch, name, value.unsqueeze(2));
}

void StatisticsCollector::AddMiniBatches(int64_t first_mini_batch,
                                         const std::string& name,
                                         const at::Tensor& value) {
  mini_batch_[name].push_back({first_mini_batch, value.detach()});
}

void StatisticsCollector::AddTokens(int64_t first_token,
                                    const std::string& name,
                                    const at::Tensor& value) {
  token_[name].push_back({first_token, value.detach()});
}

}  // namespace plastometer::ops
