#pragma once

#include "identity/key_sources.h"
#include "policy/engine.h"

namespace portcullis::policy::jwt {

// The key sets that are fetched. Each set is fetched once for all policies that name it.
class Keys final : public Engine {
 public:
  explicit Keys(const EngineContext& context) : sources_(context.control, context.say_as(Fault::kKeySet)) {}

  // Called on the control thread.
  identity::KeySources& sources() { return sources_; }

 private:
  identity::KeySources sources_;
};

}  // namespace portcullis::policy::jwt
