package speech

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// filterCases pairs what models write with what is spoken.
var filterCases = []struct{ in, want string }{
	{"", ""},
	{" ", " "},
	{"Hello there.  Two spaces, and an apostrophe: it's fine!", "Hello there.  Two spaces, and an apostrophe: it's fine!"},
	{"5 * 3 is 15, snake_case, 1.5, $5, C#, R&D, 2*3, a < b, x > y, room #5, ~10%, 3/4, 24/7.", "5 * 3 is 15, snake_case, 1.5, $5, C#, R&D, 2*3, a < b, x > y, room #5, ~10%, 3/4, 24/7."},
	{"You're $1,299.00 over — \"really\" (yes). E-mail me@example.com; it is 9:30.", "You're $1,299.00 over — \"really\" (yes). E-mail me@example.com; it is 9:30."},
	{"Grüße aus Köln, 東京です。 שלום नमस्ते क्\u200dष", "Grüße aus Köln, 東京です。 שלום नमस्ते क्\u200dष"},
	{"**Bold**, *it*, __b__, _i_, ***both***, ~~no~~ and `code`.", "Bold, it, b, i, both, no and code."},
	{"un*frigging*believable __init__ **5** * **3**", "un*frigging*believable init 5 * 3"},
	{"Dial *67 before the number, or *69 to call back.", "Dial *67 before the number, or *69 to call back."},
	{"*123# is the balance, *#06# the IMEI, **21*5551234# and ##002# forward. Press # or ## or *.", "*123# is the balance, *#06# the IMEI, **21*5551234# and ##002# forward. Press # or ## or *."},
	{"It has 5*, a*b*c is 2 * 3 * 4, 2**3, f(*args, **kwargs) and \\*72", "It has 5*, a*b*c is 2 * 3 * 4, 2**3, f(*args, **kwargs) and *72"},
	{"*24 hours* a day, _every_ day__, **all *year* long** and ***now***", "24 hours a day, every day__, all year long and now"},
	{"snake_case_name, _private, __init, 2_000, a ~ b, ~~c and ~d~", "snake_case_name, _private, __init, 2_000, a ~ b, ~~c and ~d~"},
	{"Code `*a` and <a href=\"*\">b</a>* [c](d*) *", "Code *a and b* c *"},
	{"- *one\n- two* \n\nthree*", "*one. two*. three*"},
	{"**Please bring your card, a photo of it, the letter that we sent you, the form, and anything else that may be of use to us.** Thanks", "Please bring your card, a photo of it, the letter that we sent you, the form, and anything else that may be of use to us. Thanks"},
	{"Dial *67 " + strings.Repeat("and so on ", 30), "Dial *67 " + strings.Repeat("and so on ", 30)},
	{"Name: ____\n___\nDone", "Name: ____. Done"},
	{"Cut **", "Cut **"},
	{"Terms apply* and 5 *", "Terms apply* and 5 *"},
	{"# Title\nText", "Title. Text"},
	{"## Hours: ##\n\nNine to five.\n\n\nCome in", "Hours: Nine to five. Come in"},
	{"#hashtag and #5", "#hashtag and #5"},
	{"Title\n=====\nOne\n---\nTwo\n***\nThree", "Title. One. Two. Three"},
	{"We have:\n- Tea\n* Coffee.\n+ **Milk**\n  - oat\n• Soy\n\nAnd you?", "We have: Tea. Coffee. Milk. oat. Soy. And you?"},
	{"1. One\n2) Two\n10. Ten\n2024. That was it.", "1. One. 2) Two. 10. Ten. 2024. That was it."},
	{"5. Anything else?", "5. Anything else?"},
	{"1.5 hours\n-5 degrees\n+1 more\n1) and 2)", "1.5 hours -5 degrees +1 more. 1) and 2)"},
	{"Reply with a number:\n1. Confirm\n2. Reschedule\n   1) Today\n   2) Later\n3. **Cancel**", "Reply with a number: 1. Confirm. 2. Reschedule. 1) Today. 2) Later. 3. Cancel"},
	{"*", "*"},
	{"Press:\n#\n", "Press: #"},
	{"911. is the number", "911. is the number"},
	{"AT&amp;T &lt;b&gt; &quot;it&#39;s&#x20;&#X27;so&apos;&quot;&nbsp;caf&eacute; &#128077;&#0;&zwnj;x", "AT&T <b> \"it's 'so'\" café x"},
	{"AT&T, R&D; & &; &#; &nothing; &ampx; &amp &amp;amp; &&amp;&", "AT&T, R&D; & &; &#; &nothing; &ampx; &amp &amp; &&&"},
	{"👍", "thumbs up"},
	{" **👍🏽**!", " !"},
	{"🎉🎉 ❤️", "hooray, heart"},
	{"👩\u200d⚕️", "👩\u200d⚕️"},
	{"&#128077;", "thumbs up"},
	{"- [ ] Call\n- [x] Pay", "Call. Pay"},
	{"**Hours**\nMon: 9-5\nSat: closed\n12 Main St\nand so on!\nYes", "Hours. Mon: 9-5. Sat: closed. 12 Main St and so on! Yes"},
	{"One moment\nDone", "One moment. Done"},
	{"one\ntwo\r\nthree\n\nfour", "one two three. four"},
	{"See [our site](https://example.com/a_(b)?x=1 \"The title\").", "See our site."},
	{"[**Book** now](http://example.com) or [a](b c) or [ref][1] or [Enter]", "Book now or a(b c) or ref or Enter"},
	{"[https://example.com/x](https://example.com/x)!", "example.com!"},
	{"So it is[1], they say[^2]. [[3]](https://example.com)【4†source】", "So it is, they say. "},
	{"![A cat](https://example.com/cat.png) Look!", "A cat Look!"},
	{"Go to https://www.example.com/a/b?c=d#e. Or www.example.org, or (http://example.net/x)!", "Go to example.com. Or example.org, or (example.net)!"},
	{"**https://example.com/a** and `HTTPS://EXAMPLE.COM`: what? https://example.com?", "example.com and EXAMPLE.COM: what? example.com?"},
	{"ftp://example.com/file and www. and who", "ftp:example.com and www. and who"},
	{"<https://example.com/x> <mailto:me@example.com> <me@example.com>", "example.com me@example.com me@example.com"},
	{"| Day | Open |\n|:---|---:|\n| Mon | 9-5 |\n| Temp | -5 |\n\nDone", "Day, Open. Mon, 9-5. Temp, -5. Done"},
	{"> said he\n> **twice**\n\nyes", "said he twice. yes"},
	{"<b>Bold</b><br/>new <a href=\"https://example.com\">link</a> <!-- no --> x<y and 1 <2", "Bold. new link x<y and 1 <2"},
	{"Great 🎉 news 👩\u200d⚕️! 🇷🇴🇺🇸 1️⃣ One ❤️\u200d🔥Hi👋🏽there ©️ © ™ ☎️ #️⃣", "Great news ! 1 One Hi there © ™ "},
	{"🎉 Party", "Party"},
	{"```python\nprint(1)\n```\nThat was it", "print(1). That was it"},
	{"```one``` two", "one two"},
	{`\*not\* 1\. \$5 snake\_case C:\temp \\`, `*not* 1. $5 snake_case C:\temp \`},
	{"a  \nb\\\nc", "a  b c"},
	{"bad \xff bytes \xe2\x82", "bad bytes "},
	{"[" + strings.Repeat("long ", 60) + "] [x](" + strings.Repeat("y", 300) + ")", strings.Repeat("long ", 60) + "x"},
}

func filterAll(pieces ...string) string {
	var f Filter
	var out strings.Builder
	for _, p := range pieces {
		out.WriteString(f.Write(p))
	}
	out.WriteString(f.Close())
	return out.String()
}

// TestFilter also cuts each text at every byte, and into single runes.
func TestFilter(t *testing.T) {
	for _, c := range filterCases {
		if got := filterAll(c.in); got != c.want {
			t.Errorf("%q\n got %q\nwant %q", c.in, got, c.want)
		}
		for i := range len(c.in) + 1 {
			if got := filterAll(c.in[:i], c.in[i:]); got != c.want {
				t.Errorf("cut at %d: %q\n got %q\nwant %q", i, c.in, got, c.want)
				break
			}
		}
		if got := filterAll(strings.Split(c.in, "")...); got != c.want && utf8.ValidString(c.in) {
			t.Errorf("rune by rune: %q\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

// TestFilterHoldsBackOnlyOpenMarks checks that each piece returns everything before the mark that it ends in.
func TestFilterHoldsBackOnlyOpenMarks(t *testing.T) {
	var f Filter
	for _, c := range []struct{ in, out string }{
		{"Hello", "Hello"}, {" it's", " it's"}, {" 1", " 1"}, {".5", ".5"}, {" $5", " $5"}, {" snake", " snake"}, {"_", ""}, {"case", "_case"},
		{" **", " "}, {"bold", ""}, {"**", ""}, {" word", "bold word"}, {" *", " "}, {" 3", "* 3"}, {"!", "!"}, {" [", " "}, {"link", "link"},
		{"](htt", ""}, {"ps://example.com)", ""}, {" h", " "}, {"i", "hi"}, {" http", " "}, {"s://exam", "exam"}, {"ple.com/", "ple.com"}, {"path", ""},
		{" next\n", " next"}, {"- ", ""}, {"item", ". item"}, {"\xf0\x9f", ""}, {"\x8e\x89", ""}, {"?", "?"}, {" x <", " x"}, {" y", " < y"},
	} {
		if got := f.Write(c.in); got != c.out {
			t.Errorf("%q: got %q, want %q", c.in, got, c.out)
		}
	}
}

// TestTagsOfTheVoice cuts each text at every byte.
func TestTagsOfTheVoice(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"One.<flush />Two", "One.<flush />Two"},
		{"One. <FLUSH/> <flush>Two</flush >", "One. <FLUSH/> <flush>Two</flush >"},
		{"Wait<break time=\"0.5s\"/> for **it**<BREAK time='1s' />", "Wait<break time=\"0.5s\"/> for it<BREAK time='1s' />"},
		{"It is\n<spell>AB-1</spell>.\n\n<emotion value=\"happy\"/>Great", "It is <spell>AB-1</spell>.<emotion value=\"happy\"/> Great"},
		{"a <b>b</b> <i>c</i> <prosody rate=\"slow\">d</prosody> <br/>e", "a b c d . e"},
	} {
		for i := range len(c.in) + 1 {
			f := Filter{Tags: []string{"flush", "break", "spell", "Emotion"}}
			if got := f.Write(c.in[:i]) + f.Write(c.in[i:]) + f.Close(); got != c.want {
				t.Errorf("cut at %d: %q\n got %q\nwant %q", i, c.in, got, c.want)
				break
			}
		}
	}
}

func TestEmojiAloneStayForReading(t *testing.T) {
	for in, want := range map[string]string{"👍": "👍", "**👍🏽** 🎉": "👍🏽🎉", "#️⃣": "", "Hi 👍": "Hi "} {
		f := Filter{ForReading: true}
		if got := strings.TrimLeft(f.Write(in)+f.Close(), " "); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestHeldTextIsBounded(t *testing.T) {
	for _, mark := range []string{"*", "_", "`", "~", "#", "[", "<", "<a ", "<a b=", "![", "](a ", "\\", "[1", "【", "-", "=", "1", "```", "http", "|-", "\n", "é[^"} {
		var f Filter
		longest := 0
		for range 3000 {
			f.Write(mark)
			longest = max(longest, len(f.held))
			f.Write("a")
			longest = max(longest, len(f.held))
		}
		if longest > maxHeld+8 {
			t.Errorf("repeating %q: %d bytes were held back, want at most %d", mark, longest, maxHeld+8)
		}
	}
}

func TestCloseResetsTheFilter(t *testing.T) {
	var f Filter
	for range 2 {
		if got, want := f.Write("- **One\n[x](")+f.Close(), "One. x("; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// checkNoMarkup reports marks and emoji in an output.
func checkNoMarkup(t *testing.T, in, out string) {
	t.Helper()
	for _, r := range out {
		if isEmoji(r) {
			t.Errorf("%q: emoji %q in the output %q", in, r, out)
		}
	}
	if strings.ContainsAny(out, "`|[]\n\r") && !strings.Contains(in, `\`) {
		t.Errorf("%q: a mark in the output %q", in, out)
	}
	for _, mark := range []string{"**", "~~", "](", "```", "http://", "https://"} {
		if strings.Contains(out, mark) {
			t.Errorf("%q: %s in the output %q", in, mark, out)
		}
	}
}

// FuzzFilter checks that the output does not depend on how the text is cut, and holds no mark that cannot be spoken.
func FuzzFilter(f *testing.F) {
	for i, c := range filterCases {
		f.Add(c.in, []byte{byte(i), 1, 2, 0, 5})
	}
	f.Add("a [b](c \"d\" e) <x y='1'> ~~~ \n\n|-|:-:|\n * * *\n1. 2. [^1][2](3) \\", []byte{1})
	f.Add("~~~00000000000000000000000000000000000000000", []byte("0"))
	f.Add("https://www.www.example.com.:80/(a)b).', www.é http://*x*", []byte{3, 1})
	f.Fuzz(func(t *testing.T, in string, cuts []byte) {
		whole := filterAll(in)
		var pieces []string
		rest := in
		for _, c := range cuts {
			n := min(int(c), len(rest))
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		if got := filterAll(append(pieces, rest)...); got != whole {
			t.Fatalf("%q cut into %q\n  got %q\nuncut %q", in, pieces, got, whole)
		}
		if got := filterAll(splitBytes(in)...); got != whole {
			t.Fatalf("%q byte by byte\n  got %q\nuncut %q", in, got, whole)
		}
		if !utf8.ValidString(whole) {
			t.Fatalf("%q: the output is not valid UTF-8: %q", in, whole)
		}
		isAlone := !strings.ContainsFunc(whole, func(r rune) bool { return !isEmoji(r) && r != zeroWidthJoiner })
		for _, r := range whole {
			if isEmoji(r) && !isAlone || r == '`' || r == '\n' {
				t.Fatalf("%q: %q in the output %q", in, r, whole)
			}
		}
	})
}

func splitBytes(text string) (pieces []string) {
	for i := range len(text) {
		pieces = append(pieces, text[i:i+1])
	}
	return pieces
}

// FuzzFilterOfProse checks that text without marks is returned unchanged, word by word.
func FuzzFilterOfProse(f *testing.F) {
	f.Add("Hello there, it's 9:30. Shall we say $5?")
	f.Add(" a  b, 24/7 & Co. (x) 100% naïve façade")
	f.Fuzz(func(t *testing.T, in string) {
		prose := strings.Map(func(r rune) rune {
			if r == utf8.RuneError || r < ' ' || r == 0x7f || isEmoji(r) || r == zeroWidthJoiner || strings.ContainsRune("*_`~#>|<[]!\\=-+&©®™ℹ‼⁉•◦‣⁃·【", r) {
				return -1
			}
			return r
		}, in)
		if strings.Contains(strings.ToLower(prose), "www.") || strings.Contains(prose, "//") || isDigitStart(prose) {
			return
		}
		var filter Filter
		for _, word := range strings.SplitAfter(prose, " ") {
			held := strings.HasSuffix(word, "/") || strings.HasSuffix(strings.ToLower(word), "h") || strings.HasSuffix(strings.ToLower(word), "w")
			if got := filter.Write(word); got != word && filter.held == "" && !held {
				t.Fatalf("the word %q: got %q", word, got)
			}
		}
		if got := filterAll(prose); got != prose {
			t.Fatalf("got  %q\nwant %q", got, prose)
		}
	})
}

func isDigitStart(text string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(text, " "))
	return unicode.IsDigit(r)
}

// sampleAnswers holds whole answers as models write them.
var sampleAnswers = []string{
	"# Your appointment ✅\n\nHi **Dana**! Here's what I have:\n\n1. **Date:** Tuesday, Nov 24\n2. **Time:** 9:30 AM ⏰\n3. **Where:** [Harbor Dental](https://example.com/map?q=1&x=2)\n\n> Please arrive *10 minutes* early.\n\nAnything else? 😊",
	"| Plan | Price |\n|------|------:|\n| Basic | $5 |\n| Pro | `$15` |\n\n---\n\n- See ![logo](https://example.com/l.png)\n- Or visit https://example.com/pricing.\n\n```json\n{\"a\": 1}\n```\n",
	"Sure 👍🏽 — the ~~old~~ new number is __+1 (415) 555-0100__ 📞.<br>Call _anytime_ 🇺🇸!\n\n* * *\n\n### Notes\n* One\n    * Two\n* Three[^1]\n\n[^1]: https://example.com",
}

func TestFilterOfSampleAnswers(t *testing.T) {
	for _, in := range sampleAnswers {
		out := filterAll(in)
		checkNoMarkup(t, in, out)
		if strings.ContainsAny(out, "*_#~<>") {
			t.Errorf("%q: a mark in the output %q", in, out)
		}
		if strings.Contains(out, "  ") {
			t.Errorf("%q: two spaces in the output %q", in, out)
		}
	}
}

func TestFilterAllocatesNothingForProse(t *testing.T) {
	var f Filter
	f.Write("Well")
	if n := testing.AllocsPerRun(100, func() { f.Write(", this is plain: it's 9:30 and") }); n > 0 {
		t.Errorf("%v allocations for a piece of plain text, want 0", n)
	}
}

func BenchmarkFilterProse(b *testing.B) {
	var f Filter
	b.ReportAllocs()
	for b.Loop() {
		f.Write(" appointment")
	}
}

func BenchmarkFilterMarkdown(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var f Filter
		for _, p := range strings.SplitAfter(sampleAnswers[0], " ") {
			f.Write(p)
		}
		f.Close()
	}
}
