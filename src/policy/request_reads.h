#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "variables/variable.h"

namespace portcullis::policy {

// The parts of a request's head that something of a configuration reads, beside those that every request has:
// method, host, path, query, client address and version. The recorder of request heads keeps these parts
// only. Built with the configuration, then read by any thread.
class RequestReads {
 public:
  enum class Part : uint8_t { kHeader, kCookie, kQuery, kCertificate, kClaim };
  enum class Use : uint8_t {
    kDecides,     // the outcome of a request may depend on the part
    kCopied,      // the part is written into other texts or into keys of counters
    kCredential,  // the part proves who the caller is; it is never recorded in clear
  };
  struct Read {
    Part part{};
    std::string name{};  // of the header field in lower case, cookie, parameter, property or claim
    Use use = Use::kDecides;
    std::string scheme{};  // the word before a credential in a header field, such as "Bearer"; may be empty
    std::string method{};  // only requests with this method are concerned; empty: all requests

    bool is_credential() const { return use == Use::kCredential; }
    // The name as a variable: "request.header.x-beta", "cookie.session", "claim.tenant".
    std::string title() const;
    bool operator==(const Read&) const = default;
  };

  void add(Read read);
  // Adds what the variable reads, if it reads one of these parts.
  void add(const variables::Reference& variable, Use use = Use::kDecides);
  void add_header(std::string_view name, Use use = Use::kDecides);
  void add_claim(std::string_view name, Use use = Use::kDecides);

  const std::vector<Read>& all() const { return reads_; }
  bool empty() const { return reads_.empty(); }

 private:
  std::vector<Read> reads_;
};

}  // namespace portcullis::policy
