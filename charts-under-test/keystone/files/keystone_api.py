"""Serve Keystone's API with the standard library's WSGI server.

No apache2, uwsgi or gunicorn: which of them an image has, and where, differs from flavor to flavor, while Keystone's
WSGI application is Keystone's own and is in all of them.
"""

import importlib.util
import os
import signal
import socketserver
import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


def application():
    """Keystone's WSGI application, under its name in this release of Keystone."""
    if importlib.util.find_spec("keystone.wsgi"):
        from keystone.wsgi import api

        return api.application
    from keystone.server import wsgi

    return wsgi.initialize_public_application()


class Server(socketserver.ThreadingMixIn, WSGIServer):
    """A thread for each request, so that one that waits for the database does not stop the readiness probe."""

    daemon_threads = True
    request_queue_size = 128


class Handler(WSGIRequestHandler):
    def address_string(self):
        # The standard one looks the client's name up, a DNS query for each line of the log.
        return self.client_address[0]


def main():
    port = int(os.environ["API_PORT"])
    server = make_server("", port, application(), server_class=Server, handler_class=Handler)
    # shutdown() waits for the loop that this handler interrupts, hence the thread.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print("keystone serves on port %d" % port)
    server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    main()
