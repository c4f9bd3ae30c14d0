#include "control/revisions/label_check.h"

#include <algorithm>

namespace portcullis::control {

std::optional<Refusal> refuse_labels(const config::TextMap& labels, const LiveObjects& before,
                                     const Resolved& change) {
  const auto fits = [&](const config::Object& object) {
    const auto value = nlohmann::json::parse(object.json, nullptr, false);
    return std::all_of(labels.begin(), labels.end(),
                       [&](const auto& one) { return has_label(value, one.first, one.second); });
  };
  for (size_t i = 0; i < change.touched.size(); ++i) {
    const ObjectId& id = change.touched[i];
    const LiveObjects::Entry* const known = before.find(id);
    const ObjectPointer& after = change.after[i];
    if ((known == nullptr || fits(*known->object)) && (after == nullptr || fits(*after))) continue;
    Refusal out{.status = 403,
                .title = "`" + id.title() +
                         "` does not have the labels of the token: the role `publisher` "
                         "without labels is needed"};
    out.findings.push_back({.message = out.title, .object = id});
    return out;
  }
  return std::nullopt;
}

}  // namespace portcullis::control
