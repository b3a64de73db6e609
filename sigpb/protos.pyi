"""Types of the messages in ``proto/descriptors.binpb``. Written by tools/regenerate_protos.py."""

from collections.abc import Iterable, Mapping
from typing import ClassVar


from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.internal.containers import (
    MessageMap,
    RepeatedCompositeFieldContainer,
    RepeatedScalarFieldContainer,
    ScalarMap,
)
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message

POOL: DescriptorPool

def message_class(descriptor: Descriptor) -> type[Message]: ...

class Any(Message):
    TYPE_URL_FIELD_NUMBER: ClassVar[int]
    type_url: str
    VALUE_FIELD_NUMBER: ClassVar[int]
    value: bytes
    def __init__(self, *, type_url: str | None = ..., value: bytes | None = ...) -> None: ...
class DoubleValue(Message):
    VALUE_FIELD_NUMBER: ClassVar[int]
    value: float
    def __init__(self, *, value: float | None = ...) -> None: ...
class FloatValue(Message):
    VALUE_FIELD_NUMBER: ClassVar[int]
    value: float
    def __init__(self, *, value: float | None = ...) -> None: ...
class Int64Value(Message):
    VALUE_FIELD_NUMBER: ClassVar[int]
    value: int
    def __init__(self, *, value: int | None = ...) -> None: ...
class UInt64Value(Message):
    VALUE_FIELD_NUMBER: ClassVar[int]
    value: int
    def __init__(self, *, value: int | None = ...) -> None: ...
class Int32Value(Message):
    VALUE_FIELD_NUMBER: ClassVar[int]
    value: int
    def __init__(self, *, value: int | None = ...) -> None: ...
class UInt32Value(Message):
    VALUE_FIELD_NUMBER: ClassVar[int]
    value: int
    def __init__(self, *, value: int | None = ...) -> None: ...
class BoolValue(Message):
    VALUE_FIELD_NUMBER: ClassVar[int]
    value: bool
    def __init__(self, *, value: bool | None = ...) -> None: ...
class StringValue(Message):
    VALUE_FIELD_NUMBER: ClassVar[int]
    value: str
    def __init__(self, *, value: str | None = ...) -> None: ...
class BytesValue(Message):
    VALUE_FIELD_NUMBER: ClassVar[int]
    value: bytes
    def __init__(self, *, value: bytes | None = ...) -> None: ...
class LintPolicy(Message):
    SELECT_FIELD_NUMBER: ClassVar[int]
    @property
    def select(self) -> RepeatedScalarFieldContainer[str]: ...
    IGNORE_FIELD_NUMBER: ClassVar[int]
    @property
    def ignore(self) -> RepeatedScalarFieldContainer[str]: ...
    SEVERITY_FIELD_NUMBER: ClassVar[int]
    @property
    def severity(self) -> RepeatedCompositeFieldContainer[RuleSeverity]: ...
    SIGNATURE_FIELD_NUMBER: ClassVar[int]
    @property
    def signature(self) -> RepeatedCompositeFieldContainer[RequiredSignature]: ...
    def __init__(self, *, select: Iterable[str] | None = ..., ignore: Iterable[str] | None = ..., severity: Iterable[RuleSeverity] | None = ..., signature: Iterable[RequiredSignature] | None = ...) -> None: ...
class RuleSeverity(Message):
    RULE_FIELD_NUMBER: ClassVar[int]
    rule: str
    SEVERITY_FIELD_NUMBER: ClassVar[int]
    severity: str
    def __init__(self, *, rule: str | None = ..., severity: str | None = ...) -> None: ...
class RequiredSignature(Message):
    KEY_FIELD_NUMBER: ClassVar[int]
    key: str
    METHOD_NAME_FIELD_NUMBER: ClassVar[int]
    method_name: str
    INPUT_FIELD_NUMBER: ClassVar[int]
    @property
    def input(self) -> RepeatedCompositeFieldContainer[RequiredEndpoint]: ...
    OUTPUT_FIELD_NUMBER: ClassVar[int]
    @property
    def output(self) -> RepeatedCompositeFieldContainer[RequiredEndpoint]: ...
    NO_OTHERS_FIELD_NUMBER: ClassVar[int]
    no_others: bool
    def __init__(self, *, key: str | None = ..., method_name: str | None = ..., input: Iterable[RequiredEndpoint] | None = ..., output: Iterable[RequiredEndpoint] | None = ..., no_others: bool | None = ...) -> None: ...
class RequiredEndpoint(Message):
    KEY_FIELD_NUMBER: ClassVar[int]
    key: str
    DTYPE_FIELD_NUMBER: ClassVar[int]
    dtype: str
    SHAPE_FIELD_NUMBER: ClassVar[int]
    shape: str
    def __init__(self, *, key: str | None = ..., dtype: str | None = ..., shape: str | None = ...) -> None: ...
class SavedModelPatch(Message):
    ID_FIELD_NUMBER: ClassVar[int]
    id: str
    REASON_FIELD_NUMBER: ClassVar[int]
    reason: str
    TAGS_FIELD_NUMBER: ClassVar[int]
    @property
    def tags(self) -> TagSet: ...
    SET_TAGS_FIELD_NUMBER: ClassVar[int]
    @property
    def set_tags(self) -> TagSet: ...
    SIGNATURE_FIELD_NUMBER: ClassVar[int]
    @property
    def signature(self) -> RepeatedCompositeFieldContainer[SignaturePatch]: ...
    ONLY_FIELD_NUMBER: ClassVar[int]
    @property
    def only(self) -> ModelSelection: ...
    DROP_FIELD_NUMBER: ClassVar[int]
    drop: bool
    CLEAR_DEVICES_FIELD_NUMBER: ClassVar[int]
    clear_devices: bool
    SET_DEVICE_FIELD_NUMBER: ClassVar[int]
    set_device: str
    STRIP_DEFAULT_ATTRS_FIELD_NUMBER: ClassVar[int]
    strip_default_attrs: bool
    PRUNE_FIELD_NUMBER: ClassVar[int]
    prune: bool
    def __init__(self, *, id: str | None = ..., reason: str | None = ..., tags: TagSet | None = ..., set_tags: TagSet | None = ..., signature: Iterable[SignaturePatch] | None = ..., only: ModelSelection | None = ..., drop: bool | None = ..., clear_devices: bool | None = ..., set_device: str | None = ..., strip_default_attrs: bool | None = ..., prune: bool | None = ...) -> None: ...
class ModelSelection(Message):
    INCLUDE_FIELD_NUMBER: ClassVar[int]
    @property
    def include(self) -> RepeatedScalarFieldContainer[str]: ...
    EXCLUDE_FIELD_NUMBER: ClassVar[int]
    @property
    def exclude(self) -> RepeatedScalarFieldContainer[str]: ...
    VERSIONS_FIELD_NUMBER: ClassVar[int]
    versions: str
    HAS_SIGNATURE_FIELD_NUMBER: ClassVar[int]
    @property
    def has_signature(self) -> RepeatedScalarFieldContainer[str]: ...
    HAS_INPUT_FIELD_NUMBER: ClassVar[int]
    @property
    def has_input(self) -> RepeatedCompositeFieldContainer[InputCondition]: ...
    METHOD_FIELD_NUMBER: ClassVar[int]
    @property
    def method(self) -> RepeatedScalarFieldContainer[str]: ...
    TAGS_FIELD_NUMBER: ClassVar[int]
    @property
    def tags(self) -> TagSet: ...
    TENSORFLOW_VERSION_FIELD_NUMBER: ClassVar[int]
    tensorflow_version: str
    def __init__(self, *, include: Iterable[str] | None = ..., exclude: Iterable[str] | None = ..., versions: str | None = ..., has_signature: Iterable[str] | None = ..., has_input: Iterable[InputCondition] | None = ..., method: Iterable[str] | None = ..., tags: TagSet | None = ..., tensorflow_version: str | None = ...) -> None: ...
class InputCondition(Message):
    KEY_FIELD_NUMBER: ClassVar[int]
    key: str
    DTYPE_FIELD_NUMBER: ClassVar[int]
    dtype: str
    SHAPE_FIELD_NUMBER: ClassVar[int]
    shape: str
    def __init__(self, *, key: str | None = ..., dtype: str | None = ..., shape: str | None = ...) -> None: ...
class TagSet(Message):
    TAG_FIELD_NUMBER: ClassVar[int]
    @property
    def tag(self) -> RepeatedScalarFieldContainer[str]: ...
    def __init__(self, *, tag: Iterable[str] | None = ...) -> None: ...
class SignaturePatch(Message):
    KEY_FIELD_NUMBER: ClassVar[int]
    key: str
    RENAME_TO_FIELD_NUMBER: ClassVar[int]
    rename_to: str
    COPY_OF_FIELD_NUMBER: ClassVar[int]
    copy_of: str
    METHOD_NAME_FIELD_NUMBER: ClassVar[int]
    method_name: str
    DROP_FIELD_NUMBER: ClassVar[int]
    drop: bool
    INPUT_FIELD_NUMBER: ClassVar[int]
    @property
    def input(self) -> RepeatedCompositeFieldContainer[EndpointPatch]: ...
    OUTPUT_FIELD_NUMBER: ClassVar[int]
    @property
    def output(self) -> RepeatedCompositeFieldContainer[EndpointPatch]: ...
    BATCH_SIZE_FIELD_NUMBER: ClassVar[int]
    batch_size: str
    FROM_FUNCTION_FIELD_NUMBER: ClassVar[int]
    from_function: str
    POSITIONAL_FIELD_NUMBER: ClassVar[int]
    positional: bool
    CREATE_FIELD_NUMBER: ClassVar[int]
    create: bool
    EXAMPLES_FIELD_NUMBER: ClassVar[int]
    examples: str
    KEY_PATTERN_FIELD_NUMBER: ClassVar[int]
    key_pattern: str
    BEFORE_FIELD_NUMBER: ClassVar[int]
    @property
    def before(self) -> RepeatedCompositeFieldContainer[Graft]: ...
    AFTER_FIELD_NUMBER: ClassVar[int]
    @property
    def after(self) -> RepeatedCompositeFieldContainer[Graft]: ...
    UNGRAFT_FIELD_NUMBER: ClassVar[int]
    @property
    def ungraft(self) -> RepeatedScalarFieldContainer[str]: ...
    def __init__(self, *, key: str | None = ..., rename_to: str | None = ..., copy_of: str | None = ..., method_name: str | None = ..., drop: bool | None = ..., input: Iterable[EndpointPatch] | None = ..., output: Iterable[EndpointPatch] | None = ..., batch_size: str | None = ..., from_function: str | None = ..., positional: bool | None = ..., create: bool | None = ..., examples: str | None = ..., key_pattern: str | None = ..., before: Iterable[Graft] | None = ..., after: Iterable[Graft] | None = ..., ungraft: Iterable[str] | None = ...) -> None: ...
class Graft(Message):
    MODEL_FIELD_NUMBER: ClassVar[int]
    model: str
    SIGNATURE_FIELD_NUMBER: ClassVar[int]
    signature: str
    MAP_FIELD_NUMBER: ClassVar[int]
    @property
    def map(self) -> RepeatedCompositeFieldContainer[KeyPair]: ...
    FREEZE_FIELD_NUMBER: ClassVar[int]
    freeze: bool
    TAGS_FIELD_NUMBER: ClassVar[int]
    @property
    def tags(self) -> TagSet: ...
    DIGEST_FIELD_NUMBER: ClassVar[int]
    digest: str
    def __init__(self, *, model: str | None = ..., signature: str | None = ..., map: Iterable[KeyPair] | None = ..., freeze: bool | None = ..., tags: TagSet | None = ..., digest: str | None = ...) -> None: ...
class KeyPair(Message):
    FROM_FIELD_NUMBER: ClassVar[int]
    TO_FIELD_NUMBER: ClassVar[int]
    to: str
    def __init__(self, *, to: str | None = ...) -> None: ...
class EndpointPatch(Message):
    KEY_FIELD_NUMBER: ClassVar[int]
    key: str
    RENAME_TO_FIELD_NUMBER: ClassVar[int]
    rename_to: str
    DTYPE_FIELD_NUMBER: ClassVar[int]
    dtype: str
    SHAPE_FIELD_NUMBER: ClassVar[int]
    shape: str
    DROP_FIELD_NUMBER: ClassVar[int]
    drop: bool
    BIND_FIELD_NUMBER: ClassVar[int]
    bind: str
    DEFAULT_FIELD_NUMBER: ClassVar[int]
    default: str
    FROM_TENSOR_FIELD_NUMBER: ClassVar[int]
    from_tensor: str
    RESHAPE_FIELD_NUMBER: ClassVar[int]
    reshape: bool
    STEP_FIELD_NUMBER: ClassVar[int]
    @property
    def step(self) -> RepeatedScalarFieldContainer[str]: ...
    FROM_OUTPUT_FIELD_NUMBER: ClassVar[int]
    from_output: str
    FROM_INPUT_FIELD_NUMBER: ClassVar[int]
    from_input: str
    ADD_FIELD_NUMBER: ClassVar[int]
    add: bool
    NODE_NAME_FIELD_NUMBER: ClassVar[int]
    node_name: str
    KEY_PATTERN_FIELD_NUMBER: ClassVar[int]
    key_pattern: str
    def __init__(self, *, key: str | None = ..., rename_to: str | None = ..., dtype: str | None = ..., shape: str | None = ..., drop: bool | None = ..., bind: str | None = ..., default: str | None = ..., from_tensor: str | None = ..., reshape: bool | None = ..., step: Iterable[str] | None = ..., from_output: str | None = ..., from_input: str | None = ..., add: bool | None = ..., node_name: str | None = ..., key_pattern: str | None = ...) -> None: ...
class Example(Message):
    FEATURES_FIELD_NUMBER: ClassVar[int]
    @property
    def features(self) -> Features: ...
    def __init__(self, *, features: Features | None = ...) -> None: ...
class SequenceExample(Message):
    CONTEXT_FIELD_NUMBER: ClassVar[int]
    @property
    def context(self) -> Features: ...
    FEATURE_LISTS_FIELD_NUMBER: ClassVar[int]
    @property
    def feature_lists(self) -> FeatureLists: ...
    def __init__(self, *, context: Features | None = ..., feature_lists: FeatureLists | None = ...) -> None: ...
class BytesList(Message):
    VALUE_FIELD_NUMBER: ClassVar[int]
    @property
    def value(self) -> RepeatedScalarFieldContainer[bytes]: ...
    def __init__(self, *, value: Iterable[bytes] | None = ...) -> None: ...
class FloatList(Message):
    VALUE_FIELD_NUMBER: ClassVar[int]
    @property
    def value(self) -> RepeatedScalarFieldContainer[float]: ...
    def __init__(self, *, value: Iterable[float] | None = ...) -> None: ...
class Int64List(Message):
    VALUE_FIELD_NUMBER: ClassVar[int]
    @property
    def value(self) -> RepeatedScalarFieldContainer[int]: ...
    def __init__(self, *, value: Iterable[int] | None = ...) -> None: ...
class Feature(Message):
    BYTES_LIST_FIELD_NUMBER: ClassVar[int]
    @property
    def bytes_list(self) -> BytesList: ...
    FLOAT_LIST_FIELD_NUMBER: ClassVar[int]
    @property
    def float_list(self) -> FloatList: ...
    INT64_LIST_FIELD_NUMBER: ClassVar[int]
    @property
    def int64_list(self) -> Int64List: ...
    def __init__(self, *, bytes_list: BytesList | None = ..., float_list: FloatList | None = ..., int64_list: Int64List | None = ...) -> None: ...
class Features(Message):
    FEATURE_FIELD_NUMBER: ClassVar[int]
    @property
    def feature(self) -> MessageMap[str, Feature]: ...
    def __init__(self, *, feature: Mapping[str, Feature] | None = ...) -> None: ...
class FeatureList(Message):
    FEATURE_FIELD_NUMBER: ClassVar[int]
    @property
    def feature(self) -> RepeatedCompositeFieldContainer[Feature]: ...
    def __init__(self, *, feature: Iterable[Feature] | None = ...) -> None: ...
class FeatureLists(Message):
    FEATURE_LIST_FIELD_NUMBER: ClassVar[int]
    @property
    def feature_list(self) -> MessageMap[str, FeatureList]: ...
    def __init__(self, *, feature_list: Mapping[str, FeatureList] | None = ...) -> None: ...
class AllocationDescription(Message):
    REQUESTED_BYTES_FIELD_NUMBER: ClassVar[int]
    requested_bytes: int
    ALLOCATED_BYTES_FIELD_NUMBER: ClassVar[int]
    allocated_bytes: int
    ALLOCATOR_NAME_FIELD_NUMBER: ClassVar[int]
    allocator_name: str
    ALLOCATION_ID_FIELD_NUMBER: ClassVar[int]
    allocation_id: int
    HAS_SINGLE_REFERENCE_FIELD_NUMBER: ClassVar[int]
    has_single_reference: bool
    PTR_FIELD_NUMBER: ClassVar[int]
    ptr: int
    def __init__(self, *, requested_bytes: int | None = ..., allocated_bytes: int | None = ..., allocator_name: str | None = ..., allocation_id: int | None = ..., has_single_reference: bool | None = ..., ptr: int | None = ...) -> None: ...
class AttrValue(Message):
    class ListValue(Message):
        S_FIELD_NUMBER: ClassVar[int]
        @property
        def s(self) -> RepeatedScalarFieldContainer[bytes]: ...
        I_FIELD_NUMBER: ClassVar[int]
        @property
        def i(self) -> RepeatedScalarFieldContainer[int]: ...
        F_FIELD_NUMBER: ClassVar[int]
        @property
        def f(self) -> RepeatedScalarFieldContainer[float]: ...
        B_FIELD_NUMBER: ClassVar[int]
        @property
        def b(self) -> RepeatedScalarFieldContainer[bool]: ...
        TYPE_FIELD_NUMBER: ClassVar[int]
        @property
        def type(self) -> RepeatedScalarFieldContainer[int]: ...
        SHAPE_FIELD_NUMBER: ClassVar[int]
        @property
        def shape(self) -> RepeatedCompositeFieldContainer[TensorShapeProto]: ...
        TENSOR_FIELD_NUMBER: ClassVar[int]
        @property
        def tensor(self) -> RepeatedCompositeFieldContainer[TensorProto]: ...
        FUNC_FIELD_NUMBER: ClassVar[int]
        @property
        def func(self) -> RepeatedCompositeFieldContainer[NameAttrList]: ...
        def __init__(self, *, s: Iterable[bytes] | None = ..., i: Iterable[int] | None = ..., f: Iterable[float] | None = ..., b: Iterable[bool] | None = ..., type: Iterable[int] | None = ..., shape: Iterable[TensorShapeProto] | None = ..., tensor: Iterable[TensorProto] | None = ..., func: Iterable[NameAttrList] | None = ...) -> None: ...
    S_FIELD_NUMBER: ClassVar[int]
    s: bytes
    I_FIELD_NUMBER: ClassVar[int]
    i: int
    F_FIELD_NUMBER: ClassVar[int]
    f: float
    B_FIELD_NUMBER: ClassVar[int]
    b: bool
    TYPE_FIELD_NUMBER: ClassVar[int]
    type: int
    SHAPE_FIELD_NUMBER: ClassVar[int]
    @property
    def shape(self) -> TensorShapeProto: ...
    TENSOR_FIELD_NUMBER: ClassVar[int]
    @property
    def tensor(self) -> TensorProto: ...
    LIST_FIELD_NUMBER: ClassVar[int]
    @property
    def list(self) -> AttrValue.ListValue: ...
    FUNC_FIELD_NUMBER: ClassVar[int]
    @property
    def func(self) -> NameAttrList: ...
    PLACEHOLDER_FIELD_NUMBER: ClassVar[int]
    placeholder: str
    def __init__(self, *, s: bytes | None = ..., i: int | None = ..., f: float | None = ..., b: bool | None = ..., type: int | None = ..., shape: TensorShapeProto | None = ..., tensor: TensorProto | None = ..., list: AttrValue.ListValue | None = ..., func: NameAttrList | None = ..., placeholder: str | None = ...) -> None: ...
class NameAttrList(Message):
    NAME_FIELD_NUMBER: ClassVar[int]
    name: str
    ATTR_FIELD_NUMBER: ClassVar[int]
    @property
    def attr(self) -> MessageMap[str, AttrValue]: ...
    def __init__(self, *, name: str | None = ..., attr: Mapping[str, AttrValue] | None = ...) -> None: ...
class CostGraphDef(Message):
    class Node(Message):
        class InputInfo(Message):
            PRECEDING_NODE_FIELD_NUMBER: ClassVar[int]
            preceding_node: int
            PRECEDING_PORT_FIELD_NUMBER: ClassVar[int]
            preceding_port: int
            def __init__(self, *, preceding_node: int | None = ..., preceding_port: int | None = ...) -> None: ...
        class OutputInfo(Message):
            SIZE_FIELD_NUMBER: ClassVar[int]
            size: int
            ALIAS_INPUT_PORT_FIELD_NUMBER: ClassVar[int]
            alias_input_port: int
            SHAPE_FIELD_NUMBER: ClassVar[int]
            @property
            def shape(self) -> TensorShapeProto: ...
            DTYPE_FIELD_NUMBER: ClassVar[int]
            dtype: int
            def __init__(self, *, size: int | None = ..., alias_input_port: int | None = ..., shape: TensorShapeProto | None = ..., dtype: int | None = ...) -> None: ...
        NAME_FIELD_NUMBER: ClassVar[int]
        name: str
        DEVICE_FIELD_NUMBER: ClassVar[int]
        device: str
        ID_FIELD_NUMBER: ClassVar[int]
        id: int
        INPUT_INFO_FIELD_NUMBER: ClassVar[int]
        @property
        def input_info(self) -> RepeatedCompositeFieldContainer[CostGraphDef.Node.InputInfo]: ...
        OUTPUT_INFO_FIELD_NUMBER: ClassVar[int]
        @property
        def output_info(self) -> RepeatedCompositeFieldContainer[CostGraphDef.Node.OutputInfo]: ...
        TEMPORARY_MEMORY_SIZE_FIELD_NUMBER: ClassVar[int]
        temporary_memory_size: int
        PERSISTENT_MEMORY_SIZE_FIELD_NUMBER: ClassVar[int]
        persistent_memory_size: int
        HOST_TEMP_MEMORY_SIZE_FIELD_NUMBER: ClassVar[int]
        host_temp_memory_size: int
        DEVICE_TEMP_MEMORY_SIZE_FIELD_NUMBER: ClassVar[int]
        device_temp_memory_size: int
        DEVICE_PERSISTENT_MEMORY_SIZE_FIELD_NUMBER: ClassVar[int]
        device_persistent_memory_size: int
        COMPUTE_COST_FIELD_NUMBER: ClassVar[int]
        compute_cost: int
        COMPUTE_TIME_FIELD_NUMBER: ClassVar[int]
        compute_time: int
        MEMORY_TIME_FIELD_NUMBER: ClassVar[int]
        memory_time: int
        IS_FINAL_FIELD_NUMBER: ClassVar[int]
        is_final: bool
        CONTROL_INPUT_FIELD_NUMBER: ClassVar[int]
        @property
        def control_input(self) -> RepeatedScalarFieldContainer[int]: ...
        INACCURATE_FIELD_NUMBER: ClassVar[int]
        inaccurate: bool
        def __init__(self, *, name: str | None = ..., device: str | None = ..., id: int | None = ..., input_info: Iterable[CostGraphDef.Node.InputInfo] | None = ..., output_info: Iterable[CostGraphDef.Node.OutputInfo] | None = ..., temporary_memory_size: int | None = ..., persistent_memory_size: int | None = ..., host_temp_memory_size: int | None = ..., device_temp_memory_size: int | None = ..., device_persistent_memory_size: int | None = ..., compute_cost: int | None = ..., compute_time: int | None = ..., memory_time: int | None = ..., is_final: bool | None = ..., control_input: Iterable[int] | None = ..., inaccurate: bool | None = ...) -> None: ...
    class AggregatedCost(Message):
        COST_FIELD_NUMBER: ClassVar[int]
        cost: float
        DIMENSION_FIELD_NUMBER: ClassVar[int]
        dimension: str
        def __init__(self, *, cost: float | None = ..., dimension: str | None = ...) -> None: ...
    NODE_FIELD_NUMBER: ClassVar[int]
    @property
    def node(self) -> RepeatedCompositeFieldContainer[CostGraphDef.Node]: ...
    COST_FIELD_NUMBER: ClassVar[int]
    @property
    def cost(self) -> RepeatedCompositeFieldContainer[CostGraphDef.AggregatedCost]: ...
    def __init__(self, *, node: Iterable[CostGraphDef.Node] | None = ..., cost: Iterable[CostGraphDef.AggregatedCost] | None = ...) -> None: ...
FullTypeId: EnumTypeWrapper
class FullTypeDef(Message):
    TYPE_ID_FIELD_NUMBER: ClassVar[int]
    type_id: int
    ARGS_FIELD_NUMBER: ClassVar[int]
    @property
    def args(self) -> RepeatedCompositeFieldContainer[FullTypeDef]: ...
    S_FIELD_NUMBER: ClassVar[int]
    s: str
    I_FIELD_NUMBER: ClassVar[int]
    i: int
    def __init__(self, *, type_id: int | None = ..., args: Iterable[FullTypeDef] | None = ..., s: str | None = ..., i: int | None = ...) -> None: ...
class FunctionDefLibrary(Message):
    FUNCTION_FIELD_NUMBER: ClassVar[int]
    @property
    def function(self) -> RepeatedCompositeFieldContainer[FunctionDef]: ...
    GRADIENT_FIELD_NUMBER: ClassVar[int]
    @property
    def gradient(self) -> RepeatedCompositeFieldContainer[GradientDef]: ...
    REGISTERED_GRADIENTS_FIELD_NUMBER: ClassVar[int]
    @property
    def registered_gradients(self) -> RepeatedCompositeFieldContainer[RegisteredGradient]: ...
    def __init__(self, *, function: Iterable[FunctionDef] | None = ..., gradient: Iterable[GradientDef] | None = ..., registered_gradients: Iterable[RegisteredGradient] | None = ...) -> None: ...
class FunctionDef(Message):
    class ArgAttrs(Message):
        ATTR_FIELD_NUMBER: ClassVar[int]
        @property
        def attr(self) -> MessageMap[str, AttrValue]: ...
        def __init__(self, *, attr: Mapping[str, AttrValue] | None = ...) -> None: ...
    SIGNATURE_FIELD_NUMBER: ClassVar[int]
    @property
    def signature(self) -> OpDef: ...
    ATTR_FIELD_NUMBER: ClassVar[int]
    @property
    def attr(self) -> MessageMap[str, AttrValue]: ...
    ARG_ATTR_FIELD_NUMBER: ClassVar[int]
    @property
    def arg_attr(self) -> MessageMap[int, FunctionDef.ArgAttrs]: ...
    RESOURCE_ARG_UNIQUE_ID_FIELD_NUMBER: ClassVar[int]
    @property
    def resource_arg_unique_id(self) -> ScalarMap[int, int]: ...
    NODE_DEF_FIELD_NUMBER: ClassVar[int]
    @property
    def node_def(self) -> RepeatedCompositeFieldContainer[NodeDef]: ...
    RET_FIELD_NUMBER: ClassVar[int]
    @property
    def ret(self) -> ScalarMap[str, str]: ...
    CONTROL_RET_FIELD_NUMBER: ClassVar[int]
    @property
    def control_ret(self) -> ScalarMap[str, str]: ...
    def __init__(self, *, signature: OpDef | None = ..., attr: Mapping[str, AttrValue] | None = ..., arg_attr: Mapping[int, FunctionDef.ArgAttrs] | None = ..., resource_arg_unique_id: Mapping[int, int] | None = ..., node_def: Iterable[NodeDef] | None = ..., ret: Mapping[str, str] | None = ..., control_ret: Mapping[str, str] | None = ...) -> None: ...
class GradientDef(Message):
    FUNCTION_NAME_FIELD_NUMBER: ClassVar[int]
    function_name: str
    GRADIENT_FUNC_FIELD_NUMBER: ClassVar[int]
    gradient_func: str
    def __init__(self, *, function_name: str | None = ..., gradient_func: str | None = ...) -> None: ...
class RegisteredGradient(Message):
    GRADIENT_FUNC_FIELD_NUMBER: ClassVar[int]
    gradient_func: str
    REGISTERED_OP_TYPE_FIELD_NUMBER: ClassVar[int]
    registered_op_type: str
    def __init__(self, *, gradient_func: str | None = ..., registered_op_type: str | None = ...) -> None: ...
class GraphDef(Message):
    NODE_FIELD_NUMBER: ClassVar[int]
    @property
    def node(self) -> RepeatedCompositeFieldContainer[NodeDef]: ...
    VERSIONS_FIELD_NUMBER: ClassVar[int]
    @property
    def versions(self) -> VersionDef: ...
    VERSION_FIELD_NUMBER: ClassVar[int]
    version: int
    LIBRARY_FIELD_NUMBER: ClassVar[int]
    @property
    def library(self) -> FunctionDefLibrary: ...
    DEBUG_INFO_FIELD_NUMBER: ClassVar[int]
    @property
    def debug_info(self) -> GraphDebugInfo: ...
    def __init__(self, *, node: Iterable[NodeDef] | None = ..., versions: VersionDef | None = ..., version: int | None = ..., library: FunctionDefLibrary | None = ..., debug_info: GraphDebugInfo | None = ...) -> None: ...
class GraphDebugInfo(Message):
    class FileLineCol(Message):
        FILE_INDEX_FIELD_NUMBER: ClassVar[int]
        file_index: int
        LINE_FIELD_NUMBER: ClassVar[int]
        line: int
        COL_FIELD_NUMBER: ClassVar[int]
        col: int
        FUNC_FIELD_NUMBER: ClassVar[int]
        func: str
        CODE_FIELD_NUMBER: ClassVar[int]
        code: str
        def __init__(self, *, file_index: int | None = ..., line: int | None = ..., col: int | None = ..., func: str | None = ..., code: str | None = ...) -> None: ...
    class StackTrace(Message):
        FILE_LINE_COLS_FIELD_NUMBER: ClassVar[int]
        @property
        def file_line_cols(self) -> RepeatedCompositeFieldContainer[GraphDebugInfo.FileLineCol]: ...
        FRAME_ID_FIELD_NUMBER: ClassVar[int]
        @property
        def frame_id(self) -> RepeatedScalarFieldContainer[int]: ...
        def __init__(self, *, file_line_cols: Iterable[GraphDebugInfo.FileLineCol] | None = ..., frame_id: Iterable[int] | None = ...) -> None: ...
    FILES_FIELD_NUMBER: ClassVar[int]
    @property
    def files(self) -> RepeatedScalarFieldContainer[str]: ...
    FRAMES_BY_ID_FIELD_NUMBER: ClassVar[int]
    @property
    def frames_by_id(self) -> MessageMap[int, GraphDebugInfo.FileLineCol]: ...
    TRACES_BY_ID_FIELD_NUMBER: ClassVar[int]
    @property
    def traces_by_id(self) -> MessageMap[int, GraphDebugInfo.StackTrace]: ...
    TRACES_FIELD_NUMBER: ClassVar[int]
    @property
    def traces(self) -> MessageMap[str, GraphDebugInfo.StackTrace]: ...
    NAME_TO_TRACE_ID_FIELD_NUMBER: ClassVar[int]
    @property
    def name_to_trace_id(self) -> ScalarMap[str, int]: ...
    def __init__(self, *, files: Iterable[str] | None = ..., frames_by_id: Mapping[int, GraphDebugInfo.FileLineCol] | None = ..., traces_by_id: Mapping[int, GraphDebugInfo.StackTrace] | None = ..., traces: Mapping[str, GraphDebugInfo.StackTrace] | None = ..., name_to_trace_id: Mapping[str, int] | None = ...) -> None: ...
class NodeDef(Message):
    class ExperimentalDebugInfo(Message):
        ORIGINAL_NODE_NAMES_FIELD_NUMBER: ClassVar[int]
        @property
        def original_node_names(self) -> RepeatedScalarFieldContainer[str]: ...
        ORIGINAL_FUNC_NAMES_FIELD_NUMBER: ClassVar[int]
        @property
        def original_func_names(self) -> RepeatedScalarFieldContainer[str]: ...
        def __init__(self, *, original_node_names: Iterable[str] | None = ..., original_func_names: Iterable[str] | None = ...) -> None: ...
    NAME_FIELD_NUMBER: ClassVar[int]
    name: str
    OP_FIELD_NUMBER: ClassVar[int]
    op: str
    INPUT_FIELD_NUMBER: ClassVar[int]
    @property
    def input(self) -> RepeatedScalarFieldContainer[str]: ...
    DEVICE_FIELD_NUMBER: ClassVar[int]
    device: str
    ATTR_FIELD_NUMBER: ClassVar[int]
    @property
    def attr(self) -> MessageMap[str, AttrValue]: ...
    EXPERIMENTAL_DEBUG_INFO_FIELD_NUMBER: ClassVar[int]
    @property
    def experimental_debug_info(self) -> NodeDef.ExperimentalDebugInfo: ...
    EXPERIMENTAL_TYPE_FIELD_NUMBER: ClassVar[int]
    @property
    def experimental_type(self) -> FullTypeDef: ...
    def __init__(self, *, name: str | None = ..., op: str | None = ..., input: Iterable[str] | None = ..., device: str | None = ..., attr: Mapping[str, AttrValue] | None = ..., experimental_debug_info: NodeDef.ExperimentalDebugInfo | None = ..., experimental_type: FullTypeDef | None = ...) -> None: ...
class OpDef(Message):
    class ArgDef(Message):
        NAME_FIELD_NUMBER: ClassVar[int]
        name: str
        DESCRIPTION_FIELD_NUMBER: ClassVar[int]
        description: str
        TYPE_FIELD_NUMBER: ClassVar[int]
        type: int
        TYPE_ATTR_FIELD_NUMBER: ClassVar[int]
        type_attr: str
        NUMBER_ATTR_FIELD_NUMBER: ClassVar[int]
        number_attr: str
        TYPE_LIST_ATTR_FIELD_NUMBER: ClassVar[int]
        type_list_attr: str
        HANDLE_DATA_FIELD_NUMBER: ClassVar[int]
        @property
        def handle_data(self) -> RepeatedCompositeFieldContainer[ResourceHandleProto.DtypeAndShape]: ...
        IS_REF_FIELD_NUMBER: ClassVar[int]
        is_ref: bool
        EXPERIMENTAL_FULL_TYPE_FIELD_NUMBER: ClassVar[int]
        @property
        def experimental_full_type(self) -> FullTypeDef: ...
        def __init__(self, *, name: str | None = ..., description: str | None = ..., type: int | None = ..., type_attr: str | None = ..., number_attr: str | None = ..., type_list_attr: str | None = ..., handle_data: Iterable[ResourceHandleProto.DtypeAndShape] | None = ..., is_ref: bool | None = ..., experimental_full_type: FullTypeDef | None = ...) -> None: ...
    class AttrDef(Message):
        NAME_FIELD_NUMBER: ClassVar[int]
        name: str
        TYPE_FIELD_NUMBER: ClassVar[int]
        type: str
        DEFAULT_VALUE_FIELD_NUMBER: ClassVar[int]
        @property
        def default_value(self) -> AttrValue: ...
        DESCRIPTION_FIELD_NUMBER: ClassVar[int]
        description: str
        HAS_MINIMUM_FIELD_NUMBER: ClassVar[int]
        has_minimum: bool
        MINIMUM_FIELD_NUMBER: ClassVar[int]
        minimum: int
        ALLOWED_VALUES_FIELD_NUMBER: ClassVar[int]
        @property
        def allowed_values(self) -> AttrValue: ...
        def __init__(self, *, name: str | None = ..., type: str | None = ..., default_value: AttrValue | None = ..., description: str | None = ..., has_minimum: bool | None = ..., minimum: int | None = ..., allowed_values: AttrValue | None = ...) -> None: ...
    NAME_FIELD_NUMBER: ClassVar[int]
    name: str
    INPUT_ARG_FIELD_NUMBER: ClassVar[int]
    @property
    def input_arg(self) -> RepeatedCompositeFieldContainer[OpDef.ArgDef]: ...
    OUTPUT_ARG_FIELD_NUMBER: ClassVar[int]
    @property
    def output_arg(self) -> RepeatedCompositeFieldContainer[OpDef.ArgDef]: ...
    CONTROL_OUTPUT_FIELD_NUMBER: ClassVar[int]
    @property
    def control_output(self) -> RepeatedScalarFieldContainer[str]: ...
    ATTR_FIELD_NUMBER: ClassVar[int]
    @property
    def attr(self) -> RepeatedCompositeFieldContainer[OpDef.AttrDef]: ...
    DEPRECATION_FIELD_NUMBER: ClassVar[int]
    @property
    def deprecation(self) -> OpDeprecation: ...
    SUMMARY_FIELD_NUMBER: ClassVar[int]
    summary: str
    DESCRIPTION_FIELD_NUMBER: ClassVar[int]
    description: str
    IS_COMMUTATIVE_FIELD_NUMBER: ClassVar[int]
    is_commutative: bool
    IS_AGGREGATE_FIELD_NUMBER: ClassVar[int]
    is_aggregate: bool
    IS_STATEFUL_FIELD_NUMBER: ClassVar[int]
    is_stateful: bool
    ALLOWS_UNINITIALIZED_INPUT_FIELD_NUMBER: ClassVar[int]
    allows_uninitialized_input: bool
    IS_DISTRIBUTED_COMMUNICATION_FIELD_NUMBER: ClassVar[int]
    is_distributed_communication: bool
    def __init__(self, *, name: str | None = ..., input_arg: Iterable[OpDef.ArgDef] | None = ..., output_arg: Iterable[OpDef.ArgDef] | None = ..., control_output: Iterable[str] | None = ..., attr: Iterable[OpDef.AttrDef] | None = ..., deprecation: OpDeprecation | None = ..., summary: str | None = ..., description: str | None = ..., is_commutative: bool | None = ..., is_aggregate: bool | None = ..., is_stateful: bool | None = ..., allows_uninitialized_input: bool | None = ..., is_distributed_communication: bool | None = ...) -> None: ...
class OpDeprecation(Message):
    VERSION_FIELD_NUMBER: ClassVar[int]
    version: int
    EXPLANATION_FIELD_NUMBER: ClassVar[int]
    explanation: str
    def __init__(self, *, version: int | None = ..., explanation: str | None = ...) -> None: ...
class OpList(Message):
    OP_FIELD_NUMBER: ClassVar[int]
    @property
    def op(self) -> RepeatedCompositeFieldContainer[OpDef]: ...
    def __init__(self, *, op: Iterable[OpDef] | None = ...) -> None: ...
class ResourceHandleProto(Message):
    class DtypeAndShape(Message):
        DTYPE_FIELD_NUMBER: ClassVar[int]
        dtype: int
        SHAPE_FIELD_NUMBER: ClassVar[int]
        @property
        def shape(self) -> TensorShapeProto: ...
        def __init__(self, *, dtype: int | None = ..., shape: TensorShapeProto | None = ...) -> None: ...
    DEVICE_FIELD_NUMBER: ClassVar[int]
    device: str
    CONTAINER_FIELD_NUMBER: ClassVar[int]
    container: str
    NAME_FIELD_NUMBER: ClassVar[int]
    name: str
    HASH_CODE_FIELD_NUMBER: ClassVar[int]
    hash_code: int
    MAYBE_TYPE_NAME_FIELD_NUMBER: ClassVar[int]
    maybe_type_name: str
    DTYPES_AND_SHAPES_FIELD_NUMBER: ClassVar[int]
    @property
    def dtypes_and_shapes(self) -> RepeatedCompositeFieldContainer[ResourceHandleProto.DtypeAndShape]: ...
    def __init__(self, *, device: str | None = ..., container: str | None = ..., name: str | None = ..., hash_code: int | None = ..., maybe_type_name: str | None = ..., dtypes_and_shapes: Iterable[ResourceHandleProto.DtypeAndShape] | None = ...) -> None: ...
class AllocationRecord(Message):
    ALLOC_MICROS_FIELD_NUMBER: ClassVar[int]
    alloc_micros: int
    ALLOC_BYTES_FIELD_NUMBER: ClassVar[int]
    alloc_bytes: int
    def __init__(self, *, alloc_micros: int | None = ..., alloc_bytes: int | None = ...) -> None: ...
class AllocatorMemoryUsed(Message):
    ALLOCATOR_NAME_FIELD_NUMBER: ClassVar[int]
    allocator_name: str
    TOTAL_BYTES_FIELD_NUMBER: ClassVar[int]
    total_bytes: int
    PEAK_BYTES_FIELD_NUMBER: ClassVar[int]
    peak_bytes: int
    LIVE_BYTES_FIELD_NUMBER: ClassVar[int]
    live_bytes: int
    ALLOCATION_RECORDS_FIELD_NUMBER: ClassVar[int]
    @property
    def allocation_records(self) -> RepeatedCompositeFieldContainer[AllocationRecord]: ...
    ALLOCATOR_BYTES_IN_USE_FIELD_NUMBER: ClassVar[int]
    allocator_bytes_in_use: int
    def __init__(self, *, allocator_name: str | None = ..., total_bytes: int | None = ..., peak_bytes: int | None = ..., live_bytes: int | None = ..., allocation_records: Iterable[AllocationRecord] | None = ..., allocator_bytes_in_use: int | None = ...) -> None: ...
class NodeOutput(Message):
    SLOT_FIELD_NUMBER: ClassVar[int]
    slot: int
    TENSOR_DESCRIPTION_FIELD_NUMBER: ClassVar[int]
    @property
    def tensor_description(self) -> TensorDescription: ...
    def __init__(self, *, slot: int | None = ..., tensor_description: TensorDescription | None = ...) -> None: ...
class MemoryStats(Message):
    TEMP_MEMORY_SIZE_FIELD_NUMBER: ClassVar[int]
    temp_memory_size: int
    PERSISTENT_MEMORY_SIZE_FIELD_NUMBER: ClassVar[int]
    persistent_memory_size: int
    PERSISTENT_TENSOR_ALLOC_IDS_FIELD_NUMBER: ClassVar[int]
    @property
    def persistent_tensor_alloc_ids(self) -> RepeatedScalarFieldContainer[int]: ...
    DEVICE_TEMP_MEMORY_SIZE_FIELD_NUMBER: ClassVar[int]
    device_temp_memory_size: int
    DEVICE_PERSISTENT_MEMORY_SIZE_FIELD_NUMBER: ClassVar[int]
    device_persistent_memory_size: int
    DEVICE_PERSISTENT_TENSOR_ALLOC_IDS_FIELD_NUMBER: ClassVar[int]
    @property
    def device_persistent_tensor_alloc_ids(self) -> RepeatedScalarFieldContainer[int]: ...
    def __init__(self, *, temp_memory_size: int | None = ..., persistent_memory_size: int | None = ..., persistent_tensor_alloc_ids: Iterable[int] | None = ..., device_temp_memory_size: int | None = ..., device_persistent_memory_size: int | None = ..., device_persistent_tensor_alloc_ids: Iterable[int] | None = ...) -> None: ...
class NodeExecStats(Message):
    NODE_NAME_FIELD_NUMBER: ClassVar[int]
    node_name: str
    ALL_START_MICROS_FIELD_NUMBER: ClassVar[int]
    all_start_micros: int
    OP_START_REL_MICROS_FIELD_NUMBER: ClassVar[int]
    op_start_rel_micros: int
    OP_END_REL_MICROS_FIELD_NUMBER: ClassVar[int]
    op_end_rel_micros: int
    ALL_END_REL_MICROS_FIELD_NUMBER: ClassVar[int]
    all_end_rel_micros: int
    MEMORY_FIELD_NUMBER: ClassVar[int]
    @property
    def memory(self) -> RepeatedCompositeFieldContainer[AllocatorMemoryUsed]: ...
    OUTPUT_FIELD_NUMBER: ClassVar[int]
    @property
    def output(self) -> RepeatedCompositeFieldContainer[NodeOutput]: ...
    TIMELINE_LABEL_FIELD_NUMBER: ClassVar[int]
    timeline_label: str
    SCHEDULED_MICROS_FIELD_NUMBER: ClassVar[int]
    scheduled_micros: int
    THREAD_ID_FIELD_NUMBER: ClassVar[int]
    thread_id: int
    REFERENCED_TENSOR_FIELD_NUMBER: ClassVar[int]
    @property
    def referenced_tensor(self) -> RepeatedCompositeFieldContainer[AllocationDescription]: ...
    MEMORY_STATS_FIELD_NUMBER: ClassVar[int]
    @property
    def memory_stats(self) -> MemoryStats: ...
    ALL_START_NANOS_FIELD_NUMBER: ClassVar[int]
    all_start_nanos: int
    OP_START_REL_NANOS_FIELD_NUMBER: ClassVar[int]
    op_start_rel_nanos: int
    OP_END_REL_NANOS_FIELD_NUMBER: ClassVar[int]
    op_end_rel_nanos: int
    ALL_END_REL_NANOS_FIELD_NUMBER: ClassVar[int]
    all_end_rel_nanos: int
    SCHEDULED_NANOS_FIELD_NUMBER: ClassVar[int]
    scheduled_nanos: int
    def __init__(self, *, node_name: str | None = ..., all_start_micros: int | None = ..., op_start_rel_micros: int | None = ..., op_end_rel_micros: int | None = ..., all_end_rel_micros: int | None = ..., memory: Iterable[AllocatorMemoryUsed] | None = ..., output: Iterable[NodeOutput] | None = ..., timeline_label: str | None = ..., scheduled_micros: int | None = ..., thread_id: int | None = ..., referenced_tensor: Iterable[AllocationDescription] | None = ..., memory_stats: MemoryStats | None = ..., all_start_nanos: int | None = ..., op_start_rel_nanos: int | None = ..., op_end_rel_nanos: int | None = ..., all_end_rel_nanos: int | None = ..., scheduled_nanos: int | None = ...) -> None: ...
class DeviceStepStats(Message):
    DEVICE_FIELD_NUMBER: ClassVar[int]
    device: str
    NODE_STATS_FIELD_NUMBER: ClassVar[int]
    @property
    def node_stats(self) -> RepeatedCompositeFieldContainer[NodeExecStats]: ...
    THREAD_NAMES_FIELD_NUMBER: ClassVar[int]
    @property
    def thread_names(self) -> ScalarMap[int, str]: ...
    def __init__(self, *, device: str | None = ..., node_stats: Iterable[NodeExecStats] | None = ..., thread_names: Mapping[int, str] | None = ...) -> None: ...
class StepStats(Message):
    DEV_STATS_FIELD_NUMBER: ClassVar[int]
    @property
    def dev_stats(self) -> RepeatedCompositeFieldContainer[DeviceStepStats]: ...
    def __init__(self, *, dev_stats: Iterable[DeviceStepStats] | None = ...) -> None: ...
class TensorProto(Message):
    DTYPE_FIELD_NUMBER: ClassVar[int]
    dtype: int
    TENSOR_SHAPE_FIELD_NUMBER: ClassVar[int]
    @property
    def tensor_shape(self) -> TensorShapeProto: ...
    VERSION_NUMBER_FIELD_NUMBER: ClassVar[int]
    version_number: int
    TENSOR_CONTENT_FIELD_NUMBER: ClassVar[int]
    tensor_content: bytes
    HALF_VAL_FIELD_NUMBER: ClassVar[int]
    @property
    def half_val(self) -> RepeatedScalarFieldContainer[int]: ...
    FLOAT_VAL_FIELD_NUMBER: ClassVar[int]
    @property
    def float_val(self) -> RepeatedScalarFieldContainer[float]: ...
    DOUBLE_VAL_FIELD_NUMBER: ClassVar[int]
    @property
    def double_val(self) -> RepeatedScalarFieldContainer[float]: ...
    INT_VAL_FIELD_NUMBER: ClassVar[int]
    @property
    def int_val(self) -> RepeatedScalarFieldContainer[int]: ...
    STRING_VAL_FIELD_NUMBER: ClassVar[int]
    @property
    def string_val(self) -> RepeatedScalarFieldContainer[bytes]: ...
    SCOMPLEX_VAL_FIELD_NUMBER: ClassVar[int]
    @property
    def scomplex_val(self) -> RepeatedScalarFieldContainer[float]: ...
    INT64_VAL_FIELD_NUMBER: ClassVar[int]
    @property
    def int64_val(self) -> RepeatedScalarFieldContainer[int]: ...
    BOOL_VAL_FIELD_NUMBER: ClassVar[int]
    @property
    def bool_val(self) -> RepeatedScalarFieldContainer[bool]: ...
    DCOMPLEX_VAL_FIELD_NUMBER: ClassVar[int]
    @property
    def dcomplex_val(self) -> RepeatedScalarFieldContainer[float]: ...
    RESOURCE_HANDLE_VAL_FIELD_NUMBER: ClassVar[int]
    @property
    def resource_handle_val(self) -> RepeatedCompositeFieldContainer[ResourceHandleProto]: ...
    VARIANT_VAL_FIELD_NUMBER: ClassVar[int]
    @property
    def variant_val(self) -> RepeatedCompositeFieldContainer[VariantTensorDataProto]: ...
    UINT32_VAL_FIELD_NUMBER: ClassVar[int]
    @property
    def uint32_val(self) -> RepeatedScalarFieldContainer[int]: ...
    UINT64_VAL_FIELD_NUMBER: ClassVar[int]
    @property
    def uint64_val(self) -> RepeatedScalarFieldContainer[int]: ...
    FLOAT8_VAL_FIELD_NUMBER: ClassVar[int]
    float8_val: bytes
    def __init__(self, *, dtype: int | None = ..., tensor_shape: TensorShapeProto | None = ..., version_number: int | None = ..., tensor_content: bytes | None = ..., half_val: Iterable[int] | None = ..., float_val: Iterable[float] | None = ..., double_val: Iterable[float] | None = ..., int_val: Iterable[int] | None = ..., string_val: Iterable[bytes] | None = ..., scomplex_val: Iterable[float] | None = ..., int64_val: Iterable[int] | None = ..., bool_val: Iterable[bool] | None = ..., dcomplex_val: Iterable[float] | None = ..., resource_handle_val: Iterable[ResourceHandleProto] | None = ..., variant_val: Iterable[VariantTensorDataProto] | None = ..., uint32_val: Iterable[int] | None = ..., uint64_val: Iterable[int] | None = ..., float8_val: bytes | None = ...) -> None: ...
class VariantTensorDataProto(Message):
    TYPE_NAME_FIELD_NUMBER: ClassVar[int]
    type_name: str
    METADATA_FIELD_NUMBER: ClassVar[int]
    metadata: bytes
    TENSORS_FIELD_NUMBER: ClassVar[int]
    @property
    def tensors(self) -> RepeatedCompositeFieldContainer[TensorProto]: ...
    def __init__(self, *, type_name: str | None = ..., metadata: bytes | None = ..., tensors: Iterable[TensorProto] | None = ...) -> None: ...
class TensorDescription(Message):
    DTYPE_FIELD_NUMBER: ClassVar[int]
    dtype: int
    SHAPE_FIELD_NUMBER: ClassVar[int]
    @property
    def shape(self) -> TensorShapeProto: ...
    ALLOCATION_DESCRIPTION_FIELD_NUMBER: ClassVar[int]
    @property
    def allocation_description(self) -> AllocationDescription: ...
    def __init__(self, *, dtype: int | None = ..., shape: TensorShapeProto | None = ..., allocation_description: AllocationDescription | None = ...) -> None: ...
class TensorShapeProto(Message):
    class Dim(Message):
        SIZE_FIELD_NUMBER: ClassVar[int]
        size: int
        NAME_FIELD_NUMBER: ClassVar[int]
        name: str
        def __init__(self, *, size: int | None = ..., name: str | None = ...) -> None: ...
    DIM_FIELD_NUMBER: ClassVar[int]
    @property
    def dim(self) -> RepeatedCompositeFieldContainer[TensorShapeProto.Dim]: ...
    UNKNOWN_RANK_FIELD_NUMBER: ClassVar[int]
    unknown_rank: bool
    def __init__(self, *, dim: Iterable[TensorShapeProto.Dim] | None = ..., unknown_rank: bool | None = ...) -> None: ...
class TensorSliceProto(Message):
    class Extent(Message):
        START_FIELD_NUMBER: ClassVar[int]
        start: int
        LENGTH_FIELD_NUMBER: ClassVar[int]
        length: int
        def __init__(self, *, start: int | None = ..., length: int | None = ...) -> None: ...
    EXTENT_FIELD_NUMBER: ClassVar[int]
    @property
    def extent(self) -> RepeatedCompositeFieldContainer[TensorSliceProto.Extent]: ...
    def __init__(self, *, extent: Iterable[TensorSliceProto.Extent] | None = ...) -> None: ...
DataType: EnumTypeWrapper
class SerializedDType(Message):
    DATATYPE_FIELD_NUMBER: ClassVar[int]
    datatype: int
    def __init__(self, *, datatype: int | None = ...) -> None: ...
VariableSynchronization: EnumTypeWrapper
VariableAggregation: EnumTypeWrapper
class VariableDef(Message):
    VARIABLE_NAME_FIELD_NUMBER: ClassVar[int]
    variable_name: str
    INITIAL_VALUE_NAME_FIELD_NUMBER: ClassVar[int]
    initial_value_name: str
    INITIALIZER_NAME_FIELD_NUMBER: ClassVar[int]
    initializer_name: str
    SNAPSHOT_NAME_FIELD_NUMBER: ClassVar[int]
    snapshot_name: str
    SAVE_SLICE_INFO_DEF_FIELD_NUMBER: ClassVar[int]
    @property
    def save_slice_info_def(self) -> SaveSliceInfoDef: ...
    IS_RESOURCE_FIELD_NUMBER: ClassVar[int]
    is_resource: bool
    TRAINABLE_FIELD_NUMBER: ClassVar[int]
    trainable: bool
    SYNCHRONIZATION_FIELD_NUMBER: ClassVar[int]
    synchronization: int
    AGGREGATION_FIELD_NUMBER: ClassVar[int]
    aggregation: int
    def __init__(self, *, variable_name: str | None = ..., initial_value_name: str | None = ..., initializer_name: str | None = ..., snapshot_name: str | None = ..., save_slice_info_def: SaveSliceInfoDef | None = ..., is_resource: bool | None = ..., trainable: bool | None = ..., synchronization: int | None = ..., aggregation: int | None = ...) -> None: ...
class SaveSliceInfoDef(Message):
    FULL_NAME_FIELD_NUMBER: ClassVar[int]
    full_name: str
    FULL_SHAPE_FIELD_NUMBER: ClassVar[int]
    @property
    def full_shape(self) -> RepeatedScalarFieldContainer[int]: ...
    VAR_OFFSET_FIELD_NUMBER: ClassVar[int]
    @property
    def var_offset(self) -> RepeatedScalarFieldContainer[int]: ...
    VAR_SHAPE_FIELD_NUMBER: ClassVar[int]
    @property
    def var_shape(self) -> RepeatedScalarFieldContainer[int]: ...
    def __init__(self, *, full_name: str | None = ..., full_shape: Iterable[int] | None = ..., var_offset: Iterable[int] | None = ..., var_shape: Iterable[int] | None = ...) -> None: ...
class VersionDef(Message):
    PRODUCER_FIELD_NUMBER: ClassVar[int]
    producer: int
    MIN_CONSUMER_FIELD_NUMBER: ClassVar[int]
    min_consumer: int
    BAD_CONSUMERS_FIELD_NUMBER: ClassVar[int]
    @property
    def bad_consumers(self) -> RepeatedScalarFieldContainer[int]: ...
    def __init__(self, *, producer: int | None = ..., min_consumer: int | None = ..., bad_consumers: Iterable[int] | None = ...) -> None: ...
class JobDef(Message):
    NAME_FIELD_NUMBER: ClassVar[int]
    name: str
    TASKS_FIELD_NUMBER: ClassVar[int]
    @property
    def tasks(self) -> ScalarMap[int, str]: ...
    def __init__(self, *, name: str | None = ..., tasks: Mapping[int, str] | None = ...) -> None: ...
class ClusterDef(Message):
    JOB_FIELD_NUMBER: ClassVar[int]
    @property
    def job(self) -> RepeatedCompositeFieldContainer[JobDef]: ...
    def __init__(self, *, job: Iterable[JobDef] | None = ...) -> None: ...
class GPUOptions(Message):
    class Experimental(Message):
        class VirtualDevices(Message):
            MEMORY_LIMIT_MB_FIELD_NUMBER: ClassVar[int]
            @property
            def memory_limit_mb(self) -> RepeatedScalarFieldContainer[float]: ...
            PRIORITY_FIELD_NUMBER: ClassVar[int]
            @property
            def priority(self) -> RepeatedScalarFieldContainer[int]: ...
            DEVICE_ORDINAL_FIELD_NUMBER: ClassVar[int]
            @property
            def device_ordinal(self) -> RepeatedScalarFieldContainer[int]: ...
            def __init__(self, *, memory_limit_mb: Iterable[float] | None = ..., priority: Iterable[int] | None = ..., device_ordinal: Iterable[int] | None = ...) -> None: ...
        class StreamMergeOptions(Message):
            MERGE_HOST_TO_DEVICE_STREAM_FIELD_NUMBER: ClassVar[int]
            merge_host_to_device_stream: bool
            MERGE_DEVICE_TO_HOST_STREAM_FIELD_NUMBER: ClassVar[int]
            merge_device_to_host_stream: bool
            MERGE_DEVICE_TO_DEVICE_STREAM_FIELD_NUMBER: ClassVar[int]
            merge_device_to_device_stream: bool
            def __init__(self, *, merge_host_to_device_stream: bool | None = ..., merge_device_to_host_stream: bool | None = ..., merge_device_to_device_stream: bool | None = ...) -> None: ...
        VIRTUAL_DEVICES_FIELD_NUMBER: ClassVar[int]
        @property
        def virtual_devices(self) -> RepeatedCompositeFieldContainer[GPUOptions.Experimental.VirtualDevices]: ...
        NUM_VIRTUAL_DEVICES_PER_GPU_FIELD_NUMBER: ClassVar[int]
        num_virtual_devices_per_gpu: int
        USE_UNIFIED_MEMORY_FIELD_NUMBER: ClassVar[int]
        use_unified_memory: bool
        NUM_DEV_TO_DEV_COPY_STREAMS_FIELD_NUMBER: ClassVar[int]
        num_dev_to_dev_copy_streams: int
        COLLECTIVE_RING_ORDER_FIELD_NUMBER: ClassVar[int]
        collective_ring_order: str
        TIMESTAMPED_ALLOCATOR_FIELD_NUMBER: ClassVar[int]
        timestamped_allocator: bool
        KERNEL_TRACKER_MAX_INTERVAL_FIELD_NUMBER: ClassVar[int]
        kernel_tracker_max_interval: int
        KERNEL_TRACKER_MAX_BYTES_FIELD_NUMBER: ClassVar[int]
        kernel_tracker_max_bytes: int
        KERNEL_TRACKER_MAX_PENDING_FIELD_NUMBER: ClassVar[int]
        kernel_tracker_max_pending: int
        INTERNAL_FRAGMENTATION_FRACTION_FIELD_NUMBER: ClassVar[int]
        internal_fragmentation_fraction: float
        USE_CUDA_MALLOC_ASYNC_FIELD_NUMBER: ClassVar[int]
        use_cuda_malloc_async: bool
        DISALLOW_RETRY_ON_ALLOCATION_FAILURE_FIELD_NUMBER: ClassVar[int]
        disallow_retry_on_allocation_failure: bool
        GPU_HOST_MEM_LIMIT_IN_MB_FIELD_NUMBER: ClassVar[int]
        gpu_host_mem_limit_in_mb: float
        GPU_HOST_MEM_DISALLOW_GROWTH_FIELD_NUMBER: ClassVar[int]
        gpu_host_mem_disallow_growth: bool
        GPU_SYSTEM_MEMORY_SIZE_IN_MB_FIELD_NUMBER: ClassVar[int]
        gpu_system_memory_size_in_mb: int
        POPULATE_PJRT_GPU_CLIENT_CREATION_INFO_FIELD_NUMBER: ClassVar[int]
        populate_pjrt_gpu_client_creation_info: bool
        NODE_ID_FIELD_NUMBER: ClassVar[int]
        node_id: int
        STREAM_MERGE_OPTIONS_FIELD_NUMBER: ClassVar[int]
        @property
        def stream_merge_options(self) -> GPUOptions.Experimental.StreamMergeOptions: ...
        def __init__(self, *, virtual_devices: Iterable[GPUOptions.Experimental.VirtualDevices] | None = ..., num_virtual_devices_per_gpu: int | None = ..., use_unified_memory: bool | None = ..., num_dev_to_dev_copy_streams: int | None = ..., collective_ring_order: str | None = ..., timestamped_allocator: bool | None = ..., kernel_tracker_max_interval: int | None = ..., kernel_tracker_max_bytes: int | None = ..., kernel_tracker_max_pending: int | None = ..., internal_fragmentation_fraction: float | None = ..., use_cuda_malloc_async: bool | None = ..., disallow_retry_on_allocation_failure: bool | None = ..., gpu_host_mem_limit_in_mb: float | None = ..., gpu_host_mem_disallow_growth: bool | None = ..., gpu_system_memory_size_in_mb: int | None = ..., populate_pjrt_gpu_client_creation_info: bool | None = ..., node_id: int | None = ..., stream_merge_options: GPUOptions.Experimental.StreamMergeOptions | None = ...) -> None: ...
    PER_PROCESS_GPU_MEMORY_FRACTION_FIELD_NUMBER: ClassVar[int]
    per_process_gpu_memory_fraction: float
    ALLOW_GROWTH_FIELD_NUMBER: ClassVar[int]
    allow_growth: bool
    ALLOCATOR_TYPE_FIELD_NUMBER: ClassVar[int]
    allocator_type: str
    DEFERRED_DELETION_BYTES_FIELD_NUMBER: ClassVar[int]
    deferred_deletion_bytes: int
    VISIBLE_DEVICE_LIST_FIELD_NUMBER: ClassVar[int]
    visible_device_list: str
    POLLING_ACTIVE_DELAY_USECS_FIELD_NUMBER: ClassVar[int]
    polling_active_delay_usecs: int
    POLLING_INACTIVE_DELAY_MSECS_FIELD_NUMBER: ClassVar[int]
    polling_inactive_delay_msecs: int
    FORCE_GPU_COMPATIBLE_FIELD_NUMBER: ClassVar[int]
    force_gpu_compatible: bool
    EXPERIMENTAL_FIELD_NUMBER: ClassVar[int]
    @property
    def experimental(self) -> GPUOptions.Experimental: ...
    def __init__(self, *, per_process_gpu_memory_fraction: float | None = ..., allow_growth: bool | None = ..., allocator_type: str | None = ..., deferred_deletion_bytes: int | None = ..., visible_device_list: str | None = ..., polling_active_delay_usecs: int | None = ..., polling_inactive_delay_msecs: int | None = ..., force_gpu_compatible: bool | None = ..., experimental: GPUOptions.Experimental | None = ...) -> None: ...
class OptimizerOptions(Message):
    Level: ClassVar[EnumTypeWrapper]
    L1: ClassVar[int]
    L0: ClassVar[int]
    GlobalJitLevel: ClassVar[EnumTypeWrapper]
    DEFAULT: ClassVar[int]
    OFF: ClassVar[int]
    ON_1: ClassVar[int]
    ON_2: ClassVar[int]
    DO_COMMON_SUBEXPRESSION_ELIMINATION_FIELD_NUMBER: ClassVar[int]
    do_common_subexpression_elimination: bool
    DO_CONSTANT_FOLDING_FIELD_NUMBER: ClassVar[int]
    do_constant_folding: bool
    MAX_FOLDED_CONSTANT_IN_BYTES_FIELD_NUMBER: ClassVar[int]
    max_folded_constant_in_bytes: int
    DO_FUNCTION_INLINING_FIELD_NUMBER: ClassVar[int]
    do_function_inlining: bool
    OPT_LEVEL_FIELD_NUMBER: ClassVar[int]
    opt_level: int
    GLOBAL_JIT_LEVEL_FIELD_NUMBER: ClassVar[int]
    global_jit_level: int
    CPU_GLOBAL_JIT_FIELD_NUMBER: ClassVar[int]
    cpu_global_jit: bool
    def __init__(self, *, do_common_subexpression_elimination: bool | None = ..., do_constant_folding: bool | None = ..., max_folded_constant_in_bytes: int | None = ..., do_function_inlining: bool | None = ..., opt_level: int | None = ..., global_jit_level: int | None = ..., cpu_global_jit: bool | None = ...) -> None: ...
class GraphOptions(Message):
    ENABLE_RECV_SCHEDULING_FIELD_NUMBER: ClassVar[int]
    enable_recv_scheduling: bool
    OPTIMIZER_OPTIONS_FIELD_NUMBER: ClassVar[int]
    @property
    def optimizer_options(self) -> OptimizerOptions: ...
    BUILD_COST_MODEL_FIELD_NUMBER: ClassVar[int]
    build_cost_model: int
    BUILD_COST_MODEL_AFTER_FIELD_NUMBER: ClassVar[int]
    build_cost_model_after: int
    INFER_SHAPES_FIELD_NUMBER: ClassVar[int]
    infer_shapes: bool
    PLACE_PRUNED_GRAPH_FIELD_NUMBER: ClassVar[int]
    place_pruned_graph: bool
    ENABLE_BFLOAT16_SENDRECV_FIELD_NUMBER: ClassVar[int]
    enable_bfloat16_sendrecv: bool
    TIMELINE_STEP_FIELD_NUMBER: ClassVar[int]
    timeline_step: int
    REWRITE_OPTIONS_FIELD_NUMBER: ClassVar[int]
    @property
    def rewrite_options(self) -> RewriterConfig: ...
    def __init__(self, *, enable_recv_scheduling: bool | None = ..., optimizer_options: OptimizerOptions | None = ..., build_cost_model: int | None = ..., build_cost_model_after: int | None = ..., infer_shapes: bool | None = ..., place_pruned_graph: bool | None = ..., enable_bfloat16_sendrecv: bool | None = ..., timeline_step: int | None = ..., rewrite_options: RewriterConfig | None = ...) -> None: ...
class ThreadPoolOptionProto(Message):
    NUM_THREADS_FIELD_NUMBER: ClassVar[int]
    num_threads: int
    GLOBAL_NAME_FIELD_NUMBER: ClassVar[int]
    global_name: str
    def __init__(self, *, num_threads: int | None = ..., global_name: str | None = ...) -> None: ...
class SessionMetadata(Message):
    NAME_FIELD_NUMBER: ClassVar[int]
    name: str
    VERSION_FIELD_NUMBER: ClassVar[int]
    version: int
    def __init__(self, *, name: str | None = ..., version: int | None = ...) -> None: ...
class ConfigProto(Message):
    class Experimental(Message):
        MlirBridgeRollout: ClassVar[EnumTypeWrapper]
        MLIR_BRIDGE_ROLLOUT_UNSPECIFIED: ClassVar[int]
        MLIR_BRIDGE_ROLLOUT_ENABLED: ClassVar[int]
        MLIR_BRIDGE_ROLLOUT_DISABLED: ClassVar[int]
        COLLECTIVE_GROUP_LEADER_FIELD_NUMBER: ClassVar[int]
        collective_group_leader: str
        EXECUTOR_TYPE_FIELD_NUMBER: ClassVar[int]
        executor_type: str
        RECV_BUF_MAX_CHUNK_FIELD_NUMBER: ClassVar[int]
        recv_buf_max_chunk: int
        USE_NUMA_AFFINITY_FIELD_NUMBER: ClassVar[int]
        use_numa_affinity: bool
        COLLECTIVE_DETERMINISTIC_SEQUENTIAL_EXECUTION_FIELD_NUMBER: ClassVar[int]
        collective_deterministic_sequential_execution: bool
        COLLECTIVE_NCCL_FIELD_NUMBER: ClassVar[int]
        collective_nccl: bool
        SHARE_SESSION_STATE_IN_CLUSTERSPEC_PROPAGATION_FIELD_NUMBER: ClassVar[int]
        share_session_state_in_clusterspec_propagation: bool
        DISABLE_THREAD_SPINNING_FIELD_NUMBER: ClassVar[int]
        disable_thread_spinning: bool
        SHARE_CLUSTER_DEVICES_IN_SESSION_FIELD_NUMBER: ClassVar[int]
        share_cluster_devices_in_session: bool
        SESSION_METADATA_FIELD_NUMBER: ClassVar[int]
        @property
        def session_metadata(self) -> SessionMetadata: ...
        OPTIMIZE_FOR_STATIC_GRAPH_FIELD_NUMBER: ClassVar[int]
        optimize_for_static_graph: bool
        ENABLE_MLIR_BRIDGE_FIELD_NUMBER: ClassVar[int]
        enable_mlir_bridge: bool
        MLIR_BRIDGE_ROLLOUT_FIELD_NUMBER: ClassVar[int]
        mlir_bridge_rollout: int
        ENABLE_MLIR_GRAPH_OPTIMIZATION_FIELD_NUMBER: ClassVar[int]
        enable_mlir_graph_optimization: bool
        DISABLE_OUTPUT_PARTITION_GRAPHS_FIELD_NUMBER: ClassVar[int]
        disable_output_partition_graphs: bool
        XLA_FUSION_AUTOTUNER_THRESH_FIELD_NUMBER: ClassVar[int]
        xla_fusion_autotuner_thresh: int
        USE_TFRT_FIELD_NUMBER: ClassVar[int]
        use_tfrt: bool
        ENABLE_MULTI_HOST_FIELD_NUMBER: ClassVar[int]
        enable_multi_host: bool
        TFRT_USE_IFRT_FIELD_NUMBER: ClassVar[int]
        tfrt_use_ifrt: bool
        BACKEND_SERVER_PORT_FIELD_NUMBER: ClassVar[int]
        backend_server_port: int
        TARGET_TPU_FIELD_NUMBER: ClassVar[int]
        target_tpu: bool
        TARGET_GPU_FIELD_NUMBER: ClassVar[int]
        target_gpu: bool
        STREAM_MERGE_THRESHOLD_FIELD_NUMBER: ClassVar[int]
        stream_merge_threshold: int
        DISABLE_FUNCTIONAL_OPS_LOWERING_FIELD_NUMBER: ClassVar[int]
        disable_functional_ops_lowering: bool
        XLA_PREFER_SINGLE_GRAPH_CLUSTER_FIELD_NUMBER: ClassVar[int]
        xla_prefer_single_graph_cluster: bool
        COORDINATION_CONFIG_FIELD_NUMBER: ClassVar[int]
        @property
        def coordination_config(self) -> CoordinationServiceConfig: ...
        DISABLE_OPTIMIZE_FOR_STATIC_GRAPH_FIELD_NUMBER: ClassVar[int]
        disable_optimize_for_static_graph: bool
        DISABLE_EAGER_EXECUTOR_STREAMING_ENQUEUE_FIELD_NUMBER: ClassVar[int]
        disable_eager_executor_streaming_enqueue: bool
        FINALIZE_FUNCTION_LIBRARY_RUNTIME_FIELD_NUMBER: ClassVar[int]
        finalize_function_library_runtime: bool
        FINALIZE_RESOURCE_MANAGER_FIELD_NUMBER: ClassVar[int]
        finalize_resource_manager: bool
        TF2XLA_DUMP_DIR_FIELD_NUMBER: ClassVar[int]
        tf2xla_dump_dir: str
        ONLINE_COST_ANALYSIS_FIELD_NUMBER: ClassVar[int]
        online_cost_analysis: bool
        def __init__(self, *, collective_group_leader: str | None = ..., executor_type: str | None = ..., recv_buf_max_chunk: int | None = ..., use_numa_affinity: bool | None = ..., collective_deterministic_sequential_execution: bool | None = ..., collective_nccl: bool | None = ..., share_session_state_in_clusterspec_propagation: bool | None = ..., disable_thread_spinning: bool | None = ..., share_cluster_devices_in_session: bool | None = ..., session_metadata: SessionMetadata | None = ..., optimize_for_static_graph: bool | None = ..., enable_mlir_bridge: bool | None = ..., mlir_bridge_rollout: int | None = ..., enable_mlir_graph_optimization: bool | None = ..., disable_output_partition_graphs: bool | None = ..., xla_fusion_autotuner_thresh: int | None = ..., use_tfrt: bool | None = ..., enable_multi_host: bool | None = ..., tfrt_use_ifrt: bool | None = ..., backend_server_port: int | None = ..., target_tpu: bool | None = ..., target_gpu: bool | None = ..., stream_merge_threshold: int | None = ..., disable_functional_ops_lowering: bool | None = ..., xla_prefer_single_graph_cluster: bool | None = ..., coordination_config: CoordinationServiceConfig | None = ..., disable_optimize_for_static_graph: bool | None = ..., disable_eager_executor_streaming_enqueue: bool | None = ..., finalize_function_library_runtime: bool | None = ..., finalize_resource_manager: bool | None = ..., tf2xla_dump_dir: str | None = ..., online_cost_analysis: bool | None = ...) -> None: ...
    DEVICE_COUNT_FIELD_NUMBER: ClassVar[int]
    @property
    def device_count(self) -> ScalarMap[str, int]: ...
    INTRA_OP_PARALLELISM_THREADS_FIELD_NUMBER: ClassVar[int]
    intra_op_parallelism_threads: int
    INTER_OP_PARALLELISM_THREADS_FIELD_NUMBER: ClassVar[int]
    inter_op_parallelism_threads: int
    USE_PER_SESSION_THREADS_FIELD_NUMBER: ClassVar[int]
    use_per_session_threads: bool
    SESSION_INTER_OP_THREAD_POOL_FIELD_NUMBER: ClassVar[int]
    @property
    def session_inter_op_thread_pool(self) -> RepeatedCompositeFieldContainer[ThreadPoolOptionProto]: ...
    PLACEMENT_PERIOD_FIELD_NUMBER: ClassVar[int]
    placement_period: int
    DEVICE_FILTERS_FIELD_NUMBER: ClassVar[int]
    @property
    def device_filters(self) -> RepeatedScalarFieldContainer[str]: ...
    GPU_OPTIONS_FIELD_NUMBER: ClassVar[int]
    @property
    def gpu_options(self) -> GPUOptions: ...
    PLUGGABLE_DEVICE_OPTIONS_FIELD_NUMBER: ClassVar[int]
    @property
    def pluggable_device_options(self) -> GPUOptions: ...
    ALLOW_SOFT_PLACEMENT_FIELD_NUMBER: ClassVar[int]
    allow_soft_placement: bool
    LOG_DEVICE_PLACEMENT_FIELD_NUMBER: ClassVar[int]
    log_device_placement: bool
    GRAPH_OPTIONS_FIELD_NUMBER: ClassVar[int]
    @property
    def graph_options(self) -> GraphOptions: ...
    OPERATION_TIMEOUT_IN_MS_FIELD_NUMBER: ClassVar[int]
    operation_timeout_in_ms: int
    RPC_OPTIONS_FIELD_NUMBER: ClassVar[int]
    @property
    def rpc_options(self) -> RPCOptions: ...
    CLUSTER_DEF_FIELD_NUMBER: ClassVar[int]
    @property
    def cluster_def(self) -> ClusterDef: ...
    ISOLATE_SESSION_STATE_FIELD_NUMBER: ClassVar[int]
    isolate_session_state: bool
    SHARE_CLUSTER_DEVICES_IN_SESSION_FIELD_NUMBER: ClassVar[int]
    share_cluster_devices_in_session: bool
    EXPERIMENTAL_FIELD_NUMBER: ClassVar[int]
    @property
    def experimental(self) -> ConfigProto.Experimental: ...
    def __init__(self, *, device_count: Mapping[str, int] | None = ..., intra_op_parallelism_threads: int | None = ..., inter_op_parallelism_threads: int | None = ..., use_per_session_threads: bool | None = ..., session_inter_op_thread_pool: Iterable[ThreadPoolOptionProto] | None = ..., placement_period: int | None = ..., device_filters: Iterable[str] | None = ..., gpu_options: GPUOptions | None = ..., pluggable_device_options: GPUOptions | None = ..., allow_soft_placement: bool | None = ..., log_device_placement: bool | None = ..., graph_options: GraphOptions | None = ..., operation_timeout_in_ms: int | None = ..., rpc_options: RPCOptions | None = ..., cluster_def: ClusterDef | None = ..., isolate_session_state: bool | None = ..., share_cluster_devices_in_session: bool | None = ..., experimental: ConfigProto.Experimental | None = ...) -> None: ...
class RunOptions(Message):
    class Experimental(Message):
        class RunHandlerPoolOptions(Message):
            PRIORITY_FIELD_NUMBER: ClassVar[int]
            priority: int
            def __init__(self, *, priority: int | None = ...) -> None: ...
        COLLECTIVE_GRAPH_KEY_FIELD_NUMBER: ClassVar[int]
        collective_graph_key: int
        USE_RUN_HANDLER_POOL_FIELD_NUMBER: ClassVar[int]
        use_run_handler_pool: bool
        RUN_HANDLER_POOL_OPTIONS_FIELD_NUMBER: ClassVar[int]
        @property
        def run_handler_pool_options(self) -> RunOptions.Experimental.RunHandlerPoolOptions: ...
        def __init__(self, *, collective_graph_key: int | None = ..., use_run_handler_pool: bool | None = ..., run_handler_pool_options: RunOptions.Experimental.RunHandlerPoolOptions | None = ...) -> None: ...
    TraceLevel: ClassVar[EnumTypeWrapper]
    NO_TRACE: ClassVar[int]
    SOFTWARE_TRACE: ClassVar[int]
    HARDWARE_TRACE: ClassVar[int]
    FULL_TRACE: ClassVar[int]
    TRACE_LEVEL_FIELD_NUMBER: ClassVar[int]
    trace_level: int
    TIMEOUT_IN_MS_FIELD_NUMBER: ClassVar[int]
    timeout_in_ms: int
    INTER_OP_THREAD_POOL_FIELD_NUMBER: ClassVar[int]
    inter_op_thread_pool: int
    OUTPUT_PARTITION_GRAPHS_FIELD_NUMBER: ClassVar[int]
    output_partition_graphs: bool
    DEBUG_OPTIONS_FIELD_NUMBER: ClassVar[int]
    @property
    def debug_options(self) -> DebugOptions: ...
    REPORT_TENSOR_ALLOCATIONS_UPON_OOM_FIELD_NUMBER: ClassVar[int]
    report_tensor_allocations_upon_oom: bool
    EXPERIMENTAL_FIELD_NUMBER: ClassVar[int]
    @property
    def experimental(self) -> RunOptions.Experimental: ...
    def __init__(self, *, trace_level: int | None = ..., timeout_in_ms: int | None = ..., inter_op_thread_pool: int | None = ..., output_partition_graphs: bool | None = ..., debug_options: DebugOptions | None = ..., report_tensor_allocations_upon_oom: bool | None = ..., experimental: RunOptions.Experimental | None = ...) -> None: ...
class RunMetadata(Message):
    class FunctionGraphs(Message):
        PARTITION_GRAPHS_FIELD_NUMBER: ClassVar[int]
        @property
        def partition_graphs(self) -> RepeatedCompositeFieldContainer[GraphDef]: ...
        PRE_OPTIMIZATION_GRAPH_FIELD_NUMBER: ClassVar[int]
        @property
        def pre_optimization_graph(self) -> GraphDef: ...
        POST_OPTIMIZATION_GRAPH_FIELD_NUMBER: ClassVar[int]
        @property
        def post_optimization_graph(self) -> GraphDef: ...
        def __init__(self, *, partition_graphs: Iterable[GraphDef] | None = ..., pre_optimization_graph: GraphDef | None = ..., post_optimization_graph: GraphDef | None = ...) -> None: ...
    STEP_STATS_FIELD_NUMBER: ClassVar[int]
    @property
    def step_stats(self) -> StepStats: ...
    COST_GRAPH_FIELD_NUMBER: ClassVar[int]
    @property
    def cost_graph(self) -> CostGraphDef: ...
    PARTITION_GRAPHS_FIELD_NUMBER: ClassVar[int]
    @property
    def partition_graphs(self) -> RepeatedCompositeFieldContainer[GraphDef]: ...
    FUNCTION_GRAPHS_FIELD_NUMBER: ClassVar[int]
    @property
    def function_graphs(self) -> RepeatedCompositeFieldContainer[RunMetadata.FunctionGraphs]: ...
    SESSION_METADATA_FIELD_NUMBER: ClassVar[int]
    @property
    def session_metadata(self) -> SessionMetadata: ...
    def __init__(self, *, step_stats: StepStats | None = ..., cost_graph: CostGraphDef | None = ..., partition_graphs: Iterable[GraphDef] | None = ..., function_graphs: Iterable[RunMetadata.FunctionGraphs] | None = ..., session_metadata: SessionMetadata | None = ...) -> None: ...
class TensorConnection(Message):
    FROM_TENSOR_FIELD_NUMBER: ClassVar[int]
    from_tensor: str
    TO_TENSOR_FIELD_NUMBER: ClassVar[int]
    to_tensor: str
    def __init__(self, *, from_tensor: str | None = ..., to_tensor: str | None = ...) -> None: ...
class CallableOptions(Message):
    FEED_FIELD_NUMBER: ClassVar[int]
    @property
    def feed(self) -> RepeatedScalarFieldContainer[str]: ...
    FETCH_FIELD_NUMBER: ClassVar[int]
    @property
    def fetch(self) -> RepeatedScalarFieldContainer[str]: ...
    TARGET_FIELD_NUMBER: ClassVar[int]
    @property
    def target(self) -> RepeatedScalarFieldContainer[str]: ...
    RUN_OPTIONS_FIELD_NUMBER: ClassVar[int]
    @property
    def run_options(self) -> RunOptions: ...
    TENSOR_CONNECTION_FIELD_NUMBER: ClassVar[int]
    @property
    def tensor_connection(self) -> RepeatedCompositeFieldContainer[TensorConnection]: ...
    FEED_DEVICES_FIELD_NUMBER: ClassVar[int]
    @property
    def feed_devices(self) -> ScalarMap[str, str]: ...
    FETCH_DEVICES_FIELD_NUMBER: ClassVar[int]
    @property
    def fetch_devices(self) -> ScalarMap[str, str]: ...
    FETCH_SKIP_SYNC_FIELD_NUMBER: ClassVar[int]
    fetch_skip_sync: bool
    def __init__(self, *, feed: Iterable[str] | None = ..., fetch: Iterable[str] | None = ..., target: Iterable[str] | None = ..., run_options: RunOptions | None = ..., tensor_connection: Iterable[TensorConnection] | None = ..., feed_devices: Mapping[str, str] | None = ..., fetch_devices: Mapping[str, str] | None = ..., fetch_skip_sync: bool | None = ...) -> None: ...
class BatchingOptions(Message):
    NUM_BATCH_THREADS_FIELD_NUMBER: ClassVar[int]
    num_batch_threads: int
    MAX_BATCH_SIZE_FIELD_NUMBER: ClassVar[int]
    max_batch_size: int
    BATCH_TIMEOUT_MICROS_FIELD_NUMBER: ClassVar[int]
    batch_timeout_micros: int
    ALLOWED_BATCH_SIZES_FIELD_NUMBER: ClassVar[int]
    @property
    def allowed_batch_sizes(self) -> RepeatedScalarFieldContainer[int]: ...
    MAX_ENQUEUED_BATCHES_FIELD_NUMBER: ClassVar[int]
    max_enqueued_batches: int
    def __init__(self, *, num_batch_threads: int | None = ..., max_batch_size: int | None = ..., batch_timeout_micros: int | None = ..., allowed_batch_sizes: Iterable[int] | None = ..., max_enqueued_batches: int | None = ...) -> None: ...
class ValuesDef(Message):
    VALUES_FIELD_NUMBER: ClassVar[int]
    @property
    def values(self) -> RepeatedScalarFieldContainer[str]: ...
    EXTERNAL_VALUES_FIELD_NUMBER: ClassVar[int]
    @property
    def external_values(self) -> ScalarMap[str, str]: ...
    def __init__(self, *, values: Iterable[str] | None = ..., external_values: Mapping[str, str] | None = ...) -> None: ...
class ControlFlowContextDef(Message):
    COND_CTXT_FIELD_NUMBER: ClassVar[int]
    @property
    def cond_ctxt(self) -> CondContextDef: ...
    WHILE_CTXT_FIELD_NUMBER: ClassVar[int]
    @property
    def while_ctxt(self) -> WhileContextDef: ...
    def __init__(self, *, cond_ctxt: CondContextDef | None = ..., while_ctxt: WhileContextDef | None = ...) -> None: ...
class CondContextDef(Message):
    CONTEXT_NAME_FIELD_NUMBER: ClassVar[int]
    context_name: str
    PRED_NAME_FIELD_NUMBER: ClassVar[int]
    pred_name: str
    PIVOT_NAME_FIELD_NUMBER: ClassVar[int]
    pivot_name: str
    BRANCH_FIELD_NUMBER: ClassVar[int]
    branch: int
    VALUES_DEF_FIELD_NUMBER: ClassVar[int]
    @property
    def values_def(self) -> ValuesDef: ...
    NESTED_CONTEXTS_FIELD_NUMBER: ClassVar[int]
    @property
    def nested_contexts(self) -> RepeatedCompositeFieldContainer[ControlFlowContextDef]: ...
    def __init__(self, *, context_name: str | None = ..., pred_name: str | None = ..., pivot_name: str | None = ..., branch: int | None = ..., values_def: ValuesDef | None = ..., nested_contexts: Iterable[ControlFlowContextDef] | None = ...) -> None: ...
class WhileContextDef(Message):
    CONTEXT_NAME_FIELD_NUMBER: ClassVar[int]
    context_name: str
    PARALLEL_ITERATIONS_FIELD_NUMBER: ClassVar[int]
    parallel_iterations: int
    BACK_PROP_FIELD_NUMBER: ClassVar[int]
    back_prop: bool
    SWAP_MEMORY_FIELD_NUMBER: ClassVar[int]
    swap_memory: bool
    PIVOT_NAME_FIELD_NUMBER: ClassVar[int]
    pivot_name: str
    PIVOT_FOR_PRED_NAME_FIELD_NUMBER: ClassVar[int]
    pivot_for_pred_name: str
    PIVOT_FOR_BODY_NAME_FIELD_NUMBER: ClassVar[int]
    pivot_for_body_name: str
    LOOP_EXIT_NAMES_FIELD_NUMBER: ClassVar[int]
    @property
    def loop_exit_names(self) -> RepeatedScalarFieldContainer[str]: ...
    LOOP_ENTER_NAMES_FIELD_NUMBER: ClassVar[int]
    @property
    def loop_enter_names(self) -> RepeatedScalarFieldContainer[str]: ...
    VALUES_DEF_FIELD_NUMBER: ClassVar[int]
    @property
    def values_def(self) -> ValuesDef: ...
    MAXIMUM_ITERATIONS_NAME_FIELD_NUMBER: ClassVar[int]
    maximum_iterations_name: str
    NESTED_CONTEXTS_FIELD_NUMBER: ClassVar[int]
    @property
    def nested_contexts(self) -> RepeatedCompositeFieldContainer[ControlFlowContextDef]: ...
    def __init__(self, *, context_name: str | None = ..., parallel_iterations: int | None = ..., back_prop: bool | None = ..., swap_memory: bool | None = ..., pivot_name: str | None = ..., pivot_for_pred_name: str | None = ..., pivot_for_body_name: str | None = ..., loop_exit_names: Iterable[str] | None = ..., loop_enter_names: Iterable[str] | None = ..., values_def: ValuesDef | None = ..., maximum_iterations_name: str | None = ..., nested_contexts: Iterable[ControlFlowContextDef] | None = ...) -> None: ...
class DebugTensorWatch(Message):
    NODE_NAME_FIELD_NUMBER: ClassVar[int]
    node_name: str
    OUTPUT_SLOT_FIELD_NUMBER: ClassVar[int]
    output_slot: int
    DEBUG_OPS_FIELD_NUMBER: ClassVar[int]
    @property
    def debug_ops(self) -> RepeatedScalarFieldContainer[str]: ...
    DEBUG_URLS_FIELD_NUMBER: ClassVar[int]
    @property
    def debug_urls(self) -> RepeatedScalarFieldContainer[str]: ...
    TOLERATE_DEBUG_OP_CREATION_FAILURES_FIELD_NUMBER: ClassVar[int]
    tolerate_debug_op_creation_failures: bool
    def __init__(self, *, node_name: str | None = ..., output_slot: int | None = ..., debug_ops: Iterable[str] | None = ..., debug_urls: Iterable[str] | None = ..., tolerate_debug_op_creation_failures: bool | None = ...) -> None: ...
class DebugOptions(Message):
    DEBUG_TENSOR_WATCH_OPTS_FIELD_NUMBER: ClassVar[int]
    @property
    def debug_tensor_watch_opts(self) -> RepeatedCompositeFieldContainer[DebugTensorWatch]: ...
    GLOBAL_STEP_FIELD_NUMBER: ClassVar[int]
    global_step: int
    RESET_DISK_BYTE_USAGE_FIELD_NUMBER: ClassVar[int]
    reset_disk_byte_usage: bool
    def __init__(self, *, debug_tensor_watch_opts: Iterable[DebugTensorWatch] | None = ..., global_step: int | None = ..., reset_disk_byte_usage: bool | None = ...) -> None: ...
class DebuggedSourceFile(Message):
    HOST_FIELD_NUMBER: ClassVar[int]
    host: str
    FILE_PATH_FIELD_NUMBER: ClassVar[int]
    file_path: str
    LAST_MODIFIED_FIELD_NUMBER: ClassVar[int]
    last_modified: int
    BYTES_FIELD_NUMBER: ClassVar[int]
    bytes: int
    LINES_FIELD_NUMBER: ClassVar[int]
    @property
    def lines(self) -> RepeatedScalarFieldContainer[str]: ...
    def __init__(self, *, host: str | None = ..., file_path: str | None = ..., last_modified: int | None = ..., bytes: int | None = ..., lines: Iterable[str] | None = ...) -> None: ...
class DebuggedSourceFiles(Message):
    SOURCE_FILES_FIELD_NUMBER: ClassVar[int]
    @property
    def source_files(self) -> RepeatedCompositeFieldContainer[DebuggedSourceFile]: ...
    def __init__(self, *, source_files: Iterable[DebuggedSourceFile] | None = ...) -> None: ...
class FingerprintDef(Message):
    SAVED_MODEL_CHECKSUM_FIELD_NUMBER: ClassVar[int]
    saved_model_checksum: int
    GRAPH_DEF_PROGRAM_HASH_FIELD_NUMBER: ClassVar[int]
    graph_def_program_hash: int
    SIGNATURE_DEF_HASH_FIELD_NUMBER: ClassVar[int]
    signature_def_hash: int
    SAVED_OBJECT_GRAPH_HASH_FIELD_NUMBER: ClassVar[int]
    saved_object_graph_hash: int
    CHECKPOINT_HASH_FIELD_NUMBER: ClassVar[int]
    checkpoint_hash: int
    UUID_FIELD_NUMBER: ClassVar[int]
    uuid: str
    VERSION_FIELD_NUMBER: ClassVar[int]
    @property
    def version(self) -> VersionDef: ...
    def __init__(self, *, saved_model_checksum: int | None = ..., graph_def_program_hash: int | None = ..., signature_def_hash: int | None = ..., saved_object_graph_hash: int | None = ..., checkpoint_hash: int | None = ..., uuid: str | None = ..., version: VersionDef | None = ...) -> None: ...
class MetaGraphDef(Message):
    class MetaInfoDef(Message):
        META_GRAPH_VERSION_FIELD_NUMBER: ClassVar[int]
        meta_graph_version: str
        STRIPPED_OP_LIST_FIELD_NUMBER: ClassVar[int]
        @property
        def stripped_op_list(self) -> OpList: ...
        ANY_INFO_FIELD_NUMBER: ClassVar[int]
        @property
        def any_info(self) -> Any: ...
        TAGS_FIELD_NUMBER: ClassVar[int]
        @property
        def tags(self) -> RepeatedScalarFieldContainer[str]: ...
        TENSORFLOW_VERSION_FIELD_NUMBER: ClassVar[int]
        tensorflow_version: str
        TENSORFLOW_GIT_VERSION_FIELD_NUMBER: ClassVar[int]
        tensorflow_git_version: str
        STRIPPED_DEFAULT_ATTRS_FIELD_NUMBER: ClassVar[int]
        stripped_default_attrs: bool
        FUNCTION_ALIASES_FIELD_NUMBER: ClassVar[int]
        @property
        def function_aliases(self) -> ScalarMap[str, str]: ...
        def __init__(self, *, meta_graph_version: str | None = ..., stripped_op_list: OpList | None = ..., any_info: Any | None = ..., tags: Iterable[str] | None = ..., tensorflow_version: str | None = ..., tensorflow_git_version: str | None = ..., stripped_default_attrs: bool | None = ..., function_aliases: Mapping[str, str] | None = ...) -> None: ...
    META_INFO_DEF_FIELD_NUMBER: ClassVar[int]
    @property
    def meta_info_def(self) -> MetaGraphDef.MetaInfoDef: ...
    GRAPH_DEF_FIELD_NUMBER: ClassVar[int]
    @property
    def graph_def(self) -> GraphDef: ...
    SAVER_DEF_FIELD_NUMBER: ClassVar[int]
    @property
    def saver_def(self) -> SaverDef: ...
    COLLECTION_DEF_FIELD_NUMBER: ClassVar[int]
    @property
    def collection_def(self) -> MessageMap[str, CollectionDef]: ...
    SIGNATURE_DEF_FIELD_NUMBER: ClassVar[int]
    @property
    def signature_def(self) -> MessageMap[str, SignatureDef]: ...
    ASSET_FILE_DEF_FIELD_NUMBER: ClassVar[int]
    @property
    def asset_file_def(self) -> RepeatedCompositeFieldContainer[AssetFileDef]: ...
    OBJECT_GRAPH_DEF_FIELD_NUMBER: ClassVar[int]
    @property
    def object_graph_def(self) -> SavedObjectGraph: ...
    def __init__(self, *, meta_info_def: MetaGraphDef.MetaInfoDef | None = ..., graph_def: GraphDef | None = ..., saver_def: SaverDef | None = ..., collection_def: Mapping[str, CollectionDef] | None = ..., signature_def: Mapping[str, SignatureDef] | None = ..., asset_file_def: Iterable[AssetFileDef] | None = ..., object_graph_def: SavedObjectGraph | None = ...) -> None: ...
class CollectionDef(Message):
    class NodeList(Message):
        VALUE_FIELD_NUMBER: ClassVar[int]
        @property
        def value(self) -> RepeatedScalarFieldContainer[str]: ...
        def __init__(self, *, value: Iterable[str] | None = ...) -> None: ...
    class BytesList(Message):
        VALUE_FIELD_NUMBER: ClassVar[int]
        @property
        def value(self) -> RepeatedScalarFieldContainer[bytes]: ...
        def __init__(self, *, value: Iterable[bytes] | None = ...) -> None: ...
    class Int64List(Message):
        VALUE_FIELD_NUMBER: ClassVar[int]
        @property
        def value(self) -> RepeatedScalarFieldContainer[int]: ...
        def __init__(self, *, value: Iterable[int] | None = ...) -> None: ...
    class FloatList(Message):
        VALUE_FIELD_NUMBER: ClassVar[int]
        @property
        def value(self) -> RepeatedScalarFieldContainer[float]: ...
        def __init__(self, *, value: Iterable[float] | None = ...) -> None: ...
    class AnyList(Message):
        VALUE_FIELD_NUMBER: ClassVar[int]
        @property
        def value(self) -> RepeatedCompositeFieldContainer[Any]: ...
        def __init__(self, *, value: Iterable[Any] | None = ...) -> None: ...
    NODE_LIST_FIELD_NUMBER: ClassVar[int]
    @property
    def node_list(self) -> CollectionDef.NodeList: ...
    BYTES_LIST_FIELD_NUMBER: ClassVar[int]
    @property
    def bytes_list(self) -> CollectionDef.BytesList: ...
    INT64_LIST_FIELD_NUMBER: ClassVar[int]
    @property
    def int64_list(self) -> CollectionDef.Int64List: ...
    FLOAT_LIST_FIELD_NUMBER: ClassVar[int]
    @property
    def float_list(self) -> CollectionDef.FloatList: ...
    ANY_LIST_FIELD_NUMBER: ClassVar[int]
    @property
    def any_list(self) -> CollectionDef.AnyList: ...
    def __init__(self, *, node_list: CollectionDef.NodeList | None = ..., bytes_list: CollectionDef.BytesList | None = ..., int64_list: CollectionDef.Int64List | None = ..., float_list: CollectionDef.FloatList | None = ..., any_list: CollectionDef.AnyList | None = ...) -> None: ...
class TensorInfo(Message):
    class CooSparse(Message):
        VALUES_TENSOR_NAME_FIELD_NUMBER: ClassVar[int]
        values_tensor_name: str
        INDICES_TENSOR_NAME_FIELD_NUMBER: ClassVar[int]
        indices_tensor_name: str
        DENSE_SHAPE_TENSOR_NAME_FIELD_NUMBER: ClassVar[int]
        dense_shape_tensor_name: str
        def __init__(self, *, values_tensor_name: str | None = ..., indices_tensor_name: str | None = ..., dense_shape_tensor_name: str | None = ...) -> None: ...
    class CompositeTensor(Message):
        TYPE_SPEC_FIELD_NUMBER: ClassVar[int]
        @property
        def type_spec(self) -> TypeSpecProto: ...
        COMPONENTS_FIELD_NUMBER: ClassVar[int]
        @property
        def components(self) -> RepeatedCompositeFieldContainer[TensorInfo]: ...
        def __init__(self, *, type_spec: TypeSpecProto | None = ..., components: Iterable[TensorInfo] | None = ...) -> None: ...
    NAME_FIELD_NUMBER: ClassVar[int]
    name: str
    COO_SPARSE_FIELD_NUMBER: ClassVar[int]
    @property
    def coo_sparse(self) -> TensorInfo.CooSparse: ...
    COMPOSITE_TENSOR_FIELD_NUMBER: ClassVar[int]
    @property
    def composite_tensor(self) -> TensorInfo.CompositeTensor: ...
    DTYPE_FIELD_NUMBER: ClassVar[int]
    dtype: int
    TENSOR_SHAPE_FIELD_NUMBER: ClassVar[int]
    @property
    def tensor_shape(self) -> TensorShapeProto: ...
    def __init__(self, *, name: str | None = ..., coo_sparse: TensorInfo.CooSparse | None = ..., composite_tensor: TensorInfo.CompositeTensor | None = ..., dtype: int | None = ..., tensor_shape: TensorShapeProto | None = ...) -> None: ...
class SignatureDef(Message):
    INPUTS_FIELD_NUMBER: ClassVar[int]
    @property
    def inputs(self) -> MessageMap[str, TensorInfo]: ...
    OUTPUTS_FIELD_NUMBER: ClassVar[int]
    @property
    def outputs(self) -> MessageMap[str, TensorInfo]: ...
    METHOD_NAME_FIELD_NUMBER: ClassVar[int]
    method_name: str
    DEFAULTS_FIELD_NUMBER: ClassVar[int]
    @property
    def defaults(self) -> MessageMap[str, TensorProto]: ...
    def __init__(self, *, inputs: Mapping[str, TensorInfo] | None = ..., outputs: Mapping[str, TensorInfo] | None = ..., method_name: str | None = ..., defaults: Mapping[str, TensorProto] | None = ...) -> None: ...
class AssetFileDef(Message):
    TENSOR_INFO_FIELD_NUMBER: ClassVar[int]
    @property
    def tensor_info(self) -> TensorInfo: ...
    FILENAME_FIELD_NUMBER: ClassVar[int]
    filename: str
    def __init__(self, *, tensor_info: TensorInfo | None = ..., filename: str | None = ...) -> None: ...
class NamedTensorProto(Message):
    NAME_FIELD_NUMBER: ClassVar[int]
    name: str
    TENSOR_FIELD_NUMBER: ClassVar[int]
    @property
    def tensor(self) -> TensorProto: ...
    def __init__(self, *, name: str | None = ..., tensor: TensorProto | None = ...) -> None: ...
class QueueRunnerDef(Message):
    QUEUE_NAME_FIELD_NUMBER: ClassVar[int]
    queue_name: str
    ENQUEUE_OP_NAME_FIELD_NUMBER: ClassVar[int]
    @property
    def enqueue_op_name(self) -> RepeatedScalarFieldContainer[str]: ...
    CLOSE_OP_NAME_FIELD_NUMBER: ClassVar[int]
    close_op_name: str
    CANCEL_OP_NAME_FIELD_NUMBER: ClassVar[int]
    cancel_op_name: str
    QUEUE_CLOSED_EXCEPTION_TYPES_FIELD_NUMBER: ClassVar[int]
    @property
    def queue_closed_exception_types(self) -> RepeatedScalarFieldContainer[int]: ...
    def __init__(self, *, queue_name: str | None = ..., enqueue_op_name: Iterable[str] | None = ..., close_op_name: str | None = ..., cancel_op_name: str | None = ..., queue_closed_exception_types: Iterable[int] | None = ...) -> None: ...
class AutoParallelOptions(Message):
    ENABLE_FIELD_NUMBER: ClassVar[int]
    enable: bool
    NUM_REPLICAS_FIELD_NUMBER: ClassVar[int]
    num_replicas: int
    def __init__(self, *, enable: bool | None = ..., num_replicas: int | None = ...) -> None: ...
class ScopedAllocatorOptions(Message):
    ENABLE_OP_FIELD_NUMBER: ClassVar[int]
    @property
    def enable_op(self) -> RepeatedScalarFieldContainer[str]: ...
    def __init__(self, *, enable_op: Iterable[str] | None = ...) -> None: ...
class RewriterConfig(Message):
    class CustomGraphOptimizer(Message):
        NAME_FIELD_NUMBER: ClassVar[int]
        name: str
        PARAMETER_MAP_FIELD_NUMBER: ClassVar[int]
        @property
        def parameter_map(self) -> MessageMap[str, AttrValue]: ...
        def __init__(self, *, name: str | None = ..., parameter_map: Mapping[str, AttrValue] | None = ...) -> None: ...
    Toggle: ClassVar[EnumTypeWrapper]
    DEFAULT: ClassVar[int]
    ON: ClassVar[int]
    OFF: ClassVar[int]
    AGGRESSIVE: ClassVar[int]
    EXPERIMENTAL_MLIR: ClassVar[int]
    EXPERIMENTAL_BOTH: ClassVar[int]
    CpuLayout: ClassVar[EnumTypeWrapper]
    NO_CONVERSION_ON_CPU: ClassVar[int]
    NCHW_TO_NHWC: ClassVar[int]
    NHWC_TO_NCHW: ClassVar[int]
    NumIterationsType: ClassVar[EnumTypeWrapper]
    DEFAULT_NUM_ITERS: ClassVar[int]
    ONE: ClassVar[int]
    TWO: ClassVar[int]
    MemOptType: ClassVar[EnumTypeWrapper]
    DEFAULT_MEM_OPT: ClassVar[int]
    NO_MEM_OPT: ClassVar[int]
    MANUAL: ClassVar[int]
    SWAPPING_HEURISTICS: ClassVar[int]
    RECOMPUTATION_HEURISTICS: ClassVar[int]
    SCHEDULING_HEURISTICS: ClassVar[int]
    HEURISTICS: ClassVar[int]
    CPU_LAYOUT_CONVERSION_FIELD_NUMBER: ClassVar[int]
    cpu_layout_conversion: int
    LAYOUT_OPTIMIZER_FIELD_NUMBER: ClassVar[int]
    layout_optimizer: int
    CONSTANT_FOLDING_FIELD_NUMBER: ClassVar[int]
    constant_folding: int
    SHAPE_OPTIMIZATION_FIELD_NUMBER: ClassVar[int]
    shape_optimization: int
    REMAPPING_FIELD_NUMBER: ClassVar[int]
    remapping: int
    COMMON_SUBGRAPH_ELIMINATION_FIELD_NUMBER: ClassVar[int]
    common_subgraph_elimination: int
    ARITHMETIC_OPTIMIZATION_FIELD_NUMBER: ClassVar[int]
    arithmetic_optimization: int
    DEPENDENCY_OPTIMIZATION_FIELD_NUMBER: ClassVar[int]
    dependency_optimization: int
    LOOP_OPTIMIZATION_FIELD_NUMBER: ClassVar[int]
    loop_optimization: int
    FUNCTION_OPTIMIZATION_FIELD_NUMBER: ClassVar[int]
    function_optimization: int
    DEBUG_STRIPPER_FIELD_NUMBER: ClassVar[int]
    debug_stripper: int
    DISABLE_MODEL_PRUNING_FIELD_NUMBER: ClassVar[int]
    disable_model_pruning: bool
    SCOPED_ALLOCATOR_OPTIMIZATION_FIELD_NUMBER: ClassVar[int]
    scoped_allocator_optimization: int
    PIN_TO_HOST_OPTIMIZATION_FIELD_NUMBER: ClassVar[int]
    pin_to_host_optimization: int
    IMPLEMENTATION_SELECTOR_FIELD_NUMBER: ClassVar[int]
    implementation_selector: int
    AUTO_MIXED_PRECISION_FIELD_NUMBER: ClassVar[int]
    auto_mixed_precision: int
    AUTO_MIXED_PRECISION_MKL_FIELD_NUMBER: ClassVar[int]
    auto_mixed_precision_mkl: int
    AUTO_MIXED_PRECISION_ONEDNN_BFLOAT16_FIELD_NUMBER: ClassVar[int]
    auto_mixed_precision_onednn_bfloat16: int
    AUTO_MIXED_PRECISION_CPU_FIELD_NUMBER: ClassVar[int]
    auto_mixed_precision_cpu: int
    DISABLE_META_OPTIMIZER_FIELD_NUMBER: ClassVar[int]
    disable_meta_optimizer: bool
    DISABLE_TFG_OPTIMIZER_FIELD_NUMBER: ClassVar[int]
    disable_tfg_optimizer: bool
    USE_PLUGIN_OPTIMIZERS_FIELD_NUMBER: ClassVar[int]
    use_plugin_optimizers: int
    EXPERIMENTAL_CONDITIONAL_CODE_MOTION_FIELD_NUMBER: ClassVar[int]
    experimental_conditional_code_motion: int
    META_OPTIMIZER_ITERATIONS_FIELD_NUMBER: ClassVar[int]
    meta_optimizer_iterations: int
    MIN_GRAPH_NODES_FIELD_NUMBER: ClassVar[int]
    min_graph_nodes: int
    EXPERIMENTAL_DISABLE_COMPRESSED_TENSOR_OPTIMIZATION_FIELD_NUMBER: ClassVar[int]
    experimental_disable_compressed_tensor_optimization: bool
    EXPERIMENTAL_DISABLE_FOLDING_QUANTIZATION_EMULATION_FIELD_NUMBER: ClassVar[int]
    experimental_disable_folding_quantization_emulation: bool
    MEMORY_OPTIMIZATION_FIELD_NUMBER: ClassVar[int]
    memory_optimization: int
    MEMORY_OPTIMIZER_TARGET_NODE_NAME_SCOPE_FIELD_NUMBER: ClassVar[int]
    memory_optimizer_target_node_name_scope: str
    META_OPTIMIZER_TIMEOUT_MS_FIELD_NUMBER: ClassVar[int]
    meta_optimizer_timeout_ms: int
    AUTO_PARALLEL_FIELD_NUMBER: ClassVar[int]
    @property
    def auto_parallel(self) -> AutoParallelOptions: ...
    FAIL_ON_OPTIMIZER_ERRORS_FIELD_NUMBER: ClassVar[int]
    fail_on_optimizer_errors: bool
    SCOPED_ALLOCATOR_OPTS_FIELD_NUMBER: ClassVar[int]
    @property
    def scoped_allocator_opts(self) -> ScopedAllocatorOptions: ...
    OPTIMIZERS_FIELD_NUMBER: ClassVar[int]
    @property
    def optimizers(self) -> RepeatedScalarFieldContainer[str]: ...
    CUSTOM_OPTIMIZERS_FIELD_NUMBER: ClassVar[int]
    @property
    def custom_optimizers(self) -> RepeatedCompositeFieldContainer[RewriterConfig.CustomGraphOptimizer]: ...
    INTER_OPTIMIZER_VERIFIER_CONFIG_FIELD_NUMBER: ClassVar[int]
    @property
    def inter_optimizer_verifier_config(self) -> VerifierConfig: ...
    POST_OPTIMIZATION_VERIFIER_CONFIG_FIELD_NUMBER: ClassVar[int]
    @property
    def post_optimization_verifier_config(self) -> VerifierConfig: ...
    def __init__(self, *, cpu_layout_conversion: int | None = ..., layout_optimizer: int | None = ..., constant_folding: int | None = ..., shape_optimization: int | None = ..., remapping: int | None = ..., common_subgraph_elimination: int | None = ..., arithmetic_optimization: int | None = ..., dependency_optimization: int | None = ..., loop_optimization: int | None = ..., function_optimization: int | None = ..., debug_stripper: int | None = ..., disable_model_pruning: bool | None = ..., scoped_allocator_optimization: int | None = ..., pin_to_host_optimization: int | None = ..., implementation_selector: int | None = ..., auto_mixed_precision: int | None = ..., auto_mixed_precision_mkl: int | None = ..., auto_mixed_precision_onednn_bfloat16: int | None = ..., auto_mixed_precision_cpu: int | None = ..., disable_meta_optimizer: bool | None = ..., disable_tfg_optimizer: bool | None = ..., use_plugin_optimizers: int | None = ..., experimental_conditional_code_motion: int | None = ..., meta_optimizer_iterations: int | None = ..., min_graph_nodes: int | None = ..., experimental_disable_compressed_tensor_optimization: bool | None = ..., experimental_disable_folding_quantization_emulation: bool | None = ..., memory_optimization: int | None = ..., memory_optimizer_target_node_name_scope: str | None = ..., meta_optimizer_timeout_ms: int | None = ..., auto_parallel: AutoParallelOptions | None = ..., fail_on_optimizer_errors: bool | None = ..., scoped_allocator_opts: ScopedAllocatorOptions | None = ..., optimizers: Iterable[str] | None = ..., custom_optimizers: Iterable[RewriterConfig.CustomGraphOptimizer] | None = ..., inter_optimizer_verifier_config: VerifierConfig | None = ..., post_optimization_verifier_config: VerifierConfig | None = ...) -> None: ...
class SavedModel(Message):
    SAVED_MODEL_SCHEMA_VERSION_FIELD_NUMBER: ClassVar[int]
    saved_model_schema_version: int
    META_GRAPHS_FIELD_NUMBER: ClassVar[int]
    @property
    def meta_graphs(self) -> RepeatedCompositeFieldContainer[MetaGraphDef]: ...
    def __init__(self, *, saved_model_schema_version: int | None = ..., meta_graphs: Iterable[MetaGraphDef] | None = ...) -> None: ...
class SavedObjectGraph(Message):
    NODES_FIELD_NUMBER: ClassVar[int]
    @property
    def nodes(self) -> RepeatedCompositeFieldContainer[SavedObject]: ...
    CONCRETE_FUNCTIONS_FIELD_NUMBER: ClassVar[int]
    @property
    def concrete_functions(self) -> MessageMap[str, SavedConcreteFunction]: ...
    def __init__(self, *, nodes: Iterable[SavedObject] | None = ..., concrete_functions: Mapping[str, SavedConcreteFunction] | None = ...) -> None: ...
class SavedObject(Message):
    CHILDREN_FIELD_NUMBER: ClassVar[int]
    @property
    def children(self) -> RepeatedCompositeFieldContainer[TrackableObjectGraph.TrackableObject.ObjectReference]: ...
    DEPENDENCIES_FIELD_NUMBER: ClassVar[int]
    @property
    def dependencies(self) -> RepeatedCompositeFieldContainer[TrackableObjectGraph.TrackableObject.ObjectReference]: ...
    SLOT_VARIABLES_FIELD_NUMBER: ClassVar[int]
    @property
    def slot_variables(self) -> RepeatedCompositeFieldContainer[TrackableObjectGraph.TrackableObject.SlotVariableReference]: ...
    USER_OBJECT_FIELD_NUMBER: ClassVar[int]
    @property
    def user_object(self) -> SavedUserObject: ...
    ASSET_FIELD_NUMBER: ClassVar[int]
    @property
    def asset(self) -> SavedAsset: ...
    FUNCTION_FIELD_NUMBER: ClassVar[int]
    @property
    def function(self) -> SavedFunction: ...
    VARIABLE_FIELD_NUMBER: ClassVar[int]
    @property
    def variable(self) -> SavedVariable: ...
    BARE_CONCRETE_FUNCTION_FIELD_NUMBER: ClassVar[int]
    @property
    def bare_concrete_function(self) -> SavedBareConcreteFunction: ...
    CONSTANT_FIELD_NUMBER: ClassVar[int]
    @property
    def constant(self) -> SavedConstant: ...
    RESOURCE_FIELD_NUMBER: ClassVar[int]
    @property
    def resource(self) -> SavedResource: ...
    CAPTURED_TENSOR_FIELD_NUMBER: ClassVar[int]
    @property
    def captured_tensor(self) -> CapturedTensor: ...
    SAVEABLE_OBJECTS_FIELD_NUMBER: ClassVar[int]
    @property
    def saveable_objects(self) -> MessageMap[str, SaveableObject]: ...
    REGISTERED_NAME_FIELD_NUMBER: ClassVar[int]
    registered_name: str
    SERIALIZED_USER_PROTO_FIELD_NUMBER: ClassVar[int]
    @property
    def serialized_user_proto(self) -> Any: ...
    REGISTERED_SAVER_FIELD_NUMBER: ClassVar[int]
    registered_saver: str
    def __init__(self, *, children: Iterable[TrackableObjectGraph.TrackableObject.ObjectReference] | None = ..., dependencies: Iterable[TrackableObjectGraph.TrackableObject.ObjectReference] | None = ..., slot_variables: Iterable[TrackableObjectGraph.TrackableObject.SlotVariableReference] | None = ..., user_object: SavedUserObject | None = ..., asset: SavedAsset | None = ..., function: SavedFunction | None = ..., variable: SavedVariable | None = ..., bare_concrete_function: SavedBareConcreteFunction | None = ..., constant: SavedConstant | None = ..., resource: SavedResource | None = ..., captured_tensor: CapturedTensor | None = ..., saveable_objects: Mapping[str, SaveableObject] | None = ..., registered_name: str | None = ..., serialized_user_proto: Any | None = ..., registered_saver: str | None = ...) -> None: ...
class SavedUserObject(Message):
    IDENTIFIER_FIELD_NUMBER: ClassVar[int]
    identifier: str
    VERSION_FIELD_NUMBER: ClassVar[int]
    @property
    def version(self) -> VersionDef: ...
    METADATA_FIELD_NUMBER: ClassVar[int]
    metadata: str
    def __init__(self, *, identifier: str | None = ..., version: VersionDef | None = ..., metadata: str | None = ...) -> None: ...
class SavedAsset(Message):
    ASSET_FILE_DEF_INDEX_FIELD_NUMBER: ClassVar[int]
    asset_file_def_index: int
    def __init__(self, *, asset_file_def_index: int | None = ...) -> None: ...
class SavedFunction(Message):
    CONCRETE_FUNCTIONS_FIELD_NUMBER: ClassVar[int]
    @property
    def concrete_functions(self) -> RepeatedScalarFieldContainer[str]: ...
    FUNCTION_SPEC_FIELD_NUMBER: ClassVar[int]
    @property
    def function_spec(self) -> FunctionSpec: ...
    def __init__(self, *, concrete_functions: Iterable[str] | None = ..., function_spec: FunctionSpec | None = ...) -> None: ...
class CapturedTensor(Message):
    NAME_FIELD_NUMBER: ClassVar[int]
    name: str
    CONCRETE_FUNCTION_FIELD_NUMBER: ClassVar[int]
    concrete_function: str
    def __init__(self, *, name: str | None = ..., concrete_function: str | None = ...) -> None: ...
class SavedConcreteFunction(Message):
    BOUND_INPUTS_FIELD_NUMBER: ClassVar[int]
    @property
    def bound_inputs(self) -> RepeatedScalarFieldContainer[int]: ...
    CANONICALIZED_INPUT_SIGNATURE_FIELD_NUMBER: ClassVar[int]
    @property
    def canonicalized_input_signature(self) -> StructuredValue: ...
    OUTPUT_SIGNATURE_FIELD_NUMBER: ClassVar[int]
    @property
    def output_signature(self) -> StructuredValue: ...
    def __init__(self, *, bound_inputs: Iterable[int] | None = ..., canonicalized_input_signature: StructuredValue | None = ..., output_signature: StructuredValue | None = ...) -> None: ...
class SavedBareConcreteFunction(Message):
    CONCRETE_FUNCTION_NAME_FIELD_NUMBER: ClassVar[int]
    concrete_function_name: str
    ARGUMENT_KEYWORDS_FIELD_NUMBER: ClassVar[int]
    @property
    def argument_keywords(self) -> RepeatedScalarFieldContainer[str]: ...
    ALLOWED_POSITIONAL_ARGUMENTS_FIELD_NUMBER: ClassVar[int]
    allowed_positional_arguments: int
    FUNCTION_SPEC_FIELD_NUMBER: ClassVar[int]
    @property
    def function_spec(self) -> FunctionSpec: ...
    def __init__(self, *, concrete_function_name: str | None = ..., argument_keywords: Iterable[str] | None = ..., allowed_positional_arguments: int | None = ..., function_spec: FunctionSpec | None = ...) -> None: ...
class SavedConstant(Message):
    OPERATION_FIELD_NUMBER: ClassVar[int]
    operation: str
    def __init__(self, *, operation: str | None = ...) -> None: ...
class SavedVariable(Message):
    DTYPE_FIELD_NUMBER: ClassVar[int]
    dtype: int
    SHAPE_FIELD_NUMBER: ClassVar[int]
    @property
    def shape(self) -> TensorShapeProto: ...
    TRAINABLE_FIELD_NUMBER: ClassVar[int]
    trainable: bool
    SYNCHRONIZATION_FIELD_NUMBER: ClassVar[int]
    synchronization: int
    AGGREGATION_FIELD_NUMBER: ClassVar[int]
    aggregation: int
    NAME_FIELD_NUMBER: ClassVar[int]
    name: str
    DEVICE_FIELD_NUMBER: ClassVar[int]
    device: str
    EXPERIMENTAL_DISTRIBUTED_VARIABLE_COMPONENTS_FIELD_NUMBER: ClassVar[int]
    @property
    def experimental_distributed_variable_components(self) -> RepeatedCompositeFieldContainer[SavedVariable]: ...
    def __init__(self, *, dtype: int | None = ..., shape: TensorShapeProto | None = ..., trainable: bool | None = ..., synchronization: int | None = ..., aggregation: int | None = ..., name: str | None = ..., device: str | None = ..., experimental_distributed_variable_components: Iterable[SavedVariable] | None = ...) -> None: ...
class FunctionSpec(Message):
    JitCompile: ClassVar[EnumTypeWrapper]
    DEFAULT: ClassVar[int]
    ON: ClassVar[int]
    OFF: ClassVar[int]
    FULLARGSPEC_FIELD_NUMBER: ClassVar[int]
    @property
    def fullargspec(self) -> StructuredValue: ...
    IS_METHOD_FIELD_NUMBER: ClassVar[int]
    is_method: bool
    INPUT_SIGNATURE_FIELD_NUMBER: ClassVar[int]
    @property
    def input_signature(self) -> StructuredValue: ...
    JIT_COMPILE_FIELD_NUMBER: ClassVar[int]
    jit_compile: int
    def __init__(self, *, fullargspec: StructuredValue | None = ..., is_method: bool | None = ..., input_signature: StructuredValue | None = ..., jit_compile: int | None = ...) -> None: ...
class SavedResource(Message):
    DEVICE_FIELD_NUMBER: ClassVar[int]
    device: str
    def __init__(self, *, device: str | None = ...) -> None: ...
class SaveableObject(Message):
    SAVE_FUNCTION_FIELD_NUMBER: ClassVar[int]
    save_function: int
    RESTORE_FUNCTION_FIELD_NUMBER: ClassVar[int]
    restore_function: int
    def __init__(self, *, save_function: int | None = ..., restore_function: int | None = ...) -> None: ...
class SaverDef(Message):
    CheckpointFormatVersion: ClassVar[EnumTypeWrapper]
    LEGACY: ClassVar[int]
    V1: ClassVar[int]
    V2: ClassVar[int]
    FILENAME_TENSOR_NAME_FIELD_NUMBER: ClassVar[int]
    filename_tensor_name: str
    SAVE_TENSOR_NAME_FIELD_NUMBER: ClassVar[int]
    save_tensor_name: str
    RESTORE_OP_NAME_FIELD_NUMBER: ClassVar[int]
    restore_op_name: str
    MAX_TO_KEEP_FIELD_NUMBER: ClassVar[int]
    max_to_keep: int
    SHARDED_FIELD_NUMBER: ClassVar[int]
    sharded: bool
    KEEP_CHECKPOINT_EVERY_N_HOURS_FIELD_NUMBER: ClassVar[int]
    keep_checkpoint_every_n_hours: float
    VERSION_FIELD_NUMBER: ClassVar[int]
    version: int
    def __init__(self, *, filename_tensor_name: str | None = ..., save_tensor_name: str | None = ..., restore_op_name: str | None = ..., max_to_keep: int | None = ..., sharded: bool | None = ..., keep_checkpoint_every_n_hours: float | None = ..., version: int | None = ...) -> None: ...
class StructuredValue(Message):
    NONE_VALUE_FIELD_NUMBER: ClassVar[int]
    @property
    def none_value(self) -> NoneValue: ...
    FLOAT64_VALUE_FIELD_NUMBER: ClassVar[int]
    float64_value: float
    INT64_VALUE_FIELD_NUMBER: ClassVar[int]
    int64_value: int
    STRING_VALUE_FIELD_NUMBER: ClassVar[int]
    string_value: str
    BOOL_VALUE_FIELD_NUMBER: ClassVar[int]
    bool_value: bool
    TENSOR_SHAPE_VALUE_FIELD_NUMBER: ClassVar[int]
    @property
    def tensor_shape_value(self) -> TensorShapeProto: ...
    TENSOR_DTYPE_VALUE_FIELD_NUMBER: ClassVar[int]
    tensor_dtype_value: int
    TENSOR_SPEC_VALUE_FIELD_NUMBER: ClassVar[int]
    @property
    def tensor_spec_value(self) -> TensorSpecProto: ...
    TYPE_SPEC_VALUE_FIELD_NUMBER: ClassVar[int]
    @property
    def type_spec_value(self) -> TypeSpecProto: ...
    BOUNDED_TENSOR_SPEC_VALUE_FIELD_NUMBER: ClassVar[int]
    @property
    def bounded_tensor_spec_value(self) -> BoundedTensorSpecProto: ...
    LIST_VALUE_FIELD_NUMBER: ClassVar[int]
    @property
    def list_value(self) -> ListValue: ...
    TUPLE_VALUE_FIELD_NUMBER: ClassVar[int]
    @property
    def tuple_value(self) -> TupleValue: ...
    DICT_VALUE_FIELD_NUMBER: ClassVar[int]
    @property
    def dict_value(self) -> DictValue: ...
    NAMED_TUPLE_VALUE_FIELD_NUMBER: ClassVar[int]
    @property
    def named_tuple_value(self) -> NamedTupleValue: ...
    TENSOR_VALUE_FIELD_NUMBER: ClassVar[int]
    @property
    def tensor_value(self) -> TensorProto: ...
    NUMPY_VALUE_FIELD_NUMBER: ClassVar[int]
    @property
    def numpy_value(self) -> TensorProto: ...
    def __init__(self, *, none_value: NoneValue | None = ..., float64_value: float | None = ..., int64_value: int | None = ..., string_value: str | None = ..., bool_value: bool | None = ..., tensor_shape_value: TensorShapeProto | None = ..., tensor_dtype_value: int | None = ..., tensor_spec_value: TensorSpecProto | None = ..., type_spec_value: TypeSpecProto | None = ..., bounded_tensor_spec_value: BoundedTensorSpecProto | None = ..., list_value: ListValue | None = ..., tuple_value: TupleValue | None = ..., dict_value: DictValue | None = ..., named_tuple_value: NamedTupleValue | None = ..., tensor_value: TensorProto | None = ..., numpy_value: TensorProto | None = ...) -> None: ...
class NoneValue(Message):
    def __init__(self, ) -> None: ...
class ListValue(Message):
    VALUES_FIELD_NUMBER: ClassVar[int]
    @property
    def values(self) -> RepeatedCompositeFieldContainer[StructuredValue]: ...
    def __init__(self, *, values: Iterable[StructuredValue] | None = ...) -> None: ...
class TupleValue(Message):
    VALUES_FIELD_NUMBER: ClassVar[int]
    @property
    def values(self) -> RepeatedCompositeFieldContainer[StructuredValue]: ...
    def __init__(self, *, values: Iterable[StructuredValue] | None = ...) -> None: ...
class DictValue(Message):
    FIELDS_FIELD_NUMBER: ClassVar[int]
    @property
    def fields(self) -> MessageMap[str, StructuredValue]: ...
    def __init__(self, *, fields: Mapping[str, StructuredValue] | None = ...) -> None: ...
class PairValue(Message):
    KEY_FIELD_NUMBER: ClassVar[int]
    key: str
    VALUE_FIELD_NUMBER: ClassVar[int]
    @property
    def value(self) -> StructuredValue: ...
    def __init__(self, *, key: str | None = ..., value: StructuredValue | None = ...) -> None: ...
class NamedTupleValue(Message):
    NAME_FIELD_NUMBER: ClassVar[int]
    name: str
    VALUES_FIELD_NUMBER: ClassVar[int]
    @property
    def values(self) -> RepeatedCompositeFieldContainer[PairValue]: ...
    def __init__(self, *, name: str | None = ..., values: Iterable[PairValue] | None = ...) -> None: ...
class TensorSpecProto(Message):
    NAME_FIELD_NUMBER: ClassVar[int]
    name: str
    SHAPE_FIELD_NUMBER: ClassVar[int]
    @property
    def shape(self) -> TensorShapeProto: ...
    DTYPE_FIELD_NUMBER: ClassVar[int]
    dtype: int
    def __init__(self, *, name: str | None = ..., shape: TensorShapeProto | None = ..., dtype: int | None = ...) -> None: ...
class BoundedTensorSpecProto(Message):
    NAME_FIELD_NUMBER: ClassVar[int]
    name: str
    SHAPE_FIELD_NUMBER: ClassVar[int]
    @property
    def shape(self) -> TensorShapeProto: ...
    DTYPE_FIELD_NUMBER: ClassVar[int]
    dtype: int
    MINIMUM_FIELD_NUMBER: ClassVar[int]
    @property
    def minimum(self) -> TensorProto: ...
    MAXIMUM_FIELD_NUMBER: ClassVar[int]
    @property
    def maximum(self) -> TensorProto: ...
    def __init__(self, *, name: str | None = ..., shape: TensorShapeProto | None = ..., dtype: int | None = ..., minimum: TensorProto | None = ..., maximum: TensorProto | None = ...) -> None: ...
class TypeSpecProto(Message):
    TypeSpecClass: ClassVar[EnumTypeWrapper]
    UNKNOWN: ClassVar[int]
    SPARSE_TENSOR_SPEC: ClassVar[int]
    INDEXED_SLICES_SPEC: ClassVar[int]
    RAGGED_TENSOR_SPEC: ClassVar[int]
    TENSOR_ARRAY_SPEC: ClassVar[int]
    DATA_DATASET_SPEC: ClassVar[int]
    DATA_ITERATOR_SPEC: ClassVar[int]
    OPTIONAL_SPEC: ClassVar[int]
    PER_REPLICA_SPEC: ClassVar[int]
    VARIABLE_SPEC: ClassVar[int]
    ROW_PARTITION_SPEC: ClassVar[int]
    REGISTERED_TYPE_SPEC: ClassVar[int]
    EXTENSION_TYPE_SPEC: ClassVar[int]
    TYPE_SPEC_CLASS_FIELD_NUMBER: ClassVar[int]
    type_spec_class: int
    TYPE_STATE_FIELD_NUMBER: ClassVar[int]
    @property
    def type_state(self) -> StructuredValue: ...
    TYPE_SPEC_CLASS_NAME_FIELD_NUMBER: ClassVar[int]
    type_spec_class_name: str
    NUM_FLAT_COMPONENTS_FIELD_NUMBER: ClassVar[int]
    num_flat_components: int
    def __init__(self, *, type_spec_class: int | None = ..., type_state: StructuredValue | None = ..., type_spec_class_name: str | None = ..., num_flat_components: int | None = ...) -> None: ...
class BundleHeaderProto(Message):
    Endianness: ClassVar[EnumTypeWrapper]
    LITTLE: ClassVar[int]
    BIG: ClassVar[int]
    NUM_SHARDS_FIELD_NUMBER: ClassVar[int]
    num_shards: int
    ENDIANNESS_FIELD_NUMBER: ClassVar[int]
    endianness: int
    VERSION_FIELD_NUMBER: ClassVar[int]
    @property
    def version(self) -> VersionDef: ...
    def __init__(self, *, num_shards: int | None = ..., endianness: int | None = ..., version: VersionDef | None = ...) -> None: ...
class BundleEntryProto(Message):
    DTYPE_FIELD_NUMBER: ClassVar[int]
    dtype: int
    SHAPE_FIELD_NUMBER: ClassVar[int]
    @property
    def shape(self) -> TensorShapeProto: ...
    SHARD_ID_FIELD_NUMBER: ClassVar[int]
    shard_id: int
    OFFSET_FIELD_NUMBER: ClassVar[int]
    offset: int
    SIZE_FIELD_NUMBER: ClassVar[int]
    size: int
    CRC32C_FIELD_NUMBER: ClassVar[int]
    crc32c: int
    SLICES_FIELD_NUMBER: ClassVar[int]
    @property
    def slices(self) -> RepeatedCompositeFieldContainer[TensorSliceProto]: ...
    def __init__(self, *, dtype: int | None = ..., shape: TensorShapeProto | None = ..., shard_id: int | None = ..., offset: int | None = ..., size: int | None = ..., crc32c: int | None = ..., slices: Iterable[TensorSliceProto] | None = ...) -> None: ...
class TrackableObjectGraph(Message):
    class TrackableObject(Message):
        class ObjectReference(Message):
            NODE_ID_FIELD_NUMBER: ClassVar[int]
            node_id: int
            LOCAL_NAME_FIELD_NUMBER: ClassVar[int]
            local_name: str
            def __init__(self, *, node_id: int | None = ..., local_name: str | None = ...) -> None: ...
        class SerializedTensor(Message):
            NAME_FIELD_NUMBER: ClassVar[int]
            name: str
            FULL_NAME_FIELD_NUMBER: ClassVar[int]
            full_name: str
            CHECKPOINT_KEY_FIELD_NUMBER: ClassVar[int]
            checkpoint_key: str
            def __init__(self, *, name: str | None = ..., full_name: str | None = ..., checkpoint_key: str | None = ...) -> None: ...
        class SlotVariableReference(Message):
            ORIGINAL_VARIABLE_NODE_ID_FIELD_NUMBER: ClassVar[int]
            original_variable_node_id: int
            SLOT_NAME_FIELD_NUMBER: ClassVar[int]
            slot_name: str
            SLOT_VARIABLE_NODE_ID_FIELD_NUMBER: ClassVar[int]
            slot_variable_node_id: int
            def __init__(self, *, original_variable_node_id: int | None = ..., slot_name: str | None = ..., slot_variable_node_id: int | None = ...) -> None: ...
        CHILDREN_FIELD_NUMBER: ClassVar[int]
        @property
        def children(self) -> RepeatedCompositeFieldContainer[TrackableObjectGraph.TrackableObject.ObjectReference]: ...
        ATTRIBUTES_FIELD_NUMBER: ClassVar[int]
        @property
        def attributes(self) -> RepeatedCompositeFieldContainer[TrackableObjectGraph.TrackableObject.SerializedTensor]: ...
        SLOT_VARIABLES_FIELD_NUMBER: ClassVar[int]
        @property
        def slot_variables(self) -> RepeatedCompositeFieldContainer[TrackableObjectGraph.TrackableObject.SlotVariableReference]: ...
        REGISTERED_SAVER_FIELD_NUMBER: ClassVar[int]
        @property
        def registered_saver(self) -> RegisteredSaver: ...
        HAS_CHECKPOINT_VALUES_FIELD_NUMBER: ClassVar[int]
        @property
        def has_checkpoint_values(self) -> BoolValue: ...
        def __init__(self, *, children: Iterable[TrackableObjectGraph.TrackableObject.ObjectReference] | None = ..., attributes: Iterable[TrackableObjectGraph.TrackableObject.SerializedTensor] | None = ..., slot_variables: Iterable[TrackableObjectGraph.TrackableObject.SlotVariableReference] | None = ..., registered_saver: RegisteredSaver | None = ..., has_checkpoint_values: BoolValue | None = ...) -> None: ...
    NODES_FIELD_NUMBER: ClassVar[int]
    @property
    def nodes(self) -> RepeatedCompositeFieldContainer[TrackableObjectGraph.TrackableObject]: ...
    def __init__(self, *, nodes: Iterable[TrackableObjectGraph.TrackableObject] | None = ...) -> None: ...
class RegisteredSaver(Message):
    NAME_FIELD_NUMBER: ClassVar[int]
    name: str
    OBJECT_NAME_FIELD_NUMBER: ClassVar[int]
    object_name: str
    def __init__(self, *, name: str | None = ..., object_name: str | None = ...) -> None: ...
class VerifierConfig(Message):
    Toggle: ClassVar[EnumTypeWrapper]
    DEFAULT: ClassVar[int]
    ON: ClassVar[int]
    OFF: ClassVar[int]
    VERIFICATION_TIMEOUT_IN_MS_FIELD_NUMBER: ClassVar[int]
    verification_timeout_in_ms: int
    STRUCTURE_VERIFIER_FIELD_NUMBER: ClassVar[int]
    structure_verifier: int
    def __init__(self, *, verification_timeout_in_ms: int | None = ..., structure_verifier: int | None = ...) -> None: ...
class Class(Message):
    LABEL_FIELD_NUMBER: ClassVar[int]
    label: str
    SCORE_FIELD_NUMBER: ClassVar[int]
    score: float
    def __init__(self, *, label: str | None = ..., score: float | None = ...) -> None: ...
class Classifications(Message):
    CLASSES_FIELD_NUMBER: ClassVar[int]
    @property
    def classes(self) -> RepeatedCompositeFieldContainer[Class]: ...
    def __init__(self, *, classes: Iterable[Class] | None = ...) -> None: ...
class ClassificationResult(Message):
    CLASSIFICATIONS_FIELD_NUMBER: ClassVar[int]
    @property
    def classifications(self) -> RepeatedCompositeFieldContainer[Classifications]: ...
    def __init__(self, *, classifications: Iterable[Classifications] | None = ...) -> None: ...
class ClassificationRequest(Message):
    MODEL_SPEC_FIELD_NUMBER: ClassVar[int]
    @property
    def model_spec(self) -> ModelSpec: ...
    INPUT_FIELD_NUMBER: ClassVar[int]
    @property
    def input(self) -> Input: ...
    def __init__(self, *, model_spec: ModelSpec | None = ..., input: Input | None = ...) -> None: ...
class ClassificationResponse(Message):
    MODEL_SPEC_FIELD_NUMBER: ClassVar[int]
    @property
    def model_spec(self) -> ModelSpec: ...
    RESULT_FIELD_NUMBER: ClassVar[int]
    @property
    def result(self) -> ClassificationResult: ...
    def __init__(self, *, model_spec: ModelSpec | None = ..., result: ClassificationResult | None = ...) -> None: ...
class InferenceTask(Message):
    MODEL_SPEC_FIELD_NUMBER: ClassVar[int]
    @property
    def model_spec(self) -> ModelSpec: ...
    METHOD_NAME_FIELD_NUMBER: ClassVar[int]
    method_name: str
    def __init__(self, *, model_spec: ModelSpec | None = ..., method_name: str | None = ...) -> None: ...
class InferenceResult(Message):
    MODEL_SPEC_FIELD_NUMBER: ClassVar[int]
    @property
    def model_spec(self) -> ModelSpec: ...
    CLASSIFICATION_RESULT_FIELD_NUMBER: ClassVar[int]
    @property
    def classification_result(self) -> ClassificationResult: ...
    REGRESSION_RESULT_FIELD_NUMBER: ClassVar[int]
    @property
    def regression_result(self) -> RegressionResult: ...
    def __init__(self, *, model_spec: ModelSpec | None = ..., classification_result: ClassificationResult | None = ..., regression_result: RegressionResult | None = ...) -> None: ...
class MultiInferenceRequest(Message):
    TASKS_FIELD_NUMBER: ClassVar[int]
    @property
    def tasks(self) -> RepeatedCompositeFieldContainer[InferenceTask]: ...
    INPUT_FIELD_NUMBER: ClassVar[int]
    @property
    def input(self) -> Input: ...
    def __init__(self, *, tasks: Iterable[InferenceTask] | None = ..., input: Input | None = ...) -> None: ...
class MultiInferenceResponse(Message):
    RESULTS_FIELD_NUMBER: ClassVar[int]
    @property
    def results(self) -> RepeatedCompositeFieldContainer[InferenceResult]: ...
    def __init__(self, *, results: Iterable[InferenceResult] | None = ...) -> None: ...
class ExampleList(Message):
    EXAMPLES_FIELD_NUMBER: ClassVar[int]
    @property
    def examples(self) -> RepeatedCompositeFieldContainer[Example]: ...
    def __init__(self, *, examples: Iterable[Example] | None = ...) -> None: ...
class ExampleListWithContext(Message):
    EXAMPLES_FIELD_NUMBER: ClassVar[int]
    @property
    def examples(self) -> RepeatedCompositeFieldContainer[Example]: ...
    CONTEXT_FIELD_NUMBER: ClassVar[int]
    @property
    def context(self) -> Example: ...
    def __init__(self, *, examples: Iterable[Example] | None = ..., context: Example | None = ...) -> None: ...
class Input(Message):
    EXAMPLE_LIST_FIELD_NUMBER: ClassVar[int]
    @property
    def example_list(self) -> ExampleList: ...
    EXAMPLE_LIST_WITH_CONTEXT_FIELD_NUMBER: ClassVar[int]
    @property
    def example_list_with_context(self) -> ExampleListWithContext: ...
    def __init__(self, *, example_list: ExampleList | None = ..., example_list_with_context: ExampleListWithContext | None = ...) -> None: ...
class LogMetadata(Message):
    MODEL_SPEC_FIELD_NUMBER: ClassVar[int]
    @property
    def model_spec(self) -> ModelSpec: ...
    SAMPLING_CONFIG_FIELD_NUMBER: ClassVar[int]
    @property
    def sampling_config(self) -> SamplingConfig: ...
    SAVED_MODEL_TAGS_FIELD_NUMBER: ClassVar[int]
    @property
    def saved_model_tags(self) -> RepeatedScalarFieldContainer[str]: ...
    TIMESTAMP_SECS_FIELD_NUMBER: ClassVar[int]
    timestamp_secs: int
    DC_FIELD_NUMBER: ClassVar[int]
    dc: str
    REQUEST_ORIGIN_FIELD_NUMBER: ClassVar[int]
    request_origin: str
    REQUEST_CRITICALITY_FIELD_NUMBER: ClassVar[int]
    request_criticality: str
    SAFE_AGGREGATION_PRIVACY_KEY_FIELD_NUMBER: ClassVar[int]
    safe_aggregation_privacy_key: int
    def __init__(self, *, model_spec: ModelSpec | None = ..., sampling_config: SamplingConfig | None = ..., saved_model_tags: Iterable[str] | None = ..., timestamp_secs: int | None = ..., dc: str | None = ..., request_origin: str | None = ..., request_criticality: str | None = ..., safe_aggregation_privacy_key: int | None = ...) -> None: ...
class ModelSpec(Message):
    NAME_FIELD_NUMBER: ClassVar[int]
    name: str
    VERSION_FIELD_NUMBER: ClassVar[int]
    @property
    def version(self) -> Int64Value: ...
    VERSION_LABEL_FIELD_NUMBER: ClassVar[int]
    version_label: str
    SIGNATURE_NAME_FIELD_NUMBER: ClassVar[int]
    signature_name: str
    def __init__(self, *, name: str | None = ..., version: Int64Value | None = ..., version_label: str | None = ..., signature_name: str | None = ...) -> None: ...
class PredictRequest(Message):
    class RequestOptions(Message):
        class Handshake(Message):
            ESTIMATED_PAYLOAD_BYTES_FIELD_NUMBER: ClassVar[int]
            estimated_payload_bytes: int
            def __init__(self, *, estimated_payload_bytes: int | None = ...) -> None: ...
        DeterministicMode: ClassVar[EnumTypeWrapper]
        DETERMINISTIC_MODE_UNSPECIFIED: ClassVar[int]
        FIXED_DECODER_SLOT: ClassVar[int]
        CLIENT_ID_FIELD_NUMBER: ClassVar[int]
        client_id: bytes
        DETERMINISTIC_MODE_FIELD_NUMBER: ClassVar[int]
        deterministic_mode: int
        RETURN_ADDITIONAL_ARRAYS_FROM_PREFILL_FIELD_NUMBER: ClassVar[int]
        return_additional_arrays_from_prefill: bool
        RETURN_STOPTOKENS_FIELD_NUMBER: ClassVar[int]
        @property
        def return_stoptokens(self) -> RepeatedScalarFieldContainer[int]: ...
        RETURN_ALL_STOPTOKENS_FIELD_NUMBER: ClassVar[int]
        return_all_stoptokens: bool
        MAX_CACHE_LENGTH_FIELD_NUMBER: ClassVar[int]
        max_cache_length: int
        HANDSHAKE_FIELD_NUMBER: ClassVar[int]
        @property
        def handshake(self) -> PredictRequest.RequestOptions.Handshake: ...
        def __init__(self, *, client_id: bytes | None = ..., deterministic_mode: int | None = ..., return_additional_arrays_from_prefill: bool | None = ..., return_stoptokens: Iterable[int] | None = ..., return_all_stoptokens: bool | None = ..., max_cache_length: int | None = ..., handshake: PredictRequest.RequestOptions.Handshake | None = ...) -> None: ...
    MODEL_SPEC_FIELD_NUMBER: ClassVar[int]
    @property
    def model_spec(self) -> ModelSpec: ...
    INPUTS_FIELD_NUMBER: ClassVar[int]
    @property
    def inputs(self) -> MessageMap[str, TensorProto]: ...
    OUTPUT_FILTER_FIELD_NUMBER: ClassVar[int]
    @property
    def output_filter(self) -> RepeatedScalarFieldContainer[str]: ...
    PREDICT_STREAMED_OPTIONS_FIELD_NUMBER: ClassVar[int]
    @property
    def predict_streamed_options(self) -> PredictStreamedOptions: ...
    CLIENT_ID_FIELD_NUMBER: ClassVar[int]
    client_id: bytes
    REQUEST_OPTIONS_FIELD_NUMBER: ClassVar[int]
    @property
    def request_options(self) -> PredictRequest.RequestOptions: ...
    def __init__(self, *, model_spec: ModelSpec | None = ..., inputs: Mapping[str, TensorProto] | None = ..., output_filter: Iterable[str] | None = ..., predict_streamed_options: PredictStreamedOptions | None = ..., client_id: bytes | None = ..., request_options: PredictRequest.RequestOptions | None = ...) -> None: ...
class PredictStreamedOptions(Message):
    RequestState: ClassVar[EnumTypeWrapper]
    NONE: ClassVar[int]
    SPLIT: ClassVar[int]
    END_SPLIT: ClassVar[int]
    CANCEL: ClassVar[int]
    REQUEST_STATE_FIELD_NUMBER: ClassVar[int]
    request_state: int
    SPLIT_DIMENSIONS_FIELD_NUMBER: ClassVar[int]
    @property
    def split_dimensions(self) -> ScalarMap[str, int]: ...
    RETURN_SINGLE_RESPONSE_FIELD_NUMBER: ClassVar[int]
    return_single_response: bool
    def __init__(self, *, request_state: int | None = ..., split_dimensions: Mapping[str, int] | None = ..., return_single_response: bool | None = ...) -> None: ...
class PredictResponse(Message):
    MODEL_SPEC_FIELD_NUMBER: ClassVar[int]
    @property
    def model_spec(self) -> ModelSpec: ...
    OUTPUTS_FIELD_NUMBER: ClassVar[int]
    @property
    def outputs(self) -> MessageMap[str, TensorProto]: ...
    def __init__(self, *, model_spec: ModelSpec | None = ..., outputs: Mapping[str, TensorProto] | None = ...) -> None: ...
class ClassifyLog(Message):
    REQUEST_FIELD_NUMBER: ClassVar[int]
    @property
    def request(self) -> ClassificationRequest: ...
    RESPONSE_FIELD_NUMBER: ClassVar[int]
    @property
    def response(self) -> ClassificationResponse: ...
    def __init__(self, *, request: ClassificationRequest | None = ..., response: ClassificationResponse | None = ...) -> None: ...
class RegressLog(Message):
    REQUEST_FIELD_NUMBER: ClassVar[int]
    @property
    def request(self) -> RegressionRequest: ...
    RESPONSE_FIELD_NUMBER: ClassVar[int]
    @property
    def response(self) -> RegressionResponse: ...
    def __init__(self, *, request: RegressionRequest | None = ..., response: RegressionResponse | None = ...) -> None: ...
class PredictLog(Message):
    REQUEST_FIELD_NUMBER: ClassVar[int]
    @property
    def request(self) -> PredictRequest: ...
    RESPONSE_FIELD_NUMBER: ClassVar[int]
    @property
    def response(self) -> PredictResponse: ...
    def __init__(self, *, request: PredictRequest | None = ..., response: PredictResponse | None = ...) -> None: ...
class PredictStreamedLog(Message):
    REQUEST_FIELD_NUMBER: ClassVar[int]
    @property
    def request(self) -> RepeatedCompositeFieldContainer[PredictRequest]: ...
    RESPONSE_FIELD_NUMBER: ClassVar[int]
    @property
    def response(self) -> RepeatedCompositeFieldContainer[PredictResponse]: ...
    def __init__(self, *, request: Iterable[PredictRequest] | None = ..., response: Iterable[PredictResponse] | None = ...) -> None: ...
class MultiInferenceLog(Message):
    REQUEST_FIELD_NUMBER: ClassVar[int]
    @property
    def request(self) -> MultiInferenceRequest: ...
    RESPONSE_FIELD_NUMBER: ClassVar[int]
    @property
    def response(self) -> MultiInferenceResponse: ...
    def __init__(self, *, request: MultiInferenceRequest | None = ..., response: MultiInferenceResponse | None = ...) -> None: ...
class SessionRunLog(Message):
    REQUEST_FIELD_NUMBER: ClassVar[int]
    @property
    def request(self) -> SessionRunRequest: ...
    RESPONSE_FIELD_NUMBER: ClassVar[int]
    @property
    def response(self) -> SessionRunResponse: ...
    def __init__(self, *, request: SessionRunRequest | None = ..., response: SessionRunResponse | None = ...) -> None: ...
class PredictionLog(Message):
    LOG_METADATA_FIELD_NUMBER: ClassVar[int]
    @property
    def log_metadata(self) -> LogMetadata: ...
    CLASSIFY_LOG_FIELD_NUMBER: ClassVar[int]
    @property
    def classify_log(self) -> ClassifyLog: ...
    REGRESS_LOG_FIELD_NUMBER: ClassVar[int]
    @property
    def regress_log(self) -> RegressLog: ...
    PREDICT_LOG_FIELD_NUMBER: ClassVar[int]
    @property
    def predict_log(self) -> PredictLog: ...
    PREDICT_STREAMED_LOG_FIELD_NUMBER: ClassVar[int]
    @property
    def predict_streamed_log(self) -> PredictStreamedLog: ...
    MULTI_INFERENCE_LOG_FIELD_NUMBER: ClassVar[int]
    @property
    def multi_inference_log(self) -> MultiInferenceLog: ...
    SESSION_RUN_LOG_FIELD_NUMBER: ClassVar[int]
    @property
    def session_run_log(self) -> SessionRunLog: ...
    def __init__(self, *, log_metadata: LogMetadata | None = ..., classify_log: ClassifyLog | None = ..., regress_log: RegressLog | None = ..., predict_log: PredictLog | None = ..., predict_streamed_log: PredictStreamedLog | None = ..., multi_inference_log: MultiInferenceLog | None = ..., session_run_log: SessionRunLog | None = ...) -> None: ...
class Regression(Message):
    VALUE_FIELD_NUMBER: ClassVar[int]
    value: float
    def __init__(self, *, value: float | None = ...) -> None: ...
class RegressionResult(Message):
    REGRESSIONS_FIELD_NUMBER: ClassVar[int]
    @property
    def regressions(self) -> RepeatedCompositeFieldContainer[Regression]: ...
    def __init__(self, *, regressions: Iterable[Regression] | None = ...) -> None: ...
class RegressionRequest(Message):
    MODEL_SPEC_FIELD_NUMBER: ClassVar[int]
    @property
    def model_spec(self) -> ModelSpec: ...
    INPUT_FIELD_NUMBER: ClassVar[int]
    @property
    def input(self) -> Input: ...
    def __init__(self, *, model_spec: ModelSpec | None = ..., input: Input | None = ...) -> None: ...
class RegressionResponse(Message):
    MODEL_SPEC_FIELD_NUMBER: ClassVar[int]
    @property
    def model_spec(self) -> ModelSpec: ...
    RESULT_FIELD_NUMBER: ClassVar[int]
    @property
    def result(self) -> RegressionResult: ...
    def __init__(self, *, model_spec: ModelSpec | None = ..., result: RegressionResult | None = ...) -> None: ...
class SessionRunRequest(Message):
    MODEL_SPEC_FIELD_NUMBER: ClassVar[int]
    @property
    def model_spec(self) -> ModelSpec: ...
    FEED_FIELD_NUMBER: ClassVar[int]
    @property
    def feed(self) -> RepeatedCompositeFieldContainer[NamedTensorProto]: ...
    FETCH_FIELD_NUMBER: ClassVar[int]
    @property
    def fetch(self) -> RepeatedScalarFieldContainer[str]: ...
    TARGET_FIELD_NUMBER: ClassVar[int]
    @property
    def target(self) -> RepeatedScalarFieldContainer[str]: ...
    TENSOR_NAME_IS_ALIAS_FIELD_NUMBER: ClassVar[int]
    tensor_name_is_alias: bool
    OPTIONS_FIELD_NUMBER: ClassVar[int]
    @property
    def options(self) -> RunOptions: ...
    def __init__(self, *, model_spec: ModelSpec | None = ..., feed: Iterable[NamedTensorProto] | None = ..., fetch: Iterable[str] | None = ..., target: Iterable[str] | None = ..., tensor_name_is_alias: bool | None = ..., options: RunOptions | None = ...) -> None: ...
class SessionRunResponse(Message):
    MODEL_SPEC_FIELD_NUMBER: ClassVar[int]
    @property
    def model_spec(self) -> ModelSpec: ...
    TENSOR_FIELD_NUMBER: ClassVar[int]
    @property
    def tensor(self) -> RepeatedCompositeFieldContainer[NamedTensorProto]: ...
    METADATA_FIELD_NUMBER: ClassVar[int]
    @property
    def metadata(self) -> RunMetadata: ...
    def __init__(self, *, model_spec: ModelSpec | None = ..., tensor: Iterable[NamedTensorProto] | None = ..., metadata: RunMetadata | None = ...) -> None: ...
class FileSystemStoragePathSourceConfig(Message):
    class ServableVersionPolicy(Message):
        class Latest(Message):
            NUM_VERSIONS_FIELD_NUMBER: ClassVar[int]
            num_versions: int
            def __init__(self, *, num_versions: int | None = ...) -> None: ...
        class All(Message):
            def __init__(self, ) -> None: ...
        class Specific(Message):
            VERSIONS_FIELD_NUMBER: ClassVar[int]
            @property
            def versions(self) -> RepeatedScalarFieldContainer[int]: ...
            def __init__(self, *, versions: Iterable[int] | None = ...) -> None: ...
        LATEST_FIELD_NUMBER: ClassVar[int]
        @property
        def latest(self) -> FileSystemStoragePathSourceConfig.ServableVersionPolicy.Latest: ...
        ALL_FIELD_NUMBER: ClassVar[int]
        @property
        def all(self) -> FileSystemStoragePathSourceConfig.ServableVersionPolicy.All: ...
        SPECIFIC_FIELD_NUMBER: ClassVar[int]
        @property
        def specific(self) -> FileSystemStoragePathSourceConfig.ServableVersionPolicy.Specific: ...
        def __init__(self, *, latest: FileSystemStoragePathSourceConfig.ServableVersionPolicy.Latest | None = ..., all: FileSystemStoragePathSourceConfig.ServableVersionPolicy.All | None = ..., specific: FileSystemStoragePathSourceConfig.ServableVersionPolicy.Specific | None = ...) -> None: ...
    class ServableToMonitor(Message):
        SERVABLE_NAME_FIELD_NUMBER: ClassVar[int]
        servable_name: str
        BASE_PATH_FIELD_NUMBER: ClassVar[int]
        base_path: str
        SERVABLE_VERSION_POLICY_FIELD_NUMBER: ClassVar[int]
        @property
        def servable_version_policy(self) -> FileSystemStoragePathSourceConfig.ServableVersionPolicy: ...
        def __init__(self, *, servable_name: str | None = ..., base_path: str | None = ..., servable_version_policy: FileSystemStoragePathSourceConfig.ServableVersionPolicy | None = ...) -> None: ...
    SERVABLES_FIELD_NUMBER: ClassVar[int]
    @property
    def servables(self) -> RepeatedCompositeFieldContainer[FileSystemStoragePathSourceConfig.ServableToMonitor]: ...
    FILE_SYSTEM_POLL_WAIT_SECONDS_FIELD_NUMBER: ClassVar[int]
    file_system_poll_wait_seconds: int
    FAIL_IF_ZERO_VERSIONS_AT_STARTUP_FIELD_NUMBER: ClassVar[int]
    fail_if_zero_versions_at_startup: bool
    SERVABLE_VERSIONS_ALWAYS_PRESENT_FIELD_NUMBER: ClassVar[int]
    servable_versions_always_present: bool
    def __init__(self, *, servables: Iterable[FileSystemStoragePathSourceConfig.ServableToMonitor] | None = ..., file_system_poll_wait_seconds: int | None = ..., fail_if_zero_versions_at_startup: bool | None = ..., servable_versions_always_present: bool | None = ...) -> None: ...
class LogCollectorConfig(Message):
    TYPE_FIELD_NUMBER: ClassVar[int]
    type: str
    FILENAME_PREFIX_FIELD_NUMBER: ClassVar[int]
    filename_prefix: str
    def __init__(self, *, type: str | None = ..., filename_prefix: str | None = ...) -> None: ...
class PerTaskSamplingConfig(Message):
    DC_FIELD_NUMBER: ClassVar[int]
    dc: str
    TASK_INDEX_FIELD_NUMBER: ClassVar[int]
    task_index: int
    SAMPLING_RATE_FIELD_NUMBER: ClassVar[int]
    sampling_rate: float
    def __init__(self, *, dc: str | None = ..., task_index: int | None = ..., sampling_rate: float | None = ...) -> None: ...
class SamplingConfig(Message):
    Attributes: ClassVar[EnumTypeWrapper]
    ATTR_DEFAULT: ClassVar[int]
    ATTR_REQUEST_ORIGIN: ClassVar[int]
    ATTR_REQUEST_CRITICALITY: ClassVar[int]
    SAMPLING_RATE_FIELD_NUMBER: ClassVar[int]
    sampling_rate: float
    PER_TASK_SAMPLING_CONFIGS_FIELD_NUMBER: ClassVar[int]
    @property
    def per_task_sampling_configs(self) -> RepeatedCompositeFieldContainer[PerTaskSamplingConfig]: ...
    ATTRIBUTES_FIELD_NUMBER: ClassVar[int]
    attributes: int
    def __init__(self, *, sampling_rate: float | None = ..., per_task_sampling_configs: Iterable[PerTaskSamplingConfig] | None = ..., attributes: int | None = ...) -> None: ...
class LoggingConfig(Message):
    LOG_COLLECTOR_CONFIG_FIELD_NUMBER: ClassVar[int]
    @property
    def log_collector_config(self) -> LogCollectorConfig: ...
    SAMPLING_CONFIG_FIELD_NUMBER: ClassVar[int]
    @property
    def sampling_config(self) -> SamplingConfig: ...
    CUSTOM_LOGGING_CONFIG_FIELD_NUMBER: ClassVar[int]
    @property
    def custom_logging_config(self) -> Any: ...
    def __init__(self, *, log_collector_config: LogCollectorConfig | None = ..., sampling_config: SamplingConfig | None = ..., custom_logging_config: Any | None = ...) -> None: ...
ModelType: EnumTypeWrapper
class ModelConfig(Message):
    NAME_FIELD_NUMBER: ClassVar[int]
    name: str
    BASE_PATH_FIELD_NUMBER: ClassVar[int]
    base_path: str
    MODEL_TYPE_FIELD_NUMBER: ClassVar[int]
    model_type: int
    MODEL_PLATFORM_FIELD_NUMBER: ClassVar[int]
    model_platform: str
    MODEL_VERSION_POLICY_FIELD_NUMBER: ClassVar[int]
    @property
    def model_version_policy(self) -> FileSystemStoragePathSourceConfig.ServableVersionPolicy: ...
    VERSION_LABELS_FIELD_NUMBER: ClassVar[int]
    @property
    def version_labels(self) -> ScalarMap[str, int]: ...
    LOGGING_CONFIG_FIELD_NUMBER: ClassVar[int]
    @property
    def logging_config(self) -> LoggingConfig: ...
    def __init__(self, *, name: str | None = ..., base_path: str | None = ..., model_type: int | None = ..., model_platform: str | None = ..., model_version_policy: FileSystemStoragePathSourceConfig.ServableVersionPolicy | None = ..., version_labels: Mapping[str, int] | None = ..., logging_config: LoggingConfig | None = ...) -> None: ...
class ModelConfigList(Message):
    CONFIG_FIELD_NUMBER: ClassVar[int]
    @property
    def config(self) -> RepeatedCompositeFieldContainer[ModelConfig]: ...
    def __init__(self, *, config: Iterable[ModelConfig] | None = ...) -> None: ...
class ModelServerConfig(Message):
    MODEL_CONFIG_LIST_FIELD_NUMBER: ClassVar[int]
    @property
    def model_config_list(self) -> ModelConfigList: ...
    CUSTOM_MODEL_CONFIG_FIELD_NUMBER: ClassVar[int]
    @property
    def custom_model_config(self) -> Any: ...
    def __init__(self, *, model_config_list: ModelConfigList | None = ..., custom_model_config: Any | None = ...) -> None: ...
class CoordinatedJob(Message):
    NAME_FIELD_NUMBER: ClassVar[int]
    name: str
    NUM_TASKS_FIELD_NUMBER: ClassVar[int]
    num_tasks: int
    def __init__(self, *, name: str | None = ..., num_tasks: int | None = ...) -> None: ...
class CoordinationServiceConfig(Message):
    SERVICE_TYPE_FIELD_NUMBER: ClassVar[int]
    service_type: str
    SERVICE_LEADER_FIELD_NUMBER: ClassVar[int]
    service_leader: str
    ENABLE_HEALTH_CHECK_FIELD_NUMBER: ClassVar[int]
    enable_health_check: bool
    CLUSTER_REGISTER_TIMEOUT_IN_MS_FIELD_NUMBER: ClassVar[int]
    cluster_register_timeout_in_ms: int
    CLUSTER_REGISTER_WITH_BARRIER_FIELD_NUMBER: ClassVar[int]
    cluster_register_with_barrier: bool
    HEARTBEAT_TIMEOUT_IN_MS_FIELD_NUMBER: ClassVar[int]
    heartbeat_timeout_in_ms: int
    COORDINATED_JOB_LIST_FIELD_NUMBER: ClassVar[int]
    @property
    def coordinated_job_list(self) -> RepeatedCompositeFieldContainer[CoordinatedJob]: ...
    SHUTDOWN_BARRIER_TIMEOUT_IN_MS_FIELD_NUMBER: ClassVar[int]
    shutdown_barrier_timeout_in_ms: int
    AGENT_DESTRUCTION_WITHOUT_SHUTDOWN_FIELD_NUMBER: ClassVar[int]
    agent_destruction_without_shutdown: bool
    RECOVERABLE_JOBS_FIELD_NUMBER: ClassVar[int]
    @property
    def recoverable_jobs(self) -> RepeatedScalarFieldContainer[str]: ...
    ALLOW_NEW_INCARNATION_TO_RECONNECT_FIELD_NUMBER: ClassVar[int]
    allow_new_incarnation_to_reconnect: bool
    FORCE_DISABLE_FIELD_NUMBER: ClassVar[int]
    force_disable: bool
    POLL_FOR_ERROR_FROM_SERVICE_AT_STARTUP_FIELD_NUMBER: ClassVar[int]
    poll_for_error_from_service_at_startup: bool
    def __init__(self, *, service_type: str | None = ..., service_leader: str | None = ..., enable_health_check: bool | None = ..., cluster_register_timeout_in_ms: int | None = ..., cluster_register_with_barrier: bool | None = ..., heartbeat_timeout_in_ms: int | None = ..., coordinated_job_list: Iterable[CoordinatedJob] | None = ..., shutdown_barrier_timeout_in_ms: int | None = ..., agent_destruction_without_shutdown: bool | None = ..., recoverable_jobs: Iterable[str] | None = ..., allow_new_incarnation_to_reconnect: bool | None = ..., force_disable: bool | None = ..., poll_for_error_from_service_at_startup: bool | None = ...) -> None: ...
Code: EnumTypeWrapper
class RPCOptions(Message):
    USE_RPC_FOR_INPROCESS_MASTER_FIELD_NUMBER: ClassVar[int]
    use_rpc_for_inprocess_master: bool
    COMPRESSION_ALGORITHM_FIELD_NUMBER: ClassVar[int]
    compression_algorithm: str
    COMPRESSION_LEVEL_FIELD_NUMBER: ClassVar[int]
    compression_level: int
    CACHE_RPC_RESPONSE_FIELD_NUMBER: ClassVar[int]
    cache_rpc_response: bool
    DISABLE_SESSION_CONNECTION_SHARING_FIELD_NUMBER: ClassVar[int]
    disable_session_connection_sharing: bool
    NUM_CHANNELS_PER_TARGET_FIELD_NUMBER: ClassVar[int]
    num_channels_per_target: int
    def __init__(self, *, use_rpc_for_inprocess_master: bool | None = ..., compression_algorithm: str | None = ..., compression_level: int | None = ..., cache_rpc_response: bool | None = ..., disable_session_connection_sharing: bool | None = ..., num_channels_per_target: int | None = ...) -> None: ...
