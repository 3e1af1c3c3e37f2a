from __future__ import annotations

import subprocess
import sys

import pytest

from pyecod.errors import ConfigError
from pyecod.settings import load_settings


@pytest.mark.parametrize(
    "url", ["ftp://files.example/x", "files.example/x", "https://", "https://a b/", "file:///etc/passwd", ""]
)
def test_only_http_addresses_are_taken(url: str) -> None:
    for fetch in ({"status_url": url}, {"reference": {"domains": [url]}}, {"reference": {"hh_db": url}}):
        with pytest.raises(ConfigError, match="not an http or https address"):
            load_settings(overrides={"fetch": fetch})


def test_a_password_in_an_address_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError, match=r"~/\.netrc") as caught:
        load_settings(overrides={"fetch": {"entries_url": "https://curator:s3cret@files.example/"}})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("template", ["{id}/{what}", "{", "{id!r}", "{0}"])
def test_a_template_with_something_unknown_is_refused(template: str) -> None:
    with pytest.raises(ConfigError, match=r"fetch\.entry_path"):
        load_settings(overrides={"fetch": {"entry_path": template}})


def test_settings_cost_no_http_client() -> None:
    code = "import sys, pyecod.settings.tree; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
