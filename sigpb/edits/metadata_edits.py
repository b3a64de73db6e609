"""The edits of signatures as wholes: keys, what they hold and take, method names and tags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sigpb import protos
from sigpb.edits.edit import Edit, EndpointEdit, EndpointTarget, SignatureEdit, SignatureTarget
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.rewrite.port import Side
from sigpb.saved_model.model import MetaGraph, tag_set, tag_set_text
from sigpb.saved_model.object_graph import takes_positions
from sigpb.tf.tensor_types import declared_type, dtype_of, type_text
from sigpb.visible_text import natural


@dataclass(frozen=True)
class RenameSignature(SignatureEdit):
    """Gives a signature another key."""

    to: str

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the signature is not yet under the patch's ``rename_to``."""
        if target.patch.HasField("rename_to") and target.patch.rename_to != target.ref.key:
            yield cls(target.ref, target.patch.rename_to)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Sets the new key."""
        draft.put(replace(draft.signature(self.signature), key=self.to))

    def describe(self) -> str:
        """Returns for instance ``signature 'serving_default' → 'predict'``."""
        return f"{self.where} → {self.to!r}"


@dataclass(frozen=True)
class CopySignature(SignatureEdit):
    """Adds the signature `signature`, which names its original too."""

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the patch says ``copy_of``."""
        if target.ref.copy_of is not None:
            yield cls(target.ref)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Makes the copy."""
        draft.signature(self.signature)

    def describe(self) -> str:
        """Returns for instance ``signature 'legacy': copied from 'serving_default'``."""
        return f"{self.where}: copied from {self.signature.copy_of!r}"


@dataclass(frozen=True)
class MakeSignature(SignatureEdit):
    """Adds a signature that calls a function of the object graph.

    It is in the MetaGraph that is edited already: see `sigpb.patching.made_signatures`.
    """

    function: str
    concrete_function: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the patch says ``from_function``, and the signature was not there."""
        function = target.meta_graph.made_of.get(target.ref.key)
        if function is not None and target.ref.copy_of is None:
            inputs, outputs = (
                tuple(each.key for each in tensors)
                for tensors in (function.arguments, function.results)
            )
            yield cls(target.ref, function.path, function.name, inputs, outputs)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Changes nothing more."""

    def describe(self) -> str:
        """Returns for instance ``signature 'x': added, calls 'predict' (a, b -> output_0)``."""
        ends = f"{', '.join(self.inputs)} -> {', '.join(self.outputs)}"
        return f"{self.where}: added, calls {self.function!r} ({ends})"


@dataclass(frozen=True)
class CreateSignature(SignatureEdit):
    """Adds a signature that stands for tensors of the graph; what converts values is asked besides.

    Attributes:
        method: Its method name.
        inputs: The keys of its inputs, each with the name of a tensor and the type of that.
        outputs: The same for outputs.
    """

    method: str
    inputs: tuple[tuple[str, str, str], ...]
    outputs: tuple[tuple[str, str, str], ...]

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the model does not have the signature."""
        if target.ref.copy_of is None and target.ref.key in target.meta_graph.created:
            signature = target.signature_def
            inputs, outputs = (
                tuple(
                    (key, infos[key].name, type_text(declared_type(infos[key])))
                    for key in sorted(infos, key=natural)
                )
                for infos in (signature.inputs, signature.outputs)
            )
            yield cls(target.ref, signature.method_name, inputs, outputs)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Does nothing: a draft begins with what a MetaGraph has and what is created."""

    def describe(self) -> str:
        """Returns for instance ``signature 'a': created, with input 'x' from tensor 'x:0' …``."""
        ends = [(side, end) for side, ends in self._sides() for end in ends]
        listed = (
            f"{side} {key!r} from tensor {tensor!r} {type_}" for side, (key, tensor, type_) in ends
        )
        method = f", method {self.method!r}" if self.method else ""
        return f"{self.where}: created{method}, with {', '.join(listed)}"

    def _sides(self) -> tuple[tuple[Side, tuple[tuple[str, str, str], ...]], ...]:
        return (("input", self.inputs), ("output", self.outputs))


@dataclass(frozen=True)
class DeleteSignature(SignatureEdit):
    """Removes a signature; the part of the graph behind it stays."""

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the patch says ``drop``."""
        if target.patch.drop:
            yield cls(target.ref)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Drops the signature."""
        draft.put(replace(draft.signature(self.signature), dropped=True))

    def describe(self) -> str:
        """Returns for instance ``signature 'legacy': deleted``."""
        return f"{self.where}: deleted"


@dataclass(frozen=True)
class RenameEndpoint(EndpointEdit):
    """Gives an input or output another key."""

    to: str

    @classmethod
    def from_endpoint(cls, target: EndpointTarget) -> Iterator[Edit]:
        """Wanted where the endpoint is not yet under the patch's ``rename_to``."""
        if target.patch.HasField("rename_to") and target.patch.rename_to != target.key:
            yield cls(target.signature.ref, target.side, target.key, target.patch.rename_to)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Sets the new key."""
        self.change(draft, lambda port: replace(port, key=self.to))

    def describe(self) -> str:
        """Returns for instance ``signature 'serving_default': input 'x' → 'image'``."""
        return f"{self.where} → {self.to!r}"


@dataclass(frozen=True)
class DropOutput(EndpointEdit):
    """Removes an output from a signature; the tensor behind it stays in the graph."""

    @classmethod
    def from_endpoint(cls, target: EndpointTarget) -> Iterator[Edit]:
        """Wanted where the patch says ``drop``."""
        if target.patch.drop and target.side == "output":
            yield cls(target.signature.ref, target.side, target.key)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Drops the output."""
        self.change(draft, lambda port: replace(port, dropped=True))

    def describe(self) -> str:
        """Returns for instance ``signature 'serving_default': output 'logits' dropped``."""
        return f"{self.where} dropped"


@dataclass(frozen=True)
class SetPositional(SignatureEdit):
    """Says whether inputs can be passed by position to what `tf.saved_model.load` returns.

    It passes them in the order of their argument names. Keras' TFSMLayer passes the first one by
    position and others by name (keras/src/export/tfsm_layer.py), which needs this, too.
    """

    positional: bool

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the patch says something else than the object graph does."""
        if not target.patch.HasField("positional"):
            return
        objects, wanted = target.meta_graph.object_graph, target.patch.positional
        place = objects.signature_nodes.get(target.ref.source) if objects else None
        if objects is None or place is None or not objects.has_node(place):
            # The loader decides: by position if there is one input.
            is_now = len(target.signature_def.inputs) == 1
        else:
            is_now = takes_positions(objects.proto.nodes[place].bare_concrete_function)
        if is_now != wanted:
            yield cls(target.ref, wanted)

    def refusals(self, meta_graph: MetaGraph) -> Iterator[str]:
        """Without an object graph the loader decides by itself."""
        if meta_graph.object_graph is None:
            yield (
                f"{self.where}: the model has no object graph, so tf.saved_model.load decides by "
                "itself: it takes one input by position, and several by name only."
            )

    def apply(self, draft: MetaGraphDraft) -> None:
        """Sets what is to be allowed."""
        draft.put(replace(draft.signature(self.signature), positional=self.positional))

    def describe(self) -> str:
        """Returns for instance ``signature 'x': inputs also by position, in sorted order``."""
        also = "also by position, in the order of their argument names"
        return f"{self.where}: inputs {also if self.positional else 'by name only'}"


@dataclass(frozen=True)
class SetMethodName(SignatureEdit):
    """Sets `method_name`, by which TensorFlow Serving tells what requests a signature takes."""

    before: str
    to: str

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the patch names another method than the signature has."""
        before = target.signature_def.method_name
        if target.patch.HasField("method_name") and target.patch.method_name != before:
            yield cls(target.ref, before, target.patch.method_name)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Sets the method name."""
        draft.put(replace(draft.signature(self.signature), method_name=self.to))

    def describe(self) -> str:
        """Returns for instance ``signature 'x': method '' → 'tensorflow/serving/predict'``."""
        return f"{self.where}: method {self.before!r} → {self.to!r}"


@dataclass(frozen=True)
class SetTags(Edit):
    """Gives a MetaGraph another tag-set; both sorted."""

    before: tuple[str, ...]
    to: tuple[str, ...]

    @classmethod
    def from_patch(cls, meta_graph: MetaGraph, patch: protos.SavedModelPatch) -> Iterator[Edit]:
        """Wanted where the patch's ``set_tags`` are not those of the MetaGraph."""
        wanted = tag_set(patch.set_tags.tag)
        if patch.HasField("set_tags") and wanted != meta_graph.tags:
            yield cls(meta_graph.tags, wanted)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Sets the tags."""
        draft.tags = self.to

    def describe(self) -> str:
        """Returns for instance ``tags {serve} → {gpu, serve}``."""
        return f"tags {tag_set_text(self.before)} → {tag_set_text(self.to)}"


@dataclass(frozen=True)
class ReadExamples(SignatureEdit):
    """Has the inputs of a signature read from serialized tf.Examples."""

    examples: str

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the patch says ``examples``, and the signature has not been changed so."""
        if target.patch.HasField("examples") and not reads_examples(target):
            yield cls(target.ref, target.patch.examples)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Puts the input by which they are passed in the place of all others."""
        from sigpb.rewrite.examples import examples_port

        signature = draft.signature(self.signature)
        draft.put(replace(signature, examples=examples_port(self.examples)))

    def describe(self) -> str:
        """Returns for instance ``signature 'x': inputs read from tf.Examples in 'examples'``."""
        return f"{self.where}: inputs read from tf.Examples, which are passed in {self.examples!r}"

    def unchecked(self) -> Iterator[str]:
        """What was fed so far is computed, and what it is used for is not looked at."""
        yield f"what {self.where} computes from tf.Examples"


def reads_examples(target: SignatureTarget) -> bool:
    """Whether an earlier patch has had the inputs of a signature read from tf.Examples."""
    inputs, key = target.signature_def.inputs, target.patch.examples
    return (
        target.patch.HasField("examples")
        and list(inputs) == [key]
        and inputs[key].dtype == dtype_of("string")
        and inputs[key].name.startswith("sigpb/")
    )
