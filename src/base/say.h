#pragma once

#include <string>

namespace portcullis {

// Tells the operator something, on standard error, as a line that begins with the program's name. Any thread.
void say(const std::string& message);
// The same without the program's name: a diagnostic names a file. Any thread.
void say_line(const std::string& line);

// From now on a reader of standard error that is stuck holds up no thread: a message waits a fifth of a
// second at most, those after it not at all, and what the reader has not taken by then is dropped. When it
// reads again, a line says how many messages were dropped. For a process that serves; others wait for their
// readers.
void drop_messages_of_stuck_reader();

// Where a signal handler may write; drop_messages_of_stuck_reader() says which one that is.
int message_descriptor();

}  // namespace portcullis
