#!/usr/bin/env python3
"""The Library service of library.proto, in memory. Usage: library_server.py DESCRIPTOR_SET [PORT]

The descriptor set is what `protoc --include_imports --descriptor_set_out=library.pb library.proto` writes; the messages are
made from it, so that no code need be generated.
"""

import concurrent.futures
import sys
import threading

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

GREEN = {"name": "shelves/1/books/1", "title": "The Green Book", "page_count": 320, "isbn": 9780306406157, "in_print": True,
         "genre": 1, "tags": ["green", "old"]}


class Library:
    def __init__(self, descriptors, port=0):
        pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(open(descriptors, "rb").read()).file:
            pool.Add(file)
        self.classes = message_factory.MessageFactory(pool)
        self.service = pool.FindServiceByName("library.Library")
        self.book = self.classes.GetPrototype(pool.FindMessageTypeByName("library.Book"))
        self.books, self.covers, self.go_on = {}, {}, threading.Event()
        self.asked = []  # every request, and the metadata of the last
        self.add(self.book(**GREEN))
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        handlers = {name: self.handler(method) for name, method in self.service.methods_by_name.items()}
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("library.Library", handlers),))
        self.port = self.server.add_insecure_port(f"127.0.0.1:{port}")
        self.server.start()

    def close(self):
        self.server.stop(0).wait()

    def handler(self, method):
        call = getattr(self, method.name)
        answers = self.classes.GetPrototype(method.output_type)
        streams_in, streams_out = method.name == "ImportBooks", method.name == "WatchBooks"

        def unary(request, context):
            if not streams_in:
                self.asked.append(request)
            self.metadata = dict(context.invocation_metadata())
            return call(request, context, answers)
        kinds = {(False, False): grpc.unary_unary_rpc_method_handler, (False, True): grpc.unary_stream_rpc_method_handler,
                 (True, False): grpc.stream_unary_rpc_method_handler}
        return kinds[streams_in, streams_out](unary, self.classes.GetPrototype(method.input_type).FromString,
                                              lambda message: message.SerializeToString())

    def add(self, book):
        self.books[book.name] = book
        return book

    def found(self, name, context):
        if name not in self.books:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no book {name}, nor “{name}”")
        return self.books[name]

    def listed(self, request):
        chosen = [book for book in self.books.values() if book.name.startswith(request.parent + "/")]
        return [book for book in chosen if set(request.tags) <= set(book.tags) and (not request.filter.in_print or book.in_print)]

    def GetBook(self, request, context, answers):
        return self.found(request.name, context)

    def ListBooks(self, request, context, answers):
        return answers(books=self.listed(request)[:request.page_size or 100])

    def CreateBook(self, request, context, answers):
        made = self.book()
        made.CopyFrom(request.book)
        made.name = f"{request.parent}/books/{len(self.books) + 1}"
        return self.add(made)

    def UpdateBook(self, request, context, answers):
        self.found(request.name, context).MergeFrom(request)
        return self.books[request.name]

    def DeleteBook(self, request, context, answers):
        self.found(request.name, context)
        del self.books[request.name]
        return answers()

    def ListTags(self, request, context, answers):
        return self.found(request.name, context)

    def WatchBooks(self, request, context, answers):
        if request.parent == "shelves/0":
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "this shelf is private")
        for book in self.listed(request):
            yield book
        if request.page_size == 13:
            context.abort(grpc.StatusCode.DATA_LOSS, "as asked")
        if request.page_size == 14:
            self.go_on.wait(10)
            yield self.book(title="later")

    def ImportBooks(self, requests, context, answers):
        taken = [self.add(book) for book in requests]
        self.asked.extend(taken)
        return answers(count=len(taken))

    def GetCover(self, request, context, answers):
        content_type, data = self.covers.get(request.name, ("image/svg+xml", b"<svg/>"))
        return answers(content_type=content_type, data=data)

    def PutCover(self, request, context, answers):
        self.covers[request.name] = request.cover.content_type, request.cover.data
        return answers()

    def CountBooks(self, request, context, answers):
        return answers(count=len(self.listed(request)) if request.parent else len(self.books))


if __name__ == "__main__":
    served = Library(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 50051)
    print(f"library.Library on 127.0.0.1:{served.port}", flush=True)
    served.server.wait_for_termination()
