#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "config/assertions.h"
#include "config/diagnostics.h"
#include "config/object_document.h"
#include "config/yaml.h"
#include "runtime/task.h"

namespace portcullis::config {

class KeptItems;

// What one read of a configuration has found.
struct Reading {
  // The document, in which the values of variables and included files stand already. Null when it could not
  // be read; `diagnostics` then has the reason.
  std::shared_ptr<YamlNode> document{};
  Diagnostics diagnostics{};
  // Two readings with the same content, included values among it, have the same fingerprint. A reading that
  // failed has one, too: the same failure is then known to be the same.
  uint64_t fingerprint = 0;
  // Made by load(), where `wants_objects`: the configuration as objects.
  bool wants_objects = false;
  ObjectDocument objects{};
  // Made by load(): how each assertion of the document was judged, in their order.
  std::vector<JudgedAssertion> assertions{};
  // The elements of long lists that this reading shares with the one before, and that the next one may share;
  // null when there is no next one.
  std::shared_ptr<KeptItems> kept{};
};

// Where a configuration is kept: files, a text, and whatever else stores documents. Lives on one loop, the
// control thread's, and is used on its thread only.
class Origin {
 public:
  virtual ~Origin() = default;

  // What messages call this configuration: a path, or where a text comes from.
  virtual const std::string& name() const = 0;
  // The word for this kind of origin, by which the audit log says who has changed the configuration: "files".
  virtual std::string_view kind() const = 0;
  // False when every reading has the content of the first, so that a reload has nothing to read.
  virtual bool can_change() const { return true; }

  // Reads the whole configuration once. An origin that asks another machine suspends until it has the answer,
  // limits that time itself, and reports an error in the reading when the time is over: it never blocks the
  // thread. Destroying the task cancels the read. The origin outlives the task; there is one read at a time.
  virtual Task<Reading> read() = 0;

  // From now on calls `on_change` whenever the content may differ from that of the latest reading. Calls
  // without a change are allowed; a change without a call is a fault, also one that happens during a read.
  // `on_change` does not read: it may be called from within read(). To be called once, before the first read.
  virtual void watch(std::function<void()> on_change) = 0;
};

}  // namespace portcullis::config
