#pragma once

namespace portcullis {

// Opens /dev/null for each of the descriptors 0, 1 and 2 that is closed, so that nothing else that is opened
// becomes one of them and is taken for standard input or output. Call it before anything is opened.
void open_standard_descriptors();

}  // namespace portcullis
