#include "proxy/detached_body.h"

#include <utility>

namespace portcullis::proxy {
namespace {

// The connection to a target, for a body that is read without its exchange.
struct TargetConnection {
  TargetConnection(std::shared_ptr<WorkerSnapshot> of, Attempt::Parts taken)
      : snapshot(std::move(of)), parts(std::move(taken)) {}
  TargetConnection(const TargetConnection&) = delete;
  TargetConnection& operator=(const TargetConnection&) = delete;
  ~TargetConnection() {
    if (!is_reusable) return;
    upstream::Target& target = parts.connection->target();
    parts.message.reset();
    target.give_back(std::move(parts.connection));
  }

  std::shared_ptr<WorkerSnapshot> snapshot;  // owns the target
  Attempt::Parts parts;
  bool is_reusable = false;
};

// A body together with the connection that delivers it. The base classes are destroyed in reverse order, so
// the body is destroyed before the connection.
class DetachedBody final : private TargetConnection, public http::BodyStage {
 public:
  DetachedBody(std::shared_ptr<WorkerSnapshot> of, Attempt::Parts taken,
               std::unique_ptr<http::BodySource> body, const http::MessageBody& from_target, bool keep_alive)
      : TargetConnection(std::move(of), std::move(taken)),
        BodyStage(std::move(body)),
        from_target_(from_target),
        keep_alive_(keep_alive) {}
  ~DetachedBody() override {
    is_reusable = keep_alive_ && from_target_.complete() && from_target_.rest().empty();
  }

 private:
  const http::MessageBody& from_target_;  // a part of the body
  bool keep_alive_;
};

}  // namespace

std::unique_ptr<http::BodySource> DetachesBody::release(std::unique_ptr<http::BodySource> body) {
  attempt_.note(TryOutcome::kAnswered);  // now, because the target may not exist later
  const bool is_reusable = keep_alive_ && attempt_.upload().is_sent();
  attempt_.upload().stop();
  state_.keep_response_head();
  state_.watch.end();  // the body is read even if the client leaves
  return std::make_unique<DetachedBody>(state_.snapshot, attempt_.release(), std::move(body), from_target_,
                                        is_reusable);
}

}  // namespace portcullis::proxy
