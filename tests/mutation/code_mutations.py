"""Mistakes in the code that the golden tests must catch: one small patch each, and the place that `check` must name.

A patch is text that stands exactly once in its file. When the code moves, `mutate.py --check-patches` (a ctest) says so: write the
patch anew, or the mistake is no longer tested.
"""
import dataclasses
import typing

FIRST_MINI_BATCH = (0, 15)  # tokens


@dataclasses.dataclass(frozen=True)
class Place:
    """The first divergence of one case: what report's "divergence" must say. None of `tokens`: any."""
    case: str
    where: str
    layer: typing.Optional[int] = None  # the only one, or the last of those that may be named from `first_layer` on
    tokens: typing.Optional[tuple] = None  # first, last that may be named
    first_layer: typing.Optional[int] = None


@dataclasses.dataclass(frozen=True)
class Mutation:
    name: str
    what: str
    file: str
    old: str
    new: str
    tier: typing.Optional[str]  # first that must fail, in the cases of `places` or `counted`; None: no report, `message` on stderr
    places: tuple = ()
    counted: tuple = ()    # cases that fail without a divergence
    untouched: tuple = ()  # cases that must still pass: an alarm there is a false one
    exit_code: int = 1
    message: str = ""


PROSE = tuple(f"prose.{p}" for p in ("uniform", "retina", "frozen", "uniform-every-2", "ramp-1-0.25"))
FROZEN = ("prose.frozen", "mlp.frozen", "transformer.frozen")
# The rate of the last token, which moves the carried state, has been learned to 0 in layers 0 and 2 of tiny-transformer.
FIRST_UPDATED = 1
TRANSFORMER = ("transformer.uniform", "transformer.frozen", "transformer.uniform-until-96")
MLP = ("mlp.uniform", "mlp.frozen", "mlp.layers-1x0.5")

SCAN = "model/ops/portable/portable_scan.cc"
INNER = "model/ops/portable/cpu/scan-inl.h"
LANGUAGE_MODEL = "model/layers/language_model.cc"
TTT_LAYER = "model/mixers/ttt/layer.cc"

MUTATIONS = (
    Mutation(
        "weight bit in memory", "one bit of one weight of layer 5, flipped after loading",
        "model/model.cc",
        "    const at::Tensor stored = ToTorch(read(spec));\n",
        "    at::Tensor stored = ToTorch(read(spec));\n"
        "    if (spec.name == \"model/h/5/feed_forward/w1/kernel\") {\n"
        "      stored = stored.to(at::kFloat).clone();\n"
        "      *reinterpret_cast<uint32_t*>(stored.data_ptr<float>()) ^= 1u << 16;\n"
        "    }\n",
        "bits", places=(Place("prose.uniform", "block", 5, (0, 3)), Place("prose.frozen", "block", 5, (0, 3))),
        untouched=MLP + TRANSFORMER),
    Mutation(
        "eta a millionth larger", "the inner learning rate times 1 + 1e-6", SCAN,
        "static_cast<float>(config_.ttt_base_lr * lambda /",
        "static_cast<float>(config_.ttt_base_lr * (1 + 1e-6) * lambda /",
        "bits", places=(Place("prose.uniform", "block", 0, FIRST_MINI_BATCH), Place("mlp.uniform", "block", 0, FIRST_MINI_BATCH),
                        Place("mlp.layers-1x0.5", "block", 1, FIRST_MINI_BATCH)),
        untouched=FROZEN),
    Mutation(
        "RoPE pairing", "the two channels of a pair swapped",
        "model/ops/portable/cpu/rope_tables.cc",
        "    of_even.insert(of_even.end(), {cos[i], sin[i]});\n    of_odd.insert(of_odd.end(), {-sin[i], cos[i]});\n",
        "    of_odd.insert(of_odd.end(), {cos[i], sin[i]});\n    of_even.insert(of_even.end(), {-sin[i], cos[i]});\n",
        "bits", places=tuple(Place(c, "block", 0, (0, 0)) for c in ("prose.uniform", "prose.frozen", "mlp.uniform", "transformer.frozen"))),
    Mutation(
        "bias update dropped", "b1 keeps its initial value", INNER,
        "    StepBias(a_.open_h1, width1, rate, a_.b1);\n", "",
        "bits", places=(Place("prose.uniform", "state", 0, FIRST_MINI_BATCH), Place("mlp.uniform", "state", 0, FIRST_MINI_BATCH),
                        Place("mlp.layers-1x0.5", "state", 1, FIRST_MINI_BATCH), Place("transformer.uniform", "state", FIRST_UPDATED, FIRST_MINI_BATCH)),
        untouched=FROZEN),
    Mutation(
        "token index off by one", "token t takes the learned index of token t + 1", SCAN,
        "index.const_data_ptr<float>()[t];", "index.const_data_ptr<float>()[(t + 1) % b];",
        "bits", places=(Place("prose.uniform", "block", 0, FIRST_MINI_BATCH), Place("transformer.uniform", "block", 0, FIRST_MINI_BATCH)),
        untouched=FROZEN),
    Mutation(
        "conv_q for K", "keys through the convolution of the queries", TTT_LAYER,
        "                           w_.conv_k_kernel, w_.conv_k_bias);",
        "                           w_.conv_q_kernel, w_.conv_q_bias);",
        "bits", places=(Place("prose.uniform", "block", 0, (0, 0)), Place("mlp.uniform", "block", 0, (0, 0)),
                        Place("mlp.layers-1x0.5", "block", 1, (0, 0))),
        untouched=FROZEN + TRANSFORMER),
    Mutation(
        "update at the ragged tail", "a mini-batch that is not full updates the carried state (TTT-Linear)", INNER,
        "    if (piece.end == kRows) {\n      if (a.statistics != nullptr) statistics.Before(closed, last);\n",
        "    if (piece.end < kRows && J == 0) {\n"
        "      std::fill(a.open_h1 + piece.end * d, a.open_h1 + kRows * d, 0.0f);\n"
        "      rows.Update(next);\n"
        "    }\n"
        "    if (piece.end == kRows) {\n      if (a.statistics != nullptr) statistics.Before(closed, last);\n",
        "bits", places=(Place("prose.uniform", "block", 0, (8, 8)), Place("transformer.uniform", "block", FIRST_UPDATED, (8, 8))),
        untouched=FROZEN + ("mlp.uniform",)),
    Mutation(
        "lambda of the wrong layer", "layer l reads with the multiplier of layer l + 1", LANGUAGE_MODEL,
        ".schedule = profile.layer(l),",
        ".schedule = profile.layer((l + 1) % config.num_layers),",
        "bits", places=(Place("prose.retina", "block", 1, (0, 0)), Place("prose.ramp-1-0.25", "block", 0, FIRST_MINI_BATCH),
                        Place("mlp.layers-1x0.5", "block", 0, (0, 0))),
        untouched=FROZEN + ("prose.uniform", "mlp.uniform") + TRANSFORMER),
    Mutation(
        "sum in another order", "the last two levels of the 32-lane tree exchanged; may round alike in layer 0",
        "model/ops/portable/cpu/row_sums-inl.h",
        "  const auto two = hn::Add(four, hn::Shuffle1032(four));\n  return hn::GetLane(hn::Add(two, hn::Shuffle2301(two)));\n",
        "  const auto two = hn::Add(four, hn::Shuffle2301(four));\n  return hn::GetLane(hn::Add(two, hn::Shuffle1032(two)));\n",
        "bits", places=tuple(Place(c, "block", 1, (0, 3), first_layer=0) for c in ("prose.uniform", "prose.frozen", "mlp.frozen", "transformer.frozen"))),
    Mutation(
        "product in another order", "a dot product of more than 128 terms in segments of 128",
        "model/ops/portable/cpu/kernels.h",
        "constexpr int64_t kSegment = 256;", "constexpr int64_t kSegment = 128;",
        "bits", places=tuple(Place(c, "block", 0, (0, 3)) for c in ("prose.uniform", "prose.frozen"))),
    Mutation(
        "counter off by one", "one inner update too many in every scan: the run itself meets its formulas", "model/ops/ops.cc",
        "    counters_.inner_updates += B * H * updates;\n", "    counters_.inner_updates += B * H * updates + 1;\n",
        None, exit_code=70, message="the formulas say"),
    Mutation(
        "count and formula off", "an update costs one multiply-add more in both (TTT-Linear)", "model/mixers/ttt/spec.cc",
        "  cost.update = H * 2 * d * d * b;\n", "  cost.update = H * 2 * (d * d * b + 1);\n",
        "counts", counted=("prose.uniform", "prose.retina", "transformer.uniform"), untouched=FROZEN + ("mlp.uniform",)),
    Mutation(
        "until, one mini-batch late", "a schedule ends one mini-batch after its token", "model/profile.cc",
        "kMiniBatchTokens * mini_batch >= until_tokens)", "kMiniBatchTokens * mini_batch > until_tokens)",
        "counts", places=(Place("transformer.uniform-until-96", "block", 0, (96, 96)),),
        untouched=PROSE + MLP + ("transformer.uniform", "transformer.frozen")),
    Mutation(
        "wrong final norm", "the head reads through the first layer's norm", LANGUAGE_MODEL,
        "  return ops.RmsNorm(h, weights.final_norm);", "  return ops.RmsNorm(h, weights.layers[0].seq_norm);",
        "bits", places=tuple(Place(c, "head", None, (1, 1)) for c in ("prose.uniform", "mlp.frozen", "transformer.uniform"))),
)
