#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "http/field_names.h"
#include "http/message.h"
#include "policy/request_reads.h"

namespace portcullis::proxy {

// The parts of a request's head that an exchange keeps for the recorder, because policies may change the head
// afterwards. The views are valid as long as the exchange.
struct CapturedHead {
  struct Value {
    uint16_t header = 0;  // index into Recording::headers()
    std::string_view text{};
  };
  std::string_view method{};
  std::string_view query{};
  uint64_t withheld = 0;  // which of Recording::withheld() the request has, one bit for each
  std::span<Value> values{};
};

// What is recorded of requests: of the header fields and claims, only those that the configuration reads.
// Credentials, and everything that the access log redacts, are withheld: only their presence is recorded.
// Recorded heads share the object that says what they contain, so it is small and outlives its snapshot.
// Immutable.
class Recording {
 public:
  struct Bounds {
    size_t requests = 0;  // heads that one worker keeps; 0: nothing is recorded
    size_t memory = 0;    // bytes that one worker keeps

    bool operator==(const Bounds&) const = default;
  };
  // A part whose value is never recorded.
  struct Withheld {
    policy::RequestReads::Part part{};
    std::string name{};
    std::string scheme{};  // as in RequestReads::Read

    bool operator==(const Withheld&) const = default;
  };

  // `redact` are the names that the access log redacts besides those known to be secret.
  Recording(Bounds bounds, const policy::RequestReads& reads, std::vector<std::string> redact);

  const Bounds& bounds() const { return bounds_; }
  // True when both record the same parts of requests in the same form.
  bool is_like(const Recording& other) const;

  // Notes the parts of `head` to record.
  CapturedHead capture(const http::RequestHead& head, Arena& arena) const;
  bool has_claims() const { return !claims_.empty(); }
  bool has_claim(std::string_view name) const;
  // True when the values of the parameter of this name, as the query writes it, are withheld.
  bool withholds_parameter(std::string_view encoded) const;

  // The header fields that are recorded in clear, in lower case.
  const std::vector<std::string>& headers() const { return headers_; }
  bool has_header(std::string_view name) const;
  const std::vector<Withheld>& withheld() const { return withheld_; }
  // The index of the withheld part; withheld().size() when there is none.
  size_t index_of(const Withheld& part) const;
  // The bit of the withheld part with this index. Those from the 64th on share a bit.
  static uint64_t bit_of(size_t index) { return uint64_t{1} << std::min<size_t>(index, 63); }

 private:
  void add(const policy::RequestReads::Read& read);
  void withhold(Withheld part);
  void note_value(const http::Field& field, const http::Fields& fields, Arena& arena,
                  CapturedHead& out) const;

  Bounds bounds_;
  std::vector<std::string> redact_;
  std::vector<std::string> headers_;
  std::vector<Withheld> withheld_;
  std::vector<std::string> claims_;
  std::vector<std::string> parameters_;  // parameters that contain credentials
  http::FieldNames names_;               // all header fields above
  bool reads_cookies_ = false;
};

}  // namespace portcullis::proxy
