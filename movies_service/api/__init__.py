"""The FastAPI application's parts: routers, schemas, dependencies, rendering."""
