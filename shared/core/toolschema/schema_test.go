package toolschema

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	oracle "github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

// theirs is what the library says that this package takes the place of: whether it is a schema, and then of which values.
func theirs(document any) (func(any) bool, bool) {
	c := oracle.NewCompiler()
	c.UseLoader(oracle.SchemeURLLoader{})
	if c.AddResource("tool:parameters", document) != nil {
		return nil, false
	}
	s, err := c.Compile("tool:parameters")
	if err != nil {
		return nil, false
	}
	return func(v any) bool { return s.Validate(v) == nil }, true
}

func ours(document any) (func(any) bool, error) {
	p, err := newParser(document.(map[string]any))
	if err != nil {
		return nil, err
	}
	n, err := p.document()
	if err != nil {
		return nil, err
	}
	return func(v any) bool { return (&run{}).check(n, v) == nil }, nil
}

func parsed(t interface{ Fatal(...any) }, text string) any {
	v, err := read([]byte(text))
	if err != nil {
		t.Fatal(err, text)
	}
	return v
}

var values = []string{`null`, `true`, `0`, `1`, `1.0`, `-1`, `0.3`, `1.5`, `9007199254740993`, `""`, `"a"`, `"ab"`, `"é"`, `"2026-11-22"`, `"a@example.com"`,
	`[]`, `[1]`, `[1,1.0]`, `["a","b"]`, `[[],{}]`, `[1,"a",null]`, `{}`, `{"a":1}`, `{"a":"a"}`, `{"b":2}`, `{"a":1,"b":2}`, `{"a":{"a":{}}}`, `{"a":[1,"a"],"ab":null}`}

// schemas draws a schema as text, of as many levels as are left. In the old drafts nothing counts beside $ref, and the
// library has some of it count all the same; there it stands alone.
func schemas(levels int, old bool) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if levels == 0 || rapid.IntRange(0, 9).Draw(t, "plain") == 0 {
			return rapid.SampledFrom([]string{`true`, `false`, `{}`, `{"type":"string"}`, `{"type":"integer"}`, `{"const":1}`, `{"$ref":"#"}`, `{"$ref":"#/$defs/x"}`}).Draw(t, "leaf")
		}
		inner := schemas(levels-1, old)
		one := func() string { return inner.Draw(t, "inner") }
		list := func() string { return `[` + one() + `,` + one() + `]` }
		named := func() string { return `{"a":` + one() + `,"b":` + one() + `}` }
		from := func(of ...string) func() string {
			return func() string { return rapid.SampledFrom(of).Draw(t, "value") }
		}
		count := from(`0`, `1`, `2`, `1.0`, `-1`, `"1"`)
		numbers := from(`0`, `1`, `0.1`, `0.3`, `-1.5`, `"1"`, `1e3`)
		keywords := map[string]func() string{
			"type":  from(`"string"`, `"integer"`, `"number"`, `"object"`, `"array"`, `["null","boolean"]`, `[]`, `"text"`, `["string","string"]`),
			"const": from(values...), "enum": func() string { return `[` + from(values...)() + `,` + from(values...)() + `]` },
			"minimum": numbers, "maximum": numbers, "exclusiveMinimum": from(`0`, `1`, `true`), "exclusiveMaximum": from(`2`, `false`), "multipleOf": numbers,
			"minLength": count, "maxLength": count, "pattern": from(`"^a"`, `"(?=a)"`, `"b$"`, `1`), "format": from(`"date"`, `"email"`, `"nonsense"`, `3`),
			"minItems": count, "maxItems": count, "uniqueItems": from(`true`, `false`, `1`), "minContains": count, "maxContains": count,
			"items": func() string { return from(one(), list())() }, "prefixItems": list, "additionalItems": from(`true`, `false`, `{"type":"string"}`), "contains": one, "unevaluatedItems": one,
			"minProperties": count, "maxProperties": count, "required": from(`[]`, `["a"]`, `["a","b"]`, `["a","a"]`, `"a"`),
			"properties": named, "patternProperties": func() string { return from(`{"^a":`, `{"[":`, `{"b":`)() + one() + `}` }, "additionalProperties": one,
			"propertyNames": one, "unevaluatedProperties": one, "dependentSchemas": named, "dependentRequired": from(`{"a":["b"]}`, `{"a":"b"}`),
			"dependencies": func() string { return from(named(), `{"a":["b"]}`)() }, "not": one, "allOf": list, "anyOf": list,
			"oneOf": list, "if": one, "then": one, "else": one, "$ref": from(`"#"`, `"#/$defs/x"`, `"#y"`, `"#/properties/a"`, `"http://127.0.0.1:1/"`),
			"$defs": func() string { return `{"x":` + one() + `}` }, "definitions": named, "$anchor": from(`"y"`), "title": from(`"t"`, `1`), "x-ours": one, "default": one, "$dynamicRef": from(`"#"`),
		}
		var parts []string
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(sorted(keywords)), 1, 4, rapid.ID).Draw(t, "keywords") {
			part := `"` + name + `":` + keywords[name]()
			if parts = append(parts, part); old && name == "$ref" {
				return `{` + part + `}`
			}
		}
		return `{` + strings.Join(parts, ",") + `}`
	})
}

// Whatever the library took for a schema this package does, in all drafts, and of the same values.
func TestAgreesWithTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draft := rapid.SampledFrom([]string{``, `"$schema":"http://json-schema.org/draft-04/schema#",`, `"$schema":"http://json-schema.org/draft-06/schema#",`,
			`"$schema":"http://json-schema.org/draft-07/schema#",`, `"$schema":"https://json-schema.org/draft/2019-09/schema",`}).Draw(t, "draft")
		old := strings.Contains(draft, "draft-0")
		text := `{` + draft + `"$defs":{"x":` + schemas(1, old).Draw(t, "x") + `},"allOf":[` + schemas(3, old).Draw(t, "schema") + `]}`
		agree(t, text, values)
	})
}

// agree compares both on a schema and values.
func agree(t interface {
	Fatal(...any)
	Errorf(string, ...any)
}, text string, values []string) {
	valid, ok := theirs(parsed(t, text))
	own, err := ours(parsed(t, text))
	if ok != (err == nil) {
		t.Errorf("%s: a schema for the library: %t; for us: %v", text, ok, err)
	}
	if !ok || err != nil {
		return
	}
	for _, v := range values {
		if want, got := valid(parsed(t, v)), own(parsed(t, v)); got != want {
			t.Errorf("%s: %s is of it for the library: %t; for us: %t", text, v, want, got)
		}
	}
}

func TestFormats(t *testing.T) {
	for name, of := range map[string][]string{
		"date":                  {"2026-11-22", "2026-02-29", "2024-02-29", "2026-1-2", "", "2026-11-22 "},
		"time":                  {"10:00:00Z", "10:00:00", "23:59:60Z", "10:00:60Z", "10:00:00.5+01:00", "24:00:00Z", "00:59:60+01:00", "1:00:00Z"},
		"date-time":             {"2026-11-22T10:00:00Z", "2026-11-22T10:00:00", "2016-12-31T23:59:60Z", "2026-11-22t10:00:00z", "2026-11-22 10:00:00Z", "2026-11-22T10:00:00,5Z"},
		"email":                 {"a@example.com", "a@", "a b@example.com", "a.b+c@example.com", `"a b"@example.com`, "a@[127.0.0.1]", "a@-x.com", "a..b@example.com", "Dana <a@example.com>"},
		"hostname":              {"example.com", "example", "-a.com", "a-.com", "a_b.com", strings.Repeat("a", 64) + ".com", "a..b"},
		"ipv4":                  {"127.0.0.1", "1.2.3", "256.0.0.1", "01.2.3.4", "::1"},
		"ipv6":                  {"::1", "1::2::3", "127.0.0.1", "fe80::1%eth0", "::ffff:127.0.0.1"},
		"uri":                   {"https://example.com/a?b=c#d", "/a", "", "a:b", "http://[::1]/", `http://a\b`, "http://exa mple.com"},
		"uri-reference":         {"/a", "a", "#b", "", `\a`, "https://example.com"},
		"uuid":                  {"2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2EB8AA08-AA98-11EA-B4AA-73B441D16380", "2eb8aa08aa9811eab4aa73b441d16380", "2eb8aa08-aa98-11ea-b4aa-73b441d1638g", ""},
		"regex":                 {"^a", "(", "(?=a)"},
		"json-pointer":          {"", "/a/b", "a", "/a~0", "/a~2", "/~"},
		"relative-json-pointer": {"0", "1/a", "0#", "01", "/a", "-1", "1#a"},
		"duration":              {"P1D", "PT1H", "P", "PT", "P1W", "P1Y2M3DT4H5M6S", "P1S", "1D", "P1WT1H"},
		"uri-template":          {"/a/{b}", "/a/{b", "/a/b}", "{{a}}"},
		"semver":                {"1.2.3", "1.2", "1.2.3-a.1+b", "01.2.3", "1.2.3-01"},
	} {
		for _, s := range of {
			v, _ := json.Marshal(s)
			agree(t, `{"$schema":"http://json-schema.org/draft-07/schema#","format":"`+name+`"}`, []string{string(v)})
		}
	}
}

// A schema of a few lines may have more paths than there is time for.
func TestBoundedSteps(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"$ref":"#/$defs/a0","$defs":{`)
	for i := range 200 {
		b.WriteString(`"a` + strconv.Itoa(i) + `":{"anyOf":[{"$ref":"#/$defs/a` + strconv.Itoa(i+1) + `"},{"$ref":"#/$defs/a` + strconv.Itoa(i+1) + `"}]},`)
	}
	b.WriteString(`"a200":{"required":["b"]}}}`)
	s, err := Compile(json.RawMessage(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(json.RawMessage(`{}`)); err == nil || !strings.Contains(err.Error(), tooLong) {
		t.Errorf("%v", err)
	}
}
