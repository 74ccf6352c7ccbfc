package operatorapi_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/operatorapi"
)

func TestIfMatch(t *testing.T) {
	etags := []string{`"d7"`, `"d8"`, `"v12"`, `"a,b"`, ""} // "" is an object that does not exist
	for name, c := range map[string]struct {
		values []string
		kind   fault.Kind
		want   []string // the entity tags that match
	}{
		"absent":                   {nil, fault.PreconditionRequired, nil},
		"empty":                    {[]string{" "}, fault.PreconditionRequired, nil},
		"one":                      {[]string{`"d7"`}, 0, []string{`"d7"`}},
		"several":                  {[]string{`"d7", "v12" ,"x"`}, 0, []string{`"d7"`, `"v12"`}},
		"in two headers":           {[]string{`"d7"`, `"d8"`}, 0, []string{`"d7"`, `"d8"`}},
		"with a comma in it":       {[]string{`"a,b"`}, 0, []string{`"a,b"`}},
		"an element that is empty": {[]string{`"d7",, "d8"`}, 0, []string{`"d7"`, `"d8"`}},
		"any":                      {[]string{"*"}, 0, []string{`"d7"`, `"d8"`, `"v12"`, `"a,b"`}},
		"weak":                     {[]string{`W/"d7"`}, 0, nil},
		"weak and strong":          {[]string{`W/"d7", "d8"`}, 0, []string{`"d8"`}},
		"another one":              {[]string{`"d6"`}, 0, nil},
		"without quotes":           {[]string{`d7`}, fault.Invalid, nil},
		"without its end":          {[]string{`"d7`}, fault.Invalid, nil},
		"any and one":              {[]string{`*, "d7"`}, fault.Invalid, nil},
		"no comma":                 {[]string{`"d7" "d8"`}, fault.Invalid, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := operatorapi.ReadIfMatch(&http.Request{Header: http.Header{"If-Match": c.values}})
			if c.kind != 0 {
				if !fault.Is(err, c.kind) {
					t.Errorf("error %v, want kind %v", err, c.kind)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, etag := range etags {
				current := fault.State{ETag: etag, Editor: "ada", At: time.Unix(1, 0)}
				err := p.Check(current)
				if matches := slices.Contains(c.want, etag); matches != (err == nil) {
					t.Errorf("tag %s: %v; want it to match: %v", etag, err, matches)
				}
				if f := fault.From(err); err != nil && (f.Kind != fault.PreconditionFailed || f.Current == nil || *f.Current != current) {
					t.Errorf("tag %s: %+v, want changed_meanwhile with the current state", etag, f)
				}
			}
		})
	}
}
