"""What Osprey loads: one function for its rules."""

from collections.abc import Sequence
from typing import Any

from osprey.engine.executor.execution_context import ExecutionContext
from osprey.engine.udf.arguments import ArgumentsBase
from osprey.engine.udf.base import UDFBase
from osprey.worker.adaptor.plugin_manager import hookimpl_osprey

from verascope_osprey.client import score


class Arguments(ArgumentsBase):
    """`url`: a picture's address."""

    url: str


class AiGeneratedScore(UDFBase[Arguments, float]):
    """The probability that a picture was made by a machine, 0 to 1; -1 where it was not judged."""

    def execute(self, execution_context: ExecutionContext, arguments: Arguments) -> float:
        """Ask the service."""
        return score(arguments.url)


@hookimpl_osprey
def register_udfs() -> Sequence[type[UDFBase[Any, Any]]]:
    """The functions of this plugin."""
    return [AiGeneratedScore]
