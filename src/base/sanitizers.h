#pragma once

namespace portcullis {

// True in sanitizer builds, where memory is not recycled through pools so that misuse is seen.
#if defined(PORTCULLIS_SANITIZED)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace portcullis
