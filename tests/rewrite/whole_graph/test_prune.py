from __future__ import annotations

import pytest
from google.protobuf import text_format

from sigpb import protos
from sigpb.rewrite.whole_graph.prune import Pruned
from sigpb.rewrite.whole_graph.rewrite import Wanted
from sigpb.wire import length_delimited
from tests.graphs.small_graphs import attr, call, graph_def

from .rewritten import function, model, rewritten

PRUNE = Wanted(prune=True)


def pruned(before: protos.MetaGraphDef) -> tuple[protos.MetaGraphDef, Pruned]:
    after, done = rewritten(before, PRUNE)
    assert done.pruned is not None
    return after, done.pruned


def names(meta_graph: protos.MetaGraphDef) -> list[str]:
    return [node.name for node in meta_graph.graph_def.node][2:]


def functions(meta_graph: protos.MetaGraphDef) -> list[str]:
    return [each.signature.name for each in meta_graph.graph_def.library.function]


class TestNodes:
    def test_what_nothing_takes_goes(self) -> None:
        after, found = pruned(model("a = Exp(x)\nb = Neg(a:1)\nc = NoOp(^b)"))
        assert after == model()
        assert [*found.nodes] == ["a", "b", "c"]

    def test_a_model_without_any_stays(self) -> None:
        after, found = pruned(model())
        assert after == model()
        assert not found

    def test_what_a_node_waits_for_or_is_placed_with_stays(self) -> None:
        before = model()
        before.graph_def.node[1].input.append("^a")
        text_format.Merge(attr("_class", 'list { s: "loc:@c" }'), before.graph_def.node[1])
        before.graph_def.node.extend(
            graph_def("b = NoOp()\na = Exp(b)\nc = NoOp()\nd = Neg(a)").node
        )
        assert names(pruned(before)[0]) == ["b", "a", "c"]

    def test_a_loop_stays_whole(self) -> None:
        before = model("m = Merge(x, n)\nn = NextIteration(m)\ne = Exit(m)\nf = Merge(f)")
        before.graph_def.node[1].input.append("e")
        assert names(pruned(before)[0]) == ["m", "n", "e"]

    def test_what_loaders_run_and_read_stays(self) -> None:
        before = model(
            "init = NoOp()\nname = Const()\nsave = Const()\nrestore = NoOp()\n"
            "asset = Const()\nsparse = Const()\nfeature = Const()\nother = NoOp()",
            more="""
            signature_def {
              key: "__saved_model_init_op"
              value { outputs { key: "__saved_model_init_op" value { name: "init" } } }
            }
            signature_def {
              key: "s"
              value {
                inputs { key: "x" value { coo_sparse { values_tensor_name: "sparse:0" } } }
                outputs {
                  key: "y" value { composite_tensor { components { name: "feature:0" } } }
                }
              }
            }
            saver_def {
              filename_tensor_name: "name:0" save_tensor_name: "save:0" restore_op_name: "restore"
            }
            asset_file_def { filename: "a.txt" tensor_info { name: "asset:0" } }
            """,
        )
        after, found = pruned(before)
        assert [*found.nodes] == ["other"]
        assert names(after)[-1] == "feature"

    def test_ops_that_nothing_uses_leave_the_list(self) -> None:
        more = 'meta_info_def { stripped_op_list { op { name: "Exp" } op { name: "Neg" } } }'
        after, found = pruned(model("a = Exp(x)\nb = Neg(a)", more=more))
        assert [op.name for op in after.meta_info_def.stripped_op_list.op] == ["Neg"]
        assert found.ops == {"Exp"}

    def test_ops_that_functions_use_stay_in_it(self) -> None:
        more = 'meta_info_def { stripped_op_list { op { name: "Exp" } op { name: "Sin" } } }'
        before = model("a = Exp(x)", [function("f_1", "b = Exp(c)")], more)
        before.graph_def.node[1].op = "f_1"
        after, _ = pruned(before)
        # No node had it, so that somebody else knows what it is there for.
        assert [op.name for op in after.meta_info_def.stripped_op_list.op] == ["Exp", "Sin"]


class TestCollections:
    def test_what_they_name_stays(self) -> None:
        after, found = pruned(
            model(
                "v = VarHandleOp()\ninit = NoOp(v)\nt = NoOp()\na = Const()\nb = Neg(a)\n"
                "v/Read/ReadVariableOp = ReadVariableOp(v)",
                more=r"""
                collection_def {
                  key: "variables"
                  value { bytes_list { value: "\n\003v:0\022\004init" } }
                }
                collection_def { key: "table_initializer" value { node_list { value: "t" } } }
                collection_def {
                  key: "mine"
                  value { any_list { value { type_url: "x/y" value: "\n\003a:0" } } }
                }
                """,
            )
        )
        assert [*found.nodes] == ["b"]
        assert names(after) == ["v", "init", "t", "a", "v/Read/ReadVariableOp"]

    def test_those_of_training_go_with_their_nodes(self) -> None:
        losses = (
            'collection_def { key: "losses" value { node_list { value: "a:0" value: "y:0" } } }'
        )
        more = (
            f'{losses} collection_def {{ key: "summaries" value {{ node_list {{ value: "a" }} }} }}'
        )
        after, found = pruned(model("a = Exp(x)", more=more))
        assert {
            key: list(value.node_list.value) for key, value in after.collection_def.items()
        } == {"losses": ["y:0"]}
        assert found.collected == 2
        assert names(after) == []

    @pytest.mark.parametrize("tags", [["train"], ["eval", "serve"], ["serve", "train"], []])
    def test_those_of_training_stay_where_more_is_done_than_serving(self, tags: list[str]) -> None:
        before = model(
            "a = Exp(x)", more='collection_def { key: "losses" value { node_list { value: "a" } } }'
        )
        before.meta_info_def.tags[:] = tags
        assert not pruned(before)[1]

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("losses", r'bytes_list { value: "\n\003a:0" }'),
            ("while_context", 'bytes_list { value: "a:0" }'),
            ("cond_context", 'node_list { value: "a" }'),
            ("while_context", r'bytes_list { value: "\n\003a:0" value: "\377" }'),
        ],
    )
    def test_something_else_under_their_name_stays(self, key: str, value: str) -> None:
        more = f'collection_def {{ key: "{key}" value {{ {value} }} }}'
        assert not pruned(model("a = Exp(x)", more=more))[1]

    def test_contexts_stay_whole_or_go(self) -> None:
        def context(branch: int) -> bytes:
            made = protos.CondContextDef(
                context_name=f"c{branch}", pred_name="y:0", pivot_name=f"p{branch}:0"
            )
            made.values_def.values.extend([f"s{branch}:0", f"t{branch}:0", "x:0"])
            made.values_def.external_values["x:0"] = f"s{branch}:0"
            return made.SerializeToString()

        branches = "".join(f"p{n} = Const()\ns{n} = Neg(x)\nt{n} = Neg(s{n})\n" for n in (1, 2))
        before = model(branches)
        before.graph_def.node[1].input[0] = "s1"
        before.collection_def["cond_context"].bytes_list.value.extend([context(1), context(2)])
        after, found = pruned(before)
        assert names(after) == ["p1", "s1", "t1"]
        assert list(after.collection_def["cond_context"].bytes_list.value) == [context(1)]
        assert found.collected == 1

    def test_a_context_that_needs_another_one(self) -> None:
        def context(inside: str, outside: str) -> bytes:
            made = protos.WhileContextDef(pivot_name=f"{inside}:0")
            made.values_def.values.append(f"{inside}:0")
            made.values_def.external_values["a:0"] = f"{outside}:0"
            return made.SerializeToString()

        before = model("p = Const()\nq = Const()\nr = Const()")
        before.graph_def.node[1].input[0] = "r"
        contexts = [context("p", "p"), context("q", "p"), context("r", "q")]
        before.collection_def["while_context"].bytes_list.value.extend(contexts)
        assert not pruned(before)[1]

    def test_a_message_that_is_nested_deep(self) -> None:
        content = b"a:0"
        for _ in range(3000):
            content = length_delimited(1, content)
        before = model("a = Const()\nb = Const()")
        before.collection_def["mine"].bytes_list.value.extend([b"\n\001b", content])
        assert [*pruned(before)[1].nodes] == ["a"]

    def test_a_context_stays_for_the_one_inside_of_it(self) -> None:
        outer = protos.WhileContextDef(context_name="w", pivot_name="p:0")
        nested = outer.nested_contexts.add().cond_ctxt
        nested.pivot_name = "q:0"
        nested.values_def.values.append("s:0")
        before = model("p = Const()\nq = Const()\ns = Neg(x)\nr = Const()")
        before.graph_def.node[1].input[0] = "s"
        before.collection_def["while_context"].bytes_list.value.append(outer.SerializeToString())
        after, _ = pruned(before)
        assert names(after) == ["p", "q", "s"]
        assert len(after.collection_def["while_context"].bytes_list.value) == 1


class TestFunctions:
    def test_those_that_are_called_stay(self) -> None:
        made = [
            function("f_1", f"a = StatefulPartitionedCall() {call('g_2')}"),
            function("g_2", "a = If() " + attr("branches", 'list { func { name: "h_3" } }')),
            function("h_3"),
            function("unused_4", f"a = PartitionedCall() {call('g_2')}"),
        ]
        before = model(functions=made)
        before.graph_def.node[1].op = "f_1"
        after, found = pruned(before)
        assert functions(after) == ["f_1", "g_2", "h_3"]
        assert [*found.functions] == ["unused_4"]

    def test_those_that_are_named_as_text_or_in_functions_of_attributes_stay(self) -> None:
        inner = 'attr { key: "f" value { func { name: "g_2" } } }'
        made = [
            function("f_1", attributes=attr("forward_function_name", 's: "h_3"')),
            function("g_2"),
            function("h_3"),
        ]
        before = model(functions=made)
        for value in (
            f'func {{ name: "f_1" {inner} }}',
            f'list {{ func {{ name: "f_1" {inner} }} }}',
        ):
            before.graph_def.node[1].ClearField("attr")
            text_format.Merge(attr("f", value), before.graph_def.node[1])
            assert not pruned(before)[1]
        before.graph_def.node[1].ClearField("attr")
        text_format.Merge(attr("f", 'list { s: "f_1" s: "g_2" }'), before.graph_def.node[1])
        assert not pruned(before)[1]

    @pytest.mark.parametrize("key", ["api_implements", "experimental_api_implements"])
    def test_those_of_one_interface_stay_together(self, key: str) -> None:
        interface = attr(key, 's: "lstm_1"')
        made = [
            function("f_1", attributes=interface),
            function("g_2", attributes=interface),
            function("h_3", attributes=attr(key, 's: "lstm_2"')),
        ]
        before = model(functions=made)
        before.graph_def.node[1].op = "f_1"
        assert functions(pruned(before)[0]) == ["f_1", "g_2"]

    def test_gradients_stay_with_their_functions(self) -> None:
        made = [
            function("f_1", "a = Neg(b) " + attr("_gradient_op_type", 's: "Custom-1"')),
            *map(function, ("g_2", "h_3", "i_4", "j_5")),
        ]
        before = model(functions=made)
        before.graph_def.node[1].op = "f_1"
        library = before.graph_def.library
        library.gradient.add(function_name="f_1", gradient_func="g_2")
        library.gradient.add(function_name="i_4", gradient_func="f_1")
        library.registered_gradients.add(registered_op_type="Custom-1", gradient_func="h_3")
        library.registered_gradients.add(registered_op_type="Custom-2", gradient_func="j_5")
        after, _ = pruned(before)
        library = after.graph_def.library
        assert functions(after) == ["f_1", "g_2", "h_3"]
        assert [each.gradient_func for each in library.gradient] == ["g_2"]
        assert [each.gradient_func for each in library.registered_gradients] == ["h_3"]

    def test_those_with_an_alias_stay(self) -> None:
        more = 'meta_info_def { function_aliases { key: "f_1" value: "tpu" } }'
        assert not pruned(model(functions=[function("f_1")], more=more))[1]


OBJECTS = """
    object_graph_def {
      nodes { user_object { identifier: "_generic_user_object" } children { node_id: 1 } }
      nodes { bare_concrete_function { concrete_function_name: "f_1" } }
      nodes { bare_concrete_function { concrete_function_name: "g_2" } }
      nodes { constant { operation: "a" } }
      nodes { constant { operation: "b" } }
      nodes { function { concrete_functions: "h_3" } }
      nodes { resource {} children { node_id: 5 local_name: "_initialize" } }
      concrete_functions { key: "f_1" value { bound_inputs: 3 } }
      concrete_functions { key: "g_2" value { bound_inputs: 4 } }
      concrete_functions { key: "h_3" value {} }
      concrete_functions { key: "i_4" value {} }
    }
    """


class TestObjects:
    def test_functions_and_constants_that_nothing_reaches(self) -> None:
        made = list(map(function, ("f_1", "g_2", "h_3", "i_4")))
        after, found = pruned(model("a = Const()\nb = Const()", made, OBJECTS))
        nodes = after.object_graph_def.nodes
        assert [node.WhichOneof("kind") for node in nodes] == [
            "user_object",
            "bare_concrete_function",
            "user_object",
            "constant",
            "user_object",
            "function",
            "resource",
        ]
        assert nodes[2] == nodes[4]
        assert found.objects == {2, 4}
        assert sorted(after.object_graph_def.concrete_functions) == ["f_1", "h_3"]
        assert functions(after) == ["f_1", "h_3"]
        assert names(after) == ["a"]

    def test_what_a_gradient_captures_stays(self) -> None:
        gradient = attr("_gradient_op_type", 's: "Custom-1"')
        made = [function("f_1", f"a = Neg(b) {gradient}"), *map(function, ("g_2", "h_3", "i_4"))]
        before = model("a = Const()\nb = Const()", made, OBJECTS)
        before.graph_def.library.registered_gradients.add(
            registered_op_type="Custom-1", gradient_func="g_2"
        )
        after, found = pruned(before)
        # The node that named it goes, but no session could make up what it captures.
        assert found.objects == {2}
        assert names(after) == ["a", "b"]
        assert sorted(after.object_graph_def.concrete_functions) == ["f_1", "g_2", "h_3"]

    def test_a_function_of_an_object_has_its_gradient(self) -> None:
        graph = """
            nodes { function { concrete_functions: "f_1" } }
            concrete_functions { key: "f_1" value {} }
            """
        made = [function("f_1"), function("g_2")]
        before = model(functions=made, more=f"object_graph_def {{ {graph} }}")
        before.graph_def.library.gradient.add(function_name="f_1", gradient_func="g_2")
        assert not pruned(before)[1]

    def test_all_ways_from_one_object_to_another(self) -> None:
        ways = """
            dependencies { node_id: 2 }
            saveable_objects { key: "s" value { save_function: 3 restore_function: 4 } }
            slot_variables { original_variable_node_id: 5 slot_variable_node_id: 6 }
            """
        bare = 'nodes { bare_concrete_function { concrete_function_name: "f_1" } }'
        concrete = 'concrete_functions { key: "f_1" value {} }'
        graph = (
            f"nodes {{ user_object {{}} children {{ node_id: 1 }} {ways} }} {bare * 6} {concrete}"
        )
        before = model(functions=[function("f_1")], more=f"object_graph_def {{ {graph} }}")
        assert not pruned(before)[1]

    def test_what_others_register_stays(self) -> None:
        graph = """
            nodes { user_object {} }
            nodes { function { concrete_functions: "f_1" } registered_name: "mine" }
            nodes { captured_tensor { name: "y:0" concrete_function: "g_2" } }
            nodes { function { concrete_functions: "h_3" } registered_saver: "mine" }
            concrete_functions { key: "f_1" value { bound_inputs: 2 } }
            concrete_functions { key: "g_2" value {} }
            concrete_functions { key: "h_3" value {} }
            """
        made = [function("f_1"), function("g_2"), function("h_3")]
        assert not pruned(model(functions=made, more=f"object_graph_def {{ {graph} }}"))[1]
