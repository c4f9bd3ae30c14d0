#pragma once

namespace portcullis {

// True in sanitizer builds. Memory pools are then disabled, so that the sanitizer detects misuse of freed
// memory.
#if defined(PORTCULLIS_SANITIZED)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace portcullis
