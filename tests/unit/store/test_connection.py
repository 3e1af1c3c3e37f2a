import pytest

from pyecod.errors import NoDatabaseError, StoreError, StoreUnavailableError
from pyecod.settings import DatabaseSettings
from pyecod.store import Store, open_store


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGSERVICE", "PGPASSWORD", "PGHOSTADDR", "PGSERVICEFILE"):
        monkeypatch.delenv(name, raising=False)


def server(url=None):
    return DatabaseSettings(mode="server", url=url, connect_timeout=2)


def test_no_database_is_said_by_an_error_of_its_own():
    with pytest.raises(NoDatabaseError, match=r"database\.mode"):
        open_store(DatabaseSettings(mode="none"))


def test_a_server_is_not_contacted_before_it_is_needed():
    with open_store(server("postgresql://ecod@nowhere.invalid/ecod")) as store:
        assert store.target == "database ecod on nowhere.invalid port 5432 as user ecod"


def test_without_a_url_libpqs_own_variables_count(monkeypatch):
    monkeypatch.setenv("PGHOST", "db7")
    monkeypatch.setenv("PGUSER", "curator")
    monkeypatch.setenv("PGDATABASE", "ecod_protein")
    assert open_store(server()).target == "database ecod_protein on db7 port 5432 as user curator"


def test_an_unreachable_server_names_itself_and_what_to_check():
    store = open_store(server("postgresql://ecod@127.0.0.1:1/ecod"))
    with pytest.raises(
        StoreUnavailableError, match=r"database ecod on 127.0.0.1 port 1 as user ecod: .*refused.*PGHOST"
    ):
        store.connect().__enter__()


def test_an_unknown_host_is_told_from_a_dead_server():
    store = open_store(server("postgresql://ecod@nowhere.invalid/ecod"))
    with pytest.raises(StoreUnavailableError, match="host name is unknown"):
        store.connect().__enter__()


def test_an_unknown_service_points_to_the_service_file():
    with pytest.raises(StoreError, match=r"service ecodprod.*pg_service\.conf"):
        open_store(server("service=ecodprod")).connect().__enter__()


@pytest.mark.parametrize("url", ["host=db secret=hunter2", "postgresql://ecod@db:port/x?hunter2", "hunter2"])
def test_what_is_no_connection_string_is_refused_without_being_repeated(url):
    with pytest.raises(StoreError) as refused:
        open_store(server(url)).connect().__enter__()
    assert "hunter2" not in str(refused.value)


def test_an_encoded_password_is_refused_too():
    with pytest.raises(StoreError, match=r"\.pgpass") as refused:
        open_store(DatabaseSettings.model_construct(mode="server", url="postgresql://ecod:hunter2@db/ecod"))
    assert "hunter2" not in str(refused.value)


def test_the_password_of_the_environment_is_in_no_message(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    store = open_store(server("postgresql://ecod@127.0.0.1:1/ecod"))
    with pytest.raises(StoreUnavailableError) as refused:
        store.connect().__enter__()
    assert "hunter2" not in str(refused.value) + store.target + repr(store)


def test_a_store_of_ones_own_needs_no_settings():
    assert Store("dbname=x user=y host=/tmp").target == "database x on /tmp as user y"
