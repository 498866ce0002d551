"""Parts of the FastAPI application: routers, schemas, dependencies and rendering."""
