package report

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"example.com/aurora/shared/core/aurora"
)

// allowedNumbers are the numbers that a narrative may contain: the figures of the period and of the period before, the
// difference and the change in percent of each, and the period's dates and hours.
type allowedNumbers struct {
	numbers []float64
	dates   map[string]bool // MM-DD and YYYY-MM-DD
	years   map[int]bool
	days    map[int]bool // days of a month, allowed beside the month's name
	hours   map[int]bool // hours with calls
}

func newAllowedNumbers(r *aurora.Report) *allowedNumbers {
	a := &allowedNumbers{dates: map[string]bool{}, years: map[int]bool{}, days: map[int]bool{}, hours: map[int]bool{}}
	add := func(n float64) { a.numbers = append(a.numbers, math.Abs(n)) }
	for _, c := range comparisons(r) {
		add(c.now)
		add(c.before)
		add(c.now - c.before)
		if p, ok := c.percent(); ok {
			add(float64(p))
		}
	}
	for _, figures := range []aurora.Figures{r.Figures, r.Previous.Figures} {
		for _, n := range figures.EndedReasons {
			add(float64(n))
		}
		for _, t := range figures.Topics {
			add(float64(t.Calls))
		}
		for _, d := range figures.ByDay {
			add(float64(d.Calls))
			if t, err := time.Parse(time.DateOnly, d.Date); err == nil {
				a.dates[d.Date], a.dates[t.Format("01-02")] = true, true
				a.years[t.Year()], a.days[t.Day()] = true, true
			}
		}
		add(float64(figures.Cost.UnknownCalls))
	}
	for _, row := range r.ByHour {
		for hour, calls := range row {
			if calls > 0 {
				add(float64(calls))
				a.hours[hour], a.hours[hour+1] = true, true // "between 9:00 and 10:00"
			}
		}
	}
	return a
}

// filterSentences drops every sentence with a number that is not allowed, and returns how many it dropped. The remaining
// sentences stay in their paragraphs.
func (a *allowedNumbers) filterSentences(text string) (filtered string, dropped int) {
	var paragraphs []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		var allowed []string
		for _, sentence := range splitSentences(paragraph) {
			if a.allows(sentence) {
				allowed = append(allowed, sentence)
			} else {
				dropped++
			}
		}
		if len(allowed) > 0 {
			paragraphs = append(paragraphs, strings.Join(allowed, " "))
		}
	}
	return strings.Join(paragraphs, "\n\n"), dropped
}

// splitSentences splits a paragraph after each mark that ends a sentence and is followed by white space or the end.
func splitSentences(paragraph string) []string {
	var all []string
	add := func(s string) {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, s)
		}
	}
	runes := []rune(paragraph)
	start := 0
	for i, r := range runes {
		end := strings.ContainsRune(".!?…", r) && (i+1 == len(runes) || unicode.IsSpace(runes[i+1]))
		if end || strings.ContainsRune("。！？", r) {
			add(string(runes[start : i+1]))
			start = i + 1
		}
	}
	add(string(runes[start:]))
	return all
}

var (
	isoDatePattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\b\d{4}-\d{2}-\d{2}\b`)
	})
	// clockPattern matches a time of day: 9:00, 14:30, 9 am, 14h.
	clockPattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)\b([01]?\d|2[0-4])(?::([0-5]\d))?\s*(a\.?m\.?|p\.?m\.?|h\b|uhr\b)|\b([01]?\d|2[0-4]):([0-5]\d)\b`)
	})
	// monthDayPattern matches a day beside a word in Latin letters; isMonth then checks that the word is a month's name.
	monthDayPattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)\b(\d{1,2})(?:st|nd|rd|th|\.|er|º)?\s+(?:de\s+|of\s+)?(\p{L}{3,12})\b|\b(\p{L}{3,12})\.?\s+(\d{1,2})(?:st|nd|rd|th)?\b`)
	})
	numberPattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\d+(?:[.,'’\x{202F}\x{A0}]\d+)*`)
	})
	wordPattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\p{L}+`)
	})
	// spanPattern matches a usual length of time, such as 24 hours or 30 days, which is no figure of the report.
	spanPattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)\b(7|24|30|31|28|29)([ -])(days?|hours?|tage|stunden|días|jours)\b`)
	})
)

// monthPrefixes are the beginnings of the names of months in several languages.
var monthPrefixes = []string{"jan", "ene", "feb", "fév", "fev", "mar", "mär", "apr", "abr", "avr", "may", "mai", "jun", "jui", "jul", "aug", "ago", "aoû", "sep",
	"oct", "okt", "out", "nov", "dec", "dez", "dic", "déc"}

// numberWords are the English words for numbers that are checked like digits. "one" is missing on purpose: it is mostly no
// number ("one caller asked").
var numberWords = map[string]float64{"zero": 0, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
	"eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
	"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}

// vagueNumberWords are words for parts and multiples. They cannot be compared with a figure, so a sentence with one of them is
// dropped.
var vagueNumberWords = map[string]bool{"half": true, "halved": true, "third": true, "quarter": true, "double": true, "doubled": true, "triple": true, "tripled": true,
	"twice": true, "thrice": true, "dozen": true, "dozens": true, "hundred": true, "hundreds": true, "thousand": true, "thousands": true,
	"million": true, "millions": true, "quadrupled": true, "tenfold": true, "twofold": true, "threefold": true}

// allows reports whether every number in a sentence is allowed. Dates and times of day are compared with those of the
// period; everything else is compared with the figures.
func (a *allowedNumbers) allows(sentence string) bool {
	s := asciiDigits(sentence)
	ok := true
	// checkMatches removes the matches of a pattern from s. check returns applies = false for a match that is to stay.
	checkMatches := func(pattern *regexp.Regexp, check func(m []string) (applies, allowed bool)) {
		s = pattern.ReplaceAllStringFunc(s, func(found string) string {
			applies, allowed := check(pattern.FindStringSubmatch(found))
			if !applies {
				return found
			}
			ok = ok && allowed
			return " "
		})
	}
	checkMatches(isoDatePattern(), func(m []string) (bool, bool) { return true, a.dates[m[0]] })
	checkMatches(clockPattern(), func(m []string) (bool, bool) { return true, a.allowsTime(m) })
	checkMatches(monthDayPattern(), func(m []string) (bool, bool) {
		day, name := m[1]+m[4], strings.ToLower(m[2]+m[3])
		n, _ := strconv.Atoi(day)
		return isMonth(name), a.days[n]
	})
	checkMatches(spanPattern(), func([]string) (bool, bool) { return true, true })
	for _, found := range numberPattern().FindAllString(s, -1) {
		ok = ok && a.allowsNumber(found)
	}
	for _, w := range wordPattern().FindAllString(strings.ToLower(s), -1) {
		if n, isNumber := numberWords[w]; isNumber {
			ok = ok && a.contains(n, 0)
		}
		ok = ok && !vagueNumberWords[w]
	}
	return ok
}

// asciiDigits replaces the decimal digits of every script by 0 to 9, so that numbers in other scripts are checked too.
func asciiDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII || !unicode.Is(unicode.Nd, r) {
			return r
		}
		zero := r
		for unicode.Is(unicode.Nd, zero-1) && r-zero < 9 {
			zero--
		}
		return '0' + (r - zero)
	}, s)
}

func isMonth(name string) bool {
	for _, m := range monthPrefixes {
		if strings.HasPrefix(name, m) {
			return true
		}
	}
	return false
}

// allowsTime reports whether there were calls in the hour of a time of day. m is a match of clockPattern.
func (a *allowedNumbers) allowsTime(m []string) bool {
	hour, _ := strconv.Atoi(m[1] + m[4])
	switch half := strings.ToLower(m[3]); {
	case strings.HasPrefix(half, "p") && hour < 12:
		hour += 12
	case strings.HasPrefix(half, "a") && hour == 12:
		hour = 0
	}
	return a.hours[hour] || hour == 24 && a.hours[0]
}

// allowsNumber reports whether a number as it is written is allowed. A mark between digits may be a decimal point or separate
// thousands, and both readings are tried. A figure is rounded to the decimals that are written before it is compared.
func (a *allowedNumbers) allowsNumber(written string) bool {
	if n, err := strconv.Atoi(written); err == nil && a.years[n] {
		return true
	}
	marks := strings.FieldsFunc(written, func(r rune) bool { return r >= '0' && r <= '9' })
	parts := strings.FieldsFunc(written, func(r rune) bool { return r < '0' || r > '9' })
	thousands := len(parts) > 1
	for _, p := range parts[1:] {
		thousands = thousands && len(p) == 3
	}
	if len(parts) == 1 || thousands && allEqual(marks) {
		n, err := strconv.ParseFloat(strings.Join(parts, ""), 64)
		if err == nil && a.contains(n, 0) {
			return true
		}
	}
	if len(parts) == 1 {
		return false
	}
	last := len(parts) - 1
	if mark := marks[last-1]; mark != "." && mark != "," {
		return false
	}
	n, err := strconv.ParseFloat(strings.Join(parts[:last], "")+"."+parts[last], 64)
	return err == nil && a.contains(n, len(parts[last]))
}

func allEqual(marks []string) bool {
	for _, m := range marks {
		if m != marks[0] {
			return false
		}
	}
	return true
}

// contains reports whether a figure, rounded to this many decimals, equals n.
func (a *allowedNumbers) contains(n float64, decimals int) bool {
	scale := math.Pow10(min(decimals, 6))
	for _, figure := range a.numbers {
		if math.Abs(math.Round(figure*scale)/scale-n) < 1e-9 {
			return true
		}
	}
	return false
}
