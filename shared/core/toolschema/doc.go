// Package toolschema validates the arguments of a tool call against the tool's JSON Schema, and reports the first wrong
// field in one sentence.
//
// It checks what tool parameters use: type, enum, const, the limits of numbers, strings, lists and objects, pattern,
// uniqueItems, items, prefixItems, properties, patternProperties, additionalProperties, required, allOf, anyOf, oneOf and
// $ref to a place in the same schema. Every other keyword, such as not, if, contains, format or unevaluatedProperties, is
// accepted and not checked: the tool's own server decides. So arguments that are valid are never rejected, and oneOf
// accepts a second match where a branch has such a keyword. `make assistant` checks in addition, with a complete
// validator, that a stored schema is a schema.
//
// # Decisions
//
// github.com/google/jsonschema-go v0.4.3 was tried first, since the MCP SDK links it already. It cannot be made safe for
// schemas and arguments of strangers. It has no limit on steps, and it multiplies work at every level of a recursive
// anyOf or oneOf, a shape that filter tools use: with two branches, 103 bytes of arguments, 16 levels deep, took 1.1 s and
// an error message of 31 MB, and each level more doubles both (measured). {"$ref":"#"} overflows its stack, which ends
// the process. Its messages repeat the value, name a place in the schema and not the field, and 0.3 is not a multiple of
// 0.1. github.com/santhosh-tekuri/jsonschema/v6 is complete and costs 6 ms and 2 MB at every start of a process, so it
// runs in `make assistant` and in the tests of this package, as the reference. What would change our mind: a library
// with a limit on steps and no work at start.
//
// Limits: 32 KB for a schema, 32 levels of arguments, 500,000 steps for one validation, 10,000 instructions for all
// regular expressions of a schema. Numbers are exact fractions; one outside the range of a double is rejected before
// anything computes with it, because 1e999999999 has a billion digits.
package toolschema
