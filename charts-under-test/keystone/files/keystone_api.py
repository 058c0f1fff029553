"""Serve Keystone's API with the standard library's WSGI server.

This needs no apache2, uwsgi or gunicorn: flavors differ in which of them an image contains, and where. Keystone's WSGI
application belongs to Keystone, and every image contains it.
"""

import importlib.util
import os
import signal
import socketserver
import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


def application():
    """Return Keystone's WSGI application. Its name depends on the version of Keystone."""
    if importlib.util.find_spec("keystone.wsgi"):
        from keystone.wsgi import api

        return api.application
    from keystone.server import wsgi

    return wsgi.initialize_public_application()


class Server(socketserver.ThreadingMixIn, WSGIServer):
    """Use a thread for each request, so that a request waiting for the database does not block the readiness probe."""

    daemon_threads = True
    request_queue_size = 128


class Handler(WSGIRequestHandler):
    def address_string(self):
        # The standard method resolves the client's name: one DNS query for each log line.
        return self.client_address[0]


def main():
    port = int(os.environ["API_PORT"])
    server = make_server("", port, application(), server_class=Server, handler_class=Handler)
    # shutdown() waits for the loop that this signal handler interrupts, so it needs a thread.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print("keystone serves on port %d" % port)
    server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    main()
