#pragma once

#include <string>
#include <vector>

namespace portcullis::etcd {

// Files in PEM; empty: the system's authorities, and no client certificate.
struct Tls {
  std::string ca;
  std::string cert;
  std::string key;

  bool operator==(const Tls&) const = default;
};

// How an etcd is reached, and which part of its keys belongs to this cluster.
struct Settings {
  std::vector<std::string> urls{"http://127.0.0.1:2379"};  // its members; at least one
  std::string prefix = "/portcullis/";                     // ends with `/`
  std::string username;                                    // empty: no authentication
  std::string password;
  Tls tls;

  bool operator==(const Settings&) const = default;
};

}  // namespace portcullis::etcd
