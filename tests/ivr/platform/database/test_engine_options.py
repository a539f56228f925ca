"""How a connection to PostgreSQL is opened: with the operator's options, and ours beside them."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from ivr.platform.database.engine import make_engine, reading


@pytest.mark.postgres
def test_options_of_the_url_are_kept(postgres_url: Callable[[], str]) -> None:
    url = sa.make_url(postgres_url()).update_query_dict(
        {"options": "-c search_path=elsewhere", "keepalives_idle": "77"}
    )
    engine = make_engine(url.render_as_string(hide_password=False))
    try:
        with reading(engine) as tx:
            shown = [
                tx.exec_driver_sql(f"SHOW {name}").scalar_one() for name in ("search_path", "lock_timeout")
            ]
            info = tx.connection.driver_connection.info.get_parameters()  # type: ignore[union-attr]
        assert shown == ["elsewhere", "8s"]
        assert (info["keepalives_idle"], info["tcp_user_timeout"]) == ("77", "10000"), "a host that is gone"
    finally:
        engine.dispose()
