package tools

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/toolschema"
)

func TestValidatorCompilesSchemas(t *testing.T) {
	for name, c := range map[string]struct{ schema, fails string }{
		"an object":            {`{"type":"object"}`, ""},
		"no type":              {`{"properties":{"a":{}}}`, ""},
		"its own references":   {`{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"type":"string"}}}`, ""},
		"a draft":              {`{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}`, ""},
		"no JSON":              {`{`, "not JSON"},
		"a list":               {`[]`, "not an object"},
		"true":                 {`true`, "not an object"},
		"of a string":          {`{"type":"string"}`, "must be object"},
		"nonsense":             {`{"type":"object","required":"a"}`, "required"},
		"H7: from elsewhere":   {`{"type":"object","$ref":"http://127.0.0.1:1/schema"}`, "127.0.0.1"},
		"from a file":          {`{"type":"object","$ref":"file:///etc/passwd"}`, "passwd"},
		"another's draft":      {`{"$schema":"https://example.com/draft","type":"object"}`, "example.com"},
		"a wild pattern":       {`{"type":"object","properties":{"a":{"pattern":"(?=x)"}}}`, "regex"},
		"a monstrous number":   {`{"type":"object","properties":{"a":{"maximum":1e999999999}}}`, "out of range"},
		"a monstrous fraction": {`{"type":"object","properties":{"a":{"multipleOf":1e-999999999}}}`, "out of range"},
		"far too long":         {`{"type":"object","description":"` + strings.Repeat("x", toolschema.MaxBytes) + `"}`, "the maximum is"},
		"of itself":            {`{"$ref":"#"}`, "without end"},
	} {
		t.Run(name, func(t *testing.T) {
			var s validatorCache
			began := time.Now()
			check, err := s.validator(json.RawMessage(c.schema))
			if c.fails == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%v, want %q", err, c.fails)
			}
			if err == nil {
				_ = check(json.RawMessage(`{"a":"x"}`)) // comes to an end
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestSchemasAreCompiledOnce(t *testing.T) {
	var s validatorCache
	for range 3 {
		if _, err := s.validator(json.RawMessage(anyObjectSchema)); err != nil {
			t.Fatal(err)
		}
	}
	first := s.compiled[anyObjectSchema]
	if len(s.compiled) != 1 || first == nil {
		t.Errorf("%d are kept", len(s.compiled))
	}
	for i := range maxCachedSchemas + 10 {
		if _, err := s.validator(json.RawMessage(`{"type":"object","maxProperties":` + json.Number(strings.Repeat("1", i%9+1)).String() + `,"description":"` + strings.Repeat("x", i) + `"}`)); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.compiled) > maxCachedSchemas {
		t.Errorf("%d are kept", len(s.compiled))
	}
}

func TestValidationMessages(t *testing.T) {
	const schema = `{"type":"object","additionalProperties":false,"required":["day"],"properties":{"day":{"type":"integer","minimum":1,"maximum":31},
"who":{"type":"object","required":["name"],"properties":{"name":{"type":"string","pattern":"^[A-Z]"},"tags":{"type":"array","items":{"enum":["a","b"]}}}},"n":{"type":["string","null"]}}}`
	var s validatorCache
	check, err := s.validator(json.RawMessage(schema))
	if err != nil {
		t.Fatal(err)
	}
	nested := `{"day":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`
	for arguments, want := range map[string]struct{ field, sentence string }{
		`{"day":1}`:                            {},
		`{"day":1.0,"n":null}`:                 {},
		`{}`:                                   {"day", "day: is missing."},
		`{"day":"1"}`:                          {"day", "day: must be integer, not string."},
		`{"day":0}`:                            {"day", "day: minimum: got 0, want 1."},
		`{"day":1,"x":2}`:                      {"x", "x: is not a parameter of this tool."},
		`{"day":1,"who":{}}`:                   {"who.name", "who.name: is missing."},
		`{"day":1,"who":{"name":"my-secret"}}`: {"who.name", "who.name: must match ^[A-Z]."},
		`{"day":1,"who":{"name":"A","tags":["a",3]}}`: {"who.tags.1", `who.tags.1: must be one of "a", "b".`},
		`{"day":1,"n":1}`:                          {"n", "n: must be null or string, not number."},
		`{"day":1e999999999}`:                      {"day", "day: the number is out of range."},
		`{"day":` + strings.Repeat("9", 500) + `}`: {"day", "day: the number is out of range."},
		nested:         {"", "The arguments are nested too deep."},
		`[]`:           {"", "The arguments are not a JSON object."},
		`null`:         {"", "The arguments are not a JSON object."},
		`{"day":1`:     {"", "The arguments are not a JSON object."},
		`{"day":1} {}`: {"", "The arguments are not a JSON object."},
		`{"` + strings.Repeat("k", 999) + `":1,"day":1}`: {strings.Repeat("k", 240), strings.Repeat("k", 240) + "."},
		`{"day":1,"a\nb\u2028":1}`:                       {"a\nb\u2028", "a b : is not a parameter of this tool."},
	} {
		err := check(json.RawMessage(arguments))
		if want.sentence == "" {
			if err != nil {
				t.Errorf("%s: %v", arguments, err)
			}
			continue
		}
		if f := fault.From(err); f == nil || f.Kind != fault.Invalid || f.Param != want.field || f.Message != want.sentence {
			t.Errorf("%.80s: %q in %q, want %q", arguments, f.Message, f.Param, want.sentence)
		}
	}
}

// Whatever a model or a stranger's server writes, the check says yes or one sentence, soon, and never more than once
// differently.
func FuzzCheck(f *testing.F) {
	for _, b := range builtins {
		f.Add(string(b.parameters(testScope())), `{"message":"a","destination":"sales","limit":1}`)
	}
	for _, schema := range []string{`{"$ref":"#"}`, `{"type":"object","patternProperties":{"^(a+)+$":{"multipleOf":0.1}}}`, `{"not":{}}`, `{"type":"object","$dynamicRef":"#x","$defs":{"x":{"$dynamicAnchor":"x"}}}`,
		`{"properties":{"a":{"oneOf":[{"const":1},{"uniqueItems":true,"contains":{}}]}},"unevaluatedProperties":false}`, anyObjectSchema} {
		for _, arguments := range []string{`{}`, `{"a":[1,1.0,1e308]}`, `{"a":1e999999999}`, `{"a":{"a":{"a":{}}}}`, `{"":"\ud800"}`, `nul`, `{"a":-0}`} {
			f.Add(schema, arguments)
		}
	}
	f.Fuzz(func(t *testing.T, text, arguments string) {
		stuck := time.AfterFunc(10*time.Second, func() { panic(fmt.Sprintf("no end of %q with %q", text, arguments)) })
		defer stuck.Stop()
		var s validatorCache
		check, err := s.validator(json.RawMessage(text))
		if err != nil {
			return
		}
		began := time.Now()
		err = check(json.RawMessage(arguments))
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it took %s", took)
		}
		if err == nil {
			var object map[string]any
			if json.Unmarshal([]byte(arguments), &object) != nil && !strings.ContainsAny(arguments, "eE") {
				t.Error("what is no object was accepted")
			}
			return
		}
		said := fault.From(err)
		if said.Kind != fault.Invalid || said.Message == "" || len(said.Message) > 480 || strings.ContainsAny(said.Message, "\r\n") {
			t.Errorf("%v: %q", said.Kind, said.Message)
		}
	})
}
