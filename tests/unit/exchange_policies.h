#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "exchange_world.h"
#include "policy/convert_stage.h"

namespace portcullis::proxy {

// The reason for which RepeatedLetters fails.
inline constexpr telemetry::EndReason kForbiddenWord{"forbidden_word", 422,
                                                     "The body has a word that is not allowed."};

// Writes each byte `times` times, and fails at an exclamation mark.
class RepeatedLetters final : public policy::BodyConverter {
 public:
  enum class Case : uint8_t { kKept, kUpper };
  explicit RepeatedLetters(size_t times, Case letters = Case::kKept) : times_(times), case_(letters) {}

  Step convert(std::string_view data, std::string& out) override {
    for (const char c : data) {
      if (c == '!') return Step::kFailed;
      const bool is_raised = case_ == Case::kUpper && c >= 'a' && c <= 'z';
      out.append(times_, is_raised ? static_cast<char>(c - 'a' + 'A') : c);
    }
    return Step::kDone;
  }
  Step finish(std::string_view, std::string&) override { return Step::kDone; }
  bool checks_beginning() const override { return true; }
  const telemetry::EndReason& failure() const override { return kForbiddenWord; }

 private:
  size_t times_;
  Case case_;
};

// A body that gives no part, and fails when it is cancelled.
class PendingBody final : public http::BodySource {
 public:
  explicit PendingBody(EventLoop& loop) : loop_(loop) {}
  State next(http::BodyPart&) override { return is_cancelled_ ? State::kFailed : State::kWait; }
  Task<void> wait() override {
    while (!is_cancelled_) co_await sleep_for(loop_, Milliseconds(1));
  }
  const http::BodyFailure& failure() const override { return failure_; }
  void cancel() override {
    is_cancelled_ = true;
    failure_.kind = http::BodyFailure::Kind::kCancelled;
  }

 private:
  EventLoop& loop_;
  bool is_cancelled_ = false;
  http::BodyFailure failure_;
};

// A world whose policies do what a test says.
class ExchangePolicies : public ExchangeWorld {
 protected:
  using Context = policy::Context;
  using Decision = policy::Decision;
  using Hook = std::function<Decision(Context&)>;
  using Case = RepeatedLetters::Case;

  static Decision no_decision(Context&) { return Decision::proceed(); }

  // Adds a policy. `marks`: see policy::Policy::marks_every_answer().
  void add(Hook request, Hook response = no_decision, bool marks = false) {
    policies.push_back({std::make_shared<Hooked>(std::move(request), std::move(response), marks), "hooked",
                        metrics.policy("all", "hooked")});
  }
  // Adds a policy that puts RepeatedLetters behind the request's body.
  void add_request_letters(size_t times, Case letters = Case::kKept) {
    add([times, letters](Context& context) {
      const auto make = [&context, times, letters](std::unique_ptr<http::BodySource> body) {
        return through_letters(context, std::move(body), times, letters);
      };
      if (times == 1) {
        context.request_body.stages.pass_through(make);
      } else {
        context.request_body.stages.pass_through_changing(make);
      }
      return Decision::proceed();
    });
  }
  static std::unique_ptr<http::BodySource> through_letters(Context& context,
                                                           std::unique_ptr<http::BodySource> body,
                                                           size_t times, Case letters) {
    return std::make_unique<policy::ConvertStage>(
        std::move(body), std::make_unique<RepeatedLetters>(times, letters), context.loop);
  }
  // Adds a policy that writes down what responses it sees, in `seen`.
  void add_witness() {
    add(no_decision, [this](Context& context) {
      seen += (context.from_target ? "target " : "gateway ") + std::to_string(context.response.status) + " ";
      return Decision::proceed();
    });
  }
  // Adds a policy that receives the whole request's body, and then decides by `then`.
  void add_request_holder(size_t limit, Hook then = no_decision) {
    add([limit, then](Context& context) {
      return Decision::suspend(
          policy::settle_then(policy::hold_body(context, limit), [&context, then] { return then(context); }));
    });
  }
  // Adds a policy that receives the whole response's body, and then decides by `then`.
  void add_holder(size_t limit, Hook then = no_decision) {
    add(no_decision, [limit, then](Context& context) {
      return Decision::suspend(policy::settle_then(policy::hold_response(context, limit),
                                                   [&context, then] { return then(context); }));
    });
  }

  void get() { begin("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"); }
  // The target answers with `body`, whose length is said to be `length`; empty: that of `body`.
  void answer(std::string_view body, std::string_view length = "") {
    backends[0]->send("HTTP/1.1 200 OK\r\nContent-Length: " +
                      (length.empty() ? std::to_string(body.size()) : std::string(length)) + "\r\n\r\n" +
                      std::string(body));
    settle();
  }
  // Begins a request whose body is `body`, of which `rest` is still to come.
  void post(std::string_view body, std::string_view rest = "", std::string_view fields = "") {
    begin("PUT /a HTTP/1.1\r\nHost: a\r\n" + std::string(fields) +
          "Content-Length: " + std::to_string(body.size() + rest.size()) + "\r\n\r\n" + std::string(body));
  }

  std::string seen;

 private:
  class Hooked final : public policy::Policy {
   public:
    Hooked(Hook request, Hook response, bool marks)
        : request_(std::move(request)), response_(std::move(response)), marks_(marks) {}
    Decision on_request(Context& context) const override { return request_(context); }
    Decision on_response(Context& context) const override { return response_(context); }
    bool marks_every_answer() const override { return marks_; }

   private:
    Hook request_;
    Hook response_;
    bool marks_;
  };
};

}  // namespace portcullis::proxy
