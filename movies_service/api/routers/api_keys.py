"""Endpoints of API keys: create, list, get, revoke and rotate."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Response

from common.errors import Conflict, NotFound
from data_layer.entities.scope import Scope
from movies_service.accounts.api_key_secrets import ID_PATTERN
from movies_service.accounts.caller import Caller
from movies_service.api.dependencies.authentication import require, require_scopes
from movies_service.api.dependencies.idempotency import IdempotencyDependency
from movies_service.api.dependencies.json_body import StrictRoute, require_json
from movies_service.api.dependencies.use_cases import UseCasesDependency
from movies_service.api.rendering.private import created_response, private_json_response
from movies_service.api.response_docs import errors
from movies_service.api.schemas.api_keys import (
    ApiKeyIn,
    ApiKeyOut,
    ApiKeysOut,
    NewApiKeyOut,
    RotationIn,
)

router = APIRouter(prefix="/api-keys", tags=["API keys"], route_class=StrictRoute)

Administrator = Annotated[Caller, Depends(require(Scope.KEYS_ADMIN))]
KeyId = Annotated[
    str,
    Path(
        description="Id of the API key.",
        examples=["0123abcd"],
        json_schema_extra={"pattern": f"^{ID_PATTERN}$"},
    ),
]
_NOT_FOUND = NotFound("No API key has this id.")


@router.post(
    "",
    summary="Create an API key",
    status_code=HTTPStatus.CREATED,
    response_model=NewApiKeyOut,
    response_description="The key and its secret, which no other response contains.",
    responses=errors(Conflict("An API key with this name exists or existed: choose another name.")),
    dependencies=[Depends(require_json)],
)
async def create_api_key(
    use_cases: UseCasesDependency,
    administrator: Administrator,
    idempotency: IdempotencyDependency,
    body: ApiKeyIn,
) -> Response:
    """Create an API key and return it with its secret, which is never shown again.

    Requires the scope `keys:admin`, and every scope that the new key gets. Names are unique, also
    among revoked keys. With an `Idempotency-Key`, a retry returns the same secret.
    """
    require_scopes(administrator, body.scopes)
    return await idempotency.run(
        administrator,
        lambda record: use_cases.write(
            use_cases.api_keys.create,
            body.name,
            body.scopes,
            body.expires_at,
            administrator,
            record,
        ),
        lambda new: created_response(NewApiKeyOut.of_new(new)),
    )


@router.get("", summary="List API keys", response_model=ApiKeysOut)
async def list_api_keys(use_cases: UseCasesDependency, _administrator: Administrator) -> Response:
    """Return all API keys without their secrets, oldest first, including revoked and expired ones.

    Requires the scope `keys:admin`.
    """

    def list_all() -> Response:
        keys = use_cases.api_keys.list()
        return private_json_response(ApiKeysOut(api_keys=[ApiKeyOut.of(key) for key in keys]))

    return await use_cases.long_read(list_all)


@router.get(
    "/{key_id}",
    summary="Get an API key",
    response_model=ApiKeyOut,
    responses=errors(_NOT_FOUND),
)
async def get_api_key(
    use_cases: UseCasesDependency, _administrator: Administrator, key_id: KeyId
) -> Response:
    """Return an API key without its secret. Requires the scope `keys:admin`."""
    return private_json_response(ApiKeyOut.of(await use_cases.read(use_cases.api_keys.get, key_id)))


@router.delete(
    "/{key_id}",
    summary="Revoke an API key",
    status_code=HTTPStatus.NO_CONTENT,
    response_description="The key is revoked.",
    responses=errors(_NOT_FOUND),
)
async def revoke_api_key(
    use_cases: UseCasesDependency, administrator: Administrator, key_id: KeyId
) -> Response:
    """Revoke an API key, immediately and permanently.

    Requires the scope `keys:admin`, and every scope of the key. The key stays in the list, with
    `revoked_at` set. Revoking it again has no effect.
    """
    key = await use_cases.read(use_cases.api_keys.get, key_id)
    require_scopes(administrator, key.scopes)
    await use_cases.write(use_cases.api_keys.revoke_by_id, key_id, administrator)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post(
    "/{key_id}/rotate",
    summary="Rotate an API key",
    response_model=NewApiKeyOut,
    responses=errors(_NOT_FOUND, Conflict("This API key is revoked or expired; create a new one.")),
)
async def rotate_api_key(
    use_cases: UseCasesDependency,
    administrator: Administrator,
    idempotency: IdempotencyDependency,
    key_id: KeyId,
    body: Annotated[RotationIn | None, Body()] = None,
) -> Response:
    """Replace the secret of an API key and return the new one, which is never shown again.

    Requires the scope `keys:admin`, and every scope of the key. The previous secret stays valid
    for the grace period, by default MOVIES_API_KEY_GRACE_SECONDS; older ones become invalid
    immediately. With an `Idempotency-Key`, a retry returns the same secret.
    """
    key = await use_cases.read(use_cases.api_keys.get, key_id)
    require_scopes(administrator, key.scopes)
    grace_seconds = body.grace_seconds if body else None
    if grace_seconds is None:
        grace_seconds = use_cases.policy.api_key_grace_seconds
    return await idempotency.run(
        administrator,
        lambda record: use_cases.write(
            use_cases.api_keys.rotate, key_id, grace_seconds, administrator, record
        ),
        lambda new: private_json_response(NewApiKeyOut.of_new(new)),
    )
