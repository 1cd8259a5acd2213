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
    serve(app, host=config.host, port=config.port, threads=8, ident=None)
