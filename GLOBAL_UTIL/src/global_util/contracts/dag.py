"""PH2's own three: the template library, the rules that choose a template, and the flat graph made from both."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from global_util.contracts.base import Artifact, ArtifactId, Model, WorkstreamId

StepKind = Literal["tool", "phase", "settle"]


class Step(Model):
    """A node of a template. ``needs`` names steps of the same template."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    kind: StepKind
    run: str
    needs: tuple[str, ...] = ()
    timeout_s: Annotated[int, Field(ge=1)] | None = None
    on_failure: Literal["stop", "continue"] = "stop"


class Template(Model):
    """The steps that one workstream goes through."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    description: str
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]


class DagLibrary(Model):
    """``dag_library.v1``: the known templates. ``exports`` of a workstream's last step is what its dependents wait for."""

    SCHEMA: ClassVar[str] = "dag_library.v1"
    OWNER: ClassVar[str] = "PH2_EXECUTION_ENGINE"

    schema_id: Literal["dag_library.v1"] = Field(alias="schema")
    version: str
    templates: Annotated[tuple[Template, ...], Field(min_length=1)]


class When(Model):
    """A condition on a workstream; all that is given must hold, nothing given always holds."""

    dag: str | None = None
    metadata_key: str | None = None


class MappingRule(Model):
    """The first rule that fits decides."""

    when: When
    use: str
    because: str


class DagMappingRules(Model):
    """``dag_mapping_rules.v1``."""

    SCHEMA: ClassVar[str] = "dag_mapping_rules.v1"
    OWNER: ClassVar[str] = "PH2_EXECUTION_ENGINE"

    schema_id: Literal["dag_mapping_rules.v1"] = Field(alias="schema")
    rules: Annotated[tuple[MappingRule, ...], Field(min_length=1)]


class GraphNode(Model):
    """``<workstream>:<step>``."""

    id: str
    workstream_id: WorkstreamId
    step: str
    kind: StepKind
    run: str


class GraphEdge(Model):
    """``after`` starts when ``before`` has ended."""

    before: str
    after: str


class DagGraph(Artifact):
    """``dag_graph.v1``: the steps of all workstreams, flat."""

    SCHEMA: ClassVar[str] = "dag_graph.v1"
    OWNER: ClassVar[str] = "PH2_EXECUTION_ENGINE"

    library: ArtifactId
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    waves: tuple[tuple[str, ...], ...]
