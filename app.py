"""The web application of the installation that the environment names: `flask --app app run`, or any WSGI server.

`python -m app` serves it by waitress; `efface up` does that.
"""

from portal.config import read_config
from portal.web import create_app

config = read_config()
app = create_app(config)

if __name__ == "__main__":
    from waitress import serve

    from portal.processes import die_with_parent

    die_with_parent()
    most = app.config["MAX_CONTENT_LENGTH"]
    serve(
        app,
        host=config.host,
        port=config.port,
        threads=8,
        ident=None,
        # Pictures stay in memory: what overflows is written to the temporary folder, in the clear. A little more than
        # the most is let through, so that the page can say itself that a picture is too big.
        inbuf_overflow=most,
        max_request_body_size=2 * most,
        # Behind https stands a proxy that says who is calling; the application reads it.
        clear_untrusted_proxy_headers=not config.secure_cookies,
    )
