"""SQL repositories of ingested objects, update watermarks and import checkpoints."""
