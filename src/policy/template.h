#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/caller_read.h"
#include "policy/policy.h"
#include "variables/text.h"

namespace portcullis::policy {

// A text with variables in braces, such as `https://{request.host}{request.path}`. `{{` stands for a brace.
// The variables are those of variables/variable.h. Immutable; may be used on any thread.
class Template {
 public:
  Template() = default;
  // `text` must have passed check() or check_response(), or another check for that `moment`.
  explicit Template(std::string_view text, variables::Moment moment = variables::Moment::kResponse);
  explicit Template(variables::Reference variable);

  // What is wrong with a text that is expanded before a request is forwarded, or "".
  static std::string check(const std::string& text);
  // What is wrong with a text that is expanded when the response has come, or "".
  static std::string check_response(const std::string& text);

  bool empty() const { return pieces_.empty(); }
  // The text before the first variable.
  std::string_view beginning() const;
  // True when the text begins with a variable for which the client may write any text, such as the path, the
  // query, a header field or a cookie.
  bool begins_as_client_says() const;
  // True when all variables are of an authenticated caller or of the configuration: a request that has not
  // been authenticated cannot choose the text.
  bool is_of_identity() const;
  // True when the text has a variable of the caller, or the field in which callers send their credentials.
  bool names_caller() const;
  // The variable that is the whole text, or null.
  const variables::Reference* only_variable() const;
  // What the text reads of the caller.
  CallerReads caller_reads() const;
  // Adds the header fields that the text reads: for texts by which something is decided or counted.
  void add_read_fields(OwnedFields& fields) const;
  // Adds the parts of the request that the text reads.
  void add_reads(RequestReads& reads, RequestReads::Use use) const;
  // The text for this exchange, in the exchange's arena or in this object. It has no control characters.
  std::string_view expand(const Context& context) const;

 private:
  std::vector<variables::Piece> pieces_;
};

}  // namespace portcullis::policy
