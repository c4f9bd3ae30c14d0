#include "policy/condition.h"

#include "base/text.h"
#include "http/path.h"
#include "http/query.h"
#include "policy/variable_value.h"

namespace portcullis::policy {

using variables::Moment;
using variables::Use;
using variables::Variable;

// A recursive descent parser for the grammar in the header. Keeps the first error.
class Condition::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) { next(); }

  std::unique_ptr<Node> parse(std::string& problem) {
    std::unique_ptr<Node> node = parse_or();
    if (problem_.empty() && (quoted_ || !word_.empty())) fail("unexpected `" + word_ + "`");
    problem = problem_;
    return problem_.empty() ? std::move(node) : nullptr;
  }

 private:
  static constexpr int kMaxDepth = 32;
  // The value of `client.address` for clients of a Unix socket.
  static constexpr std::string_view kUnixClient = "unix";

  void fail(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    word_.clear();
    quoted_ = false;
    text_ = {};
  }

  // Reads the next word: a bracket, a comma, an operator, or a quoted or plain value. The word is empty at
  // the end.
  void next() {
    word_.clear();
    quoted_ = false;
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\t' || text_[0] == '\n'))
      text_.remove_prefix(1);
    if (text_.empty()) return;
    const char c = text_[0];
    if (c == '"' || c == '\'') {
      const size_t end = text_.find(c, 1);
      if (end == std::string_view::npos) return fail(std::string("missing ") + c);
      word_ = text_.substr(1, end - 1);
      quoted_ = true;
      text_.remove_prefix(end + 1);
      return;
    }
    size_t size = 1;
    if (c == '!' || c == '=') {
      size = text_.substr(1, 1) == "=" ? 2 : 1;
    } else if (std::string_view("()[],").find(c) == std::string_view::npos) {
      size = std::min(text_.find_first_of(" \t\n()[],=!\"'"), text_.size());
    }
    word_ = text_.substr(0, size);
    text_.remove_prefix(size);
  }
  bool accept(std::string_view word) {
    if (quoted_ || word_ != word) return false;
    next();
    return true;
  }

  std::unique_ptr<Node> parse_or() { return parse_list(Operator::kOr, "or"); }
  std::unique_ptr<Node> parse_and() { return parse_list(Operator::kAnd, "and"); }
  std::unique_ptr<Node> parse_list(Operator what, std::string_view word) {
    const auto element = [&] { return what == Operator::kOr ? parse_and() : parse_not(); };
    std::unique_ptr<Node> first = element();
    if (quoted_ || word_ != word) return first;
    auto list = std::make_unique<Node>();
    list->what = what;
    list->inner.push_back(std::move(first));
    while (accept(word)) list->inner.push_back(element());
    return list;
  }
  std::unique_ptr<Node> parse_not() {
    if (!accept("not")) return parse_one();
    auto node = std::make_unique<Node>();
    node->what = Operator::kNot;
    if (++depth_ > kMaxDepth) fail("the condition is nested too deeply");
    node->inner.push_back(parse_not());
    --depth_;
    return node;
  }
  std::unique_ptr<Node> parse_one() {
    if (accept("(")) {
      if (++depth_ > kMaxDepth) fail("the condition is nested too deeply");
      std::unique_ptr<Node> inner = parse_or();
      --depth_;
      if (!accept(")")) fail("missing `)`");
      return inner;
    }
    return parse_comparison();
  }

  std::unique_ptr<Node> parse_comparison() {
    auto node = std::make_unique<Node>();
    read_subject(*node);
    bool negated = false;
    if (accept("exists")) {
      node->what = Operator::kExists;
      return node;
    }
    if (accept("!=")) {
      negated = true;
      node->what = Operator::kIn;
      read_value(*node);
    } else if (accept("=") || accept("==")) {
      node->what = Operator::kIn;
      read_value(*node);
    } else {
      negated = accept("not");
      if (accept("in")) {
        node->what = Operator::kIn;
        read_values(*node);
      } else if (accept("under")) {
        node->what = Operator::kUnder;
        if (!quoted_ && word_ == "[") {
          read_values(*node);
        } else {
          read_value(*node);
        }
        finish_under(*node);
      } else {
        fail(word_.empty() ? "the condition ends where `=`, `!=`, `in`, `under` or `exists` is expected"
                           : "expected `=`, `!=`, `in`, `under` or `exists`, not `" + word_ + "`");
      }
    }
    if (node->what == Operator::kIn && node->subject.variable == Variable::kClientAddress) {
      node->what = Operator::kUnder;
      read_ranges(*node);
    }
    if (!negated) return node;
    auto outer = std::make_unique<Node>();
    outer->what = Operator::kNot;
    outer->inner.push_back(std::move(node));
    return outer;
  }

  void read_subject(Node& node) {
    if (quoted_ || word_.empty())
      return fail("expected a variable such as `consumer.groups` or `request.method`");
    auto subject = variables::find(word_, Use::kCondition, Moment::kRequest);
    if (!subject) return fail(subject.error().message);
    node.subject = std::move(*subject);
    next();
  }

  void read_value(Node& node) {
    if (word_.empty() && !quoted_) return fail("the condition ends where a value is expected");
    if (!quoted_ && std::string_view("()[],").find(word_) != std::string_view::npos)
      return fail("expected a value, not `" + word_ + "`");
    node.values.push_back(word_);
    next();
  }
  void read_values(Node& node) {
    if (!accept("[")) return fail("expected `[`");
    do {
      read_value(node);
    } while (accept(","));
    if (!accept("]")) fail("missing `]`");
  }
  void finish_under(Node& node) {
    const Variable subject = node.subject.variable;
    if (subject != Variable::kRequestPath && subject != Variable::kClientAddress)
      return fail("`under` is only possible with `request.path` and `client.address`");
    if (subject == Variable::kClientAddress) return read_ranges(node);
    for (const std::string& value : node.values) {
      if (!value.starts_with('/')) fail("`" + value + "` is not a path");
    }
  }
  void read_ranges(Node& node) {
    for (const std::string& value : node.values) {
      if (value == kUnixClient) continue;
      const auto range = IpRange::parse(value);
      if (!range) return fail(range.error().message);
      node.ranges.push_back(*range);
    }
  }

  std::string_view text_;
  std::string word_;
  bool quoted_ = false;
  int depth_ = 0;
  std::string problem_;
};

Condition::Condition(std::string_view text) {
  if (text.empty()) return;
  std::string problem;
  root_ = Parser(text).parse(problem);
}

std::string Condition::check(const std::string& text) {
  std::string problem;
  Parser(text).parse(problem);
  return problem.empty() ? "" : "in the condition `" + text + "`: " + problem;
}

bool Condition::holds(const Context& context) const {
  return root_ == nullptr || holds(*root_, context);
}

bool Condition::holds(const Node& node, const Context& context) {
  switch (node.what) {
    case Operator::kAnd:
      return std::all_of(node.inner.begin(), node.inner.end(),
                         [&](const auto& one) { return holds(*one, context); });
    case Operator::kOr:
      return std::any_of(node.inner.begin(), node.inner.end(),
                         [&](const auto& one) { return holds(*one, context); });
    case Operator::kNot: return !holds(*node.inner[0], context);
    case Operator::kIn:
      return std::any_of(node.values.begin(), node.values.end(),
                         [&](const std::string& value) { return equals(node, value, context); });
    case Operator::kUnder: return is_under(node, context);
    case Operator::kExists: return exists(node, context);
  }
  return false;
}

namespace {

// True when one of the fields of that name is equal to the value or has it as a list element: two fields and
// one list of two elements mean the same (RFC 9110 section 5.3).
bool header_has(const http::Fields& fields, std::string_view name, std::string_view value) {
  return std::any_of(fields.begin(), fields.end(), [&](const http::Field& field) {
    if (!equals_ignoring_case(field.name, name)) return false;
    bool found = field.value == value;
    for_each_list_element(field.value, [&](std::string_view element) { found |= element == value; });
    return found;
  });
}

// True when one of the parameters of that name has this value, because it is not known which of them a
// backend reads.
bool query_has(std::string_view query, std::string_view name, std::string_view value) {
  bool found = false;
  http::for_each_query_parameter(query, [&](std::string_view key, std::string_view text, std::string_view) {
    found = http::equals_query_text(key, name) && http::equals_query_text(text, value);
    return !found;
  });
  return found;
}

}  // namespace

bool Condition::equals(const Node& node, std::string_view value, const Context& context) {
  const identity::Caller& caller = context.caller;
  const std::string& name = node.subject.argument;
  switch (node.subject.variable) {
    case Variable::kScope: return caller.claims && caller.claims->has_scope(value);
    case Variable::kConsumerGroups: return caller.consumer != nullptr && caller.consumer->in_group(value);
    case Variable::kConsumerName: return caller.consumer != nullptr && caller.consumer->name == value;
    case Variable::kClaim: return caller.claims && caller.claims->has(name, value);
    case Variable::kRequestHost: return equals_ignoring_case(context.uri.host, value);
    case Variable::kRequestHeader: return header_has(context.request.fields, name, value);
    case Variable::kCookie: return http::has_cookie(context.request.fields, name, value);
    case Variable::kQuery: return query_has(context.request.query, name, value);
    default: return value_of(node.subject, context) == value;
  }
}

bool Condition::exists(const Node& node, const Context& context) {
  const identity::Caller& caller = context.caller;
  const std::string& name = node.subject.argument;
  switch (node.subject.variable) {
    case Variable::kScope:
      return caller.claims && (caller.claims->has_value("scope") || caller.claims->has_value("scp"));
    case Variable::kConsumerGroups: return caller.consumer != nullptr && !caller.consumer->groups.empty();
    case Variable::kConsumerName: return caller.consumer != nullptr;
    case Variable::kClaim: return caller.claims && caller.claims->has_value(name);
    case Variable::kRequestHeader: return context.request.fields.find(name) != nullptr;
    case Variable::kCookie: return http::find_cookie(context.request.fields, name).has_value();
    case Variable::kQuery: return http::has_query_parameter(context.request.query, name);
    default: return !value_of(node.subject, context).empty();
  }
}

bool Condition::is_under(const Node& node, const Context& context) {
  if (node.subject.variable == Variable::kClientAddress) {
    const auto address = IpAddress::parse(context.client.address);
    if (!address)
      return std::find(node.values.begin(), node.values.end(), context.client.address) != node.values.end();
    return std::any_of(node.ranges.begin(), node.ranges.end(),
                       [&](const IpRange& range) { return range.contains(*address); });
  }
  return std::any_of(node.values.begin(), node.values.end(),
                     [&](const std::string& prefix) { return http::is_below(context.uri.path, prefix); });
}

void Condition::gather_scopes(const Node& node, std::string& out) {
  if (node.what == Operator::kIn && node.subject.variable == Variable::kScope) {
    for (const std::string& value : node.values) out += (out.empty() ? "" : " ") + value;
  }
  if (node.what == Operator::kNot) return;
  for (const auto& one : node.inner) gather_scopes(*one, out);
}

std::string Condition::scopes() const {
  std::string out;
  if (root_ != nullptr) gather_scopes(*root_, out);
  return out;
}

void Condition::gather_reads(const Node& node, CallerReads& out) {
  for (const auto& one : node.inner) gather_reads(*one, out);
  if (!node.inner.empty()) return;
  const size_t before = out.size();
  add_caller_read(node.subject, out);
  if (out.size() == before) return;
  const CallerRead read = out.back();
  const Variable subject = node.subject.variable;
  if (node.values.empty() || (subject != Variable::kConsumerGroups && subject != Variable::kConsumerName))
    return;
  out.pop_back();
  for (const std::string& value : node.values) {
    CallerRead& one = out.emplace_back(read);
    (subject == Variable::kConsumerGroups ? one.group : one.consumer) = value;
  }
}

CallerReads Condition::caller_reads() const {
  CallerReads out;
  if (root_ != nullptr) gather_reads(*root_, out);
  return out;
}

void Condition::gather_fields(const Node& node, OwnedFields& out) {
  for (const auto& one : node.inner) gather_fields(*one, out);
  if (node.inner.empty()) add_read_field(node.subject, out);
}

void Condition::gather_request_reads(const Node& node, RequestReads::Use use, RequestReads& out) {
  for (const auto& one : node.inner) gather_request_reads(*one, use, out);
  if (node.inner.empty()) out.add(node.subject, use);
}

void Condition::add_reads(RequestReads& reads, RequestReads::Use use) const {
  if (root_ != nullptr) gather_request_reads(*root_, use, reads);
}

void Condition::add_read_fields(OwnedFields& fields) const {
  if (root_ != nullptr) gather_fields(*root_, fields);
}

}  // namespace portcullis::policy
