#include "harness/report/columns.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace plastometer {
namespace {

using Row = const ResultRow&;
using Value = ColumnValue;

constexpr Range kInterval = Range::kInterval95;

template <class Number>
Value Optional(const std::optional<Number>& value) {
  return value ? Value(*value) : Value();
}

// -1: unknown.
Value Known(int64_t value) { return value >= 0 ? Value(value) : Value(); }

Value FlopsMark(Row r) {
  const auto mark = r.row.pareto.find("flops");
  return mark == r.row.pareto.end() ? Value() : Optional(mark->second);
}

// In the order of table.csv; the terminal's is that of its groups.
constexpr ResultColumn kColumns[] = {
    {.id = "model",
     .unit = "",
     .title = "model",
     .explanation = "name of the model",
     .places = kJson,
     .value = [](Row r) -> Value { return r.results.record.model_name; }},
    {.id = "slice",
     .unit = "",
     .title = "text",
     .explanation = "`all`, or a domain",
     .places = kCsv | kJson,
     .value = [](Row r) -> Value { return r.slice.name; }},
    {.id = "profile",
     .unit = "",
     .title = "profile",
     .explanation = "which layers learn while reading, as it was asked for",
     .places = kTerminal | kCsv | kJson,
     .value = [](Row r) -> Value { return r.row.profile; },
     .heading = "profile"},
    {.id = "same_multipliers_as",
     .unit = "",
     .title = "same multipliers as",
     .explanation = "further names of the same measurement",
     .places = kJson,
     .value = [](Row r) -> Value { return r.row.same_as; }},
    {.id = "asked",
     .unit = "",
     .title = "asked for",
     .explanation = "false: measured because retention needs it",
     .places = kJson,
     .value = [](Row r) -> Value { return r.row.asked; }},
    {.id = "lane",
     .unit = "",
     .title = "lane",
     .explanation = "device, arithmetic and dtype",
     .places = kJson,
     .value = [](Row r) -> Value { return r.results.record.lane; }},
    {.id = "plastic_layers",
     .unit = "",
     .title = "plastic layers",
     .explanation =
         "layers whose inner model learns while reading, at any time",
     .places = kTerminal | kCsv | kJson | kPage,
     .value = [](Row r) -> Value { return r.row.plastic_layers; },
     .heading = "plastic\nlayers",
     .legend = "plastic layers: layers whose inner model learns while "
               "reading."},
    {.id = "windows",
     .unit = "windows",
     .title = "windows",
     .explanation = "pieces of text, each read with a fresh state",
     .places = kCsv | kJson,
     .value = [](Row r) -> Value { return r.slice.num_windows; },
     .style = Style::kCount},
    {.id = "works",
     .unit = "works",
     .title = "works",
     .explanation = "independent texts, the unit of resampling",
     .places = kCsv | kJson,
     .value = [](Row r) -> Value { return r.slice.num_works; },
     .style = Style::kCount},
    {.id = "tokens",
     .unit = "tokens",
     .title = "tokens",
     .explanation = "tokens that were read",
     .places = kJson,
     .value = [](Row r) -> Value { return r.slice.tokens; },
     .style = Style::kCount},
    {.id = "scored_tokens",
     .unit = "tokens",
     .title = "scored tokens",
     .explanation = "tokens whose loss counts",
     .places = kCsv | kJson,
     .value = [](Row r) -> Value { return r.slice.scored_tokens; },
     .style = Style::kCount},
    {.id = "scored_bytes",
     .unit = "bytes",
     .title = "scored bytes",
     .explanation = "text of the scored tokens",
     .places = kCsv | kJson,
     .value = [](Row r) -> Value { return Known(r.slice.scored_bytes); },
     .style = Style::kCount},
    {.id = "nll_nats",
     .unit = "nats per token",
     .title = "nats per token",
     .explanation = "mean loss of the scored tokens",
     .places = kCsv | kJson,
     .value = [](Row r) -> Value { return r.row.nll_nats; },
     .style = Style::kFixed,
     .decimals = 4},
    {.id = "nll_sum_nats",
     .unit = "nats",
     .title = "sum of losses",
     .explanation = "the same before the division, summed in fp64: by window, "
                    "document, slice",
     .places = kJson,
     .value = [](Row r) -> Value { return r.row.nll_sum; },
     .style = Style::kFixed,
     .decimals = 4},
    {.id = "nll_interval",
     .unit = "nats per token",
     .title = "nats per token",
     .explanation = "`nll_nats` with its interval",
     .places = kJson,
     .value = [](Row r) -> Value { return r.row.nll; },
     .style = Style::kFixed,
     .decimals = 4,
     .range = kInterval},
    {.id = "diverged",
     .unit = "",
     .title = "diverged",
     .explanation = "the loss is not finite",
     .places = kJson,
     .value = [](Row r) -> Value { return !std::isfinite(r.row.nll_nats); }},
    {.id = "perplexity",
     .unit = "1",
     .title = "perplexity",
     .explanation = "exp(`nll_nats`)",
     .places = kTerminal | kCsv | kJson | kPage,
     .value = [](Row r) -> Value { return r.row.perplexity; },
     .style = Style::kPerplexity,
     .group = TableGroup::kLevels,
     .heading = "perplex-\nity"},
    {.id = "bits_per_byte",
     .unit = "bits per byte",
     .title = "bits per byte",
     .explanation = "loss per byte of text: comparable between tokenizers and "
                    "domains",
     .places = kTerminal | kCsv | kJson | kPage,
     .value = [](Row r) -> Value { return Optional(r.row.bits_per_byte); },
     .style = Style::kFixed,
     .decimals = 3,
     .applies = Applies::kTerminalNoFloor,
     .group = TableGroup::kLevels,
     .heading = "bits/\nbyte",
     .legend = "bits/byte: comparable between tokenizers."},
    {.id = "nats_lost",
     .unit = "nats per token",
     .title = "nats lost against uniform",
     .explanation = "loss above `uniform`, where all layers learn; paired by "
                    "work",
     .places = kTerminal | kCsv | kJson | kPage,
     .value = [](Row r) -> Value { return r.row.lost; },
     .style = Style::kFixed,
     .decimals = 3,
     .range = kInterval,
     .group = TableGroup::kDifferences,
     .heading = "nats lost against\nuniform [95 %]",
     .legend = "nats lost: loss per token above uniform (all layers learn).",
     .at_uniform = "0 (reference)"},
    {.id = "retention",
     .unit = "share",
     .title = "retention, %",
     .explanation =
         "share of the gap `frozen` - `uniform` that is kept, with a Fieller "
         "interval; missing where the gap's own interval holds 0",
     .places = kTerminal | kCsv | kJson | kPage,
     .value = [](Row r) -> Value { return r.row.retention; },
     .style = Style::kPercent,
     .decimals = 1,
     .range = kInterval,
     .group = TableGroup::kDifferences,
     .heading = "retention\n[95 %]",
     .legend = "retention: share of the gap frozen - uniform that is kept.\n"
               "[95 %]: intervals over independent works (books, packages), "
               "never over windows of one work."},
    {.id = "inner_updates",
     .unit = "updates",
     .title = "inner updates",
     .explanation = "gradient steps applied to fast weights, all windows",
     .places = kTerminal | kCsv | kJson,
     .value = [](Row r) -> Value { return r.row.counters.inner_updates; },
     .style = Style::kShort,
     .group = TableGroup::kCosts,
     .heading = "inner\nupdates",
     .legend = "inner updates: gradient steps applied, all windows."},
    {.id = "inner_updates_skipped",
     .unit = "updates",
     .title = "inner updates skipped",
     .explanation = "those that `uniform` would have applied beyond these",
     .places = kCsv | kJson,
     .value = [](Row r) -> Value {
       return r.row.counters.inner_updates_skipped;
     },
     .style = Style::kShort},
    {.id = "inner_gradient_tokens",
     .unit = "tokens",
     .title = "tokens with a gradient",
     .explanation = "tokens x heads x layers whose gradient entered an output",
     .places = kJson,
     .value = [](Row r) -> Value {
       return r.row.counters.inner_gradient_tokens;
     },
     .style = Style::kShort},
    {.id = "inner_updates_saved",
     .unit = "share",
     .title = "inner updates saved",
     .explanation = "share of uniform's inner updates that were not needed",
     .places = kTerminal | kJson | kPage,
     .value = [](Row r) -> Value { return Optional(r.row.updates_saved); },
     .style = Style::kPercent,
     .decimals = 1,
     .group = TableGroup::kCosts,
     .heading = "saved"},
    {.id = "flops",
     .unit = "FLOPs",
     .title = "FLOPs",
     .explanation = "algorithmic and exact ([counters](counters.md))",
     .places = kCsv | kJson,
     .value = [](Row r) -> Value { return r.row.counters.flops; },
     .style = Style::kShort},
    {.id = "flops_per_token",
     .unit = "FLOPs per token",
     .title = "FLOPs per token",
     .explanation = "the same by token read",
     .places = kTerminal | kJson | kPage,
     .value = [](Row r) -> Value { return r.row.flops_per_token; },
     .style = Style::kShort,
     .group = TableGroup::kCosts,
     .heading = "FLOPs/\ntoken",
     .legend = "FLOPs/token: algorithmic, exact."},
    {.id = "flops_saved",
     .unit = "share",
     .title = "FLOPs saved",
     .explanation = "share of uniform's FLOPs that were not needed",
     .places = kTerminal | kCsv | kJson | kPage,
     .value = [](Row r) -> Value { return Optional(r.row.flops_saved); },
     .style = Style::kPercent,
     .decimals = 1,
     .group = TableGroup::kCosts,
     .heading = "saved",
     .legend = "saved: against uniform."},
    {.id = "bytes_moved",
     .unit = "bytes",
     .title = "bytes moved",
     .explanation = "fp32 traffic of the inner loop, by formula",
     .places = kJson,
     .value = [](Row r) -> Value { return r.row.counters.bytes_moved; },
     .style = Style::kBytes},
    {.id = "seconds",
     .unit = "s",
     .title = "seconds",
     .explanation = "time around the model; a batch's is shared equally among "
                    "its windows",
     .places = kCsv | kJson,
     .value = [](Row r) -> Value { return r.row.seconds; },
     .style = Style::kFixed,
     .decimals = 1},
    {.id = "ms_per_1k_tokens",
     .unit = "ms per 1,000 tokens",
     .title = "ms per 1,000 tokens",
     .explanation =
         "measured: median over batches, each of the weight of its tokens; "
         "only for all text",
     .places = kTerminal | kCsv | kJson | kPage,
     .value = [](Row r) -> Value { return r.row.ms_per_1k_tokens; },
     .style = Style::kFixed,
     .decimals = 1,
     .range = Range::kQuartiles,
     .applies = Applies::kTerminalAllText,
     .group = TableGroup::kCosts,
     .heading = "ms/1k\ntokens",
     .legend = "ms/1k tokens: median over batches, ± half the interquartile "
               "range."},
    {.id = "adaptive_state_bytes",
     .unit = "bytes per sequence",
     .title = "adaptive state",
     .explanation = "fp32 fast weights of the layers that learn",
     .places = kTerminal | kCsv | kJson | kPage,
     .value = [](Row r) -> Value {
       return r.row.counters.adaptive_state_bytes;
     },
     .style = Style::kBytes,
     .group = TableGroup::kCosts,
     .heading = "adaptive\nstate",
     .legend = "adaptive state: per sequence."},
    {.id = "carry_bytes",
     .unit = "bytes per sequence",
     .title = "carried state",
     .explanation = "all that must be kept between two tokens",
     .places = kJson,
     .value = [](Row r) -> Value { return r.row.counters.carry_bytes; },
     .style = Style::kBytes},
    {.id = "working_bytes",
     .unit = "bytes per batch",
     .title = "working memory",
     .explanation =
         "measured: the most bytes of CPU tensors alive at once while "
         "a batch was read, beyond the weights; depends on batch "
         "and threads; only for all text",
     .places = kCsv | kJson,
     .value = [](Row r) -> Value { return Known(r.row.working_bytes); },
     .style = Style::kBytes},
    {.id = "peak_memory_bytes",
     .unit = "bytes",
     .title = "peak memory",
     .explanation = "of the whole process",
     .places = kJson,
     .value = [](Row r) -> Value {
       return Known(r.results.record.peak_memory_bytes);
     },
     .style = Style::kBytes},
    {.id = "pareto",
     .unit = "",
     .title = "Pareto marks",
     .explanation = "the next column for each cost: `flops`, `inner_updates`, "
                    "`ms_per_1k_tokens` (by its ratio to uniform's in the same "
                    "batches, quartiles apart), `adaptive_state_bytes`",
     .places = kJson,
     .value = [](Row r) -> Value { return r.row.pareto; }},
    {.id = "pareto_flops",
     .unit = "",
     .title = "on the front",
     .explanation = "no other profile is better (by a paired interval) at no "
                    "higher FLOPs; controls have no mark and take no other's; "
                    "`?`: its loss or cost is not known",
     .places = kTerminal | kCsv,
     .value = FlopsMark,
     .style = Style::kMark,
     .group = TableGroup::kCosts,
     .heading = "P",
     .legend = "P: * no other profile is better (by a paired interval) at no "
               "higher FLOPs; other costs in results.json."},
    {.id = "floor_nats",
     .unit = "nats per token",
     .title = "floor",
     .explanation = "exact Bayes loss of a generated task "
                    "([synthetic](synthetic.md))",
     .places = kCsv | kJson,
     .value = [](Row r) -> Value { return Optional(r.slice.floor_nats); },
     .style = Style::kFixed,
     .decimals = 4,
     .applies = Applies::kWithFloor},
    {.id = "nats_above_floor",
     .unit = "nats per token",
     .title = "nats above the floor",
     .explanation = "loss above the task's exact Bayes loss",
     .places = kTerminal | kCsv | kJson | kPage,
     .value = [](Row r) -> Value { return r.row.above_floor; },
     .style = Style::kFixed,
     .decimals = 4,
     .range = kInterval,
     .applies = Applies::kWithFloor,
     .group = TableGroup::kLevels,
     .heading = "nats above\nfloor [95 %]"},
    {.id = "accuracy",
     .unit = "share",
     .title = "accuracy, %",
     .explanation = "share of the scored tokens whose probability was above "
                    "all others'",
     .places = kTerminal | kCsv | kJson | kPage,
     .value = [](Row r) -> Value { return r.row.accuracy; },
     .style = Style::kPercent,
     .decimals = 1,
     .range = kInterval,
     .applies = Applies::kWithAccuracy,
     .group = TableGroup::kLevels,
     .heading = "accuracy\n[95 %]",
     .legend = "accuracy: share of the scored tokens whose probability was "
               "above all others'."}};

const CostAxis kAxes[] = {
    {kParetoCosts[0], "flops_per_token", 1e6, "MFLOPs per token", "FLOPs"},
    {kParetoCosts[1], "inner_updates_per_token", 1, "inner updates per token",
     "inner updates"},
    {kParetoCosts[2], "ms_per_1k_tokens", 1, "time / uniform's, same batches",
     "measured time"},
    {kParetoCosts[3], "adaptive_state_bytes", 1024,
     "adaptive state, KiB per sequence", "state"}};

}  // namespace

std::span<const ResultColumn> ResultColumns() { return kColumns; }

const ResultColumn& ColumnOf(const std::string& id) {
  const auto* column = std::ranges::find(
      kColumns, id, [](const ResultColumn& c) { return std::string(c.id); });
  if (column == std::end(kColumns))
    throw InternalError("there is no column " + id);
  return *column;
}

bool ResultColumn::AppliesTo(const Results& results, const SliceResult& slice,
                             Place place) const {
  switch (applies) {
    case Applies::kAlways:
      return true;
    case Applies::kWithFloor:
      return slice.floor_nats.has_value();
    case Applies::kWithAccuracy:
      return results.record.accuracy;
    case Applies::kTerminalNoFloor:
      return place != kTerminal || !slice.floor_nats;
    case Applies::kTerminalAllText:
      return place != kTerminal || slice.name == "all";
  }
  throw InternalError("a column applies nowhere");
}

std::span<const CostAxis> CostAxes() { return kAxes; }

Measured CostOn(const CostAxis& axis, const CaseResult& row) {
  Measured cost = axis.cost.of(row);
  for (auto* x : {&cost.value, &cost.low, &cost.high})
    if (*x) **x /= axis.unit;
  return cost;
}

}  // namespace plastometer
