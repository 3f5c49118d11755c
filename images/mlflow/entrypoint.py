"""The first program of the MLflow container: prepares the database, then becomes the server."""

from startup.main import main  # type: ignore[import-not-found]  # this folder is the import root in the image

if __name__ == "__main__":
    main()
