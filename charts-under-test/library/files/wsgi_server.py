"""Serve a service's API with the standard library's WSGI server: wsgi_server.py APPLICATION...

This needs no apache2, uwsgi or gunicorn: flavors differ in which of them an image contains, and where. The application
belongs to the service, and every image contains it. Its place depends on the version of the service, so several can be
named: the first one that exists is served. Each is MODULE:NAME, or MODULE:FUNCTION(ARGUMENT,...) for a function that
returns it.
"""

import importlib
import os
import re
import signal
import socketserver
import sys
import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

PLACE = re.compile(r"([\w.]+):(\w+)(?:\((.*)\))?")


def application(places):
    """Return the first of the applications that this image has."""
    for place in places:
        module, name, arguments = PLACE.fullmatch(place).groups()
        try:
            found = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            # A module that the service itself lacks is an error of the image.
            if not module.startswith(error.name or "?"):
                raise
            continue
        if arguments is None:
            return found
        return found(*(argument for argument in arguments.split(",") if argument))
    sys.exit("none of %s is in this image" % ", ".join(places))


class Server(socketserver.ThreadingMixIn, WSGIServer):
    """Use a thread for each request, so that a request waiting for the database does not block the readiness probe."""

    daemon_threads = True
    request_queue_size = 128


class Handler(WSGIRequestHandler):
    def address_string(self):
        # The standard method resolves the client's name: one DNS query for each log line.
        return self.client_address[0]


def main():
    places = sys.argv[1:]
    # The service would read them as its own.
    del sys.argv[1:]
    port = int(os.environ["API_PORT"])
    server = make_server("", port, application(places), server_class=Server, handler_class=Handler)
    # shutdown() waits for the loop that this signal handler interrupts, so it needs a thread.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print("serving on port %d" % port)
    server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    main()
