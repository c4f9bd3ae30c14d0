#pragma once

#include <nlohmann/json.hpp>

#include <cstdio>
#include <string>

#include "base/json_text.h"
#include "cluster/cluster.h"

namespace portcullis::tests {

// Writes a line to standard output.
inline void print(const nlohmann::json& line) {
  const std::string text = json_text(line) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// Prints what a node sees.
class ClusterPrinter final : public cluster::Observer::Listener {
 public:
  void set(cluster::Cluster& cluster) { cluster_ = &cluster; }

  void on_anew(cluster::Anew why) override {
    constexpr const char* kWords[] = {"start", "compacted", "away"};
    print({{"seen", "anew"}, {"why", kWords[static_cast<int>(why)]}, {"current", view().current.number}});
  }
  void on_change(const cluster::Subject& subject) override {
    switch (subject.topic) {
      case cluster::Topic::kCurrent: print({{"seen", "current"}, {"number", view().current.number}}); break;
      case cluster::Topic::kCanary:
        print({{"seen", "canary"}, {"text", view().canary ? view().canary->text : ""}});
        break;
      case cluster::Topic::kTag: print({{"seen", "tag"}, {"name", subject.name}}); break;
      case cluster::Topic::kDraft: print({{"seen", "draft"}, {"name", subject.name}}); break;
      case cluster::Topic::kNode: print({{"seen", "node"}, {"name", subject.name}}); break;
      case cluster::Topic::kCanaryCounts:
      case cluster::Topic::kEvent:
      case cluster::Topic::kOther: break;
    }
  }
  void on_event(const cluster::Event& event) override {
    print({{"seen", "event"}, {"kind", event.kind}, {"text", event.text}});
  }
  void on_reachable(bool reachable, const std::string& why) override {
    print({{"seen", "reachable"}, {"reachable", reachable}, {"why", why}});
  }

 private:
  const cluster::View& view() const { return cluster_->observer.view(); }

  cluster::Cluster* cluster_ = nullptr;
};

}  // namespace portcullis::tests
