#pragma once

namespace portcullis::cache {}

namespace portcullis::policy::cache {

// The namespace of src/cache: in the namespaces of policies, the name `cache` means this policy.
namespace engine = ::portcullis::cache;

}  // namespace portcullis::policy::cache
