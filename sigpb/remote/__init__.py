"""Models in stores of objects, such as S3 and Google Cloud Storage, through fsspec.

Protos travel; everything else of a model stays in its store, which copies it if need be. fsspec is
imported by `store` only, and only when a path is a URL.
"""
