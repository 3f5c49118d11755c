import re

from images.requirements import REQUIREMENTS, requirements


def test_the_image_installs_what_the_lock_file_says() -> None:
    assert REQUIREMENTS.read_text(encoding="utf-8") == requirements(), "stale: run `make lock`"


def test_every_package_has_one_version_and_hashes() -> None:
    packages = re.split(r"\n(?=\S)", requirements().strip())[1:]
    assert "mlflow" in {package.partition("==")[0] for package in packages}
    for package in packages:
        assert re.match(r"[a-z0-9-]+(\[[a-z,]+\])?==\S+(; .+)? \\\n    --hash=sha256:[0-9a-f]{64}", package), package
