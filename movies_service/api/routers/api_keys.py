"""The API keys, managed by programs."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Response

from data_layer.entities.scope import Scope
from movies_service.accounts.api_keys import NewKey
from movies_service.accounts.caller import Caller
from movies_service.api.dependencies.authentication import require, require_covered
from movies_service.api.dependencies.idempotency import OnceDependency
from movies_service.api.dependencies.json_body import StrictRoute, require_json
from movies_service.api.dependencies.use_cases import ServicesDependency
from movies_service.api.rendering.private import answer_privately
from movies_service.api.schemas import api_key_examples as examples
from movies_service.api.schemas.api_keys import (
    ApiKeyIn,
    ApiKeyOut,
    ApiKeysOut,
    NewApiKeyOut,
    RotationIn,
)

router = APIRouter(prefix="/api-keys", tags=["API keys"], route_class=StrictRoute)

Administrator = Annotated[Caller, Depends(require(Scope.KEYS_ADMIN))]
KeyId = Annotated[str, Path(description="The id of a key.", examples=["0123abcd"])]


@router.post(
    "",
    summary="Make a key",
    status_code=HTTPStatus.CREATED,
    response_model=NewApiKeyOut,
    responses=examples.MAKE_RESPONSES,
    dependencies=[Depends(require_json)],
)
async def make_api_key(
    services: ServicesDependency,
    administrator: Administrator,
    once: OnceDependency,
    wanted: ApiKeyIn,
) -> Response:
    """Make a key and show it, this once. Needs the scope `keys:admin`."""
    require_covered(administrator, wanted.scopes)
    return await once.run(
        administrator,
        lambda by: services.write(
            services.api_keys.create, wanted.name, wanted.scopes, wanted.expires_at, by
        ),
        _answer_made,
    )


@router.get("", summary="List keys", response_model=ApiKeysOut, responses=examples.LIST_RESPONSES)
async def list_api_keys(services: ServicesDependency, _administrator: Administrator) -> Response:
    """Return every key without its secret, oldest first, revoked and expired ones included."""
    keys = await services.read(services.api_keys.list)
    return answer_privately(ApiKeysOut(api_keys=[ApiKeyOut.of(key) for key in keys]))


@router.get(
    "/{key_id}", summary="Get a key", response_model=ApiKeyOut, responses=examples.GET_RESPONSES
)
async def get_api_key(
    services: ServicesDependency, _administrator: Administrator, key_id: KeyId
) -> Response:
    """Return a key without its secret."""
    return answer_privately(ApiKeyOut.of(await services.read(services.api_keys.get, key_id)))


@router.delete(
    "/{key_id}",
    summary="Revoke a key",
    status_code=HTTPStatus.NO_CONTENT,
    responses=examples.REVOKE_RESPONSES,
)
async def revoke_api_key(
    services: ServicesDependency, administrator: Administrator, key_id: KeyId
) -> Response:
    """Make a key open nothing any more, at once and for ever. It stays in the list."""
    key = await services.read(services.api_keys.get, key_id)
    require_covered(administrator, key.scopes)
    await services.write(services.api_keys.revoke_by_id, key_id, administrator)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post(
    "/{key_id}/rotate",
    summary="Rotate a key",
    response_model=NewApiKeyOut,
    responses=examples.ROTATE_RESPONSES,
)
async def rotate_api_key(
    services: ServicesDependency,
    administrator: Administrator,
    once: OnceDependency,
    key_id: KeyId,
    wanted: Annotated[RotationIn | None, Body()] = None,
) -> Response:
    """Replace the secret of a key and show it, this once. The old one opens for a while."""
    key = await services.read(services.api_keys.get, key_id)
    require_covered(administrator, key.scopes)
    grace_seconds = wanted.grace_seconds if wanted else None
    if grace_seconds is None:
        grace_seconds = services.policy.key_grace_seconds
    return await once.run(
        administrator,
        lambda by: services.write(services.api_keys.rotate, key_id, grace_seconds, by),
        lambda new: answer_privately(NewApiKeyOut.of_new(new)),
    )


def _answer_made(new: NewKey) -> Response:
    made = NewApiKeyOut.of_new(new)
    return answer_privately(made, HTTPStatus.CREATED, Location=made.self_url)
