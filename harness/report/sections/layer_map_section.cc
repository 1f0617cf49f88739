// How much each layer's plasticity matters: what `plastometer sensitivity`
// found.
#include "harness/report/format.h"
#include "harness/report/measured.h"
#include "harness/report/page/gnuplot.h"
#include "harness/report/sections/sections.h"

namespace plastometer {
namespace {

Figure MapFigure(const ReportRun& run) {
  const LayerMaps& maps = *run.layer_maps;
  Figure figure;
  figure.id = "layer-map" + run.suffix;
  figure.title = "How much each layer's learning matters";
  std::string csv = "layer";
  for (const LayerMap& map : maps.maps) csv += CsvBoundsHeader(map.name);
  csv += "\n";
  for (size_t l = 0; l < maps.maps.at(0).layers.size(); ++l) {
    csv += std::to_string(l);
    for (const LayerMap& map : maps.maps) csv += CsvBounds(map.layers.at(l));
    csv += "\n";
  }
  figure.data[figure.id + ".csv"] = csv;
  figure.alt =
      "Nats per token by layer: what a layer brings alone, what is lost "
      "without it, and the derivative of the loss by its plasticity.";
  figure.caption =
      "alone: loss of frozen less that with this layer learning alone. "
      "dropped: loss without it less uniform's. gradient, path: -dL/dlambda "
      "at one lambda of all layers, and its mean over lambda from 0 to 1. All "
      "in nats per scored token; larger matters more. Bars: 95 %, works "
      "resampled. A map is of this model: another training has another.";
  figure.plot =
      "set xrange [-0.5:" + std::to_string(maps.maps.at(0).layers.size() - 1) +
      ".5]\nset xtics 1\nset xlabel 'layer'\nset ylabel 'nats per token'\nset "
      "xzeroaxis lc rgb "
      "'#7a7a7a'\nset key above maxcols 2 samplen 2\n";
  figure.height += LegendHeight(maps.maps.size());
  std::vector<std::string> parts;
  for (size_t m = 0; m < maps.maps.size(); ++m) {
    const std::string file = "'" + figure.id + ".csv' skip 1 using ";
    // Side by side, so that bars do not cover each other.
    const std::string x =
        "($1+" +
        Fixed(0.08 * (static_cast<double>(m) -
                      static_cast<double>(maps.maps.size() - 1) / 2),
              2) +
        ")";
    const auto column = [&](size_t offset) {
      return std::to_string(2 + 3 * m + offset);
    };
    parts.push_back(file + x + ":" + column(0) + ":" + column(1) + ":" +
                    column(2) + " with yerrorbars pt 0 lw 1 lc rgb '" +
                    SeriesColor(m) + "' notitle");
    parts.push_back(file + x + ":" + column(0) +
                    " with linespoints pt 7 ps 0.4 " + LineStyle(m) +
                    " title " + Quoted(maps.maps[m].name));
  }
  figure.plot += PlotCommand(parts);
  return figure;
}

Table MapTable(const ReportRun& run) {
  const LayerMaps& maps = *run.layer_maps;
  Table table{"layer-map" + run.suffix,
              "By layer, nats per scored token (" + maps.data_name + ", " +
                  Count(maps.num_windows) + " windows)",
              {{"layer", {"layer"}}},
              {},
              {}};
  for (const LayerMap& map : maps.maps)
    table.columns.push_back({map.name, WithBounds(map.name)});
  for (size_t l = 0; l < maps.maps.at(0).layers.size(); ++l) {
    table.rows.push_back({CountCell(static_cast<int64_t>(l))});
    for (const LayerMap& map : maps.maps)
      table.rows.back().push_back(IntervalCell(map.layers.at(l), 4));
  }
  return table;
}

Table CorrelationTable(const ReportRun& run) {
  Table table{"layer-map-correlations" + run.suffix,
              "Do the maps agree? Spearman's rank correlation",
              {{"map", {"a"}, true},
               {"map", {"b"}, true},
               {"rank correlation", WithBounds("rank_correlation")}},
              {},
              {"Percentiles over resampled works. At lambda = 1 training sits "
               "at a stationary point: noise there is no fault."}};
  for (const MapCorrelation& c : run.layer_maps->correlations)
    table.rows.push_back(
        {TextCell(c.a), TextCell(c.b), IntervalCell(c.rank, 2)});
  return table;
}

}  // namespace

void AddLayerMap(const ReportRun& run, Page& page) {
  if (!run.layer_maps) return;
  page.Add(Heading{2, "Layer by layer", "layers" + run.suffix});
  page.Add(MapFigure(run));
  page.Add(MapTable(run));
  page.Add(CorrelationTable(run));
}

}  // namespace plastometer
