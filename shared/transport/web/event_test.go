package web

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// An event is read as encoding/json reads it, whatever its body is.
func TestParseEventReadsLikeEncodingJSON(t *testing.T) {
	for name, raw := range map[string]string{
		"a body":                 `{"httpMethod":"POST","path":"/x","body":"{\"a\":\"\\u00e9\\n\"}","isBase64Encoded":false}`,
		"the body first":         `{"body":"a","httpMethod":"POST","headers":{"A":"b"}}`,
		"no body":                `{"httpMethod":"POST"}`,
		"a body that is null":    `{"httpMethod":"POST","body":null}`,
		"an empty body":          `{"httpMethod":"POST","body":""}`,
		"an escaped name":        `{"httpMethod":"POST","b\u006fdy":"a"}`,
		"two bodies":             `{"body":"a","httpMethod":"POST","body":"b"}`,
		"a lone surrogate":       `{"httpMethod":"POST","body":"\ud800"}`,
		"not UTF-8":              "{\"httpMethod\":\"POST\",\"body\":\"a\xff\"}",
		"a body inside":          `{"httpMethod":"POST","headers":{"body":"a"},"body":"b"}`,
		"white space everywhere": " { \"httpMethod\" : \"POST\" , \"body\" : \"b\" } ",
	} {
		var want events.APIGatewayProxyRequest
		if err := json.Unmarshal([]byte(raw), &want); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := parseEvent([]byte(raw))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if rest := events.APIGatewayProxyRequest(*got.(*restEvent)); !reflect.DeepEqual(rest, want) {
			t.Errorf("%s: the event is %+v, want %+v", name, rest, want)
		}
	}
	for name, raw := range map[string]string{
		"not an object":         `[]`,
		"cut off in the body":   `{"httpMethod":"POST","body":"a`,
		"cut off after it":      `{"httpMethod":"POST","body":"a"`,
		"something after it":    `{"httpMethod":"POST","body":"a"}x`,
		"a body of a number":    `{"httpMethod":"POST","body":5}`,
		"neither kind of event": `{"body":"a"}`,
	} {
		if e, err := parseEvent([]byte(raw)); err == nil {
			t.Errorf("%s was read as %+v, want an error", name, e)
		}
	}
}
