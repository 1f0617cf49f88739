// The inner loop alone against the fp64 oracle (sets c_*): outputs, final state
// and norms under five schedules.
#include "model/ops/reference/inner_loop.h"

#include <gtest/gtest.h>

#include "model/mixers/ttt/spec.h"
#include "model/tensor_io.h"
#include "tests/model/core/parity_data.h"

namespace plastometer {
namespace {

using ops::InnerLoop;
using ops::InnerParameters;
using ops::InnerState;

struct Layer {
  ModelConfig config;
  InnerParameters parameters;
  at::Tensor q, k, v, lr;
  int64_t num_tokens;
};

at::Tensor Fp64(const ParitySet& set, const std::string& name) {
  return ToTorch(set.tensors.Read(name)).to(at::kDouble);
}

Layer MakeLayer(const ParitySet& set) {
  Layer layer;
  layer.config.num_heads = set.json.at("H");
  layer.config.hidden_size =
      layer.config.num_heads * set.json.at("head_dim").get<int64_t>();
  layer.config.ttt_base_lr = set.json.at("base_lr");
  layer.config.inner_model =
      set.json.at("layer") == "mlp" ? InnerModel::kMlp : InnerModel::kLinear;
  layer.q = Fp64(set, "XQ");
  layer.k = Fp64(set, "XK");
  layer.v = Fp64(set, "XV");
  layer.lr = Fp64(set, "ttt_lr");
  layer.num_tokens = set.json.at("T");
  InnerParameters& p = layer.parameters;
  p.norm_weight = Fp64(set, "ttt_norm_weight");
  p.norm_bias = Fp64(set, "ttt_norm_bias");
  // The file has the clipped sum; the layer wants the offset of 1/(t+1).
  p.token_idx =
      Fp64(set, "token_idx") - at::reciprocal(at::arange(1, 17, at::kDouble));
  for (const FastWeightSpec& weight : FastWeightsOf(layer.config))
    p.start.push_back(Fp64(set, weight.name + "_init"));
  return layer;
}

std::vector<double> Lambdas(const ParitySet& set, const std::string& schedule) {
  if (schedule == "until3") return {1, 1, 1, 0, 0, 0};
  if (schedule == "sched")
    return set.json.at("schedules").at("sched").get<std::vector<double>>();
  return std::vector<double>(6, std::stod(schedule));
}

double Worst(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

constexpr const char* kSchedules[] = {"1", "0.5", "0", "until3", "sched"};

TEST(InnerLoop, MatchesOracleUnderEverySchedule) {
  for (const ParitySet& set : ParitySets("c_")) {
    const Layer layer = MakeLayer(set);
    const double tolerance = set.json.at("tolerance").at("fp64_max_abs");
    for (const std::string schedule : kSchedules) {
      SCOPED_TRACE(set.name + " lambda " + schedule);
      InnerState state;
      ops::StatisticsCollector statistics;
      InnerLoop loop(layer.config, layer.parameters, state, &statistics);
      const at::Tensor o = loop.Run(layer.q, layer.k, layer.v, layer.lr, 0,
                                    Lambdas(set, schedule));
      const std::string prefix = "lam_" + schedule + ".";
      EXPECT_LE(Worst(o, Fp64(set, prefix + "O")), tolerance);
      const std::vector<FastWeightSpec> weights = FastWeightsOf(layer.config);
      for (size_t i = 0; i < weights.size(); ++i) {
        const std::string name = prefix + weights[i].name + "_final";
        if (set.tensors.Has(name)) {
          EXPECT_LE(Worst(state.weights[i], Fp64(set, name)), tolerance)
              << name;
        }
      }
      int compared = 0;
      for (const auto& [ours, theirs] :
           {std::pair<std::string, std::string>{"grad_norm", "grad_norm"},
            {"update_norm", "upd_norm"},
            {"relative_update", "rel_upd"},
            {"state_norm", "state_norm"}}) {
        for (const std::string part : {"W1", "b1", "W2", "b2"}) {
          const std::string file_name = prefix + theirs + "_" + part;
          if (!set.tensors.Has(file_name)) continue;
          const auto& pieces = statistics.mini_batch().at(ours + "." + part);
          std::vector<at::Tensor> values;
          for (const auto& piece : pieces) values.push_back(piece.value);
          const at::Tensor expected = Fp64(set, file_name);
          EXPECT_LE(Worst(at::cat(values, 2), expected),
                    tolerance * (1 + expected.abs().max().item<double>()))
              << file_name;
          ++compared;
        }
      }
      EXPECT_GE(compared, 8);
      std::vector<at::Tensor> losses;
      for (const auto& piece : statistics.mini_batch().at("inner_loss"))
        losses.push_back(piece.value);
      const at::Tensor expected = Fp64(set, prefix + "inner_loss");
      EXPECT_LE(Worst(at::cat(losses, 2), expected),
                tolerance * (1 + expected.abs().max().item<double>()));
    }
  }
}

// Per-token statistics against plain autograd of the inner loss, token by
// token.
TEST(InnerLoop, TokenStatisticsAreThoseOfAutograd) {
  for (const ParitySet& set : ParitySets("c_linear")) {
    SCOPED_TRACE(set.name);
    const Layer layer = MakeLayer(set);
    InnerState state;
    ops::StatisticsCollector statistics;
    InnerLoop(layer.config, layer.parameters, state, &statistics)
        .Run(layer.q, layer.k, layer.v, layer.lr, 0,
             std::vector<double>(6, 0.5));
    const InnerParameters& p = layer.parameters;
    const double last_rate =
        1.0 / 16 + p.token_idx[15].item<double>();  // not clipped in these sets
    const double scale = layer.config.ttt_base_lr /
                         static_cast<double>(layer.config.head_dim()) * 0.5;
    const auto piece = [&](const std::string& name) {
      return statistics.token().at(name).front().value;  // [B, H, 16]
    };
    for (int64_t h = 0; h < layer.config.num_heads; ++h) {
      for (int64_t t = 0; t < 16; ++t) {
        const at::Tensor w = p.start[kW1][h].clone().requires_grad_(true);
        const at::Tensor k = layer.k[0][h][t], v = layer.v[0][h][t];
        const at::Tensor z = at::matmul(k, w) + p.start[kB1][h][0];
        const at::Tensor centered = z - z.mean();
        const at::Tensor y = centered /
                                 at::sqrt(centered.square().mean() + 1e-6) *
                                 p.norm_weight[h] +
                             p.norm_bias[h];
        (0.5 * (y - (v - k)).square().sum()).backward();
        const double norm = w.grad().norm().item<double>();
        const double lr = layer.lr[0][h][t].item<double>();
        EXPECT_NEAR(piece("token_grad_norm")[0][h][t].item<double>(), norm,
                    1e-9 * norm);
        EXPECT_NEAR(piece("token_step")[0][h][t].item<double>(),
                    scale * last_rate * lr * norm, 1e-9 * norm);
        EXPECT_EQ(piece("gate")[0][h][t].item<double>(), lr);
      }
    }
    const auto& distance = statistics.mini_batch().at("state_distance");
    const at::Tensor expected =
        (state.weights[kW1] - p.start[kW1]).square().sum({-2, -1}).sqrt() /
        p.start[kW1].square().sum({-2, -1}).sqrt();
    EXPECT_LE(Worst(distance.back().value.squeeze(2), expected), 1e-12);
  }
}

// The path that a frozen mini-batch takes in the model must give what eta = 0
// gives.
TEST(InnerLoop, FrozenPathEqualsLambdaZero) {
  for (const ParitySet& set : ParitySets("c_")) {
    SCOPED_TRACE(set.name);
    const Layer layer = MakeLayer(set);
    const at::Tensor frozen = ops::FrozenInnerOutput(
        layer.config, layer.q, layer.parameters, InnerState{});
    EXPECT_LE(Worst(frozen, Fp64(set, "lam_0.O")),
              set.json.at("tolerance").at("fp64_max_abs").get<double>());
  }
}

}  // namespace
}  // namespace plastometer
