#pragma once

namespace portcullis {

// Opens /dev/null for each of the descriptors 0, 1 and 2 that is closed. Otherwise a file opened later could
// get one of these numbers and be mistaken for standard input or output. Call this before anything else is
// opened.
void open_standard_descriptors();

}  // namespace portcullis
