#pragma once

#include <memory>
#include <string>

#include "store/secret_box.h"

namespace portcullis::cluster {

// The keys of a cluster's secrets, from the key file that its nodes share.
struct Keys {
  std::shared_ptr<const store::SecretBox> box;
  std::string current;  // the name of the key that seals
};

}  // namespace portcullis::cluster
