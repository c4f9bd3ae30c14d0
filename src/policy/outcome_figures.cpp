#include "policy/outcome_figures.h"

#include <cmath>

namespace portcullis::policy {
namespace {

using telemetry::LiveView;

std::string label_of(const LiveView::Figure& figure, std::string_view name) {
  for (const auto& [label, value] : figure.labels) {
    if (label == name) return value;
  }
  return "";
}

}  // namespace

std::map<std::string, OutcomeFigures> outcomes_by(const LiveView& view, std::string_view metric,
                                                  std::string_view label) {
  std::map<std::string, OutcomeFigures> out;
  for (const LiveView::Figure& figure : view.figures(metric))
    out[label_of(figure, label)][label_of(figure, "outcome")] = {figure.value, figure.rate};
  return out;
}

OutcomeFigure sum_of(const OutcomeFigures& outcomes, const std::vector<std::string>& names) {
  OutcomeFigure out;
  for (const std::string& name : names) {
    const auto found = outcomes.find(name);
    if (found == outcomes.end()) continue;
    out.total += found->second.total;
    out.rate += found->second.rate;
  }
  return out;
}

double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

}  // namespace portcullis::policy
