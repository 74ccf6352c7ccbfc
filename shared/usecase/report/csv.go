package report

import (
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

// CSV writes calls as report.csv: a row a call, in UTF-8 with a byte order mark, which Excel needs, and CRLF at the end
// of each row. Its cells are safe to open in a spreadsheet. Use NewCSV.
type CSV struct {
	w    io.Writer
	zone *time.Location
	row  []byte
	err  error
}

const (
	csvBufferBytes = 64 << 10
	maxCellBytes   = 32_000 // bytes; Excel has 32,767 characters
	csvTimeLayout  = "2006-01-02 15:04:05"
)

// NewCSV begins a table with its header. Times are told by the zone's clock; a nil zone is UTC.
func NewCSV(w io.Writer, zone *time.Location) *CSV {
	if zone == nil {
		zone = time.UTC
	}
	c := &CSV{w: w, zone: zone, row: make([]byte, 0, csvBufferBytes+8<<10)}
	c.row = append(c.row, "\ufeff"...)
	for i, name := range []string{"Call", "Started", "Ended", "Time zone", "Seconds", "Direction", "Result", "Outcome", "Sentiment",
		"Number", "Name", "Cost (USD)", "Ended reason", "Transferred", "Topics", "Action items", "Summary", "Success",
		"Recording", "Extracted"} {
		if i > 0 {
			c.row = append(c.row, ',')
		}
		c.row = append(c.row, name...)
	}
	c.row = append(c.row, "\r\n"...)
	return c
}

// Write adds a call. An error is the underlying writer's, and stays.
func (c *CSV) Write(call aurora.Call) error {
	b := c.row
	id := call.ID
	if id == "" {
		id = call.CallID
	}
	b = append(appendCell(b, id), ',')
	b = append(c.appendTime(b, call.StartedAt), ',')
	b = append(c.appendTime(b, call.EndedAt), ',')
	b = append(appendCell(b, c.zone.String()), ',')
	b = append(appendNumber(b, call.Seconds), ',')
	b = append(appendCell(b, string(call.Direction)), ',')
	b = append(appendCell(b, string(call.Disposition)), ',')
	b = append(appendCell(b, string(call.Outcome)), ',')
	b = append(appendCell(b, string(call.Sentiment)), ',')
	b = append(appendCell(b, string(call.Customer)), ',')
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
	c.row = append(b, "\r\n"...)
	if len(c.row) >= csvBufferBytes {
		return c.Flush()
	}
	return c.err
}

// Flush writes what is not written yet.
func (c *CSV) Flush() error {
	if c.err == nil && len(c.row) > 0 {
		if _, err := c.w.Write(c.row); err != nil {
			c.err = fmt.Errorf("write the table of calls: %w", err)
		}
	}
	c.row = c.row[:0]
	return c.err
}

func (c *CSV) appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return t.In(c.zone).AppendFormat(b, csvTimeLayout)
}

// appendNumber is a number as spreadsheets in English read it. What is no number is left out.
func appendNumber(b []byte, f *float64) []byte {
	if f == nil || math.IsNaN(*f) || math.IsInf(*f, 0) {
		return b
	}
	return strconv.AppendFloat(b, *f, 'f', -1, 64)
}

// What a byte of a cell asks for, beside being copied.
const (
	plainByte = iota
	oddByte   // it is not ASCII, or it is a control character: look closer
	quoteByte // the cell must stand in quotes
)

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

// appendCell adds texts as one cell, "; " between them. Where a spreadsheet would begin to calculate, there is an apostrophe:
// before = + - @ and their full-width forms, at the beginning and after a semicolon, be there white space or quotes
// between; and before what began with a tab or a line break. Control characters go, line breaks become spaces.
func appendCell(b []byte, texts ...string) []byte {
	start := len(b)
	if len(texts) == 1 && isPlainCell(texts[0]) {
		return append(b, texts[0]...)
	}
	quoted, fresh := false, true // fresh: a cell could begin here
	for i, s := range texts {
		if s == "" {
			continue
		}
		if len(b) > start {
			b, quoted, fresh = append(b, "; "...), true, true
		} else if i == 0 && (s[0] == '\t' || s[0] == '\r' || s[0] == '\n') {
			b, fresh = append(b, '\''), false
		}
		for i := 0; i < len(s) && len(b)-start < maxCellBytes; {
			if c := s[i]; !fresh && byteClasses[c] == plainByte {
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
				b, quoted = append(b, '"'), true // doubled
			case r == ';' || r == ',':
				quoted = true
			}
			if fresh && startsFormula(r) {
				b = append(b, '\'')
			}
			fresh = r == ';' || fresh && (r == ' ' || r == '"' || r == '\'')
			b = utf8.AppendRune(b, r)
		}
	}
	if !quoted {
		return b
	}
	b = append(b, 0, '"')
	copy(b[start+1:], b[start:len(b)-2])
	b[start] = '"'
	b[len(b)-1] = '"'
	return b
}

// isPlainCell reports whether a text is a cell as it is: most are.
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

// startsFormula reports whether a spreadsheet reads what begins so as a formula.
func startsFormula(r rune) bool {
	switch r {
	case '=', '+', '-', '@', '＝', '＋', '－', '＠', '−', '﹢', '﹣', '﹦', '﹫':
		return true
	}
	return false
}
