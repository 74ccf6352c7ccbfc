// Package toolschema says whether data is of a JSON Schema of an object, in one sentence that names the field.
//
// # Decisions
//
// It is ours because of what the others cost at every start of a chat, or of the worker that analyses calls.
// github.com/santhosh-tekuri/jsonschema/v6 compiles the schemas of all versions of JSON Schema before main begins: 7 ms and
// 1.7 MB, more than twice as long as a bare function takes to be ready. It stays where nobody waits, in package operate, and
// is the measure of this one in its tests. github.com/google/jsonschema-go, which comes along with MCP, costs nothing; but a
// schema that refers to itself without end overflows its stack, which ends the process; its errors hold the value and not
// the field; it computes with doubles, in which 0.3 is no multiple of 0.1; it asserts no format, and takes for a schema what
// the schema of schemas refuses. What would change our mind: the former compiling its own when they are first needed.
//
// Drafts 4, 6, 7, 2019-09 and 2020-12 are read, formats asserted before 2019-09. Nothing is loaded from elsewhere, not even
// the schema of schemas. A $dynamicRef beside a schema with an address of its own is refused: whoever writes a tool's
// parameters by hand needs neither.
//
// Numbers are exact fractions, and 1e999999999 is one of a billion digits; so numbers beyond a double's range are refused
// before anything computes with them. Arguments are of bounded depth, and a check of bounded length: a schema of 32 KB can
// branch into more paths than there is time for.
package toolschema
