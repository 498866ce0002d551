"""Schema of problem documents (RFC 9457)."""

from pydantic import BaseModel, Field


class InputErrorOut(BaseModel):
    """Error of one input value."""

    field: str = Field(description="Location of the value, such as `query.limit` or `body.title`.")
    message: str = Field(description="What was expected; never repeats the value.")


class ProblemOut(BaseModel):
    """Error response (RFC 9457)."""

    type: str = Field(description="URN of the problem type; ends in `code`.")
    title: str = Field(description="Reason phrase of the status.")
    status: int = Field(description="HTTP status.")
    detail: str = Field(description="What happened and what to do, for people; may change.")
    code: str = Field(description="Stable identifier of the problem type, for programs.")
    request_id: str = Field(description="Identifies the request in the log of the service.")
    errors: list[InputErrorOut] | None = Field(
        default=None,
        description="Each invalid input value; only with status 422.",
        exclude_if=lambda errors: errors is None,
    )
