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
	for name, c := range map[string]struct{ schema, errorText string }{
		"an object":                            {`{"type":"object"}`, ""},
		"no type":                              {`{"properties":{"a":{}}}`, ""},
		"its own references":                   {`{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"type":"string"}}}`, ""},
		"a draft":                              {`{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}`, ""},
		"not JSON":                             {`{`, "not JSON"},
		"a list":                               {`[]`, "not an object"},
		"true":                                 {`true`, "not an object"},
		"for a string":                         {`{"type":"string"}`, "must be object"},
		"an invalid keyword":                   {`{"type":"object","required":"a"}`, "required"},
		"security.md H7: a reference to a URL": {`{"type":"object","$ref":"http://127.0.0.1:1/schema"}`, "127.0.0.1"},
		"a reference to a file":                {`{"type":"object","$ref":"file:///etc/passwd"}`, "passwd"},
		"an unknown draft":                     {`{"$schema":"https://example.com/draft","type":"object"}`, "example.com"},
		"an unsupported pattern":               {`{"type":"object","properties":{"a":{"pattern":"(?=x)"}}}`, "regex"},
		"a huge number":                        {`{"type":"object","properties":{"a":{"maximum":1e999999999}}}`, "out of range"},
		"a tiny number":                        {`{"type":"object","properties":{"a":{"multipleOf":1e-999999999}}}`, "out of range"},
		"too long":                             {`{"type":"object","description":"` + strings.Repeat("x", toolschema.MaxBytes) + `"}`, "the maximum is"},
		"a loop":                               {`{"$ref":"#"}`, "without end"},
	} {
		t.Run(name, func(t *testing.T) {
			var s validatorCache
			start := time.Now()
			validate, err := s.validator(json.RawMessage(c.schema))
			if c.errorText == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), c.errorText) {
				t.Errorf("error = %v, want %q", err, c.errorText)
			}
			if err == nil {
				_ = validate(json.RawMessage(`{"a":"x"}`)) // must end
			}
			if took := time.Since(start); took > time.Second {
				t.Errorf("it took %s, want a moment", took)
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
		t.Errorf("%d schemas are cached, want 1", len(s.compiled))
	}
	for i := range maxCachedSchemas + 10 {
		if _, err := s.validator(json.RawMessage(`{"type":"object","maxProperties":` + json.Number(strings.Repeat("1", i%9+1)).String() + `,"description":"` + strings.Repeat("x", i) + `"}`)); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.compiled) > maxCachedSchemas {
		t.Errorf("%d schemas are cached, want %d at most", len(s.compiled), maxCachedSchemas)
	}
}

func TestValidationMessages(t *testing.T) {
	const schema = `{"type":"object","additionalProperties":false,"required":["day"],"properties":{"day":{"type":"integer","minimum":1,"maximum":31},
"who":{"type":"object","required":["name"],"properties":{"name":{"type":"string","pattern":"^[A-Z]"},"tags":{"type":"array","items":{"enum":["a","b"]}}}},"n":{"type":["string","null"]}}}`
	var s validatorCache
	validate, err := s.validator(json.RawMessage(schema))
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
		err := validate(json.RawMessage(arguments))
		if want.sentence == "" {
			if err != nil {
				t.Errorf("%s: error = %v, want none", arguments, err)
			}
			continue
		}
		if f := fault.From(err); f == nil || f.Kind != fault.Invalid || f.Param != want.field || f.Message != want.sentence {
			t.Errorf("%.80s: message %q for field %q, want %q for %q", arguments, f.Message, f.Param, want.sentence, want.field)
		}
	}
}

// FuzzValidate: whatever a model or an unknown server writes, validation ends soon, with success or with one short sentence.
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
		stuck := time.AfterFunc(10*time.Second, func() { panic(fmt.Sprintf("validation of %q with %q does not end", text, arguments)) })
		defer stuck.Stop()
		var s validatorCache
		validate, err := s.validator(json.RawMessage(text))
		if err != nil {
			return
		}
		start := time.Now()
		err = validate(json.RawMessage(arguments))
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("it took %s, want a moment", took)
		}
		if err == nil {
			var object map[string]any
			if json.Unmarshal([]byte(arguments), &object) != nil && !strings.ContainsAny(arguments, "eE") {
				t.Error("arguments that are not an object were accepted")
			}
			return
		}
		f := fault.From(err)
		if f.Kind != fault.Invalid || f.Message == "" || len(f.Message) > 480 || strings.ContainsAny(f.Message, "\r\n") {
			t.Errorf("kind %v, message %q; want invalid and one line of 480 bytes at most", f.Kind, f.Message)
		}
	})
}
