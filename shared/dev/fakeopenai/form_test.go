package fakeopenai_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	wire "github.com/sashabaranov/go-openai"

	"example.com/aurora/shared/dev/fakeopenai"
)

// fillSchema asks the default model for JSON that matches a schema.
func fillSchema(t *testing.T, schema, said string) string {
	t.Helper()
	request := userRequest(said)
	request.StreamOptions = nil
	request.ResponseFormat = &wire.ChatCompletionResponseFormat{Type: wire.ChatCompletionResponseFormatTypeJSONSchema,
		JSONSchema: &wire.ChatCompletionResponseFormatJSONSchema{Name: "n", Schema: json.RawMessage(schema)}}
	answer, err := client(t, fakeopenai.Serve(t, nil).URL).CreateChatCompletion(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Choices[0].Message.Content
}

func TestDefaultModelAnswersSchema(t *testing.T) {
	for schema, want := range map[string]string{
		`{"type":"object","properties":{"outcome":{"enum":["resolved","unresolved"]},"topics":{"type":"array","items":{"type":"string"}}},"required":["outcome","topics"]}`:                                       `{"outcome":"unresolved","topics":["still","unresolved","appointment"]}`,
		`{"type":"object","properties":{"n":{"type":"integer","maximum":3},"m":{"type":["number","null"],"minimum":100}}}`:                                                                                        `{"m":100,"n":3}`,
		`{"type":"object","properties":{"d":{"type":"string","format":"date"},"c":{"const":7},"s":{"type":"string","maxLength":12}}}`:                                                                             `{"c":7,"d":"2026-01-01","s":"This is from"}`,
		`{"$defs":{"p":{"type":"object","properties":{"x":{"type":"array","items":{"type":"integer"},"minItems":2}},"required":["x"]}},"type":"object","properties":{"p":{"$ref":"#/$defs/p"}},"required":["p"]}`: `{"p":{"x":[6,6]}}`,
		`{"allOf":[{"type":"object","properties":{"a":{"anyOf":[{"type":"null"},{"type":"boolean"}]}},"required":["a"]},{"properties":{"b":{"type":"array","items":{"type":"string"},"maxItems":1}}}]}`:           `{"a":true,"b":["still"]}`,
	} {
		got := fillSchema(t, schema, `{"call":{"direction":"inbound"}}`+"\n"+`{"caller":"It is still unresolved, my appointment."}`)
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", schema, got, want)
		}
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource("s.json", document); err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(got))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.MustCompile("s.json").Validate(value); err != nil {
			t.Errorf("%s does not match the schema: %v", got, err)
		}
	}
	said := fillSchema(t, `{"type":"object","properties":{"summary":{"type":"string"}}}`, "Hello there.")
	if !strings.Contains(said, "stand-in") || !strings.Contains(said, "Hello there.") || fillSchema(t, `{"type":"object","properties":{"summary":{"type":"string"}}}`, "Hello there.") != said {
		t.Errorf("it said %s", said)
	}
}

// A schema that refers to itself, or is not a schema, still gets a reply.
func TestDefaultModelOddSchemas(t *testing.T) {
	for _, schema := range []string{`{"$ref":"#"}`, `{"type":"object","properties":{"a":{"$ref":"#"}}}`, `{"properties":7,"type":["x"]}`, `{"enum":[]}`,
		`{"type":"object","properties":{"a":{"$ref":"#"},"b":{"$ref":"#"},"c":{"$ref":"#"},"d":{"$ref":"#"},"e":{"$ref":"#"},"f":{"$ref":"#"}}}`} {
		if got := fillSchema(t, schema, "x"); !json.Valid([]byte(got)) {
			t.Errorf("schema %s: the reply %s is not JSON", schema, got)
		}
	}
}
