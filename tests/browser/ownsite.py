"""A site of somebody else's: static pages on another port, with the one script tag in them and nothing more."""

import html
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

PLAIN = "plain"

ARTICLE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<link rel="icon" href="data:,">
{script}
</head>
<body>
<h1>{title}</h1>
<p id="first">A lighthouse keeper writes down the weather every evening.</p>
<p id="second">The log of the year 1911 has a page for each day, and a drawing of a cloud on most of them.</p>
<p id="third">Nobody knows who drew the whale in March.</p>
</body>
</html>
"""


class OwnSite:
    """Answers every path with the article; each path is a page of its own.

    Attributes:
        url: Where it is, without a slash at the end.
    """

    def __init__(self, *, url: str) -> None:
        self.url = url

    def page(self, path: str) -> str:
        """Return the address of a page; one that no other test uses has no annotations yet."""
        return f"{self.url}/{path}"

    def page_without_client(self, path: str) -> str:
        """Return the address of a page that knows nothing of annotations."""
        return f"{self.url}/{PLAIN}/{path}"


@contextmanager
def serving(*, app_url: str) -> Iterator[OwnSite]:
    """Serve pages that embed the client of this system."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            script = "" if path.startswith(f"/{PLAIN}/") else f'<script async src="{app_url}/embed.js"></script>'
            title = html.escape(path.strip("/").replace("-", " ").capitalize())
            body = ARTICLE.format(title=title, script=script).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
            pass

    with ThreadingHTTPServer(("localhost", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield OwnSite(url=f"http://localhost:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()
