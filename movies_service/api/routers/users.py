"""Endpoints of user accounts: create, list, get and change."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from common.errors import Conflict, NotFound
from data_layer.entities.scope import Scope
from data_layer.entities.user import USERNAME
from movies_service.accounts.caller import Caller
from movies_service.api.dependencies.authentication import require, require_scopes
from movies_service.api.dependencies.idempotency import IdempotencyDependency
from movies_service.api.dependencies.json_body import StrictRoute, require_json
from movies_service.api.dependencies.use_cases import UseCasesDependency
from movies_service.api.rendering.private import created_response, private_json_response
from movies_service.api.response_docs import errors
from movies_service.api.schemas.users import UserIn, UserOut, UserPatchIn, UsersOut

router = APIRouter(prefix="/users", tags=["users"], route_class=StrictRoute)

Administrator = Annotated[Caller, Depends(require(Scope.USERS_ADMIN))]
Username = Annotated[
    str,
    Path(
        description="Name of the user.",
        examples=["alice"],
        json_schema_extra={"pattern": f"^{USERNAME.pattern}$"},
    ),
]
_NOT_FOUND = NotFound("No user has this name.")


@router.post(
    "",
    summary="Create a user",
    status_code=HTTPStatus.CREATED,
    response_model=UserOut,
    response_description="The user is created.",
    responses=errors(Conflict("A user with this name exists: choose another name.")),
    dependencies=[Depends(require_json)],
)
async def add_user(
    use_cases: UseCasesDependency,
    administrator: Administrator,
    idempotency: IdempotencyDependency,
    body: UserIn,
) -> Response:
    """Create a user, who can then log in with the password.

    Requires the scope `users:admin`, and every scope that the new user gets. Usernames are unique,
    also among disabled users. Use an `Idempotency-Key` to retry the call safely.
    """
    require_scopes(administrator, body.scopes)
    return await idempotency.run(
        administrator,
        lambda record: use_cases.write(
            use_cases.users.add, body.username, body.password, body.scopes, administrator, record
        ),
        lambda user: created_response(UserOut.of(user)),
    )


@router.get("", summary="List users", response_model=UsersOut)
async def list_users(use_cases: UseCasesDependency, _administrator: Administrator) -> Response:
    """Return all users by name, including disabled ones. Requires the scope `users:admin`."""

    def list_all() -> Response:
        users = use_cases.users.list()
        return private_json_response(UsersOut(users=[UserOut.of(user) for user in users]))

    return await use_cases.long_read(list_all)


@router.get(
    "/{username}",
    summary="Get a user",
    response_model=UserOut,
    responses=errors(_NOT_FOUND),
)
async def get_user(
    use_cases: UseCasesDependency, _administrator: Administrator, username: Username
) -> Response:
    """Return a user. Requires the scope `users:admin`."""
    return private_json_response(UserOut.of(await use_cases.read(use_cases.users.get, username)))


@router.patch(
    "/{username}",
    summary="Change a user",
    response_model=UserOut,
    responses=errors(_NOT_FOUND),
    dependencies=[Depends(require_json)],
)
async def change_user(
    use_cases: UseCasesDependency,
    administrator: Administrator,
    username: Username,
    body: UserPatchIn,
) -> Response:
    """Disable or enable a user, replace the scopes, or both. Absent fields stay unchanged.

    Requires the scope `users:admin`, and every scope that the user has or gets. Changes take effect
    immediately: disabling ends all sessions of the user, and new scopes apply to the next request.
    """
    user = await use_cases.read(use_cases.users.get, username)
    require_scopes(administrator, {*user.scopes, *(body.scopes or ())})
    if body.scopes is not None:
        user = await use_cases.write(
            use_cases.users.set_scopes, username, body.scopes, administrator
        )
    if body.disabled is not None:
        user = await use_cases.write(
            use_cases.users.set_disabled, username, administrator, is_disabled=body.disabled
        )
    return private_json_response(UserOut.of(user))
