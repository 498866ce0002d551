"""Command line of `python -m data_fetcher`."""

from common.cli.commands import new_command_line
from data_fetcher.cli.generate_imdb_files import generate_imdb_files
from data_fetcher.cli.generate_movies import generate_movies
from data_fetcher.cli.import_imdb import import_imdb
from data_fetcher.cli.ingest import ingest
from data_fetcher.cli.pubsub_setup import pubsub_setup
from data_fetcher.cli.seed import seed
from data_fetcher.cli.update_schema import update_schema
from data_fetcher.cli.worker import worker

app = new_command_line("Add movies to the catalogue; without a command, the 100 seed movies.")
app.callback(invoke_without_command=True)(seed)
app.command()(worker)
app.command()(ingest)
app.command("import-imdb")(import_imdb)
app.command("generate-movies")(generate_movies)
app.command("generate-imdb-files")(generate_imdb_files)
app.command("update-schema")(update_schema)
app.command("pubsub-setup")(pubsub_setup)
