package twiliowiring

import (
	"strings"
	"testing"

	"example.com/aurora/shared/transport/lambdaapp"
)

// An address that Twilio would not accept, or would sign in another way, counts as none: callers then reach the fallback number.
func TestReadRelayURL(t *testing.T) {
	for address, ok := range map[string]bool{
		"wss://abc123.execute-api.us-east-1.amazonaws.com/prod": true,
		"wss://calls.example.com":                               true,
		"":                                                      true,
		"https://calls.example.com/prod":                        false,
		"ws://calls.example.com/prod":                           false,
		"wss://":                                                false,
		"wss:///prod":                                           false,
		"wss://calls.example.com/prod?call=1":                   false,
		"wss://calls.example.com/prod?":                         false,
		"wss://calls.example.com/prod#x":                        false,
		"wss://user:password@calls.example.com/":                false,
		"://":                                                   false,
		"wss://calls.example.com/" + strings.Repeat("x", 500): false,
	} {
		s := lambdaapp.NewSettings(func(string) (string, bool) { return address, true })
		want := address
		if !ok {
			want = ""
		}
		if got := ReadRelayURL(s); got != want || s.Err() != nil || (len(s.Warnings()) > 0) == ok {
			t.Errorf("%q is read as %q, warnings %v, %v", address, got, s.Warnings(), s.Err())
		}
	}
}
