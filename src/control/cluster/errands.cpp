#include "control/cluster/errands.h"

#include <algorithm>
#include <utility>

#include "base/json_text.h"
#include "base/say.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "etcd/encoding.h"

namespace portcullis::control {
namespace {

using nlohmann::json;

constexpr const char* kOutcome = "outcome";

json author_as_json(const Author& by) {
  return {{"name", by.name}, {"role", by.role}, {"address", by.address}, {"message", by.message}};
}

Author author_from(const json& told) {
  return {.name = etcd::text_at(told, "name"),
          .role = etcd::text_at(told, "role"),
          .address = etcd::text_at(told, "address"),
          .message = etcd::text_at(told, "message")};
}

std::string text_of_outcome(const json& asked, const OperationResult& result) {
  return json_text(json{{"id", etcd::text_at(asked, "id")},
                        {"status", result.status},
                        {"detail", result.detail},
                        {"answer", result.answer}});
}

// The result without what does not fit into one event.
OperationResult shortened(OperationResult result) {
  constexpr size_t kDetail = 4'096;
  result.answer = {{"left_out", "the answer of this node is too large for etcd: look at its log"}};
  if (result.detail.size() > kDetail) {
    result.detail.resize(kDetail);
    result.detail += " ...";
  }
  return result;
}

bool is_among(const json& names, const std::string& id) {
  return names.is_array() && std::any_of(names.begin(), names.end(),
                                         [&id](const json& one) { return one.is_string() && one == id; });
}

}  // namespace

Task<std::string> Errands::send(json what, Author by, std::vector<std::string> nodes) {
  std::string name = crypto::hex_encode(crypto::random_bytes(8));
  waiting_[name] = {.nodes = nodes};
  const json text{{"id", name}, {"nodes", nodes}, {"what", std::move(what)}, {"by", author_as_json(by)}};
  cluster::Event event{kOperation, json_text(text), id_};
  Task<Status> sending = documents_.send(std::move(event));
  const Status sent = co_await sending;
  if (!sent) {
    for (const std::string& node : nodes)
      waiting_[name].results[node] = {.status = 503, .detail = sent.error().message};
  }
  co_return name;
}

Task<NodeResults> Errands::collect(std::string name, Milliseconds patience) {
  const auto end = Clock::now() + patience;
  for (;;) {
    const uint64_t seen = news_.version();
    const auto left = std::chrono::duration_cast<Milliseconds>(end - Clock::now());
    if (waiting_[name].results.size() == waiting_[name].nodes.size() || left.count() <= 0) break;
    co_await news_.wait(loop_, seen, left);
  }
  Errand errand = std::move(waiting_[name]);
  waiting_.erase(name);
  for (const std::string& node : errand.nodes) {
    if (!errand.results.contains(node))
      errand.results[node] = {.status = 504, .detail = "the node has not answered in time"};
  }
  co_return std::move(errand.results);
}

void Errands::take_outcome(const std::string& node, const json& told) {
  const auto errand = waiting_.find(etcd::text_at(told, "id"));
  if (errand == waiting_.end()) return;
  const auto& nodes = errand->second.nodes;
  if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) return;
  errand->second.results[node] = {.status = static_cast<uint16_t>(etcd::number_at(told, "status")),
                                  .detail = etcd::text_at(told, "detail"),
                                  .answer = etcd::member_at(told, "answer")};
  news_.notify();
}

Task<void> Errands::serve(json asked) {
  Task<OperationResult> performing =
      perform_(etcd::member_at(asked, "what"), author_from(etcd::member_at(asked, "by")));
  OperationResult result = co_await performing;
  cluster::Event event{kOutcome, text_of_outcome(asked, result), id_};
  if (!documents_.fits(event)) event.text = text_of_outcome(asked, shortened(std::move(result)));
  Task<Status> sending = documents_.send(std::move(event));
  const Status sent = co_await sending;
  if (!sent)
    say(Level::kWarning,
        "an operation for another node was done, which could not be told: " + sent.error().message);
}

void Errands::on_event(const cluster::Event& event) {
  if (event.node == id_) return;
  const bool asks = event.kind == kOperation;
  if (!asks && event.kind != kOutcome) return;
  json told = json::parse(event.text, nullptr, false);
  if (!told.is_object()) return;
  if (!asks) {
    take_outcome(event.node, told);
  } else if (is_among(etcd::member_at(told, "nodes"), id_)) {
    serving_.spawn(serve(std::move(told)));
  }
}

void Errands::note_lost(const std::string& node) {
  for (auto& [name, errand] : waiting_) {
    const bool is_asked = std::find(errand.nodes.begin(), errand.nodes.end(), node) != errand.nodes.end();
    if (is_asked)
      errand.results.try_emplace(node, OperationResult{.status = 504, .detail = "the node is lost"});
  }
  news_.notify();
}

}  // namespace portcullis::control
