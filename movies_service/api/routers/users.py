"""The users, managed by programs."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from data_layer.entities.scope import Scope
from data_layer.entities.user import User
from movies_service.accounts.caller import Caller
from movies_service.api.dependencies.authentication import require, require_covered
from movies_service.api.dependencies.idempotency import OnceDependency
from movies_service.api.dependencies.json_body import StrictRoute, require_json
from movies_service.api.dependencies.use_cases import ServicesDependency
from movies_service.api.rendering.private import answer_privately
from movies_service.api.schemas import user_examples as examples
from movies_service.api.schemas.users import UserIn, UserOut, UserPatchIn, UsersOut

router = APIRouter(prefix="/users", tags=["users"], route_class=StrictRoute)

Administrator = Annotated[Caller, Depends(require(Scope.USERS_ADMIN))]
Username = Annotated[str, Path(description="The name of a user.", examples=["alice"])]


@router.post(
    "",
    summary="Make a user",
    status_code=HTTPStatus.CREATED,
    response_model=UserOut,
    responses=examples.ADD_RESPONSES,
    dependencies=[Depends(require_json)],
)
async def add_user(
    services: ServicesDependency,
    administrator: Administrator,
    once: OnceDependency,
    wanted: UserIn,
) -> Response:
    """Make a user who can sign in. Needs the scope `users:admin`."""
    require_covered(administrator, wanted.scopes)
    return await once.run(
        administrator,
        lambda by: services.write(
            services.users.add, wanted.username, wanted.password, wanted.scopes, by
        ),
        _answer_made,
    )


@router.get("", summary="List users", response_model=UsersOut, responses=examples.LIST_RESPONSES)
async def list_users(services: ServicesDependency, _administrator: Administrator) -> Response:
    """Return every user by name, disabled ones included."""
    users = await services.read(services.users.list)
    return answer_privately(UsersOut(users=[UserOut.of(user) for user in users]))


@router.get(
    "/{username}",
    summary="Get a user",
    response_model=UserOut,
    responses=examples.GET_RESPONSES,
)
async def get_user(
    services: ServicesDependency, _administrator: Administrator, username: Username
) -> Response:
    """Return a user."""
    return answer_privately(UserOut.of(await services.read(services.users.get, username)))


@router.patch(
    "/{username}",
    summary="Change a user",
    response_model=UserOut,
    responses=examples.CHANGE_RESPONSES,
    dependencies=[Depends(require_json)],
)
async def change_user(
    services: ServicesDependency,
    administrator: Administrator,
    username: Username,
    wanted: UserPatchIn,
) -> Response:
    """Disable a user, or let them sign in again; or change their scopes. Both hold at once."""
    user = await services.read(services.users.get, username)
    require_covered(administrator, {*user.scopes, *(wanted.scopes or ())})
    if wanted.scopes is not None:
        user = await services.write(
            services.users.set_scopes, username, wanted.scopes, administrator
        )
    if wanted.disabled is not None:
        user = await services.write(
            services.users.set_disabled, username, administrator, is_disabled=wanted.disabled
        )
    return answer_privately(UserOut.of(user))


def _answer_made(user: User) -> Response:
    made = UserOut.of(user)
    return answer_privately(made, HTTPStatus.CREATED, Location=made.self_url)
