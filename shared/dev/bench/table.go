package bench

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// formatFigure formats a number with three significant digits.
func formatFigure(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1000:
		return formatCount(int(math.Round(v)))
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// formatCount formats an integer with spaces between thousands.
func formatCount(n int) string {
	s := strconv.Itoa(n)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

// renderMarkdown returns a run as Markdown tables that are also readable as plain text.
func renderMarkdown(r Results) string {
	var b strings.Builder
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) }
	line("Run of %s on %s, %d cores, %s, %s; it took %.0f s.", r.At.Format("2 January 2006"), r.Machine.CPU, r.Machine.Cores, r.Machine.OS, r.Machine.Go, r.Seconds)
	for _, m := range r.Missing {
		line("\n**Missing:** %s", m)
	}
	line("")
	t := table{{"target", "wanted", "found", ""}}
	for _, x := range r.Targets {
		t = append(t, []string{x.What, x.Wanted, x.Found, map[bool]string{true: "reached", false: "not reached"}[x.Reached]})
	}
	t.writeTo(&b)

	line("\nA turn of %d tokens from a model that says its first at once and one more every %d ms; medians, milliseconds. \"Added\" is what comes on top of asking the model itself.\n", Tokens, Pace.Milliseconds())
	t = table{{"way", "at once", "first word", "added", "p99", "end", "added", "p99", "CPU a turn", "a 1,000 tokens"}}
	for _, x := range r.Turns {
		t = append(t, []string{x.Way, strconv.Itoa(x.AtOnce), formatFigure(x.First), formatFigure(x.AddedFirst), formatFigure(x.FirstP99), formatFigure(x.End), formatFigure(x.AddedEnd), formatFigure(x.EndP99), formatFigure(x.CPU), formatFigure(x.CPU * 1000 / Tokens)})
	}
	t.writeTo(&b)

	writeFirstWords(&b, r.FirstWords)

	line("\nThe webhook and a call's placing, on the local stack with all that it does meanwhile. Of an outbound call %s ms are the telephone provider's; the rest is ours and the local stores'.\n", formatFigure(r.Outbound.OutsideMs))
	t = table{{"request", "bytes", "at once", "a second", "p50 ms", "p99 ms", "CPU ms", "MB"}}
	for _, x := range append(append([]Load{}, r.Webhook...), r.Outbound) {
		t = append(t, []string{x.What, formatCount(x.Bytes), strconv.Itoa(x.AtOnce), formatFigure(x.PerSecond), formatFigure(x.P50), formatFigure(x.P99), formatFigure(x.CPU), formatFigure(float64(x.ResidentKB) / 1024)})
	}
	t.writeTo(&b)

	line("\nReports, and the loop.\n")
	t = table{{"what", "figures"}}
	for _, x := range r.Reports {
		words := fmt.Sprintf("%s s CPU, %s MB at the peak", strconv.FormatFloat(x.CPUSeconds, 'g', 3, 64), formatFigure(x.PeakMB))
		if x.Growth > 0 {
			words += fmt.Sprintf("; time grew %s times as fast as the calls", formatFigure(x.Growth))
		}
		t = append(t, []string{"report of " + formatCount(x.Calls) + " calls", words})
	}
	for _, x := range r.Micro {
		words := fmt.Sprintf("%s ns, %s B and %s allocations each", formatFigure(x.Values["ns/op"]), formatFigure(x.Values["B/op"]), formatFigure(x.Values["allocs/op"]))
		if v := x.Values["turns/s"]; v > 0 {
			words = fmt.Sprintf("%s turns a second; %s", formatFigure(v), words)
		}
		t = append(t, []string{map[string]string{"StreamToken": "a streamed token, from the model's chunk to the pipe", "TurnWithThreeTools": "a turn of the loop with three tools"}[x.Name], words})
	}
	t.writeTo(&b)
	writeFunctions(&b, r)
	writeMillion(&b, r.Million)
	return b.String()
}

// writeFirstWords writes how long callers wait.
func writeFirstWords(b *strings.Builder, all []FirstWords) {
	_, _ = fmt.Fprintf(b, "\nA phone call: milliseconds from the end of the caller's words to the first words of the answer, with the same model as above. A voice server posts the caller's words and reads the first words from the stream. Twilio's ConversationRelay sends them on its WebSocket, and gets the first words as a message of a clause or 40 characters. Neither has the network, the recognition of speech or the voice in it.\n\n")
	t := table{{"way", "callers at once", "p50", "p95"}}
	for _, x := range all {
		t = append(t, []string{x.Way, strconv.Itoa(x.AtOnce), formatFigure(x.P50), formatFigure(x.P95)})
	}
	t.writeTo(b)
}

// writeFunctions writes the tables with a row for each function.
func writeFunctions(b *strings.Builder, r Results) {
	_, _ = fmt.Fprintf(b, "\nCold starts: time from the start of the process to its first request for an event, and to its first answer; medians in milliseconds. Before it asks, a process opens connections, here without TLS: \"opens\" is part of \"asks\", and not of \"× bare\".\n\n")
	t := table{{"function", "asks", "opens", "× bare", "answers", "binary MB", "zipped MB", "resident MB"}}
	for _, x := range r.Cold {
		t = append(t, []string{x.Function, formatFigure(x.NextMs), formatFigure(x.OpensMs), formatFigure(x.Ratio), formatFigure(x.AnswerMs), formatFigure(float64(x.BinaryKB) / 1024), formatFigure(float64(x.ZippedKB) / 1024), formatFigure(float64(x.ResidentKB) / 1024)})
	}
	t.writeTo(b)
	_, _ = fmt.Fprintf(b, "\nThe same cold starts with every connection over TLS: milliseconds as above, and of the processor until the function asks, and from there to its first answer. Lambda runs the first part with a whole processor, and the second with the share of the template's size: the last column is what the second part becomes there.\n\n")
	t = table{{"function", "asks", "opens", "answers", "CPU until it asks", "CPU of the first call", "template MB", "the call's CPU there"}}
	for _, x := range r.SecureCold {
		t = append(t, []string{x.Function, formatFigure(x.NextMs), formatFigure(x.OpensMs), formatFigure(x.AnswerMs), formatFigure(x.InitCPU), formatFigure(x.CallCPU), strconv.Itoa(x.Memory), formatFigure(wallTime(x.CallCPU, x.Memory))})
	}
	t.writeTo(b)
	_, _ = fmt.Fprintf(b, "\nDollars a million, at AWS's prices of %s in %s (shared/dev/bench/prices.go), arm64. CPU is measured here; waiting is computed from the requests to stores, model and telephone provider. "+
		"REST adds $%.2f and its authorizer. The last columns are what CPU becomes at a size, and for chat what of it comes before the first word.\n\n", PricesRead, Region, perREST*1e6)
	t = table{{"function", "CPU ms", "waits ms", "MB at the peak", "template MB", "Lambda $", "stores, logs $", "cheapest MB", "Lambda $"}}
	for _, m := range memorySizes {
		t[0] = append(t[0], fmt.Sprintf("at %d", m))
	}
	for _, x := range r.Costs {
		row := []string{x.Function, formatFigure(x.CPU), formatFigure(x.Wait), formatFigure(x.PeakMB), strconv.Itoa(x.Memory), formatFigure(x.Lambda), formatFigure(x.Stores), strconv.Itoa(x.Cheapest), formatFigure(x.CheapestLambda)}
		for i, busy := range x.Busy {
			words := formatFigure(busy)
			if i < len(x.First) {
				words += " / " + formatFigure(x.First[i])
			}
			row = append(row, words)
		}
		t = append(t, row)
	}
	t.writeTo(b)
	for _, x := range r.Costs {
		if x.SizeReason != "" {
			_, _ = fmt.Fprintf(b, "\n%s has %d MB: %s.\n", x.Function, x.Memory, x.SizeReason)
		}
	}
}

// writeMillion writes the estimate for a million calls a day.
func writeMillion(b *strings.Builder, m Million) {
	_, _ = fmt.Fprintf(b, "\n**A million calls a day, estimated.** %s.\n\n", strings.Join(m.Assumed, "; "))
	t := table{{"limit", "needed at the peak", "there is", "room", "because"}}
	for _, x := range m.Limits {
		t = append(t, []string{x.What, formatFigure(x.Need), formatFigure(x.Limit), formatFigure(x.Headroom) + "×", x.Arithmetic})
	}
	t.writeTo(b)
	if len(m.Limits) > 0 {
		_, _ = fmt.Fprintf(b, "\nThe first limit: %s.\n\n", m.Limits[0].What)
	}
	t = table{{"a day", "dollars", "because"}}
	for _, x := range m.Bill {
		t = append(t, []string{x.What, formatFigure(x.Dollars), x.Arithmetic})
	}
	append(t, []string{"together", formatFigure(m.Dollars), fmt.Sprintf("$%.6f a call", m.Dollars/dailyCalls)}).writeTo(b)
}

// table is a list of rows. The first row is the header.
type table [][]string

func (t table) writeTo(b *strings.Builder) {
	widths := make([]int, len(t[0]))
	for _, row := range t {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for n, row := range t {
		for i, cell := range row {
			_, _ = fmt.Fprintf(b, "| %s%s ", cell, strings.Repeat(" ", widths[i]-len([]rune(cell))))
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, w := range widths {
				_, _ = fmt.Fprintf(b, "| %s ", strings.Repeat("-", max(3, w)))
			}
			b.WriteString("|\n")
		}
	}
}

// The marks around the tables of the last run.
const (
	markStart = "<!-- the last run of make bench -->\n"
	markEnd   = "<!-- end of it -->"
)

// benchmarksPage is the document that shows the tables of the last run. README.md had them before.
const benchmarksPage = "shared/docs/benchmarks.md"

// pageWithMarks returns the path of the document to write: page, or benchmarksPage if page is the README, which links to
// it. It returns "" for "". The document is read before a run of minutes, so that a wrong path fails at once.
func pageWithMarks(root, page string) (string, error) {
	if page == "" {
		return "", nil
	}
	if filepath.Clean(page) == "README.md" {
		page = filepath.Join(root, filepath.FromSlash(benchmarksPage))
	}
	_, _, err := splitAtMarks(page)
	return page, err
}

// splitAtMarks reads a document and returns the text before and after the tables of the last run.
func splitAtMarks(path string) (before, after string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", "", err
	}
	before, rest, found := strings.Cut(string(text), markStart)
	_, after, ended := strings.Cut(rest, markEnd)
	if !found || !ended {
		return "", "", fmt.Errorf("%s has no place for the tables: want a line %q and later %q", path, strings.TrimSpace(markStart), markEnd)
	}
	return before, after, nil
}

// replaceMarked replaces the tables of the last run in a document.
func replaceMarked(path, text string) error {
	before, after, err := splitAtMarks(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(before+markStart+text+markEnd+after), 0o644)
}
