package aurora_test

import (
	"encoding/json"
	"strings"
	"testing"

	"example.com/aurora/shared/core/aurora"
)

func TestCanonicalNumber(t *testing.T) {
	for in, want := range map[string]string{"0": "0", "-0": "0", "0.000": "0", "1.50": "1.5", "1e2": "100", "1.5E+1": "15", "-12.340e-3": "-0.01234", "100": "100",
		"12345678901234567890123456789012345678": "12345678901234567890123456789012345678", "0.1": "0.1", "3": "3", "-7e0": "-7"} {
		if got, ok := aurora.CanonicalNumber(json.Number(in)); !ok || string(got) != want {
			t.Errorf("CanonicalNumber(%s) = %s, %v, want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{"123456789012345678901234567890123456789", "1e130", "1e-130", "1e999999999999999999999"} {
		if got, ok := aurora.CanonicalNumber(json.Number(in)); ok {
			t.Errorf("CanonicalNumber(%s) = %s, want that it cannot be stored", in, got)
		}
	}
}

func TestCanonicalIsOneFormOfADocument(t *testing.T) {
	forms := map[string]bool{}
	for _, text := range []string{`{"b":[1.0,{"d":"<&>","c":null}],"a":1e1}`, `{ "a": 10, "b": [1, {"c": null, "d": "\u003c&>"}] }`} {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var fields map[string]any
		if err := d.Decode(&fields); err != nil {
			t.Fatal(err)
		}
		b, err := aurora.Canonical(fields)
		if err != nil {
			t.Fatal(err)
		}
		forms[string(b)] = true
	}
	if want := `{"a":10,"b":[1,{"c":null,"d":"<&>"}]}`; len(forms) != 1 || !forms[want] {
		t.Errorf("the forms are %v, want %s", forms, want)
	}
}
