#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/schema.h"

// Where an upstream's targets are learnt from, as configured. Defaults are here; the schema shows them in the
// reference.
namespace portcullis::config {

struct Target;

struct SourceTls {
  std::string ca;
  std::string cert;
  std::string key;

  bool operator==(const SourceTls&) const = default;
};

struct Consul {
  std::string url = "http://127.0.0.1:8500";
  std::string service;  // empty: none
  std::string tag;
  std::string datacenter;
  std::string token;
  SourceTls tls;

  bool operator==(const Consul&) const = default;
};

struct Etcd {
  std::vector<std::string> urls{"http://127.0.0.1:2379"};
  std::string prefix;  // empty: none
  std::string username;
  std::string password;
  SourceTls tls;

  bool operator==(const Etcd&) const = default;
};

struct Discover {
  Location location;
  std::string srv;
  std::string file;
  Consul consul;
  Etcd etcd;

  bool enabled() const { return location.line != 0; }
  // Whether both learn from the same place.
  bool is_same(const Discover& other) const {
    return srv == other.srv && file == other.file && consul == other.consul && etcd == other.etcd;
  }
  // "file targets.yaml", for people.
  std::string describe() const;
};

Type<Discover> discover_type();

// A list of targets as `targets` has it, in YAML or JSON; and one target, or only its address. What is wrong
// is in `diagnostics`.
std::vector<Target> load_targets(const std::string& text, const std::string& name, Diagnostics& diagnostics);
// The same for the list in a file. The error says why it cannot be read; an empty file has no list.
Result<std::vector<Target>> read_targets(const std::string& path, Diagnostics& diagnostics);
Target load_target(const std::string& text, const std::string& name, Diagnostics& diagnostics);

}  // namespace portcullis::config
