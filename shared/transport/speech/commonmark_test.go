package speech

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// goldmarkText returns the text of a paragraph as goldmark reads it, or false if it is more than one paragraph.
func goldmarkText(source string) (string, bool) {
	root := goldmark.New().Parser().Parse(text.NewReader([]byte(source)))
	if root.ChildCount() != 1 || root.FirstChild().Kind() != ast.KindParagraph {
		return "", false
	}
	var out strings.Builder
	err := ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if leaf, ok := n.(*ast.Text); ok && entering {
			out.Write(leaf.Segment.Value([]byte(source)))
		}
		return ast.WalkContinue, nil
	})
	return out.String(), err == nil
}

// TestEmphasisIsWhatCommonMarkSays compares random paragraphs of words, punctuation and marks with goldmark, whole and cut
// into pieces.
func TestEmphasisIsWhatCommonMarkSays(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	parts := []string{"*", "**", "***", "_", "__", "*", "**", " ", " ", " ", "ab", "c", "é", "67", "5", ".", ",", "(", ")", "$", "日本"}
	compared := 0
	for range 60_000 {
		var b strings.Builder
		b.WriteString("So ") // the first word does not wait for the end of its emphasis
		for range 1 + random.IntN(12) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		in := strings.TrimRight(b.String(), " ")
		want, ok := goldmarkText(in)
		if !ok || hasProduct(in) {
			continue
		}
		compared++
		if got := Text(in); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
			t.Fatalf("%q\n     got %q\ngoldmark %q", in, got, want)
		}
		cut := random.IntN(len(in))
		var f Filter
		if got, whole := f.Write(in[:cut])+f.Write(in[cut:])+f.Close(), Text(in); got != whole {
			t.Fatalf("%q cut at %d\n  got %q\nwhole %q", in, cut, got, whole)
		}
	}
	if compared < 20_000 {
		t.Errorf("only %d texts were compared, want at least 20,000", compared)
	}
}

// hasProduct reports whether a text has a star between letters or digits, or two between digits. CommonMark calls some of
// these emphasis; here they are spoken.
func hasProduct(in string) bool {
	for i := 0; i < len(in); i++ {
		if in[i] != '*' {
			continue
		}
		n := runLength(in[i:], '*')
		if i > 0 && i+n < len(in) && isASCIIWord(rune(in[i-1])) && isASCIIWord(rune(in[i+n])) &&
			(n == 1 || isDigit(rune(in[i-1])) && isDigit(rune(in[i+n]))) {
			return true
		}
		i += n - 1
	}
	return false
}
