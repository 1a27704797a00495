"""Serves graphite-web on a loopback address, with the settings of $GRAPHITE_SETTINGS_MODULE.

    web.py HOST PORT

Its tables are made first, where they are missing. Not here: a server for more than a test.
"""

import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.core.management import call_command


class Server(ThreadingMixIn, WSGIServer):
    """carbon gives up on what it tells after five seconds: it must not wait for a picture."""

    daemon_threads = True

    def server_bind(self):
        # The original asks the name service about the address.
        super(WSGIServer.__base__, self).server_bind()
        self.server_name, self.server_port = self.server_address
        self.setup_environ()


class Handler(WSGIRequestHandler):
    def address_string(self):
        return self.client_address[0]

    def log_request(self, *_):
        pass


host, port = sys.argv[1:]
django.setup()
call_command("migrate", run_syncdb=True, verbosity=0)
from graphite.wsgi import application  # noqa: E402

make_server(host, int(port), application, Server, Handler).serve_forever()
