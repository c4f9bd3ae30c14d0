#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/arena.h"
#include "http/body_source.h"
#include "http/message.h"

namespace portcullis::policy {

// The stages that policies put behind the body of a request, in the order of the policies. They are made anew
// for each try that sends the body from its beginning. On the thread of the worker; owned by the exchange.
class RequestStages {
 public:
  // Both outlive this object.
  RequestStages(http::RequestHead& request, Arena& arena) : request_(request), arena_(arena) {}
  RequestStages(const RequestStages&) = delete;
  RequestStages& operator=(const RequestStages&) = delete;

  // Puts a stage behind the body that does not change the length of the body. `make(body)`, which is called
  // when the body begins to flow, returns the stage, a std::unique_ptr<http::BodySource> that reads `body`.
  // `make` is kept in the arena, so what it captures must need no destructor. No stage is put for a request
  // without a body.
  template <typename Make>
  void pass_through(Make make) {
    if (request_.body.kind == http::BodyKind::kNone) return;
    const Stage* const stage = make_stage(std::move(make), nullptr);
    (last_ == nullptr ? first_ : last_->next) = stage;
    last_ = stage;
  }
  // As pass_through(), for a stage that may change the length of the body: the target gets a body whose
  // length is not told in advance.
  template <typename Make>
  void pass_through_changing(Make make) {
    if (request_.body.kind == http::BodyKind::kNone) return;
    if (!received_) received_ = request_.body;
    request_.body = {http::BodyKind::kStream, http::BodyFraming::kUnknown};
    request_.fields.remove(http::FieldId::kContentLength);
    pass_through(std::move(make));
  }

  // Puts a stage behind all others that reads the body as the target gets it, and passes the body on
  // unchanged. `make` is called for each try, as for pass_through(). A request without a body has no stage.
  template <typename Make>
  void observe(Make make) {
    observers_ = make_stage(std::move(make), observers_);
  }

  // For the exchange.

  // The framing of the body as the client sends it.
  const http::BodyFraming& received() const { return received_ ? *received_ : request_.body; }
  bool empty() const { return first_ == nullptr; }
  // `body`, with all stages behind it that may change it.
  std::unique_ptr<http::BodySource> behind(std::unique_ptr<http::BodySource> body) const {
    return put(first_, std::move(body));
  }
  // `body`, which a target gets, with the stages behind it that observe it.
  std::unique_ptr<http::BodySource> observed(std::unique_ptr<http::BodySource> body) const {
    return put(observers_, std::move(body));
  }
  // The body has passed the stages, and is in memory.
  void clear() {
    first_ = last_ = nullptr;
    received_.reset();
  }

 private:
  struct Stage {
    std::unique_ptr<http::BodySource> (*make)(const void*, std::unique_ptr<http::BodySource>);
    const void* state;
    mutable const Stage* next;
  };

  template <typename Make>
  const Stage* make_stage(Make make, const Stage* next) {
    static_assert(std::is_trivially_destructible_v<Make>);
    const auto call = [](const void* kept, std::unique_ptr<http::BodySource> body) {
      return std::unique_ptr<http::BodySource>((*static_cast<const Make*>(kept))(std::move(body)));
    };
    return arena_.make<Stage>(call, arena_.make<Make>(std::move(make)), next);
  }
  static std::unique_ptr<http::BodySource> put(const Stage* first, std::unique_ptr<http::BodySource> body) {
    for (const Stage* one = first; one != nullptr; one = one->next)
      body = one->make(one->state, std::move(body));
    return body;
  }

  http::RequestHead& request_;
  Arena& arena_;
  const Stage* first_ = nullptr;
  const Stage* last_ = nullptr;
  const Stage* observers_ = nullptr;
  std::optional<http::BodyFraming> received_;
};

}  // namespace portcullis::policy
