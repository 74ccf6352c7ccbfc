package providermsg_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
)

// Where providers put what they extracted, and what they put there.
func TestExtractedDataPlaces(t *testing.T) {
	for name, c := range map[string]struct{ fields, want, note string }{
		"several plans":          {`"analysis":{"structuredDataMulti":[{"lead":{"name":"Kai","budget":4000}},{"tags":["a","b"]}]}`, `{"lead":{"budget":4000,"name":"Kai"},"tags":["a","b"]}`, ""},
		"padded names":           {`"analysis":{"structuredData":{"First Name ":"Kai","Last  Name":"B"}}`, `{"First Name":"Kai","Last Name":"B"}`, ""},
		"outputs of the call":    {`"call":{"artifact":{"structuredOutputs":{"id-1":{"name":"Wants callback","result":true}}}}`, `{"Wants callback":true}`, ""},
		"flat outputs":           {`"artifact":{"structuredOutputs":{"wants_callback":false,"caller_company":"none"}}`, `{"caller_company":"none","wants_callback":false}`, ""},
		"beside the analysis":    {`"structuredData":{"reservation":{"people":4,"date":"2026-12-01"}}`, `{"reservation":{"date":"2026-12-01","people":4}}`, ""},
		"the usual place":        {`"analysis":{"structuredData":{"party":4}}`, `{"party":4}`, ""},
		"all places at once":     {`"analysis":{"structuredData":{"a":1},"structuredDataMulti":[{"b":2},{"a":9}]},"structuredData":{"c":3},"artifact":{"structuredOutputs":{"x":{"name":"d","result":4},"e":5}}`, `{"a":1,"b":2,"c":3,"d":4,"e":5}`, ""},
		"results that are JSON":  {`"artifact":{"structuredOutputs":{"x":{"name":"d","result":"{\"n\":1}"},"y":"[1,2]","z":"[1] is first","w":"{\"name\":\"q\",\"result\":\"r\"}"}}`, `{"d":{"n":1},"q":"r","y":[1,2],"z":"[1] is first"}`, ""},
		"outputs as a text":      {`"artifact":{"structuredOutputs":"{\"x\":{\"name\":\"d\",\"result\":4}}"}`, `{"d":4}`, ""},
		"outputs as a list":      {`"artifact":{"structuredOutputs":[{"id":"x","name":"d","result":4},{"name":"e","result":null}]}`, `{"d":4}`, ""},
		"a result without name":  {`"artifact":{"structuredOutputs":{"x":{"result":4}}}`, `{"x":4}`, ""},
		"a value with a result":  {`"artifact":{"structuredOutputs":{"test":{"result":"positive","date":"2026-11-20"},"name":"Kai","result":"won"}}`, `{"name":"Kai","result":"won","test":{"date":"2026-11-20","result":"positive"}}`, ""},
		"null results":           {`"analysis":{"structuredData":null},"artifact":{"structuredOutputs":{"x":{"name":"d","result":null},"y":null}}`, ``, ""},
		"one number too large":   {`"analysis":{"structuredData":{"good":1,"deep":{"bad":1e400,"fine":[2,1e400]}}}`, `{"deep":{"fine":[2]},"good":1}`, `"deep.bad", "deep.fine[1]"`},
		"one place not readable": {`"analysis":{"structuredData":[1]},"structuredData":{"a":1}`, `{"a":1}`, `"analysis.structuredData"`},
		"one item not readable":  {`"analysis":{"structuredDataMulti":[7,{"a":1},null]}`, `{"a":1}`, `"analysis.structuredDataMulti"`},
		"one name twice":         {`"artifact":{"structuredOutputs":{"x":{"name":"d","result":1},"y":{"name":"d","result":2}}}`, `{"d":1}`, `"d"`},
		"two names the same":     {`"analysis":{"structuredData":{"a ":1,"a":2,"":3}}`, `{"a":2}`, `"a"`},
		"one field too long":     {`"analysis":{"structuredData":{"long":"` + strings.Repeat("x", 17<<10) + `","short":1}}`, `{"short":1}`, `"long"`},
	} {
		t.Run(name, func(t *testing.T) {
			r := parseReport(t, c.fields)
			if got := string(r.Extracted); got != c.want {
				t.Errorf("the extracted data is %s, want %s", got, c.want)
			}
			if !strings.Contains(r.ExtractedNote, c.note) || (c.note == "") != (r.ExtractedNote == "") {
				t.Errorf("the note is %q, want one with %s", r.ExtractedNote, c.note)
			}
			if row := r.Call("k", "1"); row.AnalysisNote != r.ExtractedNote || string(row.Extracted) != c.want {
				t.Errorf("the row has %s and the note %q", row.Extracted, row.AnalysisNote)
			}
		})
	}
}

// One field that cannot be stored never drops another one, and is always named.
func TestOneBadFieldDropsNoOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		good := rapid.MapOfN(rapid.StringMatching(`[a-m]{1,8}`), rapid.IntRange(0, 1000), 1, 8).Draw(t, "good")
		bad := rapid.SampledFrom([]any{json.Number("1e400"), map[string]any{"x": json.Number("1e126")}, []any{json.Number("1e-200")}, strings.Repeat("\x01y", aurora.MaxExtracted)}).Draw(t, "bad")
		all := map[string]any{"zz": bad}
		for name, n := range good {
			all[name] = float64(n)
		}
		data, dropped := aurora.SanitizeExtracted(all)
		var got map[string]int
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if len(got) != len(good) {
			t.Errorf("stored %v, want %v", got, good)
		}
		for name, n := range good {
			if got[name] != n {
				t.Errorf("%s is %d, want %d", name, got[name], n)
			}
		}
		if len(dropped) == 0 || !strings.HasPrefix(dropped[0], "zz") {
			t.Errorf("left out: %q, want zz", dropped)
		}
	})
}
