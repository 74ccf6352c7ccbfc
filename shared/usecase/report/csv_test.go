package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/golden"
)

func bucharest(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Bucharest")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func ptr(f float64) *float64 { return &f }

func exampleCall() aurora.Call {
	return aurora.Call{
		CallKey: aurora.CallKey{AssistantID: "a", Day: "2026-11-19", CallID: "call-1"}, ID: "call-1",
		StartedAt: time.Date(2026, 11, 19, 12, 3, 0, 0, time.UTC), EndedAt: time.Date(2026, 11, 19, 12, 5, 14, 0, time.UTC),
		Seconds: ptr(134), Cost: ptr(0.1234), EndedReason: "customer-ended-call", Disposition: aurora.DispositionAnswered, Direction: aurora.DirectionInbound,
		Customer: "+14155550142", CustomerName: "Zoë Example", Summary: "Asked for a new date; \"Friday\", she said,\nand it was given.",
		Success: "true", Recording: "https://recordings.example.com/1.wav", Transferred: true,
		Analysis: aurora.Analysis{Outcome: aurora.OutcomeResolved, Sentiment: aurora.SentimentPositive, Topics: []string{"appointments", "prices"},
			ActionItems: []string{"=call back", "Send the invoice"}, Extracted: []byte(`{"date":"2026-11-20"}`)},
	}
}

func csvText(t rapid.TB, zone *time.Location, calls ...aurora.Call) string {
	t.Helper()
	var b bytes.Buffer
	w := NewCSV(&b, zone)
	for _, c := range calls {
		if err := w.Write(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCSV(t *testing.T) {
	t.Parallel()
	golden.Equal(t, "report.csv", []byte(csvText(t, bucharest(t), exampleCall(), aurora.Call{CallKey: aurora.CallKey{CallID: "h-1"}, Disposition: aurora.DispositionFailed})))
}

// A spreadsheet would calculate these cells.
func TestCSVFormulas(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                "",
		"plain":                           "plain",
		"a=b+c-d@e":                       "a=b+c-d@e",
		"=1+1":                            "'=1+1",
		"+14155550100":                    "'+14155550100",
		"-1":                              "'-1",
		"@SUM(A1)":                        "'@SUM(A1)",
		"\t=1":                            "' =1",
		"\tx":                             "' x",
		"\rx":                             "' x",
		"\nx":                             "' x",
		"  =1":                            "  '=1",
		"\u00a0=1":                        " '=1",
		"\u3000+1":                        " '+1",
		"\u200b=1":                        "'=1",
		"\u202e=1":                        "'=1",
		"\x00=1":                          "'=1",
		"\x7f\x01-1":                      "'-1",
		"＝1":                              "'＝1",
		"＋1":                              "'＋1",
		"－1":                              "'－1",
		"＠x":                              "'＠x",
		"−1":                              "'−1",
		"'=1":                             "''=1",
		"''+1":                            "'''+1",
		`"=1`:                             `"'=1`,
		`=HYPERLINK("https://x.example")`: `'=HYPERLINK("https://x.example")`,
		"a;=1":                            "a;'=1",
		"a; \"@x":                         "a; \"'@x",
		"a\n=1":                           "a =1",
		"a\x1b[31mb":                      "a[31mb",
		"=cmd|' /C calc'!A0":              "'=cmd|' /C calc'!A0",
		"\xff=1":                          "\ufffd=1",
		"e\u0301":                         "e\u0301",
		"👩‍👧":                             "👩‍👧",
	} {
		row := appendCell(nil, in)
		got, err := csv.NewReader(bytes.NewReader(append(row, ",x\r\n"...))).Read()
		if err != nil || len(got) != 2 || got[0] != want {
			t.Errorf("the cell of %q reads as %q (%v), want %q", in, got, err, want)
		}
	}
	if got := string(appendCell(nil, "a", "", "=b", "c")); got != `"a; '=b; c"` {
		t.Errorf("the cell of several texts is %s", got)
	}
	if got := appendCell(nil, strings.Repeat("é", maxCellBytes)); len(got) > maxCellBytes+8 || !utf8.Valid(got) {
		t.Errorf("the longest cell has %d bytes, want at most %d of valid UTF-8", len(got), maxCellBytes+8)
	}
}

// Every call becomes one record with as many fields as the header, and no field begins a formula.
func TestCSVRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ \t;,"'=+@\r\na-]{0,12}`))
		c := aurora.Call{ID: text.Draw(r, "id"), CustomerName: text.Draw(r, "name"), Customer: aurora.Phone(text.Draw(r, "customer")),
			Summary: text.Draw(r, "summary"), EndedReason: text.Draw(r, "reason"),
			Analysis: aurora.Analysis{Topics: rapid.SliceOfN(text, 0, 5).Draw(r, "topics")}}
		checkCSV(r, csvText(t, time.UTC, c, c), 3)
	})
}

func checkCSV(t rapid.TB, text string, rows int) {
	t.Helper()
	body, found := strings.CutPrefix(text, "\ufeff")
	if !found || strings.Count(body, "\r\n") != rows || strings.Count(body, "\n") != rows || strings.Count(body, "\r") != rows {
		t.Fatalf("lines: %q", text)
	}
	records, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil || len(records) != rows {
		t.Fatalf("%d records (%v), want %d: %q", len(records), err, rows, text)
	}
	for _, record := range records[1:] {
		for _, field := range record {
			for part := range strings.SplitSeq(field, ";") {
				if part = strings.TrimLeft(part, " \"'"); part != "" && startsFormula([]rune(part)[0]) && !strings.Contains(field, "'") {
					t.Fatalf("%q begins a formula", field)
				}
			}
		}
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{"", "=1", "a;=1", "\t\"=\"", "\xff\xfe", "'+", "\u202e;\u200b@", "a,\"b\"\r\n=c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := aurora.Call{ID: s, CustomerName: s, Summary: s, Analysis: aurora.Analysis{Topics: []string{s, s}}}
		checkCSV(t, csvText(t, time.UTC, c), 2)
	})
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// After the writer's first error every call returns it.
func TestCSVBrokenWriter(t *testing.T) {
	t.Parallel()
	w := NewCSV(brokenWriter{}, nil)
	var err error
	for range 2000 {
		if err = w.Write(exampleCall()); err != nil {
			break
		}
	}
	if !errors.Is(err, io.ErrClosedPipe) || !errors.Is(w.Write(exampleCall()), io.ErrClosedPipe) || !errors.Is(w.Flush(), io.ErrClosedPipe) {
		t.Errorf("the error is %v, want %v from Write and from Flush", err, io.ErrClosedPipe)
	}
}

// One row takes about 1 µs, so that half a million calls fit well into the time limit of the function.
func BenchmarkCSV(b *testing.B) {
	c := exampleCall()
	c.Summary = strings.Repeat("The caller asked for a new date, and it was given. ", 4)
	w := NewCSV(io.Discard, bucharest(b))
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(c); err != nil {
			b.Fatal(err)
		}
	}
}
