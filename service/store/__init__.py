"""The rows of the service in MongoDB: reads them, searches them and commits Changes. The store takes no decision about care."""
