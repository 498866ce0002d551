"""How errors look."""

from pydantic import BaseModel, Field


class InputErrorOut(BaseModel):
    """What is wrong with one input."""

    field: str = Field(description="Where it stands, such as `query.limit` or `body.title`.")
    message: str


class ProblemOut(BaseModel):
    """An error, as in RFC 9457."""

    type: str = Field(description="Identifies the kind of problem; ends in `code`.")
    title: str
    status: int
    detail: str = Field(description="What happened and what to do.")
    code: str = Field(description="Stable name of the kind of problem.")
    request_id: str = Field(description="Names this request in the service's log.")
    errors: list[InputErrorOut] | None = Field(
        default=None,
        description="Each input that is wrong; only with status 422.",
        exclude_if=lambda errors: errors is None,
    )
