package agent

import (
	"strings"
	"testing"
)

// thoughtCases pairs what model servers send with the answer in it.
var thoughtCases = map[string]struct{ in, want string }{
	"no thought":                         {"Hello, 2 < 3 [sic] “so” <b>x</b>", "Hello, 2 < 3 [sic] “so” <b>x</b>"},
	"white space before the first word":  {"\n\n Hello", "\n\n Hello"},
	"only white space":                   {" \n", " \n"},
	"white space before another tag":     {"\n<b>Hello</b>", "\n<b>Hello</b>"},
	"a tag":                              {"<think>\nThe user says hello.\n</think>\n\nHello! How can I help?", "Hello! How can I help?"},
	"an empty thought":                   {"<think>\n\n</think>\n\nHello", "Hello"},
	"white space before the tag":         {"\n<think>x</think>Hello", "Hello"},
	"upper case":                         {"<THINK>x</Think>Hello", "Hello"},
	"attributes":                         {"<think lang=\"en\" budget='5'>x</think >Hello", "Hello"},
	"a tag without text":                 {"<think/>Hello<think />", "Hello"},
	"other names":                        {"<thinking>a</thinking><thought>b</thought> <reasoning>c</reasoning><seed:think>d</seed:think>Hello", "Hello"},
	"a longer name is another tag":       {"<thinker>a</thinker><thinks", "<thinker>a</thinker><thinks"},
	"twice":                              {"<think>a</think>Hello <think>b</think>there", "Hello there"},
	"nested":                             {"<think>a<think>b</think>c</think>Hello", "Hello"},
	"a thought that names its tag":       {"<think>I write <think> first.</think>Hello", "Hello"},
	"a quoted tag in a thought":          {"<think>I close with \"</think>\" soon.</think>Hello", "Hello"},
	"a thought that ends in a quotation": {"<think>I say \"Hello\"</think>Hello", "Hello"},
	"a quoted tag in an answer":          {"Put it in `<think>` and '</think>'.", "Put it in `<think>` and '</think>'."},
	"without an end":                     {"<think>I wonder", ""},
	"without an end, in mid-text":        {"Hello <think>I wonder", "Hello "},
	"an unfinished tag":                  {"Hello <thin", "Hello <thin"},
	"without a beginning":                {"I wonder.\n</think>\n\nHello", "Hello"},
	"a second end":                       {"<think>a</think>Hello</think> there", "Hello there"},
	"an answer tag after a thought":      {"<think>a</think>\n<answer>Hello</answer>", "Hello"},
	"an answer tag without a thought":    {"<answer>Hello</answer>", "<answer>Hello</answer>"},
	"Magistral":                          {"[THINK]a [b] c[/THINK]Hello", "Hello"},
	"Kimi":                               {"◁think▷a ▷ b◁/think▷Hello “you”", "Hello “you”"},
	"Command":                            {"<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>Hello<|END_RESPONSE|>", "Hello"},
	"OpenThinker":                        {"<|begin_of_thought|>a<|end_of_thought|>\n\n<|begin_of_solution|>Hello<|end_of_solution|>", "Hello"},
	"Gemma":                              {"<|channel>thought\na<channel|>Hello", "Hello"},
	"Harmony":                            {"<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>Hello<|return|>", "Hello"},
	"Harmony without <|message|>":        {"<|channel|>analysis a<|channel|>final<|message|>Hello", "Hello"},
	"Harmony with a tool call":           {"<|channel|>commentary to=functions.look <|constrain|>json<|message|>{}<|call|>", ""},
	"Harmony with a preamble":            {"<|channel|>commentary<|message|>One moment.<|end|><|start|>assistant<|channel|>final<|message|>Hello", "One moment.\nHello"},
	"Harmony that only thinks":           {"<|channel|>analysis<|message|>a", ""},
}

// filterThoughts returns the whole answer. The pieces that come before a thought becomes known are not part of it.
func filterThoughts(pieces ...string) string {
	var f thoughtFilter
	answer := ""
	take := func(text string, withdrawn bool) {
		if withdrawn {
			answer = ""
		}
		answer += text
	}
	for _, p := range pieces {
		take(f.write(p))
	}
	take(f.close(false))
	return answer
}

// TestThoughtsAreRemoved also cuts each text at every byte and into single bytes.
func TestThoughtsAreRemoved(t *testing.T) {
	for name, c := range thoughtCases {
		if got := filterThoughts(c.in); got != c.want {
			t.Errorf("%s: %q\n got %q\nwant %q", name, c.in, got, c.want)
		}
		for i := range c.in {
			for j := i; j < len(c.in); j += 3 {
				if got := filterThoughts(c.in[:i], c.in[i:j], c.in[j:]); got != c.want {
					t.Fatalf("%s: cut at %d and %d: %q\n got %q\nwant %q", name, i, j, c.in, got, c.want)
				}
			}
		}
		if got := filterThoughts(strings.Split(c.in, "")...); got != c.want {
			t.Errorf("%s: rune by rune: got %q, want %q", name, got, c.want)
		}
	}
}

// TestThoughtFilterHoldsBackOnlyTags checks that each piece is returned at once up to the tag that it may end in.
func TestThoughtFilterHoldsBackOnlyTags(t *testing.T) {
	var f thoughtFilter
	for _, c := range []struct{ in, out string }{
		{"\n", ""}, {"Hello", "\nHello"}, {" 2 <", " 2 "}, {" 3", "< 3"}, {" <t", " "}, {"h", ""}, {"e", "<the"}, {" [", " "}, {"sic]", "[sic]"}, {" “a”", " “a”"},
		{" <b", " <b"}, {" x <|", " x "}, {"im_end|>", "<|im_end|>"},
	} {
		if got, _ := f.write(c.in); got != c.out {
			t.Errorf("%q: got %q, want %q", c.in, got, c.out)
		}
	}
}

func TestThoughtCutByLengthIsNotAnAnswer(t *testing.T) {
	var f thoughtFilter
	first, _ := f.write("<think>a<think>b</think>still thinking")
	if last, _ := f.close(true); first+last != "" {
		t.Errorf("got %q, want nothing", first+last)
	}
}

func FuzzThoughtFilter(f *testing.F) {
	for _, c := range thoughtCases {
		f.Add(c.in, uint(7))
	}
	f.Fuzz(func(t *testing.T, in string, size uint) {
		var pieces []string
		n := 1 + int(size%9)
		for rest := in; rest != ""; {
			k := min(n, len(rest))
			pieces, rest = append(pieces, rest[:k]), rest[k:]
		}
		if got, whole := filterThoughts(pieces...), filterThoughts(in); got != whole {
			t.Fatalf("%q in pieces of %d: got %q, whole %q", in, n, got, whole)
		}
	})
}
