package report

import (
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/text"
)

// elements and attributes are all that the templates use. Others would come from a hostile text.
var (
	elements = strings.Fields(`html head meta title style body div header main footer section h1 h2 h3 p bdi time dl dt dd
		span svg rect figure details summary table caption colgroup col thead tbody tr th td abbr ol ul li a i b br`)
	attributes = strings.Fields(`lang dir charset http-equiv content name class id aria-labelledby aria-label aria-hidden
		datetime scope title focusable width height x y rx colspan href rel role cellpadding cellspacing border bgcolor
		align valign style`)
)

// checkHTML parses a page as a browser does. It checks that the page has only elements and attributes of the templates, that
// nothing in it runs, and that its links are https or lead to the public origin.
func checkHTML(t testing.TB, page, public string) {
	t.Helper()
	if !utf8.ValidString(page) {
		t.Fatal("no valid UTF-8")
	}
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	styles := 0
	for n := range root.Descendants() {
		switch n.Type {
		case html.CommentNode:
			t.Errorf("a comment: %.100q", n.Data)
		case html.TextNode:
			for _, r := range n.Data {
				if text.IsHidden(r) && r != '\n' {
					t.Errorf("the hidden character %U is in %.100q", r, n.Data)
					break
				}
			}
		case html.ElementNode:
			if n.Data == "style" {
				styles++
			}
			if !slices.Contains(elements, n.Data) {
				t.Errorf("an element <%s>", n.Data)
			}
			checkAttributes(t, n, public)
		}
	}
	if styles != 1 {
		t.Errorf("there are %d style elements, want 1", styles)
	}
}

func checkAttributes(t testing.TB, n *html.Node, public string) {
	t.Helper()
	for _, a := range n.Attr {
		if !slices.Contains(attributes, a.Key) {
			t.Errorf("<%s %s=%.100q>", n.Data, a.Key, a.Val)
		}
		switch a.Key {
		case "href":
			u, err := url.Parse(a.Val)
			if err != nil || n.Data != "a" || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme+"://"+u.Host != public {
				t.Errorf("<%s> leads to %.200q", n.Data, a.Val)
			}
		case "http-equiv":
			if a.Val != "Content-Security-Policy" {
				t.Errorf("<meta http-equiv=%q>", a.Val)
			}
		case "style":
			if lower := strings.ToLower(a.Val); strings.Contains(lower, "url(") || strings.Contains(lower, "expression") || strings.Contains(a.Val, "ZgotmplZ") {
				t.Errorf("style=%q", a.Val)
			}
		}
	}
}

// checkPage checks what holds for every report.
func checkPage(t testing.TB, p Page) {
	t.Helper()
	checkHTML(t, htmlOf(t, p), p.Public)
	subject, plain, mail, err := p.Mail()
	if err != nil {
		t.Fatal(err)
	}
	checkHTML(t, mail, p.Public)
	if len(mail) >= 100_000 {
		t.Errorf("the mail has %d bytes", len(mail))
	}
	if n := utf8.RuneCountInString(subject); n == 0 || n > maxSubject || strings.ContainsFunc(subject, func(r rune) bool { return text.IsHidden(r) || unicode.IsControl(r) }) {
		t.Errorf("subject of %d: %q", n, subject)
	}
	if len(plain) == 0 || len(plain) >= 100_000 || !utf8.ValidString(plain) || strings.ContainsFunc(plain, func(r rune) bool { return text.IsHidden(r) && r != '\n' }) {
		t.Errorf("text of %d bytes: %.300q", len(plain), plain)
	}
	for _, a := range p.Report.Attention {
		if number, ok := aurora.ParsePhone(string(a.Customer)); ok && (strings.Contains(mail, string(number)) || strings.Contains(plain, string(number))) {
			t.Errorf("the mail shows the number %s, want it masked", number)
		}
	}
}

func TestPagesContainOnlyKnownElements(t *testing.T) {
	t.Parallel()
	for _, name := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkPage(t, pageOf(t, name))
		})
	}
	for _, name := range []string{"transcript", "transcript-hostile"} {
		transcript := fixture[Transcript](t, name)
		text, err := transcript.HTML()
		if err != nil {
			t.Fatal(err)
		}
		checkHTML(t, string(text), "")
	}
}

// A report in which every text is too long still makes a mail that has its figures and its size.
func TestWorstMail(t *testing.T) {
	t.Parallel()
	for _, filling := range []string{`"`, "&", "<b>", "𝕬", "a", "a ", "e\u0301\u0302", "\u202e\x00", "\n\n-", "+"} {
		p := worst(strings.Repeat(filling, 20_000), filling)
		checkPage(t, p)
		if _, text, mail, err := p.Mail(); err != nil || !strings.Contains(mail, "1 000 000 000") && !strings.Contains(mail, "1\u202f000\u202f000\u202f000") || !strings.Contains(text, "Answered") {
			t.Errorf("the mail of texts like %q has no figures (%v)", filling, err)
		}
	}
}

// worst returns a report whose lists are all too long and whose texts are all s.
func worst(s, part string) Page {
	p := Page{OrgName: s, Language: s, HTMLLink: "https://x.example.com/" + strings.Repeat("&", 2_300), CSVLink: "https://x.example.com/" + s, JSONLink: s,
		MadeAt: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), Public: s}
	r := &p.Report
	r.AssistantID, r.AssistantName, r.TimeZone, r.Period = s, s, s, aurora.Period(s)
	r.Until = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	r.From = r.Until.AddDate(0, 0, -7)
	r.Narrative = aurora.Narrative{Text: s, Model: s, Note: s}
	r.Calls = aurora.CallFigures{Total: 1_000_000_000, Answered: math.MaxInt, Failed: math.MinInt}
	r.Minutes, r.Cost = math.NaN(), aurora.CostFigures{Total: math.Inf(1), Currency: s}
	r.Outcomes, r.Sentiment, r.EndedReasons = map[aurora.Outcome]int{}, map[aurora.Sentiment]int{}, map[string]int{}
	for i := range 500 {
		name := strings.Repeat(part, i+1) + s[:min(len(s), 100)]
		r.Outcomes[aurora.Outcome(name)], r.Sentiment[aurora.Sentiment(name)], r.EndedReasons[name] = i, i, math.MaxInt/1000
		r.Topics = append(r.Topics, aurora.TopicFigure{Topic: name, Calls: math.MaxInt - i})
		r.ByDay = append(r.ByDay, aurora.DayFigure{Date: name, Calls: math.MaxInt - i})
		r.Attention = append(r.Attention, aurora.Attention{CallID: name, Reasons: []string{s, s, s, s, s, s, s, s, s, s}, Customer: aurora.Phone(s), Name: s,
			Direction: aurora.Direction(s), Outcome: aurora.Outcome(s), Sentiment: aurora.Sentiment(s), EndedReason: s, Summary: s, Extracted: jsonOf(map[string]any{s: s, name: []string{s}}),
			Actions: slices.Repeat([]string{s}, 50), Transcript: "https://x.example.com/?" + strings.Repeat("&", 2_300), Recording: "https://x.example.com/?" + strings.Repeat("'", 2_300)})
	}
	for d := range r.ByHour {
		for h := range r.ByHour[d] {
			r.ByHour[d][h] = math.MaxInt / 4
		}
	}
	r.Previous.Figures = r.Figures
	r.Previous.Calls.Total = 1
	return p
}

func FuzzPage(f *testing.F) {
	for _, s := range []string{"", "Riley", "<script>", `"><img src=x onerror=alert(1)>`, "\u202e", "a\u0301\u0302\u0303\u0304\u0305", "\xff\x00", "https://x.example.com/?a=1&b='\"",
		"javascript:alert(1)", "http://127.0.0.1:3000", "HTTPS://x.example.com", "https://user@x.example.com", "//x.example.com", "https:x", "https://x\".example.com", "+14155550142", "2026-11-22", "Europe/Bucharest", "{{.}}"} {
		f.Add(s, s, 3)
	}
	f.Fuzz(func(t *testing.T, a, b string, n int) {
		seconds := float64(n)
		at := time.Date(2026, 11, 19, 12, 0, 0, 0, time.UTC)
		p := Page{OrgName: a, Language: b, HTMLLink: a, CSVLink: b, JSONLink: a + b, Public: "http://127.0.0.1:3000", MadeAt: at.AddDate(0, 0, n%1000)}
		r := &p.Report
		r.AssistantName, r.AssistantID, r.TimeZone, r.Period, r.From, r.Until = a, b, b, aurora.Period(a), at, at.AddDate(0, 0, 7)
		r.Calls, r.Minutes, r.Cost = aurora.CallFigures{Total: n, Failed: n / 2}, seconds, aurora.CostFigures{Total: seconds, Currency: b, UnknownCalls: n / 3}
		r.Outcomes, r.EndedReasons = map[aurora.Outcome]int{aurora.Outcome(a): n}, map[string]int{b: n}
		r.Sentiment, r.Topics = map[aurora.Sentiment]int{aurora.Sentiment(b): n}, []aurora.TopicFigure{{Topic: a, Calls: n}}
		r.ByDay, r.ByHour[n&3][n&15] = []aurora.DayFigure{{Date: a, Calls: n}, {Date: "2026-11-19", Calls: 1}}, n
		r.Narrative = aurora.Narrative{Text: a + "\n" + b, Note: b}
		attention := aurora.Attention{At: at, Reasons: []string{a, b}, Customer: aurora.Phone(b), Name: a, Direction: aurora.Direction(b), Seconds: &seconds,
			Outcome: aurora.Outcome(a), EndedReason: b, Summary: a + b, Extracted: json.RawMessage(b), Actions: []string{b}, Transcript: a, Recording: b}
		// A summary may name a number; only the field is masked.
		if _, isPhone := aurora.ParsePhone(b); !isPhone {
			r.Attention = []aurora.Attention{attention}
		}
		checkPage(t, p)
		said, err := Transcript{Call: attention, Turns: []providermsg.Utterance{{Who: providermsg.Speaker(a), Text: b, Seconds: seconds}, {Text: a}}, AssistantName: b,
			OrgName: a, Language: a, Public: "http://127.0.0.1:3000"}.HTML()
		if err != nil {
			t.Fatal(err)
		}
		checkHTML(t, string(said), "http://127.0.0.1:3000")
	})
}

func jsonOf(v any) json.RawMessage {
	b, _ := json.Marshal(v) // strings cannot fail
	return b
}
