package phonetables

import (
	"testing"

	"example.com/aurora/shared/core/aurora"
)

// TestParse has spellings that only the tables know, and texts that are no numbers of their region.
func TestParse(t *testing.T) {
	for _, c := range []struct {
		written, region string
		want            aurora.Phone // empty if it is not read
	}{
		{"(415) 555-0191", "US", "+14155550191"}, {"415.555.0191", "US", "+14155550191"}, {"14155550191", "US", "+14155550191"}, {"07400 123456", "GB", "+447400123456"},
		{"030 901820", "DE", "+4930901820"}, {"00447400123456", "DE", "+447400123456"}, {"+4407400123456", "", "+447400123456"}, {"+44 (0)7400 123456", "US", "+447400123456"},
		{"+52 55 1234 5678", "", "+525512345678"}, {"06 1234 5678", "IT", "+390612345678"},
		{"(415) 555-0191", "", ""}, {"911", "US", ""}, {"55512", "US", ""}, {"+1555", "US", ""},
	} {
		if got, ok := parse(c.written, c.region); got != c.want || ok != (c.want != "") {
			t.Errorf("%q in region %q: %q, %v; want %q", c.written, c.region, got, ok, c.want)
		}
	}
}
