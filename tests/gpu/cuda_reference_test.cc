// cuda-reference is the code of cpu-reference on a GPU: held to the official
// outputs and to the same exact counters.
#include <gtest/gtest.h>

#include "tests/model/core/parity_data.h"

namespace plastometer {
namespace {

// fp32 products in another order than on the CPU; the tolerance of the sets is
// 8x the largest fp32 error that was measured.
TEST(CudaReference, OfficialOutputs) {
  for (const ParitySet& set : ParitySets("b_")) {
    SCOPED_TRACE(set.name);
    const Model model = ImportParityModel(set, Lane::kCudaReference);
    const Profile uniform =
        Profile::Parse("uniform", model.config().num_layers);
    const ForwardResult result =
        model.Score(Ids(set), set.json.at("batch"), uniform,
                    {.logits = true, .final_state = true});
    EXPECT_LE(MaxAbsDifference(ToDoubles(result.logits.at("logits")),
                               ToDoubles(set.tensors.Read("logits_fp64"))),
              set.json.at("tolerance").at("fp32_logits_max_abs").get<double>());
  }
}

TEST(CudaReference, ProfilesStatisticsAndCountersAsOnTheCpu) {
  for (const InnerModel inner : {InnerModel::kLinear, InnerModel::kMlp}) {
    for (const Backbone backbone : {Backbone::kMamba, Backbone::kTransformer}) {
      const ModelConfig config = SmallConfig(inner, backbone);
      const TensorMap weights = RandomWeights(config, 5);
      const Model cpu = Model::FromTensors(
          config, weights, {.lane = Lane::kCpuReferenceFp64, .num_threads = 1});
      const Model cuda = Model::FromTensors(
          config, weights, {.lane = Lane::kCudaReference, .num_threads = 1});
      const std::vector<int32_t> ids = RandomIds(2 * 53, config.vocab_size, 6);
      for (const std::string name :
           {"uniform", "retina", "uniform;every=2", "frozen"}) {
        SCOPED_TRACE(ToString(inner) + " " + ToString(backbone) + " " + name);
        const Profile profile = Profile::Parse(name, config.num_layers);
        const ForwardResult a =
            cpu.Score(ids, 2, profile, {.statistics = StatisticsMode::kOn});
        const ForwardResult b =
            cuda.Score(ids, 2, profile, {.statistics = StatisticsMode::kOn});
        EXPECT_EQ(a.counters, b.counters);
        EXPECT_LE(MaxAbsDifference(a.nll, b.nll), 1e-4);
        EXPECT_EQ(a.statistics.size(), b.statistics.size());
      }
      cuda.CheckCausality(ids, Profile::Parse("uniform", config.num_layers));
    }
  }
}

}  // namespace
}  // namespace plastometer
