"""Settings: from the environment, checked, with a key that stays."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from detection.domain.errors import ConfigurationError
from serving.db.engine import libpq_url, sqlalchemy_url
from serving.settings import load_secret_key, load_settings, make_data_dir


def test_flags_overrule_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HAZARDLENS_DATA_DIR", str(tmp_path / "from-environment"))
    monkeypatch.setenv("HAZARDLENS_DEMO", "0")
    assert load_settings(data_dir=None).data_dir == tmp_path / "from-environment"
    assert load_settings(data_dir=tmp_path).data_dir == tmp_path
    assert load_settings(demo=None).demo is False
    assert load_settings(demo=True).demo is True


def test_bad_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAZARDLENS_MAX_UPLOAD_MB", "many")
    with pytest.raises(ConfigurationError, match="HAZARDLENS_MAX_UPLOAD_MB"):
        load_settings()


def test_key_is_made_once_and_only_for_us(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    key = load_secret_key(settings)
    assert len(key) >= 48
    assert load_secret_key(settings) == key
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_short_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="HAZARDLENS_SECRET_KEY"):
        load_secret_key(load_settings(data_dir=tmp_path, secret_key="short"))


def test_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigurationError, match="data folder"):
        make_data_dir(load_settings(data_dir=tmp_path / "file"))


def test_database_addresses_are_understood() -> None:
    for given in ("postgresql://u:p@h:5432/d", "postgres://u:p@h:5432/d"):
        assert sqlalchemy_url(given) == "postgresql+psycopg://u:p@h:5432/d"
        assert libpq_url(given) == "postgresql://u:p@h:5432/d"


@pytest.mark.parametrize("address", ["sqlite:///x.db", "nonsense", "mysql://u:secret@h/d"])
def test_other_databases_are_refused_without_telling_the_password(address: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sqlalchemy_url(address)
    assert "secret" not in str(caught.value)
