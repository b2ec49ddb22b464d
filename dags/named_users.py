"""Who may answer an approval: Airflow's users by the names that programs call them by.

Airflow's own manager of users asks for the number that its database gave to a user, which no program can know.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager


class NamedUsersAuthManager(FabAuthManager):
    """Users, roles and passwords as FAB keeps them; an approval is answered by the users that its program names."""

    def is_authorized_hitl_task(self, *, assigned_users: set[str], user: Any) -> bool:
        return user.get_name() in assigned_users
