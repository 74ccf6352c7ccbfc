package toolschema

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	reference "github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"example.com/aurora/shared/core/fault"
)

// compileReference compiles with the complete library, which is the reference of these tests. ok is false where it does
// not take the document for a schema.
func compileReference(document any) (valid func(any) bool, ok bool) {
	c := reference.NewCompiler()
	c.UseLoader(reference.SchemeURLLoader{})
	if c.AddResource("tool:parameters", document) != nil {
		return nil, false
	}
	s, err := c.Compile("tool:parameters")
	if err != nil {
		return nil, false
	}
	return func(v any) bool { return s.Validate(v) == nil }, true
}

func mustDecode(t interface{ Fatal(...any) }, text string) any {
	v, err := decode([]byte(text))
	if err != nil {
		t.Fatal(err, text)
	}
	return v
}

// valid validates any value, not only an object, with a schema that Compile takes as it is in the property a.
func valid(s *Schema, value string) bool {
	return s.Check([]byte(`{"a":`+value+`}`)) == nil
}

var values = []string{`null`, `true`, `0`, `1`, `1.0`, `-1`, `0.3`, `1.5`, `9007199254740993`, `""`, `"a"`, `"ab"`, `"é"`, `"2026-11-22"`, `"a@example.com"`,
	`[]`, `[1]`, `[1,1.0]`, `["a","b"]`, `[[],{}]`, `[1,"a",null]`, `{}`, `{"a":1}`, `{"a":"a"}`, `{"b":2}`, `{"a":1,"b":2}`, `{"a":{"a":{}}}`, `{"a":[1,"a"],"ab":null}`}

// checkedKeywords are drawn for schemas on which both must agree; the others only for schemas on which this package may
// accept more.
var uncheckedKeywords = map[string]bool{"not": true, "if": true, "then": true, "else": true, "contains": true, "minContains": true, "maxContains": true, "propertyNames": true,
	"unevaluatedProperties": true, "unevaluatedItems": true, "dependentSchemas": true, "dependentRequired": true, "format": true}

// schemas draws a schema as text with so many levels.
func schemas(levels int, all bool) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if levels == 0 || rapid.IntRange(0, 9).Draw(t, "leaf?") == 0 {
			return rapid.SampledFrom([]string{`true`, `false`, `{}`, `{"type":"string"}`, `{"type":"integer"}`, `{"const":1}`, `{"$ref":"#/$defs/x"}`}).Draw(t, "leaf")
		}
		inner := schemas(levels-1, all)
		one := func() string { return inner.Draw(t, "inner") }
		list := func() string { return `[` + one() + `,` + one() + `]` }
		named := func() string { return `{"a":` + one() + `,"b":` + one() + `}` }
		from := func(of ...string) func() string {
			return func() string { return rapid.SampledFrom(of).Draw(t, "value") }
		}
		count := from(`0`, `1`, `2`, `1.0`)
		numbers := from(`1`, `0.1`, `0.3`, `1.5`, `1e3`)
		keywords := map[string]func() string{
			"type":  from(`"string"`, `"integer"`, `"number"`, `"object"`, `"array"`, `["null","boolean"]`, `["string","integer"]`),
			"const": from(values...), "enum": func() string { return `[` + from(values...)() + `]` },
			"minimum": numbers, "maximum": numbers, "exclusiveMinimum": numbers, "exclusiveMaximum": numbers, "multipleOf": numbers,
			"minLength": count, "maxLength": count, "pattern": from(`"^a"`, `"b$"`), "format": from(`"date"`, `"email"`, `"nonsense"`),
			"minItems": count, "maxItems": count, "uniqueItems": from(`true`, `false`), "minContains": count, "maxContains": count,
			"items": one, "prefixItems": list, "contains": one, "unevaluatedItems": one,
			"minProperties": count, "maxProperties": count, "required": from(`[]`, `["a"]`, `["a","b"]`),
			"properties": named, "patternProperties": func() string { return from(`{"^a":`, `{"b":`)() + one() + `}` }, "additionalProperties": one,
			"propertyNames": one, "unevaluatedProperties": one, "dependentSchemas": named, "dependentRequired": from(`{"a":["b"]}`),
			"not": one, "allOf": list, "anyOf": list, "oneOf": list, "if": one, "then": one, "else": one, "$ref": from(`"#/$defs/x"`),
			"title": from(`"t"`), "x-ours": one, "default": one,
		}
		if !all {
			for name := range uncheckedKeywords {
				delete(keywords, name)
			}
		}
		var parts []string
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(slices.Sorted(maps.Keys(keywords))), 1, 4, rapid.ID).Draw(t, "keywords") {
			parts = append(parts, `"`+name+`":`+keywords[name]())
		}
		return `{` + strings.Join(parts, ",") + `}`
	})
}

// compileBoth compiles a schema of a property with this package and with the reference; ok is false where one of them
// does not take it, as this package does not take a schema that applies itself to the same value.
func compileBoth(t *rapid.T, all bool) (s *Schema, want func(any) bool, text string, ok bool) {
	text = `{"$defs":{"x":` + schemas(1, all).Draw(t, "x") + `},"properties":{"a":` + schemas(3, all).Draw(t, "schema") + `}}`
	want, ok = compileReference(mustDecode(t, text))
	s, err := Compile(json.RawMessage(text))
	if err == nil && !ok {
		t.Fatalf("%s: the reference does not take it for a schema, this package does", text)
	}
	return s, want, text, ok && err == nil
}

func TestCheckedKeywordsAgreeWithTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, want, text, ok := compileBoth(t, false)
		if !ok {
			return
		}
		for _, v := range values {
			if want, got := want(mustDecode(t, `{"a":`+v+`}`)), valid(s, v); got != want {
				t.Errorf("%s: valid(%s) = %t, and %t for the reference", text, v, got, want)
			}
		}
	})
}

func TestUncheckedKeywordsNeverRejectValidArguments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, want, text, ok := compileBoth(t, true)
		if !ok {
			return
		}
		for _, v := range values {
			if want(mustDecode(t, `{"a":`+v+`}`)) && !valid(s, v) {
				t.Errorf("%s: %s is rejected, and valid for the reference", text, v)
			}
		}
	})
}

func TestOlderDrafts(t *testing.T) {
	for name, c := range map[string]struct {
		schema, value string
		valid         bool
	}{
		"draft 4: exclusive minimum is a flag":  {`{"minimum":1,"exclusiveMinimum":true}`, `1`, false},
		"draft 4: a flag that is false":         {`{"minimum":1,"exclusiveMinimum":false}`, `1`, true},
		"draft 7: items is a list":              {`{"items":[{"type":"string"}],"additionalItems":false}`, `["a",1]`, false},
		"draft 7: additional items":             {`{"items":[{"type":"string"}],"additionalItems":{"type":"integer"}}`, `["a",1]`, true},
		"draft 7: definitions":                  {`{"$ref":"#/definitions/x"}`, `"a"`, false},
		"draft 2020-12: prefixItems, and items": {`{"prefixItems":[{"type":"string"}],"items":{"type":"integer"}}`, `["a","b"]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Compile(json.RawMessage(`{"definitions":{"x":{"type":"integer"}},"properties":{"a":` + c.schema + `}}`))
			if err != nil {
				t.Fatal(err)
			}
			if got := valid(s, c.value); got != c.valid {
				t.Errorf("valid(%s) = %t, want %t", c.value, got, c.valid)
			}
		})
	}
}

func TestHostileSchemas(t *testing.T) {
	for name, c := range map[string]struct{ schema, wrong string }{
		"refers to itself":                {`{"$ref":"#"}`, "without end"},
		"two that refer to each other":    {`{"properties":{"a":{"$ref":"#/$defs/x"}},"$defs":{"x":{"allOf":[{"$ref":"#/$defs/y"}]},"y":{"anyOf":[{"$ref":"#/$defs/x"}]}}}`, "without end"},
		"recursion that consumes input":   {`{"properties":{"a":{"$ref":"#"}}}`, ""},
		"a reference to a server":         {`{"properties":{"a":{"$ref":"https://example.com/x"}}}`, "not supported"},
		"a reference to a server in not":  {`{"not":{"$ref":"https://example.com/x"}}`, "not supported"},
		"a reference to a file":           {`{"$ref":"file:///etc/passwd"}`, "not supported"},
		"a reference to an anchor":        {`{"$ref":"#x","$defs":{"x":{"$anchor":"x"}}}`, "not supported"},
		"a reference to nothing":          {`{"$ref":"#/$defs/x"}`, "leads nowhere"},
		"a value that looks like one":     {`{"properties":{"a":{"const":{"$ref":"https://example.com/x"}}}}`, ""},
		"a property with that name":       {`{"properties":{"$ref":{"type":"string"}}}`, ""},
		"a regular expression of a bomb":  {`{"properties":{"a":{"pattern":"((x{1,100}){1,9}y{1,1000}){1,9}"}}}`, "regex"},
		"many regular expressions":        {`{"patternProperties":{"a{1000}":{},"b{1000}":{},"c{1000}":{},"d{1000}":{},"e{1000}":{},"f{1000}":{},"g{1000}":{},"h{1000}":{},"i{1000}":{},"j{1000}":{},"k{1000}":{}}}`, "too large"},
		"a look-ahead, which Go has not":  {`{"properties":{"a":{"pattern":"(?=x)"}}}`, "regex"},
		"a list where a schema should be": {`{"properties":[]}`, "must be an object"},
		"a text where a schema should be": {`{"properties":{"a":"string"}}`, "must be a schema"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Compile(json.RawMessage(c.schema))
			if c.wrong == "" && err != nil {
				t.Errorf("Compile = %v, want no error", err)
			}
			if c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("Compile = %v, want an error with %q", err, c.wrong)
			}
		})
	}
}

// TestStepLimit validates against schemas of a few lines that have more paths than there is time for.
func TestStepLimit(t *testing.T) {
	var doubling strings.Builder
	doubling.WriteString(`{"$ref":"#/$defs/a0","$defs":{`)
	for i := range 200 {
		next := strconv.Itoa(i + 1)
		doubling.WriteString(`"a` + strconv.Itoa(i) + `":{"anyOf":[{"$ref":"#/$defs/a` + next + `"},{"$ref":"#/$defs/a` + next + `"}]},`)
	}
	doubling.WriteString(`"a200":{"required":["b"]}}}`)
	for name, c := range map[string]struct{ schema, arguments string }{
		"branches that double": {doubling.String(), `{}`},
		"a recursive anyOf": {`{"anyOf":[{"properties":{"a":{"$ref":"#"}},"required":["a"]},{"properties":{"a":{"$ref":"#"}},"required":["a"]}]}`,
			strings.Repeat(`{"a":`, 30) + `{"b":1}` + strings.Repeat(`}`, 30)},
		"a pattern on a long text": {`{"properties":{"a":{"pattern":"^([a-z]{1,30}){1,30}x$"}}}`, `{"a":"` + strings.Repeat("y", 100_000) + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Compile(json.RawMessage(c.schema))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Check(json.RawMessage(c.arguments)); err == nil || !strings.Contains(err.Error(), "takes too long to check") {
				t.Errorf("Check = %v, want the error of the step limit", err)
			}
		})
	}
}

func FuzzCompileAndCheck(f *testing.F) {
	for _, schema := range []string{`{"$ref":"#"}`, `{"properties":{"a":{"oneOf":[{"const":1},{"uniqueItems":true,"items":{"multipleOf":0.1}}]}}}`, `{"items":[{}],"additionalItems":false}`} {
		f.Add(schema, `{"a":[1,1.0,1e308]}`)
	}
	f.Fuzz(func(t *testing.T, schema, arguments string) {
		s, err := Compile(json.RawMessage(schema))
		if err != nil {
			return
		}
		if err := s.Check(json.RawMessage(arguments)); err != nil && (fault.From(err).Kind != fault.Invalid || strings.ContainsAny(err.Error(), "\r\n")) {
			t.Errorf("Check = %v, want one line of kind invalid", err)
		}
	})
}

// BenchmarkCompile is paid once for each tool of an assistant in a process.
func BenchmarkCompile(b *testing.B) {
	schema := json.RawMessage(`{"type":"object","properties":{"day":{"type":"integer","minimum":1},"who":{"type":"object","properties":{"name":{"type":"string","pattern":"^[A-Z]"}}}},"required":["day"],"additionalProperties":false}`)
	for b.Loop() {
		if _, err := Compile(schema); err != nil {
			b.Fatal(err)
		}
	}
}
