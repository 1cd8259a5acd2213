"""The web application of the installation that the environment names: `flask --app app run`, or any WSGI server."""

from portal.config import read_config
from portal.web import create_app

app = create_app(read_config())
