package liquid

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// greedy are templates that would take long or fill the memory without a budget.
var greedy = map[string]string{
	"long loop":                  "{% for i in (1..1000000000) %}{% endfor %}",
	"long loop that prints":      "{% for i in (1..1000000000) %}0123456789{% endfor %}",
	"endless loop":               "{% for i in (-9223372036854775808..9223372036854775807) %}{% endfor %}",
	"nested loops":               strings.Repeat("{% for i in (1..100) %}", 8) + "x" + strings.Repeat("{% endfor %}", 8),
	"loop over a variable":       "{% for i in (1..million) %}{% for j in (1..million) %}{{ j }}{% endfor %}{% endfor %}",
	"loop with a large offset":   "{% for i in (1..1000000000) offset: 5 limit: 999999999 reversed %}{{ i }}{% endfor %}",
	"doubling by append":         "{% assign s = 'x' %}{% for i in (1..100) %}{% assign s = s | append: s %}{% endfor %}",
	"doubling by capture":        "{% assign s = 'x' %}{% for i in (1..100) %}{% capture s %}{{ s }}{{ s }}{% endcapture %}{% endfor %}",
	"doubling by replace":        "{% assign s = 'x' %}{% for i in (1..100) %}{% assign s = s | replace: 'x', 'xx' %}{% endfor %}",
	"doubling by an empty text":  "{% assign s = 'x' %}{% for i in (1..100) %}{% assign s = s | replace: '', 'xx' %}{% endfor %}",
	"doubling by split and join": "{% assign s = 'xx' %}{% for i in (1..100) %}{% assign s = s | split: '' | join: s %}{% endfor %}",
	"doubling by concat":         "{% assign l = 'a,b' | split: ',' %}{% for i in (1..100) %}{% assign l = l | concat: l %}{% endfor %}",
	"doubling by escape":         "{% assign s = '&' %}{% for i in (1..100) %}{% assign s = s | escape | append: s %}{% endfor %}",
	"doubling by url_encode":     "{% assign s = '%' %}{% for i in (1..100) %}{% assign s = s | url_encode | append: s %}{% endfor %}",
	"doubling by json":           "{% assign s = '\"' %}{% for i in (1..100) %}{% assign s = s | json %}{% endfor %}",
	"doubling by newline_to_br":  "{% assign s = \"\n\" %}{% for i in (1..100) %}{% assign s = s | newline_to_br | append: s %}{% endfor %}",
	"range as a list":            "{{ (1..1000000000) | join }}",
	"range in a filter":          "{% assign l = (1..1000000000) | reverse %}",
	"many long texts":            "{% for i in (1..1000000) %}{% assign s = long | upcase %}{% endfor %}",
	"many searches":              "{% for i in (1..1000000) %}{% if long contains 'z' %}{% endif %}{% endfor %}",
	"many sizes":                 "{% for i in (1..1000000) %}{% if long.size == 1 %}{% endif %}{% endfor %}",
	"many comparisons":           "{% for i in (1..1000000) %}{% if long == long and list == list %}{% endif %}{% endfor %}",
	"many lists":                 "{% for i in (1..1000000) %}{% assign s = list | sort | uniq | reverse %}{% endfor %}",
	"many texts of a list":       "{% for i in (1..1000000) %}{% assign s = list | join %}{% endfor %}",
	"many dates":                 "{% for i in (1..1000000) %}{% assign s = 'soon' | date: '%Y' %}{% endfor %}",
	"wide dates":                 "{% for i in (1..1000000) %}{% assign s = 'now' | date: '%999Y%999Y%999Y%999Y%999Y%999Y%999Y%999Y' %}{% endfor %}",
	"large numbers":              "{% assign n = 1.5 %}{% for i in (1..1000000) %}{% assign n = n | times: 3 | modulo: 1000000007.5 %}{% endfor %}",
	"many splits":                "{% for i in (1..1000000) %}{% assign s = long | split: '' %}{% endfor %}",
	"many words":                 "{% for i in (1..1000000) %}{% assign s = long | truncatewords: 2 | squish %}{% endfor %}",
	"many tags of HTML":          "{% for i in (1..1000000) %}{% assign s = long | replace: 'y', '<' | strip_html %}{% endfor %}",
	"many variables":             "{% for i in (1..1000000) %}{% increment x %}{% cycle 'a', 'b' %}{% ifchanged %}{{ i }}{% endifchanged %}{% endfor %}",
	"many outputs":               strings.Repeat("{% for i in (1..40000) %}{% endfor %}", 100),
	"long output":                strings.Repeat("{{ long }}", 100),
}

func greedyVariables() map[string]any {
	list := make([]any, 1000)
	for i := range list {
		list[i] = int64(i % 100)
	}
	return map[string]any{"million": 1e6, "long": strings.Repeat("xy ", 10_000), "list": list}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// maxAllocated is what one rendering may allocate.
const maxAllocated = 8 << 20

func TestBudget(t *testing.T) {
	for name, source := range greedy {
		t.Run(name, func(t *testing.T) {
			template, invalid := Parse("before " + source + " after")
			if invalid != nil {
				t.Fatal(invalid[0])
			}
			var got string
			var failed []*Error
			vars := greedyVariables()
			used := allocated(func() { got, failed = template.Render(t.Context(), vars, testClock) })
			if len(failed) == 0 || !errors.Is(failed[0], errBudget) {
				t.Errorf("errors %v, want one that wraps errBudget", failed)
			}
			if used > maxAllocated {
				t.Errorf("%d bytes were allocated, want at most %d", used, maxAllocated)
			}
			if !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") {
				t.Errorf("the result is %.40q…, want the text before and after", got)
			}
		})
	}
}

// Whatever a filter gets, in a loop that does not end by itself.
func TestBudgetOfEachFilter(t *testing.T) {
	inputs := greedyVariables()
	inputs["blanks"] = strings.Repeat(" ", 100_000)
	inputs["digits"] = strings.Repeat("1", 100_000)
	inputs["markup"] = strings.Repeat("<&\"\n", 25_000)
	inputs["huge"], inputs["tiny"] = 1.7e308, 5e-324
	inputs["words"] = strings.Repeat("a ", 50_000)
	objects, object := make([]any, 1000), map[string]any{}
	for i := range objects {
		objects[i] = map[string]any{"x": strings.Repeat("k", i)}
		object[strings.Repeat("k", i)] = int64(i)
	}
	inputs["objects"], inputs["object"] = objects, object
	values := []string{"'x'", "long", "objects"}
	for name, f := range filters {
		for input := range inputs {
			for _, value := range values {
				args := ": " + strings.Join(slices.Repeat([]string{value}, f.max), ", ")
				if f.max == 0 {
					args = ""
				}
				source := "{% for i in (1..1000000) %}{% assign s = " + input + " | " + name + args + " %}{% endfor %}"
				template, invalid := Parse(source)
				if invalid != nil && errors.Is(invalid[0], errDivisionByZero) {
					continue
				}
				if invalid != nil {
					t.Fatal(source, invalid[0])
				}
				var failed []*Error
				used := allocated(func() { _, failed = template.Render(t.Context(), inputs, testClock) })
				if len(failed) == 0 || !errors.Is(failed[len(failed)-1], errBudget) {
					t.Errorf("%s: errors %v, want one that wraps errBudget", source, failed)
				}
				if used > maxAllocated {
					t.Errorf("%s: %d bytes were allocated, want at most %d", source, used, maxAllocated)
				}
				if f.max == 0 {
					break
				}
			}
		}
	}
}

// What a template exceeds without its caller's variables is rejected before it is stored.
func TestGreedyTemplatesAreRejected(t *testing.T) {
	for name, source := range greedy {
		if strings.Contains(source, "long") || strings.Contains(source, "list") || strings.Contains(source, "million") {
			continue
		}
		problems := Check(source)
		if len(problems) == 0 || !errors.Is(problems[0], errBudget) {
			t.Errorf("%s: %v, want an error that wraps errBudget", name, problems)
		}
	}
}

// Rendering goes on after a tag that used up the budget, once.
func TestRestHasAReserve(t *testing.T) {
	template, _ := Parse("{% for i in (1..1000000) %}{{ i }}{% endfor %}Hello {{ name }}!{% for i in (1..1000000) %}x{% endfor %} Bye {{ name }}!")
	got, failed := template.Render(t.Context(), testVariables(), testClock)
	if want := "Hello Dana! Bye !"; got != want || len(failed) != 2 && len(failed) != 1 {
		t.Errorf("rendered %q with the errors %v, want %q", got, failed, want)
	}
}

// Parsing takes time and memory in proportion to the template.
func TestLargeTemplates(t *testing.T) {
	for name, source := range map[string]string{
		"too many outputs":               strings.Repeat("{{a}}", 50_000),
		"too large":                      strings.Repeat("x", maxSourceBytes) + "{{ a }}",
		"deep tags":                      strings.Repeat("{% if a %}", 9_000),
		"deep loops":                     strings.Repeat("{% for a in b %}", 4_000) + strings.Repeat("{% endfor %}", 4_000),
		"deep brackets":                  "{{ " + strings.Repeat("a[", 100_000) + " }}",
		"deep parentheses":               "{% if " + strings.Repeat("(", 100_000) + " %}{% endif %}",
		"long path":                      "{{ a" + strings.Repeat(".b", 100_000) + " }}",
		"long condition":                 "{% if a" + strings.Repeat(" and a", 20_000) + " %}{% endif %}",
		"unclosed comments":              strings.Repeat("{% comment %}", 5_000),
		"far end":                        strings.Repeat("{{ a ", 100_000) + "}}",
		"comments":                       strings.Repeat("{% comment %}x{% endcomment %}", 20_000) + "{{",
		"comment that ends far":          "{% comment %}" + strings.Repeat("{% a ", 100_000) + "%}",
		"raw in a comment that ends far": "{% comment %}{% raw %}" + strings.Repeat("{% comment ", 50_000) + "%}",
		"raw":                            strings.Repeat("{% raw %}x", 20_000),
		"quotes":                         strings.Repeat("{{ '\n", 100_000) + "}}",
		"unclosed outputs":               strings.Repeat("{{ a \n", 50_000),
		"deep tag liquid":                strings.Repeat("{% liquid\nliquid\n", 5_000),
		"else without a tag":             strings.Repeat("{% else %}{% endif %}", 4_000),
	} {
		t.Run(name, func(t *testing.T) {
			used := allocated(func() {
				template, errs := Parse(source)
				if len(errs) == 0 {
					t.Error("no error, want one")
				}
				template.Render(t.Context(), nil, testClock)
			})
			if used > maxAllocated {
				t.Errorf("%d bytes were allocated, want at most %d", used, maxAllocated)
			}
		})
	}
}

// Values that are nested deeper than a template can print end with an error.
func TestDeepValues(t *testing.T) {
	deep := any("x")
	object := any("x")
	for range 5_000 {
		deep, object = []any{deep}, map[string]any{"a": object}
	}
	template, _ := Parse("a{{ deep }}{{ deep | json }}{{ object }}{{ deep | join }}{% if deep == deep %}{% endif %}b{{ object | json }}")
	got, failed := template.Render(t.Context(), map[string]any{"deep": deep, "object": object}, testClock)
	if got != "ab" || len(failed) == 0 {
		t.Errorf("rendered %q, errors %v, want ab and errors", got, failed)
	}
}

// A template made of any parts is rendered within the budget, and a template that Check accepts is rendered without an error.
func TestAnyTemplate(t *testing.T) {
	parts := []string{"{{ a }}", "{{ a | append: b }}", "{{ l | join: a }}", "{% if a %}", "{% else %}", "{% endif %}", "{% for x in l %}", "{% endfor %}", "{{ x.y }}",
		"{% assign a = a | append: a %}", "{% capture a %}", "{% endcapture %}", "{{ 1 | divided_by: n }}", "{% break %}", "{% case a %}", "{% when 1 %}", "{% endcase %}",
		"{% for i in (1..n) %}", "{{ a | split: '' | sort | uniq }}", "{% raw %}", "{% endraw %}", "{% comment %}", "{% endcomment %}", "{{-", "-}}", "{%", "%}", " text ", "| size",
		"{% liquid\nassign z = 1\necho z\n%}", "{{ a | nosuch }}", "{{ n | times: n }}", "{% cycle a, b %}", "{% unless a == blank %}", "{% endunless %}"}
	rapid.Check(t, func(t *rapid.T) {
		source := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 30).Draw(t, "parts"), "")
		template, _ := Parse(source)
		template.Render(t.Context(), map[string]any{"a": "x", "b": "y", "n": int64(1000), "l": []any{int64(1), "a", nil}}, testClock)
		if problems := Check(source); problems == nil {
			if _, failed := template.Render(t.Context(), nil, testClock); failed != nil {
				t.Fatalf("%q fails with %v, and Check accepted it", source, failed)
			}
		}
	})
}

func BenchmarkPrompt(b *testing.B) {
	source := strings.Repeat("You are {{ name }} of {{ order.items[0].name | default: 'nothing' }}.\n{% if n > 2 %}{% for x in list %}{{ x }}{% endfor %}{% endif %}\n", 50)
	vars := testVariables()
	b.ReportAllocs()
	for b.Loop() {
		template, _ := Parse(source)
		template.Render(b.Context(), vars, testClock)
	}
}

func BenchmarkBudget(b *testing.B) {
	for name, source := range greedy {
		b.Run(name, func(b *testing.B) {
			vars := greedyVariables()
			b.ReportAllocs()
			for b.Loop() {
				template, _ := Parse(source)
				template.Render(b.Context(), vars, testClock)
			}
		})
	}
}
