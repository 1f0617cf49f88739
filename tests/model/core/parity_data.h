// Outputs of the official implementations (tests/data/parity/README.md), found,
// imported and compared.
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/safetensors.h"
#include "model/model.h"
#include "tests/random_weights.h"

namespace plastometer {

// $PLASTOMETER_PARITY (a whole set), else the committed subset.
std::filesystem::path ParityFolder();

struct ParitySet {
  std::string name;
  nlohmann::json json;
  SafetensorsFile tensors;
};

// All sets whose name starts with `prefix` ("a_", "b_", ...); fails the test
// when there is none.
std::vector<ParitySet> ParitySets(const std::string& prefix);

// Imports the set's weights (flax stream or PyTorch safetensors) through the
// program's own importer.
Model ImportParityModel(const ParitySet& set, Lane lane);
TensorMap ImportParityWeights(const ParitySet& set, ModelConfig* config);

std::vector<int32_t> Ids(const ParitySet& set);

double MaxAbsDifference(const std::vector<double>& a,
                        const std::vector<double>& b);
double MaxAbs(const std::vector<double>& a);

// What a model can be made of.
struct Kind {
  InnerModel inner_model;
  Backbone backbone;
};
constexpr Kind kKinds[] = {{InnerModel::kLinear, Backbone::kMamba},
                           {InnerModel::kLinear, Backbone::kTransformer},
                           {InnerModel::kMlp, Backbone::kMamba},
                           {InnerModel::kMlp, Backbone::kTransformer}};

ModelConfig SmallConfig(InnerModel inner_model, Backbone backbone);
std::vector<int32_t> RandomIds(int64_t count, int64_t vocab_size,
                               uint64_t seed);

}  // namespace plastometer
