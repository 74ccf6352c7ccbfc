package aurora_test

import (
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
)

func TestObjectKeys(t *testing.T) {
	day := time.Date(2026, 11, 18, 23, 30, 0, 0, time.FixedZone("", -3600)) // the 19th in UTC
	hash := strings.Repeat("0123456789abcdef", 4)
	for name, c := range map[string]struct{ got, want string }{
		"end-of-call report":             {aurora.EndOfCallKey("riley", "c1", day, hash), "eoc/riley/2026/11/19/c1.json"},
		"report without any id or time":  {aurora.EndOfCallKey("", "", time.Time{}, hash), "eoc/_/undated/g-0123456789abcdef0123456789abcdef.json"},
		"report with unsafe ids":         {aurora.EndOfCallKey("../x", "../x", day, hash), "eoc/_/2026/11/19/h-d6b96a97d147daaae49eb87a5ca7bfbc.json"},
		"another report about the call":  {aurora.ConflictKey("eoc/riley/2026/11/19/c1.json", hash[:8]), "eoc/riley/2026/11/19/c1~01234567.json"},
		"analysis":                       {aurora.AnalysisKey("eoc/riley/2026/11/19/c1.json"), "analysis/riley/2026/11/19/c1.json"},
		"message of an unknown type":     {aurora.UnrecognisedKey("novel", day, hash), "unrecognised/novel/2026/11/19/0123456789abcdef0123456789abcdef.json"},
		"transcript page beside reports": {aurora.TranscriptKey("reports/riley/weekly/2026-11-23T0000/", "c1"), "reports/riley/weekly/2026-11-23T0000/transcripts/c1.html"},
	} {
		if c.got != c.want {
			t.Errorf("%s: the key is %s, want %s", name, c.got, c.want)
		}
	}
	if !aurora.IsHashNamed(aurora.EndOfCallKey("", "", time.Time{}, hash)) || aurora.IsHashNamed("eoc/riley/2026/11/19/c1.json") {
		t.Error("IsHashNamed is wrong for a report without a call id, or for one with a call id")
	}
}
