package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/text"
)

// CSV writes report.csv, one row for each call. The file is UTF-8 with a byte order mark, which Excel needs, and its rows end
// with CRLF. No cell can run a formula in a spreadsheet. Create it with NewCSV.
type CSV struct {
	w      io.Writer
	zone   *time.Location
	buffer []byte // rows that are not written yet
	err    error  // the first error of w
}

const (
	csvBufferBytes = 64 << 10
	maxCellBytes   = 32_000 // Excel allows 32,767 characters
	csvTimeLayout  = "2006-01-02 15:04:05"
)

// NewCSV begins a file with its header. Times are written in the zone; a nil zone is UTC.
func NewCSV(w io.Writer, zone *time.Location) *CSV {
	if zone == nil {
		zone = time.UTC
	}
	c := &CSV{w: w, zone: zone, buffer: make([]byte, 0, csvBufferBytes+8<<10)}
	c.buffer = append(c.buffer, "\ufeff"...)
	for i, name := range []string{"Call", "Started", "Ended", "Time zone", "Seconds", "Direction", "Result", "Outcome", "Sentiment",
		"Number", "Name", "Cost (USD)", "Ended reason", "Transferred", "Topics", "Action items", "Summary", "Success",
		"Recording", "Extracted"} {
		if i > 0 {
			c.buffer = append(c.buffer, ',')
		}
		c.buffer = append(c.buffer, name...)
	}
	c.buffer = append(c.buffer, "\r\n"...)
	return c
}

// Write adds the row of a call. After an error of the underlying writer it returns that error for every further call.
func (c *CSV) Write(call aurora.Call) error {
	b := c.buffer
	b = append(appendCell(b, cmp.Or(call.ID, call.CallID)), ',')
	b = append(c.appendTime(b, call.StartedAt), ',')
	b = append(c.appendTime(b, call.EndedAt), ',')
	b = append(appendCell(b, c.zone.String()), ',')
	b = append(appendNumber(b, call.Seconds), ',')
	b = append(appendCell(b, string(call.Direction)), ',')
	b = append(appendCell(b, string(call.Disposition)), ',')
	b = append(appendCell(b, string(call.Outcome)), ',')
	b = append(appendCell(b, string(call.Sentiment)), ',')
	if call.IsWithheld() {
		b = append(b, "withheld,"...)
	} else {
		b = append(appendCell(b, string(call.Customer)), ',')
	}
	b = append(appendCell(b, call.CustomerName), ',')
	b = append(appendNumber(b, call.Cost), ',')
	b = append(appendCell(b, call.EndedReason), ',')
	if call.Transferred {
		b = append(b, "yes"...)
	}
	b = append(b, ',')
	b = append(appendCell(b, call.Topics...), ',')
	b = append(appendCell(b, call.ActionItems...), ',')
	b = append(appendCell(b, call.Summary), ',')
	b = append(appendCell(b, call.Success), ',')
	b = append(appendCell(b, call.Recording), ',')
	b = appendCell(b, string(call.Extracted))
	c.buffer = append(b, "\r\n"...)
	if len(c.buffer) >= csvBufferBytes {
		return c.Flush()
	}
	return c.err
}

// Flush writes the rows that are not written yet.
func (c *CSV) Flush() error {
	if c.err == nil && len(c.buffer) > 0 {
		if _, err := c.w.Write(c.buffer); err != nil {
			c.err = fmt.Errorf("write the table of calls: %w", err)
		}
	}
	c.buffer = c.buffer[:0]
	return c.err
}

func (c *CSV) appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return t.In(c.zone).AppendFormat(b, csvTimeLayout)
}

// appendNumber adds a number with a decimal point. An unknown number and one that is not finite become an empty cell.
func appendNumber(b []byte, f *float64) []byte {
	if f == nil || math.IsNaN(*f) || math.IsInf(*f, 0) {
		return b
	}
	return strconv.AppendFloat(b, *f, 'f', -1, 64)
}

// Classes of bytes in a cell.
const (
	plainByte = iota // copied as it is
	oddByte          // not ASCII, or a control character: the whole character must be looked at
	quoteByte        // the cell needs quotes
)

// byteClasses gives each byte its class, so that runs of plain bytes are copied at once.
var byteClasses = func() (table [256]uint8) {
	for i := range table {
		switch {
		case i < 0x20 || i >= 0x7f:
			table[i] = oddByte
		case i == '"' || i == ',' || i == ';':
			table[i] = quoteByte
		}
	}
	return table
}()

// appendCell adds texts as one cell, with "; " between them. Control characters are removed and line breaks become spaces.
//
// An apostrophe keeps a spreadsheet from calculating. It is written before = + - @ and their full-width forms at the
// beginning of the cell and after a semicolon, also if white space or quotes come between, and at the beginning of a cell
// that began with a tab or a line break.
func appendCell(b []byte, texts ...string) []byte {
	start := len(b)
	if len(texts) == 1 && isPlainCell(texts[0]) {
		return append(b, texts[0]...)
	}
	needsQuotes, atStart := false, true // atStart: a spreadsheet could begin a formula here
	for i, s := range texts {
		if s == "" {
			continue
		}
		if len(b) > start {
			b, needsQuotes, atStart = append(b, "; "...), true, true
		} else if i == 0 && (s[0] == '\t' || s[0] == '\r' || s[0] == '\n') {
			b, atStart = append(b, '\''), false
		}
		for i := 0; i < len(s) && len(b)-start < maxCellBytes; {
			if c := s[i]; !atStart && byteClasses[c] == plainByte {
				n := i + 1
				for n < len(s) && n-i < maxCellBytes && byteClasses[s[n]] == plainByte {
					n++
				}
				b = append(b, s[i:n]...)
				i = n
				continue
			}
			r, size := utf8.DecodeRuneInString(s[i:])
			i += size
			switch {
			case unicode.IsSpace(r):
				r = ' '
			case text.IsHidden(r):
				continue
			case r == '"':
				b, needsQuotes = append(b, '"'), true // doubled
			case r == ';' || r == ',':
				needsQuotes = true
			}
			if atStart && startsFormula(r) {
				b = append(b, '\'')
			}
			atStart = r == ';' || atStart && (r == ' ' || r == '"' || r == '\'')
			b = utf8.AppendRune(b, r)
		}
	}
	if !needsQuotes {
		return b
	}
	b = append(b, 0, '"')
	copy(b[start+1:], b[start:len(b)-2])
	b[start] = '"'
	b[len(b)-1] = '"'
	return b
}

// isPlainCell reports whether a text can be written as it is. Most can.
func isPlainCell(s string) bool {
	if s == "" {
		return true
	}
	if c := s[0]; c == '=' || c == '+' || c == '-' || c == '@' || c == ' ' || c == '\'' || len(s) > maxCellBytes {
		return false
	}
	for i := range len(s) {
		if byteClasses[s[i]] != plainByte {
			return false
		}
	}
	return true
}

// startsFormula reports whether a spreadsheet takes a cell that begins with r as a formula.
func startsFormula(r rune) bool {
	switch r {
	case '=', '+', '-', '@', '＝', '＋', '－', '＠', '−', '﹢', '﹣', '﹦', '﹫':
		return true
	}
	return false
}
